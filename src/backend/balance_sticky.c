// SPDX-License-Identifier: Apache-2.0
// One server for all, as long as it is up. Which one that is stands on the board, by its object number, so that all
// workers and all generations stay with the same.
#include "backend/balance.h"

// Who follows: the one that has been up for longest. At a start that is the first of the file.
static struct server *successor(const struct backend_question *question)
{
    struct server *best = NULL;
    uint64_t best_us = 0;
    for (uint32_t i = 0; i < question->plan->num; i++) {
        struct server *server = question->backend->servers[question->plan->members[i]];
        uint64_t changed_us = atomic_load_explicit(&server->state->changed_us, memory_order_relaxed);
        if (server == question->ask->avoid || (best && changed_us >= best_us))
            continue;
        best = server;
        best_us = changed_us;
    }
    return best;
}

static struct server *holder(const struct backend_question *question, uint64_t object)
{
    for (uint32_t i = 0; i < question->plan->num; i++) {
        struct server *server = question->backend->servers[question->plan->members[i]];
        if (server->conf->object == object && server != question->ask->avoid)
            return server;
    }
    return NULL;
}

enum { MAX_RACES = 8 };

struct server *backend_pick_sticky(const struct backend_question *question)
{
    _Atomic uint64_t *gauge = &question->backend->gauges[PROXY_GAUGE_ROTATION];
    uint64_t object = atomic_load_explicit(gauge, memory_order_relaxed);
    struct server *server = holder(question, object);
    for (int i = 0; !server && i < MAX_RACES; i++) {
        struct server *next = successor(question);
        if (atomic_compare_exchange_strong(gauge, &object, next->conf->object))
            return next;
        server = holder(question, object);
    }
    return server ? server : successor(question);
}
