// SPDX-License-Identifier: Apache-2.0
// Words for those who watch a frontend, and for how much it lets in.
#include <string.h>
#include "expr/cond.h"
#include "proxy/words.h"

static bool parse_uri(struct config *config, void *object, const struct config_word *word,
                      const struct config_line *line)
{
    proxy_word_needs(config, object, word, line, PROXY_SIDE_FRONT, NULL);
    return config_word_str(config, object, word, line);
}

static bool parse_fail(struct config *config, void *object, const struct config_word *word,
                       const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    struct monitor_conf *fail = arena_alloc(config->arena, sizeof(*fail));
    struct monitor_conf **last = &proxy->fe.monitor_fails;
    bool counts = proxy_word_needs(config, proxy, word, line, PROXY_SIDE_FRONT, NULL);
    if (!expr_is_cond(line, 0))
        return config_error(config, line, 0, "unexpected '%s', expected 'if' or 'unless'", config_arg_at(line, 0)->str);
    fail->cond = expr_cond_parse(config, line, 0, &proxy->acls, EXPR_AT_REQUEST_HEAD);
    while (*last)
        last = &(*last)->next;
    if (counts)
        *last = fail;
    return fail->cond != NULL;
}

static bool parse_rate(struct config *config, void *object, const struct config_word *word,
                       const struct config_line *line)
{
    proxy_word_needs(config, object, word, line, PROXY_SIDE_FRONT, NULL);
    return config_word_u32(config, object, word, line);
}

static bool parse_names(struct config *config, void *object, const struct config_word *word,
                        const struct config_line *line)
{
    static const char *const known[] = { "preserve", "delete", "reject" };
    static const uint8_t policies[] = { PROXY_NAMES_ANY, PROXY_NAMES_DELETE, PROXY_NAMES_REJECT };
    struct proxy_conf *proxy = object;
    (void)word;
    for (size_t i = 0; i < NUM_ITEMS(known); i++) {
        if (strcmp(config_arg_at(line, 0)->str, known[i]) == 0) {
            proxy->header_names = policies[i];
            return true;
        }
    }
    return config_error_unknown(config, line, 0, "policy", known, NUM_ITEMS(known));
}

static const struct config_word words[] = {
    { .name = "monitor-uri",
      .in = CONFIG_IN_DEFAULTS | CONFIG_IN_FRONTEND | CONFIG_IN_LISTEN,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_uri,
      .into = offsetof(struct proxy_conf, fe.monitor_uri),
      .args = "<uri>",
      .help = "Requests for exactly <uri> (its path and query where it begins with '/') are answered here with 200, or "
              "503 where a 'monitor fail' condition holds. They are not logged.",
      .good = "monitor-uri /alive",
      .bad = "monitor-uri",
      .bad_says = "is incomplete" },
    { .name = "monitor fail",
      .in = CONFIG_IN_FRONTEND | CONFIG_IN_LISTEN,
      .min_args = 2,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_fail,
      .args = "{ if | unless } <condition>",
      .help = "Requests for monitor-uri are answered 503 while the condition holds.",
      .good = "monitor fail if { dst_port 8080 }",
      .bad = "monitor fail when TRUE",
      .bad_says = "expected 'if'" },
    { .name = "rate-limit sessions",
      .in = CONFIG_IN_DEFAULTS | CONFIG_IN_FRONTEND | CONFIG_IN_LISTEN,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_rate,
      .into = offsetof(struct proxy_conf, fe.rate_limit),
      .max = INT32_MAX,
      .args = "<number>",
      .help = "Most connections that all workers together accept in a second; further ones wait in the kernel's queue.",
      .good = "rate-limit sessions 100",
      .bad = "rate-limit sessions many",
      .bad_says = "is no number" },
    { .name = "option http-restrict-req-hdr-names",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_names,
      .args = "{ preserve | delete | reject }",
      .help = "What becomes of request fields whose names hold other characters than letters, digits and '-': they are "
              "kept (the default), dropped, or the request is answered 403.",
      .good = "option http-restrict-req-hdr-names delete",
      .bad = "option http-restrict-req-hdr-names drop",
      .bad_says = "unknown policy" },
};
CONFIG_WORDS(words);
