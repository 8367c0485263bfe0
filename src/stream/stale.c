// SPDX-License-Identifier: Apache-2.0
// A request met a connection of the pool that the server had closed, or was closing. Whether it may be sent again
// depends on what it asks for, and on whether the server can have seen any of it.
#include "stream/steps.h"

// As long as a reset may still come that tells.
enum { SETTLE_US = 1000000 };

// Safe to repeat: nothing of the answer came, the method has no effect of its own, and the body is still at hand.
bool stream_may_send_again(const struct stream *stream)
{
    if (stream->wishes.no_l7_retry)
        return false;
    switch (stream->request.method) {
    case HTTP_METHOD_GET:
    case HTTP_METHOD_HEAD:
    case HTTP_METHOD_OPTIONS:
    case HTTP_METHOD_TRACE:
    case HTTP_METHOD_PUT:
    case HTTP_METHOD_DELETE:
        return !stream->got_answer && stream->front->can_rewind;
    default:
        return false;
    }
}

void stream_forget_attempt(struct stream *stream)
{
    stream_relay_fini(&stream->up);
    stream_relay_fini(&stream->down);
    backend_conn_close(stream->back, false);
    stream->back = NULL;
    stream->reused = stream->head_sent = stream->got_answer = stream->response_valid = false;
    stream->settle_due_us = 0;
    stream->no_pool = true;
}

static bool again(struct stream *stream, enum stream_retry_reason why)
{
    if (!mux_h1_rewind(stream->front))
        return false;
    stream_note_retry(stream, why);
    stream_forget_attempt(stream);
    stream_step_set(stream, STREAM_CONNECT);
    return true;
}

// No byte of the request was acknowledged: the server's kernel refused it all. As long as that is not certain (its end
// came, and no reset yet) the stream waits for it.
static bool is_lost(struct stream *stream, bool *open)
{
    uint64_t now_us = stream->ctx->loop->now_us;
    enum transport_fate fate = transport_conn_fate(&stream->back->h1.conn, stream->wire_mark);
    *open = fate == TRANSPORT_FATE_OPEN && (!stream->settle_due_us || now_us < stream->settle_due_us);
    if (*open && !stream->settle_due_us)
        stream->settle_due_us = now_us + SETTLE_US;
    return fate == TRANSPORT_FATE_LOST;
}

bool stream_resend(struct stream *stream, enum stream_verdict *verdict)
{
    bool open = false;
    *verdict = STREAM_GO;
    if (!stream->reused || stream->got_answer || !stream->front->can_rewind)
        return false;
    if (stream_may_send_again(stream))
        return again(stream, STREAM_RETRY_STALE);
    if (is_lost(stream, &open))
        return again(stream, STREAM_RETRY_UNREAD);
    *verdict = STREAM_WAIT;
    return open;
}
