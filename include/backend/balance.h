// SPDX-License-Identifier: Apache-2.0
// How a backend's servers are chosen, private to the area. What an algorithm looks its answers up in (an order, a map,
// a ring) is derived from the states and weights of servers, in each worker for itself, at the first choice after one
// of them changed; all workers derive the same. What the choices of all workers share is on the board: the position of
// the rotation, and how many connections each server has. Nothing here blocks; memory is taken only when states change.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "backend/backend.h"

// A place on the ring of consistent hashing.
struct backend_node {
    uint32_t key;
    uint32_t server; // its index
};

// What is derived for one set of servers that stand in for each other: the active ones, or the backups. There is an
// order, or there are stretches, or there is a ring; for some algorithms nothing of it.
struct backend_plan {
    uint32_t num;      // servers that take part
    uint32_t *members; // their indexes, in the order of the file; for `first`, of ids
    uint32_t *weights; // by index, 0: takes no part; what counts for this algorithm
    uint64_t *starts;  // by index: the weights of the members before it
    uint64_t total;    // of the weights of all members

    // The rotation: an order of places where it is short enough, else the ends of each member's stretch of places,
    // which are then visited in strides.
    uint16_t *order;
    uint64_t *ends;
    uint64_t stride;

    struct backend_node *ring;
    uint32_t *ring_weights; // by index: those the ring was made of
    uint64_t num_places;    // of the rotation, the map or the ring
};

enum { BACKEND_PLAN_ACTIVE, BACKEND_PLAN_BACKUP, BACKEND_NUM_PLANS };

// A run of servers whose numbers on the board follow each other, so that their loads lie side by side.
struct backend_run {
    uint32_t first;  // index of its first server
    uint32_t object; // that server's
    uint32_t num;
};

struct backend_balance {
    struct backend_plan plans[BACKEND_NUM_PLANS];
    uint32_t epoch; // of the backend's states that the plans are made of
    bool is_made;
    uint64_t random;
    // leastconn, all by index and in whole blocks
    struct backend_run *runs;
    uint32_t num_runs;
    float *costs[BACKEND_NUM_PLANS];    // what a connection weighs
    int32_t *limits[BACKEND_NUM_PLANS]; // connections that it may have, 0 for those that take no part
    int32_t *loads;                     // those it has, copied for one choice
    float *block_scores;                // the least that a server's connections weigh, of each block
    int32_t *doubts;                    // how far the table was off when last compared with the lanes
    uint32_t audited;                   // how many were compared so far
};

// What is asked of an algorithm: `plan` has at least one server that is not `ask->avoid`.
struct backend_question {
    struct backend *backend;
    const struct backend_plan *plan;
    const struct backend_ask *ask;
    bool *full;
    uint8_t which; // BACKEND_PLAN_*
};

typedef struct server *backend_pick_fn(const struct backend_question *question);

backend_pick_fn backend_pick_rotation;  // roundrobin, static-rr, and hashes without a key
backend_pick_fn backend_pick_leastconn; // leastconn
backend_pick_fn backend_pick_first;     // first
backend_pick_fn backend_pick_random;    // random
backend_pick_fn backend_pick_sticky;    // sticky
backend_pick_fn backend_pick_hash;      // all others

// backend_pick_from gives the first server that has room, from `place` of the plan on and around; else the first of
// all, and sets `*question->full`.
struct server *backend_pick_from(const struct backend_question *question, uint64_t place);

// backend_balance_init prepares `backend`, whose servers are there, for choices.
void backend_balance_init(struct backend *backend);

// backend_balance_fini frees what choices needed.
void backend_balance_fini(struct backend *backend);

// backend_has_room says whether `server` may be given one more connection, as far as its maxconn goes.
static inline bool backend_has_room(const struct server *server)
{
    uint32_t limit = backend_server_maxconn(server);
    return !limit || board_lane_sum(server->backend->ctx->board, server->conf->object) < limit;
}

// backend_plan_order makes the rotation of `plan` from its weights.
void backend_plan_order(struct backend_plan *plan, uint32_t num_servers);

// backend_plan_map makes the map of static-rr and of map-based hashes: HAProxy's, place by place.
void backend_plan_map(struct backend_plan *plan, uint32_t num_servers);

// backend_plan_ring makes the ring of consistent hashing, or changes the one that is there to the weights of `plan`:
// nodes are made and sorted for those servers alone whose weights differ.
void backend_plan_ring(struct backend_plan *plan, const struct backend *backend);

// backend_plan_ring_free frees the ring of `plan`, if it has one.
void backend_plan_ring_free(struct backend_plan *plan);

// backend_plan_at gives the index of the server at place `place` of the rotation, map or ring, counted without end.
uint32_t backend_plan_at(const struct backend_plan *plan, uint64_t place);

// backend_ring_find gives the number of the node that is nearest to `key` on the ring of `plan`.
uint32_t backend_ring_find(const struct backend_plan *plan, uint32_t key);

// backend_is_within_factor says whether `server` may be given one more connection, as far as hash-balance-factor goes.
bool backend_is_within_factor(const struct backend_plan *plan, const struct server *server);

// backend_first_plan puts the members of the plan number `which` into the order of their ids.
void backend_first_plan(struct backend *backend, uint32_t which);

// ---- loads --------------------------------------------------------------------------------------------------------

// backend_loads_add is what backend_loads_count does where there is anything to do.
void backend_loads_add(const struct server *server, int32_t by);

// backend_loads_count notes, after the server's lane changed, that it has `by` (1 or -1) connections more.
static inline void backend_loads_count(const struct server *server, int32_t by)
{
    if (server->backend->conf->be.balance.algorithm == PROXY_BALANCE_LEASTCONN)
        backend_loads_add(server, by);
}

// backend_loads_of gives the connections of all workers to `server`.
uint32_t backend_loads_of(const struct server *server);

// backend_least_init prepares `backend` for leastconn, and puts right what earlier processes left of loads.
void backend_least_init(struct backend *backend);

// backend_least_plan derives the costs of connections from the plan number `which`.
void backend_least_plan(struct backend *backend, uint32_t which);

// backend_least_fini frees what leastconn needed.
void backend_least_fini(struct backend *backend);
