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

static uint32_t weight_of(const struct server_conf *server, bool backup)
{
    return server->backup == backup ? server->weight : 0;
}

// Where a server stands while the order is made: how often it was placed, and where first.
struct turn {
    uint32_t index;
    uint32_t weight;
    uint32_t placed;
    uint32_t first;
    uint64_t due; // the place at which it is due again: its turns are total/weight apart, counted from its first one
};

static bool is_before(const struct turn *a, const struct turn *b)
{
    if (a->due != b->due)
        return a->due < b->due;
    return a->weight != b->weight ? a->weight > b->weight : a->index < b->index;
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

// At each place: of the servers that are due the one that was due first, the heavier of two; nobody due, the heaviest
// that had no turn yet; else whoever is due next. Equal weights give the order of the file. This is the order HAProxy's
// manual promises only in its proportions; the sequence itself was observed there (3:1:2 gives 131213) and is kept, so
// that a fleet that mixes both sees no difference. `turns` are in the order of their first turn, `heap` has room for
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
        turn->due = turn->first + (uint64_t)turn->placed * total / turn->weight;
        if (fresh)
            rise(heap, num_placed - 1);
        else
            sink(heap, num_placed, 0);
    }
}

uint16_t *backend_rotation_new(uint32_t *len, const struct backend_conf *conf, bool backup)
{
    uint32_t divisor = 0;
    uint32_t total = 0;
    for (const struct server_conf *server = conf->servers; server; server = server->next)
        divisor = common_divisor(weight_of(server, backup), divisor);
    for (const struct server_conf *server = conf->servers; divisor && server; server = server->next)
        total += weight_of(server, backup) / divisor;
    *len = total;
    if (!total)
        return NULL;
    uint16_t *order = calloc(total, sizeof(*order));
    struct turn *turns = calloc(conf->num_servers, sizeof(*turns));
    struct turn **heap = calloc(conf->num_servers, sizeof(struct turn *));
    if (!order || !turns || !heap)
        check_out_of_memory(total * sizeof(*order));
    uint32_t num = 0;
    for (const struct server_conf *server = conf->servers; server; server = server->next)
        if (weight_of(server, backup))
            turns[num++] = (struct turn){ .index = server->index, .weight = weight_of(server, backup) / divisor };
    qsort(turns, num, sizeof(*turns), heavier_first);
    order_fill(order, total, turns, heap, num);
    free(heap);
    free(turns);
    return order;
}
