// SPDX-License-Identifier: Apache-2.0
// Facts that a stream has: its client's addresses and its request's head.
#include <sys/socket.h>
#include "expr/fetch.h"
#include "stream/steps.h"

static bool put_str(struct expr_sample *out, struct slice str)
{
    *out = (struct expr_sample){ .type = EXPR_STR, .str = str };
    return true;
}

static bool put_addr(struct expr_sample *out, const struct transport_address *addr)
{
    if (addr->family != AF_INET && addr->family != AF_INET6)
        return false;
    *out = (struct expr_sample){ .type = EXPR_ADDR, .addr = { .family = addr->family == AF_INET ? 4 : 6 } };
    memcpy(out->addr.bytes, addr->ip, addr->family == AF_INET ? 4 : 16);
    return true;
}

static bool put_int(struct expr_sample *out, int64_t num)
{
    *out = (struct expr_sample){ .type = EXPR_INT, .num = num };
    return true;
}

static bool put_bool(struct expr_sample *out, bool value)
{
    *out = (struct expr_sample){ .type = EXPR_BOOL, .boolean = value };
    return true;
}

static bool fetch_src(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                      struct expr_walk *walk)
{
    const struct stream *stream = subject->stream;
    (void)args, (void)walk;
    return put_addr(out, &stream->session->src);
}

static bool fetch_src_port(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                           struct expr_walk *walk)
{
    const struct stream *stream = subject->stream;
    (void)args, (void)walk;
    return put_int(out, stream->session->src.port);
}

static bool fetch_dst(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                      struct expr_walk *walk)
{
    const struct stream *stream = subject->stream;
    (void)args, (void)walk;
    return put_addr(out, proxy_session_dst(stream->session));
}

static bool fetch_dst_port(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                           struct expr_walk *walk)
{
    const struct stream *stream = subject->stream;
    (void)args, (void)walk;
    return put_int(out, proxy_session_dst(stream->session)->port);
}

static bool fetch_fe_name(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                          struct expr_walk *walk)
{
    const struct stream *stream = subject->stream;
    (void)args, (void)walk;
    return put_str(out, slice_str(stream->session->conf->name));
}

static bool fetch_fe_id(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                        struct expr_walk *walk)
{
    const struct stream *stream = subject->stream;
    (void)args, (void)walk;
    return put_int(out, stream->session->conf->id);
}

static bool fetch_so_id(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                        struct expr_walk *walk)
{
    const struct stream *stream = subject->stream;
    (void)args, (void)walk;
    return put_int(out, stream->session->bind->id);
}

static bool fetch_first_req(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                            struct expr_walk *walk)
{
    const struct stream *stream = subject->stream;
    (void)args, (void)walk;
    return put_bool(out, stream->session->num_requests == 1);
}

static bool fetch_method(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                         struct expr_walk *walk)
{
    const struct http_head *head = &((const struct stream *)subject->stream)->request;
    (void)args, (void)walk;
    *out = (struct expr_sample){ .type = EXPR_METHOD, .str = slice_of(head->base + head->line, head->method_len) };
    return true;
}

static bool fetch_url(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                      struct expr_walk *walk)
{
    const struct http_head *head = &((const struct stream *)subject->stream)->request;
    (void)args, (void)walk;
    return put_str(out, slice_of(head->base + head->target, head->target_len));
}

static bool fetch_pathq(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                        struct expr_walk *walk)
{
    const struct http_head *head = &((const struct stream *)subject->stream)->request;
    (void)args, (void)walk;
    return head->path_len && put_str(out, slice_of(head->base + head->path, head->path_len));
}

static bool fetch_path(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                       struct expr_walk *walk)
{
    if (!fetch_pathq(subject, out, args, walk))
        return false;
    out->str.len = slice_find(out->str, '?');
    return true;
}

static bool fetch_query(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                        struct expr_walk *walk)
{
    if (!fetch_pathq(subject, out, args, walk))
        return false;
    size_t mark = slice_find(out->str, '?');
    if (mark == out->str.len)
        return false;
    out->str = slice_from(out->str, mark + 1);
    return true;
}

static bool fetch_ver(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                      struct expr_walk *walk)
{
    const struct http_head *head = &((const struct stream *)subject->stream)->request;
    (void)args, (void)walk;
    return put_str(out, head->flags & HTTP_HEAD_VERSION_10 ? SLICE("1.0") : SLICE("1.1"));
}

// Fields are lists: each element between commas is a value of its own (HAProxy manual, req.hdr). walk->at[0] is the
// field's index + 1, walk->at[1] the offset in its value.
static bool next_element(const struct http_head *head, struct slice *out, const struct expr_arg *name, bool whole,
                         struct expr_walk *walk)
{
    unsigned at = (unsigned)walk->at[0];
    size_t pos = (size_t)walk->at[1];
    if (!at) {
        at = (unsigned)(http_head_find_name(head, name->str, 0) + 1);
        pos = 0;
    }
    while (at) {
        struct slice value = http_field_value(head, at - 1);
        if (pos <= value.len && (pos == 0 || !whole)) {
            struct slice rest = slice_from(value, pos);
            size_t len = whole ? rest.len : slice_find(rest, ',');
            walk->at[0] = at;
            walk->at[1] = pos + len + 1;
            *out = slice_trim(slice_of(rest.ptr, len));
            return true;
        }
        at = (unsigned)(http_head_find_name(head, name->str, at) + 1);
        pos = 0;
    }
    return false;
}

static bool fetch_hdr(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                      struct expr_walk *walk)
{
    struct slice value;
    return next_element(&((const struct stream *)subject->stream)->request, &value, args, false, walk) &&
           put_str(out, value);
}

static bool fetch_fhdr(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                       struct expr_walk *walk)
{
    struct slice value;
    return next_element(&((const struct stream *)subject->stream)->request, &value, args, true, walk) &&
           put_str(out, value);
}

static bool fetch_hdr_cnt(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                          struct expr_walk *walk)
{
    struct expr_walk own = { 0 };
    struct slice value;
    int64_t num = 0;
    (void)walk;
    while (next_element(&((const struct stream *)subject->stream)->request, &value, args, false, &own))
        num++;
    return put_int(out, num);
}

static bool fetch_cook(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                       struct expr_walk *walk)
{
    const struct http_head *head = &((const struct stream *)subject->stream)->request;
    (void)walk;
    struct slice value;
    size_t start, end;
    for (int i = -1; (i = http_head_find(head, HTTP_FIELD_COOKIE, (unsigned)(i + 1))) >= 0;)
        if (stream_cookie_find(&start, &end, &value, http_field_value(head, (unsigned)i), args[0].str))
            return put_str(out, value);
    return false;
}

#define HEAD .when = EXPR_FROM_REQUEST_HEAD
#define NAME .args = "(<name>)", .min_args = 1, .max_args = 1

static const struct expr_fetch fetches[] = {
    { .name = "src",
      .out = EXPR_ADDR,
      .when = EXPR_FROM_CONNECT,
      .fetch = fetch_src,
      .help = "The client's address, as the PROXY protocol or the connection says.",
      .good = "src 127.0.0.0/8" },
    { .name = "src_port",
      .out = EXPR_INT,
      .when = EXPR_FROM_CONNECT,
      .fetch = fetch_src_port,
      .help = "The client's port.",
      .good = "src_port gt 1023" },
    { .name = "dst",
      .out = EXPR_ADDR,
      .when = EXPR_FROM_CONNECT,
      .fetch = fetch_dst,
      .help = "The address the client connected to.",
      .good = "dst 127.0.0.1" },
    { .name = "dst_port",
      .out = EXPR_INT,
      .when = EXPR_FROM_CONNECT,
      .fetch = fetch_dst_port,
      .help = "The port the client connected to.",
      .good = "dst_port 80 443" },
    { .name = "fe_name",
      .out = EXPR_STR,
      .when = EXPR_FROM_CONNECT,
      .fetch = fetch_fe_name,
      .help = "The name of the frontend that accepted the connection.",
      .good = "fe_name www" },
    { .name = "fe_id",
      .out = EXPR_INT,
      .when = EXPR_FROM_CONNECT,
      .fetch = fetch_fe_id,
      .help = "The number of the frontend that accepted the connection.",
      .good = "fe_id 1" },
    { .name = "so_id",
      .out = EXPR_INT,
      .when = EXPR_FROM_CONNECT,
      .fetch = fetch_so_id,
      .help = "The number of the listening socket (bind option id).",
      .good = "so_id 1" },
    { .name = "http_first_req",
      .out = EXPR_BOOL,
      HEAD,
      .fetch = fetch_first_req,
      .help = "True for the first request of a connection.",
      .good = "http_first_req" },
    { .name = "method",
      .out = EXPR_METHOD,
      HEAD,
      .fetch = fetch_method,
      .help = "The request's method.",
      .good = "method GET HEAD" },
    { .name = "url",
      .out = EXPR_STR,
      HEAD,
      .fetch = fetch_url,
      .help = "The request target as the client sent it.",
      .good = "url /" },
    { .name = "path",
      .out = EXPR_STR,
      HEAD,
      .fetch = fetch_path,
      .help = "The target's path, without host and query.",
      .good = "path /index.html" },
    { .name = "pathq",
      .out = EXPR_STR,
      HEAD,
      .fetch = fetch_pathq,
      .help = "The target's path with its query, without host.",
      .good = "pathq -m beg /a?b" },
    { .name = "query",
      .out = EXPR_STR,
      HEAD,
      .fetch = fetch_query,
      .help = "What follows the target's first question mark; nothing where there is none.",
      .good = "query -m found" },
    { .name = "req.ver",
      .out = EXPR_STR,
      HEAD,
      .fetch = fetch_ver,
      .help = "The request's HTTP version: 1.0 or 1.1.",
      .good = "req.ver 1.1" },
    { .name = "req.hdr",
      NAME,
      .flags = EXPR_MANY,
      .out = EXPR_STR,
      HEAD,
      .fetch = fetch_hdr,
      .help = "The values of the header field, each element between commas on its own.",
      .good = "req.hdr(host) -i example.com" },
    { .name = "req.fhdr",
      NAME,
      .flags = EXPR_MANY,
      .out = EXPR_STR,
      HEAD,
      .fetch = fetch_fhdr,
      .help = "The header field's whole values, commas included.",
      .good = "req.fhdr(user-agent) -m sub curl" },
    { .name = "req.hdr_cnt",
      NAME,
      .out = EXPR_INT,
      HEAD,
      .fetch = fetch_hdr_cnt,
      .help = "How many values the header field has.",
      .good = "req.hdr_cnt(host) gt 1" },
    { .name = "req.cook",
      NAME,
      .out = EXPR_STR,
      HEAD,
      .fetch = fetch_cook,
      .help = "The value of the first cookie of that name.",
      .good = "req.cook(theme) dark" },
    { .name = "hdr", .of = "req.hdr", .help = "Another name for req.hdr." },
    { .name = "hdr_cnt", .of = "req.hdr_cnt", .help = "Another name for req.hdr_cnt." },
    { .name = "cook", .of = "req.cook", .help = "Another name for req.cook." },
    { .name = "req_ver", .of = "req.ver", .help = "Another name for req.ver." },
#define FORMS(base, alias)                                                                                             \
    { .name = alias "_beg", .of = base, .match = EXPR_MATCH_BEG, .help = "Prefixes of " base "." },                    \
        { .name = alias "_dir", .of = base, .match = EXPR_MATCH_DIR, .help = "Parts between slashes of " base "." },   \
        { .name = alias "_dom", .of = base, .match = EXPR_MATCH_DOM, .help = "Parts between dots of " base "." },      \
        { .name = alias "_end", .of = base, .match = EXPR_MATCH_END, .help = "Suffixes of " base "." },                \
        { .name = alias "_len", .of = base, .match = EXPR_MATCH_LEN, .help = "The length of " base "." },              \
        { .name = alias "_reg", .of = base, .match = EXPR_MATCH_REG, .help = "Regular expressions on " base "." },     \
    {                                                                                                                  \
        .name = alias "_sub", .of = base, .match = EXPR_MATCH_SUB, .help = "Substrings of " base "."                   \
    }
    FORMS("path", "path"),
    FORMS("url", "url"),
    FORMS("req.hdr", "hdr"),
    FORMS("req.cook", "cook"),
};
EXPR_FETCHES(fetches);
