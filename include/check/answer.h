// SPDX-License-Identifier: Apache-2.0
// An answer in HTTP to a health check, read from the buffer it comes into. Pure: no I/O; the buffer belongs to the
// caller, and what frames a body is taken out of it in place. Private to src/check.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/slice.h"
#include "http/chunk.h"
#include "http/head.h"

struct check_answer {
    struct http_head head;
    struct http_field *fields; // NULL: no answer is being read
    struct http_chunk chunk;
    uint64_t left;    // bytes of a body with a length
    uint32_t body_at; // where what came of the body stands in the buffer
    uint32_t body_len;
    uint32_t rest_at; // what is not decoded yet
    uint8_t state;
    uint16_t max_fields;
    bool is_head; // of a request with HEAD
};

enum check_answer_step {
    CHECK_ANSWER_HEAD,  // the head is not whole
    CHECK_ANSWER_BODY,  // it is; more of the body may come
    CHECK_ANSWER_WHOLE, // all is there
    CHECK_ANSWER_BAD,   // it is no answer in HTTP/1
};

// check_answer_begin makes ready for the answer, of at most `max_fields` fields, to a request (`is_head`: with HEAD);
// false where memory is exhausted.
bool check_answer_begin(struct check_answer *answer, uint16_t max_fields, bool is_head);

// check_answer_fini frees what reading an answer took.
void check_answer_fini(struct check_answer *answer);

// check_answer_read goes on with what is in `in`, all of it since the question; `last`: nothing more will come.
enum check_answer_step check_answer_read(struct check_answer *answer, struct buf *in, bool last);

// check_answer_body gives what came of the body; `data` is the buffer's content.
struct slice check_answer_body(const struct check_answer *answer, struct slice data);
