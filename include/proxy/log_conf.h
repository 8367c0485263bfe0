// SPDX-License-Identifier: Apache-2.0
// What a configuration says of log lines: their formats, the moments they are written at, and profiles that give single
// targets their own (manual sections 8.2.6 and 8.3.5). Written while the keeper reads the configuration, const
// afterwards.
#pragma once

#include "config/config.h"
#include "expr/format.h"

// A format string as it was written, and what it was compiled to at the end of reading, when the proxies that use it
// are known. Proxies that share their defaults share it.
struct proxy_format {
    struct config_line line;
    uint32_t index; // of its argument
    uint8_t use;    // enum expr_format_use
    uint32_t when;  // EXPR_AT_* bit
    bool tried;
    const struct expr_format *format;
};

// Why a line is written; the steps of log-steps and of log-profile.
enum proxy_log_step {
    PROXY_LOG_AT_CLOSE,
    PROXY_LOG_AT_ACCEPT,
    PROXY_LOG_AT_REQUEST,
    PROXY_LOG_AT_CONNECT,
    PROXY_LOG_AT_RESPONSE,
    PROXY_LOG_NUM_STEPS, // of log-steps; what follows is for profiles and %OG alone

    PROXY_LOG_AT_ERROR = PROXY_LOG_NUM_STEPS,
    PROXY_LOG_AT_ANY,
    PROXY_LOG_AT_TCP_CONNECTION, // do-log in the rule sets
    PROXY_LOG_AT_TCP_SESSION,
    PROXY_LOG_AT_TCP_CONTENT,
    PROXY_LOG_AT_TCP_RESPONSE,
    PROXY_LOG_AT_HTTP_REQUEST,
    PROXY_LOG_AT_HTTP_RESPONSE,
    PROXY_LOG_AT_HTTP_AFTER,
    PROXY_LOG_AT_TUNNEL, // option log-tunnel-interval; ours
    PROXY_LOG_NUM_MOMENTS
};

// One `on` line of a log-profile.
struct proxy_log_on {
    bool set;
    bool drop;
    struct proxy_format *format; // NULL: the proxy's
    struct proxy_format *sd;
};

struct log_profile {
    struct log_profile *next;
    const char *name;
    const char *tag; // NULL: as without it
    struct proxy_log_on on[PROXY_LOG_NUM_MOMENTS];
    struct config_place place;
};

struct program_conf;
struct proxy_conf;

// proxy_format_new keeps argument `index` of `line` as a format string to be compiled at the end.
struct proxy_format *proxy_format_new(struct config *config, const struct config_line *line, uint32_t index,
                                      enum expr_format_use use, uint32_t when);

// proxy_logs_finish compiles the formats of `proxy` and finds the profiles of its targets. False after reporting an
// error.
bool proxy_logs_finish(struct config *config, struct proxy_conf *proxy);

// proxy_log_step_find gives the step or moment named `name` in log-steps and `on` lines, PROXY_LOG_NUM_MOMENTS for
// none.
enum proxy_log_step proxy_log_step_find(const char *name);

// proxy_log_step_origin gives what %OG says for `step`.
const char *proxy_log_step_origin(enum proxy_log_step step);
