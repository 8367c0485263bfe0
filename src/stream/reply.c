// SPDX-License-Identifier: Apache-2.0
// Answers of rules and error pages. What is constant was made at boot and is shared; what varies is written into two
// buffers that the stream borrows, one for the head, one for the body.
#include <stdio.h>
#include "base/check.h"
#include "proxy/errors.h"
#include "stream/act.h"
#include "stream/steps.h"

static bool borrow(struct stream *stream, char **chunk)
{
    if (!*chunk)
        *chunk = buf_pool_take(stream->ctx->mux->bufs);
    return *chunk != NULL;
}

// The chunk holds the answer, its table of fields and their text.
struct proxy_answer *stream_reply_copy(struct stream *stream, const struct proxy_answer *base)
{
    const struct mux_ctx *mux = stream->ctx->mux;
    size_t used = sizeof(*base) + mux->max_fields * sizeof(struct http_field);
    if (used >= mux->bufs->chunk_len || !borrow(stream, &stream->reply_head))
        return NULL;
    struct proxy_answer *answer = (struct proxy_answer *)stream->reply_head;
    http_head_init(&answer->head, (struct http_field *)(answer + 1), mux->max_fields);
    http_head_store(&answer->head, stream->reply_head + used, mux->bufs->chunk_len - used);
    if (!http_head_copy(&answer->head, &base->head))
        return NULL;
    answer->body = base->body;
    answer->close = base->close;
    stream->answer = answer;
    return answer;
}

static bool write_body(struct stream *stream, struct proxy_answer *answer, const struct expr_format *format)
{
    bool cut = false;
    char digits[24];
    if (!borrow(stream, &stream->reply_body))
        return false;
    // With its head it has to fit into a buffer, as for HAProxy.
    size_t cap = stream->ctx->mux->bufs->chunk_len;
    size_t len = expr_format_write(format, &stream->subject, stream->reply_body, cap, &cut);
    int at = http_head_find(&answer->head, HTTP_FIELD_CONTENT_LENGTH, 0);
    answer->body = slice_of(stream->reply_body, len);
    answer->head.content_length = len;
    int num = snprintf(digits, sizeof(digits), "%zu", len);
    return !cut && at >= 0 && http_head_set(&answer->head, (unsigned)at, slice_of(digits, (size_t)num));
}

static bool add_fields(struct stream *stream, struct proxy_answer *answer, const struct stream_reply *reply)
{
    struct expr_scratch *scratch = &stream->ctx->expr.scratch;
    for (const struct stream_reply_field *field = reply->fields; field; field = field->next) {
        uint32_t mark = expr_scratch_mark(scratch);
        struct slice value = expr_format_make(field->value, &stream->subject);
        // As for HAProxy, a value that comes out empty makes no field.
        if (value.len && (reply->is_default || reply->errors))
            http_head_drop_name(&answer->head, field->name);
        bool ok = value.ptr && (!value.len || http_head_add(&answer->head, field->name, value));
        expr_scratch_release(scratch, mark);
        if (!ok)
            return false;
    }
    return true;
}

// make puts together what varies of `reply` on top of `base`, or takes `base` as it is.
static bool make(struct stream *stream, const struct stream_reply *reply, const struct proxy_answer *base)
{
    stream->answer = base;
    if (LIKELY(!reply->fields && !reply->body))
        return true;
    struct proxy_answer *answer = stream_reply_copy(stream, base);
    if (!answer || (reply->body && !write_body(stream, answer, reply->body)) || !add_fields(stream, answer, reply)) {
        stream->answer = NULL;
        return false;
    }
    return true;
}

static const struct errorfile_conf *find_page(const struct stream *stream, const struct stream_reply *reply)
{
    const struct proxy_conf *backend = stream->backend ? stream->backend->conf : NULL;
    const struct errorfile_conf *file = reply->errors ? proxy_errors_find(reply->errors->files, reply->status) : NULL;
    return file ? file : proxy_answer_find_error(backend, stream->session->conf, reply->status);
}

static bool set_page(struct stream *stream, const struct stream_reply *reply)
{
    const struct errorfile_conf *file = find_page(stream, reply);
    if (!file)
        return make(stream, reply, proxy_answer_built_in(reply->status));
    if (!file->reply)
        return !file->answer || make(stream, reply, file->answer);
    // A page that varies: the fields come on top of what it says.
    if (!make(stream, file->reply, file->reply->answer))
        return false;
    if (!reply->fields)
        return true;
    struct proxy_answer *answer = (struct proxy_answer *)stream->reply_head;
    if (stream->answer == file->reply->answer)
        return make(stream, reply, file->reply->answer);
    return add_fields(stream, answer, reply);
}

bool stream_reply_set(struct stream *stream, const struct stream_reply *reply)
{
    stream->answer = NULL;
    stream->service = NULL;
    if (reply->silent)
        return true;
    if (reply->is_default || reply->errors)
        return set_page(stream, reply);
    return make(stream, reply, reply->answer);
}

void stream_reply_error(struct stream *stream, uint16_t status)
{
    const struct stream_reply reply = { .status = status, .is_default = true };
    if (!stream->subject.when)
        stream->subject.when = EXPR_AT_REQUEST_HEAD;
    if (!stream_reply_set(stream, &reply))
        stream->answer = proxy_answer_built_in(500);
}
