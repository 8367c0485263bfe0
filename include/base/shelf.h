// SPDX-License-Identifier: Apache-2.0
// A shelf keeps unused objects of one length for whoever wants one next, the one used last first. What nobody wanted
// for a while keeps its place but not its memory: its pages go back to the system, so that a rush costs memory only
// while it lasts. Each belongs to one pool of one process and one thread. It never allocates in traffic but for an
// object that is wanted and not there.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/check.h"

struct shelf {
    void **items;    // the one used last is at the end
    size_t item_len; // bytes
    uint32_t num;
    uint32_t max;
    uint32_t least; // that there were since shelf_rest
    uint32_t bare; // so many, from the first on, have no memory: they read as zeros, but for parts of pages at the ends
};

// shelf_init makes room for `max` objects of `item_len` bytes. At boot: exits where there is no memory.
void shelf_init(struct shelf *shelf, size_t item_len, uint32_t max);

// shelf_fini frees the objects on it.
void shelf_fini(struct shelf *shelf);

// shelf_new allocates an object, with pages of its own where it is longer than one; NULL where memory is exhausted. It
// is freed with free().
void *shelf_new(const struct shelf *shelf);

// shelf_take gives the object put there last, or NULL where there is none. It is what it was then, or it is zeros,
// whole pages at a time.
static inline void *shelf_take(struct shelf *shelf)
{
    if (UNLIKELY(!shelf->num))
        return NULL;
    uint32_t num = --shelf->num;
    if (num < shelf->least) {
        shelf->least = num;
        shelf->bare = num < shelf->bare ? num : shelf->bare;
    }
    return shelf->items[num];
}

// shelf_put takes `item`, which shelf_new made. False where the shelf is full: it is still the caller's.
static inline bool shelf_put(struct shelf *shelf, void *item)
{
    if (UNLIKELY(shelf->num >= shelf->max))
        return false;
    shelf->items[shelf->num++] = item;
    return true;
}

// shelf_rest gives the pages of objects that were not wanted since it was called last back to the system, a bounded
// number each time. A few stay as they are, for traffic that comes now and then.
void shelf_rest(struct shelf *shelf);
