// SPDX-License-Identifier: Apache-2.0
// pool-min-conn: connections that stand, handshaken, before a request needs them. Each worker keeps its share, for none
// can use another's. They are opened a few at a time and at uneven intervals, so that neither a start nor the return of
// a server makes all of them knock at once.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "backend/pool.h"
#include "log/log.h"
#include "transport/tls.h"

enum { PACE_US = 40000, FIRST_US = 10000, BACK_OFF_US = 100000, MAX_BACK_OFF = 7, MAX_BATCH = 8, OPEN_US = 5000000 };
enum { YOUNG_US = 1000000, FORGET_US = 30000000 };

uint64_t backend_jitter_us(struct backend_ctx *ctx, uint64_t us)
{
    ctx->noise ^= ctx->noise << 13;
    ctx->noise ^= ctx->noise >> 17;
    ctx->noise ^= ctx->noise << 5;
    ctx->noise += ctx->noise == 0;
    return us - us / 4 + us / 2 * (ctx->noise % 1024) / 1024;
}

uint32_t backend_warm_share(const struct server_conf *conf, uint32_t maxconn, uint32_t num_workers, uint32_t slot)
{
    uint32_t num = conf->pool_min_conn;
    num_workers = num_workers ? num_workers : 1;
    if (!num)
        return 0;
    num = num < num_workers ? num_workers : num;
    num = maxconn && num > maxconn ? maxconn : num;
    return num / num_workers + (slot < num % num_workers);
}

static bool is_open(const struct server_conf *conf)
{
    const struct backend_state *state = backend_state_at(conf->object);
    return backend_status_is_willing(backend_state_status(state)) &&
           atomic_load_explicit(&state->share, memory_order_relaxed) > 0;
}

bool backend_warm_is_due(const struct server_conf *conf)
{
    const struct server_conf *other = conf->backup ? conf->backend->servers : NULL;
    for (; other; other = other->next)
        if (!other->backup && is_open(other))
            return false;
    return is_open(conf);
}

uint32_t backend_warm_need(const struct server *server)
{
    if (LIKELY(!server->warm_share) || server->backend->ctx->stopping)
        return 0;
    return backend_warm_is_due(server->conf) ? server->warm_share : 0;
}

// The first of a run of failures is told.
static void say_failed(struct server *server, const char *reason)
{
    const struct backend_ctx *ctx = server->backend->ctx;
    const struct proxy_conf *conf = server->backend->conf;
    char text[512];
    if (server->warm_failures++)
        return;
    int len = snprintf(text, sizeof(text), "server %s/%s: a connection for pool-min-conn cannot be opened: %s",
                       conf->name, server->conf->name, reason);
    if (len > (int)sizeof(text) - 1)
        len = sizeof(text) - 1;
    log_send(ctx->board, ctx->inc, conf->logs, LOG_LEVEL_WARNING, ctx->loop->wall_us, slice_of(text, (size_t)len));
}

static void opening_failed(struct backend_conn *conn)
{
    struct server *server = conn->server;
    const struct transport_conn *transport = &conn->h1.conn;
    const struct tls_conn *tls = transport_tls_of(transport);
    bool told = tls && (tls->facts.error || tls->failure);
    const char *why = transport->error ? strerror(transport->error) : "the server closed it";
    say_failed(server, told ? tls_conn_reason(tls) : why);
    if (tls)
        tls_target_failed(tls);
    backend_pool_count(server, BACKEND_POOL_WARM_FAILED);
    backend_conn_close(conn, true);
}

static enum io open_further(struct backend_conn *conn)
{
    struct server *server = conn->server;
    struct transport_conn *transport = &conn->h1.conn;
    enum io io = transport_conn_finish_connect(transport);
    if (io == IO_OK && server->conf->socks4.family != AF_UNSPEC)
        io = transport_socks4_run(transport, &conn->way->socks4, &conn->way->to);
    if (io != IO_OK || !conn->target)
        return io;
    if (!transport->tls) {
        if (!transport_tls_connect(conn->h1.ctx->tls, transport, conn->target, server->conf->sni_name))
            return IO_FAIL;
        backend_pool_count(server, BACKEND_POOL_HANDSHAKES);
    }
    return transport_tls_handshake(transport);
}

static void opening_event(struct mux_stream *stream)
{
    struct backend_conn *conn = CONTAINER_OF(mux_h1_of(stream), struct backend_conn, h1);
    struct server *server = conn->server;
    enum io io = open_further(conn);
    if (io == IO_AGAIN)
        return;
    if (io != IO_OK || backend_conn_ended(conn)) {
        opening_failed(conn);
        return;
    }
    uint64_t now_us = server->backend->ctx->loop->now_us;
    event_timer_set(server->backend->ctx->loop, &conn->timer, 0);
    if (!server->warm_died_us || now_us - server->warm_died_us > FORGET_US)
        server->warm_failures = 0;
    backend_pool_count(server, BACKEND_POOL_WARMED);
    backend_pool_add(conn);
}

// False: no more for now.
static bool open_one(struct server *server)
{
    const struct backend *backend = server->backend;
    struct backend_ctx *ctx = backend->ctx;
    uint64_t limit_us = backend->conf->timeouts.connect ? backend->conf->timeouts.connect : OPEN_US;
    if (!backend_room_take(server, false))
        return false;
    struct backend_conn *conn = backend_connect(server, NULL, &(struct backend_key){ 0 });
    if (!conn) {
        say_failed(server, strerror(errno));
        backend_pool_count(server, BACKEND_POOL_WARM_FAILED);
        return false;
    }
    conn->h1.stream.on_event = opening_event;
    backend_conn_move(conn, BACKEND_CONN_OPENING);
    event_timer_set(ctx->loop, &conn->timer, ctx->loop->now_us + limit_us);
    if (!conn->h1.conn.connecting)
        opening_event(&conn->h1.stream);
    return true;
}

static void warm_fire(struct event_timer *timer)
{
    struct server *server = CONTAINER_OF(timer, struct server, warm_timer);
    struct backend_ctx *ctx = server->backend->ctx;
    uint32_t need = backend_warm_need(server), batch = need / 8;
    batch = batch < 1 ? 1 : batch > MAX_BATCH ? MAX_BATCH : batch;
    timer->due_us = 0;
    bool more = true;
    for (; batch > 0 && more; batch--) {
        uint32_t has = server->num_idle + server->num_used + server->num_pinging + server->num_opening;
        // A server that refuses is asked by one at a time.
        more = has < need && (!server->warm_failures || !server->num_opening) && open_one(server);
    }
    if (server->num_idle + server->num_used + server->num_pinging + server->num_opening < need)
        backend_warm_kick(server);
    (void)ctx;
}

void backend_warm_died(const struct backend_conn *conn)
{
    struct server *server = conn->server;
    uint64_t now_us = server->backend->ctx->loop->now_us;
    if (!server->warm_share || conn->num_uses || now_us - conn->since_us > YOUNG_US)
        return;
    server->warm_died_us = now_us;
    say_failed(server, "the server closes it at once");
}

void backend_warm_kick(struct server *server)
{
    struct backend_ctx *ctx = server->backend->ctx;
    if (LIKELY(!server->warm_share) || ctx->stopping || server->warm_timer.due_us)
        return;
    uint32_t doublings = server->warm_failures < MAX_BACK_OFF ? server->warm_failures : MAX_BACK_OFF;
    uint64_t pause_us = server->warm_failures ? (uint64_t)BACK_OFF_US << doublings : PACE_US;
    event_timer_set(ctx->loop, &server->warm_timer, ctx->loop->now_us + backend_jitter_us(ctx, pause_us));
}

void backend_warm_follow(struct server *server)
{
    const struct backend_ctx *ctx = server->backend->ctx;
    if (server->conf->pool_min_conn)
        server->warm_share = backend_warm_share(server->conf, backend_state_full_maxconn(server->conf),
                                                ctx->global->num_workers, ctx->slot);
}

void backend_warm_init(struct server *server)
{
    struct backend_ctx *ctx = server->backend->ctx;
    event_timer_init(&server->warm_timer, warm_fire);
    backend_warm_follow(server);
    if (server->warm_share)
        event_timer_set(ctx->loop, &server->warm_timer, ctx->loop->now_us + backend_jitter_us(ctx, FIRST_US));
}
