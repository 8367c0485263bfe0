// SPDX-License-Identifier: Apache-2.0
// The map of `hash-type map-based`. Its order was observed, place by place, with HAProxy 2.6, whose manual says only
// that it is smooth: at each place every server earns its weight, one of them takes the place and pays the sum of all
// weights. It is the first in the file whose credit has reached that sum; where there is none, the first whose credit
// is not negative. (3:1:2 gives 113123.)
//
// Asking every server at every place takes too long for thousands of heavy ones. So who may take a place stands in one
// of two heaps, by index, and who will be able to later waits for that place. A server waits for one place at a time:
// the one at which it becomes due if it takes none before is also the one at which it is free again if it does.
#include <stdlib.h>
#include "backend/rotation.h"
#include "base/check.h"

enum { NONE = UINT32_MAX };

struct heap {
    uint32_t *items;
    uint32_t num;
};

static void heap_add(struct heap *heap, uint32_t item)
{
    uint32_t at = heap->num++;
    for (; at && item < heap->items[(at - 1) / 2]; at = (at - 1) / 2)
        heap->items[at] = heap->items[(at - 1) / 2];
    heap->items[at] = item;
}

static uint32_t heap_take(struct heap *heap)
{
    uint32_t first = heap->items[0], last = heap->items[--heap->num], at = 0;
    for (uint32_t child; (child = at * 2 + 1) < heap->num; at = child) {
        if (child + 1 < heap->num && heap->items[child + 1] < heap->items[child])
            child++;
        if (last <= heap->items[child])
            break;
        heap->items[at] = heap->items[child];
    }
    heap->items[at] = last;
    return first;
}

struct filling {
    const uint32_t *weights;
    uint32_t total;
    uint32_t *taken; // by index: places so far
    bool *is_free;   // by index: it stands in `free`
    uint32_t *next;  // by index: the next one that waits for the same place
    uint32_t *first; // by place: who waits for it
    struct heap due;
    struct heap free;
};

// The place at which what `index` earned makes up for `num` places.
static uint64_t place_of(const struct filling *filling, uint32_t index, uint32_t num)
{
    uint64_t needs = (uint64_t)filling->total * num;
    uint32_t weight = filling->weights[index];
    return needs ? (needs + weight - 1) / weight - 1 : 0;
}

static void wait_for(struct filling *filling, uint32_t index, uint64_t place)
{
    if (place >= filling->total)
        return;
    filling->next[index] = filling->first[place];
    filling->first[place] = index;
}

// Where `index` stands from `place` on.
static void settle(struct filling *filling, uint32_t index, uint64_t place)
{
    uint64_t free = place_of(filling, index, filling->taken[index]);
    uint64_t due = place_of(filling, index, filling->taken[index] + 1);
    if (due <= place) {
        heap_add(&filling->due, index);
        return;
    }
    if (free <= place && !filling->is_free[index]) {
        filling->is_free[index] = true;
        heap_add(&filling->free, index);
    }
    wait_for(filling, index, free <= place ? due : free);
}

static uint32_t take(struct filling *filling, uint32_t place)
{
    bool is_due = filling->due.num > 0;
    uint32_t index = heap_take(is_due ? &filling->due : &filling->free);
    filling->taken[index]++;
    if (is_due)
        settle(filling, index, (uint64_t)place + 1);
    else
        filling->is_free[index] = false;
    return index;
}

static void fill(uint16_t *map, struct filling *filling)
{
    for (uint32_t place = 0; place < filling->total; place++) {
        for (uint32_t index = filling->first[place], next; index != NONE; index = next) {
            next = filling->next[index];
            settle(filling, index, place);
        }
        map[place] = (uint16_t)take(filling, place);
    }
}

static void *alloc(size_t num, size_t len)
{
    void *out = calloc(num, len);
    if (!out)
        check_out_of_memory(num * len);
    return out;
}

uint16_t *backend_map_new(const uint32_t *weights, uint32_t num, uint32_t total)
{
    if (!total)
        return NULL;
    struct filling filling = { .weights = weights, .total = total };
    uint16_t *map = alloc(total, sizeof(*map));
    filling.taken = alloc(num, sizeof(*filling.taken));
    filling.is_free = alloc(num, sizeof(*filling.is_free));
    filling.next = alloc(num, sizeof(*filling.next));
    filling.first = alloc(total, sizeof(*filling.first));
    filling.due.items = alloc(num, sizeof(uint32_t));
    filling.free.items = alloc(num, sizeof(uint32_t));
    for (uint32_t place = 0; place < total; place++)
        filling.first[place] = NONE;
    for (uint32_t i = 0; i < num; i++)
        if (weights[i])
            settle(&filling, i, 0);
    fill(map, &filling);
    free(filling.taken);
    free(filling.is_free);
    free(filling.next);
    free(filling.first);
    free(filling.due.items);
    free(filling.free.items);
    return map;
}
