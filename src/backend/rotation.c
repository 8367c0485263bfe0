// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include "backend/rotation.h"
#include "base/check.h"

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
    while (b) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

uint64_t backend_weights_reduce(uint32_t *out, const uint32_t *weights, uint32_t num)
{
    uint32_t divisor = 0;
    uint64_t total = 0;
    for (uint32_t i = 0; i < num; i++)
        divisor = common_divisor(weights[i], divisor);
    for (uint32_t i = 0; i < num; i++) {
        out[i] = divisor ? weights[i] / divisor : 0;
        total += out[i];
    }
    return total;
}

static void *alloc(size_t num, size_t len)
{
    void *out = calloc(num, len);
    if (!out)
        check_out_of_memory(num * len);
    return out;
}

// Where a server stands while the order is made: how often it was placed, and where first.
struct turn {
    uint32_t index;
    uint32_t weight;
    uint32_t placed;
    uint32_t first;
    uint64_t due;   // the place at which it is due again: its turns are total/weight apart, counted from its first one
    uint32_t early; // its weight less the part of a place, in 1/weight, by which that is before the exact time
    uint32_t since; // the place it was given last
};

static bool is_before(const struct turn *a, const struct turn *b)
{
    if (a->due != b->due)
        return a->due < b->due;
    return a->early != b->early ? a->early > b->early : a->since < b->since;
}

static int heavier_first(const void *left, const void *right)
{
    const struct turn *a = left, *b = right;
    return is_before(a, b) ? -1 : is_before(b, a);
}

// Lets the turn at `at` of a heap sink to where it belongs.
static void sink(struct turn **heap, uint32_t num, uint32_t at)
{
    struct turn *turn = heap[at];
    for (uint32_t child; (child = at * 2 + 1) < num; at = child) {
        if (child + 1 < num && is_before(heap[child + 1], heap[child]))
            child++;
        if (!is_before(heap[child], turn))
            break;
        heap[at] = heap[child];
    }
    heap[at] = turn;
}

static void rise(struct turn **heap, uint32_t at)
{
    struct turn *turn = heap[at];
    for (; at && is_before(turn, heap[(at - 1) / 2]); at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = turn;
}

// At each place: of the servers that are due the one that was due first; of two, the one whose weight exceeds what is
// left of its time by more; of two of these, the one that has waited longer. Nobody due, the heaviest that had no turn
// yet; else whoever is due next. Equal weights give the order of the file. HAProxy's manual promises the proportions
// alone; the sequence itself was observed there (3:1:2 gives 131213, 3:3:5 gives 31323132132) and is kept, so that a
// fleet that mixes both sees no difference. `turns` are in the order of their first turn, `heap` has room for
// all.
static void order_fill(uint16_t *order, uint32_t total, struct turn *turns, struct turn **heap, uint32_t num)
{
    uint32_t num_placed = 0;
    for (uint32_t place = 0; place < total; place++) {
        bool fresh = num_placed < num && (num_placed == 0 || heap[0]->due > place);
        if (fresh) {
            heap[num_placed] = &turns[num_placed];
            heap[num_placed++]->first = place;
        }
        struct turn *turn = fresh ? heap[num_placed - 1] : heap[0];
        order[place] = (uint16_t)turn->index;
        turn->placed++;
        uint64_t time = (uint64_t)turn->placed * total;
        turn->due = turn->first + time / turn->weight;
        turn->early = turn->weight - (uint32_t)(time % turn->weight);
        turn->since = place;
        if (fresh)
            rise(heap, num_placed - 1);
        else
            sink(heap, num_placed, 0);
    }
}

uint16_t *backend_rotation_new(const uint32_t *weights, uint32_t num, uint32_t total)
{
    if (!total)
        return NULL;
    uint16_t *order = alloc(total, sizeof(*order));
    struct turn *turns = alloc(num, sizeof(*turns));
    struct turn **heap = alloc(num, sizeof(struct turn *));
    uint32_t num_turns = 0;
    for (uint32_t i = 0; i < num; i++)
        if (weights[i])
            turns[num_turns++] = (struct turn){ .index = i, .weight = weights[i], .early = weights[i], .since = i };
    qsort(turns, num_turns, sizeof(*turns), heavier_first);
    order_fill(order, total, turns, heap, num_turns);
    free(heap);
    free(turns);
    return order;
}
