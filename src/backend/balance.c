// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include "backend/balance.h"
#include "base/clock.h"

// What an algorithm is made of: how its answers are derived from the states of servers, and how one is chosen.
struct algorithm {
    void (*plan)(struct backend *backend, uint32_t which);
    backend_pick_fn *pick;
};

static void plan_rotation(struct backend *backend, uint32_t which)
{
    backend_plan_order(&backend->balance->plans[which], backend->num_servers);
}

static void plan_map(struct backend *backend, uint32_t which)
{
    backend_plan_map(&backend->balance->plans[which], backend->num_servers);
}

static void plan_hash(struct backend *backend, uint32_t which)
{
    if (backend->conf->be.balance.consistent)
        backend_plan_ring(&backend->balance->plans[which], backend);
    else
        plan_map(backend, which);
}

#define HASHED                                                                                                         \
    {                                                                                                                  \
        plan_hash, backend_pick_hash                                                                                   \
    }

static const struct algorithm algorithms[PROXY_NUM_BALANCES] = {
    [PROXY_BALANCE_ROUNDROBIN] = { plan_rotation, backend_pick_rotation },
    [PROXY_BALANCE_STATIC_RR] = { plan_map, backend_pick_rotation },
    [PROXY_BALANCE_LEASTCONN] = { backend_least_plan, backend_pick_leastconn },
    [PROXY_BALANCE_FIRST] = { backend_first_plan, backend_pick_first },
    [PROXY_BALANCE_RANDOM] = { plan_rotation, backend_pick_random },
    [PROXY_BALANCE_STICKY] = { plan_rotation, backend_pick_sticky },
    [PROXY_BALANCE_SOURCE] = HASHED,
    [PROXY_BALANCE_URI] = HASHED,
    [PROXY_BALANCE_URL_PARAM] = HASHED,
    [PROXY_BALANCE_HDR] = HASHED,
    [PROXY_BALANCE_RDP_COOKIE] = HASHED,
    [PROXY_BALANCE_HASH] = HASHED,
    [PROXY_BALANCE_LOG_HASH] = HASHED,
};

static const struct algorithm *algorithm_of(const struct backend *backend)
{
    return &algorithms[backend->conf->be.balance.algorithm];
}

static void plan_fini(struct backend_plan *plan)
{
    free(plan->order);
    free(plan->ends);
    plan->order = NULL;
    plan->ends = NULL;
}

static void plan_add(struct backend_plan *plan, const struct server *server, bool is_static)
{
    uint32_t share = atomic_load_explicit(&server->state->share, memory_order_relaxed);
    uint32_t weight = is_static ? server->conf->weight : share;
    const struct proxy_conf *proxy = server->backend->conf;
    if (proxy->mode == PROXY_MODE_LOG && proxy->be.balance.algorithm == PROXY_BALANCE_ROUNDROBIN)
        weight = 1; // manual, "balance roundrobin"
    plan->members[plan->num++] = server->conf->index;
    plan->weights[server->conf->index] = weight ? weight : 1;
    plan->starts[server->conf->index] = plan->total;
    plan->total += plan->weights[server->conf->index];
}

// Without `option allbackups` only the first backup that is open takes part.
static void plan_make(struct backend *backend, uint32_t which)
{
    struct backend_plan *plan = &backend->balance->plans[which];
    const struct algorithm *algorithm = algorithm_of(backend);
    bool backup = which == BACKEND_PLAN_BACKUP, is_static = proxy_balance_is_static(&backend->conf->be.balance);
    bool one = backup && !(backend->conf->options & PROXY_OPT_ALL_BACKUPS);
    plan_fini(plan);
    plan->num = 0;
    plan->total = 0;
    memset(plan->weights, 0, backend->num_servers * sizeof(*plan->weights));
    for (uint32_t i = 0; i < backend->num_servers && !(one && plan->num); i++)
        if (backend->servers[i]->conf->backup == backup && backend_server_is_open(backend->servers[i]))
            plan_add(plan, backend->servers[i], is_static);
    algorithm->plan(backend, which);
}

// The epoch is read first: what changes meanwhile is looked at again.
static void plans_follow(struct backend *backend)
{
    struct backend_balance *balance = backend->balance;
    uint32_t epoch = atomic_load_explicit(&backend->state->epoch, memory_order_acquire);
    if (LIKELY(balance->is_made && balance->epoch == epoch))
        return;
    balance->is_made = true;
    balance->epoch = epoch;
    plan_make(backend, BACKEND_PLAN_ACTIVE);
    plan_make(backend, BACKEND_PLAN_BACKUP);
}

static void *alloc(size_t num, size_t len)
{
    void *out = calloc(num ? num : 1, len);
    if (!out)
        check_out_of_memory(num * len);
    return out;
}

void backend_balance_init(struct backend *backend)
{
    const struct backend_ctx *ctx = backend->ctx;
    backend->balance = alloc(1, sizeof(*backend->balance));
    backend->balance->random = clock_mono_us() * UINT64_C(0x2545f4914f6cdd1d) ^ (uint64_t)ctx->inc << 32;
    for (uint32_t i = 0; i < BACKEND_NUM_PLANS; i++) {
        struct backend_plan *plan = &backend->balance->plans[i];
        plan->members = alloc(backend->num_servers, sizeof(*plan->members));
        plan->weights = alloc(backend->num_servers, sizeof(*plan->weights));
        plan->starts = alloc(backend->num_servers, sizeof(*plan->starts));
    }
    if (backend->conf->be.balance.algorithm == PROXY_BALANCE_LEASTCONN)
        backend_least_init(backend);
}

void backend_balance_fini(struct backend *backend)
{
    backend_least_fini(backend);
    for (uint32_t i = 0; i < BACKEND_NUM_PLANS; i++) {
        plan_fini(&backend->balance->plans[i]);
        backend_plan_ring_free(&backend->balance->plans[i]);
        free(backend->balance->plans[i].members);
        free(backend->balance->plans[i].weights);
        free(backend->balance->plans[i].starts);
    }
    free(backend->balance);
}

// The backups take over where nobody else is left.
static bool plan_serves(const struct backend_plan *plan, const struct backend_ask *ask)
{
    return plan->num > 1 || (plan->num == 1 && (!ask->avoid || plan->members[0] != ask->avoid->conf->index));
}

struct server *backend_pick(struct backend *backend, bool *full, const struct backend_ask *ask)
{
    struct backend_question question = { .backend = backend, .ask = ask, .full = full };
    *full = false;
    plans_follow(backend);
    for (; question.which < BACKEND_NUM_PLANS; question.which++) {
        question.plan = &backend->balance->plans[question.which];
        if (LIKELY(plan_serves(question.plan, ask)))
            return algorithm_of(backend)->pick(&question);
    }
    return NULL;
}

struct server *backend_pick_closed(struct backend *backend, bool *full)
{
    struct server *first_full = NULL;
    *full = false;
    for (uint32_t tries = 0; tries < backend->num_servers; tries++) {
        struct server *server = backend->servers[backend->next_closed++ % backend->num_servers];
        if (backend_state_admin(backend_state_status(server->state)) & BACKEND_ADMIN_ANY_MAINT)
            continue;
        if (backend_has_room(server))
            return server;
        first_full = first_full ? first_full : server;
    }
    *full = first_full != NULL;
    return first_full;
}

void backend_session_begin(struct backend *backend)
{
    const struct backend_ctx *ctx = backend->ctx;
    uint32_t object = backend->conf->be_object;
    board_lane_acquire(ctx->board, object, ctx->inc, 0);
    proxy_gauge_raise(&backend->gauges[PROXY_GAUGE_MAX_SESSIONS], board_lane_sum(ctx->board, object));
}

void backend_session_end(struct backend *backend)
{
    board_lane_release(backend->ctx->board, backend->conf->be_object, backend->ctx->inc);
}

bool backend_slot_take(struct server *server, bool waited)
{
    struct backend_ctx *ctx = server->backend->ctx;
    const struct server_conf *conf = server->conf;
    uint32_t limit = backend_server_maxconn(server);
    // Who comes later does not overtake who waits.
    if (limit && !waited && board_queue_ahead(ctx->board, server->backend->conf->be_object, conf->object))
        return false;
    if (!board_lane_acquire(ctx->board, conf->object, ctx->inc, limit))
        return false;
    backend_loads_count(server, 1);
    return true;
}

void backend_slot_give(struct server *server)
{
    struct backend_ctx *ctx = server->backend->ctx;
    backend_loads_count(server, -1);
    board_lane_release(ctx->board, server->conf->object, ctx->inc);
    if (backend_server_maxconn(server))
        board_queue_slot_freed(ctx->board, server->backend->conf->be_object, server->conf->object);
}
