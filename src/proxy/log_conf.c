// SPDX-License-Identifier: Apache-2.0
// Formats, steps and profiles of log lines: what can only be settled once all sections are read.
#include <string.h>
#include "log/log.h"
#include "proxy/log_conf.h"
#include "proxy/words.h"

static const struct {
    const char *name;
    const char *origin;
} steps[PROXY_LOG_NUM_MOMENTS] = {
    [PROXY_LOG_AT_CLOSE] = { "close", "txn_close" },
    [PROXY_LOG_AT_ACCEPT] = { "accept", "txn_accept" },
    [PROXY_LOG_AT_REQUEST] = { "request", "txn_request" },
    [PROXY_LOG_AT_CONNECT] = { "connect", "txn_connect" },
    [PROXY_LOG_AT_RESPONSE] = { "response", "txn_response" },
    [PROXY_LOG_AT_ERROR] = { "error", "sess_error" },
    [PROXY_LOG_AT_ANY] = { "any", "unspec" },
    [PROXY_LOG_AT_TCP_CONNECTION] = { "tcp-req-conn", "tcp-req-conn" },
    [PROXY_LOG_AT_TCP_SESSION] = { "tcp-req-sess", "tcp-req-sess" },
    [PROXY_LOG_AT_TCP_CONTENT] = { "tcp-req-cont", "tcp-req-cont" },
    [PROXY_LOG_AT_TCP_RESPONSE] = { "tcp-res-cont", "tcp-res-cont" },
    [PROXY_LOG_AT_HTTP_REQUEST] = { "http-req", "http-req" },
    [PROXY_LOG_AT_HTTP_RESPONSE] = { "http-res", "http-res" },
    [PROXY_LOG_AT_HTTP_AFTER] = { "http-after-res", "http-after-res" },
    [PROXY_LOG_AT_TUNNEL] = { "tunnel", "txn_tunnel" },
};

enum proxy_log_step proxy_log_step_find(const char *name)
{
    for (int i = 0; i < PROXY_LOG_NUM_MOMENTS; i++)
        if (strcmp(steps[i].name, name) == 0)
            return (enum proxy_log_step)i;
    return PROXY_LOG_NUM_MOMENTS;
}

const char *proxy_log_step_origin(enum proxy_log_step step)
{
    return steps[step].origin;
}

struct proxy_format *proxy_format_new(struct config *config, const struct config_line *line, uint32_t index,
                                      enum expr_format_use use, uint32_t when)
{
    struct proxy_format *format = arena_alloc(config->arena, sizeof(*format));
    *format = (struct proxy_format){ .line = *line, .index = index, .use = (uint8_t)use, .when = when };
    return format;
}

// Compiles a format for `proxy`; NULL stands for none.
static bool finish_format(struct config *config, struct proxy_conf *proxy, struct proxy_format *format)
{
    if (!format)
        return true;
    if (!format->tried)
        format->format =
            expr_format_parse(config, &format->line, format->index, (enum expr_format_use)format->use, format->when);
    format->tried = true;
    if (!format->format)
        return false;
    const char *http = expr_format_http(format->format);
    if (http && proxy->mode != PROXY_MODE_HTTP)
        return config_error(config, &format->line, format->index, "'%%%s' needs mode http, which %s '%s' does not have",
                            http, proxy_kind(proxy), proxy->name);
    proxy->log_wants_source |= expr_format_has(format->format, "bi") || expr_format_has(format->format, "bp");
    proxy->log_wants_stream |= expr_format_needs_stream(format->format);
    return true;
}

static bool find_profile(struct config *config, struct log_target *target)
{
    const char *known[64];
    size_t num = 0;
    if (!target->profile_name)
        return true;
    for (struct log_profile *it = proxy_program(config)->global.log_profiles; it; it = it->next) {
        if (strcmp(it->name, target->profile_name) == 0)
            target->profile = it, target->tag = it->tag;
        if (num < NUM_ITEMS(known))
            known[num++] = it->name;
    }
    if (target->profile)
        return true;
    const char *nearest = config_nearest(target->profile_name, known, num);
    config_diag_add(config->diag, CONFIG_ERROR, target->place, "there is no log-profile '%s'%s%s%s",
                    target->profile_name, nearest ? "; did you mean '" : "", nearest ? nearest : "",
                    nearest ? "'?" : "");
    return false;
}

bool proxy_logs_finish(struct config *config, struct proxy_conf *proxy)
{
    bool ok = true;
    for (struct log_target *it = proxy->logs; it; it = it->next) {
        ok &= find_profile(config, it);
        for (int i = 0; it->profile && proxy->has_frontend && i < PROXY_LOG_NUM_MOMENTS; i++)
            ok &= finish_format(config, proxy, it->profile->on[i].format) &&
                  finish_format(config, proxy, it->profile->on[i].sd);
    }
    if (!proxy->has_frontend)
        return ok;
    if (proxy->log_format == PROXY_LOG_CUSTOM)
        ok &= finish_format(config, proxy, proxy->log_custom);
    ok &= finish_format(config, proxy, proxy->log_sd);
    ok &= finish_format(config, proxy, proxy->log_error);
    return finish_format(config, proxy, proxy->unique_id) && ok;
}
