// SPDX-License-Identifier: Apache-2.0
// pool-idle-ping: a request now and then on a connection that nobody uses, so that the server does not take it for
// forgotten. The connection is off the pool meanwhile, so that no client's request meets it.
#include <stdlib.h>
#include "backend/pool.h"

enum { ANSWER_US = 5000000 };

void backend_ping_arm(struct backend_conn *conn)
{
    struct backend_ctx *ctx = conn->server->backend->ctx;
    if (conn->timer.due_us)
        return;
    // Those that became idle together are not pinged together; none later than it was asked for.
    uint64_t us = conn->server->conf->pool_ping_us * 4 / 5;
    event_timer_set(ctx->loop, &conn->timer, conn->since_us + backend_jitter_us(ctx, us));
}

static void failed(struct backend_conn *conn)
{
    backend_pool_count(conn->server, BACKEND_POOL_PINGS_FAILED);
    backend_conn_close(conn, false);
}

static enum mux_head read_answer(struct backend_conn *conn)
{
    struct backend_ctx *ctx = conn->server->backend->ctx;
    struct mux_stream *stream = &conn->h1.stream;
    for (;;) {
        struct http_head head;
        http_head_init(&head, ctx->ping_fields, ctx->mux->max_fields);
        enum mux_head result = mux_stream_read_head(stream, &head, HTTP_METHOD_HEAD);
        if (result != MUX_HEAD_OK || head.status >= 200)
            return result == MUX_HEAD_OK && !mux_h1_can_reuse(&conn->h1) ? MUX_HEAD_BAD : result;
        if (head.status == 101)
            return MUX_HEAD_BAD;
        stream->rx_done = false;
        mux_h1_unpin(&conn->h1);
    }
}

static void ping_event(struct mux_stream *stream)
{
    struct backend_conn *conn = CONTAINER_OF(mux_h1_of(stream), struct backend_conn, h1);
    struct event_loop *loop = conn->server->backend->ctx->loop;
    if (mux_stream_flush(stream) == IO_FAIL) {
        failed(conn);
        return;
    }
    enum mux_head result = read_answer(conn);
    if (result == MUX_HEAD_AGAIN)
        return;
    if (result != MUX_HEAD_OK) {
        failed(conn);
        return;
    }
    mux_h1_unpin(&conn->h1);
    mux_h1_next(&conn->h1);
    if (conn->h1.conn.can_read && !transport_conn_is_alive(&conn->h1.conn)) {
        failed(conn);
        return;
    }
    backend_pool_count(conn->server, BACKEND_POOL_PINGS);
    event_timer_set(loop, &conn->timer, 0);
    backend_pool_add(conn);
}

void backend_ping_begin(struct backend_conn *conn)
{
    const struct server *server = conn->server;
    struct backend_ctx *ctx = server->backend->ctx;
    const char *text = server->conf->pool_ping_text;
    // It was used since the timer was set.
    uint64_t period_us = server->conf->pool_ping_us;
    if (!period_us)
        return;
    if (ctx->loop->now_us < conn->since_us + period_us / 2) {
        backend_ping_arm(conn);
        return;
    }
    if (!ctx->ping_fields)
        ctx->ping_fields = calloc(ctx->mux->max_fields, sizeof(*ctx->ping_fields));
    if (!ctx->ping_fields || backend_conn_ended(conn)) {
        backend_pool_dead(conn);
        return;
    }
    backend_conn_move(conn, BACKEND_CONN_PINGING);
    mux_h1_next(&conn->h1);
    conn->h1.stream.on_event = ping_event;
    conn->h1.stream.tx_done = true;
    if (!mux_h1_write(&conn->h1, slice_str(text))) {
        failed(conn);
        return;
    }
    uint64_t limit_us = server->backend->conf->timeouts.connect;
    event_timer_set(ctx->loop, &conn->timer, ctx->loop->now_us + (limit_us ? limit_us : ANSWER_US));
    ping_event(&conn->h1.stream);
}
