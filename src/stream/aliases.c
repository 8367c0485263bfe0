// SPDX-License-Identifier: Apache-2.0
// The %aliases of format strings (manual section 8.2.6) but for dates and times, which stand in aliases_time.c, and
// TLS, in aliases_tls.c. All of them read a struct stream_log: that of the line being written, or one filled from the
// stream for other uses.
#include <sys/socket.h>
#include "base/host.h"
#include "stream/act.h"
#include "stream/aliases.h"
#include "stream/capture.h"

const struct stream_log *stream_alias_log(const struct expr_subject *subject, struct stream_log *own)
{
    if (subject->log)
        return subject->log;
    if (subject->stream)
        stream_log_fill(own, subject->stream);
    else
        stream_log_fill_session(own, subject->process->owner, subject->session);
    return own;
}

static bool put_str(struct expr_sample *out, struct slice str)
{
    *out = (struct expr_sample){ .type = EXPR_STR, .str = str };
    return str.len > 0;
}

static bool put_num(struct expr_sample *out, int64_t num)
{
    *out = (struct expr_sample){ .type = EXPR_INT, .num = num };
    return true;
}

static bool put_address(struct expr_sample *out, const struct transport_address *addr)
{
    if (addr->family == AF_UNIX)
        return put_str(out, SLICE("unix"));
    if (addr->family != AF_INET && addr->family != AF_INET6)
        return false;
    *out = (struct expr_sample){ .type = EXPR_ADDR, .addr = { .family = addr->family == AF_INET ? 4 : 6 } };
    memcpy(out->addr.bytes, addr->ip, addr->family == AF_INET ? 4 : 16);
    return true;
}

static bool put_port(struct expr_sample *out, const struct transport_address *addr)
{
    return (addr->family == AF_INET || addr->family == AF_INET6) && put_num(out, addr->port);
}

#define ALIAS(name)                                                                                                    \
    static bool name(struct expr_subject *subject, struct expr_sample *out, struct expr_alias_item *item)
#define LOG_OF                                                                                                         \
    struct stream_log own;                                                                                             \
    const struct stream_log *log = stream_alias_log(subject, &own);                                                    \
    (void)item

static const struct stream_ctx *ctx_of(const struct expr_subject *subject)
{
    return subject->process->owner;
}

// What rules made of the client's address, or of the one it connected to, counts; a tunnel may have outlived its
// stream.
static const struct transport_address *src_of(const struct expr_subject *subject)
{
    const struct stream_log *log = subject->log;
    if (subject->stream)
        return stream_src(subject->stream);
    return log && log->src.family ? &log->src : &((const struct proxy_session *)subject->session)->src;
}

static const struct transport_address *dst_of(const struct expr_subject *subject)
{
    const struct stream_log *log = subject->log;
    if (subject->stream)
        return stream_dst(subject->stream);
    return log && log->dst.family ? &log->dst : proxy_session_dst(subject->session);
}

ALIAS(alias_ci)
{
    (void)item;
    return put_address(out, src_of(subject));
}

ALIAS(alias_cp)
{
    (void)item;
    return put_port(out, src_of(subject));
}

ALIAS(alias_fi)
{
    (void)item;
    return put_address(out, dst_of(subject));
}

ALIAS(alias_fp)
{
    (void)item;
    return put_port(out, dst_of(subject));
}

// Outside of log lines the connection is still there to be asked.
static const struct transport_address *source_address(const struct stream_log *log, struct expr_subject *subject)
{
    struct stream *stream = subject->stream;
    if (subject->log || !stream || !stream->back)
        return &log->source;
    stream_note_source(stream);
    return &stream->source;
}

ALIAS(alias_bi)
{
    LOG_OF;
    return put_address(out, source_address(log, subject));
}

ALIAS(alias_bp)
{
    LOG_OF;
    return put_port(out, source_address(log, subject));
}

// Where the server's connection went; a server without an address of its own, or one whose port follows the client's,
// is found at the client's destination.
static struct transport_address server_address(const struct stream_log *log, struct expr_subject *subject)
{
    struct transport_address addr = { .family = AF_UNSPEC };
    if (!log->server)
        return addr;
    const struct server_conf *conf = log->server->conf;
    addr = conf->addr;
    if (addr.family != AF_UNSPEC && !conf->port_mapped)
        return addr;
    const struct transport_address *dst = proxy_session_dst(subject->session);
    if (addr.family == AF_UNSPEC)
        addr = *dst;
    addr.port = (uint16_t)(dst->port + conf->port_offset);
    return addr;
}

ALIAS(alias_si)
{
    LOG_OF;
    struct transport_address addr = server_address(log, subject);
    return put_address(out, &addr);
}

ALIAS(alias_sp)
{
    LOG_OF;
    struct transport_address addr = server_address(log, subject);
    return put_port(out, &addr);
}

ALIAS(alias_f)
{
    (void)item;
    return put_str(out, slice_str(((const struct proxy_session *)subject->session)->conf->name));
}

ALIAS(alias_b)
{
    const struct check_facts *check = subject->check;
    if (check)
        return put_str(out, slice_str(check->proxy->name));
    LOG_OF;
    return put_str(out, slice_str(log->backend ? log->backend->conf->name : log->frontend->name));
}

ALIAS(alias_s)
{
    const struct check_facts *check = subject->check;
    if (check)
        return put_str(out, slice_str(check->server->name));
    LOG_OF;
    if (log->server)
        return put_str(out, slice_str(log->server->conf->name));
    return put_str(out, log->status_page ? SLICE("<STATS>") : SLICE("<NOSRV>"));
}

ALIAS(alias_ac)
{
    const struct stream_ctx *ctx = ctx_of(subject);
    (void)item;
    return put_num(out, board_lane_sum(ctx->board, ctx->program->object));
}

ALIAS(alias_fc)
{
    LOG_OF;
    return put_num(out, board_lane_sum(ctx_of(subject)->board, log->frontend->fe_object));
}

ALIAS(alias_bc)
{
    LOG_OF;
    return put_num(out, log->backend ? board_lane_sum(ctx_of(subject)->board, log->backend->conf->be_object) : 0);
}

ALIAS(alias_sc)
{
    LOG_OF;
    return put_num(out, log->server ? board_lane_sum(ctx_of(subject)->board, log->server->conf->object) : 0);
}

ALIAS(alias_rc)
{
    LOG_OF;
    item->plus = log->redispatched;
    return put_num(out, log->retries);
}

ALIAS(alias_sq)
{
    LOG_OF;
    return put_num(out, log->queue_before);
}

ALIAS(alias_bq)
{
    LOG_OF;
    return put_num(out, log->backend_queue_before);
}

ALIAS(alias_bytes_out)
{
    LOG_OF;
    item->plus = log->asap;
    return put_num(out, (int64_t)log->bytes_out);
}

ALIAS(alias_bytes_in)
{
    LOG_OF;
    item->plus = log->asap;
    return put_num(out, (int64_t)log->bytes_in);
}

ALIAS(alias_status)
{
    LOG_OF;
    return put_num(out, log->status || !log->is_http || log->step == PROXY_LOG_AT_ERROR ? log->status : -1);
}

ALIAS(alias_ts)
{
    static char text[4];
    LOG_OF;
    text[0] = stream_end_letter((enum stream_end)log->end);
    text[1] = log->end_phase;
    return put_str(out, slice_of(text, 2));
}

ALIAS(alias_tsc)
{
    static char text[4];
    LOG_OF;
    text[0] = stream_end_letter((enum stream_end)log->end);
    text[1] = log->end_phase;
    text[2] = (char)log->cookie_seen;
    text[3] = (char)log->cookie_set;
    return put_str(out, slice_of(text, 4));
}

ALIAS(alias_rt)
{
    LOG_OF;
    return put_num(out, log->id);
}

ALIAS(alias_lc)
{
    LOG_OF;
    return put_num(out, (int64_t)board_counter_sum(ctx_of(subject)->board, log->frontend->fe_object, PROXY_COUNT_LOGS));
}

ALIAS(alias_pid)
{
    (void)item;
    return put_num(out, subject->process->pid);
}

ALIAS(alias_hostname)
{
    (void)subject, (void)item;
    return put_str(out, slice_str(host_name()));
}

ALIAS(alias_id)
{
    LOG_OF;
    if (!subject->log && subject->stream)
        return put_str(out, stream_unique_id(subject->stream));
    return put_str(out, log->unique_id);
}

ALIAS(alias_origin)
{
    LOG_OF;
    return put_str(out, slice_str(subject->log ? proxy_log_step_origin((enum proxy_log_step)log->step) : "unspec"));
}

// The request line as it came, and its parts.
static bool request_line(const struct stream_log *log, struct expr_sample *out)
{
    return put_str(out, log->request_line.len ? log->request_line : SLICE("<BADREQ>"));
}

static struct slice request_uri(const struct stream_log *log)
{
    struct slice rest = slice_from(log->request_line, slice_find(log->request_line, ' ') + 1);
    return slice_of(rest.ptr, slice_find(rest, ' '));
}

ALIAS(alias_r)
{
    LOG_OF;
    return request_line(log, out);
}

ALIAS(alias_method)
{
    LOG_OF;
    request_line(log, out);
    out->str.len = slice_find(out->str, ' ');
    return true;
}

ALIAS(alias_uri)
{
    LOG_OF;
    return log->request_line.len ? put_str(out, request_uri(log)) : request_line(log, out);
}

ALIAS(alias_uri_path)
{
    LOG_OF;
    struct slice uri = request_uri(log);
    return log->request_line.len ? put_str(out, slice_of(uri.ptr, slice_find(uri, '?'))) : request_line(log, out);
}

ALIAS(alias_path)
{
    LOG_OF;
    struct slice uri = request_uri(log);
    if (!log->request_line.len)
        return request_line(log, out);
    uri.len = slice_find(uri, '?');
    if (uri.len && uri.ptr[0] != '/') {
        const char *authority = memmem(uri.ptr, uri.len, "://", 3);
        uri = authority ? slice_from(uri, (size_t)(authority - uri.ptr) + 3) : slice_from(uri, uri.len);
        uri = slice_from(uri, slice_find(uri, '/'));
    }
    return put_str(out, uri);
}

ALIAS(alias_query)
{
    LOG_OF;
    struct slice uri = request_uri(log);
    if (!log->request_line.len)
        return request_line(log, out);
    put_str(out, slice_from(uri, slice_find(uri, '?')));
    return true;
}

ALIAS(alias_version)
{
    LOG_OF;
    request_line(log, out);
    const char *last = memrchr(out->str.ptr, ' ', out->str.len);
    if (last)
        out->str = slice_from(out->str, (size_t)(last - out->str.ptr) + 1);
    return true;
}

// The slots that the frontend declares, and what they hold.
static bool captured(struct expr_subject *subject, struct expr_sample *out, struct expr_alias_item *item,
                     enum stream_capture_side side)
{
    struct stream_log own;
    const struct stream_log *log = stream_alias_log(subject, &own);
    item->end = item->nth >= log->frontend->fe.num_captures[side];
    return !item->end && put_str(out, stream_captures_slot(log->captures, side, item->nth));
}

ALIAS(alias_captured_req)
{
    return captured(subject, out, item, STREAM_CAPTURE_REQUEST);
}

ALIAS(alias_captured_res)
{
    return captured(subject, out, item, STREAM_CAPTURE_RESPONSE);
}

ALIAS(alias_cookie_req)
{
    LOG_OF;
    return put_str(out, stream_captures_cookie(log->captures, STREAM_CAPTURE_REQUEST));
}

ALIAS(alias_cookie_res)
{
    LOG_OF;
    return put_str(out, stream_captures_cookie(log->captures, STREAM_CAPTURE_RESPONSE));
}

#define ROW(text, type, function, ...)                                                                                 \
    {                                                                                                                  \
        .name = text, .out = EXPR_##type, .when = EXPR_FROM_CONNECT, .get = function, __VA_ARGS__                      \
    }

// Those that a health check knows, too.
#define ROW_CHECK(text, type, function, ...)                                                                           \
    {                                                                                                                  \
        .name = text, .out = EXPR_##type, .when = EXPR_FROM_CONNECT | EXPR_AT_CHECK, .get = function, __VA_ARGS__      \
    }

static const struct expr_alias aliases[] = {
    ROW("B", INT, alias_bytes_out, .help = "bytes sent to the client"),
    ROW("CC", STR, alias_cookie_req, .http = true, .escape = EXPR_ALIAS_URL,
        .help = "the captured cookie of the request"),
    ROW("CS", STR, alias_cookie_res, .http = true, .escape = EXPR_ALIAS_URL,
        .help = "the captured cookie of the answer"),
    ROW_CHECK("H", STR, alias_hostname, .help = "name of this host"),
    ROW("HM", STR, alias_method, .http = true, .escape = EXPR_ALIAS_URL, .help = "method"),
    ROW("HP", STR, alias_uri_path, .http = true, .escape = EXPR_ALIAS_URL, .help = "request target without its query"),
    ROW("HPO", STR, alias_path, .http = true, .escape = EXPR_ALIAS_URL, .help = "path, without host and query"),
    ROW("HQ", STR, alias_query, .http = true, .escape = EXPR_ALIAS_URL, .help = "query with its '?'"),
    ROW("HU", STR, alias_uri, .http = true, .escape = EXPR_ALIAS_URL, .help = "request target"),
    ROW("HV", STR, alias_version, .http = true, .escape = EXPR_ALIAS_URL, .help = "HTTP version (\"HTTP/1.1\")"),
    ROW("ID", STR, alias_id, .escape = EXPR_ALIAS_URL, .help = "what unique-id-format makes"),
    ROW("OG", STR, alias_origin, .help = "why the line is written (\"txn_close\")"),
    ROW("ST", INT, alias_status, .help = "status of the answer, -1 without one"),
    ROW("U", INT, alias_bytes_in, .help = "bytes read from the client"),
    ROW("ac", INT, alias_ac, .help = "connections of the whole service"),
    ROW_CHECK("b", STR, alias_b, .help = "name of the backend, or of the frontend before there is one"),
    ROW("bc", INT, alias_bc, .help = "connections of the backend"),
    ROW("bi", ADDR, alias_bi, .help = "address the server was connected to from"),
    ROW("bp", INT, alias_bp, .hex = 4, .help = "port the server was connected to from"),
    ROW("bq", INT, alias_bq, .help = "requests before this one in the backend's queue"),
    ROW("ci", ADDR, alias_ci, .help = "address of the client"),
    ROW("cp", INT, alias_cp, .hex = 4, .help = "port of the client"),
    ROW("f", STR, alias_f, .help = "name of the frontend"),
    ROW("fc", INT, alias_fc, .help = "connections of the frontend"),
    ROW("fi", ADDR, alias_fi, .help = "address the client connected to"),
    ROW("fp", INT, alias_fp, .hex = 4, .help = "port the client connected to"),
    ROW("hr", STR, alias_captured_req, .escape = EXPR_ALIAS_HDR, .list = EXPR_ALIAS_BRACES,
        .help = "captured request headers: \"{a|b}\""),
    ROW("hrl", STR, alias_captured_req, .escape = EXPR_ALIAS_HDR, .list = EXPR_ALIAS_WORDS,
        .help = "captured request headers, each by itself"),
    ROW("hs", STR, alias_captured_res, .escape = EXPR_ALIAS_HDR, .list = EXPR_ALIAS_BRACES,
        .help = "captured response headers: \"{a|b}\""),
    ROW("hsl", STR, alias_captured_res, .escape = EXPR_ALIAS_HDR, .list = EXPR_ALIAS_WORDS,
        .help = "captured response headers, each by itself"),
    ROW("lc", INT, alias_lc, .hex = 4, .help = "log lines of the frontend before this one"),
    ROW_CHECK("pid", INT, alias_pid, .hex = 4, .help = "number of the process"),
    ROW("r", STR, alias_r, .http = true, .escape = EXPR_ALIAS_URL, .help = "request line"),
    ROW("rc", INT, alias_rc, .help = "retries, '+' before them where another server was chosen"),
    ROW("rt", INT, alias_rt, .hex = 4, .help = "number of the request in this process"),
    ROW_CHECK("s", STR, alias_s, .help = "name of the server"),
    ROW("sc", INT, alias_sc, .help = "connections of the server"),
    ROW("si", ADDR, alias_si, .help = "address of the server"),
    ROW("sp", INT, alias_sp, .hex = 4, .help = "port of the server"),
    ROW("sq", INT, alias_sq, .help = "requests before this one in the server's queue"),
    ROW("ts", STR, alias_ts, .bare = true, .help = "who ended it, and when: two letters"),
    ROW("tsc", STR, alias_tsc, .http = true, .bare = true, .help = "who ended it, when, and the cookie: four letters"),
};
EXPR_ALIASES(aliases);
