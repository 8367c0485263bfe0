// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>
#include "base/check.h"
#include "log/log.h"
#include "stream/error.h"
#include "stream/aliases.h"
#include "stream/steps.h"
#include "stream/wish.h"

// The formats that options choose, as manual section 8.2 gives them.
static const char *const built_in_texts[PROXY_NUM_LOGS] = {
    [PROXY_LOG_NONE] = "%ci:%cp [%t] %f", // what a connection's failure begins with
    [PROXY_LOG_TCP] = "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq",
    [PROXY_LOG_TCP_CLF] = "%{+Q}o %{-Q}ci - - [%T] \"TCP \" 000 %B \"\" \"\" %cp %ms %ft %b %s %Th %Tw %Tc %Tt %U "
                          "%ts-- %ac %fc %bc %sc %rc %sq %bq \"\" \"\" ",
    [PROXY_LOG_HTTP] = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq "
                       "%hr %hs %{+Q}r",
    [PROXY_LOG_CLF] = "%{+Q}o %{-Q}ci - - [%trg] %r %ST %B \"\" \"\" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta %tsc %ac "
                      "%fc %bc %sc %rc %sq %bq %CC %CS %hrl %hsl",
    [PROXY_LOG_HTTPS] = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq "
                        "%hr %hs %{+Q}r %[fc_err]/%[ssl_fc_err,hex]/%[ssl_c_err]/%[ssl_c_ca_err]/%[ssl_fc_is_resumed] "
                        "%[ssl_fc_sni]/%sslv/%sslc",
    [PROXY_LOG_DEFAULT] = "Connect from %ci:%cp to %fi:%fp (%f/",
};

// Of a tunnel that lives on. It looks unlike the lines above, so that nobody takes it for one more request.
static const char *const tunnel_texts[2] = {
    "%ci:%cp [%t] %ft %b/%s tunnel open for %Tt ms, %U bytes in, %B bytes out",
    "%ci:%cp [%tr] %ft %b/%s tunnel open for %Ta ms, %U bytes in, %B bytes out, %{+Q}r",
};

static const struct expr_format *built_in[PROXY_NUM_LOGS];
static const struct expr_format *built_in_tunnel[2]; // in tcp mode, in http mode

static const struct expr_format *compile(struct config *config, const struct config_line *line, const char *text)
{
    const struct expr_format *format = expr_format_text(config, line, 0, slice_str(text), EXPR_FORMAT_LOG, EXPR_AT_LOG);
    must(format);
    return format;
}

void stream_log_boot(void)
{
    static struct arena arena;
    struct config_diag diag;
    struct config config;
    struct config_arg arg = { .str = "" };
    const struct config_line line = { .place = { .file = "built in" }, .args = &arg, .num_args = 1 };
    if (arena.blocks)
        return;
    arena_init(&arena);
    config_diag_init(&diag, &arena);
    config_init(&config, &arena, &diag, NULL);
    for (int i = 0; i < PROXY_NUM_LOGS; i++)
        if (built_in_texts[i])
            built_in[i] = compile(&config, &line, built_in_texts[i]);
    for (int i = 0; i < 2; i++)
        built_in_tunnel[i] = compile(&config, &line, tunnel_texts[i]);
    config_fini(&config);
}

bool stream_log_is_due(const struct proxy_conf *frontend)
{
    return frontend->logs && (frontend->log_format != PROXY_LOG_NONE || frontend->log_sd);
}

char stream_end_letter(enum stream_end end)
{
    static const char letters[] = "-CcSsPLRIKDU";
    return letters[end];
}

// A line that `option log-separate-errors` and error-log-format single out: an error, a retry, a redispatch, 5xx.
static bool is_error(const struct stream_log *log)
{
    if (log->step == PROXY_LOG_AT_TUNNEL)
        return false;
    return log->redispatched || (log->end != STREAM_END_OK && log->end != STREAM_END_LOCAL) ||
           (log->end == STREAM_END_OK && log->retries) || (log->is_http && log->status >= 500) ||
           log->step == PROXY_LOG_AT_ERROR;
}

// What one target gets: its formats, by its profile or the frontend's.
struct choice {
    const struct expr_format *format;
    const struct expr_format *sd;
    bool drop;
};

static const struct expr_format *compiled(const struct proxy_format *format)
{
    return format ? format->format : NULL;
}

static struct choice choose(const struct log_profile *profile, const struct stream_log *log, bool error)
{
    const struct proxy_conf *frontend = log->frontend;
    struct choice choice = { .sd = compiled(frontend->log_sd) };
    if (error && frontend->log_error)
        choice.format = compiled(frontend->log_error);
    else if (frontend->log_format == PROXY_LOG_CUSTOM)
        choice.format = compiled(frontend->log_custom);
    else if (log->step == PROXY_LOG_AT_TUNNEL)
        choice.format = built_in_tunnel[log->is_http];
    else
        choice.format = built_in[frontend->log_format];
    if (!profile)
        return choice;
    const struct proxy_log_on *on = &profile->on[error ? PROXY_LOG_AT_ERROR : log->step];
    if (!on->set)
        on = &profile->on[PROXY_LOG_AT_ANY];
    if (on->format)
        choice.format = compiled(on->format);
    if (on->sd)
        choice.sd = compiled(on->sd);
    choice.drop = on->drop;
    return choice;
}

// The short default line's tail is no alias: what the frontend speaks.
static size_t write_format(const struct expr_format *format, struct expr_subject *subject, char *dst, size_t cap)
{
    size_t len = format ? expr_format_write(format, subject, dst, cap, NULL) : 0;
    if (format && format == built_in[PROXY_LOG_DEFAULT]) {
        struct slice tail = ((const struct stream_log *)subject->log)->is_http ? SLICE("HTTP)") : SLICE("TCP)");
        size_t fits = tail.len < cap - len ? tail.len : cap - len;
        memcpy(dst + len, tail.ptr, fits);
        len += fits;
    }
    return len;
}

static enum log_level level_of(const struct stream_log *log, bool error)
{
    if (log->log_level)
        return (enum log_level)(log->log_level - 1);
    return error && log->frontend->options & PROXY_OPT_LOG_SEPARATE_ERRORS ? LOG_LEVEL_ERR : LOG_LEVEL_INFO;
}

enum { LOG_TEXT_MAX = 65536 };

// Targets mostly share a line: it is written once for those that stand together. `text` may be given: a line that was
// made elsewhere.
static void send_to_all(struct stream_ctx *ctx, const struct stream_log *log, struct expr_subject *subject, bool error,
                        struct slice text)
{
    struct expr_scratch *scratch = &ctx->expr.scratch;
    uint32_t mark = expr_scratch_mark(scratch);
    size_t room = (scratch->cap - scratch->len) / 2;
    room = room < LOG_TEXT_MAX + LOG_SD_MAX ? room : LOG_TEXT_MAX + LOG_SD_MAX;
    char *memory = expr_scratch_take(scratch, room);
    struct choice last = { 0 };
    struct slice line = text, sd = { 0 };
    bool made = false;
    if (!memory || room <= LOG_SD_MAX)
        return;
    for (const struct log_target *target = log->frontend->logs; target; target = target->next) {
        struct choice choice = choose(target->profile, log, error);
        if (choice.drop)
            continue;
        if (!made || choice.format != last.format || choice.sd != last.sd) {
            sd = slice_of(memory, choice.sd ? write_format(choice.sd, subject, memory, LOG_SD_MAX) : 0);
            if (!text.ptr)
                line = slice_of(memory + LOG_SD_MAX,
                                write_format(choice.format, subject, memory + LOG_SD_MAX, room - LOG_SD_MAX));
        }
        made = true;
        last = choice;
        log_send_one(ctx->board, ctx->inc, target, level_of(log, error), ctx->loop->wall_us, sd, line);
    }
    expr_scratch_release(scratch, mark);
    backend_count(log->session->counters, PROXY_COUNT_LOGS, 1);
}

void stream_log_write(struct stream_ctx *ctx, const struct stream_log *log, struct stream *stream)
{
    struct expr_subject own = { .process = &ctx->expr, .session = (void *)log->session }, *subject = &own;
    if (log->log_level == STREAM_LEVEL_SILENT)
        return;
    if (stream)
        subject = &stream->subject;
    uint32_t when = subject->when;
    bool final = subject->final;
    subject->when = EXPR_AT_LOG;
    subject->final = true;
    subject->log = (void *)log;
    send_to_all(ctx, log, subject, is_error(log), (struct slice){ 0 });
    subject->log = NULL;
    subject->when = when;
    subject->final = final;
}

// HAProxy's short line for a connection that failed before it had a stream (manual section 8.2.5).
static size_t legacy_line(char *text, size_t cap, const struct stream_log *log, struct expr_subject *subject,
                          const char *what, const char *reason)
{
    const struct bind_conf *bind = log->session->bind;
    size_t len = expr_format_write(built_in[PROXY_LOG_NONE], subject, text, cap, NULL);
    int more;
    if (bind && bind->name)
        more =
            snprintf(text + len, cap - len, "/%s: %s%s%s", bind->name, what, reason ? ": " : "", reason ? reason : "");
    else
        more = snprintf(text + len, cap - len, "/%u: %s%s%s", bind ? (unsigned)bind->id : 0, what, reason ? ": " : "",
                        reason ? reason : "");
    return more < 0 ? len : len + (size_t)more < cap ? len + (size_t)more : cap - 1;
}

void stream_log_handshake(struct stream_ctx *ctx, struct proxy_session *session, const char *reason)
{
    const char *what = stream_error_message((enum stream_error)session->error);
    struct stream_log log;
    char text[1024];
    if (!stream_log_is_due(session->conf))
        return;
    stream_log_fill_session(&log, ctx, session);
    log.step = PROXY_LOG_AT_ERROR;
    log.end = STREAM_END_PROXY;
    log.end_phase = 'R';
    struct expr_subject subject = {
        .process = &ctx->expr, .session = session, .log = &log, .when = EXPR_AT_LOG, .final = true
    };
    struct slice line = { 0 };
    if (!session->conf->log_error)
        line = slice_of(text, legacy_line(text, sizeof(text), &log, &subject, what, reason));
    send_to_all(ctx, &log, &subject, true, line);
}

// Nothing came and nothing was sent: a probe or a browser's spare connection.
static bool is_null(const struct stream *stream)
{
    return !stream->front->rx_started && !stream->head_valid && stream->session->conf->mode == PROXY_MODE_HTTP;
}

static void write_at(struct stream *stream, enum proxy_log_step step)
{
    struct stream_log log;
    stream_log_fill(&log, stream);
    log.step = (uint8_t)step;
    log.asap = stream->step != STREAM_FINISHED;
    stream_log_write(stream->ctx, &log, stream);
}

void stream_log_line(struct stream *stream)
{
    const struct proxy_conf *frontend = stream->session->conf;
    if (!stream_log_is_due(frontend) || stream->logged ||
        (frontend->log_steps && !(frontend->log_steps & 1u << PROXY_LOG_AT_CLOSE)))
        return;
    if (is_null(stream) && (frontend->options & PROXY_OPT_DONT_LOG_NULL || stream->session->num_requests))
        return;
    bool normal = stream->end == STREAM_END_OK && !stream->retries && !stream->redispatched &&
                  (frontend->mode != PROXY_MODE_HTTP || stream->status < 500);
    if (normal && frontend->options & PROXY_OPT_DONT_LOG_NORMAL)
        return;
    stream->logged = true;
    write_at(stream, PROXY_LOG_AT_CLOSE);
}

void stream_log_step(struct stream *stream, enum proxy_log_step step)
{
    const struct proxy_conf *frontend = stream->session->conf;
    if (frontend->log_steps & 1u << step && stream_log_is_due(frontend))
        write_at(stream, step);
}

void stream_log_now(struct stream_ctx *ctx, struct proxy_session *session, struct stream *stream,
                    enum proxy_log_step step)
{
    struct stream_log log;
    if (!stream_log_is_due(session->conf))
        return;
    if (stream) {
        write_at(stream, step);
        return;
    }
    stream_log_fill_session(&log, ctx, session);
    log.step = (uint8_t)step;
    log.asap = true;
    stream_log_write(ctx, &log, NULL);
}

void stream_log_accept(struct stream_ctx *ctx, struct proxy_session *session)
{
    if (session->conf->log_steps & 1u << PROXY_LOG_AT_ACCEPT)
        stream_log_now(ctx, session, NULL, PROXY_LOG_AT_ACCEPT);
}
