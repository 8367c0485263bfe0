// SPDX-License-Identifier: Apache-2.0
// What actions and fetches of this area see of a stream. Actions change heads and settings of the exchange and say what
// is to happen by their verdict; only the steps carry it out.
#pragma once

#include "expr/expr.h"
#include "expr/format.h"
#include "rule/rule.h"
#include "stream/stream.h"

// stream_of gives the stream of `subject`, NULL for rules of a connection.
static inline struct stream *stream_of(const struct expr_subject *subject)
{
    return subject->stream;
}

// stream_session_of gives its session.
static inline struct proxy_session *stream_session_of(const struct expr_subject *subject)
{
    return subject->session;
}

// stream_head_of gives the head that rules look at and change now: the answer's in response rules, else the request's.
// NULL where there is none yet.
static inline struct http_head *stream_head_of(const struct expr_subject *subject)
{
    struct stream *stream = subject->stream;
    if (subject->when & (EXPR_AT_RESPONSE_CONTENT | EXPR_FROM_RESPONSE_HEAD))
        return stream->response_valid ? &stream->response : NULL;
    return stream->head_valid ? &stream->request : NULL;
}

// stream_head_change gives that head with room for changes (a buffer is lent to it the first time); NULL where there is
// no memory.
struct http_head *stream_head_change(struct expr_subject *subject);

// What an action that answers makes at boot: a status, header fields and a body, each constant or a format string.
// Lives in the configuration's arena.
struct stream_reply_field {
    struct stream_reply_field *next;
    struct slice name;
    const struct expr_format *value;
};

struct stream_reply {
    uint16_t status;
    bool silent;                       // no answer at all: the connection is closed
    bool is_default;                   // the error page of `status` as the proxies' errorfiles say
    const struct proxy_answer *answer; // whole and constant: from an errorfile, or one without formats; else NULL
    struct slice content_type;         // ptr NULL: none
    const struct expr_format *body;    // NULL: none
    struct stream_reply_field *fields;
};

// stream_reply_set makes the stream answer with `reply` (what varies is written now, into buffers of the stream) when
// the action gives RULE_ANSWERED. False where there is no room for it: the action gives RULE_ERROR.
bool stream_reply_set(struct stream *stream, const struct stream_reply *reply);

// stream_reply_fini gives back what stream_reply_set took; for the end of the stream.
void stream_reply_fini(struct stream *stream);

// stream_src gives the client's address as rules see it: set-src may have changed it for this exchange.
static inline const struct transport_address *stream_src(const struct stream *stream)
{
    return stream->wishes.src.family ? &stream->wishes.src : &stream->session->src;
}

// stream_dst likewise gives the address the client connected to.
static inline const struct transport_address *stream_dst(const struct stream *stream)
{
    return stream->wishes.dst.family ? &stream->wishes.dst : proxy_session_dst(stream->session);
}

// stream_rule_wait is called by an action before it gives RULE_WAIT: it is run again at `due_us` (monotonic, 0: no
// limit), and, with `on_data`, whenever something happened on the client's (request rules) or server's connection.
// stream->rule_waits says in the action that it waited before; it is cleared when the action gives another verdict.
void stream_rule_wait(struct stream *stream, uint64_t due_us, bool on_data);
