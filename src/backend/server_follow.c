// SPDX-License-Identifier: Apache-2.0
// What a worker does when servers change.
#include <stdlib.h>
#include <string.h>
#include "backend/balance.h"
#include "backend/pool.h"
#include "backend/server_change.h"

enum { GONE_US = 1000000 }; // more than a turn, in which a stream that has ended may still tell of it

// A ring is made of addresses, and only changed where weights are others.
static void balance_anew(struct backend *backend)
{
    for (uint32_t i = 0; i < BACKEND_NUM_PLANS; i++)
        backend_plan_ring_free(&backend->balance->plans[i]);
    backend->balance->is_made = false;
}

static void moved(struct backend_watch *watch, struct server_conf *conf)
{
    struct backend_ctx *ctx = CONTAINER_OF(watch, struct backend_ctx, watch);
    struct server *server = backend_server_at(ctx, conf->object);
    if (!server || server->conf != conf)
        return;
    backend_server_settle(server);
    backend_pool_move(server);
    balance_anew(server->backend);
}

static void balance_resize(struct backend *backend)
{
    uint64_t random = backend->balance->random;
    backend_balance_fini(backend);
    backend_balance_init(backend);
    backend->balance->random = random;
}

static void added(struct backend_watch *watch, struct server_conf *conf)
{
    struct backend_ctx *ctx = CONTAINER_OF(watch, struct backend_ctx, watch);
    struct backend *backend = ctx->backends[conf->backend->proxy->index];
    size_t len = (backend->num_servers + 1) * sizeof(*backend->servers);
    struct server **servers = realloc(backend->servers, len);
    if (!servers)
        check_out_of_memory(len);
    backend->servers = servers;
    servers[conf->index] = backend_server_new(backend, conf);
    backend->num_servers++;
    balance_resize(backend);
}

// Nobody comes any more, but a stream that began before may be on it, and connections that it closed.
static bool is_needed(const struct server *server)
{
    const struct list *lists[] = { &server->streams,       &server->tunnels,      &server->idle,    &server->own,
                                   &server->opening,       &server->pinging,      &server->closing, &server->waits,
                                   &server->leave.streams, &server->leave.tunnels };
    for (size_t i = 0; i < NUM_ITEMS(lists); i++)
        if (!list_is_empty(lists[i]))
            return true;
    return server->num_used > 0;
}

static void let_go(struct backend_watch *watch)
{
    struct backend_ctx *ctx = CONTAINER_OF(watch, struct backend_ctx, watch);
    for (struct server **at = &ctx->gone, *server; (server = *at);) {
        if (is_needed(server) || ctx->loop->now_us - server->gone_us < GONE_US) {
            at = &server->next_gone;
            continue;
        }
        *at = server->next_gone;
        event_timer_del(ctx->loop, &server->warm_timer);
        event_task_cancel(&server->leave.task);
        ((struct server_conf *)server->conf)->holds--;
        free(server->by_key);
        free(server);
    }
}

static void removed(struct backend_watch *watch, struct server_conf *conf)
{
    struct backend_ctx *ctx = CONTAINER_OF(watch, struct backend_ctx, watch);
    struct backend *backend = ctx->backends[conf->backend->proxy->index];
    struct server *server = backend_server_at(ctx, conf->object);
    uint32_t at = 0;
    while (at < backend->num_servers && backend->servers[at] != server)
        at++;
    must(server && at < backend->num_servers);
    backend->num_servers--;
    memmove(&backend->servers[at], &backend->servers[at + 1], (backend->num_servers - at) * sizeof(*backend->servers));
    backend->has_backups = false;
    for (uint32_t i = 0; i < backend->num_servers; i++)
        backend->has_backups |= backend->servers[i]->conf->backup;
    ctx->by_object[conf->object] = ctx->by_object[conf->pool_object] = NULL;
    // What is in use does not come back to the pool.
    conf->moves++;
    backend_pool_move(server);
    event_timer_del(ctx->loop, &server->warm_timer);
    server->warm_share = 0;
    conf->holds++;
    server->gone_us = ctx->loop->now_us;
    server->next_gone = ctx->gone;
    ctx->gone = server;
    balance_resize(backend);
}

void backend_follow_changes(struct backend_ctx *ctx)
{
    ctx->watch = (struct backend_watch){ .moved = moved, .added = added, .removed = removed, .tidy = let_go };
    backend_watch_begin(&ctx->watch);
}

void backend_follow_end(struct backend_ctx *ctx)
{
    backend_watch_end(&ctx->watch);
    while (ctx->gone) {
        struct server *server = ctx->gone;
        ctx->gone = server->next_gone;
        backend_pool_end(server);
        free(server->by_key);
        free(server);
    }
}
