// SPDX-License-Identifier: Apache-2.0
// A set of strings that answers, in one pass over a subject, whether one of them is the subject, begins it or ends it.
// It hashes byte by byte, so that the hash of each prefix (or suffix) falls out on the way, and looks up those lengths
// that some member has. Private to this area; members live in the arena.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/slice.h"

struct expr_set_entry {
    uint32_t hash;
    uint32_t len;
    const char *ptr; // NULL: free
};

struct expr_set {
    struct arena *arena;
    struct expr_set_entry *entries; // a power of two of them, at most half full
    uint32_t num_entries;
    uint32_t num;
    uint32_t *lens; // the lengths that members have, ascending
    uint32_t num_lens;
    uint32_t max_lens;
    bool nocase;
    bool backward; // suffixes: hashed from the last byte on
};

// expr_set_init makes `set` empty.
void expr_set_init(struct expr_set *set, struct arena *arena, bool nocase, bool backward);

// expr_set_add adds a copy of `str`; false where it is there already.
bool expr_set_add(struct expr_set *set, struct slice str);

// expr_set_has says whether `str` is a member.
bool expr_set_has(const struct expr_set *set, struct slice str);

// expr_set_has_part says whether a member begins `str` (ends it, for a backward set).
bool expr_set_has_part(const struct expr_set *set, struct slice str);
