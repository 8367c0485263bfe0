// SPDX-License-Identifier: Apache-2.0
// Built-in services: what answers a request inside of the process (`http-request use-service NAME`, the status page). A
// service is a row of RULE_SERVICES whose vtable is a struct stream_service. It either takes the stream over (.start),
// or makes an answer in pieces (.begin, .more, .end): the head first, then as much of the body at a time as the client
// reads, so that an answer of any length costs some 20 KiB of memory and no turn of the loop longer than half a
// millisecond. The answer goes out chunked (HTTP/1.0: until the end of the connection), HEAD gets no body, and the
// connection lives on as after any answer. Runs in workers; a service never blocks, and reads the board alone.
#pragma once

#include "base/text.h"
#include "stream/steps.h"

struct stream_serving;

// What a service says.
enum stream_serve {
    STREAM_SERVE_MORE,   // begin: the head is ready; more: call again
    STREAM_SERVE_DONE,   // more: that was the last piece
    STREAM_SERVE_WAIT,   // begin: call again at serving->due_us, or when something happens to the client
    STREAM_SERVE_REFUSE, // begin: answer with the error page of serving->status instead
    STREAM_SERVE_FAIL,   // more: what was sent is cut, so that the client sees that it is not whole
};

struct stream_service {
    // start takes the stream whose request head was read and answers it, or hands its connection on. NULL: the service
    // makes its answer by what follows.
    enum stream_verdict (*start)(struct stream *stream);
    // begin looks at the request (stream->request, serving->body) and fills in what the head says.
    enum stream_serve (*begin)(struct stream_serving *serving);
    // more appends a piece of the body to `out`, some KiB at most, in some 100 us at most. Not called for HEAD.
    enum stream_serve (*more)(struct stream_serving *serving, struct text *out);
    // end frees serving->state; called once where begin was, however the stream ends. May be NULL.
    void (*end)(struct stream_serving *serving);
    uint32_t body_max; // begin waits for the request's body up to this many bytes; 0: it is dropped
};

enum { STREAM_SERVING_FIELDS = 32 };

// One answer in the making.
struct stream_serving {
    struct stream *stream;
    const struct stream_service *service;
    void *state;        // the service's own
    const void *what;   // what it serves, said by whoever had the stream served
    uint16_t status;    // 200
    bool is_empty;      // there is no body
    struct text fields; // "name: value\r\n" each; no framing, nothing of a connection
    struct text body;   // of the request
    bool body_long;     // it is longer than body_max, and cut
    uint64_t due_us;    // monotonic, for STREAM_SERVE_WAIT

    // The rest is the steps'.
    bool begun;   // begin was called
    bool started; // the answer's head is on its way
    bool whole;   // all of its body was made
    size_t sent;  // bytes of `out` that were passed on
    struct text out;
    struct text head;
    struct proxy_answer answer;
    struct http_field head_fields[STREAM_SERVING_FIELDS];
};

// stream_serve has `service` answer the stream, whose request's rules chose it; `what` is handed to it as
// serving->what. For the steps of rules, which return what this returns.
enum stream_verdict stream_serve(struct stream *stream, const struct stream_service *service, const void *what);

// stream_serving_free ends what stream_serve began; NULL is fine.
void stream_serving_free(struct stream_serving *serving);
