// SPDX-License-Identifier: Apache-2.0
// A hash set of strings, each with the entries that have it as their key. Private to this area. Keys may come from
// traffic: the hash is keyed by a number that is drawn at random when the process (or the one it was forked from)
// started.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/slice.h"
#include "expr/entry.h"

struct expr_set_slot {
    uint32_t hash;
    uint32_t len;
    const char *ptr; // the key; of the first entry, or, where the set owns its keys, a heap block
    expr_spot spot;  // 0: free
};

struct expr_set {
    struct expr_set_slot *slots; // a power of two of them, at most two thirds full
    uint32_t num_slots;
    uint32_t num; // of different keys
    uint32_t min_len;
    uint32_t max_len; // no key was ever shorter or longer
    bool nocase;
    bool owns_keys; // they are not the entries' own: copies
};

// expr_set_init makes `set` empty. `owns_keys`: the keys given to expr_set_add are not those of the entries.
void expr_set_init(struct expr_set *set, bool nocase, bool owns_keys);

// expr_set_fini_some frees at most `*budget` parts of what the set has, not its entries, which it counts down, and says
// whether all is gone. Before that nothing else may be asked of the set.
bool expr_set_fini_some(struct expr_set *set, uint32_t *budget);

// expr_set_reserve makes room for as many keys as `like` has: growing later is work for all that are there.
void expr_set_reserve(struct expr_set *set, const struct expr_set *like);

// expr_set_add adds `entry` under `key`, which is its own unless the set owns its keys.
void expr_set_add(struct expr_set *set, struct slice key, struct expr_entry *entry);

// expr_set_del takes `entry` out, which is there under `key`.
void expr_set_del(struct expr_set *set, struct slice key, const struct expr_entry *entry);

// expr_set_find gives the entries of `key`, 0 for none.
expr_spot expr_set_find(const struct expr_set *set, struct slice key);
