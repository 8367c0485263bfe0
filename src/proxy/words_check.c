// SPDX-License-Identifier: Apache-2.0
// The words of proxies, and of the global section, about health checks.
#include <string.h>
#include "expr/format.h"
#include "expr/subject.h"
#include "proxy/words_check.h"

static bool is(const struct config_arg *arg, const char *word)
{
    return arg && strcmp(arg->str, word) == 0;
}

static bool parse_option_tcp(struct config *config, void *object, const struct config_word *word,
                             const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    proxy_word_needs(config, proxy, word, line, PROXY_SIDE_BACK, NULL);
    check_conf_choose(&proxy->be.check, proxy, CHECK_PROTOCOL_TCP, "tcp-check");
    return true;
}

// [<method>] <uri> [<version> [<host>]]
static bool read_httpchk(struct config *config, struct check_request *request, const struct config_line *line)
{
    uint32_t at = 0;
    if (config_arg_at(line, 1))
        request->method = config_arg_at(line, at++)->str;
    if (config_arg_at(line, at))
        request->uri = config_arg_at(line, at)->str;
    if (!config_arg_at(line, ++at))
        return true;
    request->version = config_arg_at(line, at)->str;
    if (!config_arg_at(line, ++at))
        return true;
    const struct expr_format *format = expr_format_parse(config, line, at, EXPR_FORMAT_TEXT, EXPR_AT_CHECK);
    request->fields = arena_alloc(config->arena, sizeof(*request->fields));
    *request->fields = (struct check_field){ .name = SLICE("host"), .value = format };
    return format != NULL;
}

static bool parse_option_http(struct config *config, void *object, const struct config_word *word,
                              const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    struct check_conf *conf = &proxy->be.check;
    proxy_word_needs(config, proxy, word, line, PROXY_SIDE_BACK, NULL);
    check_conf_choose(conf, proxy, CHECK_PROTOCOL_HTTP, "http-check");
    conf->httpchk = (struct check_request){ 0 };
    return read_httpchk(config, &conf->httpchk, line);
}

// What a step may come after. HAProxy manual, `tcp-check connect`, `http-check connect`.
static bool check_order(struct config *config, const struct check_list *list, const struct config_line *line,
                        bool is_http)
{
    const struct config_arg *arg = config_arg_at(line, 0);
    const struct check_step *before = NULL;
    bool connects = is(arg, "connect");
    for (const struct check_step *step = list->first; step; step = step->next)
        before = step->action == CHECK_VAR ? before : step;
    if (!before)
        return true;
    const struct check_step *first = list->first;
    while (first->action == CHECK_VAR)
        first = first->next;
    if (connects && first->action != CHECK_CONNECT)
        return config_error(config, line, 0, "where there is a 'connect', the first step must be one");
    if (!is_http)
        return true;
    if (connects && before->action != CHECK_EXPECT)
        return config_error(config, line, 0, "a 'connect' comes after an 'expect'");
    if (is(arg, "send") && before->action != CHECK_CONNECT)
        return config_error(config, line, 0, "a 'send' comes after a 'connect': there is one request to a connection");
    if (is(arg, "expect") && before->action == CHECK_CONNECT)
        return config_error(config, line, 0, "an 'expect' comes after a 'send'");
    return true;
}

static bool parse_rule(struct config *config, struct check_list *list, const struct config_line *line, bool is_http)
{
    const struct config_arg *arg = config_arg_at(line, 0);
    static const char *const of_tcp[] = { "comment",        "connect", "expect",  "send",        "send-binary",
                                          "send-binary-lf", "send-lf", "set-var", "set-var-fmt", "unset-var" };
    static const char *const of_http[] = { "comment",    "connect", "disable-on-404", "expect",   "send",
                                           "send-state", "set-var", "set-var-fmt",    "unset-var" };
    struct slice name = slice_of(arg->str, slice_find(slice_of(arg->str, arg->len), '('));
    if (slice_equal(name, SLICE("set-var")) || slice_equal(name, SLICE("set-var-fmt")) ||
        slice_equal(name, SLICE("unset-var")))
        return check_parse_var(config, list, line);
    if (!check_order(config, list, line, is_http))
        return false;
    if (is(arg, "connect"))
        return check_parse_connect(config, list, line, is_http);
    if (is(arg, "expect"))
        return check_parse_expect(config, list, line, is_http);
    if (is(arg, "comment"))
        return check_parse_comment(config, list, line);
    if (is_http && is(arg, "send"))
        return check_parse_request(config, list, line);
    if (!is_http && slice_begins(name, SLICE("send")))
        for (size_t i = 0; i < NUM_ITEMS(of_tcp); i++)
            if (is(arg, of_tcp[i]))
                return check_parse_send(config, list, line);
    return is_http ? config_error_unknown(config, line, 0, "rule of 'http-check'", of_http, NUM_ITEMS(of_http))
                   : config_error_unknown(config, line, 0, "rule of 'tcp-check'", of_tcp, NUM_ITEMS(of_tcp));
}

static bool parse_tcp_check(struct config *config, void *object, const struct config_word *word,
                            const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    (void)word;
    check_list_begin(&proxy->be.check.tcp, proxy);
    return parse_rule(config, &proxy->be.check.tcp, line, false);
}

static bool parse_http_check(struct config *config, void *object, const struct config_word *word,
                             const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    struct check_conf *conf = &proxy->be.check;
    const struct config_arg *arg = config_arg_at(line, 0), *more = config_arg_at(line, 1);
    (void)word;
    if (is(arg, "disable-on-404") || is(arg, "send-state")) {
        *(is(arg, "send-state") ? &conf->send_state : &conf->disable_on_404) = true;
        return !more || config_error(config, line, 1, "'%s' takes no argument", arg->str);
    }
    check_list_begin(&conf->http, proxy);
    return parse_rule(config, &conf->http, line, true);
}

enum {
    BACK = CONFIG_IN_DEFAULTS | CONFIG_IN_BACKEND | CONFIG_IN_LISTEN,
};

static const struct config_word words[] = {
    { .name = "option tcp-check",
      .in = CONFIG_IN_PROXY,
      .parse = parse_option_tcp,
      .args = "",
      .help = "Health checks run the rules of 'tcp-check'; without any they only connect.",
      .good = "option tcp-check",
      .bad = "option tcp-check 1",
      .bad_says = "takes no argument" },
    { .name = "option httpchk",
      .in = CONFIG_IN_PROXY,
      .max_args = 4,
      .parse = parse_option_http,
      .args = "[[<method>] <uri> [<version> [<host>]]]",
      .help = "Health checks ask in HTTP and expect a status of 2xx or 3xx, unless 'http-check' says otherwise. The "
              "default is OPTIONS / HTTP/1.0. The last argument is a format that gives the Host field.",
      .good = "option httpchk;option httpchk /up;option httpchk GET /up HTTP/1.1 www.test",
      .bad = "option httpchk GET / HTTP/1.1 www.test x",
      .bad_says = "takes at most" },
    { .name = "option log-health-checks",
      .in = CONFIG_IN_PROXY,
      .flags = CONFIG_MAY_NEGATE,
      .parse = config_word_bool,
      .into = offsetof(struct proxy_conf, be.check.logs),
      .args = "",
      .help = "Each change of a health check's result is logged, not only what makes a server go up or down.",
      .good = "option log-health-checks;no option log-health-checks",
      .bad = "option log-health-checks all",
      .bad_says = "takes no argument" },
    { .name = "tcp-check",
      .in = BACK,
      .min_args = 1,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_tcp_check,
      .args = "{ connect | send | send-lf | send-binary | send-binary-lf | expect | set-var | set-var-fmt | unset-var "
              "| comment } [<argument>...]",
      .help =
          "Adds a step to the health checks of 'option tcp-check'. They are taken in the order of the file; a section "
          "that has some leaves those of its defaults. "
          "connect [default] [port <port>] [addr <ip>] [send-proxy] [via-socks4] [ssl] [sni <name>] [alpn <list>] "
          "[proto <name>] [linger]: opens a connection; 'default' takes over what the server line says. "
          "send <text>, send-lf <format>, send-binary <hex>, send-binary-lf <hex format>: sends bytes. "
          "expect [min-recv <bytes>] [ok-status <status>] [error-status <status>] [tout-status <status>] [on-success "
          "<format>] [on-error <format>] [status-code <expression>] [!] { string | rstring | string-lf | binary | "
          "rbinary | binary-lf } <pattern>: what came since the last bytes were sent must, or with '!' must not, hold "
          "the pattern. set-var(<name>) <expression>, set-var-fmt(<name>) <format>, unset-var(<name>): variables of "
          "scope check, sess and proc. comment <text>, also at the end of the others: told where the step fails.",
      .good = "tcp-check connect port 25;tcp-check expect rstring ^220;tcp-check send QUIT\\r\\n comment bye",
      .bad = "tcp-check expct string a",
      .bad_says = "did you mean 'expect'?" },
    { .name = "http-check",
      .in = BACK,
      .min_args = 1,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_http_check,
      .args = "{ connect | send | expect | disable-on-404 | send-state | set-var | set-var-fmt | unset-var | comment } "
              "[<argument>...]",
      .help =
          "Adds a step to the health checks of 'option httpchk', or says how they are done. connect, set-var, "
          "set-var-fmt, unset-var and comment are those of 'tcp-check'. "
          "send [meth <method>] [uri <uri> | uri-lf <format>] [ver <version>] [hdr <name> <format>]... [body <text> | "
          "body-lf <format>]: the request; the first one completes that of 'option httpchk'. "
          "expect [<options of tcp-check expect>] [!] { status <codes> | rstatus <regex> | { hdr | fhdr } { name | "
          "name-lf } [-m <method>] <name> [{ value | value-lf } [-m <method>] <value>] | string <text> | rstring "
          "<regex> | string-lf <format> }: what the answer must, or must not, be. "
          "disable-on-404: a server in service that answers 404 keeps its clients and gets no new ones. "
          "send-state: requests tell the server how it is seen, in X-Haproxy-Server-State.",
      .good = "http-check send meth GET uri /up hdr host www.test;http-check expect status 200-299,404;"
              "http-check disable-on-404",
      .bad = "http-check expect status 20",
      .bad_says = "is no status code" },
    { .name = "spread-checks",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_u32,
      .into = offsetof(struct global_conf, spread_checks),
      .min = 0,
      .max = 50,
      .args = "<percent>",
      .help = "By how much the interval between two health checks of a server varies, up and down; the default is 0.",
      .good = "spread-checks 5",
      .bad = "spread-checks 51",
      .bad_says = "out of range" },
    { .name = "max-spread-checks",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_time,
      .into = offsetof(struct global_conf, max_spread_checks_us),
      .value = 1000,
      .args = "<time>",
      .help = "The first health checks of all servers begin within this time, rather than within one interval.",
      .good = "max-spread-checks 1s",
      .bad = "max-spread-checks x",
      .bad_says = "is no time" },
};
CONFIG_WORDS(words);
