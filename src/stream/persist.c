// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include "proxy/answer.h"
#include "stream/act.h"
#include "stream/content.h"
#include "stream/hello.h"
#include "stream/persist.h"

static bool may_be_named(const struct stream *stream, const struct server *server)
{
    return stream->force_persist || stream->backend->conf->options & PROXY_OPT_PERSIST ||
           backend_server_is_usable(server);
}

// "ADDRESS.PORT.RESERVED": the address as a number whose lowest byte comes first, the port with its bytes swapped.
static bool read_rdp(uint8_t ip[4], uint16_t *port, struct slice value)
{
    uint64_t address, swapped;
    size_t dot = slice_find(value, '.');
    if (dot == value.len || !slice_to_u64(slice_of(value.ptr, dot), &address) || address > UINT32_MAX)
        return false;
    value = slice_from(value, dot + 1);
    dot = slice_find(value, '.');
    if (dot == value.len || !slice_to_u64(slice_of(value.ptr, dot), &swapped) || swapped > UINT16_MAX)
        return false;
    for (int i = 0; i < 4; i++)
        ip[i] = (uint8_t)(address >> 8 * i);
    *port = (uint16_t)((swapped & 0xff) << 8 | swapped >> 8);
    return true;
}

struct server *stream_persist_rdp(struct stream *stream)
{
    struct backend *backend = stream->backend;
    const char *wanted = backend->conf->be.rdp_cookie;
    struct slice data, name, value;
    uint16_t port;
    uint8_t ip[4];
    if (LIKELY(!wanted) || stream->head_valid || stream->ignore_persist)
        return NULL;
    stream->subject.when = EXPR_AT_REQUEST_CONTENT;
    stream->subject.final = true;
    bool known = stream_content_raw(&data, &stream->subject, false) &&
                 stream_hello_rdp(&name, &value, data) == STREAM_HELLO_OK &&
                 slice_equal_nocase(name, slice_str(wanted)) && read_rdp(ip, &port, value);
    for (uint32_t i = 0; known && i < backend->num_servers; i++) {
        struct server *server = backend->servers[i];
        const struct transport_address *addr = &server->conf->addr;
        if (addr->family == AF_INET && addr->port == port && memcmp(addr->ip, ip, sizeof(ip)) == 0)
            return may_be_named(stream, server) ? server : NULL;
    }
    return NULL;
}

static bool is_patient(const struct stream *stream, const struct server *server)
{
    uint32_t most = stream->backend->conf->be.keep_alive_queue;
    struct board *board = stream->ctx->board;
    uint32_t limit = backend_server_maxconn(server);
    if (!most || !limit || board_lane_sum(board, server->conf->object) < limit)
        return true;
    return board_queue_len(board, stream->backend->conf->be_object, server->conf->object) + 1 < most;
}

struct server *stream_persist_last(const struct stream *stream)
{
    const struct proxy_session *session = stream->session;
    const struct backend_conn *conn = session->own_conn;
    if (LIKELY(!conn) || !stream->head_valid || conn->server->backend != stream->backend ||
        !backend_server_is_open(conn->server))
        return NULL;
    if (session->prefers_last)
        return conn->server;
    const struct proxy_conf *conf = stream->backend->conf;
    // Where a hash decides, it decides the same again.
    if (!(conf->options & PROXY_OPT_PREFER_LAST) || conf->be.balance.algorithm >= PROXY_BALANCE_SOURCE)
        return NULL;
    return is_patient(stream, conn->server) ? conn->server : NULL;
}

bool stream_redirect_away(struct stream *stream, struct server *server, enum stream_verdict *verdict)
{
    const char *prefix = server->conf->redir;
    uint16_t method = stream->request.method;
    if (LIKELY(!prefix) || !stream->head_valid || (method != HTTP_METHOD_GET && method != HTTP_METHOD_HEAD))
        return false;
    struct expr_scratch *scratch = &stream->ctx->expr.scratch;
    struct slice path = http_head_pathq(&stream->request);
    size_t len = strlen(prefix);
    uint32_t mark = expr_scratch_mark(scratch);
    char *text = expr_scratch_take(scratch, len + path.len + 1);
    struct proxy_answer *answer = text ? stream_reply_copy(stream, server->conf->redir_answer) : NULL;
    bool ok = answer != NULL;
    if (ok) {
        memcpy(text, prefix, len);
        if (path.len)
            memcpy(text + len, path.ptr, path.len);
        ok = http_head_add(&answer->head, SLICE("location"), slice_of(text, len + path.len));
    }
    expr_scratch_release(scratch, mark);
    stream->server = server;
    // As of the log, it is what came of connecting.
    stream_step_set(stream, STREAM_CONNECT);
    *verdict = ok ? stream_answer_with(stream, answer, STREAM_END_LOCAL)
                  : stream_refuse(stream, 500, STREAM_END_RESOURCE, false);
    return true;
}
