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
    uint32_t weight;
    uint32_t placed;
    uint32_t first;
};

// The place at which a server is due again: its turns are total/weight apart, counted from its first one.
static uint32_t due(const struct turn *turn, uint32_t total)
{
    return turn->first + (uint32_t)((uint64_t)turn->placed * total / turn->weight);
}

// At each place: of the servers that are due the one that was due first, the heavier of two; nobody due, the heaviest
// that had no turn yet; else whoever is due next. Equal weights give the order of the file. This is the order HAProxy's
// manual promises only in its proportions; the sequence itself was observed there (3:1:2 gives 131213) and is kept, so
// that a fleet that mixes both sees no difference.
static uint32_t choose(const struct turn *turns, uint32_t num, uint32_t total, uint32_t place)
{
    uint32_t due_at = UINT32_MAX, fresh = UINT32_MAX;
    for (uint32_t i = 0; i < num; i++) {
        const struct turn *turn = &turns[i];
        if (!turn->weight)
            continue;
        if (!turn->placed) {
            if (fresh == UINT32_MAX || turn->weight > turns[fresh].weight)
                fresh = i;
            continue;
        }
        uint32_t when = due(turn, total);
        uint32_t best = due_at == UINT32_MAX ? UINT32_MAX : due(&turns[due_at], total);
        if (when < best || (when == best && turn->weight > turns[due_at].weight))
            due_at = i;
    }
    if (due_at != UINT32_MAX && (fresh == UINT32_MAX || due(&turns[due_at], total) <= place))
        return due_at;
    return fresh;
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
    if (!order || !turns)
        check_out_of_memory(total * sizeof(*order));
    for (const struct server_conf *server = conf->servers; server; server = server->next)
        turns[server->index].weight = weight_of(server, backup) / divisor;
    for (uint32_t place = 0; place < total; place++) {
        uint32_t at = choose(turns, conf->num_servers, total, place);
        if (!turns[at].placed++)
            turns[at].first = place;
        order[place] = (uint16_t)at;
    }
    free(turns);
    return order;
}
