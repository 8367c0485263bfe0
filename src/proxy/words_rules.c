// SPDX-License-Identifier: Apache-2.0
// Rule lists, and how long content is waited for.
#include "proxy/words.h"
#include "rule/rule.h"

// When the rules of a set are run. Those of content may look at a request that came whole with it, as those of http may
// look at what has come of a body.
static const uint32_t moments[] = {
    [PROXY_RULES_TCP_CONNECTION] = EXPR_AT_CONNECT,
    [PROXY_RULES_TCP_SESSION] = EXPR_AT_SESSION,
    [PROXY_RULES_TCP_CONTENT] = EXPR_AT_REQUEST_CONTENT | EXPR_AT_REQUEST_HEAD,
    [PROXY_RULES_TCP_RESPONSE] = EXPR_AT_RESPONSE_CONTENT | EXPR_AT_RESPONSE_HEAD,
    [PROXY_RULES_HTTP_REQUEST] = EXPR_AT_REQUEST_HEAD | EXPR_AT_REQUEST_BODY,
    [PROXY_RULES_HTTP_RESPONSE] = EXPR_AT_RESPONSE_HEAD | EXPR_AT_RESPONSE_BODY,
    [PROXY_RULES_HTTP_AFTER_RESPONSE] = EXPR_AT_RESPONSE_HEAD,
};

static bool parse_rule(struct config *config, void *object, const struct config_word *word,
                       const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    return proxy_word_is_named(config, proxy, word, line) &&
           rule_parse(config, &proxy->rules[word->value], line, 0, 1U << word->value, &proxy->acls,
                      moments[word->value]);
}

static bool parse_delay(struct config *config, void *object, const struct config_word *word,
                        const struct config_line *line)
{
    return proxy_word_is_named(config, object, word, line) && config_word_time(config, object, word, line);
}

// Rules of connections belong to frontends, those of servers' bytes to backends.
enum {
    FRONT = CONFIG_IN_DEFAULTS | CONFIG_IN_FRONTEND | CONFIG_IN_LISTEN,
    BACK = CONFIG_IN_DEFAULTS | CONFIG_IN_BACKEND | CONFIG_IN_LISTEN,
};

#define RULES(word, where, set, text, example, wrong, says)                                                            \
    {                                                                                                                  \
        .name = word, .in = where, .min_args = 1, .flags = CONFIG_ANY_ARGS, .parse = parse_rule, .value = set,         \
        .args = "<action> [<argument>...] [{ if | unless } <condition>]",                                              \
        .help = text " Rules run in the order of the file, those of named defaults first; they cannot stand in "       \
                     "anonymous defaults.",                                                                            \
        .good = word " " example, .bad = word " " wrong, .bad_says = says                                              \
    }

static const struct config_word words[] = {
    RULES("tcp-request connection", FRONT, PROXY_RULES_TCP_CONNECTION,
          "Adds a rule that is run for each connection as soon as it is accepted, before a PROXY header is read.",
          "reject if { dst_port 8080 }", "rejct", "did you mean 'reject'?"),
    RULES("tcp-request session", FRONT, PROXY_RULES_TCP_SESSION,
          "Adds a rule that is run for each connection once its handshakes are done.", "reject if { dst_port 8080 }",
          "rejct", "did you mean 'reject'?"),
    RULES(
        "tcp-request content", CONFIG_IN_PROXY, PROXY_RULES_TCP_CONTENT,
        "Adds a rule that may look at the first bytes of a client, in mode http at each request. Those of the frontend "
        "come before those of the backend.",
        "reject if { dst_port 8080 }", "rejct", "did you mean 'reject'?"),
    RULES("tcp-response content", BACK, PROXY_RULES_TCP_RESPONSE,
          "Adds a rule of a backend that may look at the first bytes of a server, in mode http at each answer.",
          "accept", "acept", "did you mean 'accept'?"),
    RULES("http-request", CONFIG_IN_PROXY, PROXY_RULES_HTTP_REQUEST,
          "Adds a rule that is run for each HTTP request. Those of the frontend come before those of the backend.",
          "return status 200", "retrun", "retrun"),
    RULES(
        "http-response", CONFIG_IN_PROXY, PROXY_RULES_HTTP_RESPONSE,
        "Adds a rule that is run for each answer of a server. Those of the backend come before those of the frontend.",
        "wait-for-body time 1s", "wait-for-bdy", "wait-for-body"),
    RULES("http-after-response", CONFIG_IN_PROXY, PROXY_RULES_HTTP_AFTER_RESPONSE,
          "Adds a rule that is run for each answer, be it a server's or our own, before it is sent. Those of the "
          "backend come before those of the frontend.",
          "set-var(txn.a) int(1)", "set-vra(txn.a) int(1)", "unknown action"),
    { .name = "tcp-request inspect-delay",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_delay,
      .into = offsetof(struct proxy_conf, timeouts.inspect_request),
      .value = 1000,
      .args = "<time>",
      .help = "How long conditions of 'tcp-request content' rules may wait for bytes that could change their result; "
              "without it they are decided at once.",
      .good = "tcp-request inspect-delay 5s",
      .bad = "tcp-request inspect-delay 5y",
      .bad_says = "unexpected 'y'" },
    { .name = "tcp-response inspect-delay",
      .in = BACK,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_delay,
      .into = offsetof(struct proxy_conf, timeouts.inspect_response),
      .value = 1000,
      .args = "<time>",
      .help = "How long conditions of 'tcp-response content' rules may wait for bytes of the server.",
      .good = "tcp-response inspect-delay 5s",
      .bad = "tcp-response inspect-delay 5y",
      .bad_says = "unexpected 'y'" },
};
CONFIG_WORDS(words);
