// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <sys/random.h>
#include "base/check.h"
#include "base/fold.h"
#include "expr/set.h"

enum { SET_START = 16 };

static uint64_t set_seed(void)
{
    static uint64_t seed;
    if (UNLIKELY(!seed)) {
        if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
            seed = (uintptr_t)&seed; // early at boot: where we were loaded is random too
        seed |= 1;
    }
    return seed;
}

static inline uint64_t mix(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint32_t hash_of(struct slice key, bool nocase)
{
    const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t hash = mix(set_seed() ^ key.len, odd);
    const char *ptr = key.ptr;
    size_t left = key.len;
    for (; left >= 8; ptr += 8, left -= 8) {
        uint64_t word = fold_load(ptr);
        hash = mix(hash ^ (nocase ? fold_word(word) : word), odd);
    }
    if (left) {
        uint64_t word = fold_load_few(ptr, left);
        hash = mix(hash ^ (nocase ? fold_word(word) : word), odd);
    }
    return (uint32_t)(hash ^ hash >> 32);
}

static inline uint32_t slot_find(const struct expr_set *set, struct slice key, uint32_t hash)
{
    uint32_t at = hash & (set->num_slots - 1);
    for (;; at = (at + 1) & (set->num_slots - 1)) {
        const struct expr_set_slot *slot = &set->slots[at];
        if (!slot->spot ||
            (slot->hash == hash && slot->len == key.len && fold_same(slot->ptr, key.ptr, key.len, set->nocase)))
            return at;
    }
}

void expr_set_init(struct expr_set *set, bool nocase, bool owns_keys)
{
    *set = (struct expr_set){ .nocase = nocase, .owns_keys = owns_keys, .min_len = UINT32_MAX };
}

bool expr_set_fini_some(struct expr_set *set, uint32_t *budget)
{
    // Slots stand side by side: eight of them cost no more than one block elsewhere, unless each has a block of its
    // own.
    for (; set->num_slots && *budget; --*budget) {
        uint32_t num = set->owns_keys ? 1 : set->num_slots % 8 ? set->num_slots % 8 : 8;
        for (; num; num--) {
            struct expr_set_slot *slot = &set->slots[--set->num_slots];
            expr_spot_fini(slot->spot);
            if (set->owns_keys)
                free((char *)slot->ptr);
        }
    }
    if (set->num_slots)
        return false;
    free(set->slots);
    set->slots = NULL;
    return true;
}

static void resize(struct expr_set *set, uint32_t num_slots)
{
    struct expr_set_slot *old = set->slots;
    uint32_t num_old = set->num_slots;
    set->num_slots = num_slots;
    set->slots = expr_memory_zeroed(set->num_slots, sizeof(*set->slots));
    for (uint32_t i = 0; i < num_old; i++) {
        if (!old[i].spot)
            continue;
        uint32_t at = old[i].hash & (set->num_slots - 1);
        while (set->slots[at].spot)
            at = (at + 1) & (set->num_slots - 1);
        set->slots[at] = old[i];
    }
    free(old);
}

void expr_set_reserve(struct expr_set *set, const struct expr_set *like)
{
    if (like->num > SET_START && like->num_slots > set->num_slots)
        resize(set, like->num_slots);
}

void expr_set_add(struct expr_set *set, struct slice key, struct expr_entry *entry)
{
    must(key.len < UINT32_MAX && set->num < UINT32_MAX / 4);
    if ((uint64_t)set->num * 3 >= (uint64_t)set->num_slots * 2)
        resize(set, set->num_slots ? set->num_slots * 2 : SET_START);
    uint32_t hash = hash_of(key, set->nocase);
    struct expr_set_slot *slot = &set->slots[slot_find(set, key, hash)];
    if (!slot->spot) {
        const char *ptr = key.ptr;
        if (set->owns_keys) {
            char *copy = expr_memory(NULL, key.len ? key.len : 1);
            if (key.len)
                memcpy(copy, key.ptr, key.len);
            ptr = copy;
        }
        *slot = (struct expr_set_slot){ .hash = hash, .len = (uint32_t)key.len, .ptr = ptr };
        set->num++;
        set->min_len = slot->len < set->min_len ? slot->len : set->min_len;
        set->max_len = slot->len > set->max_len ? slot->len : set->max_len;
    }
    expr_spot_add(&slot->spot, entry);
}

// Those behind an emptied slot move up, unless they stand where their hash wants them or before.
static void slot_empty(struct expr_set *set, uint32_t at)
{
    uint32_t mask = set->num_slots - 1;
    for (uint32_t next = (at + 1) & mask; set->slots[next].spot; next = (next + 1) & mask) {
        uint32_t home = set->slots[next].hash & mask;
        if (((next - home) & mask) >= ((next - at) & mask)) {
            set->slots[at] = set->slots[next];
            at = next;
        }
    }
    set->slots[at] = (struct expr_set_slot){ 0 };
}

void expr_set_del(struct expr_set *set, struct slice key, const struct expr_entry *entry)
{
    uint32_t at = slot_find(set, key, hash_of(key, set->nocase));
    struct expr_set_slot *slot = &set->slots[at];
    must(slot->spot);
    expr_spot_del(&slot->spot, entry);
    if (slot->spot) {
        if (!set->owns_keys)
            slot->ptr = expr_spot_first(slot->spot)->key;
        return;
    }
    if (set->owns_keys)
        free((char *)slot->ptr);
    set->num--;
    slot_empty(set, at);
}

expr_spot expr_set_find(const struct expr_set *set, struct slice key)
{
    if (set->num == 0 || key.len < set->min_len || key.len > set->max_len)
        return 0;
    return set->slots[slot_find(set, key, hash_of(key, set->nocase))].spot;
}
