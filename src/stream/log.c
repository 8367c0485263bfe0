// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "log/log.h"
#include "stream/steps.h"

bool stream_log_is_due(const struct proxy_conf *frontend)
{
    return frontend->logs && frontend->log_format != PROXY_LOG_NONE;
}

// Time in the queue: until it was left, or until now where it was not.
static int64_t queue_time(const struct stream *stream)
{
    const struct stream_times *times = &stream->times;
    uint64_t end_us = times->queued_us;
    if (!end_us && stream->end_phase == 'Q')
        end_us = stream->ctx->loop->now_us;
    return times->head_us && end_us ? (int64_t)(end_us - times->head_us) : -1;
}

void stream_log_fill(struct stream_log *log, const struct stream *stream)
{
    *log = (struct stream_log){
        .session = stream->session,
        .frontend = stream->session->conf,
        .backend = stream->backend,
        .server = stream->server,
        .times = stream->times,
        .end_us = stream->ctx->loop->now_us,
        .bytes_in = stream->bytes_in,
        .bytes_out = stream->bytes_out,
        .retries = stream->retries,
        .queue_before = stream->queue_before,
        .backend_queue_before = stream->backend_queue_before,
        .status = stream->status,
        .end = stream->end,
        .end_phase = stream->end_phase ? stream->end_phase : '-',
        .queue_us = queue_time(stream),
        .cookie_seen = stream->cookie_seen,
        .cookie_set = stream->cookie_set,
        .redispatched = stream->redispatched,
        .is_http = stream->session->conf->mode == PROXY_MODE_HTTP,
    };
    if (stream->head_valid) {
        const struct http_head *head = &stream->request;
        const char *line = head->base + head->line;
        log->request_line = slice_of(line, slice_find(slice_of(line, head->len - head->line), '\r'));
    }
}

struct stream_log *stream_log_keep(const struct stream_log *log, uint32_t max_request_line)
{
    struct slice line = log->request_line;
    if (line.len > max_request_line)
        line.len = max_request_line;
    struct stream_log *copy = malloc(sizeof(*copy) + line.len);
    if (!copy)
        return NULL;
    *copy = *log;
    if (line.len)
        memcpy(copy + 1, line.ptr, line.len);
    copy->request_line = slice_of((char *)(copy + 1), line.len);
    return copy;
}

struct line {
    char *pos;
    char *end;
};

static void put(struct line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct line *line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line->pos, (size_t)(line->end - line->pos), format, args);
    va_end(args);
    if (len > 0)
        line->pos += len < line->end - line->pos ? len : line->end - line->pos - 1;
}

// What could break the line or forge another one is written in hex: controls, quotes, 8-bit bytes and the mark itself.
static void put_escaped(struct line *line, struct slice text)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len && line->end - line->pos > 4; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c >= 0x7f || c == '"' || c == '#') {
            *line->pos++ = '#';
            *line->pos++ = hex[c >> 4];
            *line->pos++ = hex[c & 15];
        } else {
            *line->pos++ = (char)c;
        }
    }
    *line->pos = '\0';
}

static int64_t queue_ms(const struct stream_log *log)
{
    return log->queue_us < 0 ? -1 : log->queue_us / 1000;
}

static int64_t ms_between(uint64_t from_us, uint64_t to_us)
{
    if (!from_us || !to_us)
        return -1;
    return to_us > from_us ? (int64_t)((to_us - from_us) / 1000) : 0;
}

// "[21/Nov/2026:13:52:46.655]"; the broken-down second is kept, as many lines share it.
static void put_date(struct line *line, uint64_t wall_us)
{
    static time_t last;
    static char text[32];
    time_t second = (time_t)(wall_us / 1000000);
    if (second != last) {
        struct tm tm;
        localtime_r(&second, &tm);
        strftime(text, sizeof(text), "%d/%b/%Y:%H:%M:%S", &tm);
        last = second;
    }
    put(line, "[%s.%03u]", text, (unsigned)(wall_us / 1000 % 1000));
}

static char end_letter(uint8_t end)
{
    static const char letters[] = "-CcSsPLRIK";
    return letters[end];
}

// Connections at the time: of the process, the frontend, the backend, the server.
static void put_counts(struct line *line, struct stream_ctx *ctx, const struct stream_log *log)
{
    uint32_t all = board_lane_sum(ctx->board, ctx->program->object);
    uint32_t fe = board_lane_sum(ctx->board, log->frontend->fe_object);
    uint32_t be = log->backend ? board_lane_sum(ctx->board, log->backend->conf->be_object) : 0;
    uint32_t srv = log->server ? board_lane_sum(ctx->board, log->server->conf->object) : 0;
    put(line, "%u/%u/%u/%u/%s%u %u/%u", all, fe, be, srv, log->redispatched ? "+" : "", log->retries, log->queue_before,
        log->backend_queue_before);
}

static const char *server_name(const struct stream_log *log)
{
    return log->server ? log->server->conf->name : "<NOSRV>";
}

static void put_names(struct line *line, const struct stream_log *log)
{
    const struct proxy_conf *backend = log->backend ? log->backend->conf : log->frontend;
    put(line, " %s %s/%s ", log->frontend->name, backend->name, server_name(log));
}

static void http_line(struct line *line, struct stream_ctx *ctx, const struct stream_log *log)
{
    const struct stream_times *times = &log->times;
    char src[TRANSPORT_ADDRESS_TEXT_MAX];
    const char *plus = log->asap ? "+" : "";
    transport_address_text(&log->session->src, src);
    put(line, "%s ", src);
    put_date(line, times->first_us ? times->wall_us : log->session->accept_wall_us);
    put_names(line, log);
    uint64_t queued_us = times->queued_us;
    put(line, "%lld/%lld/%lld/%lld/%s%lld ", (long long)ms_between(times->first_us, times->head_us),
        (long long)queue_ms(log), (long long)ms_between(queued_us, times->connected_us),
        (long long)ms_between(times->connected_us, times->answer_us), plus,
        (long long)ms_between(times->first_us ? times->first_us : times->idle_us, log->end_us));
    put(line, "%d %s%llu - - %c%c%c%c ", log->status ? log->status : -1, plus, (unsigned long long)log->bytes_out,
        end_letter(log->end), log->end_phase, log->cookie_seen, log->cookie_set);
    put_counts(line, ctx, log);
    put(line, " \"");
    if (log->request_line.len)
        put_escaped(line, log->request_line);
    else
        put(line, "<BADREQ>");
    put(line, "\"");
}

static void tcp_line(struct line *line, struct stream_ctx *ctx, const struct stream_log *log)
{
    const struct stream_times *times = &log->times;
    char src[TRANSPORT_ADDRESS_TEXT_MAX];
    const char *plus = log->asap ? "+" : "";
    transport_address_text(&log->session->src, src);
    put(line, "%s ", src);
    put_date(line, log->session->accept_wall_us);
    put_names(line, log);
    put(line, "%lld/%lld/%s%lld %s%llu %c%c ", (long long)queue_ms(log),
        (long long)ms_between(times->queued_us, times->connected_us), plus,
        (long long)ms_between(log->session->accept_us, log->end_us), plus, (unsigned long long)log->bytes_out,
        end_letter(log->end), log->end_phase);
    put_counts(line, ctx, log);
}

static void clf_line(struct line *line, struct stream_ctx *ctx, const struct stream_log *log)
{
    const struct stream_times *times = &log->times;
    char src[TRANSPORT_ADDRESS_TEXT_MAX];
    char date[64];
    time_t second = (time_t)((times->first_us ? times->wall_us : log->session->accept_wall_us) / 1000000);
    struct tm tm;
    gmtime_r(&second, &tm);
    strftime(date, sizeof(date), "%d/%b/%Y:%H:%M:%S +0000", &tm);
    transport_address_ip_text(&log->session->src, src);
    put(line, "%s - - [%s] \"", src, date);
    put_escaped(line, log->request_line.len ? log->request_line : SLICE("<BADREQ>"));
    put(line, "\" %d %llu \"\" \"\" %u %03u \"%s\" \"%s\" \"%s\" %lld %lld %lld %lld %lld %c%c%c%c ",
        log->status ? log->status : -1, (unsigned long long)log->bytes_out, log->session->src.port,
        (unsigned)(times->wall_us / 1000 % 1000), log->frontend->name,
        log->backend ? log->backend->conf->name : log->frontend->name, server_name(log),
        (long long)ms_between(times->first_us, times->head_us), (long long)queue_ms(log),
        (long long)ms_between(times->queued_us, times->connected_us),
        (long long)ms_between(times->connected_us, times->answer_us),
        (long long)ms_between(times->first_us ? times->first_us : times->idle_us, log->end_us), end_letter(log->end),
        log->end_phase, log->cookie_seen, log->cookie_set);
    uint32_t fe = board_lane_sum(ctx->board, log->frontend->fe_object);
    put(line, "%u %u %u %u %u %u %u \"\" \"\"", board_lane_sum(ctx->board, ctx->program->object), fe,
        log->backend ? board_lane_sum(ctx->board, log->backend->conf->be_object) : 0,
        log->server ? board_lane_sum(ctx->board, log->server->conf->object) : 0, log->retries, log->queue_before,
        log->backend_queue_before);
}

static void default_line(struct line *line, const struct stream_log *log)
{
    char src[TRANSPORT_ADDRESS_TEXT_MAX];
    char dst[TRANSPORT_ADDRESS_TEXT_MAX];
    transport_address_text(&log->session->src, src);
    transport_address_text(&log->session->dst, dst);
    put(line, "Connect from %s to %s (%s/%s)", src, dst, log->frontend->name, log->is_http ? "HTTP" : "TCP");
}

void stream_log_write(struct stream_ctx *ctx, const struct stream_log *log)
{
    char text[8192];
    struct line line = { text, text + sizeof(text) };
    switch (log->frontend->log_format) {
    case PROXY_LOG_HTTP:
        http_line(&line, ctx, log);
        break;
    case PROXY_LOG_TCP:
        tcp_line(&line, ctx, log);
        break;
    case PROXY_LOG_CLF:
        clf_line(&line, ctx, log);
        break;
    default:
        default_line(&line, log);
        break;
    }
    bool failed = log->end != STREAM_END_OK && log->end != STREAM_END_LOCAL;
    enum log_level level =
        failed && log->frontend->options & PROXY_OPT_LOG_SEPARATE_ERRORS ? LOG_LEVEL_ERR : LOG_LEVEL_INFO;
    log_send(ctx->board, ctx->inc, log->frontend->logs, level, ctx->loop->wall_us,
             slice_of(text, (size_t)(line.pos - text)));
}

void stream_log_handshake(struct stream_ctx *ctx, const struct proxy_session *session, const char *what,
                          const char *reason)
{
    const struct proxy_conf *frontend = session->conf;
    const struct bind_conf *bind = session->bind;
    char src[TRANSPORT_ADDRESS_TEXT_MAX];
    char text[1024];
    struct line line = { text, text + sizeof(text) };
    if (!stream_log_is_due(frontend))
        return;
    transport_address_text(&session->src, src);
    put(&line, "%s ", src);
    put_date(&line, session->accept_wall_us);
    if (bind && bind->name)
        put(&line, " %s/%s: ", frontend->name, bind->name);
    else
        put(&line, " %s/%u: ", frontend->name, bind ? (unsigned)bind->id : 0);
    put(&line, "%s%s%s", what, reason ? ": " : "", reason ? reason : "");
    log_send(ctx->board, ctx->inc, frontend->logs,
             frontend->options & PROXY_OPT_LOG_SEPARATE_ERRORS ? LOG_LEVEL_ERR : LOG_LEVEL_INFO, ctx->loop->wall_us,
             slice_of(text, (size_t)(line.pos - text)));
}

// Nothing came and nothing was sent: a probe or a browser's spare connection.
static bool is_null(const struct stream *stream)
{
    return !stream->front->rx_started && !stream->head_valid && stream->session->conf->mode == PROXY_MODE_HTTP;
}

void stream_log_line(struct stream *stream)
{
    const struct proxy_conf *frontend = stream->session->conf;
    struct stream_log log;
    if (!stream_log_is_due(frontend) || stream->logged)
        return;
    if (is_null(stream) && (frontend->options & PROXY_OPT_DONT_LOG_NULL || stream->session->num_requests))
        return;
    bool normal = stream->end == STREAM_END_OK && !stream->retries && !stream->redispatched &&
                  (frontend->mode != PROXY_MODE_HTTP || stream->status < 500);
    if (normal && frontend->options & PROXY_OPT_DONT_LOG_NORMAL)
        return;
    if (frontend->log_format == PROXY_LOG_DEFAULT)
        proxy_session_dst(stream->session);
    stream->logged = true;
    stream_log_fill(&log, stream);
    log.asap = stream->step != STREAM_FINISHED;
    stream_log_write(stream->ctx, &log);
}
