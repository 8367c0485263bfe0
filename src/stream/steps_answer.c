// SPDX-License-Identifier: Apache-2.0
#include "expr/var.h"
#include "stream/act.h"
#include "stream/steps.h"

enum { DRAIN_MAX = 64 * 1024 };

enum stream_verdict stream_answer_sent(struct stream *stream)
{
    struct mux_h1 *front = stream->front;
    bool unread = !front->stream.rx_done || buf_len(&front->in) || front->conn.can_read || front->stream.rx_cut ||
                  stream->told_leave;
    if (mux_h1_can_reuse(front) && stream->head_valid)
        return stream_finish(stream, (enum stream_end)stream->end, STREAM_NEXT_REQUEST);
    return stream_finish(stream, (enum stream_end)stream->end, unread ? STREAM_NEXT_LINGER : STREAM_NEXT_CLOSE);
}

// A body that is already here is read and dropped, so that the connection may live on.
static void drain_request(struct mux_h1 *front)
{
    struct slice span;
    size_t left = DRAIN_MAX;
    while (left && mux_stream_pull(&front->stream, &span) == IO_OK) {
        mux_stream_consume(&front->stream, span.len);
        left -= span.len < left ? span.len : left;
    }
    if (!front->stream.rx_done)
        front->keep_alive = false;
}

// Rules that concern all answers work on a copy: this one is everybody's.
static bool change_head(struct stream *stream, const struct proxy_answer *answer)
{
    struct http_head *head = &stream->response;
    if (!buf_reserve(&stream->response_store, stream->ctx->mux->bufs))
        return false;
    http_head_init(head, stream->response_fields, stream->ctx->mux->max_fields);
    http_head_store(head, stream->response_store.mem, stream->response_store.cap);
    stream->response_valid = true;
    expr_vars_end(&stream->subject, EXPR_SCOPE_REQ);
    return http_head_copy(head, &answer->head) && stream_after_rules(stream);
}

bool stream_answer_begin(struct stream *stream, const struct proxy_answer *answer, enum mux_body body)
{
    struct mux_h1 *front = stream->front;
    const struct http_head *head = &answer->head;
    if (stream->head_valid && stream_has_after_rules(stream)) {
        bool changed = change_head(stream, answer);
        if (!changed) {
            stream->end = STREAM_END_PROXY;
            stream_reply_error(stream, 500);
        }
        if (!changed)
            body = stream->answer && stream->answer->body.len ? MUX_BODY_LENGTH : MUX_BODY_NONE;
        answer = stream->answer;
        if (!answer)
            return false;
        head = changed ? &stream->response : &answer->head;
    }
    stream->status = head->status;
    if (stream->head_valid)
        drain_request(front);
    else
        front->keep_alive = false;
    if (answer->close)
        front->keep_alive = false;
    stream_take_leave(stream);
    front->upgrading = false;
    // What a rule made of the status may rule a body out.
    if (stream->head_valid && !http_response_has_body(head, (enum http_method)stream->client_method))
        body = MUX_BODY_NONE;
    http_edits_init(&stream->edits, stream->edit_arena, sizeof(stream->edit_arena));
    return mux_stream_start(&front->stream, head, &stream->edits, body, answer->body.len);
}

enum stream_verdict stream_answer_with(struct stream *stream, const struct proxy_answer *answer, enum stream_end end)
{
    stream_note_end(stream, end);
    stream_leave_server(stream, false);
    stream->deadline_us = 0;
    stream->answer = answer;
    stream->client_act_us = stream->ctx->loop->now_us;
    if (!stream_answer_begin(stream, answer, answer->body.len ? MUX_BODY_LENGTH : MUX_BODY_NONE))
        return stream_finish(stream, STREAM_END_RESOURCE, STREAM_NEXT_CLOSE);
    stream_step_set(stream, STREAM_ANSWER);
    return STREAM_GO;
}

enum stream_verdict stream_refuse(struct stream *stream, uint16_t status, enum stream_end end, bool close)
{
    stream_note_end(stream, end);
    stream->status = status;
    if (stream->session->conf->mode != PROXY_MODE_HTTP) {
        stream->status = 0;
        // With bytes unread a plain close would be a reset: the client shall see an end, as it does from other proxies.
        bool unread = stream->front->conn.can_read || buf_len(&stream->front->in);
        return stream_finish(stream, end, unread ? STREAM_NEXT_LINGER : STREAM_NEXT_CLOSE);
    }
    stream_reply_error(stream, status);
    if (!stream->answer)
        return stream_finish(stream, end, STREAM_NEXT_CLOSE);
    if (close)
        stream->front->keep_alive = false;
    return stream_answer_with(stream, stream->answer, end);
}

enum stream_verdict stream_send_answer(struct stream *stream)
{
    struct mux_stream *front = &stream->front->stream;
    const struct proxy_answer *answer = stream->answer;
    enum io io = IO_OK;
    size_t taken;
    while (!front->tx_done && io == IO_OK && front->tx == MUX_BODY_LENGTH) {
        uint64_t done = answer->body.len - stream->front->tx_left;
        io = mux_stream_push(front, &taken, slice_from(answer->body, done));
    }
    if (io == IO_OK)
        io = mux_stream_finish(front, (struct slice){ 0 });
    if (io == IO_AGAIN)
        return STREAM_WAIT;
    if (io == IO_FAIL)
        return stream_finish(stream, (enum stream_end)stream->end, STREAM_NEXT_CLOSE);
    return stream_answer_sent(stream);
}
