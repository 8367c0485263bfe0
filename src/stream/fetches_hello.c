// SPDX-License-Identifier: Apache-2.0
// Fetches that find out what protocol the first bytes speak, and what they tell: TLS hellos, HTTP, RDP, distcc.
#include "expr/number.h"
#include "stream/act.h"
#include "stream/content.h"
#include "stream/hello.h"
#include "stream/put.h"

// MORE means to wait, BAD that there is nothing.
static bool is_there(struct expr_subject *subject, enum stream_hello result)
{
    return result == STREAM_HELLO_OK || (result == STREAM_HELLO_MORE && stream_content_more(subject));
}

static bool client_hello(struct expr_subject *subject, struct stream_client_hello *hello)
{
    struct slice data;
    return stream_content_raw(&data, subject, false) && is_there(subject, stream_hello_client(hello, data));
}

static bool put_sent(struct expr_sample *out, enum expr_type type, struct slice value)
{
    *out = (struct expr_sample){ .type = type, .str = value };
    return value.ptr != NULL;
}

static bool fetch_hello_type(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                             struct expr_walk *walk)
{
    struct stream_client_hello hello;
    (void)args, (void)walk;
    return client_hello(subject, &hello) && put_int(out, 1);
}

static bool fetch_res_hello_type(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                                 struct expr_walk *walk)
{
    struct slice data;
    (void)args, (void)walk;
    return stream_content_raw(&data, subject, true) && is_there(subject, stream_hello_server(data)) && put_int(out, 2);
}

static bool fetch_ver(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                      struct expr_walk *walk)
{
    struct slice data;
    uint32_t version;
    (void)args, (void)walk;
    return stream_content_raw(&data, subject, false) && is_there(subject, stream_hello_version(&version, data)) &&
           put_int(out, version);
}

static bool fetch_sni(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                      struct expr_walk *walk)
{
    struct stream_client_hello hello;
    (void)args, (void)walk;
    return client_hello(subject, &hello) && put_sent(out, EXPR_STR, hello.name);
}

static bool fetch_alpn(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                       struct expr_walk *walk)
{
    struct stream_client_hello hello;
    (void)args, (void)walk;
    return client_hello(subject, &hello) && put_sent(out, EXPR_STR, hello.alpn);
}

static bool fetch_ciphers(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                          struct expr_walk *walk)
{
    struct stream_client_hello hello;
    (void)args, (void)walk;
    return client_hello(subject, &hello) && put_sent(out, EXPR_BIN, hello.ciphers);
}

static bool fetch_groups(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                         struct expr_walk *walk)
{
    struct stream_client_hello hello;
    (void)args, (void)walk;
    return client_hello(subject, &hello) && put_sent(out, EXPR_BIN, hello.groups);
}

static bool fetch_sigalgs(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                          struct expr_walk *walk)
{
    struct stream_client_hello hello;
    (void)args, (void)walk;
    return client_hello(subject, &hello) && put_sent(out, EXPR_BIN, hello.algorithms);
}

// Two bytes per group, without the keys that stand between them.
static bool fetch_keyshares(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                            struct expr_walk *walk)
{
    struct stream_client_hello hello;
    (void)args, (void)walk;
    if (!client_hello(subject, &hello) || !hello.key_shares.ptr)
        return false;
    struct slice rest = hello.key_shares;
    size_t room, len = 0;
    char *groups = expr_scratch_rest(&subject->process->scratch, &room);
    while (rest.len >= 4) {
        if (room - len < 2)
            return false;
        memcpy(groups + len, rest.ptr, 2);
        len += 2;
        rest = slice_from(rest, 4 + ((size_t)(uint8_t)rest.ptr[2] << 8 | (uint8_t)rest.ptr[3]));
    }
    expr_scratch_take(&subject->process->scratch, len);
    return put_bin(out, slice_of(groups, len));
}

static bool fetch_ec_ext(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                         struct expr_walk *walk)
{
    struct stream_client_hello hello;
    (void)args, (void)walk;
    return client_hello(subject, &hello) && put_bool(out, hello.groups.ptr != NULL);
}

static bool fetch_st_ext(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                         struct expr_walk *walk)
{
    struct stream_client_hello hello;
    (void)args, (void)walk;
    return client_hello(subject, &hello) && put_int(out, hello.ticket);
}

static bool fetch_proto_http(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                             struct expr_walk *walk)
{
    struct slice data;
    struct stream *stream = subject->stream;
    (void)args, (void)walk;
    if (stream && stream->head_valid)
        return put_bool(out, true);
    if (!(subject->when & STREAM_CONTENT_REQUEST))
        return false;
    if (!stream_content_raw(&data, subject, false))
        return stream && stream_content_more(subject);
    // The stream's own head is free: in tcp mode it is never parsed.
    struct http_head head;
    enum http_bad bad;
    http_head_init(&head, stream->request_fields, stream->ctx->mux->max_fields);
    head.base = data.ptr;
    enum http_parse result = http_head_parse_request(&head, &bad, data.len);
    if (result == HTTP_PARSE_MORE && data.len <= stream->ctx->mux->head_max)
        return stream_content_more(subject);
    return result == HTTP_PARSE_DONE && put_bool(out, true);
}

// ---- RDP ------------------------------------------------------------------------------------------------------------

static bool rdp_matches(const struct expr_arg *args, struct slice name)
{
    return !args[0].str.len || slice_equal_nocase(args[0].str, name);
}

static bool fetch_rdp_cookie(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                             struct expr_walk *walk)
{
    struct slice data, name, value;
    (void)walk;
    return stream_content_raw(&data, subject, false) && is_there(subject, stream_hello_rdp(&name, &value, data)) &&
           rdp_matches(args, name) && put_str(out, value);
}

static bool fetch_rdp_cookie_cnt(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                                 struct expr_walk *walk)
{
    struct slice data, name, value;
    (void)walk;
    if (!stream_content_raw(&data, subject, false))
        return false;
    enum stream_hello result = stream_hello_rdp(&name, &value, data);
    if (result == STREAM_HELLO_MORE)
        return stream_content_more(subject);
    return put_int(out, result == STREAM_HELLO_OK && rdp_matches(args, name));
}

// ---- distcc ---------------------------------------------------------------------------------------------------------

static const char *prepare_distcc(struct config *config, struct expr_arg *args, uint32_t num)
{
    if (args[0].str.len != 4)
        return "a token of distcc has four letters";
    args[1].num = 1;
    return num > 1 && args[1].str.len ? expr_arg_number(config, &args[1], 1, INT32_MAX) : NULL;
}

// Walks over the tokens to the one that is asked for. `body`: all of its body must be here.
static bool find_token(struct expr_subject *subject, struct stream_distcc *token, const struct expr_arg *args,
                       bool body)
{
    struct slice data;
    int64_t nth = args[1].num;
    if (!stream_content_raw(&data, subject, subject->when & STREAM_CONTENT_RESPONSE))
        return false;
    for (;;) {
        enum stream_hello result = stream_hello_distcc(token, &data);
        bool hit = token->name.ptr && slice_equal(token->name, args[0].str) && --nth == 0;
        if (hit && (!body || result == STREAM_HELLO_OK))
            return true;
        if (hit || result != STREAM_HELLO_OK)
            return result == STREAM_HELLO_MORE && stream_content_more(subject);
    }
}

static bool fetch_distcc_param(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                               struct expr_walk *walk)
{
    struct stream_distcc token;
    (void)walk;
    return find_token(subject, &token, args, false) && put_int(out, token.param);
}

static bool fetch_distcc_body(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                              struct expr_walk *walk)
{
    struct stream_distcc token;
    (void)walk;
    return find_token(subject, &token, args, true) && token.has_body && put_bin(out, token.body);
}

#define HELLO .when = STREAM_CONTENT_REQUEST
#define RDP   .args = "[<name>]", .max_args = 1, .when = STREAM_CONTENT_REQUEST
#define DISTCC                                                                                                         \
    .args = "<token>[,<occ>]", .min_args = 1, .max_args = 2, .when = STREAM_CONTENT_REQUEST | STREAM_CONTENT_RESPONSE, \
    .prepare = prepare_distcc

static const struct expr_fetch fetches[] = {
    { .name = "req.ssl_hello_type",
      .out = EXPR_INT,
      HELLO,
      .fetch = fetch_hello_type,
      .help = "1 where the client's first bytes are a whole TLS ClientHello.",
      .good = "req.ssl_hello_type 1" },
    { .name = "res.ssl_hello_type",
      .out = EXPR_INT,
      .when = STREAM_CONTENT_RESPONSE,
      .fetch = fetch_res_hello_type,
      .help = "2 where the server's first bytes are a whole TLS ServerHello.",
      .good = "res.ssl_hello_type 2" },
    { .name = "req.ssl_ver",
      .out = EXPR_INT,
      HELLO,
      .fetch = fetch_ver,
      .match = EXPR_MATCH_VERSION,
      .help = "The version that a ClientHello says: major * 65536 + minor, TLS 1.2 and 1.3 being 3.3. ACLs compare it "
              "with versions: 3.1, or a range as 3.1:3.3.",
      .good = "req.ssl_ver ge 3.1" },
    { .name = "req.ssl_sni",
      .out = EXPR_STR,
      HELLO,
      .fetch = fetch_sni,
      .help = "The name of the server that a ClientHello asks for (SNI).",
      .good = "req.ssl_sni -i www.example.com" },
    { .name = "req.ssl_alpn",
      .out = EXPR_STR,
      HELLO,
      .fetch = fetch_alpn,
      .help = "The first protocol that a ClientHello offers (ALPN).",
      .good = "req.ssl_alpn h2" },
    { .name = "req.ssl_cipherlist",
      .out = EXPR_BIN,
      HELLO,
      .fetch = fetch_ciphers,
      .help = "The numbers of the ciphers that a ClientHello offers, two bytes each.",
      .good = "req.ssl_cipherlist -m found" },
    { .name = "req.ssl_supported_groups",
      .out = EXPR_BIN,
      HELLO,
      .fetch = fetch_groups,
      .help = "The numbers of the groups that a ClientHello offers, two bytes each.",
      .good = "req.ssl_supported_groups -m found" },
    { .name = "req.ssl_sigalgs",
      .out = EXPR_BIN,
      HELLO,
      .fetch = fetch_sigalgs,
      .help = "The numbers of the signature algorithms that a ClientHello offers, two bytes each.",
      .good = "req.ssl_sigalgs -m found" },
    { .name = "req.ssl_keyshare_groups",
      .out = EXPR_BIN,
      HELLO,
      .fetch = fetch_keyshares,
      .help = "The numbers of the groups that a ClientHello brings keys for, two bytes each.",
      .good = "req.ssl_keyshare_groups -m found" },
    { .name = "req.ssl_ec_ext",
      .out = EXPR_BOOL,
      HELLO,
      .fetch = fetch_ec_ext,
      .help = "Whether a ClientHello says which elliptic curves the client has.",
      .good = "req.ssl_ec_ext" },
    { .name = "req.ssl_st_ext",
      .out = EXPR_INT,
      HELLO,
      .fetch = fetch_st_ext,
      .help = "0: a ClientHello without the session ticket extension, 1: with it, 2: with a ticket.",
      .good = "req.ssl_st_ext 2" },
    { .name = "req.proto_http",
      .out = EXPR_BOOL,
      .when = EXPR_FROM_CONTENT,
      .fetch = fetch_proto_http,
      .help = "True where the client's first bytes are a valid HTTP request head.",
      .good = "req.proto_http" },
    { .name = "req.rdp_cookie",
      RDP,
      .out = EXPR_STR,
      .fetch = fetch_rdp_cookie,
      .help = "The value of the cookie of an RDP connection request, if it has that name (or any).",
      .good = "req.rdp_cookie(mstshash) -m found",
      .bad = "req.rdp_cookie(a,b)",
      .bad_says = "[<name>]" },
    { .name = "req.rdp_cookie_cnt",
      RDP,
      .out = EXPR_INT,
      .fetch = fetch_rdp_cookie_cnt,
      .help = "1 for an RDP connection request with a cookie of that name (or any), else 0.",
      .good = "req.rdp_cookie_cnt gt 0",
      .bad = "req.rdp_cookie_cnt(a,b)",
      .bad_says = "[<name>]" },
    { .name = "distcc_param",
      DISTCC,
      .out = EXPR_INT,
      .fetch = fetch_distcc_param,
      .help = "The number of the first (or <occ>th) token of that name in a message of distcc.",
      .good = "distcc_param(DOTI) gt 1000000",
      .bad = "distcc_param(DIST,0)",
      .bad_says = "expected a number from 1" },
    { .name = "distcc_body",
      DISTCC,
      .out = EXPR_BIN,
      .fetch = fetch_distcc_body,
      .help = "The bytes that belong to the first (or <occ>th) token of that name in a message of distcc.",
      .good = "distcc_body(ARGV,2) -m found",
      .bad = "distcc_body(ARG)",
      .bad_says = "four letters" },
    { .name = "req_proto_http", .of = "req.proto_http", .help = "Another name for req.proto_http." },
    { .name = "req_ssl_hello_type", .of = "req.ssl_hello_type", .help = "Another name for req.ssl_hello_type." },
    { .name = "rep_ssl_hello_type", .of = "res.ssl_hello_type", .help = "Another name for res.ssl_hello_type." },
    { .name = "req_ssl_sni", .of = "req.ssl_sni", .help = "Another name for req.ssl_sni." },
    { .name = "req_ssl_ver", .of = "req.ssl_ver", .help = "Another name for req.ssl_ver." },
    { .name = "req_rdp_cookie", .of = "req.rdp_cookie", .help = "Another name for req.rdp_cookie." },
    { .name = "req_rdp_cookie_cnt", .of = "req.rdp_cookie_cnt", .help = "Another name for req.rdp_cookie_cnt." },
    { .name = "rdp_cookie", .of = "req.rdp_cookie", .help = "Another name for req.rdp_cookie." },
    { .name = "rdp_cookie_cnt", .of = "req.rdp_cookie_cnt", .help = "Another name for req.rdp_cookie_cnt." },
};
EXPR_FETCHES(fetches);
