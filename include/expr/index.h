// SPDX-License-Identifier: Apache-2.0
// An index finds, by one method of matching, the entry that a sample matches: the longest for prefixes and networks,
// else the first in the order of the entries. It owns what it built, never the entries. Private to this area.
// Changing one takes memory and ends the process where there is none; finding takes none.
#pragma once

#include "expr/entry.h"
#include "expr/pattern.h"

struct expr_index;

// expr_index_new makes an empty index.
struct expr_index *expr_index_new(enum expr_match match, bool nocase);

// expr_index_reserve makes room for as many entries as `like`, of the same method, has.
void expr_index_reserve(struct expr_index *index, const struct expr_index *like);

// expr_index_free frees it; NULL is nothing.
void expr_index_free(struct expr_index *index);

// expr_index_free_some does that in steps of at most `*budget` parts, which it counts down, and says whether it is
// done: then `index` is gone. Between the steps nothing else may be asked of it.
bool expr_index_free_some(struct expr_index *index, uint32_t *budget);

// expr_index_add adds `entry` by its key, whose order is greater than that of those there. NULL, or what is wrong with
// the key (until the next call).
const char *expr_index_add(struct expr_index *index, struct expr_entry *entry);

// expr_index_del takes `entry` out, which is there.
void expr_index_del(struct expr_index *index, const struct expr_entry *entry);

// expr_index_num gives how many different patterns there are.
uint32_t expr_index_num(const struct expr_index *index);

// expr_index_find gives the entry that `sample` matches, or NULL. `*groups` (may be NULL) for REG.
const struct expr_entry *expr_index_find(const struct expr_index *index, const struct expr_sample *sample,
                                         struct expr_groups *groups);

// expr_pattern_range reads a number as `match` writes it, or a range as "3:9", ":9" or "3:"; NULL, or what is wrong.
const char *expr_pattern_range(enum expr_match match, int64_t *min, int64_t *max, struct slice text);
