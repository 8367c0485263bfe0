// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "stream/trace.h"
#include "stream/view.h"
#include "transport/tls.h"

enum { TRACE_TEXT_MAX = 800 };

// A line being made; what does not fit is left out.
struct line {
    size_t len;
    char text[TRACE_TEXT_MAX];
};

static void put_v(struct line *line, const char *format, va_list args)
{
    int len = vsnprintf(line->text + line->len, sizeof(line->text) - line->len, format, args);
    if (len > 0)
        line->len += (size_t)len;
    if (line->len > sizeof(line->text) - 1)
        line->len = sizeof(line->text) - 1;
}

static __attribute__((format(printf, 2, 3))) void put(struct line *line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put_v(line, format, args);
    va_end(args);
}

// What a client or server sent may hold anything; a line stays a line.
static void put_text(struct line *line, struct slice text)
{
    for (size_t i = 0; i < text.len && line->len + 5 < sizeof(line->text); i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\')
            line->text[line->len++] = (char)c;
        else
            put(line, "\\x%02X", c);
    }
}

// ---- whom it is about

static void point_session(struct trace_point *point, const struct proxy_session *session)
{
    const struct transport_address *src = &session->src;
    point->frontend = session->conf->fe_object;
    point->listener = session->bind->object;
    point->session = session->number;
    if (src->family == AF_INET || src->family == AF_INET6) {
        point->ip = src->ip;
        point->ip_len = src->family == AF_INET ? 4 : 16;
    }
}

static void point_stream(struct trace_point *point, const struct stream *stream)
{
    point_session(point, stream->session);
    point->backend = stream->backend ? stream->backend->conf->be_object : 0;
    point->server = stream->server ? stream->server->conf->object : 0;
    point->stream = (uint32_t)stream->number;
    point->id = stream_view_id(stream->ctx->board, stream->ctx->inc, stream->number);
}

static void put_who(struct line *line, enum trace_verbosity verbosity, const struct proxy_session *session,
                    const struct backend *backend, const struct server *server)
{
    if (verbosity >= TRACE_CLEAN) {
        put(line, "fe=%s ", session->conf->name);
        if (backend)
            put(line, "be=%s ", backend->conf->name);
        if (server)
            put(line, "srv=%s ", server->conf->name);
    }
    if (verbosity >= TRACE_MINIMAL) {
        char address[TRANSPORT_ADDRESS_TEXT_MAX];
        size_t len = transport_address_text(&session->src, address);
        put(line, "src=%.*s ", len ? (int)len : 4, len ? address : "unix");
    }
}

static void put_request(struct line *line, const struct stream *stream)
{
    enum { TARGET_MAX = 128 };
    if (stream->head_valid) {
        struct slice target = http_head_target(&stream->request);
        put(line, "req=\"");
        put_text(line, http_head_method(&stream->request));
        put(line, " ");
        put_text(line, slice_of(target.ptr, target.len < TARGET_MAX ? target.len : TARGET_MAX));
        put(line, "%s\" ", target.len > TARGET_MAX ? "..." : "");
    }
    if (stream->status)
        put(line, "status=%u ", stream->status);
}

static void put_stream(struct line *line, enum trace_verbosity verbosity, const struct stream *stream)
{
    put_who(line, verbosity, stream->session, stream->backend, stream->server);
    if (verbosity >= TRACE_SIMPLE)
        put_request(line, stream);
    if (verbosity >= TRACE_ADVANCED) {
        const struct mux_stream *front = &stream->front->stream;
        put(line, "age_us=%llu in=%llu out=%llu retries=%u ",
            (unsigned long long)(stream->ctx->loop->now_us - stream->times.idle_us),
            (unsigned long long)front->bytes_in, (unsigned long long)front->bytes_out, stream->retries);
        if (stream->back)
            put(line, "fds=%d,%d ", stream->front->conn.source.fd, stream->back->h1.conn.source.fd);
    }
}

// ---- what happened

void stream_trace_say(const struct stream *stream, enum trace_source source, enum trace_level level, uint32_t event,
                      const char *format, ...)
{
    struct trace_point point = { .source = source, .level = level, .event = event };
    struct line line = { 0 };
    va_list args;
    // One that only waited for the next request of its connection is none yet.
    if (source == TRACE_STREAM && !stream->times.first_us && stream->end == STREAM_END_OK)
        return;
    point_stream(&point, stream);
    if (!trace_begin(&point))
        return;
    put_stream(&line, trace_verbosity_of(source), stream);
    put(&line, ": ");
    va_start(args, format);
    put_v(&line, format, args);
    va_end(args);
    trace_end(&point, slice_of(line.text, line.len));
}

void stream_trace_session_say(const struct stream_ctx *ctx, const struct proxy_session *session,
                              enum trace_source source, enum trace_level level, uint32_t event, const char *format, ...)
{
    struct trace_point point = { .source = source, .level = level, .event = event };
    struct line line = { 0 };
    va_list args;
    (void)ctx;
    point_session(&point, session);
    if (!trace_begin(&point))
        return;
    put_who(&line, trace_verbosity_of(source), session, NULL, NULL);
    put(&line, ": ");
    va_start(args, format);
    put_v(&line, format, args);
    va_end(args);
    trace_end(&point, slice_of(line.text, line.len));
}

void stream_trace_tunnel_say(const struct stream_tunnel *tunnel, enum trace_level level, uint32_t event,
                             const char *format, ...)
{
    struct trace_point point = { .source = TRACE_STREAM, .level = level, .event = event };
    struct line line = { 0 };
    va_list args;
    point_session(&point, tunnel->session);
    point.backend = tunnel->backend ? tunnel->backend->conf->be_object : 0;
    point.server = tunnel->server ? tunnel->server->conf->object : 0;
    point.stream = (uint32_t)tunnel->number;
    point.id = stream_view_id(tunnel->ctx->board, tunnel->ctx->inc, tunnel->number);
    if (!trace_begin(&point))
        return;
    put_who(&line, trace_verbosity_of(TRACE_STREAM), tunnel->session, tunnel->backend, tunnel->server);
    put(&line, ": ");
    va_start(args, format);
    put_v(&line, format, args);
    va_end(args);
    trace_end(&point, slice_of(line.text, line.len));
}

void stream_trace_step(const struct stream *stream, enum stream_step before)
{
    stream_trace_say(stream, TRACE_STREAM, TRACE_LEVEL_STATE, TRACE_STRM_PROC, "step \"%s\", after \"%s\"",
                     stream_step_name((enum stream_step)stream->step), stream_step_name(before));
}

static const char *relay_wait(const struct stream *stream)
{
    const struct stream_relay *up = &stream->up, *down = &stream->down;
    if (stream->settle_due_us)
        return "the kernel's word on what became of the request";
    if (stream->rule)
        return "a rule";
    if (!up->ended && !up->broken)
        return up->waits == STREAM_RELAY_NEEDS_SRC ? "the rest of the request" : "the server to take the request";
    if (!stream->response_valid)
        return "the answer's head";
    return down->waits == STREAM_RELAY_NEEDS_SRC ? "the rest of the answer" : "the client to take the answer";
}

static const char *connect_wait(const struct stream *stream)
{
    if (stream->retry_wait)
        return "the next attempt";
    if (!stream->back)
        return stream->patient ? "a connection to come back to the pool" : "a place among the server's connections";
    return stream->back->h1.conn.tls ? "the TLS handshake with the server" : "the connection to the server";
}

static const char *what_for(const struct stream *stream)
{
    switch ((enum stream_step)stream->step) {
    case STREAM_READ_HEAD:
        return "the request's head";
    case STREAM_CONTENT_RULES:
    case STREAM_REQUEST_RULES:
    case STREAM_BACKEND_CONTENT:
    case STREAM_BACKEND_RULES:
        return stream->rule ? "a rule" : "the request's body";
    case STREAM_PICK_BACKEND:
    case STREAM_PICK_SERVER:
        return "what balancing looks at";
    case STREAM_QUEUE:
        return stream->server ? "a slot of its server" : "a slot of any server";
    case STREAM_CONNECT:
        return connect_wait(stream);
    case STREAM_SEND_HEAD:
        return "the server to take the head";
    case STREAM_RAW_RESPONSE:
        return "the server's first bytes";
    case STREAM_RELAY:
        return relay_wait(stream);
    case STREAM_ANSWER:
        return "the client to take the answer";
    default:
        return "nothing";
    }
}

void stream_trace_wait(const struct stream *stream)
{
    if (stream_trace_on(stream->ctx, TRACE_STREAM))
        stream_trace_say(stream, TRACE_STREAM, TRACE_LEVEL_STATE, TRACE_STRM_WAIT, "waits at \"%s\" for %s",
                         stream_step_name((enum stream_step)stream->step), what_for(stream));
}

const char *stream_trace_end_name(enum stream_end end)
{
    static const char *const names[] = {
        [STREAM_END_OK] = "complete",
        [STREAM_END_CLIENT] = "the client left",
        [STREAM_END_CLIENT_TIMEOUT] = "the client was late",
        [STREAM_END_SERVER] = "the server failed",
        [STREAM_END_SERVER_TIMEOUT] = "the server was late",
        [STREAM_END_PROXY] = "denied or malformed",
        [STREAM_END_LOCAL] = "answered here",
        [STREAM_END_RESOURCE] = "resources ran out",
        [STREAM_END_INTERNAL] = "internal error",
        [STREAM_END_KILLED] = "killed",
        [STREAM_END_DOWN] = "its server went down",
        [STREAM_END_UP] = "a server that is no backup came back",
    };
    return end < NUM_ITEMS(names) ? names[end] : "?";
}

void stream_trace_end(const struct stream *stream)
{
    enum stream_end end = (enum stream_end)stream->end;
    bool is_error = end != STREAM_END_OK && end != STREAM_END_LOCAL;
    if (!stream_trace_on(stream->ctx, TRACE_STREAM))
        return;
    if (is_error)
        stream_trace_say(stream, TRACE_STREAM, TRACE_LEVEL_ERROR, TRACE_STRM_ERR, "cut short: %s, phase %c",
                         stream_trace_end_name(end), stream->end_phase ? stream->end_phase : '-');
    stream_trace_say(stream, TRACE_STREAM, TRACE_LEVEL_USER, TRACE_STRM_FREE,
                     "end: %s, status %u, %llu bytes in, %llu out, %llu us", stream_trace_end_name(end), stream->status,
                     (unsigned long long)stream->bytes_in, (unsigned long long)stream->bytes_out,
                     (unsigned long long)(stream->ctx->loop->now_us - stream->times.idle_us));
}

static void say_line(const struct stream *stream, uint32_t event, enum trace_level level, const char *sign,
                     struct slice first, const char *between, struct slice second)
{
    struct trace_point point = { .source = TRACE_H1, .level = level, .event = event };
    struct line line = { 0 };
    point_stream(&point, stream);
    if (!trace_begin(&point))
        return;
    put_who(&line, trace_verbosity_of(TRACE_H1), stream->session, stream->backend, stream->server);
    put(&line, ": %s ", sign);
    put_text(&line, first);
    put(&line, "%s", between);
    put_text(&line, second);
    trace_end(&point, slice_of(line.text, line.len));
}

// Fields that prove who somebody is are not for a ring that many can read.
static struct slice field_shown(const struct http_head *head, unsigned i)
{
    switch (head->fields[i].id) {
    case HTTP_FIELD_AUTHORIZATION:
    case HTTP_FIELD_PROXY_AUTHORIZATION:
    case HTTP_FIELD_COOKIE:
    case HTTP_FIELD_SET_COOKIE:
        return SLICE("(not shown)");
    default:
        return http_field_value(head, i);
    }
}

void stream_trace_head(const struct stream *stream, const struct http_head *head, bool received)
{
    uint32_t event = received ? TRACE_H1_RX_HDRS : TRACE_H1_TX_HDRS;
    const char *sign = received ? "<" : ">";
    char status[16];
    if (head->is_response) {
        snprintf(status, sizeof(status), "HTTP/1.%c %u", head->flags & HTTP_HEAD_VERSION_10 ? '0' : '1', head->status);
        say_line(stream, event, TRACE_LEVEL_USER, sign, slice_str(status), " ",
                 http_head_text(head, head->reason, head->reason_len));
    } else {
        say_line(stream, event, TRACE_LEVEL_USER, sign, http_head_method(head), " ", http_head_target(head));
    }
    if (trace_verbosity_of(TRACE_H1) < TRACE_COMPLETE)
        return;
    for (unsigned i = 0; i < head->num_fields; i++)
        if (head->fields[i].name_len)
            say_line(stream, event, TRACE_LEVEL_PROTO, sign,
                     http_head_text(head, head->fields[i].name, head->fields[i].name_len), ": ", field_shown(head, i));
}

void stream_trace_conn(const struct stream *stream, const char *what)
{
    const struct backend_conn *back = stream->back;
    stream_trace_say(stream, TRACE_STREAM, TRACE_LEVEL_PROTO, TRACE_STRM_CONN, "server connection fd %d %s, %u uses",
                     back ? back->h1.conn.source.fd : -1, what, back ? back->num_uses : 0);
}

void stream_trace_tls(const struct stream *stream, const char *reason)
{
    const struct tls_conn *tls = stream->back ? transport_tls_of(&stream->back->h1.conn) : NULL;
    if (reason)
        stream_trace_say(stream, TRACE_SSL, TRACE_LEVEL_ERROR, TRACE_SSL_SERVER | TRACE_SSL_ERR,
                         "handshake with the server failed: %s", reason);
    else
        stream_trace_say(stream, TRACE_SSL, TRACE_LEVEL_PROTO, TRACE_SSL_SERVER, "handshake with the server: %s, %s",
                         tls && tls->facts.version ? tls_version_name(tls->facts.version) : "?",
                         tls && tls->facts.resumed ? "resumed" : "full");
}
