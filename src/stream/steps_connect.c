// SPDX-License-Identifier: Apache-2.0
// A connection for a stream that has its server: one of the pool's, or a new one, with TLS on it where the server wants
// that.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "backend/observe.h"
#include "backend/pool.h"
#include "base/hash.h"
#include "expr/expr.h"
#include "log/log.h"
#include "stream/error.h"
#include "stream/act.h"
#include "stream/log.h"
#include "stream/steps.h"
#include "stream/stick.h"
#include "stream/trace.h"
#include "transport/tls.h"

static void back_event(struct mux_stream *back)
{
    stream_run(back->user);
}

// What is wrong with a server's TLS is told once, not for each request that meets it: the same again after a while,
// with how often it was met.
static void say_failed(struct stream *stream, const char *reason)
{
    enum { PAUSE_US = 1000000, REPEAT_US = 10000000 };
    struct server *server = stream->server;
    const struct proxy_conf *conf = server->backend->conf;
    uint64_t now_us = stream->ctx->loop->now_us;
    uint32_t hash = hash_djb2(slice_str(reason));
    char text[512], more[64] = "";
    uint64_t pause_us = hash == server->tls_said ? REPEAT_US : PAUSE_US;
    if (server->tls_said_us && now_us - server->tls_said_us < pause_us) {
        server->tls_unsaid++;
        return;
    }
    if (server->tls_unsaid)
        snprintf(more, sizeof(more), " (and %u failures since the last such line)", server->tls_unsaid);
    int len = snprintf(text, sizeof(text), "server %s/%s: TLS handshake failed: %s%s", conf->name, server->conf->name,
                       reason, more);
    if (len > (int)sizeof(text) - 1)
        len = sizeof(text) - 1;
    server->tls_said = hash;
    server->tls_said_us = now_us;
    server->tls_unsaid = 0;
    log_send(stream->ctx->board, stream->ctx->inc, conf->logs, LOG_LEVEL_WARNING, stream->ctx->loop->wall_us,
             slice_of(text, (size_t)len));
}

void stream_note_handshake(struct stream *stream, enum stream_end why)
{
    const struct transport_conn *conn = &stream->back->h1.conn;
    const struct tls_conn *tls = transport_tls_of(conn);
    if (!tls || tls->facts.done)
        return;
    const char *reason = tls_conn_reason(tls);
    if (why == STREAM_END_SERVER_TIMEOUT) {
        reason = "it took longer than 'timeout connect'";
        stream->back_error = STREAM_ERROR_TLS_TIMEOUT;
    } else if (!tls->facts.error && !tls->failure && conn->error) {
        reason = strerror(conn->error);
    }
    tls_target_failed(tls);
    backend_count(stream->server->counters, PROXY_COUNT_TLS_FAILED, 1);
    backend_count(stream->backend->counters, PROXY_COUNT_TLS_FAILED, 1);
    if (stream_trace_on(stream->ctx, TRACE_SSL))
        stream_trace_tls(stream, reason);
    say_failed(stream, reason);
}

// The server name to ask for: it stands in the scratch. Empty: none.
static struct slice server_name(struct stream *stream)
{
    const struct server_conf *conf = stream->server->conf;
    const struct expr *sni = conf->tls_target ? conf->sni : NULL;
    if (!sni || conf->sni_name.ptr)
        return sni ? conf->sni_name : (struct slice){ 0 };
    bool looks = !stream->head_valid;
    if (looks)
        stream_looks_at_bytes(stream);
    stream->subject.when = stream->head_valid ? EXPR_AT_REQUEST_HEAD : EXPR_AT_REQUEST_CONTENT;
    stream->subject.final = true;
    struct slice name = expr_eval_str(sni, &stream->subject);
    if (looks)
        stream_looked(stream);
    return name;
}

// What makes a connection for this stream another one than for others: name and header stand in `header` and in the
// scratch. False: it has a PROXY header, and that does not fit.
static bool key_of(struct stream *stream, struct backend_key *key, char *header)
{
    const struct server *server = stream->server;
    const struct stream_wishes *wishes = &stream->wishes;
    *key =
        (struct backend_key){ .marks = { wishes->bc_mark, wishes->bc_tos, wishes->has_bc_mark, wishes->has_bc_tos } };
    if (server->conf->tls_target && server->conf->sni && !server->conf->sni_name.ptr) {
        key->name = server_name(stream);
        key->name.ptr = key->name.len ? key->name.ptr : "";
    }
    if (backend_follows_client(server))
        key->to = backend_address(server, stream_dst(stream));
    if (server->conf->send_proxy) {
        key->header = slice_of(header, stream_proxy_header(stream, header, STREAM_PROXY_HEADER_MAX));
        if (!key->header.len)
            return false;
    }
    backend_key_seal(key);
    return true;
}

// The first request of a client does not meet a connection that others used (http-reuse safe), or one that is not known
// to stand a second use (aggressive), unless the server has connections kept for it.
static enum backend_lend what_will_do(const struct stream *stream)
{
    uint8_t reuse = stream->backend->conf->be.reuse;
    if (stream->session->num_requests > 1 || stream->server->conf->pool_min_conn || reuse == PROXY_REUSE_ALWAYS)
        return BACKEND_LEND_ANY;
    return reuse == PROXY_REUSE_AGGRESSIVE ? BACKEND_LEND_PROVEN : BACKEND_LEND_FRESH;
}

static struct backend_conn *pooled(struct stream *stream, const struct backend_key *key)
{
    struct server *server = stream->server;
    if (stream->no_pool || !stream->head_valid)
        return NULL;
    struct backend_conn *own = backend_pool_get_own(server, &stream->session->own_conn, key);
    if (own || key->header.len || stream->backend->conf->be.reuse == PROXY_REUSE_NEVER)
        return own;
    // A request that must not be sent twice is worth asking the kernel whether the connection still stands.
    return backend_pool_get(server, key, what_will_do(stream), !stream_may_send_again(stream));
}

// False: it did not come to an attempt, `*verdict` says how it goes on, and the stream may be gone.
static bool connect_new(struct stream *stream, const struct backend_key *key, enum stream_verdict *verdict)
{
    struct stream_ctx *ctx = stream->ctx;
    const struct proxy_conf *conf = stream->backend->conf;
    const struct transport_address *dst = backend_follows_client(stream->server) ? stream_dst(stream) : NULL;
    backend_wait_end(stream->server, &stream->conn_wait);
    stream->has_room = false;
    stream->room_due_us = 0;
    struct backend_conn *back = backend_connect(stream->server, dst, key);
    if (!back) {
        stream->back_error = (uint8_t)stream_error_of_errno(errno);
        bool ours = errno == ENOMEM || errno == EMFILE || errno == ENFILE || errno == EADDRNOTAVAIL;
        *verdict = stream_retry(stream, ours ? STREAM_END_RESOURCE : STREAM_END_SERVER);
        return false;
    }
    stream->back = back;
    if (stream_trace_on(ctx, TRACE_STREAM))
        stream_trace_conn(stream, "opened");
    if (conf->options & PROXY_OPT_CASE_SERVER)
        back->h1.cases = &ctx->program->global.h1_cases;
    back->h1.stream.user = stream;
    back->h1.stream.on_event = back_event;
    // It tells whom it is for.
    back->is_private = key->header.len > 0;
    if (key->header.len && !mux_h1_write(&back->h1, key->header)) {
        *verdict = stream_refuse(stream, 500, STREAM_END_INTERNAL, true);
        return false;
    }
    stream->deadline_us = conf->timeouts.connect ? ctx->loop->now_us + conf->timeouts.connect : 0;
    return true;
}

static bool reuse(struct stream *stream, const struct backend_key *key)
{
    stream->back = pooled(stream, key);
    if (!stream->back)
        return false;
    if (UNLIKELY(stream->patient))
        backend_pool_count(stream->server, BACKEND_POOL_PATIENCE);
    stream->reused = true;
    if (stream_trace_on(stream->ctx, TRACE_STREAM))
        stream_trace_conn(stream, "taken from the pool");
    stream->back->h1.stream.user = stream;
    stream->back->h1.stream.on_event = back_event;
    backend_count(stream->server->counters, PROXY_COUNT_REUSES, 1);
    backend_count(stream->backend->counters, PROXY_COUNT_REUSES, 1);
    return true;
}

static bool find_with(struct stream *stream, const struct backend_key *key, enum stream_verdict *verdict)
{
    if (LIKELY(reuse(stream, key))) {
        stream_room_leave(stream);
        return true;
    }
    return stream_room_take(stream, verdict) && connect_new(stream, key, verdict);
}

static __attribute__((noinline)) bool find_special(struct stream *stream, enum stream_verdict *verdict)
{
    struct expr_scratch *scratch = &stream->ctx->expr.scratch;
    uint32_t mark = expr_scratch_mark(scratch);
    char header[STREAM_PROXY_HEADER_MAX];
    struct backend_key key;
    if (UNLIKELY(!key_of(stream, &key, header))) {
        *verdict = stream_refuse(stream, 500, STREAM_END_INTERNAL, true);
        return false;
    }
    bool found = find_with(stream, &key, verdict);
    expr_scratch_release(scratch, mark);
    return found;
}

static bool find_connection(struct stream *stream, enum stream_verdict *verdict)
{
    static const struct backend_key plain;
    const struct stream_wishes *wishes = &stream->wishes;
    if (LIKELY(stream->server->has_plain_key && !wishes->has_bc_mark && !wishes->has_bc_tos))
        return find_with(stream, &plain, verdict);
    return find_special(stream, verdict);
}

// TLS begins once the connection stands and what goes before it, a PROXY header, is out.
static enum io begin_tls(struct stream *stream)
{
    struct mux_h1 *back = &stream->back->h1;
    struct expr_scratch *scratch = &stream->ctx->expr.scratch;
    enum io io = mux_stream_flush(&back->stream);
    if (io != IO_OK)
        return io;
    uint32_t mark = expr_scratch_mark(scratch);
    struct slice name = server_name(stream);
    if (!tls_target_can_ask(name)) {
        say_failed(stream, "what 'sni' gives is no name that can be asked for");
        io = IO_FAIL;
    } else if (!transport_tls_connect(back->ctx->tls, &back->conn, stream->back->target, name)) {
        say_failed(stream, "no memory, or 'maxsslconn' is reached");
        io = IO_FAIL;
    } else {
        backend_pool_count(stream->server, BACKEND_POOL_HANDSHAKES);
    }
    expr_scratch_release(scratch, mark);
    return io;
}

static enum io secure(struct stream *stream)
{
    struct transport_conn *conn = &stream->back->h1.conn;
    if (UNLIKELY(stream->server->conf->socks4.family != AF_UNSPEC)) {
        enum io io = transport_socks4_run(conn, &stream->back->way->socks4, &stream->back->way->to);
        if (io != IO_OK)
            return io;
    }
    if (!stream->back->target || (conn->tls && transport_tls_of(conn)->facts.done))
        return IO_OK;
    enum io io = conn->tls ? IO_OK : begin_tls(stream);
    if (io == IO_OK)
        io = transport_tls_handshake(conn);
    if (io == IO_OK && stream_trace_on(stream->ctx, TRACE_SSL))
        stream_trace_tls(stream, NULL);
    return io;
}

enum stream_verdict stream_connect(struct stream *stream)
{
    struct stream_ctx *ctx = stream->ctx;
    if (stream->retry_wait)
        return stream_client_left(stream) ? stream_finish(stream, STREAM_END_CLIENT, STREAM_NEXT_CLOSE) : STREAM_WAIT;
    enum stream_verdict verdict;
    if (!stream->back && stream_client_left(stream))
        return stream_finish(stream, STREAM_END_CLIENT, STREAM_NEXT_CLOSE);
    if (!stream->back && !find_connection(stream, &verdict))
        return verdict;
    if (stream_client_left(stream))
        return stream_finish(stream, STREAM_END_CLIENT, STREAM_NEXT_CLOSE);
    enum io io = transport_conn_finish_connect(&stream->back->h1.conn);
    if (io == IO_OK)
        io = secure(stream);
    if (io == IO_AGAIN)
        return STREAM_WAIT;
    if (io != IO_OK)
        return stream_retry(stream, STREAM_END_SERVER);
    stream->deadline_us = 0;
    stream->back_error = STREAM_ERROR_NONE;
    stream->times.connected_us = stream->server_act_us = ctx->loop->now_us;
    if (!stream->back->num_uses++) {
        backend_observe(stream->server, BACKEND_SEEN_CONNECTED);
        stream_times_count_handshake(stream);
    }
    if (stream->session->conf->log_steps)
        stream_log_step(stream, PROXY_LOG_AT_CONNECT);
    if (!stream->head_valid && stream->backend->conf->rules[PROXY_RULES_TCP_RESPONSE]) {
        mux_h1_raw(&stream->back->h1);
        stream_relay_init(&stream->up, stream->front, &stream->back->h1);
        stream_step_set(stream, STREAM_RAW_RESPONSE);
        return STREAM_GO;
    }
    if (!stream->head_valid) {
        stream_stick_learn(stream, EXPR_AT_RESPONSE_CONTENT);
        return stream_to_tunnel(stream);
    }
    stream_step_set(stream, STREAM_SEND_HEAD);
    return STREAM_GO;
}
