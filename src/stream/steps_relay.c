// SPDX-License-Identifier: Apache-2.0
#include "backend/observe.h"
#include "stream/capture.h"
#include "stream/invalid.h"
#include "stream/steps.h"
#include "stream/trace.h"
#include "stream/track.h"

static void begin_response(struct stream *stream)
{
    http_head_init(&stream->response, stream->response_fields, stream->ctx->mux->max_fields);
    stream->response.lax = (stream->backend->conf->options & PROXY_OPT_LAX_RESPONSE) != 0;
}

enum stream_verdict stream_send_head(struct stream *stream)
{
    struct mux_h1 *front = stream->front;
    struct mux_h1 *back = &stream->back->h1;
    uint64_t options = stream->backend->conf->options | stream->session->conf->options;
    // The edits start anew for each attempt: another server may mean another cookie or connection.
    http_edits_init(&stream->edits, stream->edit_arena, sizeof(stream->edit_arena));
    // Keep-alive is the weakest mode: either side's wish to close counts, whatever the other says.
    if (options & (PROXY_OPT_HTTP_CLOSE | PROXY_OPT_SERVER_CLOSE) || stream->wishes.close_server)
        back->keep_alive = false;
    back->pretend = (options & PROXY_OPT_PRETEND_KEEPALIVE) != 0;
    // A rule may have taken the offer away.
    if (stream->upgrade && !stream->request.first[HTTP_FIELD_UPGRADE])
        stream->upgrade = false;
    back->upgrading = stream->upgrade;
    stream->wire_mark = back->conn.wire_sent;
    if (!stream_edit_request(stream) || !mux_stream_start(&back->stream, &stream->request, &stream->edits,
                                                          front->stream.rx, stream->request.content_length))
        return stream_refuse(stream, 500, STREAM_END_INTERNAL, true);
    stream->head_sent = true;
    if (stream_trace_on(stream->ctx, TRACE_H1))
        stream_trace_head(stream, &stream->request, false);
    stream_relay_init(&stream->up, front, back);
    stream_relay_init(&stream->down, back, front);
    if (stream->wishes.nice) {
        stream_relay_set_nice(&stream->up, stream->wishes.nice);
        stream_relay_set_nice(&stream->down, stream->wishes.nice);
    }
    begin_response(stream);
    stream_step_set(stream, STREAM_RELAY);
    return STREAM_GO;
}

// The server closed or failed before its answer.
static enum stream_verdict no_answer(struct stream *stream, enum mux_head why)
{
    uint64_t *be = stream->backend->counters;
    uint64_t *srv = stream->server->counters;
    enum stream_verdict verdict;
    if (why != MUX_HEAD_BAD && why != MUX_HEAD_LONG && stream_resend(stream, &verdict))
        return verdict;
    backend_observe(stream->server,
                    why == MUX_HEAD_BAD || why == MUX_HEAD_LONG ? BACKEND_SEEN_BAD_HEAD : BACKEND_SEEN_CUT);
    bool is_empty = why == MUX_HEAD_EOF || why == MUX_HEAD_FAIL;
    if (stream_retry_answer(stream, is_empty ? PROXY_RETRY_EMPTY : PROXY_RETRY_JUNK, &verdict))
        return verdict;
    backend_count(be, PROXY_COUNT_RESP_ERRORS, 1);
    backend_count(srv, PROXY_COUNT_RESP_ERRORS, 1);
    stream_track_fail(stream);
    bool malformed = why == MUX_HEAD_BAD || why == MUX_HEAD_LONG;
    if (malformed)
        STREAM_TRACE(stream, H1, ERROR, H1_RX_ERR, "answer refused: %s",
                     why == MUX_HEAD_BAD ? http_bad_name((enum http_bad)stream->back->h1.stream.bad) : "too long");
    return stream_refuse(stream, 502, malformed ? STREAM_END_PROXY : STREAM_END_SERVER, false);
}

static enum stream_verdict pass_interim(struct stream *stream)
{
    struct mux_h1 *front = stream->front;
    backend_count(stream->server->counters, PROXY_COUNT_1XX, 1);
    // An HTTP/1.0 client would take an interim answer for the final one (RFC 9110 section 15.2).
    if (!front->peer_is_10) {
        http_edits_init(&stream->edits, stream->edit_arena, sizeof(stream->edit_arena));
        if (!http_edits_drop_hop_by_hop(&stream->edits, &stream->response, false) ||
            !mux_stream_start(&front->stream, &stream->response, &stream->edits, MUX_BODY_NONE, 0))
            return stream_refuse(stream, 502, STREAM_END_PROXY, true);
        mux_stream_flush(&front->stream);
    }
    stream->back->h1.stream.rx_done = false;
    mux_h1_unpin(&stream->back->h1);
    begin_response(stream);
    return STREAM_GO;
}

static bool opens_tunnel(const struct stream *stream)
{
    const struct http_head *response = &stream->response;
    return response->status == 101 ||
           (stream->request.method == HTTP_METHOD_CONNECT && response->status >= 200 && response->status < 300);
}

// NTLM and Negotiate authenticate the connection, not the request: it then belongs to its client.
static bool binds_to_client(const struct stream *stream)
{
    const struct http_head *head = &stream->response;
    if (head->status != 401 && head->status != 407)
        return false;
    stream->session->prefers_last = true;
    struct slice name = head->status == 401 ? SLICE("www-authenticate") : SLICE("proxy-authenticate");
    for (int i = -1; (i = http_head_find_name(head, name, (unsigned)(i + 1))) >= 0;) {
        struct slice value = http_field_value(head, (unsigned)i);
        struct slice scheme = slice_of(value.ptr, slice_find(value, ' '));
        if (slice_equal_nocase(scheme, SLICE("ntlm")) || slice_equal_nocase(scheme, SLICE("negotiate")))
            return true;
    }
    return false;
}

static enum stream_verdict pass_head(struct stream *stream)
{
    struct mux_h1 *front = stream->front;
    struct mux_h1 *back = &stream->back->h1;
    enum stream_verdict verdict;
    if (!stream->response_valid) {
        if (UNLIKELY(stream->backend->conf->be.retry_on >= PROXY_RETRY_STATUS) &&
            stream_retry_answer(stream, proxy_retry_status(stream->response.status), &verdict))
            return verdict;
        stream->times.answer_us = stream->server_act_us = stream->ctx->loop->now_us;
        stream->server_status = stream->response.status;
        backend_count(stream->server->counters, PROXY_COUNT_REQUESTS, 1);
        stream_count_status(stream->server->counters, stream->server_status);
        stream->response_valid = true;
        stream->status = stream->response.status;
        stream_track_status(stream);
        if (stream->session->conf->fe.capture_room)
            stream_capture_head(stream, STREAM_CAPTURE_RESPONSE);
        if (stream->session->conf->log_steps)
            stream_log_step(stream, PROXY_LOG_AT_RESPONSE);
    }
    stream->response_valid = true;
    stream->status = stream->response.status;
    bool is_tunnel = opens_tunnel(stream);
    // A switch nobody asked for, or within a request: what follows could be read in two ways (RFC 9110 section 7.8).
    if ((stream->status == 101 && !stream->upgrade) || (is_tunnel && !stream->up.ended))
        return no_answer(stream, MUX_HEAD_BAD);
    // Whatever sends 101 to a WebSocket client without the proof that it read the key is no WebSocket server.
    if (stream->status == 101 && stream->request.flags & HTTP_HEAD_WEBSOCKET && !stream->response.lax &&
        !stream->response.first[HTTP_FIELD_SEC_WEBSOCKET_ACCEPT])
        return no_answer(stream, MUX_HEAD_BAD);
    if (binds_to_client(stream))
        stream->back->is_private = true;
    if (!stream_response_rules(stream, &verdict))
        return verdict;
    stream->status = stream->response.status;
    if (!is_tunnel)
        stream_take_leave(stream);
    front->upgrading = stream->status == 101;
    enum mux_body body = back->stream.rx;
    // A rule may have made it one that has no body, or have asked for one that the client did not want.
    bool cut = body != MUX_BODY_NONE && !is_tunnel &&
               !http_response_has_body(&stream->response, (enum http_method)stream->client_method);
    if (cut)
        body = MUX_BODY_NONE;
    // Or one that has a body of one that had none: without a length the client would take the next answer for it.
    uint64_t length = stream->response.content_length;
    if (body == MUX_BODY_NONE && !cut && !is_tunnel &&
        http_response_has_body(&stream->response, (enum http_method)stream->client_method)) {
        body = MUX_BODY_LENGTH;
        length = 0;
    }
    if (stream->request.method == HTTP_METHOD_HEAD && stream->client_method != HTTP_METHOD_HEAD)
        front->keep_alive = false;
    http_edits_init(&stream->edits, stream->edit_arena, sizeof(stream->edit_arena));
    // An answer without a length is passed on in chunks where the client knows them, so that its end is seen.
    if (body == MUX_BODY_CLOSE && !front->peer_is_10)
        body = MUX_BODY_CHUNKED;
    // RFC 9110 section 9.3.6: a length in the answer to CONNECT means nothing.
    if (is_tunnel && !http_edits_drop_id(&stream->edits, &stream->response, HTTP_FIELD_CONTENT_LENGTH))
        return stream_refuse(stream, 502, STREAM_END_PROXY, true);
    if (!stream_edit_response(stream) ||
        !mux_stream_start(&front->stream, &stream->response, &stream->edits, body, length))
        return stream_refuse(stream, 502, STREAM_END_PROXY, true);
    stream->answer_head = true;
    if (stream_trace_on(stream->ctx, TRACE_H1))
        stream_trace_head(stream, &stream->response, false);
    if (cut) {
        stream_leave_server(stream, false);
        stream_step_set(stream, STREAM_ANSWER);
        return STREAM_GO;
    }
    if (is_tunnel)
        return stream_to_tunnel(stream);
    mux_h1_unpin(back);
    if (stream->session->conf->options & PROXY_OPT_LOG_ASAP)
        stream_log_line(stream);
    return STREAM_GO;
}

static enum stream_verdict read_answer_head(struct stream *stream)
{
    struct mux_h1 *back = &stream->back->h1;
    if (stream->response_valid)
        return pass_head(stream);
    // Interim answers that the client has not taken yet: no more until it did.
    enum io io = mux_stream_flush(&stream->front->stream);
    if (io == IO_FAIL)
        return stream_finish(stream, STREAM_END_CLIENT, STREAM_NEXT_CLOSE);
    if (io == IO_AGAIN)
        return STREAM_WAIT;
    enum mux_head result =
        mux_stream_read_head(&back->stream, &stream->response, (enum http_method)stream->request.method);
    stream->got_answer = stream->got_answer || back->rx_started;
    if (result == MUX_HEAD_AGAIN)
        return STREAM_WAIT;
    if (result == MUX_HEAD_BAD)
        stream_invalid_head(stream, true);
    if (result != MUX_HEAD_OK)
        return no_answer(stream, result);
    stream->server_act_us = stream->ctx->loop->now_us;
    if (stream->response.status < 200 && stream->response.status != 101)
        return pass_interim(stream);
    backend_observe(stream->server, backend_seen_status(stream->response.status));
    if (stream_trace_on(stream->ctx, TRACE_H1))
        stream_trace_head(stream, &stream->response, true);
    return pass_head(stream);
}

// The request's body goes up. A failure towards the server is not yet an end: its answer may already be on its way.
static enum stream_verdict relay_up(struct stream *stream)
{
    uint64_t moved = 0;
    enum stream_relay_state state = stream_relay_run(&stream->up, &moved);
    uint64_t now_us = stream->ctx->loop->now_us;
    switch (state) {
    case STREAM_RELAY_DONE:
        stream->server_act_us = now_us;
        return STREAM_WAIT;
    case STREAM_RELAY_PAUSED:
        event_task_wake(stream->ctx->loop, &stream->task);
        return STREAM_WAIT;
    case STREAM_RELAY_SRC_FAILED:
        stream_invalid_body(stream, false);
        if (stream->front->stream.bad != HTTP_BAD_NONE || !stream->front->conn.read_closed)
            stream_note_end(stream, stream->front->conn.failed ? STREAM_END_CLIENT : STREAM_END_PROXY);
        // A body that is cut is a transfer the client aborted, no bad request.
        if (!stream->front->conn.failed && !stream->front->conn.read_closed) {
            proxy_session_count(stream->session, PROXY_COUNT_GLITCHES, 1);
            proxy_session_count_error(stream->session, PROXY_COUNT_REQ_BAD);
            stream_track_error(stream);
        }
        if (stream->answer_head)
            return stream_finish(stream, STREAM_END_CLIENT, STREAM_NEXT_RESET);
        if (stream->front->conn.failed)
            return stream_finish(stream, STREAM_END_CLIENT, STREAM_NEXT_CLOSE);
        return stream_refuse(stream, 400, STREAM_END_CLIENT, true);
    default:
        return STREAM_WAIT;
    }
}

static enum stream_verdict exchange_done(struct stream *stream)
{
    struct mux_h1 *front = stream->front;
    // During a soft stop a client that was not told to close keeps its connection until it is told.
    bool keep = mux_h1_can_reuse(front);
    if (stream->session->conf->options & PROXY_OPT_HTTP_CLOSE)
        keep = false;
    if (keep)
        return stream_finish(stream, STREAM_END_OK, STREAM_NEXT_REQUEST);
    // Closing with bytes unread would reset the connection and could take our last bytes with it; so would bytes that
    // come afterwards from a client that did not know that this was the end (RFC 9112 section 9.6).
    bool unread = !front->stream.rx_done || buf_len(&front->in) || front->conn.can_read || stream->told_leave;
    return stream_finish(stream, STREAM_END_OK, unread ? STREAM_NEXT_LINGER : STREAM_NEXT_CLOSE);
}

// The answer is out. What is still to come of the request flows on as long as the server takes it.
static enum stream_verdict answer_done(struct stream *stream)
{
    const struct transport_conn *back = &stream->back->h1.conn;
    bool server_takes = !back->near_end && !back->failed && !back->send_failed;
    if (!stream->up.ended && !stream->up.broken && server_takes && stream->front->keep_alive)
        return STREAM_WAIT;
    return exchange_done(stream);
}

static enum stream_verdict relay_down(struct stream *stream)
{
    uint64_t moved = 0;
    if (stream->down.ended)
        return answer_done(stream);
    switch (stream_relay_run(&stream->down, &moved)) {
    case STREAM_RELAY_DONE:
        return answer_done(stream);
    case STREAM_RELAY_PAUSED:
        event_task_wake(stream->ctx->loop, &stream->task);
        return STREAM_WAIT;
    case STREAM_RELAY_SRC_FAILED:
        stream_invalid_body(stream, true);
        mux_stream_flush(&stream->front->stream);
        if (stream->back->h1.stream.bad)
            stream_track_fail(stream);
        backend_count(stream->backend->counters, PROXY_COUNT_RESP_ERRORS, 1);
        backend_count(stream->server->counters, PROXY_COUNT_RESP_ERRORS, 1);
        // To a client that knows the end only by the connection's, a FIN would say that this was all.
        return stream_finish(stream, stream->back->h1.stream.bad ? STREAM_END_PROXY : STREAM_END_SERVER,
                             stream->front->stream.tx == MUX_BODY_CLOSE ? STREAM_NEXT_RESET : STREAM_NEXT_CLOSE);
    case STREAM_RELAY_DST_FAILED:
        return stream_finish(stream, STREAM_END_CLIENT, STREAM_NEXT_CLOSE);
    default:
        return STREAM_WAIT;
    }
}

static bool client_gone(const struct stream *stream)
{
    const struct transport_conn *conn = &stream->front->conn;
    if (conn->has_error || conn->failed)
        return true;
    bool abort_on_fin = stream->backend->conf->options & PROXY_OPT_ABORT_ON_CLOSE;
    return abort_on_fin && conn->near_end && stream->front->stream.rx_done && !stream->answer_head;
}

enum stream_verdict stream_relay_both(struct stream *stream)
{
    if (client_gone(stream) && !(stream->answer_head && stream->back->h1.stream.rx_done)) {
        stream_note_end(stream, STREAM_END_CLIENT);
        return stream_finish(stream, STREAM_END_CLIENT, STREAM_NEXT_CLOSE);
    }
    if (!stream->up.ended && !stream->up.broken) {
        enum stream_verdict verdict = relay_up(stream);
        if (verdict != STREAM_WAIT)
            return verdict;
    }
    while (!stream->answer_head) {
        enum stream_verdict verdict = read_answer_head(stream);
        if (verdict != STREAM_GO || stream->step != STREAM_RELAY)
            return verdict;
    }
    return relay_down(stream);
}
