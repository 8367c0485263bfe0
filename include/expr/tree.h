// SPDX-License-Identifier: Apache-2.0
// A radix tree over bytes: finds all keys that begin a subject (or end it) on one way down. Nodes that would have one
// child are folded into a label; the children of the others stand in one array, counted by a bitmap. Each node that
// ends a key has a spot. Private to this area.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/slice.h"
#include "expr/entry.h"

struct expr_tree_node;

struct expr_tree {
    struct expr_tree_node *root; // NULL: empty
    uint32_t num;                // of keys
    uint32_t max_len;            // of the longest key there was
    bool nocase;
    bool backward; // keys and subjects are read from their last byte on
    bool ends;     // expr_tree_fini_some has begun: `root` is what it goes on with
};

// expr_tree_init makes `tree` empty.
void expr_tree_init(struct expr_tree *tree, bool nocase, bool backward);

// expr_tree_fini_some frees at most `*budget` nodes, which it counts down, with `fini` (may be NULL) called for each
// spot, and says whether all are gone. Before that nothing else may be asked of the tree.
bool expr_tree_fini_some(struct expr_tree *tree, void (*fini)(expr_spot spot), uint32_t *budget);

// expr_tree_spot gives the spot of `key`, made (0) where it is not there; the caller fills it at once. It holds until
// the next change.
expr_spot *expr_tree_spot(struct expr_tree *tree, struct slice key);

// expr_tree_find gives the spot of `key`, or NULL.
expr_spot *expr_tree_find(const struct expr_tree *tree, struct slice key);

// expr_tree_remove removes `key`, whose spot was emptied.
void expr_tree_remove(struct expr_tree *tree, struct slice key);

// expr_tree_longest gives the spot of the longest key that begins (backward: ends) `subject`; 0 for none.
expr_spot expr_tree_longest(const struct expr_tree *tree, struct slice subject);

// expr_tree_first gives, of the entries whose keys begin (backward: end) `subject`, the first; NULL where there is
// none.
const struct expr_entry *expr_tree_first(const struct expr_tree *tree, struct slice subject);

// expr_tree_pick is expr_tree_longest for spots that hold more than one thing: `pick` gives what holds of a spot where
// `next` is the byte of the subject behind its key (-1 at the end), 0 for nothing. The last it gave counts. Neither
// nocase nor backward.
expr_spot expr_tree_pick(const struct expr_tree *tree, struct slice subject,
                         expr_spot (*pick)(expr_spot spot, int next));
