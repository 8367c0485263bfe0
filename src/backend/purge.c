// SPDX-License-Identifier: Apache-2.0
// Idle connections that go because nobody needs them.
#include "backend/pool.h"

enum { PURGE_TICK_US = 1000000 };

static void close_idle(struct server *server, uint32_t keep)
{
    while (server->num_idle > keep)
        backend_conn_close(CONTAINER_OF(server->idle.prev, struct backend_conn, link), false);
}

static void each_server(struct backend_ctx *ctx, void (*visit)(struct server *server))
{
    for (uint32_t i = 0; i < ctx->num_backends; i++)
        for (uint32_t j = 0; ctx->backends[i] && j < ctx->backends[i]->num_servers; j++)
            visit(ctx->backends[i]->servers[j]);
}

static void close_list(struct list *list)
{
    LIST_EACH(conn, list, struct backend_conn, link)
    {
        backend_conn_close(conn, false);
    }
}

static void server_close_idle(struct server *server)
{
    close_idle(server, 0);
    close_list(&server->opening);
    close_list(&server->pinging);
}

void backend_pool_leave(struct backend_ctx *ctx)
{
    each_server(ctx, server_close_idle);
}

// Without a word of farewell: the descriptors are wanted now.
static void server_drop_idle(struct server *server)
{
    struct list *lists[] = { &server->idle, &server->opening, &server->pinging, &server->closing };
    for (size_t i = 0; i < NUM_ITEMS(lists); i++) {
        LIST_EACH(conn, lists[i], struct backend_conn, link)
        {
            backend_conn_drop(conn, false);
        }
    }
}

void backend_pool_make_room(struct backend_ctx *ctx)
{
    each_server(ctx, server_drop_idle);
}

void backend_pool_end(struct server *server)
{
    struct list *lists[] = { &server->opening, &server->pinging, &server->idle, &server->own, &server->closing };
    for (size_t i = 0; i < NUM_ITEMS(lists); i++) {
        LIST_EACH(conn, lists[i], struct backend_conn, link)
        {
            backend_conn_drop(conn, false);
        }
    }
    event_timer_del(server->backend->ctx->loop, &server->warm_timer);
}

void backend_pool_move(struct server *server)
{
    server_close_idle(server);
    close_list(&server->own);
    server->warm_failures = 0;
    backend_warm_kick(server);
}

bool backend_pool_is_over(struct server *server)
{
    uint32_t limit = backend_state_full_maxconn(server->conf);
    server->is_over = limit && board_lane_sum(server->backend->ctx->board, server->conf->pool_object) > limit;
    return server->is_over;
}

// Its maxconn may have been lowered: of the idle connections that are too many each worker closes its part. Others go
// when they come back.
static void close_excess(struct server *server)
{
    const struct backend_ctx *ctx = server->backend->ctx;
    uint32_t num_workers = ctx->global->num_workers ? ctx->global->num_workers : 1;
    if (!backend_pool_is_over(server))
        return;
    uint32_t excess = board_lane_sum(ctx->board, server->conf->pool_object) - backend_state_full_maxconn(server->conf);
    for (uint32_t num = excess / num_workers + 1; num > 0 && backend_spare_close(server); num--)
        ;
}

void backend_pool_follow(struct server *server)
{
    backend_warm_follow(server);
    close_excess(server);
    bool is_due = server->warm_share && backend_warm_is_due(server->conf);
    if (!backend_server_is_usable(server))
        server_close_idle(server);
    if (is_due && !server->warm_was_due)
        server->warm_failures = 0;
    server->warm_was_due = is_due;
    backend_room_offer(server);
    backend_warm_kick(server);
}

// What is always kept is idle or in use; as much of it as is not in use stays idle.
static uint32_t kept(const struct server *server)
{
    uint32_t need = backend_warm_need(server), used = server->num_used + server->num_pinging;
    return need > used ? need - used : 0;
}

// Connections that stayed idle through a whole purge period were not needed: half of them go, as the need may come
// back.
static void server_purge(struct server *server)
{
    const struct backend_ctx *ctx = server->backend->ctx;
    uint64_t now_us = ctx->loop->now_us;
    uint64_t period_us = ctx->stopping ? PURGE_TICK_US : server->conf->pool_purge_us;
    if (!period_us || (now_us < server->purge_due_us && !ctx->stopping))
        return;
    if (server->purge_due_us) {
        uint32_t unused = server->min_idle < server->num_idle ? server->min_idle : server->num_idle;
        uint32_t keep = server->num_idle - (unused + 1) / 2;
        close_idle(server, keep > kept(server) ? keep : kept(server));
    }
    server->min_idle = server->num_idle;
    server->last_peak = server->peak_used;
    server->peak_used = server->num_used;
    server->purge_due_us = now_us + period_us;
    backend_pool_publish(server);
}

void backend_purge_fire(struct event_timer *timer)
{
    struct backend_ctx *ctx = CONTAINER_OF(timer, struct backend_ctx, purge_timer);
    bool any = false;
    each_server(ctx, server_purge);
    for (uint32_t i = 0; i < ctx->num_backends && !any; i++)
        for (uint32_t j = 0; ctx->backends[i] && j < ctx->backends[i]->num_servers && !any; j++)
            any = ctx->backends[i]->servers[j]->num_idle > 0;
    // Nothing idle, nothing to purge: the next backend_pool_put sets the timer again.
    if (any)
        event_timer_set(ctx->loop, timer, ctx->loop->now_us + PURGE_TICK_US);
}
