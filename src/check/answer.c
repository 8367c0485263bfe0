// SPDX-License-Identifier: Apache-2.0
// An answer in HTTP as it comes in: its head, and what there is of its body, with what frames it taken out in place.
#include <stdlib.h>
#include <string.h>
#include "check/answer.h"

enum { STATE_HEAD, STATE_LENGTH, STATE_CHUNKS, STATE_END, STATE_WHOLE };

// A server is well whatever name its protocol has: HAProxy's checks do not mind, and neither do these.
static void init_head(struct check_answer *answer)
{
    http_head_init(&answer->head, answer->fields, answer->max_fields);
    answer->head.lax = true;
}

bool check_answer_begin(struct check_answer *answer, uint16_t max_fields, bool is_head)
{
    *answer = (struct check_answer){ .is_head = is_head, .max_fields = max_fields };
    answer->fields = malloc(answer->max_fields * sizeof(*answer->fields));
    if (answer->fields)
        init_head(answer);
    return answer->fields != NULL;
}

void check_answer_fini(struct check_answer *answer)
{
    free(answer->fields);
    answer->fields = NULL;
}

struct slice check_answer_body(const struct check_answer *answer, struct slice data)
{
    return slice_of(data.ptr + answer->body_at, answer->body_len);
}

// Lines that end with a bare LF are taken, as HAProxy does for checks: a head that has some is written anew. False
// while it is not whole, or where there is no room.
static bool mend_line_ends(struct buf *in, bool *more)
{
    char *data = buf_data(in);
    size_t len = buf_len(in), bare = 0, end = 0;
    bool empty = false;
    for (size_t i = 0; i < len && !end; i++) {
        if (data[i] == '\n') {
            bare += i == 0 || data[i - 1] != '\r';
            end = empty ? i + 1 : 0;
            empty = true;
        } else if (data[i] != '\r') {
            empty = false;
        }
    }
    *more = !end;
    if (!end || !bare || bare > buf_room(in))
        return false;
    memmove(data + end + bare, data + end, len - end);
    for (size_t from = end, to = end + bare; from-- > 0;) {
        data[--to] = data[from];
        if (data[from] == '\n' && (from == 0 || data[from - 1] != '\r'))
            data[--to] = '\r';
    }
    buf_added(in, bare);
    return true;
}

static enum check_answer_step read_head(struct check_answer *answer, struct buf *in, bool last)
{
    enum http_bad bad;
    for (;;) {
        while (!answer->head.resume && buf_len(in) && (*buf_data(in) == '\r' || *buf_data(in) == '\n'))
            buf_consume(in, 1);
        answer->head.base = buf_data(in);
        enum http_parse parse =
            buf_len(in) ? http_head_parse_response(&answer->head, &bad, buf_len(in)) : HTTP_PARSE_MORE;
        if (parse == HTTP_PARSE_MORE)
            return last ? CHECK_ANSWER_BAD : CHECK_ANSWER_HEAD;
        if (parse == HTTP_PARSE_BAD && bad == HTTP_BAD_LINE_END) {
            bool more;
            bool mended = mend_line_ends(in, &more);
            init_head(answer);
            if (mended)
                continue;
            return more && !last ? CHECK_ANSWER_HEAD : CHECK_ANSWER_BAD;
        }
        if (parse != HTTP_PARSE_DONE)
            return CHECK_ANSWER_BAD;
        break;
    }
    const struct http_head *head = &answer->head;
    answer->body_at = answer->rest_at = head->len;
    if (!http_response_has_body(head, answer->is_head ? HTTP_METHOD_HEAD : HTTP_METHOD_GET)) {
        answer->state = STATE_WHOLE;
    } else if (head->flags & HTTP_HEAD_CHUNKED) {
        http_chunk_init(&answer->chunk);
        answer->state = STATE_CHUNKS;
    } else if (head->flags & HTTP_HEAD_LENGTH) {
        answer->left = head->content_length;
        answer->state = STATE_LENGTH;
    } else {
        answer->state = STATE_END;
    }
    return CHECK_ANSWER_BODY;
}

// Data of chunks is moved down over what framed it.
static enum check_answer_step read_chunks(struct check_answer *answer, struct buf *in)
{
    char *data = buf_data(in);
    size_t len = buf_len(in);
    for (;;) {
        size_t used, at, data_len;
        enum http_chunk_step step =
            http_chunk_decode(&answer->chunk, &used, &at, &data_len, data + answer->rest_at, len - answer->rest_at);
        if (step == HTTP_CHUNK_BAD)
            return CHECK_ANSWER_BAD;
        if (step == HTTP_CHUNK_DATA) {
            memmove(data + answer->body_at + answer->body_len, data + answer->rest_at + at, data_len);
            answer->body_len += (uint32_t)data_len;
        }
        answer->rest_at += (uint32_t)used;
        if (step == HTTP_CHUNK_TRAILER) {
            answer->state = STATE_WHOLE;
            return CHECK_ANSWER_WHOLE;
        }
        if (step == HTTP_CHUNK_MORE)
            break;
    }
    // What is decoded makes room for what comes.
    size_t hole = answer->rest_at - (answer->body_at + answer->body_len);
    size_t rest = len - answer->rest_at;
    memmove(data + answer->rest_at - hole, data + answer->rest_at, rest);
    in->tail -= (uint32_t)hole;
    answer->rest_at -= (uint32_t)hole;
    return CHECK_ANSWER_BODY;
}

enum check_answer_step check_answer_read(struct check_answer *answer, struct buf *in, bool last)
{
    if (answer->state == STATE_HEAD) {
        enum check_answer_step step = read_head(answer, in, last);
        if (step != CHECK_ANSWER_BODY)
            return step;
    }
    answer->head.base = buf_data(in);
    size_t came = buf_len(in) - answer->body_at;
    switch (answer->state) {
    case STATE_CHUNKS:
        return read_chunks(answer, in);
    case STATE_LENGTH:
        answer->body_len = (uint32_t)(came < answer->left ? came : answer->left);
        if (came >= answer->left)
            answer->state = STATE_WHOLE;
        break;
    case STATE_END:
        answer->body_len = (uint32_t)came;
        if (last)
            answer->state = STATE_WHOLE;
        break;
    default:
        break;
    }
    return answer->state == STATE_WHOLE ? CHECK_ANSWER_WHOLE : CHECK_ANSWER_BODY;
}
