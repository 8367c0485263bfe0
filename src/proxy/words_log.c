// SPDX-License-Identifier: Apache-2.0
// Words that say what log lines and unique ids look like, and when lines are written.
#include <string.h>
#include "http/scan.h"
#include "proxy/log_conf.h"
#include "proxy/words.h"

static bool parse_log_format(struct config *config, void *object, const struct config_word *word,
                             const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    if (!proxy_word_needs(config, proxy, word, line, PROXY_SIDE_FRONT, NULL))
        return true;
    proxy->log_format = PROXY_LOG_CUSTOM;
    proxy->log_custom = proxy_format_new(config, line, 0, EXPR_FORMAT_LOG, EXPR_AT_LOG);
    return true;
}

static bool parse_log_format_sd(struct config *config, void *object, const struct config_word *word,
                                const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    if (proxy_word_needs(config, proxy, word, line, PROXY_SIDE_FRONT, NULL))
        proxy->log_sd = proxy_format_new(config, line, 0, EXPR_FORMAT_SD, EXPR_AT_LOG);
    return true;
}

static bool parse_error_log_format(struct config *config, void *object, const struct config_word *word,
                                   const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    if (proxy_word_needs(config, proxy, word, line, PROXY_SIDE_FRONT, NULL))
        proxy->log_error = proxy_format_new(config, line, 0, EXPR_FORMAT_LOG, EXPR_AT_LOG);
    return true;
}

static bool parse_log_steps(struct config *config, void *object, const struct config_word *word,
                            const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    struct slice rest = slice_str(config_arg_at(line, 0)->str);
    uint32_t steps = 0;
    while (rest.len) {
        size_t len = slice_find(rest, ',');
        const char *name = arena_copy(config->arena, rest.ptr, len);
        enum proxy_log_step step = proxy_log_step_find(name);
        rest = slice_from(rest, len + 1);
        if (strcmp(name, "all") == 0)
            steps = (1u << PROXY_LOG_NUM_STEPS) - 1;
        else if (step < PROXY_LOG_NUM_STEPS)
            steps |= 1u << step;
        else
            return config_error(config, line, 0,
                                "unknown log step '%s', expected 'all' or some of 'accept', 'request', 'connect', "
                                "'response', 'close'",
                                name);
    }
    if (!steps)
        return config_error(config, line, 0, "a log step is missing");
    if (proxy_word_needs(config, proxy, word, line, PROXY_SIDE_FRONT, NULL))
        proxy->log_steps = steps;
    return true;
}

static bool parse_unique_id_format(struct config *config, void *object, const struct config_word *word,
                                   const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    if (proxy_word_needs(config, proxy, word, line, PROXY_SIDE_FRONT, NULL))
        proxy->unique_id = proxy_format_new(config, line, 0, EXPR_FORMAT_ID, EXPR_AT_REQUEST_HEAD);
    return true;
}

static bool parse_unique_id_header(struct config *config, void *object, const struct config_word *word,
                                   const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    const struct config_arg *name = config_arg_at(line, 0);
    if (!name->len || !http_scan_is(name->str, name->len, HTTP_CLASS_TOKEN))
        return config_error(config, line, 0, "'%s' cannot be the name of a header field", name->str);
    if (proxy_word_needs(config, proxy, word, line, PROXY_SIDE_FRONT, NULL))
        proxy->unique_id_header = name->str;
    return true;
}

static const struct config_word words[] = {
    { .name = "log-format",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_log_format,
      .args = "<format>",
      .help = "What the log lines of traffic say: a format string. It replaces 'option httplog' and its kin.",
      .good = "log-format \"%[int(1)] text\"",
      .bad = "log-format a b",
      .bad_says = "takes" },
    { .name = "log-format-sd",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_log_format_sd,
      .args = "<format>",
      .help = "The structured data of log lines, for targets with format rfc5424: a format string.",
      .good = "log-format-sd \"[example@1234 number=\\\"%[int(1)]\\\"]\"",
      .bad = "log-format-sd",
      .bad_says = "is incomplete" },
    { .name = "error-log-format",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_error_log_format,
      .args = "<format>",
      .help = "What log lines say of errors, retries, redispatches, answers of status 5xx, and connections that failed "
              "before their first request: a format string. Without it they look like the others.",
      .good = "error-log-format \"failed %[int(1)]\"",
      .bad = "error-log-format",
      .bad_says = "is incomplete" },
    { .name = "log-steps",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_log_steps,
      .args = "<step>[,<step>...]",
      .help = "Writes log lines at these steps, some of 'accept', 'request', 'connect', 'response' and 'close', or "
              "'all', rather than one at the end.",
      .good = "log-steps accept,close;log-steps all",
      .bad = "log-steps accept,colse",
      .bad_says = "unknown log step 'colse'" },
    { .name = "unique-id-format",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_unique_id_format,
      .args = "<format>",
      .help =
          "Makes an id for each request, for logs (%ID), the fetch unique-id and unique-id-header: a format string.",
      .good = "unique-id-format id-%[int(1)]",
      .bad = "unique-id-format",
      .bad_says = "is incomplete" },
    { .name = "unique-id-header",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_unique_id_header,
      .args = "<name>",
      .help = "Adds a header field with the request's id, which unique-id-format makes, to requests.",
      .good = "unique-id-header X-Unique-ID",
      .bad = "unique-id-header X:ID",
      .bad_says = "cannot be the name" },
};
CONFIG_WORDS(words);
