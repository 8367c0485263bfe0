// SPDX-License-Identifier: Apache-2.0
// Fetches of start lines: method, target and what it consists of, version, status.
#include <sys/socket.h>
#include "base/hash.h"
#include "stream/http_fetch.h"
#include "stream/log.h"

HTTP_FETCH_FN(fetch_first_req)
{
    const struct proxy_session *session = subject->session;
    (void)args, (void)walk;
    return subject->stream && put_bool(out, session->num_requests == 1);
}

// As for HAProxy, set-method does not change what ACLs see of a request that came with one of the usual methods.
HTTP_FETCH_FN(fetch_method)
{
    const struct http_head *head = http_fetch_request(subject);
    const struct stream_log *log = subject->log;
    (void)args, (void)walk;
    if (!head)
        return false;
    enum http_method came = ((const struct stream *)subject->stream)->client_method;
    struct slice method;
    if (came != HTTP_METHOD_OTHER)
        method = slice_str(http_method_name(came));
    else if (log) // the head itself may be gone
        method = slice_of(log->request_line.ptr, slice_find(log->request_line, ' '));
    else
        method = http_head_method(head);
    *out = (struct expr_sample){ .type = EXPR_METHOD, .str = method };
    return true;
}

HTTP_FETCH_FN(fetch_url)
{
    const struct http_head *head = http_fetch_request(subject);
    (void)args, (void)walk;
    return head && put_str(out, http_head_target(head));
}

HTTP_FETCH_FN(fetch_pathq)
{
    const struct http_head *head = http_fetch_request(subject);
    (void)args, (void)walk;
    return head && head->path_len && put_str(out, http_head_pathq(head));
}

HTTP_FETCH_FN(fetch_path)
{
    const struct http_head *head = http_fetch_request(subject);
    (void)args, (void)walk;
    return head && head->path_len && put_str(out, http_head_path(head));
}

static const char *prepare_query(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)config;
    args[0].num = num && slice_equal(args[0].str, SLICE("with_qm"));
    return num && !args[0].num ? "the only option is 'with_qm'" : NULL;
}

HTTP_FETCH_FN(fetch_query)
{
    const struct http_head *head = http_fetch_request(subject);
    struct slice query = head ? http_head_query(head) : slice_of(NULL, 0);
    (void)walk;
    if (!query.ptr)
        return false;
    if (args[0].num && query.len) // the question mark stands right before it
        query = slice_of(query.ptr - 1, query.len + 1);
    return put_str(out, query);
}

// join gives `a` and `b` in one piece, ptr NULL where there is no room.
static struct slice join(struct expr_subject *subject, struct slice a, struct slice b)
{
    char *text = expr_scratch_take(&subject->process->scratch, a.len + b.len);
    if (!text)
        return slice_of(NULL, 0);
    if (a.len)
        memcpy(text, a.ptr, a.len);
    if (b.len)
        memcpy(text + a.len, b.ptr, b.len);
    return slice_of(text, a.len + b.len);
}

// A path counts where it begins with its slash.
static struct slice slashed(struct slice path)
{
    return path.len && path.ptr[0] == '/' ? path : slice_of(NULL, 0);
}

// host_and gives the first Host field with `behind`; ptr NULL where there is neither, or no room.
static struct slice host_and(struct expr_subject *subject, const struct http_head *head, struct slice behind)
{
    struct slice host = http_fetch_host(head);
    return host.ptr || behind.ptr ? join(subject, host, behind) : slice_of(NULL, 0);
}

static struct slice base_of(struct expr_subject *subject)
{
    const struct http_head *head = http_fetch_request(subject);
    return head ? host_and(subject, head, slashed(http_head_path(head))) : slice_of(NULL, 0);
}

static struct slice baseq_of(struct expr_subject *subject)
{
    const struct http_head *head = http_fetch_request(subject);
    return head ? host_and(subject, head, slashed(http_head_pathq(head))) : slice_of(NULL, 0);
}

// What the converter "sdbm(1)" makes of it.
static uint32_t hash_of(struct slice text)
{
    return hash_avalanche(hash_sdbm(text));
}

HTTP_FETCH_FN(fetch_base)
{
    struct slice text = base_of(subject);
    (void)args, (void)walk;
    return text.ptr && put_str(out, text);
}

HTTP_FETCH_FN(fetch_baseq)
{
    struct slice text = baseq_of(subject);
    (void)args, (void)walk;
    return text.ptr && put_str(out, text);
}

HTTP_FETCH_FN(fetch_base32)
{
    struct slice text = base_of(subject);
    (void)args, (void)walk;
    return text.ptr && put_int(out, hash_of(text));
}

HTTP_FETCH_FN(fetch_url32)
{
    struct slice text = baseq_of(subject);
    (void)args, (void)walk;
    return text.ptr && put_int(out, hash_of(text));
}

// put_with_src gives the hash, then the client's address, both in network order.
static bool put_with_src(struct expr_subject *subject, struct expr_sample *out, uint32_t hash)
{
    const struct transport_address *src = stream_src(subject->stream);
    size_t len = src->family == AF_INET ? 4 : src->family == AF_INET6 ? 16 : 0;
    char *text = len ? expr_scratch_take(&subject->process->scratch, 4 + len) : NULL;
    if (!text)
        return false;
    for (int i = 0; i < 4; i++)
        text[i] = (char)(hash >> (24 - 8 * i));
    memcpy(text + 4, src->ip, len);
    return put_bin(out, slice_of(text, 4 + len));
}

HTTP_FETCH_FN(fetch_base32_src)
{
    struct slice text = base_of(subject);
    (void)args, (void)walk;
    return text.ptr && put_with_src(subject, out, hash_of(text));
}

HTTP_FETCH_FN(fetch_url32_src)
{
    struct slice text = baseq_of(subject);
    (void)args, (void)walk;
    return text.ptr && put_with_src(subject, out, hash_of(text));
}

// find_address reads the authority of the target where it is an IPv4 or IPv6 address with or without a port.
static bool find_address(const struct http_head *head, struct expr_addr *addr, uint16_t *port)
{
    struct slice host = head ? http_head_authority(head) : slice_of(NULL, 0), digits = { 0 };
    uint64_t number = 80;
    if (!host.len)
        return false;
    if (host.ptr[0] == '[') {
        size_t close = slice_find(host, ']');
        digits = slice_from(host, close + 2);
        host = slice_of(host.ptr + 1, close - 1);
    } else {
        size_t colon = slice_find(host, ':');
        digits = slice_from(host, colon + 1);
        host.len = colon;
    }
    if (digits.len && (!slice_to_u64(digits, &number) || number > UINT16_MAX))
        return false;
    *port = (uint16_t)number;
    return expr_addr_parse(addr, host);
}

HTTP_FETCH_FN(fetch_url_ip)
{
    uint16_t port;
    (void)args, (void)walk;
    *out = (struct expr_sample){ .type = EXPR_ADDR };
    return find_address(http_fetch_request(subject), &out->addr, &port);
}

HTTP_FETCH_FN(fetch_url_port)
{
    struct expr_addr addr;
    uint16_t port;
    (void)args, (void)walk;
    return find_address(http_fetch_request(subject), &addr, &port) && put_int(out, port);
}

HTTP_FETCH_SIDE_FN(fetch_ver)
{
    (void)subject, (void)args, (void)walk;
    return put_str(out, head->flags & HTTP_HEAD_VERSION_10 ? SLICE("1.0") : SLICE("1.1"));
}
HTTP_FETCH_SIDES(fetch_ver)

HTTP_FETCH_FN(fetch_status)
{
    const struct http_head *head = http_fetch_response(subject);
    const struct stream_log *log = subject->log;
    (void)args, (void)walk;
    unsigned status = head ? head->status : log ? log->status : 0;
    return status && put_int(out, status);
}

HTTP_FETCH_FN(fetch_server_status)
{
    const struct stream *stream = subject->stream;
    (void)args, (void)walk;
    return stream && stream->server_status && put_int(out, stream->server_status);
}

#define REQUEST .when = HTTP_FETCH_REQUEST

static const struct expr_fetch fetches[] = {
    { .name = "http_first_req",
      .out = EXPR_BOOL,
      .when = HTTP_FETCH_KEPT,
      .fetch = fetch_first_req,
      .help = "True for the first request of a connection.",
      .good = "http_first_req" },
    { .name = "method",
      .out = EXPR_METHOD,
      .when = HTTP_FETCH_KEPT,
      .fetch = fetch_method,
      .help = "The request's method; one of the usual methods (GET, POST, ...) as it came, whatever set-method did.",
      .good = "method GET HEAD" },
    { .name = "url",
      .out = EXPR_STR,
      REQUEST,
      .fetch = fetch_url,
      .help = "The request target as the client sent it, or as rules made it.",
      .good = "url /" },
    { .name = "path",
      .out = EXPR_STR,
      REQUEST,
      .fetch = fetch_path,
      .help = "The target's path, without host and query.",
      .good = "path /index.html" },
    { .name = "pathq",
      .out = EXPR_STR,
      REQUEST,
      .fetch = fetch_pathq,
      .help = "The target's path with its query, without host.",
      .good = "pathq -m beg /a?b" },
    { .name = "query",
      .args = "[<options>]",
      .max_args = 1,
      .out = EXPR_STR,
      REQUEST,
      .prepare = prepare_query,
      .fetch = fetch_query,
      .help = "What follows the target's first question mark; nothing where there is none. With the option with_qm it "
              "begins with the question mark, unless it is empty.",
      .good = "query -m found",
      .bad = "query(all)",
      .bad_says = "with_qm" },
    { .name = "base",
      .out = EXPR_STR,
      REQUEST,
      .fetch = fetch_base,
      .help = "The first Host field and the path in one piece.",
      .good = "base -m beg www.example.com/img/" },
    { .name = "baseq",
      .out = EXPR_STR,
      REQUEST,
      .fetch = fetch_baseq,
      .help = "The first Host field, the path and the query in one piece.",
      .good = "baseq www.example.com/?a" },
    { .name = "base32",
      .out = EXPR_INT,
      REQUEST,
      .fetch = fetch_base32,
      .help = "A 32-bit hash of base (SDBM, its bits mixed).",
      .good = "base32 gt 0" },
    { .name = "base32+src",
      .out = EXPR_BIN,
      REQUEST,
      .fetch = fetch_base32_src,
      .help = "base32 and behind it the client's address: 8 or 20 bytes.",
      .good = "base32+src -m found" },
    { .name = "url32",
      .out = EXPR_INT,
      REQUEST,
      .fetch = fetch_url32,
      .help = "A 32-bit hash of the first Host field, the path and the query (SDBM, its bits mixed).",
      .good = "url32 gt 0" },
    { .name = "url32+src",
      .out = EXPR_BIN,
      REQUEST,
      .fetch = fetch_url32_src,
      .help = "url32 and behind it the client's address: 8 or 20 bytes.",
      .good = "url32+src -m found" },
    { .name = "url_ip",
      .out = EXPR_ADDR,
      REQUEST,
      .fetch = fetch_url_ip,
      .help = "The address that the target's authority is; nothing where it is a name, or the target only a path.",
      .good = "url_ip 192.0.2.0/24" },
    { .name = "url_port",
      .out = EXPR_INT,
      REQUEST,
      .fetch = fetch_url_port,
      .help = "The port of the target's authority where that is an address, 80 without one.",
      .good = "url_port 80" },
    { .name = "req.ver",
      .out = EXPR_STR,
      REQUEST,
      .fetch = req_fetch_ver,
      .help = "The request's HTTP version: 1.0 or 1.1.",
      .good = "req.ver 1.1" },
    { .name = "res.ver",
      .out = EXPR_STR,
      .when = HTTP_FETCH_ANSWER,
      .fetch = res_fetch_ver,
      .help = "The answer's HTTP version: 1.0 or 1.1.",
      .good = "res.ver 1.1" },
    { .name = "status",
      .out = EXPR_INT,
      .when = HTTP_FETCH_KEPT_RESPONSE | EXPR_AT_CHECK,
      .fetch = fetch_status,
      .help = "The answer's status, as rules have set it.",
      .good = "status 500:599" },
    { .name = "server_status",
      .out = EXPR_INT,
      .when = HTTP_FETCH_KEPT_RESPONSE,
      .fetch = fetch_server_status,
      .help = "The status that the server answered with; nothing where it did not.",
      .good = "server_status 503" },
    { .name = "req_ver", .of = "req.ver", .help = "Another name for req.ver." },
    { .name = "resp_ver", .of = "res.ver", .help = "Another name for res.ver." },
    { .name = "resp.ver", .of = "res.ver", .help = "Another name for res.ver." },
    HTTP_FETCH_FORMS("base", "base"),
    HTTP_FETCH_FORMS("path", "path"),
    HTTP_FETCH_FORMS("url", "url"),
};
EXPR_FETCHES(fetches);
