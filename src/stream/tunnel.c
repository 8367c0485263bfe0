// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include "stream/on_server.h"
#include "stream/steps.h"
#include "stream/trace.h"
#include "stream/track.h"
#include "stream/wish.h"

static void tunnel_run(struct stream_tunnel *tunnel);

static void tunnel_event(struct mux_stream *end)
{
    tunnel_run(end->user);
}

static void tunnel_task(struct event_task *task)
{
    tunnel_run(CONTAINER_OF(task, struct stream_tunnel, task));
}

static void tunnel_arm(struct stream_tunnel *tunnel);
static void tunnel_timer_fired(struct stream_tunnel *tunnel);
static void tunnel_kill(struct stream_tunnel *tunnel, enum stream_end end);

static const struct stream_tunnel_ops tunnel_ops = { .run = tunnel_run,
                                                     .timer_fired = tunnel_timer_fired,
                                                     .kill = tunnel_kill };

enum stream_verdict stream_to_tunnel(struct stream *stream)
{
    struct stream_ctx *ctx = stream->ctx;
    struct stream_tunnel *tunnel = calloc(1, sizeof(*tunnel));
    if (!tunnel)
        return stream_finish(stream, STREAM_END_RESOURCE, STREAM_NEXT_RESET);
    tunnel->back = stream->back;
    tunnel->backend = stream->backend;
    tunnel->server = stream->server;
    stream_tunnel_begin(tunnel, stream, &tunnel_ops);
    stream_server_part(stream);
    list_append(&tunnel->server->tunnels, &tunnel->on_server);
    STREAM_TRACE(stream, STREAM, USER, STRM_TUNNEL, "becomes a tunnel");
    tunnel->has_slot = stream->has_slot;
    tunnel->in_backend = stream->in_backend;
    tunnel->upgraded = stream->head_valid;
    tunnel->timeout_ms = (uint32_t)(stream->wishes.tunnel_timeout_us / 1000);
    tunnel->since_us = tunnel->act_us = ctx->loop->now_us;
    event_task_init(&tunnel->task, tunnel_task);
    stream_tunnel_log_begin(tunnel, stream);
    if (stream->head_valid && stream->status) {
        unsigned class = stream->status / 100;
        backend_count(stream->session->counters, (enum proxy_counter)(PROXY_COUNT_1XX + class - 1), 1);
        backend_count(stream->backend->counters, (enum proxy_counter)(PROXY_COUNT_1XX + class - 1), 1);
    }
    stream_times_count(stream);
    mux_h1_raw(tunnel->front);
    mux_h1_raw(&tunnel->back->h1);
    // Rules that looked at the server's first bytes let the client's go on meanwhile.
    if (stream->step == STREAM_RAW_RESPONSE)
        tunnel->up = stream->up, tunnel->client_fin = stream->up.ended;
    else
        stream_relay_init(&tunnel->up, tunnel->front, &tunnel->back->h1);
    stream_relay_init(&tunnel->down, &tunnel->back->h1, tunnel->front);
    tunnel->front->stream.user = tunnel->back->h1.stream.user = tunnel;
    tunnel->front->stream.on_event = tunnel->back->h1.stream.on_event = tunnel_event;
    tunnel->host->tunnel(tunnel->session, tunnel);
    if (tunnel->kept)
        stream_retire(stream);
    else
        stream_release(stream);
    tunnel_run(tunnel);
    return STREAM_OVER;
}

static void count_end(struct stream_tunnel *tunnel, enum stream_end end)
{
    uint64_t *sets[2] = { tunnel->backend->counters, tunnel->server->counters };
    for (int i = 0; i < 2; i++) {
        if (end == STREAM_END_CLIENT || end == STREAM_END_CLIENT_TIMEOUT)
            backend_count(sets[i], PROXY_COUNT_CLIENT_ABORTS, 1);
        if (end == STREAM_END_SERVER || end == STREAM_END_SERVER_TIMEOUT)
            backend_count(sets[i], PROXY_COUNT_SERVER_ABORTS, 1);
        if (end == STREAM_END_SERVER)
            backend_count(sets[i], PROXY_COUNT_RESP_ERRORS, 1);
    }
    stream_times_count_tunnel(tunnel);
}

static void tunnel_end(struct stream_tunnel *tunnel, enum stream_end end, bool reset)
{
    struct stream_ctx *ctx = tunnel->ctx;
    const struct stream_host *host = tunnel->host;
    struct proxy_session *session = tunnel->session;
    ctx->at_tunnel = NULL;
    stream_relay_fini(&tunnel->up);
    stream_relay_fini(&tunnel->down);
    list_remove(&tunnel->on_server);
    if (tunnel->has_slot)
        backend_slot_give(tunnel->server);
    if (tunnel->in_backend)
        backend_session_end(tunnel->backend);
    stream_tunnel_count(tunnel);
    if (stream_trace_on(ctx, TRACE_STREAM))
        stream_trace_tunnel_say(tunnel, TRACE_LEVEL_USER, TRACE_STRM_TUNNEL, "tunnel ends: %s, %llu bytes in, %llu out",
                                stream_trace_end_name(end), (unsigned long long)tunnel->bytes_in,
                                (unsigned long long)tunnel->bytes_out);
    stream_tunnel_part(tunnel);
    count_end(tunnel, end);
    stream_tunnel_log_end(tunnel, end);
    stream_track_end(ctx, &tunnel->track);
    backend_conn_close(tunnel->back, reset);
    event_task_cancel(&tunnel->task);
    free(tunnel);
    host->ended(session, reset ? STREAM_NEXT_RESET : STREAM_NEXT_CLOSE);
}

static void tunnel_kill(struct stream_tunnel *tunnel, enum stream_end end)
{
    tunnel_end(tunnel, end, true);
}

void stream_tunnel_end(struct stream_tunnel *tunnel, enum stream_end end)
{
    tunnel_end(tunnel, end, false);
}

// One direction; false where the tunnel is over.
static bool run_side(struct stream_tunnel *tunnel, struct stream_relay *relay, bool is_up)
{
    uint64_t moved = 0;
    if (relay->ended || !stream_relay_can_move(relay))
        return true;
    enum stream_relay_state state = stream_relay_run(relay, &moved);
    if (moved)
        tunnel->act_us = tunnel->ctx->loop->now_us;
    switch (state) {
    case STREAM_RELAY_PAUSED:
        event_task_wake(tunnel->ctx->loop, &tunnel->task);
        return true;
    case STREAM_RELAY_DONE:
        // Without lingering a server, or a client that has closed its side, gets a reset for a FIN: that ends both.
        if (is_up ? tunnel->backend->conf->options & PROXY_OPT_NO_LINGER
                  : tunnel->client_fin && tunnel->session->conf->options & PROXY_OPT_NO_LINGER) {
            tunnel_end(tunnel, STREAM_END_OK, false);
            return false;
        }
        // A FIN travels on once all before it is sent.
        transport_conn_shutdown(&relay->dst->conn);
        tunnel->client_fin |= is_up;
        tunnel->server_fin |= !is_up;
        return true;
    case STREAM_RELAY_SRC_FAILED:
        mux_stream_flush(&relay->dst->stream);
        tunnel_end(tunnel, is_up ? STREAM_END_CLIENT : STREAM_END_SERVER, true);
        return false;
    case STREAM_RELAY_DST_FAILED:
        // A server that closed early may have said something before: the other direction finds its end.
        if (is_up)
            return true;
        tunnel_end(tunnel, STREAM_END_CLIENT, true);
        return false;
    default:
        return true;
    }
}

// False: the tunnel is over.
static bool run_both(struct stream_tunnel *tunnel)
{
    if (!run_side(tunnel, &tunnel->up, true) || !run_side(tunnel, &tunnel->down, false))
        return false;
    // After a FIN nobody reads that side any more, and would not see a reset that follows.
    if ((tunnel->client_fin && tunnel->front->conn.has_error) ||
        (tunnel->server_fin && tunnel->back->h1.conn.has_error)) {
        tunnel_end(tunnel, tunnel->client_fin && tunnel->front->conn.has_error ? STREAM_END_CLIENT : STREAM_END_SERVER,
                   true);
        return false;
    }
    if (tunnel->client_fin && tunnel->server_fin) {
        tunnel_end(tunnel, STREAM_END_OK, false);
        return false;
    }
    tunnel_arm(tunnel);
    return true;
}

static void tunnel_run(struct stream_tunnel *tunnel)
{
    struct stream_ctx *ctx = tunnel->ctx;
    struct stream_cost *cost = tunnel->kept && ctx->measures ? &tunnel->kept->cost : NULL;
    if (cost)
        stream_cost_begin(cost, ctx->loop);
    ctx->at_tunnel = tunnel;
    tunnel->calls++;
    bool goes_on = run_both(tunnel);
    ctx->at_tunnel = NULL;
    if (!goes_on)
        return;
    stream_tunnel_count(tunnel);
    if (UNLIKELY(cost != NULL))
        stream_cost_end(cost);
}

static uint64_t side_deadline(uint64_t act_us, uint64_t timeout, uint64_t tunnel_timeout, uint64_t fin_timeout,
                              bool fin)
{
    if (tunnel_timeout)
        timeout = tunnel_timeout;
    if (fin && fin_timeout)
        timeout = fin_timeout;
    return timeout ? act_us + timeout : 0;
}

static uint64_t tunnel_timeout(const struct stream_tunnel *tunnel)
{
    return tunnel->timeout_ms ? tunnel->timeout_ms * UINT64_C(1000) : tunnel->backend->conf->timeouts.tunnel;
}

static uint64_t client_deadline(const struct stream_tunnel *tunnel)
{
    const struct proxy_timeouts *own = &tunnel->session->conf->timeouts;
    return side_deadline(tunnel->act_us, own->client, tunnel_timeout(tunnel), own->client_fin, tunnel->server_fin);
}

static uint64_t server_deadline(const struct stream_tunnel *tunnel)
{
    const struct proxy_timeouts *own = &tunnel->backend->conf->timeouts;
    return side_deadline(tunnel->act_us, own->server, tunnel_timeout(tunnel), own->server_fin, tunnel->client_fin);
}

void stream_tunnel_deadlines(const struct stream_tunnel *tunnel, uint64_t *client_us, uint64_t *server_us)
{
    *client_us = client_deadline(tunnel);
    *server_us = server_deadline(tunnel);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return !a || (b && b < a) ? b : a;
}

static void tunnel_arm(struct stream_tunnel *tunnel)
{
    uint64_t due_us = earlier(client_deadline(tunnel), server_deadline(tunnel));
    event_timer_set(tunnel->ctx->loop, tunnel->timer, earlier(due_us, tunnel->report_us));
}

static void tunnel_timer_fired(struct stream_tunnel *tunnel)
{
    uint64_t now_us = tunnel->ctx->loop->now_us;
    uint64_t client = client_deadline(tunnel);
    uint64_t server = server_deadline(tunnel);
    if (client && client <= now_us) {
        tunnel_end(tunnel, STREAM_END_CLIENT_TIMEOUT, false);
    } else if (server && server <= now_us) {
        tunnel_end(tunnel, STREAM_END_SERVER_TIMEOUT, false);
    } else {
        if (tunnel->report_us && tunnel->report_us <= now_us)
            stream_tunnel_log_report(tunnel);
        tunnel_arm(tunnel);
    }
}
