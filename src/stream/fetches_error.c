// SPDX-License-Identifier: Apache-2.0
// Fetches of what went wrong: errors of the connections on either side, aborts, what was waited for at the end.
#include <inttypes.h>
#include <stdio.h>
#include "expr/number.h"
#include "stream/act.h"
#include "stream/error.h"
#include "stream/log.h"
#include "stream/put.h"

// ---- connections ----------------------------------------------------------------------------------------------------

static const struct mux_h1 *front_of(const struct expr_subject *subject)
{
    const struct stream *stream = subject->stream;
    return stream ? stream->front : NULL;
}

// NULL without a connection to a server.
static const struct mux_h1 *back_of(const struct expr_subject *subject)
{
    const struct stream *stream = subject->stream;
    return stream && stream->back ? &stream->back->h1 : NULL;
}

static bool front_error(enum stream_error *error, const struct expr_subject *subject)
{
    const struct proxy_session *session = subject->session;
    const struct mux_h1 *front = front_of(subject);
    *error = session->error;
    if (!session->error && front)
        *error = stream_error_of_conn(&front->conn);
    return true;
}

// That of the last connection, where it failed, or of the one there is. False: it did not come to a server.
static bool back_error(enum stream_error *error, const struct expr_subject *subject)
{
    const struct stream *stream = subject->stream;
    const struct mux_h1 *back = back_of(subject);
    if (!stream || !stream->server)
        return false;
    *error = back ? stream_error_of_conn(&back->conn) : stream->back_error;
    return true;
}

#define ERROR_FETCHES(prefix, error_of)                                                                                \
    static bool fetch_##prefix##_err(struct expr_subject *subject, struct expr_sample *out,                            \
                                     const struct expr_arg *args, struct expr_walk *walk)                              \
    {                                                                                                                  \
        enum stream_error error;                                                                                       \
        (void)args, (void)walk;                                                                                        \
        return error_of(&error, subject) && put_int(out, error);                                                       \
    }                                                                                                                  \
    static bool fetch_##prefix##_err_name(struct expr_subject *subject, struct expr_sample *out,                       \
                                          const struct expr_arg *args, struct expr_walk *walk)                         \
    {                                                                                                                  \
        enum stream_error error;                                                                                       \
        (void)args, (void)walk;                                                                                        \
        return error_of(&error, subject) && put_str(out, slice_str(stream_error_name(error)));                         \
    }                                                                                                                  \
    static bool fetch_##prefix##_err_str(struct expr_subject *subject, struct expr_sample *out,                        \
                                         const struct expr_arg *args, struct expr_walk *walk)                          \
    {                                                                                                                  \
        enum stream_error error;                                                                                       \
        (void)args, (void)walk;                                                                                        \
        return error_of(&error, subject) && put_str(out, slice_str(stream_error_message(error)));                      \
    }

ERROR_FETCHES(fc, front_error)
ERROR_FETCHES(bc, back_error)

// ---- streams --------------------------------------------------------------------------------------------------------

static bool is_http(const struct expr_subject *subject)
{
    return ((const struct proxy_session *)subject->session)->conf->mode == PROXY_MODE_HTTP;
}

// The side broke, or ended its messages before they were whole.
static bool is_broken(const struct mux_h1 *h1, bool is_http)
{
    const struct transport_conn *conn = &h1->conn;
    return stream_error_of_conn(conn) != STREAM_ERROR_NONE ||
           (is_http && conn->read_closed && h1->rx_started && !h1->stream.rx_done);
}

static bool fetch_fs_aborted(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                             struct expr_walk *walk)
{
    const struct stream *stream = subject->stream;
    (void)args, (void)walk;
    return stream && put_bool(out, stream->end == STREAM_END_CLIENT || is_broken(front_of(subject), is_http(subject)));
}

static bool fetch_bs_aborted(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                             struct expr_walk *walk)
{
    const struct stream *stream = subject->stream;
    const struct mux_h1 *back = back_of(subject);
    (void)args, (void)walk;
    return stream && stream->server &&
           put_bool(out, stream->end == STREAM_END_SERVER || stream->back_error ||
                             (back && is_broken(back, is_http(subject))));
}

static bool fetch_fs_id(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                        struct expr_walk *walk)
{
    const struct proxy_session *session = subject->session;
    (void)args, (void)walk;
    return subject->stream && put_int(out, is_http(subject) ? (int64_t)session->num_requests : 0);
}

static bool fetch_bs_id(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                        struct expr_walk *walk)
{
    const struct stream *stream = subject->stream;
    (void)args, (void)walk;
    return stream && stream->back && put_int(out, is_http(subject) ? (int64_t)stream->back->num_uses : 0);
}

// Streams of HTTP/1 and TCP are reset with their connection, without a code.
static bool fetch_no_code(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                          struct expr_walk *walk)
{
    (void)subject, (void)out, (void)args, (void)walk;
    return false;
}

// The layers of fs.debug_str and bs.debug_str.
enum { DEBUG_STREAM = 1, DEBUG_MUX = 2, DEBUG_TRANSPORT = 4, DEBUG_CONN = 8, DEBUG_SOCKET = 16, DEBUG_ALL = 31 };

static const char *prepare_layers(struct config *config, struct expr_arg *args, uint32_t num)
{
    const char *wrong = num && args[0].str.len ? expr_arg_number(config, &args[0], 0, DEBUG_ALL) : NULL;
    args[0].num = args[0].num ? args[0].num : DEBUG_ALL;
    return wrong;
}

static size_t put_layer(char *text, size_t cap, const struct mux_h1 *h1, int layer)
{
    const struct transport_conn *conn = &h1->conn;
    int len = 0;
    switch (layer) {
    case DEBUG_SOCKET:
        len = snprintf(text, cap, "fd=%d ", conn->source.fd);
        break;
    case DEBUG_CONN:
        len = snprintf(text, cap, "conn.err=%d conn.rd=%d conn.wr=%d conn.rdclosed=%d conn.wrclosed=%d ", conn->error,
                       conn->can_read, conn->can_write, conn->read_closed, conn->write_closed);
        break;
    case DEBUG_TRANSPORT:
        len = snprintf(text, cap, "xprt=raw ");
        break;
    case DEBUG_MUX:
        len = snprintf(text, cap, "mux.in=%zu mux.out=%zu mux.keep=%d ", buf_len(&h1->in), buf_len(&h1->out),
                       h1->keep_alive);
        break;
    case DEBUG_STREAM:
        len = snprintf(text, cap, "strm.in=%" PRIu64 " strm.out=%" PRIu64 " strm.rxdone=%d ", h1->stream.bytes_in,
                       h1->stream.bytes_out, h1->stream.rx_done);
        break;
    }
    return len < 0 ? 0 : (size_t)len < cap ? (size_t)len : cap - 1;
}

static bool put_layers(struct expr_subject *subject, struct expr_sample *out, const struct mux_h1 *h1, int64_t layers)
{
    char text[512];
    size_t len = 0;
    if (!h1)
        return false;
    for (int layer = DEBUG_SOCKET; layer; layer >>= 1)
        if (layers & layer)
            len += put_layer(text + len, sizeof(text) - len, h1, layer);
    len -= len > 0; // the blank behind the last one
    char *copy = expr_scratch_take(&subject->process->scratch, len);
    if (!copy)
        return false;
    memcpy(copy, text, len);
    return put_str(out, slice_of(copy, len));
}

static bool fetch_fs_debug(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                           struct expr_walk *walk)
{
    (void)walk;
    return put_layers(subject, out, front_of(subject), args[0].num);
}

static bool fetch_bs_debug(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                           struct expr_walk *walk)
{
    (void)walk;
    return put_layers(subject, out, back_of(subject), args[0].num);
}

// ---- the end --------------------------------------------------------------------------------------------------------

// E an error, F the peer's end.
static const char *conn_events(const struct mux_h1 *h1, enum stream_error error)
{
    bool fin = h1 && h1->conn.read_closed;
    return error ? (fin ? "FE" : "E") : fin ? "F" : "";
}

static bool fetch_term_events(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                              struct expr_walk *walk)
{
    static const char letters[] = "-CcSsPLRIKDU";
    enum { ROOM = 32 };
    const struct stream *stream = subject->stream;
    enum stream_error front, back = STREAM_ERROR_NONE;
    (void)args, (void)walk;
    char *text = stream ? expr_scratch_take(&subject->process->scratch, ROOM) : NULL;
    if (!text)
        return false;
    front_error(&front, subject);
    back_error(&back, subject);
    char end[3] = "";
    if (stream->end != STREAM_END_OK)
        end[0] = letters[stream->end], end[1] = stream->end_phase;
    bool bs_aborted = stream->end == STREAM_END_SERVER;
    int len = snprintf(text, ROOM, "{%s,-,%s,%s,%s,-,%s}", conn_events(front_of(subject), front),
                       stream->end == STREAM_END_CLIENT ? "A" : "", end, bs_aborted ? "A" : "",
                       conn_events(back_of(subject), back));
    return put_str(out, slice_of(text, (size_t)len));
}

static bool fetch_waiting(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                          struct expr_walk *walk)
{
    const struct stream *stream = subject->stream;
    (void)args, (void)walk;
    return stream && stream->end != STREAM_END_OK && stream->waited_at &&
           expr_sample_place(subject, out, &stream->waited_at->place);
}

#define FROM_CLIENT .when = EXPR_FROM_CONNECT
#define FROM_SERVER .when = EXPR_FROM_SERVER
#define ROW(row, type, at, fn, text, example)                                                                          \
    {                                                                                                                  \
        .name = row, .out = type, at, .fetch = fn, .help = text, .good = row example                                   \
    }
#define DEBUG_ROW(row, at, fn, text)                                                                                   \
    {                                                                                                                  \
        .name = row, .args = "[<bitmap>]", .max_args = 1, .out = EXPR_STR, at, .prepare = prepare_layers, .fetch = fn, \
        .help = text, .good = row "(24) -m found", .bad = row "(32)", .bad_says = "expected a number from 0 to 31"     \
    }

static const struct expr_fetch fetches[] = {
    ROW("fc_err", EXPR_INT, FROM_CLIENT, fetch_fc_err,
        "The number of the error that befell the client's connection, 0 for none. Log lines see it.", " gt 0"),
    ROW("fc_err_name", EXPR_STR, FROM_CLIENT, fetch_fc_err_name, "The name of that error: one word, empty for none.",
        " PRX_EMPTY"),
    ROW("fc_err_str", EXPR_STR, FROM_CLIENT, fetch_fc_err_str, "That error in words; Success for none.",
        " -m sub PROXY"),
    ROW("bc_err", EXPR_INT, FROM_SERVER, fetch_bc_err,
        "The number of the error that befell the last connection to a server, 0 for none.", " 46"),
    ROW("bc_err_name", EXPR_STR, FROM_SERVER, fetch_bc_err_name, "The name of that error: one word, empty for none.",
        " EREFUSED"),
    ROW("bc_err_str", EXPR_STR, FROM_SERVER, fetch_bc_err_str, "That error in words; Success for none.",
        " -m sub ECONNREFUSED"),
    ROW("fs.aborted", EXPR_BOOL, FROM_CLIENT, fetch_fs_aborted, "Whether the client broke off.", ""),
    ROW("bs.aborted", EXPR_BOOL, FROM_SERVER, fetch_bs_aborted, "Whether the server broke off.", ""),
    ROW("fs.id", EXPR_INT, FROM_CLIENT, fetch_fs_id,
        "The number of the stream on the client's connection: for HTTP/1 that of the request, 0 in tcp mode.", " 1"),
    ROW("bs.id", EXPR_INT, FROM_SERVER, fetch_bs_id,
        "The number of the stream on the server's connection: for HTTP/1 that of the request, 0 in tcp mode.", " 1"),
    ROW("fs.rst_code", EXPR_INT, FROM_CLIENT, fetch_no_code,
        "The code with which an HTTP/2 client reset its stream; HTTP/1 has none.", " 8"),
    ROW("bs.rst_code", EXPR_INT, FROM_SERVER, fetch_no_code,
        "The code with which an HTTP/2 server reset its stream; HTTP/1 has none.", " 8"),
    DEBUG_ROW("fs.debug_str", FROM_CLIENT, fetch_fs_debug,
              "States of the client's side as name=value, for developers: of the socket (16), the connection (8), the "
              "transport (4), the multiplexer (2) and its stream (1); the sum chooses, 0 means all."),
    DEBUG_ROW("bs.debug_str", FROM_SERVER, fetch_bs_debug, "As fs.debug_str, of the server's side."),
    ROW("term_events", EXPR_STR, FROM_CLIENT, fetch_term_events,
        "What ended the stream, for developers: of the client's connection, its multiplexer (-) and its stream, of the "
        "exchange (as in the log line), and of the server's stream, multiplexer (-) and connection.",
        " -m found"),
    ROW("waiting_entity", EXPR_STR, FROM_CLIENT, fetch_waiting,
        "File and line, with a colon between, of the rule that waited when an error or a timeout ended the exchange.",
        " -m found"),
};
EXPR_FETCHES(fetches);
