// SPDX-License-Identifier: Apache-2.0
#include "backend/backend.h"

static bool has_room(const struct server *server)
{
    const struct backend_ctx *ctx = server->backend->ctx;
    uint32_t limit = backend_state_maxconn(server->conf);
    return !limit || board_lane_sum(ctx->board, server->conf->object) < limit;
}

// A place in the rotation is taken even by a server that cannot serve: the others keep their order.
static struct server *pick_rotation(struct backend *backend, bool *full, const struct server *avoid,
                                    const uint16_t *order, uint32_t len)
{
    struct server *first_full = NULL;
    for (uint32_t tries = 0; tries < len; tries++) {
        uint64_t place = atomic_fetch_add_explicit(&backend->gauges[PROXY_GAUGE_ROTATION], 1, memory_order_relaxed);
        struct server *server = &backend->servers[order[place % len]];
        if (!backend_server_is_open(server) || server == avoid)
            continue;
        if (has_room(server))
            return server;
        first_full = first_full ? first_full : server;
    }
    *full = first_full != NULL;
    return first_full;
}

// Least connections per weight; among equals the rotation's next, so that idle servers take turns.
static struct server *pick_leastconn(struct backend *backend, bool *full, const struct server *avoid, bool backup)
{
    const struct backend_ctx *ctx = backend->ctx;
    struct server *best = NULL;
    struct server *first_full = NULL;
    uint64_t best_load = 0;
    uint64_t best_weight = 1;
    uint64_t place = atomic_fetch_add_explicit(&backend->gauges[PROXY_GAUGE_ROTATION], 1, memory_order_relaxed);
    for (uint32_t i = 0; i < backend->num_servers; i++) {
        struct server *server = &backend->servers[(place + i) % backend->num_servers];
        const struct server_conf *conf = server->conf;
        if (!backend_server_is_open(server) || server == avoid || conf->backup != backup)
            continue;
        uint64_t load = board_lane_sum(ctx->board, conf->object);
        uint32_t limit = backend_state_maxconn(conf);
        if (limit && load >= limit) {
            first_full = first_full ? first_full : server;
            continue;
        }
        if (!best || load * best_weight < best_load * conf->weight) {
            best = server;
            best_load = load;
            best_weight = conf->weight;
        }
    }
    if (best)
        return best;
    *full = first_full != NULL;
    return first_full;
}

static bool any_usable(const struct backend *backend, bool backup, const struct server *avoid)
{
    for (uint32_t i = 0; i < backend->num_servers; i++)
        if (backend->servers[i].conf->backup == backup && backend_server_is_open(&backend->servers[i]) &&
            &backend->servers[i] != avoid)
            return true;
    return false;
}

// Without `option allbackups` only the first usable backup serves.
static struct server *first_backup(struct backend *backend, bool *full, const struct server *avoid)
{
    for (uint32_t i = 0; i < backend->num_servers; i++) {
        struct server *server = &backend->servers[i];
        if (server->conf->backup && backend_server_is_open(server) && server != avoid) {
            *full = !has_room(server);
            return server;
        }
    }
    return NULL;
}

struct server *backend_pick(struct backend *backend, bool *full, const struct backend_ask *ask)
{
    const struct server *avoid = ask->avoid;
    bool backup = false;
    *full = false;
    if (!any_usable(backend, false, avoid)) {
        if (!(backend->conf->options & PROXY_OPT_ALL_BACKUPS))
            return first_backup(backend, full, avoid);
        backup = true;
    }
    if (backend->conf->be.balance == PROXY_BALANCE_LEASTCONN)
        return pick_leastconn(backend, full, avoid, backup);
    return pick_rotation(backend, full, avoid, backup ? backend->backup_rotation : backend->rotation,
                         backup ? backend->backup_rotation_len : backend->rotation_len);
}

struct server *backend_pick_closed(struct backend *backend, bool *full)
{
    struct server *first_full = NULL;
    *full = false;
    for (uint32_t tries = 0; tries < backend->num_servers; tries++) {
        struct server *server = &backend->servers[backend->next_closed++ % backend->num_servers];
        if (backend_state_admin(backend_state_status(server->state)) & BACKEND_ADMIN_ANY_MAINT)
            continue;
        if (has_room(server))
            return server;
        first_full = first_full ? first_full : server;
    }
    *full = first_full != NULL;
    return first_full;
}

struct server *backend_find_cookie(struct backend *backend, struct slice value)
{
    for (uint32_t i = 0; i < backend->num_servers; i++) {
        struct server *server = &backend->servers[i];
        if (server->conf->cookie && slice_equal(slice_str(server->conf->cookie), value))
            return server;
    }
    return NULL;
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
    uint32_t limit = backend_state_maxconn(conf);
    // Who comes later does not overtake who waits.
    if (limit && !waited && board_queue_ahead(ctx->board, server->backend->conf->be_object, conf->object))
        return false;
    return board_lane_acquire(ctx->board, conf->object, ctx->inc, limit);
}

void backend_slot_give(struct server *server)
{
    struct backend_ctx *ctx = server->backend->ctx;
    board_lane_release(ctx->board, server->conf->object, ctx->inc);
    if (backend_state_maxconn(server->conf))
        board_queue_slot_freed(ctx->board, server->backend->conf->be_object, server->conf->object);
}
