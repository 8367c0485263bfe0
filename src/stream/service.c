// SPDX-License-Identifier: Apache-2.0
// The step of built-in services that make their answer in pieces: the request's body is read, the head made, and then
// as much of the body as the client takes.
#include <stdlib.h>
#include "base/clock.h"
#include "stream/act.h"
#include "stream/service.h"

enum {
    PIECE_LEN = 16 * 1024, // of the body are made before it is passed on
    TURN_US = 500,         // and for so long at most before others have their turn
};

enum stream_verdict stream_serve(struct stream *stream, const struct stream_service *service, const void *what)
{
    stream->service = service;
    if (service->start)
        return service->start(stream);
    struct stream_serving *serving = calloc(1, sizeof(*serving));
    if (!serving)
        return stream_refuse(stream, 500, STREAM_END_RESOURCE, true);
    serving->stream = stream;
    serving->service = service;
    serving->what = what;
    serving->status = 200;
    stream->serving = serving;
    stream_note_end(stream, STREAM_END_LOCAL);
    stream_step_set(stream, STREAM_SERVE);
    return STREAM_GO;
}

void stream_serving_free(struct stream_serving *serving)
{
    if (!serving)
        return;
    if (serving->begun && serving->service->end)
        serving->service->end(serving);
    text_fini(&serving->fields);
    text_fini(&serving->body);
    text_fini(&serving->out);
    text_fini(&serving->head);
    free(serving);
}

// IO_EOF: the body is whole, or as much of it as is wanted.
static enum io read_body(struct stream_serving *serving)
{
    struct mux_stream *front = &serving->stream->front->stream;
    size_t max = serving->service->body_max;
    struct slice span;
    enum io io;
    while ((io = mux_stream_pull(front, &span)) == IO_OK) {
        size_t room = max - serving->body.len;
        serving->body_long = span.len > room;
        text_add(&serving->body, span.ptr, span.len < room ? span.len : room);
        if (serving->body.failed)
            return IO_FAIL;
        if (serving->body_long)
            return IO_EOF;
        mux_stream_consume(front, span.len);
    }
    return io;
}

// False: `*verdict` says how it goes on.
static bool has_body(struct stream *stream, enum stream_verdict *verdict)
{
    struct stream_serving *serving = stream->serving;
    const struct proxy_timeouts *timeouts = &stream->session->conf->timeouts;
    uint64_t limit_us = timeouts->http_request ? timeouts->http_request : timeouts->client;
    uint64_t due_us = limit_us ? stream->times.first_us + limit_us : 0;
    if (!serving->service->body_max || serving->begun)
        return true;
    stream_invite_body(stream);
    switch (read_body(serving)) {
    case IO_EOF:
        return true;
    case IO_AGAIN:
        break;
    default:
        *verdict = stream_refuse(stream, 400, STREAM_END_CLIENT, true);
        return false;
    }
    if (due_us && due_us <= stream->ctx->loop->now_us) {
        *verdict = stream_refuse(stream, 408, STREAM_END_CLIENT_TIMEOUT, true);
        return false;
    }
    stream->deadline_us = due_us;
    *verdict = STREAM_WAIT;
    return false;
}

static bool make_head(struct stream_serving *serving)
{
    struct proxy_answer *answer = &serving->answer;
    enum http_bad bad;
    text_printf(&serving->head, "HTTP/1.1 %u %s\r\n", serving->status, http_status_reason(serving->status));
    if (serving->fields.len)
        text_add(&serving->head, serving->fields.ptr, serving->fields.len);
    text_printf(&serving->head, "%s\r\n", serving->is_empty ? "content-length: 0\r\n" : "");
    if (serving->head.failed || serving->fields.failed)
        return false;
    http_head_init(&answer->head, serving->head_fields, STREAM_SERVING_FIELDS);
    answer->head.base = serving->head.ptr;
    return http_head_parse_response(&answer->head, &bad, serving->head.len) == HTTP_PARSE_DONE;
}

static enum stream_verdict start_answer(struct stream *stream)
{
    struct stream_serving *serving = stream->serving;
    stream->deadline_us = 0;
    stream->client_act_us = stream->ctx->loop->now_us;
    stream->answer = &serving->answer;
    serving->started = true;
    if (!make_head(serving) ||
        !stream_answer_begin(stream, &serving->answer, serving->is_empty ? MUX_BODY_NONE : MUX_BODY_CHUNKED))
        return stream_finish(stream, STREAM_END_RESOURCE, STREAM_NEXT_CLOSE);
    // A rule of the answer failed: there is an error page instead.
    if (stream->answer != &serving->answer)
        stream_step_set(stream, STREAM_ANSWER);
    return STREAM_GO;
}

static enum stream_verdict begin(struct stream *stream)
{
    struct stream_serving *serving = stream->serving;
    enum stream_verdict verdict;
    if (stream_client_left(stream))
        return stream_finish(stream, STREAM_END_CLIENT, STREAM_NEXT_CLOSE);
    if (!has_body(stream, &verdict))
        return verdict;
    serving->begun = true;
    switch (serving->service->begin(serving)) {
    case STREAM_SERVE_WAIT:
        stream->deadline_us = serving->due_us;
        return STREAM_WAIT;
    case STREAM_SERVE_MORE:
        return start_answer(stream);
    default:
        return stream_refuse(stream, serving->status, STREAM_END_LOCAL, false);
    }
}

// Makes as much of the body as fits into a piece, or until `until_us`. False: it failed.
static bool make_piece(struct stream_serving *serving, uint64_t until_us)
{
    while (!serving->whole && serving->out.len < PIECE_LEN && clock_mono_us() < until_us) {
        enum stream_serve said = serving->service->more(serving, &serving->out);
        if (said == STREAM_SERVE_FAIL || serving->out.failed)
            return false;
        serving->whole = said == STREAM_SERVE_DONE;
    }
    return true;
}

static enum io push_piece(struct stream_serving *serving)
{
    struct mux_stream *front = &serving->stream->front->stream;
    enum io io = IO_OK;
    while (io == IO_OK && serving->sent < serving->out.len) {
        size_t taken;
        io = mux_stream_push(front, &taken,
                             slice_of(serving->out.ptr + serving->sent, serving->out.len - serving->sent));
        serving->sent += taken;
    }
    if (serving->sent == serving->out.len)
        serving->sent = serving->out.len = 0;
    return io;
}

static enum stream_verdict send_more(struct stream *stream)
{
    struct stream_serving *serving = stream->serving;
    struct mux_stream *front = &stream->front->stream;
    uint64_t until_us = clock_mono_us() + TURN_US;
    enum io io = IO_OK;
    // The head alone goes out: HEAD, a status without a body, or what rules made of it.
    bool done = front->tx == MUX_BODY_NONE;
    while (!done && io == IO_OK) {
        if (!serving->out.len && !make_piece(serving, until_us))
            return stream_finish(stream, STREAM_END_INTERNAL, STREAM_NEXT_RESET);
        io = push_piece(serving);
        done = serving->whole && !serving->out.len;
        if (!done && io == IO_OK && clock_mono_us() >= until_us) {
            io = mux_stream_flush(front);
            if (io == IO_OK)
                event_task_wake(stream->ctx->loop, &stream->task);
            break;
        }
    }
    if (done && io == IO_OK)
        io = mux_stream_finish(front, (struct slice){ 0 });
    if (io == IO_FAIL)
        return stream_finish(stream, STREAM_END_CLIENT, STREAM_NEXT_CLOSE);
    return done && io == IO_OK ? stream_answer_sent(stream) : STREAM_WAIT;
}

enum stream_verdict stream_serve_step(struct stream *stream)
{
    if (!stream->serving->started) {
        enum stream_verdict verdict = begin(stream);
        if (verdict != STREAM_GO || stream->step != STREAM_SERVE)
            return verdict;
    }
    return send_more(stream);
}
