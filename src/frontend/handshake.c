// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include "frontend/session.h"
#include "proxy/histogram.h"
#include "stream/error.h"
#include "stream/log.h"
#include "stream/trace.h"
#include "transport/tls.h"

enum { EARLY_MAX = 16 * 1024, REASON_MAX = 512, FLUSH_TURNS = 2 };

// A client that leaves, or is slow, breaks no rule.
static bool is_glitch(enum stream_error error)
{
    switch (error) {
    case STREAM_ERROR_PROXY_TIMEOUT:
    case STREAM_ERROR_TLS_TIMEOUT:
    case STREAM_ERROR_PROXY_EMPTY:
    case STREAM_ERROR_PROXY_ABORT:
    case STREAM_ERROR_PROXY_TRUNCATED:
    case STREAM_ERROR_TLS_EMPTY:
    case STREAM_ERROR_TLS_MEMORY:
    case STREAM_ERROR_TLS_ABORT:
        return false;
    default:
        return true;
    }
}

static void count_handshake(const struct frontend_session *session)
{
    uint64_t *counters = session->facts.counters;
    proxy_histogram_count(counters, PROXY_HIST_TLS, transport_tls_age_us(&session->front.conn));
    backend_count(counters, session->facts.tls->facts.resumed ? PROXY_COUNT_TLS_RESUMED : PROXY_COUNT_TLS_FULL, 1);
}

static void handshake_failed(struct frontend_session *session, enum stream_error error, const char *reason,
                             bool is_null)
{
    const struct stream_ctx *ctx = &session->owner->streams;
    bool is_tls = session->state == FRONTEND_SESSION_TLS;
    session->facts.error = (uint8_t)error;
    if (is_glitch(error))
        proxy_session_count(&session->facts, PROXY_COUNT_GLITCHES, 1);
    if (session->facts.tls)
        backend_count(session->facts.counters, PROXY_COUNT_TLS_FAILED, 1);
    if (stream_trace_on(ctx, TRACE_SESSION))
        stream_trace_session_say(ctx, &session->facts, TRACE_SESSION, TRACE_LEVEL_ERROR, TRACE_SESS_ERR, "%s%s%s",
                                 stream_error_message(error), reason ? ": " : "", reason ? reason : "");
    if (is_tls && stream_trace_on(ctx, TRACE_SSL))
        stream_trace_session_say(ctx, &session->facts, TRACE_SSL, TRACE_LEVEL_ERROR, TRACE_SSL_CLIENT | TRACE_SSL_ERR,
                                 "handshake with the client failed: %s%s%s", stream_error_message(error),
                                 reason ? ": " : "", reason ? reason : "");
    if (!is_null || !(session->facts.conf->options & PROXY_OPT_DONT_LOG_NULL))
        stream_log_handshake(&session->owner->streams, &session->facts, reason);
}

static void proxy_failed(struct frontend_session *session, enum stream_error error, const char *reason)
{
    handshake_failed(session, error, reason, !buf_len(&session->front.in));
    frontend_session_free(session, true);
}

// Which message of the log says best why there is no connection.
static enum stream_error tls_error(const struct tls_facts *facts)
{
    if (facts->ca_error)
        return STREAM_ERROR_TLS_CA;
    return facts->crt_error ? STREAM_ERROR_TLS_CERT : STREAM_ERROR_TLS_HANDSHAKE;
}

// The client's words for what it wanted, and ours for why it did not get it.
static void tls_failed(struct frontend_session *session, enum stream_error error)
{
    const struct tls_conn *tls = session->facts.tls;
    bool started = transport_tls_started(&session->front.conn);
    char reason[REASON_MAX];
    int len = 0;
    if (tls->facts.error || tls->failure)
        len = snprintf(reason, sizeof(reason), "%s", tls_conn_reason(tls));
    struct slice sni = tls_conn_sni(tls);
    const char *offered = tls_version_name(tls->facts.offered);
    if (offered && len >= 0 && (size_t)len < sizeof(reason))
        snprintf(reason + len, sizeof(reason) - (size_t)len, "%s(SNI %.*s, offered %s)", len ? " " : "",
                 sni.len ? (int)sni.len : 4, sni.len ? sni.ptr : "none", offered);
    else if (!len)
        reason[0] = 0;
    handshake_failed(session, error, reason[0] ? reason : NULL, !started);
    frontend_session_free(session, false);
}

static void tls_trace(const struct frontend_session *session)
{
    const struct tls_facts *facts = &session->facts.tls->facts;
    const char *version = tls_version_name(facts->version);
    struct slice sni = tls_conn_sni(session->facts.tls);
    stream_trace_session_say(&session->owner->streams, &session->facts, TRACE_SSL, TRACE_LEVEL_PROTO, TRACE_SSL_CLIENT,
                             "handshake with the client: %s, %s%s, SNI %.*s", version ? version : "?",
                             facts->resumed ? "resumed" : "full", facts->early ? ", early data" : "",
                             sni.len ? (int)sni.len : 4, sni.len ? sni.ptr : "none");
}

static void tls_event(struct mux_stream *stream)
{
    struct frontend_session *session = CONTAINER_OF(mux_h1_of(stream), struct frontend_session, front);
    switch (transport_tls_handshake(&session->front.conn)) {
    case IO_AGAIN:
        break;
    case IO_OK:
        count_handshake(session);
        // The ticket goes out with the first answer. Where the request is not on the heels of the handshake it goes
        // before: a client that does not send small segments together waits for a sign that we have its Finished.
        session->flush_turns = session->front.conn.can_read ? 0 : FLUSH_TURNS;
        if (stream_trace_on(&session->owner->streams, TRACE_SSL))
            tls_trace(session);
        if (session->flush_turns)
            event_task_wake(session->owner->loop, &session->next_request);
        frontend_session_begin(session);
        break;
    case IO_EOF:
        tls_failed(session, STREAM_ERROR_TLS_EMPTY);
        break;
    case IO_FAIL:
        tls_failed(session, session->front.conn.error == EPROTO ? tls_error(&session->facts.tls->facts)
                                                                : STREAM_ERROR_TLS_ABORT);
        break;
    }
}

static void start_tls(struct frontend_session *session)
{
    struct frontends *frontends = session->owner;
    struct mux_h1 *front = &session->front;
    struct slice early = slice_of(buf_len(&front->in) ? buf_data(&front->in) : NULL, buf_len(&front->in));
    const struct proxy_timeouts *timeouts = &session->facts.conf->timeouts;
    uint64_t limit = timeouts->client_hs ? timeouts->client_hs : timeouts->client;
    if (!transport_tls_accept(frontends->mux.tls, &front->conn, session->facts.bind->tls_bind, early)) {
        handshake_failed(session, STREAM_ERROR_TLS_MEMORY, NULL, false);
        frontend_want_tell(frontends, session->facts.bind, ENOMEM);
        frontend_session_free(session, true);
        return;
    }
    buf_release(&front->in, &frontends->bufs);
    session->facts.tls = transport_tls_of(&front->conn);
    session->state = FRONTEND_SESSION_TLS;
    front->stream.on_event = tls_event;
    event_timer_set(frontends->loop, &session->timer, limit ? frontends->loop->now_us + limit : 0);
    tls_event(&front->stream);
}

static void next_handshake(struct frontend_session *session)
{
    struct mux_h1 *front = &session->front;
    if (session->facts.bind->tls_bind) {
        start_tls(session);
        return;
    }
    front->rx_started = buf_len(&front->in) > 0;
    front->stream.bytes_in = buf_len(&front->in);
    frontend_session_begin(session);
}

static void proxy_address(struct transport_address *addr, const union transport_proxy_address *from)
{
    if (from->sa.sa_family != AF_UNSPEC)
        transport_address_from_sockaddr(addr, &from->sa, sizeof(*from));
}

// The header is read through the mux's own buffer; what follows it stays there for the first request.
static void proxy_event(struct mux_stream *stream)
{
    struct frontend_session *session = CONTAINER_OF(mux_h1_of(stream), struct frontend_session, front);
    struct frontends *frontends = session->owner;
    struct buf *in = &session->front.in;
    struct transport_proxy_info info;
    const char *reason = NULL;
    enum stream_error error = STREAM_ERROR_PROXY_TRUNCATED;
    size_t used;
    size_t len;
    for (;;) {
        if (buf_len(in)) {
            enum transport_proxy_parse result =
                transport_proxy_read(&info, &used, &reason, slice_of(buf_data(in), buf_len(in)));
            if (result == TRANSPORT_PROXY_BAD) {
                error = STREAM_ERROR_PROXY_NO_HEADER;
                break;
            }
            if (result == TRANSPORT_PROXY_DONE) {
                if (!proxy_session_keep_tlvs(&session->facts, &info))
                    break;
                if (!info.local) {
                    proxy_address(&session->facts.src, &info.src);
                    proxy_address(&session->facts.dst, &info.dst);
                }
                buf_consume(in, used);
                buf_release_if_empty(in, &frontends->bufs);
                next_handshake(session);
                return;
            }
        }
        if (!buf_reserve(in, &frontends->bufs) || !buf_room(in))
            break;
        size_t room = buf_room(in) < EARLY_MAX ? buf_room(in) : EARLY_MAX;
        enum io io = transport_conn_recv(&session->front.conn, &len, buf_end(in), room);
        buf_added(in, len);
        if (io == IO_AGAIN)
            return;
        if (io != IO_OK) {
            if (io == IO_FAIL)
                error = STREAM_ERROR_PROXY_ABORT;
            break;
        }
    }
    if (!buf_len(in) && error == STREAM_ERROR_PROXY_TRUNCATED)
        error = STREAM_ERROR_PROXY_EMPTY;
    proxy_failed(session, error, reason);
}

void frontend_handshake_start(struct frontend_session *session)
{
    struct frontends *frontends = session->owner;
    const struct proxy_timeouts *timeouts = &session->facts.conf->timeouts;
    if (!session->facts.bind->accept_proxy && !session->facts.expect_proxy) {
        next_handshake(session);
        return;
    }
    session->state = FRONTEND_SESSION_PROXY;
    session->front.stream.on_event = proxy_event;
    uint64_t limit = timeouts->http_request ? timeouts->http_request : timeouts->client;
    event_timer_set(frontends->loop, &session->timer, limit ? frontends->loop->now_us + limit : 0);
    proxy_event(&session->front.stream);
}

void frontend_handshake_late(struct frontend_session *session)
{
    if (session->state == FRONTEND_SESSION_PROXY)
        proxy_failed(session, STREAM_ERROR_PROXY_TIMEOUT, NULL);
    else
        tls_failed(session, STREAM_ERROR_TLS_TIMEOUT);
}
