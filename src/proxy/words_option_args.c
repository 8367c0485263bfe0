// SPDX-License-Identifier: Apache-2.0
// The `option` words that take arguments.
#include <string.h>
#include "proxy/address.h"
#include "proxy/words.h"

static bool is(const struct config_arg *arg, const char *word)
{
    return arg && strcmp(arg->str, word) == 0;
}

static bool parse_httplog(struct config *config, void *object, const struct config_word *word,
                          const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    const struct config_arg *arg = config_arg_at(line, 0);
    if (arg && !is(arg, "clf"))
        return config_error(config, line, 0, "unexpected '%s', 'option httplog' only takes 'clf'", arg->str);
    if (proxy_word_needs(config, proxy, word, line, PROXY_SIDE_FRONT, NULL))
        proxy->log_format = arg ? PROXY_LOG_CLF : PROXY_LOG_HTTP;
    return true;
}

static bool parse_tcplog(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    const struct config_arg *arg = config_arg_at(line, 0);
    if (arg && !is(arg, "clf"))
        return config_error(config, line, 0, "unexpected '%s', 'option tcplog' only takes 'clf'", arg->str);
    if (proxy_word_needs(config, proxy, word, line, PROXY_SIDE_FRONT, NULL))
        proxy->log_format = arg ? PROXY_LOG_TCP_CLF : PROXY_LOG_TCP;
    return true;
}

static bool parse_httpslog(struct config *config, void *object, const struct config_word *word,
                           const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    if (proxy_word_needs(config, proxy, word, line, PROXY_SIDE_FRONT, NULL))
        proxy->log_format = PROXY_LOG_HTTPS;
    return true;
}

static bool parse_redispatch(struct config *config, void *object, const struct config_word *word,
                             const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    const struct config_arg *arg = config_arg_at(line, 0);
    struct config_line number = *line;
    uint64_t value = 1;
    proxy_word_needs(config, proxy, word, line, PROXY_SIDE_BACK, NULL);
    proxy->options &= ~(uint64_t)PROXY_OPT_REDISPATCH;
    if (line->negated || line->reset)
        return true;
    bool from_last = !arg || arg->str[0] == '-';
    if (arg && from_last) {
        struct config_arg *digits = arena_alloc(config->arena, line->num_args * sizeof(*digits));
        memcpy(digits, line->args, line->num_args * sizeof(*digits));
        digits[line->first].str++;
        digits[line->first].len--;
        number.args = digits;
    }
    if (arg && !config_parse_u64(config, &value, &number, 0, 0, INT32_MAX))
        return false;
    proxy->be.redispatch_interval = from_last ? -(int32_t)value : (int32_t)value;
    proxy->options |= PROXY_OPT_REDISPATCH;
    return true;
}

static bool read_network(struct config *config, struct forwardfor_conf *conf, const struct config_line *line,
                         uint32_t index)
{
    const struct config_arg *arg = config_arg_at(line, index);
    if (!arg)
        return config_error(config, line, index, "'except' needs a network, such as 10.0.0.0/8");
    struct transport_network *net = arena_alloc(config->arena, sizeof(*net));
    const char *error = proxy_network_parse(net, arg->str);
    if (error)
        return config_error(config, line, index, "'%s' %s", arg->str, error);
    conf->except = net;
    return true;
}

static bool read_header(struct config *config, struct forwardfor_conf *conf, const struct config_line *line,
                        uint32_t index)
{
    const struct config_arg *arg = config_arg_at(line, index);
    if (!arg || arg->len == 0)
        return config_error(config, line, index, "'header' needs the name of a field");
    for (const char *c = arg->str; *c; c++) {
        bool is_letter = slice_lower(*c) >= 'a' && slice_lower(*c) <= 'z';
        if (!is_letter && !(*c >= '0' && *c <= '9') && !strchr("!#$%&'*+-.^_`|~", *c))
            return config_error(config, line, index, "the name of a field cannot hold '%c'", *c);
    }
    conf->header = arg->str;
    conf->header_len = arg->len;
    return true;
}

static bool parse_forwardfor(struct config *config, void *object, const struct config_word *word,
                             const struct config_line *line)
{
    static const char *const known[] = { "except", "header", "if-none" };
    static const char name[] = "x-forwarded-for";
    struct forwardfor_conf conf = { .enabled = true, .header = name, .header_len = sizeof(name) - 1 };
    const struct config_arg *arg;
    (void)word;
    for (uint32_t i = 0; (arg = config_arg_at(line, i)); i++) {
        bool ok = true;
        if (is(arg, "if-none"))
            conf.if_none = true;
        else if (is(arg, "except"))
            ok = read_network(config, &conf, line, ++i);
        else if (is(arg, "header"))
            ok = read_header(config, &conf, line, ++i);
        else
            ok = config_error_unknown(config, line, i, "argument of 'option forwardfor'", known, NUM_ITEMS(known));
        if (!ok)
            return false;
    }
    ((struct proxy_conf *)object)->forwardfor = conf;
    return true;
}

static bool parse_forwarded(struct config *config, void *object, const struct config_word *word,
                            const struct config_line *line)
{
    static const char *const known[] = { "proto", "host", "by", "by_port", "for", "for_port" };
    struct proxy_conf *proxy = object;
    struct forwarded_conf conf = { .enabled = true };
    bool *const flags[] = { &conf.proto, &conf.host, &conf.by, &conf.by_port, &conf.for_, &conf.for_port };
    const struct config_arg *arg;
    proxy_word_needs(config, proxy, word, line, PROXY_SIDE_BACK, NULL);
    if (line->negated || line->reset) {
        proxy->forwarded = (struct forwarded_conf){ 0 };
        return true;
    }
    for (uint32_t i = 0; (arg = config_arg_at(line, i)); i++) {
        size_t at = 0;
        if (slice_ends(slice_of(arg->str, arg->len), SLICE("-expr")))
            return config_error(config, line, i, "'%s' is not supported yet", arg->str);
        while (at < NUM_ITEMS(known) && !is(arg, known[at]))
            at++;
        if (at == NUM_ITEMS(known))
            return config_error_unknown(config, line, i, "argument of 'option forwarded'", known, NUM_ITEMS(known));
        *flags[at] = true;
    }
    if (!config_arg_at(line, 0))
        conf.proto = conf.for_ = true;
    conf.by_port &= conf.by;
    conf.for_port &= conf.for_;
    proxy->forwarded = conf;
    return true;
}

static const struct config_word words[] = {
    { .name = "option httplog",
      .in = CONFIG_IN_PROXY,
      .max_args = 1,
      .parse = parse_httplog,
      .args = "[clf]",
      .help =
          "Log lines show the request, its status and its timers, in HAProxy's format or, with 'clf', in that of web "
          "servers.",
      .good = "option httplog clf",
      .bad = "option httplog json",
      .bad_says = "only takes 'clf'" },
    { .name = "option tcplog",
      .in = CONFIG_IN_PROXY,
      .max_args = 1,
      .parse = parse_tcplog,
      .args = "[clf]",
      .help =
          "Log lines show the connection and its timers, in HAProxy's format or, with 'clf', in that of web servers.",
      .good = "option tcplog;option tcplog clf",
      .bad = "option tcplog json",
      .bad_says = "only takes 'clf'" },
    { .name = "option httpslog",
      .in = CONFIG_IN_PROXY,
      .parse = parse_httpslog,
      .args = "",
      .help = "Log lines as of 'option httplog', and what is known of the TLS connection behind them.",
      .good = "option httpslog",
      .bad = "option httpslog clf",
      .bad_says = "takes no argument" },
    { .name = "option redispatch",
      .in = CONFIG_IN_PROXY,
      .max_args = 1,
      .flags = CONFIG_MAY_NEGATE,
      .parse = parse_redispatch,
      .args = "[<interval>]",
      .help =
          "A retry may go to another server, even against stickiness: every <interval>th one, or, negative, the one "
          "that many before the last. The default is -1, the last; 0 is never. Without stickiness each retry goes to "
          "another where balancing has one, unless it is by a hash.",
      .good = "option redispatch 1;option redispatch -2;no option redispatch",
      .bad = "option redispatch often",
      .bad_says = "is no number" },
    { .name = "option forwardfor",
      .in = CONFIG_IN_PROXY,
      .max_args = 8,
      .parse = parse_forwardfor,
      .args = "[except <network>] [header <name>] [if-none]",
      .help = "Adds a field X-Forwarded-For, or <name>, with the client's address to requests: not for clients in "
              "<network>, and with 'if-none' only where the request has no such field.",
      .good = "option forwardfor except 127.0.0.0/8 header X-Client-IP if-none",
      .bad = "option forwardfor hedaer X",
      .bad_says = "did you mean 'header'?" },
    { .name = "option forwarded",
      .in = CONFIG_IN_PROXY,
      .max_args = 6,
      .flags = CONFIG_MAY_NEGATE,
      .parse = parse_forwarded,
      .args = "[proto] [host] [by] [by_port] [for] [for_port]",
      .help =
          "Adds a field Forwarded (RFC 7239) to requests, by default with 'proto' and 'for'. A port needs its address.",
      .good = "option forwarded proto host by by_port for for_port",
      .bad = "option forwarded for-expr src",
      .bad_says = "not supported yet" },
};
CONFIG_WORDS(words);
