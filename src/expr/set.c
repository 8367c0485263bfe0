// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"
#include "expr/set.h"

enum { SET_START = 16 };

// FNV-1a: weak against chosen keys, but members come from the configuration alone, and it grows byte by byte.
static inline uint32_t hash_step(uint32_t hash, char c)
{
    return (hash ^ (uint8_t)c) * 16777619u;
}

// Multiplication carries upward only: what the low bits should know of the high ones is folded in for the index.
static inline uint32_t hash_index(const struct expr_set *set, uint32_t hash)
{
    return (hash ^ hash >> 15) & (set->num_entries - 1);
}

static const uint32_t hash_seed = 2166136261u;

static inline char byte_at(const struct expr_set *set, struct slice str, size_t i)
{
    char c = set->backward ? str.ptr[str.len - 1 - i] : str.ptr[i];
    return set->nocase ? slice_lower(c) : c;
}

static uint32_t hash_whole(const struct expr_set *set, struct slice str)
{
    uint32_t hash = hash_seed;
    for (size_t i = 0; i < str.len; i++)
        hash = hash_step(hash, byte_at(set, str, i));
    return hash;
}

static bool same(const struct expr_set *set, const struct expr_set_entry *entry, struct slice str)
{
    struct slice member = slice_of(entry->ptr, entry->len);
    return set->nocase ? slice_equal_nocase(member, str) : slice_equal(member, str);
}

static struct expr_set_entry *find(const struct expr_set *set, struct slice str, uint32_t hash)
{
    uint32_t at = hash_index(set, hash);
    for (;;) {
        struct expr_set_entry *entry = &set->entries[at];
        if (!entry->ptr || (entry->hash == hash && entry->len == str.len && same(set, entry, str)))
            return entry;
        at = (at + 1) & (set->num_entries - 1);
    }
}

void expr_set_init(struct expr_set *set, struct arena *arena, bool nocase, bool backward)
{
    *set = (struct expr_set){ .arena = arena, .nocase = nocase, .backward = backward };
}

static void grow(struct expr_set *set)
{
    struct expr_set_entry *old = set->entries;
    uint32_t num_old = set->num_entries;
    set->num_entries = num_old ? num_old * 2 : SET_START;
    set->entries = arena_alloc(set->arena, set->num_entries * sizeof(*set->entries));
    for (uint32_t i = 0; i < num_old; i++)
        if (old[i].ptr)
            *find(set, slice_of(old[i].ptr, old[i].len), old[i].hash) = old[i];
}

static void add_len(struct expr_set *set, uint32_t len)
{
    uint32_t at = 0;
    while (at < set->num_lens && set->lens[at] < len)
        at++;
    if (at < set->num_lens && set->lens[at] == len)
        return;
    if (set->num_lens == set->max_lens) {
        set->max_lens = set->max_lens ? set->max_lens * 2 : 8;
        uint32_t *lens = arena_alloc(set->arena, set->max_lens * sizeof(*lens));
        if (set->num_lens)
            memcpy(lens, set->lens, set->num_lens * sizeof(*lens));
        set->lens = lens;
    }
    memmove(&set->lens[at + 1], &set->lens[at], (set->num_lens - at) * sizeof(*set->lens));
    set->lens[at] = len;
    set->num_lens++;
}

bool expr_set_add(struct expr_set *set, struct slice str)
{
    must(str.len < UINT32_MAX && set->num < UINT32_MAX / 4);
    if (set->num * 2 >= set->num_entries)
        grow(set);
    uint32_t hash = hash_whole(set, str);
    struct expr_set_entry *entry = find(set, str, hash);
    if (entry->ptr)
        return false;
    *entry = (struct expr_set_entry){ .hash = hash,
                                      .len = (uint32_t)str.len,
                                      .ptr = arena_copy(set->arena, str.len ? str.ptr : "", str.len) };
    add_len(set, (uint32_t)str.len);
    set->num++;
    return true;
}

bool expr_set_has(const struct expr_set *set, struct slice str)
{
    if (set->num == 0 || str.len < set->lens[0] || str.len > set->lens[set->num_lens - 1])
        return false;
    return find(set, str, hash_whole(set, str))->ptr != NULL;
}

bool expr_set_has_part(const struct expr_set *set, struct slice str)
{
    uint32_t hash = hash_seed;
    size_t i = 0;
    for (uint32_t l = 0; l < set->num_lens && set->lens[l] <= str.len; l++) {
        size_t len = set->lens[l];
        for (; i < len; i++)
            hash = hash_step(hash, byte_at(set, str, i));
        struct slice part = slice_of(set->backward ? str.ptr + str.len - len : str.ptr, len);
        if (find(set, part, hash)->ptr)
            return true;
    }
    return false;
}
