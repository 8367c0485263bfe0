// SPDX-License-Identifier: Apache-2.0
// What is told of a tunnel while it lives and when it ends: counters, the number of open ones, log lines.
#include "stream/on_server.h"
#include "stream/steps.h"
#include "stream/track.h"
#include "stream/wish.h"

// The objects that count a tunnel; one that a built-in service took is only the frontend's.
struct counted {
    uint64_t *counters;
    uint32_t object;
};

static uint32_t counted_by(struct counted *out, const struct stream_tunnel *tunnel)
{
    out[0] = (struct counted){ tunnel->session->counters, tunnel->session->conf->fe_object };
    if (!tunnel->server)
        return 1;
    out[1] = (struct counted){ tunnel->backend->counters, tunnel->backend->conf->be_object };
    out[2] = (struct counted){ tunnel->server->counters, tunnel->server->conf->object };
    return 3;
}

// What the stream has moved already, and neither its counters nor what it tracks know yet.
static void count_begun(struct stream_tunnel *tunnel, const struct stream *stream)
{
    const struct mux_stream *front = &tunnel->front->stream;
    tunnel->bytes_in = front->bytes_in;
    tunnel->bytes_out = front->bytes_out;
    stream_count_bytes(tunnel->session, tunnel->backend, tunnel->server, front->bytes_in - stream->counted_in,
                       front->bytes_out - stream->counted_out);
    if (tunnel->session->track || tunnel->track)
        stream_track_bytes(tunnel->ctx, tunnel->session, tunnel->track, front->bytes_in - stream->track_in,
                           front->bytes_out - stream->track_out);
}

void stream_tunnel_begin(struct stream_tunnel *tunnel, struct stream *stream, const struct stream_tunnel_ops *ops)
{
    struct stream_ctx *ctx = stream->ctx;
    struct counted by[3];
    tunnel->ops = ops;
    tunnel->ctx = ctx;
    tunnel->session = stream->session;
    tunnel->host = stream->host;
    tunnel->timer = stream->timer;
    tunnel->front = stream->front;
    tunnel->number = stream->number;
    tunnel->calls = stream->calls;
    tunnel->began_us = stream->times.first_us;
    tunnel->track = stream->track;
    stream->track = NULL;
    count_begun(tunnel, stream);
    ctx->num_tunnels++;
    for (uint32_t i = counted_by(by, tunnel); i--;) {
        backend_count(by[i].counters, PROXY_COUNT_TUNNELS, 1);
        backend_count(by[i].counters, PROXY_COUNT_OPEN_TUNNELS, 1);
        // Of two processes that open one at once, one sees both.
        atomic_thread_fence(memory_order_seq_cst);
        proxy_gauge_raise(&board_gauges(ctx->board, by[i].object)[PROXY_GAUGE_TUNNELS_MAX],
                          board_counter_sum(ctx->board, by[i].object, PROXY_COUNT_OPEN_TUNNELS));
    }
}

void stream_tunnel_part(struct stream_tunnel *tunnel)
{
    struct counted by[3];
    tunnel->ctx->num_tunnels--;
    for (uint32_t i = counted_by(by, tunnel); i--;)
        backend_count(by[i].counters, PROXY_COUNT_OPEN_TUNNELS, UINT64_MAX);
}

static inline void count(const struct stream_tunnel *tunnel, enum proxy_counter which, uint64_t add)
{
    proxy_session_count(tunnel->session, which, add);
    if (LIKELY(tunnel->server != NULL)) {
        backend_count(tunnel->backend->counters, which, add);
        backend_count(tunnel->server->counters, which, add);
    }
}

void stream_tunnel_count(struct stream_tunnel *tunnel)
{
    const struct mux_stream *front = &tunnel->front->stream;
    uint64_t in = front->bytes_in - tunnel->bytes_in, out = front->bytes_out - tunnel->bytes_out;
    stream_count_spliced(tunnel->session, tunnel->backend, &tunnel->up, &tunnel->down);
    if (in) {
        tunnel->bytes_in = front->bytes_in;
        count(tunnel, PROXY_COUNT_BYTES_IN, in);
    }
    if (out) {
        tunnel->bytes_out = front->bytes_out;
        count(tunnel, PROXY_COUNT_BYTES_OUT, out);
    }
    if (UNLIKELY(tunnel->session->track || tunnel->track))
        stream_track_bytes(tunnel->ctx, tunnel->session, tunnel->track, in, out);
}

void stream_tunnel_log_begin(struct stream_tunnel *tunnel, struct stream *stream)
{
    const struct proxy_conf *frontend = stream->session->conf;
    const struct stream_ctx *ctx = stream->ctx;
    bool asap = frontend->options & PROXY_OPT_LOG_ASAP;
    bool at_close = !frontend->log_steps || frontend->log_steps & 1u << PROXY_LOG_AT_CLOSE;
    if (!stream_log_is_due(frontend))
        return;
    if (asap)
        stream_log_line(stream);
    tunnel->is_told = asap || !at_close;
    if (stream->wishes.log_level == STREAM_LEVEL_SILENT || (tunnel->is_told && !frontend->log_tunnel_us))
        return;
    struct stream_log log;
    if (frontend->log_wants_source)
        stream_note_source(stream);
    stream_log_fill(&log, stream);
    tunnel->log = stream_log_keep(&log, ctx->program->global.log_uri_len);
    if (tunnel->log && frontend->log_wants_stream)
        tunnel->kept = stream;
    if (tunnel->log && frontend->log_tunnel_us)
        tunnel->report_us = ctx->loop->now_us + frontend->log_tunnel_us;
}

// Writes a line of what the tunnel is now.
static void write_line(struct stream_tunnel *tunnel, struct stream_log *log)
{
    struct stream *kept = tunnel->kept;
    log->end_us = tunnel->ctx->loop->now_us;
    log->bytes_in = tunnel->front->stream.bytes_in;
    log->bytes_out = tunnel->front->stream.bytes_out;
    if (kept) {
        kept->end = log->end;
        kept->end_phase = log->end_phase;
        kept->bytes_in = log->bytes_in;
        kept->bytes_out = log->bytes_out;
        kept->back = tunnel->back;
        kept->track = tunnel->track;
    }
    stream_log_write(tunnel->ctx, log, kept);
    if (kept) {
        kept->track = NULL;
        kept->back = NULL;
    }
}

void stream_tunnel_log_report(struct stream_tunnel *tunnel)
{
    uint64_t now_us = tunnel->ctx->loop->now_us;
    uint64_t every_us = tunnel->session->conf->log_tunnel_us;
    struct stream_log line = *tunnel->log;
    line.asap = true;
    line.step = PROXY_LOG_AT_TUNNEL;
    line.end = STREAM_END_OK;
    line.end_phase = '-';
    write_line(tunnel, &line);
    // From the time it was due, so that lines stay evenly apart; a process that stood still does not make up for it.
    tunnel->report_us += every_us;
    if (tunnel->report_us <= now_us)
        tunnel->report_us = now_us + every_us;
}

void stream_tunnel_log_end(struct stream_tunnel *tunnel, enum stream_end end)
{
    struct stream_log *log = tunnel->log;
    if (!log)
        return;
    bool is_null = !tunnel->front->stream.bytes_in && !tunnel->front->stream.bytes_out;
    log->end = (uint8_t)end;
    // As HAProxy has it, a tunnel that is killed was in no phase.
    log->end_phase = end == STREAM_END_OK || end >= STREAM_END_KILLED ? '-' : 'D';
    if (!tunnel->is_told && (!is_null || !(log->frontend->options & PROXY_OPT_DONT_LOG_NULL)))
        write_line(tunnel, log);
    if (tunnel->kept)
        stream_release(tunnel->kept);
    tunnel->kept = NULL;
    tunnel->log = NULL;
    stream_log_free(log);
}
