// SPDX-License-Identifier: Apache-2.0
// Fetches of bodies: what is buffered of them when the rule is evaluated.
#include "stream/body.h"
#include "stream/http_fetch.h"

HTTP_FETCH_FN(fetch_body)
{
    struct slice body;
    bool complete;
    (void)args, (void)walk;
    return stream_body_of(subject, &body, &complete) && put_bin(out, body);
}

HTTP_FETCH_FN(fetch_body_len)
{
    struct slice body;
    bool complete;
    (void)args, (void)walk;
    return stream_body_of(subject, &body, &complete) && put_int(out, (int64_t)body.len);
}

// What the message says of its length; without that, what is there.
HTTP_FETCH_FN(fetch_body_size)
{
    const struct http_head *head = subject->check ? http_fetch_response(subject) : http_fetch_either(subject);
    if (head && head->flags & HTTP_HEAD_LENGTH)
        return put_int(out, (int64_t)head->content_length);
    return fetch_body_len(subject, out, args, walk);
}

// Nothing here compresses or caches answers: that is what these say.
HTTP_FETCH_FN(fetch_no)
{
    (void)args, (void)walk;
    return http_fetch_response(subject) && put_bool(out, false);
}

HTTP_FETCH_FN(fetch_none)
{
    (void)subject, (void)out, (void)args, (void)walk;
    return false;
}

#define REQUEST  .when = HTTP_FETCH_REQUEST
#define RESPONSE .when = HTTP_FETCH_ANSWER

static const struct expr_fetch fetches[] = {
    { .name = "req.body",
      .out = EXPR_BIN,
      REQUEST,
      .fetch = fetch_body,
      .help = "The request's body, as far as it is there: see 'option http-buffer-request' and 'http-request "
              "wait-for-body'.",
      .good = "req.body -m sub attack" },
    { .name = "req.body_len",
      .out = EXPR_INT,
      REQUEST,
      .fetch = fetch_body_len,
      .help = "How many bytes of the request's body are there.",
      .good = "req.body_len gt 1000" },
    { .name = "req.body_size",
      .out = EXPR_INT,
      REQUEST,
      .fetch = fetch_body_size,
      .help = "The length that the request's body has according to its Content-Length, or in chunks what is there.",
      .good = "req.body_size gt 1000000" },
    { .name = "res.body",
      .out = EXPR_BIN,
      RESPONSE,
      .fetch = fetch_body,
      .help = "The answer's body, as far as it is there.",
      .good = "res.body -m sub error" },
    { .name = "res.body_len",
      .out = EXPR_INT,
      RESPONSE,
      .fetch = fetch_body_len,
      .help = "How many bytes of the answer's body are there.",
      .good = "res.body_len gt 0" },
    { .name = "res.body_size",
      .out = EXPR_INT,
      RESPONSE,
      .fetch = fetch_body_size,
      .help = "The length that the answer's body has according to its Content-Length, or in chunks what is there.",
      .good = "res.body_size gt 1000000" },
    { .name = "res.comp",
      .out = EXPR_BOOL,
      .when = HTTP_FETCH_KEPT_RESPONSE,
      .fetch = fetch_no,
      .help = "Whether the answer was compressed on its way: never, for answers pass as they are.",
      .good = "res.comp" },
    { .name = "res.comp_algo",
      .out = EXPR_STR,
      .when = HTTP_FETCH_KEPT_RESPONSE,
      .fetch = fetch_none,
      .help = "With what the answer was compressed on its way: nothing.",
      .good = "res.comp_algo -m found" },
    { .name = "res.cache_hit",
      .out = EXPR_BOOL,
      .when = HTTP_FETCH_KEPT_RESPONSE,
      .fetch = fetch_no,
      .help = "Whether the answer comes from a cache of ours: never, for there is none.",
      .good = "res.cache_hit" },
    { .name = "res.cache_name",
      .out = EXPR_STR,
      .when = HTTP_FETCH_KEPT_RESPONSE,
      .fetch = fetch_none,
      .help = "The cache that the answer comes from: none.",
      .good = "res.cache_name -m found" },
};
EXPR_FETCHES(fetches);
