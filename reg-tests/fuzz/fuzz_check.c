// SPDX-License-Identifier: Apache-2.0
// Answers to health checks: whole and byte by byte they give the same status and body, whatever they are; bytes of the
// buffer are never looked at beyond its end.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "check/answer.h"

enum { INPUT_MAX = 4096, ROOM = 3 * INPUT_MAX, MAX_FIELDS = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct outcome {
    enum check_answer_step step;
    uint16_t status;
    char body[ROOM];
    size_t body_len;
};

static void read_all(struct outcome *out, const char *data, size_t len, size_t piece, bool is_head)
{
    struct check_answer answer;
    struct buf in = { .mem = malloc(ROOM), .cap = ROOM };
    must(in.mem && check_answer_begin(&answer, MAX_FIELDS, is_head));
    size_t at = 0;
    do {
        size_t part = len - at < piece ? len - at : piece;
        memcpy(buf_end(&in), data + at, part);
        buf_added(&in, part);
        at += part;
        out->step = check_answer_read(&answer, &in, at == len);
    } while (at < len && (out->step == CHECK_ANSWER_HEAD || out->step == CHECK_ANSWER_BODY));
    must(out->step != CHECK_ANSWER_HEAD);
    out->status = out->step == CHECK_ANSWER_BAD ? 0 : answer.head.status;
    struct slice body = check_answer_body(&answer, slice_of(buf_data(&in), buf_len(&in)));
    out->body_len = out->step == CHECK_ANSWER_BAD ? 0 : body.len;
    must(body.len <= buf_len(&in));
    if (out->body_len)
        memcpy(out->body, body.ptr, body.len);
    check_answer_fini(&answer);
    free(in.mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct outcome whole, cut;
    if (len < 2 || len > INPUT_MAX)
        return 0;
    bool is_head = data[0] & 1;
    size_t piece = 1 + (data[0] >> 1) % 16;
    read_all(&whole, (const char *)data + 1, len - 1, len, is_head);
    read_all(&cut, (const char *)data + 1, len - 1, piece, is_head);
    must(whole.step == cut.step && whole.status == cut.status);
    must(whole.body_len == cut.body_len && memcmp(whole.body, cut.body, cut.body_len) == 0);
    return 0;
}
