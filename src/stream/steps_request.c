// SPDX-License-Identifier: Apache-2.0
#include "expr/cond.h"
#include "expr/format.h"
#include "stream/capture.h"
#include "stream/http_fetch.h"
#include "stream/invalid.h"
#include "stream/log.h"
#include "stream/steps.h"
#include "stream/trace.h"
#include "stream/track.h"

static enum stream_verdict head_failed(struct stream *stream, enum mux_head why)
{
    const struct proxy_session *session = stream->session;
    bool first = !session->num_requests;
    if (first && (why == MUX_HEAD_EOF || why == MUX_HEAD_FAIL) && stream_is_probe(stream))
        return stream_finish(stream, STREAM_END_OK, STREAM_NEXT_CLOSE);
    if (why != MUX_HEAD_NO_MEMORY && (first || (why != MUX_HEAD_EOF && why != MUX_HEAD_FAIL)))
        stream_track_bad(stream, true);
    switch (why) {
    case MUX_HEAD_EOF:
    case MUX_HEAD_FAIL:
        // A connection that ends between requests is no error, nor worth a line in the log.
        if (!first)
            return stream_finish(stream, STREAM_END_OK, STREAM_NEXT_CLOSE);
        stream_count_request(stream);
        proxy_session_count_error(session, PROXY_COUNT_REQ_CUT);
        stream->status = 400;
        return stream_finish(stream, STREAM_END_CLIENT, STREAM_NEXT_CLOSE);
    case MUX_HEAD_CUT:
        stream_count_request(stream);
        proxy_session_count_error(session, PROXY_COUNT_REQ_CUT);
        return stream_refuse(stream, 400, STREAM_END_CLIENT, true);
    case MUX_HEAD_NO_MEMORY:
        return stream_refuse(stream, 500, STREAM_END_RESOURCE, true);
    default:
        stream_count_request(stream);
        proxy_session_count_error(session, PROXY_COUNT_REQ_BAD);
        proxy_session_count(session, PROXY_COUNT_GLITCHES, 1);
        stream_invalid_head(stream, false);
        STREAM_TRACE(stream, H1, ERROR, H1_RX_ERR, "request refused: %s",
                     why == MUX_HEAD_BAD ? http_bad_name((enum http_bad)stream->front->stream.bad) : "too long");
        return stream_refuse(stream,
                             why == MUX_HEAD_LONG       ? 431
                             : why == MUX_HEAD_URI_LONG ? 414
                                                        : 400,
                             STREAM_END_PROXY, true);
    }
}

// An upgrade to HTTP/2 within the tunnel would carry requests past every rule and log: that offer ends here, as a hop
// may decide (RFC 9110 section 7.8).
static bool may_upgrade(const struct http_head *head)
{
    if (!(head->flags & HTTP_HEAD_UPGRADE) || head->flags & HTTP_HEAD_VERSION_10)
        return false;
    for (int i = -1; (i = http_head_find(head, HTTP_FIELD_UPGRADE, (unsigned)(i + 1))) >= 0;) {
        struct slice value = http_field_value(head, (unsigned)i);
        if (http_list_has(value, SLICE("h2c")) || http_list_has(value, SLICE("h2")))
            return false;
    }
    return true;
}

// See `option http-use-proxy-header`.
static bool wants_proxy_close(const struct stream *stream)
{
    const struct http_head *head = &stream->request;
    int at = http_head_find(head, HTTP_FIELD_PROXY_CONNECTION, 0);
    return UNLIKELY(at >= 0) && http_fetch_is_proxied(stream) &&
           http_list_has(http_field_value(head, (unsigned)at), SLICE("close"));
}

enum stream_verdict stream_read_head(struct stream *stream)
{
    struct stream_ctx *ctx = stream->ctx;
    uint64_t now_us = ctx->loop->now_us;
    enum mux_head result = mux_stream_read_head(&stream->front->stream, &stream->request, HTTP_METHOD_OTHER);
    if (stream->front->rx_started && !stream->times.first_us) {
        stream->times.first_us = stream->counted_us = now_us;
        stream->id = ctx->next_id++;
        stream->times.wall_us = ctx->loop->wall_us;
        STREAM_TRACE(stream, STREAM, USER, STRM_NEW, "new, request %u of its connection",
                     stream->session->num_requests + 1);
    }
    if (result == MUX_HEAD_AGAIN)
        return STREAM_WAIT;
    if (result != MUX_HEAD_OK)
        return head_failed(stream, result);
    struct proxy_session *session = stream->session;
    const struct proxy_conf *conf = session->conf;
    stream->head_valid = stream->has_head = true;
    if (stream_trace_on(ctx, TRACE_H1))
        stream_trace_head(stream, &stream->request, true);
    stream->client_method = stream->request.method;
    stream->times.head_us = now_us;
    stream->client_act_us = now_us;
    session->num_requests++;
    // What rules of content refuse is no request.
    bool may_pass = !conf->rules[PROXY_RULES_TCP_CONTENT];
    if (may_pass)
        stream_count_request(stream);
    if (conf->options & PROXY_OPT_HTTP_CLOSE || wants_proxy_close(stream))
        stream->front->keep_alive = false;
    stream->upgrade = may_upgrade(&stream->request);
    // A handshake without its key can only fail, and the answer to it could not be checked (RFC 6455 section 4.2.1).
    if (stream->upgrade && stream->request.flags & HTTP_HEAD_WEBSOCKET && !stream->request.lax &&
        !stream->request.first[HTTP_FIELD_SEC_WEBSOCKET_KEY]) {
        if (!may_pass)
            stream_count_request(stream);
        proxy_session_count_error(session, PROXY_COUNT_REQ_BAD);
        proxy_session_count(session, PROXY_COUNT_GLITCHES, 1);
        stream_track_bad(stream, true);
        return stream_refuse(stream, 400, STREAM_END_PROXY, true);
    }
    if (may_pass)
        stream_track_request(stream);
    http_edits_init(&stream->edits, stream->edit_arena, sizeof(stream->edit_arena));
    if (stream->session->conf->fe.capture_room)
        stream_capture_head(stream, STREAM_CAPTURE_REQUEST);
    if (conf->log_steps)
        stream_log_step(stream, PROXY_LOG_AT_REQUEST);
    struct rule *const *rules = conf->rules;
    if (rules[PROXY_RULES_TCP_CONTENT])
        stream_step_set(stream, STREAM_CONTENT_RULES);
    else if (rules[PROXY_RULES_HTTP_REQUEST] || rules[PROXY_RULES_REDIRECT] || conf->fe.monitor_uri || conf->stats ||
             conf->header_names || conf->options & PROXY_OPT_BUFFER_REQUEST)
        stream_step_set(stream, STREAM_REQUEST_RULES);
    else
        stream_step_set(stream, STREAM_PICK_BACKEND);
    return STREAM_GO;
}

// A name that a request made is good for a backend of the same mode only.
static const struct proxy_conf *named_backend(struct stream *stream, const struct choice_conf *use)
{
    struct expr_scratch *scratch = &stream->ctx->expr.scratch;
    uint32_t mark = expr_scratch_mark(scratch);
    struct slice name = expr_format_make(use->format, &stream->subject);
    const struct proxy_conf *found = name.ptr ? proxy_backend_named(stream->ctx->program, name) : NULL;
    expr_scratch_release(scratch, mark);
    return found && found->mode == stream->session->conf->mode ? found : NULL;
}

static const struct proxy_conf *choose_backend(struct stream *stream)
{
    const struct proxy_conf *conf = stream->session->conf, *found = NULL;
    const struct choice_conf *use = conf->fe.use_backends;
    stream->subject.when = stream->head_valid ? EXPR_AT_REQUEST_HEAD : EXPR_AT_REQUEST_CONTENT;
    stream->subject.final = true;
    while (use && use->cond && !expr_cond_true(use->cond, &stream->subject))
        use = use->next;
    if (use)
        found = use->format ? named_backend(stream, use) : use->backend;
    if (found || conf->fe.default_backend)
        return found ? found : conf->fe.default_backend;
    return conf->has_backend ? conf : NULL;
}

// What the backend's rules say of cookies and servers that are down.
static void judge_persistence(struct stream *stream, const struct proxy_conf *chosen)
{
    const struct persist_conf *persist = chosen->be.persists;
    while (persist && !expr_cond_true(persist->cond, &stream->subject))
        persist = persist->next;
    stream->force_persist = persist && persist->force;
    stream->ignore_persist = persist && !persist->force;
}

static bool has_rules(const struct proxy_conf *conf)
{
    return conf->rules[PROXY_RULES_TCP_CONTENT] || conf->rules[PROXY_RULES_HTTP_REQUEST] ||
           conf->rules[PROXY_RULES_REDIRECT] || conf->stats || conf->header_names ||
           conf->options & PROXY_OPT_BUFFER_REQUEST;
}

enum stream_verdict stream_pick_backend(struct stream *stream)
{
    struct stream_ctx *ctx = stream->ctx;
    // Without rules the bytes do not matter.
    bool looks = stream->session->conf->fe.use_backends != NULL;
    if (looks)
        stream_looks_at_bytes(stream);
    const struct proxy_conf *chosen = choose_backend(stream);
    if (chosen && chosen->be.persists)
        judge_persistence(stream, chosen);
    if (looks)
        stream_looked(stream);
    if (!chosen || !ctx->backends->backends[chosen->index])
        return stream_refuse(stream, 503, STREAM_END_SERVER, false);
    struct backend *backend = ctx->backends->backends[chosen->index];
    stream->backend = backend;
    stream->retries_left = (int32_t)chosen->be.retries;
    backend_count(backend->counters, PROXY_COUNT_SESSIONS, 1);
    backend_count(backend->counters, PROXY_COUNT_REQUESTS, stream->head_valid);
    proxy_gauge_raise(&backend->gauges[PROXY_GAUGE_SESSION_RATE_MAX],
                      board_rate_add(&backend->gauges[PROXY_GAUGE_SESSION_RATE], ctx->loop->now_us, 1));
    proxy_gauge_raise(&backend->gauges[PROXY_GAUGE_LAST_SESSION], ctx->loop->wall_us / 1000000);
    backend_session_begin(backend);
    stream->in_backend = true;
    // A listen section's rules ran already.
    if (LIKELY(chosen == stream->session->conf || !has_rules(chosen)))
        return stream_enter_backend(stream);
    stream_step_set(stream, STREAM_BACKEND_CONTENT);
    return STREAM_GO;
}
