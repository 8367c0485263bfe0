// SPDX-License-Identifier: Apache-2.0
// Lists of steps, and the words that make them but for those of `expect`.
#include <string.h>
#include "expr/expr.h"
#include "expr/format.h"
#include "proxy/address.h"
#include "proxy/words_check.h"
#include "rule/rule.h"
#include "tls/conf.h"

struct check_step *check_list_add(struct arena *arena, struct check_list *list, enum check_action action)
{
    struct check_step *step = arena_alloc(arena, sizeof(*step));
    *step = (struct check_step){ .action = action, .number = ++list->num, .comment = list->comment };
    list->comment = NULL;
    *(list->last ? &list->last->next : &list->first) = step;
    list->last = step;
    return step;
}

struct check_step *check_add_send(struct arena *arena, struct check_list *list, struct slice data)
{
    struct check_step *step = check_list_add(arena, list, CHECK_SEND);
    step->send.data = data;
    return step;
}

struct check_step *check_add_read(struct arena *arena, struct check_list *list, check_read_fn *read)
{
    struct check_step *step = check_list_add(arena, list, CHECK_EXPECT);
    step->expect.match = CHECK_MATCH_READ;
    step->expect.min_recv = -1;
    step->expect.read = read;
    return step;
}

void check_conf_choose(struct check_conf *conf, const struct proxy_conf *proxy, enum check_protocol protocol,
                       const char *name)
{
    conf->protocol = (uint8_t)protocol;
    conf->name = name;
    if (protocol == CHECK_PROTOCOL_BUILT_IN)
        conf->built_in = (struct check_list){ .owner = proxy };
}

void check_list_begin(struct check_list *list, const struct proxy_conf *proxy)
{
    if (list->owner != proxy)
        *list = (struct check_list){ .owner = proxy };
}

static bool is(const struct config_arg *arg, const char *word)
{
    return arg && strcmp(arg->str, word) == 0;
}

// The word's own argument, which must be there.
static const struct config_arg *value_of(struct config *config, const struct config_line *line, uint32_t index)
{
    const struct config_arg *arg = config_arg_at(line, index + 1);
    if (arg && arg->len > 0)
        return arg;
    config_error(config, line, index + 1, "'%s' wants a value", config_arg_at(line, index)->str);
    return NULL;
}

static bool parse_port(struct config *config, struct check_connect *connect, const struct config_line *line,
                       uint32_t index)
{
    const struct config_arg *arg = config_arg_at(line, index);
    uint64_t port;
    if (slice_to_u64(slice_of(arg->str, arg->len), &port)) {
        if (port < 1 || port > UINT16_MAX)
            return config_error(config, line, index, "a port is a number from 1 to 65535");
        connect->port = (uint16_t)port;
        return true;
    }
    struct expr *expr = arena_alloc(config->arena, sizeof(*expr));
    connect->port_expr = expr;
    return expr_parse(config, expr, line, index) && expr_check_when(config, line, index, expr, EXPR_AT_CHECK);
}

static bool parse_addr(struct config *config, struct check_connect *connect, const struct config_line *line,
                       uint32_t index)
{
    struct proxy_address address;
    const struct config_arg *arg = config_arg_at(line, index);
    if (!proxy_address_parse(config, &address, line, index, slice_of(arg->str, arg->len)))
        return false;
    if (address.is_fd || address.port_kind == PROXY_PORT_RANGE || address.port_kind == PROXY_PORT_OFFSET)
        return config_error(config, line, index, "'%s' is no address to connect to", arg->str);
    connect->addr = address.addr;
    const char *error;
    if (address.host && !proxy_address_lookup(config, &connect->addr, &error, address.host, address.want))
        return config_error(config, line, index, "cannot resolve '%s': %s", address.host, error);
    return true;
}

static bool parse_proto(struct config *config, const struct config_line *line, uint32_t index, bool is_http)
{
    const struct config_arg *arg = config_arg_at(line, index);
    const char *only = is_http ? "h1" : "none";
    return is(arg, only) ||
           config_error(config, line, index, "the protocol '%s' is not supported here, expected '%s'", arg->str, only);
}

bool check_parse_connect(struct config *config, struct check_list *list, const struct config_line *line, bool is_http)
{
    static const char *const known[] = { "default", "port", "addr",  "send-proxy", "via-socks4", "ssl",
                                         "sni",     "alpn", "proto", "linger",     "comment" };
    struct check_step *step = check_list_add(config->arena, list, CHECK_CONNECT);
    struct check_connect *connect = &step->connect;
    const struct config_arg *arg;
    for (uint32_t i = 1; (arg = config_arg_at(line, i)); i++) {
        struct tls_conf tls = { 0 };
        bool *flag = is(arg, "default")      ? &connect->defaults
                     : is(arg, "send-proxy") ? &connect->send_proxy
                     : is(arg, "via-socks4") ? &connect->socks4
                     : is(arg, "ssl")        ? &connect->ssl
                     : is(arg, "linger")     ? &connect->linger
                                             : NULL;
        if (flag) {
            *flag = true;
            continue;
        }
        size_t at = 0;
        while (at < NUM_ITEMS(known) && !is(arg, known[at]))
            at++;
        if (at == NUM_ITEMS(known))
            return config_error_unknown(config, line, i, "option of 'connect'", known, NUM_ITEMS(known));
        const struct config_arg *value = value_of(config, line, i++);
        if (!value)
            return false;
        bool ok = true;
        if (is(arg, "port"))
            ok = parse_port(config, connect, line, i);
        else if (is(arg, "addr"))
            ok = parse_addr(config, connect, line, i);
        else if (is(arg, "proto"))
            ok = parse_proto(config, line, i, is_http);
        else if (is(arg, "alpn"))
            ok = tls_conf_alpn(config, &tls, line, i);
        else if (is(arg, "sni"))
            connect->sni = value->str;
        else
            step->comment = value->str;
        if (!ok)
            return false;
        if (tls.alpn.ptr)
            connect->alpn = tls.alpn;
    }
    return true;
}

// What may follow a step that is complete: its comment.
static bool parse_tail(struct config *config, struct check_step *step, const struct config_line *line, uint32_t index)
{
    const struct config_arg *arg = config_arg_at(line, index);
    if (!arg)
        return true;
    if (!is(arg, "comment"))
        return config_error(config, line, index, "unexpected '%s': only 'comment' may follow", arg->str);
    const struct config_arg *value = value_of(config, line, index);
    if (!value)
        return false;
    step->comment = value->str;
    arg = config_arg_at(line, index + 2);
    return !arg || config_error(config, line, index + 2, "unexpected '%s'", arg->str);
}

bool check_parse_hex(struct config *config, struct slice *out, const struct config_line *line, uint32_t index)
{
    const struct config_arg *arg = config_arg_at(line, index);
    char *bytes = arena_alloc(config->arena, arg->len / 2 + 1);
    if (arg->len % 2)
        return config_error(config, line, index, "hexadecimal digits come in pairs");
    for (uint32_t i = 0; i < arg->len; i += 2) {
        int high = slice_hex_digit(arg->str[i]), low = slice_hex_digit(arg->str[i + 1]);
        if (high < 0 || low < 0)
            return config_error(config, line, index, "'%.2s' is no hexadecimal number", arg->str + i);
        bytes[i / 2] = (char)(high << 4 | low);
    }
    *out = slice_of(bytes, arg->len / 2);
    return true;
}

bool check_parse_send(struct config *config, struct check_list *list, const struct config_line *line)
{
    const struct config_arg *form = config_arg_at(line, 0), *data = value_of(config, line, 0);
    struct check_step *step = check_list_add(config->arena, list, CHECK_SEND);
    if (!data)
        return false;
    if (data->len == 0)
        return config_error(config, line, 1, "there is nothing to send");
    if (is(form, "send-binary")) {
        if (!check_parse_hex(config, &step->send.data, line, 1))
            return false;
    } else if (is(form, "send")) {
        step->send.data = slice_of(data->str, data->len);
    } else {
        const struct expr_format *format = expr_format_parse(config, line, 1, EXPR_FORMAT_RAW, EXPR_AT_CHECK);
        *(is(form, "send-lf") ? &step->send.format : &step->send.hex) = format;
        if (!format)
            return false;
    }
    return parse_tail(config, step, line, 2);
}

bool check_parse_comment(struct config *config, struct check_list *list, const struct config_line *line)
{
    const struct config_arg *text = value_of(config, line, 0);
    const struct config_arg *more = config_arg_at(line, 2);
    if (!text)
        return false;
    list->comment = text->str;
    list->num++;
    return !more || config_error(config, line, 2, "unexpected '%s'", more->str);
}

bool check_parse_var(struct config *config, struct check_list *list, const struct config_line *line)
{
    struct rule *rules = NULL;
    struct rule *rule = rule_parse(config, &rules, line, 0, RULE_CHECK, NULL, EXPR_AT_CHECK);
    if (!rule)
        return false;
    if (rule->cond)
        return config_error(config, line, 0, "a step of a check takes no condition");
    check_list_add(config->arena, list, CHECK_VAR)->rule = rule;
    return true;
}

static bool parse_field(struct config *config, struct check_request *request, const struct config_line *line,
                        uint32_t index)
{
    const struct config_arg *name = config_arg_at(line, index + 1);
    if (!name || !config_arg_at(line, index + 2))
        return config_error(config, line, index + 2, "'hdr' wants a name and a value");
    if (config_arg_at(line, index + 2)->len == 0)
        return config_error(config, line, index + 2, "the value of the field is missing");
    if (name->len == 0)
        return config_error(config, line, index + 1, "the name of a field is missing");
    // Framing is ours.
    const struct expr_format *format = expr_format_parse(config, line, index + 2, EXPR_FORMAT_TEXT, EXPR_AT_CHECK);
    struct slice text = slice_of(name->str, name->len);
    if (!format || slice_equal_nocase(text, SLICE("content-length")) ||
        slice_equal_nocase(text, SLICE("transfer-encoding")))
        return format != NULL;
    struct check_field **last = &request->fields;
    while (*last)
        last = &(*last)->next;
    *last = arena_alloc(config->arena, sizeof(**last));
    **last = (struct check_field){ .name = text, .value = format };
    return true;
}

// Where it gives what `word` of `http-check send` sets; false where there is no such word.
static bool set_request(struct config *config, struct check_step *step, const struct config_line *line, uint32_t index)
{
    struct check_request *request = step->send.request;
    const struct config_arg *word = config_arg_at(line, index), *value = config_arg_at(line, index + 1);
    if (is(word, "meth")) {
        request->method = value->str;
    } else if (is(word, "uri")) {
        request->uri = value->str;
        request->uri_format = NULL;
    } else if (is(word, "uri-lf")) {
        request->uri_format = expr_format_parse(config, line, index + 1, EXPR_FORMAT_TEXT, EXPR_AT_CHECK);
        return request->uri_format != NULL;
    } else if (is(word, "ver")) {
        request->version = value->str;
    } else if (is(word, "body")) {
        request->body = slice_of(value->str, value->len);
        request->body_format = NULL;
    } else if (is(word, "body-lf")) {
        request->body_format = expr_format_parse(config, line, index + 1, EXPR_FORMAT_RAW, EXPR_AT_CHECK);
        return request->body_format != NULL;
    } else {
        step->comment = value->str;
    }
    return true;
}

bool check_parse_request(struct config *config, struct check_list *list, const struct config_line *line)
{
    static const char *const known[] = { "meth", "uri", "uri-lf", "ver", "hdr", "body", "body-lf", "comment" };
    struct check_step *step = check_list_add(config->arena, list, CHECK_SEND);
    step->send.request = arena_alloc(config->arena, sizeof(*step->send.request));
    *step->send.request = (struct check_request){ 0 };
    const struct config_arg *arg;
    for (uint32_t i = 1; (arg = config_arg_at(line, i)); i += is(arg, "hdr") ? 3 : 2) {
        size_t at = 0;
        while (at < NUM_ITEMS(known) && !is(arg, known[at]))
            at++;
        if (at == NUM_ITEMS(known))
            return config_error_unknown(config, line, i, "argument of 'http-check send'", known, NUM_ITEMS(known));
        if (is(arg, "hdr") ? !parse_field(config, step->send.request, line, i)
                           : !value_of(config, line, i) || !set_request(config, step, line, i))
            return false;
    }
    return true;
}
