// SPDX-License-Identifier: Apache-2.0
// Turns by weight. The position is one for all workers, on the board; each looks up for itself whose place that is.
#include <stdlib.h>
#include "backend/balance.h"
#include "backend/rotation.h"

// The largest quotient of the continued fraction of `stride` by `total`: visits to a stretch are the less even the
// larger it is. 0 where some places would never be visited.
static uint64_t unevenness(uint64_t stride, uint64_t total)
{
    uint64_t largest = 1;
    while (total) {
        uint64_t quotient = stride / total, rest = stride % total;
        largest = quotient > largest ? quotient : largest;
        stride = total;
        total = rest;
    }
    return stride == 1 ? largest : 0;
}

enum { STRIDES_TRIED = 256 };

// Near the golden section, all of whose quotients are 1; at its end the fraction is as it comes.
static uint64_t stride_for(uint64_t total)
{
    uint64_t section = (uint64_t)((double)total * 0.6180339887498949), best = section, least = 0;
    for (uint64_t stride = section; stride < total && (!least || stride < section + STRIDES_TRIED); stride++) {
        uint64_t largest = unevenness(stride, total);
        if (largest && (!least || largest < least)) {
            least = largest;
            best = stride;
        }
    }
    return best;
}

// An order of millions of places would take a moment to write out whenever a weight changes, in every worker. So each
// server gets a stretch of places as long as its weight, and all places are visited in strides that come back to each
// stretch at intervals about as even as those of an order.
static void plan_stretches(struct backend_plan *plan, const uint32_t *weights)
{
    uint64_t end = 0;
    plan->ends = malloc(plan->num * sizeof(*plan->ends));
    if (!plan->ends)
        check_out_of_memory(plan->num * sizeof(*plan->ends));
    for (uint32_t i = 0; i < plan->num; i++)
        plan->ends[i] = end += weights[plan->members[i]];
    plan->num_places = end;
    plan->stride = stride_for(end);
}

static uint32_t *reduced(uint64_t *total, const struct backend_plan *plan, uint32_t num_servers)
{
    uint32_t *weights = malloc((num_servers + 1) * sizeof(*weights));
    if (!weights)
        check_out_of_memory(num_servers * sizeof(*weights));
    *total = backend_weights_reduce(weights, plan->weights, num_servers);
    return weights;
}

void backend_plan_order(struct backend_plan *plan, uint32_t num_servers)
{
    uint64_t total;
    uint32_t *weights = reduced(&total, plan, num_servers);
    plan->num_places = total;
    if (total > BACKEND_ROTATION_MAX)
        plan_stretches(plan, weights);
    else
        plan->order = backend_rotation_new(weights, num_servers, (uint32_t)total);
    free(weights);
}

// Weights of the configuration are at most 256, servers fewer than 65536: the sum fits into 32 bits.
void backend_plan_map(struct backend_plan *plan, uint32_t num_servers)
{
    uint64_t total;
    uint32_t *weights = reduced(&total, plan, num_servers);
    plan->num_places = total;
    plan->order = backend_map_new(weights, num_servers, (uint32_t)total);
    free(weights);
}

uint32_t backend_plan_at(const struct backend_plan *plan, uint64_t place)
{
    place %= plan->num_places;
    if (LIKELY(plan->order != NULL))
        return plan->order[place];
    if (plan->ring)
        return plan->ring[place].server;
    uint64_t point = place * plan->stride % plan->num_places;
    uint32_t low = 0, high = plan->num - 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (plan->ends[middle] > point)
            high = middle;
        else
            low = middle + 1;
    }
    return plan->members[low];
}

// A few turns find somebody with room unless nearly all are full; then each server is looked at once.
enum { MAX_TURNS = 64 };

struct server *backend_pick_from(const struct backend_question *question, uint64_t place)
{
    const struct backend_plan *plan = question->plan;
    struct server *first_full = NULL;
    for (uint32_t i = 0; i < plan->num; i++) {
        struct server *server = question->backend->servers[plan->members[(place + i) % plan->num]];
        if (server == question->ask->avoid)
            continue;
        if (backend_has_room(server))
            return server;
        first_full = first_full ? first_full : server;
    }
    *question->full = true;
    return first_full;
}

// A place is taken even by a server that is full: the others keep their order.
struct server *backend_pick_rotation(const struct backend_question *question)
{
    struct backend *backend = question->backend;
    uint64_t place = 0;
    // With one server there are no turns to keep.
    if (question->plan->num == 1 && backend_has_room(backend->servers[question->plan->members[0]]))
        return backend->servers[question->plan->members[0]];
    for (uint32_t turns = 0; turns < MAX_TURNS && turns < question->plan->num_places; turns++) {
        place = atomic_fetch_add_explicit(&backend->gauges[PROXY_GAUGE_ROTATION], 1, memory_order_relaxed);
        struct server *server = backend->servers[backend_plan_at(question->plan, place)];
        if (server != question->ask->avoid && backend_has_room(server))
            return server;
    }
    return backend_pick_from(question, place);
}
