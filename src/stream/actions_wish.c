// SPDX-License-Identifier: Apache-2.0
// Actions that ask for something for one exchange: log level, timeouts, retries, a place in the queue.
#include "proxy/words.h"
#include "stream/rewrite.h"

// A number that is written down or given by an expression.
struct number {
    int64_t num;
    const struct expr *expr; // NULL: `num`
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool number_get(const struct number *number, int64_t *out, struct expr_subject *subject)
{
    struct expr_sample sample;
    *out = number->num;
    if (!number->expr)
        return true;
    return expr_eval(number->expr, subject, &sample) && expr_sample_int(&sample, out);
}

static bool parse_level(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                        uint32_t *next)
{
    static const char *const known[] = {
        "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug", "silent"
    };
    uint8_t *level = arena_alloc(config->arena, sizeof(*level));
    const struct config_arg *arg = stream_arg_need(config, line, index, "set-log-level", "a level");
    rule->data = level;
    *next = index + 1;
    if (!arg)
        return false;
    for (size_t i = 0; i < NUM_ITEMS(known); i++) {
        if (strcmp(arg->str, known[i]) == 0) {
            *level = (uint8_t)(i + 1);
            return true;
        }
    }
    return config_error_unknown(config, line, index, "log level", known, NUM_ITEMS(known));
}

static enum rule_verdict run_level(struct expr_subject *subject, const struct rule *rule)
{
    stream_of(subject)->wishes.log_level = *(const uint8_t *)rule->data;
    return RULE_NEXT;
}

static bool parse_nice(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                       uint32_t *next)
{
    int16_t *nice = arena_alloc(config->arena, sizeof(*nice));
    const struct config_arg *arg = stream_arg_need(config, line, index, "set-nice", "a number");
    uint64_t num;
    rule->data = nice;
    *next = index + 1;
    if (!arg)
        return false;
    bool is_negative = arg->str[0] == '-';
    if (!slice_to_u64(slice_from(slice_of(arg->str, arg->len), is_negative), &num) || num > 1024)
        return config_error(config, line, index, "'%s' is no number from -1024 to 1024", arg->str);
    *nice = (int16_t)(is_negative ? -(int64_t)num : (int64_t)num);
    return true;
}

static enum rule_verdict run_nice(struct expr_subject *subject, const struct rule *rule)
{
    struct stream *stream = stream_of(subject);
    stream->wishes.nice = *(const int16_t *)rule->data;
    stream_relay_set_nice(&stream->up, stream->wishes.nice);
    stream_relay_set_nice(&stream->down, stream->wishes.nice);
    return RULE_NEXT;
}

enum { TIMEOUT_CLIENT, TIMEOUT_SERVER, TIMEOUT_TUNNEL };

struct timeout_args {
    int which;
    struct number ms; // `num`: microseconds
};

static bool parse_timeout(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                          uint32_t *next)
{
    static const char *const known[] = { "client", "server", "tunnel" };
    struct timeout_args *args = arena_alloc(config->arena, sizeof(*args));
    const struct config_arg *which =
        stream_arg_need(config, line, index, "set-timeout", "'client', 'server' or 'tunnel'");
    const struct proxy_conf *proxy = config->object;
    uint64_t us;
    rule->data = args;
    *next = index + 2;
    while (which && args->which < 3 && strcmp(which->str, known[args->which]) != 0)
        args->which++;
    if (!which || args->which == 3)
        return which && config_error_unknown(config, line, index, "timeout", known, NUM_ITEMS(known));
    uint32_t side = args->which == TIMEOUT_CLIENT ? CONFIG_IN_BACKEND : CONFIG_IN_FRONTEND;
    if (config->in == side)
        return config_error(config, line, index, "a %s has no timeout '%s'", proxy_kind(proxy), which->str);
    const struct config_arg *value = stream_arg_need(config, line, index + 1, which->str, "a time or an expression");
    if (!value)
        return false;
    if (!is_digit(value->str[0]))
        return (args->ms.expr = stream_expr_parse(config, rule, line, index + 1, EXPR_INT)) != NULL;
    if (!config_parse_time(config, &us, line, index + 1, 1000))
        return false;
    args->ms.num = (int64_t)us;
    return us || config_error(config, line, index + 1, "a timeout of 0 would mean none: give another");
}

static enum rule_verdict run_timeout(struct expr_subject *subject, const struct rule *rule)
{
    const struct timeout_args *args = rule->data;
    struct stream_wishes *wishes = &stream_of(subject)->wishes;
    int64_t us;
    if (!number_get(&args->ms, &us, subject) || us <= 0)
        return RULE_NEXT;
    if (args->ms.expr)
        us = (us > INT32_MAX ? INT32_MAX : us) * 1000;
    *(args->which == TIMEOUT_CLIENT   ? &wishes->client_timeout_us
      : args->which == TIMEOUT_SERVER ? &wishes->server_timeout_us
                                      : &wishes->tunnel_timeout_us) = (uint64_t)us;
    return RULE_NEXT;
}

static bool parse_retries(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                          uint32_t *next)
{
    struct number *number = arena_alloc(config->arena, sizeof(*number));
    const struct config_arg *arg = stream_arg_need(config, line, index, "set-retries", "a number or an expression");
    uint64_t num;
    rule->data = number;
    *next = index + 1;
    if (!arg)
        return false;
    if (config->in == CONFIG_IN_FRONTEND || config->in == CONFIG_IN_DEFAULTS)
        return config_error(config, line, index, "'set-retries' belongs into a backend, not into '%s'",
                            proxy_kind(config->object));
    if (!is_digit(arg->str[0]))
        return (number->expr = stream_expr_parse(config, rule, line, index, EXPR_INT)) != NULL;
    if (!config_parse_u64(config, &num, line, index, 0, 100))
        return false;
    number->num = (int64_t)num;
    return true;
}

static enum rule_verdict run_retries(struct expr_subject *subject, const struct rule *rule)
{
    struct stream *stream = stream_of(subject);
    int64_t num;
    if (!number_get(rule->data, &num, subject) || num < 0 || num > 100)
        return RULE_NEXT;
    stream->wishes.has_retries = true;
    stream->wishes.retries = (uint8_t)num;
    if (stream->backend)
        stream->retries_left = (int32_t)num;
    return RULE_NEXT;
}

static enum rule_verdict run_no_retry(struct expr_subject *subject, const struct rule *rule)
{
    (void)rule;
    stream_of(subject)->wishes.no_l7_retry = true;
    return RULE_NEXT;
}

static bool parse_int(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                      uint32_t *next)
{
    struct number *number = arena_alloc(config->arena, sizeof(*number));
    rule->data = number;
    *next = index + 1;
    return (number->expr = stream_expr_parse(config, rule, line, index, EXPR_INT)) != NULL;
}

static int64_t hold(int64_t num, int64_t most)
{
    return num > most ? most : num < -most ? -most : num;
}

static enum rule_verdict run_class(struct expr_subject *subject, const struct rule *rule)
{
    int64_t num;
    if (number_get(rule->data, &num, subject))
        stream_of(subject)->wishes.prio_class = (int32_t)hold(num, 2047);
    return RULE_NEXT;
}

static enum rule_verdict run_offset(struct expr_subject *subject, const struct rule *rule)
{
    int64_t num;
    if (number_get(rule->data, &num, subject))
        stream_of(subject)->wishes.prio_offset_ms = (int32_t)hold(num, 524287);
    return RULE_NEXT;
}

enum {
    IN_STREAM = RULE_TCP_CONTENT | RULE_TCP_RESPONSE | RULE_HTTP_REQUEST | RULE_HTTP_RESPONSE,
    IN_REQUEST = RULE_TCP_CONTENT | RULE_HTTP_REQUEST,
};

static const struct rule_action actions[] = {
    { .name = "set-log-level",
      .in = IN_STREAM | RULE_HTTP_AFTER_RESPONSE,
      .parse = parse_level,
      .run = run_level,
      .args = "<level>",
      .help = "The level of this exchange's log line: emerg, alert, crit, err, warning, notice, info, debug, or silent "
              "for no line at all. The last rule counts.",
      .good = "http-request set-log-level silent",
      .bad = "http-request set-log-level loud",
      .bad_says = "unknown log level" },
    { .name = "set-nice",
      .in = IN_STREAM,
      .parse = parse_nice,
      .run = run_nice,
      .args = "<number>",
      .help = "How much of a body this exchange may move before others get their turn: less the nicer it is, -1024 to "
              "1024, 0 where nothing is said.",
      .good = "http-request set-nice 512",
      .bad = "http-request set-nice 2000",
      .bad_says = "no number from -1024 to 1024" },
    { .name = "set-timeout",
      .in = RULE_HTTP_REQUEST | RULE_HTTP_RESPONSE,
      .parse = parse_timeout,
      .run = run_timeout,
      .args = "{ client | server | tunnel } { <time> | <expression> }",
      .help =
          "Another timeout for this exchange; an expression gives milliseconds, and where it gives none or 0 nothing "
          "changes. The client's belongs into frontends, the others into backends.",
      .good = "http-request set-timeout server 5s",
      .bad = "http-request set-timeout queue 5s",
      .bad_says = "unknown timeout" },
    { .name = "set-retries",
      .in = IN_REQUEST,
      .parse = parse_retries,
      .run = run_retries,
      .args = "{ <number> | <expression> }",
      .help = "How often this exchange may be tried again, 0 to 100; another result of an expression changes nothing. "
              "For backends.",
      .good = "http-request set-retries 3",
      .bad = "http-request set-retries 101",
      .bad_says = "out of range" },
    { .name = "disable-l7-retry",
      .in = RULE_HTTP_REQUEST,
      .run = run_no_retry,
      .args = "",
      .help = "The request is not tried again once it was sent: neither as 'retry-on' says, nor silently where a "
              "connection "
              "that was kept alive turns out to be dead, so that its client is answered 502 then.",
      .good = "http-request disable-l7-retry if METH_POST",
      .bad = "http-request disable-l7-retry now",
      .bad_says = "only a condition" },
    { .name = "set-priority-class",
      .in = IN_REQUEST,
      .parse = parse_int,
      .run = run_class,
      .args = "<expression>",
      .help =
          "The class of the request in queues, -2047 to 2047 (a result beyond is held there): lower ones are served "
          "first.",
      .good = "http-request set-priority-class int(-5)",
      .bad = "http-request set-priority-class",
      .bad_says = "needs an expression" },
    { .name = "set-priority-offset",
      .in = IN_REQUEST,
      .parse = parse_int,
      .run = run_offset,
      .args = "<expression>",
      .help = "Milliseconds, -524287 to 524287 (a result beyond is held there), by which the request counts as having "
              "come later, or earlier, than others of its class in a queue.",
      .good = "http-request set-priority-offset int(100)",
      .bad = "http-request set-priority-offset",
      .bad_says = "needs an expression" },
};
RULE_ACTIONS(actions);
