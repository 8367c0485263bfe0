// SPDX-License-Identifier: Apache-2.0
#include "stream/act.h"
#include "stream/body.h"

// join_chunks gives what the chunks in `raw` carry. The first is not copied before there is a second.
static bool join_chunks(struct expr_scratch *scratch, struct slice *out, bool *complete, struct slice raw)
{
    struct http_chunk chunk;
    size_t used, off, len, total = 0, cap;
    char *text = expr_scratch_rest(scratch, &cap);
    enum http_chunk_step step;
    bool copied = false;
    *out = slice_of(raw.ptr, 0);
    http_chunk_init(&chunk);
    while ((step = http_chunk_decode(&chunk, &used, &off, &len, raw.ptr, raw.len)) == HTTP_CHUNK_DATA) {
        if (!total) {
            *out = slice_of(raw.ptr + off, len);
        } else {
            if (len > cap || total > cap - len)
                return false;
            if (!copied)
                memcpy(text, out->ptr, total);
            memcpy(text + total, raw.ptr + off, len);
            copied = true;
        }
        total += len;
        raw = slice_from(raw, used);
        if (!raw.len)
            break;
    }
    raw = slice_from(raw, step == HTTP_CHUNK_TRAILER ? used : 0);
    *complete = step == HTTP_CHUNK_TRAILER && http_trailer_len(raw.ptr, raw.len);
    if (copied) {
        *out = slice_of(text, total);
        return expr_scratch_take(scratch, total) != NULL;
    }
    return true;
}

bool stream_body_of(struct expr_subject *subject, struct slice *out, bool *complete)
{
    const struct check_facts *check = subject->check;
    if (check) {
        *out = check->body;
        *complete = true;
        return check->head != NULL;
    }
    struct stream *stream = subject->stream;
    const struct http_head *head = stream ? stream_head_of(subject) : NULL;
    if (!head || (head->is_response && !stream->back))
        return false;
    const struct mux_h1 *h1 = head->is_response ? &stream->back->h1 : stream->front;
    struct slice raw = slice_of(h1->in.mem + h1->pin, h1->in.mem ? h1->in.tail - h1->pin : 0);
    *out = slice_of("", 0);
    *complete = true;
    if (h1->stream.rx == MUX_BODY_NONE)
        return true;
    // What was passed on still stands there only while it may have to be sent again.
    if (h1->in.mem && h1->in.head != h1->pin && !h1->can_rewind)
        return false;
    if (!raw.len) {
        *complete = h1->stream.rx_done;
        return true;
    }
    if (h1->stream.rx == MUX_BODY_CHUNKED)
        return join_chunks(&subject->process->scratch, out, complete, raw);
    *out = raw;
    *complete = h1->conn.read_closed;
    if (h1->stream.rx == MUX_BODY_LENGTH) {
        if (head->content_length < raw.len)
            out->len = (size_t)head->content_length;
        *complete = out->len == head->content_length;
    }
    return true;
}
