// SPDX-License-Identifier: Apache-2.0
// Choices by a hash of the request. Which server a hash leads to was observed with HAProxy 2.6, for maps and for rings,
// and is part of the configuration's language: fleets mix both.
#include <stdlib.h>
#include <string.h>
#include "backend/balance.h"
#include "base/hash.h"

// ---- the ring -----------------------------------------------------------------------------------------------------

enum { PLACES_PER_ID = 4096, DIGIT_BITS = 11, NUM_DIGITS = 3 }; // a weight of 256 takes all places of an id

static uint32_t node_key(const struct server_conf *server, uint32_t place)
{
    const struct transport_address *addr = &server->addr;
    size_t len = addr->family == AF_INET ? 4 : addr->family == AF_INET6 ? 16 : 0;
    if (server->hash_key == PROXY_HASH_KEY_ID || !len)
        return hash_avalanche(server->id * PLACES_PER_ID + place);
    uint32_t key = hash_crc32(0, slice_of((const char *)addr->ip, len));
    if (server->hash_key == PROXY_HASH_KEY_ADDR_PORT) {
        const char port[] = { (char)(addr->port >> 8), (char)addr->port };
        key = hash_crc32(key, slice_of(port, sizeof(port)));
    }
    return hash_avalanche(key ^ hash_avalanche(place));
}

// By key, of equal keys the server that stands first in the file: stable, one pass for each digit.
static void sort_nodes(struct backend_node *nodes, struct backend_node *room, uint32_t num)
{
    for (uint32_t digit = 0; digit < NUM_DIGITS; digit++) {
        uint32_t starts[1 << DIGIT_BITS] = { 0 }, shift = digit * DIGIT_BITS, sum = 0;
        for (uint32_t i = 0; i < num; i++)
            starts[nodes[i].key >> shift & ((1 << DIGIT_BITS) - 1)]++;
        for (uint32_t i = 0; i < 1 << DIGIT_BITS; i++) {
            uint32_t count = starts[i];
            starts[i] = sum;
            sum += count;
        }
        for (uint32_t i = 0; i < num; i++)
            room[starts[nodes[i].key >> shift & ((1 << DIGIT_BITS) - 1)]++] = nodes[i];
        memcpy(nodes, room, num * sizeof(*nodes));
    }
}

static struct backend_node *nodes_new(uint64_t num)
{
    struct backend_node *nodes = malloc((num ? num : 1) * sizeof(*nodes));
    if (!nodes)
        check_out_of_memory(num * sizeof(*nodes));
    return nodes;
}

// The nodes of all servers whose weight is another than the ring's, sorted.
static struct backend_node *fresh_nodes(uint32_t *num, const struct backend_plan *plan, const struct backend *backend)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < backend->num_servers; i++)
        sum += plan->weights[i] != plan->ring_weights[i] ? plan->weights[i] : 0;
    struct backend_node *nodes = nodes_new(sum), *room = nodes_new(sum);
    *num = 0;
    for (uint32_t i = 0; i < backend->num_servers; i++)
        for (uint32_t place = 0; plan->weights[i] != plan->ring_weights[i] && place < plan->weights[i]; place++)
            nodes[(*num)++] = (struct backend_node){ node_key(backend->servers[i]->conf, place), i };
    sort_nodes(nodes, room, *num);
    free(room);
    return nodes;
}

static bool is_node_before(const struct backend_node *a, const struct backend_node *b)
{
    return a->key != b->key ? a->key < b->key : a->server < b->server;
}

// Into `out`, in order: the nodes of the ring that stay, and the fresh ones.
static void merge_nodes(struct backend_node *out, const struct backend_plan *plan, const struct backend_node *fresh,
                        uint32_t num_fresh)
{
    const struct backend_node *end = fresh + num_fresh;
    for (uint64_t i = 0; i < plan->num_places; i++) {
        const struct backend_node *node = &plan->ring[i];
        if (plan->weights[node->server] != plan->ring_weights[node->server])
            continue;
        while (fresh < end && is_node_before(fresh, node))
            *out++ = *fresh++;
        *out++ = *node;
    }
    while (fresh < end)
        *out++ = *fresh++;
}

void backend_plan_ring_free(struct backend_plan *plan)
{
    free(plan->ring);
    free(plan->ring_weights);
    plan->ring = NULL;
    plan->ring_weights = NULL;
    plan->num_places = 0;
}

void backend_plan_ring(struct backend_plan *plan, const struct backend *backend)
{
    size_t len = backend->num_servers * sizeof(*plan->weights);
    if (!plan->total) {
        backend_plan_ring_free(plan);
        return;
    }
    if (!plan->ring) {
        plan->ring_weights = calloc(1, len);
        if (!plan->ring_weights)
            check_out_of_memory(len);
        plan->num_places = 0;
    } else if (memcmp(plan->weights, plan->ring_weights, len) == 0) {
        return;
    }
    uint32_t num_fresh;
    struct backend_node *fresh = fresh_nodes(&num_fresh, plan, backend), *ring = nodes_new(plan->total);
    merge_nodes(ring, plan, fresh, num_fresh);
    free(fresh);
    free(plan->ring);
    plan->ring = ring;
    plan->num_places = plan->total;
    memcpy(plan->ring_weights, plan->weights, len);
}

// The node before `key` where it is as near as the one at or behind it.
uint32_t backend_ring_find(const struct backend_plan *plan, uint32_t key)
{
    const struct backend_node *ring = plan->ring;
    uint32_t num = (uint32_t)plan->num_places, low = 0, high = num;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (ring[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    uint32_t next = low == num ? 0 : low;
    uint32_t before = (low ? low : num) - 1;
    return key - ring[before].key <= ring[next].key - key ? before : next;
}

// ---- choices ------------------------------------------------------------------------------------------------------

static uint32_t place_of(const struct backend_question *question, uint32_t hash)
{
    return question->plan->ring ? backend_ring_find(question->plan, hash) : hash % (uint32_t)question->plan->num_places;
}

static struct server *server_at(const struct backend_question *question, uint32_t place)
{
    return question->backend->servers[backend_plan_at(question->plan, place)];
}

// Bounded loads: the connections there would be with this one, increased by the factor, are shared out by weight; where
// that does not come out even each server gets what its stretch of the sum of weights makes whole, so that no slot is
// given twice. The backend's own lanes count this request already.
bool backend_is_within_factor(const struct backend_plan *plan, const struct server *server)
{
    const struct backend *backend = server->backend;
    const struct backend_ctx *ctx = backend->ctx;
    uint32_t factor = backend->conf->be.balance.factor;
    if (!factor)
        return true;
    uint64_t sum = board_lane_sum(ctx->board, backend->conf->be_object);
    uint64_t slots = ((sum ? sum : 1) * factor + 99) / 100;
    uint64_t start = plan->starts[server->conf->index], end = start + plan->weights[server->conf->index];
    uint64_t share = end * slots / plan->total - start * slots / plan->total;
    return board_lane_sum(ctx->board, server->conf->object) < (share ? share : 1);
}

static bool queue_is_full(const struct server *server)
{
    const struct server_conf *conf = server->conf;
    return conf->maxqueue && board_queue_len(server->backend->ctx->board, server->backend->conf->be_object,
                                             conf->object) >= conf->maxqueue;
}

static bool is_welcome(const struct backend_question *question, const struct server *server)
{
    const struct balance_conf *conf = &question->backend->conf->be.balance;
    if (server == question->ask->avoid)
        return false;
    if (question->plan->ring && !backend_is_within_factor(question->plan, server))
        return false;
    switch (conf->affinity) {
    case PROXY_AFFINITY_MAXCONN:
        return backend_has_room(server);
    case PROXY_AFFINITY_MAXQUEUE:
        return backend_has_room(server) || !queue_is_full(server);
    default:
        return true;
    }
}

// From `place` on to the first that is welcome, each server asked once; where none is, the last before `place` that is
// not to be avoided.
static struct server *walk(const struct backend_question *question, uint32_t place)
{
    uint64_t asked[(BOARD_MAX_OBJECTS + 63) / 64];
    uint32_t num = (uint32_t)question->plan->num_places, left = question->plan->num;
    struct server *last = NULL;
    memset(asked, 0, (question->backend->num_servers + 63) / 64 * sizeof(*asked));
    for (uint32_t i = 0; i < num && left; i++, place = place + 1 == num ? 0 : place + 1) {
        struct server *server = server_at(question, place);
        uint32_t index = server->conf->index;
        if (asked[index / 64] >> (index % 64) & 1)
            continue;
        asked[index / 64] |= UINT64_C(1) << (index % 64);
        left--;
        if (is_welcome(question, server))
            return server;
        last = server == question->ask->avoid ? last : server;
    }
    return last;
}

struct server *backend_pick_hash(const struct backend_question *question)
{
    if (!question->ask->has_hash)
        return backend_pick_rotation(question);
    uint32_t place = place_of(question, question->ask->hash);
    struct server *server = server_at(question, place);
    if (UNLIKELY(!is_welcome(question, server)))
        server = walk(question, place);
    *question->full = !backend_has_room(server);
    return server;
}
