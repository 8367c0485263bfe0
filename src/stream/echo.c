// SPDX-License-Identifier: Apache-2.0
// The service ws-echo: a WebSocket endpoint that sends back each message, for examples and tests. It speaks the
// protocol properly (RFC 6455): masked frames only, pings answered, close answered, control frames within fragmented
// messages.
#include <stdlib.h>
#include "http/websocket.h"
#include "rule/rule.h"
#include "stream/service.h"
#include "stream/track.h"

enum { WS_CONTINUATION = 0, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10, CONTROL_MAX = 125, NO_STATUS = 0 };

// It takes the place of a tunnel: the session sees one whose other end is here.
struct echo {
    struct stream_tunnel tunnel;
    struct http_ws_frame frame;
    uint64_t left;   // payload bytes of the current data frame that have not come yet
    uint64_t offset; // of the next payload byte, for the mask
    bool in_frame;
    bool fragmented; // within a message of several frames
    bool closing;    // a close frame was sent
};

static bool send_control(struct echo *echo, uint8_t opcode, struct slice payload)
{
    char frame[2 + CONTROL_MAX];
    size_t len = http_ws_write_head(frame, opcode, true, payload.len);
    memcpy(frame + len, payload.ptr, payload.len);
    return mux_h1_write(echo->tunnel.front, slice_of(frame, len + payload.len));
}

static bool send_close(struct echo *echo, uint16_t status)
{
    char code[2] = { (char)(status >> 8), (char)status };
    echo->closing = true;
    return send_control(echo, WS_CLOSE, slice_of(code, 2));
}

// A whole control frame is in the buffer. False: the answer does not fit now.
static bool on_control(struct echo *echo, char *payload)
{
    struct http_ws_frame *frame = &echo->frame;
    http_ws_unmask(payload, frame->payload_len, frame->mask, 0);
    struct slice data = slice_of(payload, frame->payload_len);
    if (frame->opcode == WS_CLOSE) {
        bool ok = send_control(echo, WS_CLOSE, slice_of(data.ptr, data.len >= 2 ? 2 : 0));
        echo->closing = ok;
        return ok;
    }
    return frame->opcode != WS_PING || send_control(echo, WS_PONG, data);
}

static bool out_is_full(const struct echo *echo)
{
    return buf_len(&echo->tunnel.front->out) > 8192;
}

// Takes one frame head, control frame or piece of payload off the buffer. False: more bytes, or room, are needed.
static bool step(struct echo *echo)
{
    struct mux_stream *front = &echo->tunnel.front->stream;
    struct http_ws_frame *frame = &echo->frame;
    struct slice data;
    size_t taken;
    if (echo->closing || out_is_full(echo) || mux_stream_pull(front, &data) != IO_OK)
        return false;
    if (echo->in_frame) {
        size_t len = data.len < echo->left ? data.len : (size_t)echo->left;
        http_ws_unmask((char *)data.ptr, len, frame->mask, echo->offset);
        mux_stream_push(front, &taken, slice_of(data.ptr, len));
        // What was not taken is masked again: it will be looked at as if it had just come.
        http_ws_unmask((char *)data.ptr + taken, len - taken, frame->mask, echo->offset + taken);
        mux_stream_consume(front, taken);
        echo->offset += taken;
        echo->left -= taken;
        echo->in_frame = echo->left > 0;
        return taken == len;
    }
    switch (http_ws_parse_head(frame, data)) {
    case HTTP_WS_MORE:
        return mux_h1_fill(echo->tunnel.front);
    case HTTP_WS_BAD:
        return send_close(echo, 1002);
    case HTTP_WS_DONE:
        break;
    }
    bool is_control = frame->opcode >= WS_CLOSE;
    if (!frame->masked || (!is_control && (frame->opcode == WS_CONTINUATION) != echo->fragmented))
        return send_close(echo, 1002);
    if (is_control) {
        if (data.len < frame->head_len + frame->payload_len)
            return mux_h1_fill(echo->tunnel.front);
        if (!on_control(echo, (char *)data.ptr + frame->head_len))
            return false;
        mux_stream_consume(front, frame->head_len + frame->payload_len);
        return true;
    }
    char head[10];
    size_t len = http_ws_write_head(head, frame->opcode, frame->fin, frame->payload_len);
    if (!mux_h1_write(echo->tunnel.front, slice_of(head, len)))
        return false;
    mux_stream_consume(front, frame->head_len);
    echo->fragmented = !frame->fin;
    echo->left = frame->payload_len;
    echo->offset = 0;
    echo->in_frame = echo->left > 0;
    return true;
}

static void echo_end(struct echo *echo, enum stream_next next)
{
    struct stream_tunnel *tunnel = &echo->tunnel;
    const struct stream_host *host = tunnel->host;
    struct proxy_session *session = tunnel->session;
    stream_tunnel_count(tunnel);
    stream_tunnel_part(tunnel);
    stream_track_end(tunnel->ctx, &tunnel->track);
    event_task_cancel(&tunnel->task);
    free(echo);
    host->ended(session, next);
}

static void echo_run(struct stream_tunnel *tunnel)
{
    struct echo *echo = CONTAINER_OF(tunnel, struct echo, tunnel);
    const struct proxy_timeouts *timeouts = &tunnel->session->conf->timeouts;
    uint64_t limit = timeouts->tunnel ? timeouts->tunnel : timeouts->client;
    tunnel->calls++;
    // A share of a turn at a time, as anybody else.
    unsigned steps = 256;
    while (steps && step(echo))
        steps--;
    enum io io = mux_stream_flush(&tunnel->front->stream);
    if (io == IO_FAIL || tunnel->front->conn.failed || tunnel->front->stream.rx_done || tunnel->front->stream.rx_cut ||
        (tunnel->front->conn.read_closed && !buf_len(&tunnel->front->in))) {
        echo_end(echo, STREAM_NEXT_CLOSE);
        return;
    }
    if (io == IO_OK && echo->closing) {
        echo_end(echo, STREAM_NEXT_LINGER);
        return;
    }
    stream_tunnel_count(tunnel);
    if (!steps || (io == IO_OK && buf_len(&tunnel->front->in) && echo->in_frame))
        event_task_wake(tunnel->ctx->loop, &tunnel->task);
    tunnel->act_us = tunnel->ctx->loop->now_us;
    event_timer_set(tunnel->ctx->loop, tunnel->timer, limit ? tunnel->ctx->loop->now_us + limit : 0);
}

static void echo_timeout(struct stream_tunnel *tunnel)
{
    echo_end(CONTAINER_OF(tunnel, struct echo, tunnel), STREAM_NEXT_CLOSE);
}

static void echo_kill(struct stream_tunnel *tunnel, enum stream_end end)
{
    (void)end;
    echo_end(CONTAINER_OF(tunnel, struct echo, tunnel), STREAM_NEXT_RESET);
}

static const struct stream_tunnel_ops echo_ops = { .run = echo_run, .timer_fired = echo_timeout, .kill = echo_kill };

static void on_event(struct mux_stream *front)
{
    echo_run(front->user);
}

static void on_task(struct event_task *task)
{
    echo_run(CONTAINER_OF(task, struct stream_tunnel, task));
}

static bool write_101(struct stream *stream, struct slice key)
{
    static const char head[] = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
                               "sec-websocket-accept: ";
    char accept[HTTP_WS_ACCEPT_LEN];
    return http_ws_accept(accept, key) && mux_h1_write(stream->front, slice_of(head, sizeof(head) - 1)) &&
           mux_h1_write(stream->front, slice_of(accept, sizeof(accept))) &&
           mux_h1_write(stream->front, SLICE("\r\n\r\n"));
}

static enum stream_verdict echo_start(struct stream *stream)
{
    const struct http_head *head = &stream->request;
    int key = http_head_find(head, HTTP_FIELD_SEC_WEBSOCKET_KEY, 0);
    int version = http_head_find(head, HTTP_FIELD_SEC_WEBSOCKET_VERSION, 0);
    if (!stream->upgrade || !(head->flags & HTTP_HEAD_WEBSOCKET) || head->method != HTTP_METHOD_GET || key < 0 ||
        version < 0 || !slice_equal(http_field_value(head, (unsigned)version), SLICE("13")))
        return stream_refuse(stream, 400, STREAM_END_LOCAL, false);
    struct echo *echo = calloc(1, sizeof(*echo));
    if (!echo)
        return stream_refuse(stream, 500, STREAM_END_RESOURCE, true);
    if (!write_101(stream, http_field_value(head, (unsigned)key))) {
        free(echo);
        return stream_refuse(stream, 400, STREAM_END_LOCAL, true);
    }
    stream->status = 101;
    stream->answer_head = true;
    stream->times.answer_us = stream->ctx->loop->now_us;
    stream_note_end(stream, STREAM_END_LOCAL);
    stream_log_line(stream);
    struct stream_tunnel *tunnel = &echo->tunnel;
    stream_tunnel_begin(tunnel, stream, &echo_ops);
    event_task_init(&tunnel->task, on_task);
    backend_count(stream->session->counters, PROXY_COUNT_1XX, 1);
    mux_h1_raw(tunnel->front);
    tunnel->front->stream.user = tunnel;
    tunnel->front->stream.on_event = on_event;
    stream_release(stream);
    tunnel->host->tunnel(tunnel->session, tunnel);
    echo_run(tunnel);
    return STREAM_OVER;
}

static const struct stream_service echo_service = { .start = echo_start };

static const struct rule_service services[] = {
    { .name = "ws-echo",
      .vtable = &echo_service,
      .help = "A WebSocket endpoint that sends back every message, answers pings and closes in order." },
};
RULE_SERVICES(services);
