// SPDX-License-Identifier: Apache-2.0
// What the files of HTTP fetches share; private to the area. A fetch looks at the head as rules have changed it.
#pragma once

#include "expr/fetch.h"
#include "expr/put.h"
#include "stream/act.h"

// Moments at which a head's text is there to be read. What is kept beyond them says so itself.
enum {
    HTTP_FETCH_REQUEST = EXPR_FROM_REQUEST_HEAD,
    HTTP_FETCH_RESPONSE = EXPR_AT_RESPONSE_HEAD | EXPR_AT_RESPONSE_BODY,
    HTTP_FETCH_ANSWER = HTTP_FETCH_RESPONSE | EXPR_AT_CHECK, // of a server to a request or a health check
    HTTP_FETCH_EITHER = HTTP_FETCH_REQUEST | HTTP_FETCH_RESPONSE,
    HTTP_FETCH_KEPT = HTTP_FETCH_EITHER | EXPR_AT_LOG,            // of the request
    HTTP_FETCH_KEPT_RESPONSE = HTTP_FETCH_RESPONSE | EXPR_AT_LOG, // of the answer
};

// http_fetch_request gives the request's head, or NULL.
static inline const struct http_head *http_fetch_request(struct expr_subject *subject)
{
    struct stream *stream = subject->stream;
    if (!stream || stream->head_valid)
        return stream ? &stream->request : NULL;
    subject->may_change |= stream_head_may_come(subject);
    return NULL;
}

// http_fetch_response gives the answer's head, or NULL.
static inline const struct http_head *http_fetch_response(const struct expr_subject *subject)
{
    const struct stream *stream = subject->stream;
    if (subject->check)
        return ((const struct check_facts *)subject->check)->head;
    return stream && stream->response_valid ? &stream->response : NULL;
}

// http_fetch_either gives the answer's head in response rules, else the request's; or NULL.
static inline const struct http_head *http_fetch_either(struct expr_subject *subject)
{
    return subject->stream ? stream_head_of(subject) : NULL;
}

// http_fetch_host gives the value of the first Host field; ptr NULL without one.
static inline struct slice http_fetch_host(const struct http_head *head)
{
    int host = http_head_find(head, HTTP_FIELD_HOST, 0);
    return host < 0 ? slice_of(NULL, 0) : http_field_value(head, (unsigned)host);
}

// http_fetch_is_proxied says whether the request of `stream` is one to a proxy, to which the client authenticates with
// Proxy-Authorization: its target begins neither with '/' nor '*', and `option http-use-proxy-header` says it matters.
static inline bool http_fetch_is_proxied(const struct stream *stream)
{
    struct slice target = http_head_target(&stream->request);
    return stream->session->conf->options & PROXY_OPT_USE_PROXY_HEADER && target.len && target.ptr[0] != '/' &&
           target.ptr[0] != '*';
}

// put_val gives the integer that `text` begins with, 0 for none.
static inline bool put_val(struct expr_sample *out, struct slice text)
{
    struct expr_sample sample = { .type = EXPR_STR, .str = text };
    int64_t num;
    return put_int(out, expr_sample_int(&sample, &num) ? num : 0);
}

// http_fetch_param finds the next parameter of the text `params` ("a=1&b=2") from `*pos` on that is called `name` (any
// where its ptr is NULL or its length 0), ended by '&', ';' or `delim`, and moves `*pos` behind it. One without '=' is
// none.
bool http_fetch_param(struct slice *out, size_t *pos, struct slice params, struct slice name, char delim, bool nocase);

// The argument "i", the letter of a delimiter: prepare functions of fetches with parameters of a form.
expr_prepare_fn http_fetch_prepare_param; // http_fetch_prepare_param checks "[<name>[,i]]"; args[1].num: no case

// HTTP_FETCH_FN begins the definition of a fetch function that has its parameters.
#define HTTP_FETCH_FN(name)                                                                                            \
    static bool name(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,               \
                     struct expr_walk *walk)

// HTTP_FETCH_SIDES defines the fetch functions req_NAME, res_NAME and any_NAME from NAME, which takes a head (not NULL)
// before the rest.
#define HTTP_FETCH_SIDES(name)                                                                                         \
    HTTP_FETCH_FN(req_##name)                                                                                          \
    {                                                                                                                  \
        const struct http_head *head = http_fetch_request(subject);                                                    \
        return head && name(head, subject, out, args, walk);                                                           \
    }                                                                                                                  \
    HTTP_FETCH_FN(res_##name)                                                                                          \
    {                                                                                                                  \
        const struct http_head *head = http_fetch_response(subject);                                                   \
        return head && name(head, subject, out, args, walk);                                                           \
    }
#define HTTP_FETCH_SIDE_FN(name)                                                                                       \
    static bool name(const struct http_head *head, struct expr_subject *subject, struct expr_sample *out,              \
                     const struct expr_arg *args, struct expr_walk *walk)

// HTTP_FETCH_FORMS makes the rows of the ACL words `alias`_beg and its kin for the fetch `base`.
#define HTTP_FETCH_FORMS(base, alias)                                                                                  \
    { .name = alias "_beg", .of = base, .match = EXPR_MATCH_BEG, .help = "Prefixes of " base "." },                    \
        { .name = alias "_dir", .of = base, .match = EXPR_MATCH_DIR, .help = "Parts between slashes of " base "." },   \
        { .name = alias "_dom", .of = base, .match = EXPR_MATCH_DOM, .help = "Parts between dots of " base "." },      \
        { .name = alias "_end", .of = base, .match = EXPR_MATCH_END, .help = "Suffixes of " base "." },                \
        { .name = alias "_len", .of = base, .match = EXPR_MATCH_LEN, .help = "The length of " base "." },              \
        { .name = alias "_reg", .of = base, .match = EXPR_MATCH_REG, .help = "Regular expressions on " base "." },     \
    {                                                                                                                  \
        .name = alias "_sub", .of = base, .match = EXPR_MATCH_SUB, .help = "Substrings of " base "."                   \
    }
