// SPDX-License-Identifier: Apache-2.0
// How a worker that stops softly takes leave of its clients: which answers say Connection: close.
#include "stream/steps.h"
#include "transport/tls.h"

void stream_ctx_stop(struct stream_ctx *ctx)
{
    const struct global_conf *global = &ctx->program->global;
    ctx->stopping = true;
    ctx->close_never = global->close_never;
    ctx->close_from_us = ctx->loop->now_us;
    ctx->close_spread_us = global->close_spread_time;
}

// Each connection has its own moment within the time of spreading, whatever it has to say meanwhile: with a share of
// all answers, the busiest clients would all come back at its very beginning.
static bool moment_came(const struct stream_ctx *ctx, const struct proxy_session *session)
{
    uint64_t passed_us = ctx->loop->now_us - ctx->close_from_us;
    if (passed_us >= ctx->close_spread_us)
        return true;
    uint64_t mixed = ((uint64_t)(uintptr_t)session ^ session->accept_us << 20) * UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
    return (mixed >> 11) % ctx->close_spread_us < passed_us;
}

// A client that sends requests ahead would lose those that we must not answer any more once we said close (RFC 9112
// section 9.6); and what is still to come of this request may be on its way to a server that has answered early. Such a
// client is told with a later answer.
static bool has_said_all(const struct stream *stream)
{
    struct mux_h1 *front = stream->front;
    const struct tls_conn *tls = transport_tls_of(&front->conn);
    if (!front->stream.rx_done || front->stream.rx_cut || buf_len(&front->in))
        return false;
    if (tls && !tls->facts.done)
        return false;
    return transport_conn_is_alive(&front->conn);
}

void stream_take_leave(struct stream *stream)
{
    struct stream_ctx *ctx = stream->ctx;
    if (LIKELY(!ctx->stopping) || ctx->close_never || !stream->front->keep_alive)
        return;
    if (!moment_came(ctx, stream->session) || !has_said_all(stream))
        return;
    stream->front->keep_alive = false;
    stream->told_leave = true;
}
