// SPDX-License-Identifier: Apache-2.0
// Entries of lists and pattern sets, and spots, the places in an index where the entries of one pattern meet. Private
// to this area. An entry is a heap block of its own that its list (or pattern set) owns; indexes only point at it.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/slice.h"

struct expr_entry {
    struct expr_entry *next; // in the order of the file
    struct expr_entry *prev;
    uint64_t order; // greater than that of all entries before it
    char *value;    // NUL-terminated heap block of its own, or NULL where there is none
    uint32_t value_len;
    uint32_t key_len;
    uint32_t line; // of its file, 0 for what was added at run time
    char key[];    // NUL-terminated
};

// expr_entry_key lends its key.
static inline struct slice expr_entry_key(const struct expr_entry *entry)
{
    return slice_of(entry->key, entry->key_len);
}

// expr_entry_value lends its value, "" where there is none.
static inline struct slice expr_entry_value(const struct expr_entry *entry)
{
    return entry->value ? slice_of(entry->value, entry->value_len) : slice_of("", 0);
}

// expr_entry_new makes an entry, not yet linked, with copies of both.
struct expr_entry *expr_entry_new(struct slice key, struct slice value, uint64_t order, uint32_t line);

// expr_entry_set_value gives it another value.
void expr_entry_set_value(struct expr_entry *entry, struct slice value);

// expr_entry_free frees an entry that nothing points at any more.
void expr_entry_free(struct expr_entry *entry);

// A spot is 0 (nobody), an entry, or, marked by its lowest bit, a heap block with several entries in their order. The
// second lowest bit is free for the owner of a special kind of spot.
typedef uintptr_t expr_spot;

enum { EXPR_SPOT_MANY = 1, EXPR_SPOT_OWN = 2 };

struct expr_spot_many {
    uint32_t num;
    uint32_t cap;
    struct expr_entry *entries[];
};

// expr_spot_many gives the block of a spot with several entries, NULL for others.
static inline struct expr_spot_many *expr_spot_many(expr_spot spot)
{
    return spot & EXPR_SPOT_MANY ? (struct expr_spot_many *)(spot & ~(expr_spot)EXPR_SPOT_MANY) : NULL;
}

// expr_spot_first gives the first entry of a spot that is not empty.
static inline struct expr_entry *expr_spot_first(expr_spot spot)
{
    const struct expr_spot_many *many = expr_spot_many(spot);
    return many ? many->entries[0] : (struct expr_entry *)spot;
}

// expr_spot_num gives how many entries meet there.
static inline uint32_t expr_spot_num(expr_spot spot)
{
    const struct expr_spot_many *many = expr_spot_many(spot);
    return many ? many->num : spot != 0;
}

// expr_spot_at gives entry number `i` of them.
static inline struct expr_entry *expr_spot_at(expr_spot spot, uint32_t i)
{
    const struct expr_spot_many *many = expr_spot_many(spot);
    return many ? many->entries[i] : (struct expr_entry *)spot;
}

// expr_spot_add adds `entry`, whose order is greater than that of those there.
void expr_spot_add(expr_spot *spot, struct expr_entry *entry);

// expr_spot_del takes `entry` out, which is there.
void expr_spot_del(expr_spot *spot, const struct expr_entry *entry);

// expr_spot_fini frees what the spot has, not its entries.
void expr_spot_fini(expr_spot spot);

// expr_memory gives `len` bytes at `old` (NULL: new ones), as realloc does. Never NULL: a process that has no memory
// for a change of a list ends, for one that went on without it would decide differently from all others.
void *expr_memory(void *old, size_t len);

// expr_text_new gives a copy of `text` with a terminator, to be freed with free().
char *expr_text_new(struct slice text);

// expr_memory_zeroed gives `num` times `len` bytes, all zero, likewise. The kernel gives large blocks page by page.
void *expr_memory_zeroed(size_t num, size_t len);
