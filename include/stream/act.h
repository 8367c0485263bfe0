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

// stream_head_may_come says whether more bytes could make up a request head (rules of content in mode tcp).
static inline bool stream_head_may_come(const struct expr_subject *subject)
{
    const struct stream *stream = subject->stream;
    return subject->when == EXPR_AT_REQUEST_CONTENT && !stream->not_http && !subject->final;
}

// stream_head_of gives the head that rules look at and change now: the answer's in response rules, else the request's.
// NULL where there is none (yet: subject->may_change says so where it may still come).
static inline struct http_head *stream_head_of(struct expr_subject *subject)
{
    struct stream *stream = subject->stream;
    if (subject->when & (EXPR_AT_RESPONSE_CONTENT | EXPR_FROM_RESPONSE_HEAD))
        return stream->response_valid ? &stream->response : NULL;
    if (LIKELY(stream->head_valid))
        return &stream->request;
    subject->may_change |= stream_head_may_come(subject);
    return NULL;
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
    const struct proxy_errors *errors; // the error page of `status` as this http-errors section says, if it does
    const struct proxy_answer *answer; // all of it that is constant: whole without `body` and `fields`
    const struct expr_format *body;    // NULL: that of `answer`
    struct stream_reply_field
        *fields; // added unless empty; to an error page they take the place of those of the same name
};

// What a reply may say, by the word that makes it.
struct stream_reply_kind {
    const char *action;
    uint16_t status; // where the line names none
    bool is_deny;    // without arguments it is the default error page
    uint32_t when;   // EXPR_AT_*, at which its formats are written
};

// stream_reply_parse reads the arguments of a reply (manual, "http-request return") from `*index` on, up to a condition
// or the end of the line, which is then in `*index`. NULL after reporting an error.
struct stream_reply *stream_reply_parse(struct config *config, const struct stream_reply_kind *kind,
                                        const struct config_line *line, uint32_t *index);

// stream_reply_set makes the stream answer with `reply` (what varies is written now, into buffers of the stream) when
// the action gives RULE_ANSWERED: it is then stream->answer, NULL for none at all. False where there is no room for it:
// the action gives RULE_ERROR.
bool stream_reply_set(struct stream *stream, const struct stream_reply *reply);

// stream_reply_copy gives a copy of `base` in a buffer of the stream, with room for changes, and makes it
// stream->answer; NULL where there is no room.
struct proxy_answer *stream_reply_copy(struct stream *stream, const struct proxy_answer *base);

// stream_reply_error makes stream->answer the error page of `status` as the stream's proxies say; NULL for none at all.
void stream_reply_error(struct stream *stream, uint16_t status);

// stream_hints_flush sends the hints (103) that stream->answer holds, if it does: whoever runs the rules calls it where
// the one among them that was to send them was not run after all.
void stream_hints_flush(struct stream *stream);

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

// stream_rule_fail makes the error page of `status` the answer and `end` what the log says, when the action gives
// RULE_ANSWERED.
void stream_rule_fail(struct stream *stream, uint16_t status, enum stream_end end);
