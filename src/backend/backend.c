// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include "backend/balance.h"
#include "backend/pool.h"

static void *alloc(size_t num, size_t len)
{
    void *out = calloc(num ? num : 1, len);
    if (!out)
        check_out_of_memory(num * len);
    return out;
}

void backend_server_settle(struct server *server)
{
    const struct server_conf *conf = server->conf;
    server->has_plain_key =
        !(conf->tls_target && conf->sni && !conf->sni_name.ptr) && !conf->send_proxy && !backend_follows_client(server);
}

struct server *backend_server_new(struct backend *backend, const struct server_conf *conf)
{
    struct server *server = alloc(1, sizeof(*server));
    struct backend_ctx *ctx = backend->ctx;
    *server = (struct server){ .conf = conf, .backend = backend };
    ctx->by_object[conf->object] = ctx->by_object[conf->pool_object] = server;
    // It is none.
    ctx->by_object[0] = NULL;
    backend->has_backups |= conf->backup;
    server->state = backend_state_at(conf->object);
    server->counters = board_counters(backend->ctx->board, backend->ctx->inc, conf->object);
    server->gauges = board_gauges(backend->ctx->board, conf->object);
    server->pool_counters = board_counters(backend->ctx->board, backend->ctx->inc, conf->pool_object);
    struct list *lists[] = { &server->idle,    &server->plain,         &server->own,          &server->opening,
                             &server->pinging, &server->closing,       &server->waits,        &server->streams,
                             &server->tunnels, &server->leave.streams, &server->leave.tunnels };
    for (size_t i = 0; i < NUM_ITEMS(lists); i++)
        list_init(lists[i]);
    event_task_init(&server->leave.task, NULL);
    backend_server_settle(server);
    server->epoch = atomic_load(&server->state->epoch);
    server->kills = atomic_load(&server->state->kills);
    server->was_up = backend_server_is_usable(server);
    backend_warm_init(server);
    return server;
}

static bool is_plain(const struct backend_conf *conf)
{
    for (const struct server_conf *server = conf->servers; server; server = server->next)
        if (server->redir)
            return false;
    return !conf->use_servers && !conf->cookie.name && !conf->rdp_cookie && !conf->sticks &&
           !conf->balance.check_post && !proxy_balance_is_hash(&conf->balance);
}

static struct backend *backend_new(struct backend_ctx *ctx, const struct proxy_conf *conf)
{
    struct backend *backend = alloc(1, sizeof(*backend));
    backend->conf = conf;
    backend->ctx = ctx;
    backend->counters = board_counters(ctx->board, ctx->inc, conf->be_object);
    backend->gauges = board_gauges(ctx->board, conf->be_object);
    backend->state = backend_state_at(conf->be_object);
    backend->epoch = atomic_load(&backend->state->epoch);
    backend->num_servers = conf->be.num_servers;
    backend->is_plain = is_plain(&conf->be);
    backend->servers = alloc(backend->num_servers, sizeof(*backend->servers));
    uint32_t i = 0;
    for (const struct server_conf *server = conf->be.servers; server; server = server->next)
        backend->servers[i++] = backend_server_new(backend, server);
    backend_balance_init(backend);
    return backend;
}

void backend_ctx_init(struct backend_ctx *ctx, const struct program_conf *program, struct event_loop *loop,
                      struct board *board, uint32_t inc, struct mux_ctx *mux)
{
    *ctx = (struct backend_ctx){ .loop = loop, .board = board, .inc = inc, .mux = mux };
    ctx->global = &program->global;
    ctx->slot = board_incarnation_at(board, inc)->slot;
    ctx->noise = (uint32_t)loop->now_us * 2654435761U + inc;
    ctx->num_backends = program->num_proxies;
    ctx->backends = alloc(program->num_proxies, sizeof(struct backend *));
    ctx->num_objects = BOARD_MAX_OBJECTS;
    ctx->by_object = alloc(ctx->num_objects, sizeof(struct server *));
    for (const struct proxy_conf *proxy = program->proxies; proxy; proxy = proxy->next)
        if (proxy->has_backend && !proxy->disabled)
            ctx->backends[proxy->index] = backend_new(ctx, proxy);
    event_timer_init(&ctx->purge_timer, backend_purge_fire);
    ctx->epoch = backend_states_epoch();
    ctx->marks = backend_states_num_marks();
    ctx->states_epoch = backend_states_epoch_at();
    ctx->asked = backend_spare_asked(inc);
    backend_follow_changes(ctx);
}

static void server_offer(struct server *server)
{
    struct board *board = server->backend->ctx->board;
    uint32_t object = server->backend->conf->be_object;
    if (!backend_server_is_usable(server))
        return;
    for (uint32_t num = board_queue_len(board, object, 0); num > 0; num--)
        if (!board_queue_offer(board, object, server->conf->object, backend_server_maxconn(server)))
            return;
}

static void backend_offer(struct backend *backend)
{
    if (!board_queue_len(backend->ctx->board, backend->conf->be_object, 0))
        return;
    for (uint32_t i = 0; i < backend->num_servers; i++)
        server_offer(backend->servers[i]);
}

void backend_ctx_host(struct backend_ctx *ctx, const struct backend_guests *guests)
{
    ctx->guests = guests;
}

// The guests first: where those who wait may go depends on nothing else.
static void follow_server(struct server *server)
{
    const struct backend_guests *guests = server->backend->ctx->guests;
    uint32_t epoch = atomic_load_explicit(&server->state->epoch, memory_order_acquire);
    if (epoch == server->epoch)
        return;
    server->epoch = epoch;
    uint32_t kills = atomic_load_explicit(&server->state->kills, memory_order_relaxed);
    bool was_up = server->was_up;
    server->was_up = backend_server_is_usable(server);
    if (!guests)
        return;
    if (was_up && !server->was_up && backend_waiters_may_leave(server->backend->conf))
        guests->requeue(server);
    if (kills != server->kills)
        guests->kill(server, (enum backend_kill)(kills & 3));
    server->kills = kills;
}

static void follow(struct backend *backend)
{
    uint32_t epoch = atomic_load_explicit(&backend->state->epoch, memory_order_acquire);
    if (epoch == backend->epoch)
        return;
    backend->epoch = epoch;
    for (uint32_t i = 0; i < backend->num_servers; i++)
        follow_server(backend->servers[i]);
    backend_offer(backend);
    // A backup's connections depend on the others.
    for (uint32_t i = 0; i < backend->num_servers; i++)
        backend_pool_follow(backend->servers[i]);
}

// What changed of one server may matter to the others where there are backups.
static void settle_backend(struct backend *backend)
{
    backend_offer(backend);
    for (uint32_t i = 0; i < backend->num_servers; i++)
        backend_pool_follow(backend->servers[i]);
}

static void settle_server(struct server *server)
{
    server_offer(server);
    backend_pool_follow(server);
}

static bool has_backend(struct server *const *servers, uint32_t num, const struct backend *backend)
{
    for (uint32_t i = 0; i < num; i++)
        if (servers[i]->backend == backend)
            return true;
    return false;
}

// A few changes among thousands of servers: those that changed are looked at. False where that is not known.
static bool follow_marks(struct backend_ctx *ctx)
{
    enum { FEW = 64 };
    struct server *servers[FEW];
    uint32_t end = backend_states_num_marks(), at = ctx->marks, num = 0, object;
    ctx->marks = end;
    if (end - at > FEW)
        return false;
    for (; at != end; at++) {
        if (!backend_states_marked(&object, at))
            return false;
        servers[num] = backend_server_at(ctx, object);
        num += servers[num] != NULL;
    }
    for (uint32_t i = 0; i < num; i++)
        follow_server(servers[i]);
    for (uint32_t i = 0; i < num; i++) {
        struct backend *backend = servers[i]->backend;
        if (!backend->has_backups)
            settle_server(servers[i]);
        else if (!has_backend(servers, i, backend))
            settle_backend(backend);
    }
    return true;
}

__attribute__((noinline, cold)) void backend_follow(struct backend_ctx *ctx)
{
    backend_spare_turn(ctx);
    uint32_t epoch = backend_states_epoch();
    if (epoch == ctx->epoch)
        return;
    ctx->epoch = epoch;
    if (follow_marks(ctx))
        return;
    for (uint32_t i = 0; i < ctx->num_backends; i++)
        if (ctx->backends[i])
            follow(ctx->backends[i]);
}

static void each_server(struct backend_ctx *ctx, void (*visit)(struct server *server))
{
    for (uint32_t i = 0; i < ctx->num_backends; i++)
        for (uint32_t j = 0; ctx->backends[i] && j < ctx->backends[i]->num_servers; j++)
            visit(ctx->backends[i]->servers[j]);
}

void backend_ctx_offer(struct backend_ctx *ctx)
{
    for (uint32_t i = 0; i < ctx->num_backends; i++)
        if (ctx->backends[i])
            backend_offer(ctx->backends[i]);
    each_server(ctx, backend_room_offer);
}

void backend_ctx_stop(struct backend_ctx *ctx)
{
    ctx->stopping = true;
    backend_pool_leave(ctx);
}

void backend_ctx_fini(struct backend_ctx *ctx)
{
    ctx->stopping = true;
    backend_follow_end(ctx);
    each_server(ctx, backend_pool_end);
    free(ctx->ping_fields);
    event_timer_del(ctx->loop, &ctx->purge_timer);
    for (uint32_t i = 0; i < ctx->num_backends; i++) {
        struct backend *backend = ctx->backends[i];
        if (!backend)
            continue;
        for (uint32_t j = 0; j < backend->num_servers; j++) {
            free(backend->servers[j]->by_key);
            free(backend->servers[j]);
        }
        backend_balance_fini(backend);
        free(backend->servers);
        free(backend);
    }
    free(ctx->backends);
    free(ctx->by_object);
}
