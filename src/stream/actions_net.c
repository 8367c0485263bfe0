// SPDX-License-Identifier: Apache-2.0
// Actions on addresses and on what the packets of a connection are marked with.
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include "stream/rewrite.h"

enum {
    IN_CLIENT = RULE_TCP_CONNECTION | RULE_TCP_SESSION | RULE_TCP_CONTENT | RULE_HTTP_REQUEST,
    IN_ALL = IN_CLIENT | RULE_TCP_RESPONSE | RULE_HTTP_RESPONSE,
    IN_SERVER = RULE_TCP_CONTENT | RULE_HTTP_REQUEST,
};

static bool parse_address(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                          uint32_t *next)
{
    rule->data = (void *)stream_expr_parse(config, rule, line, index, EXPR_ADDR);
    *next = index + 1;
    return rule->data != NULL;
}

static bool parse_port(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                       uint32_t *next)
{
    rule->data = (void *)stream_expr_parse(config, rule, line, index, EXPR_INT);
    *next = index + 1;
    return rule->data != NULL;
}

// The address that a rule changes: the exchange's own copy, or for rules of a connection the session's.
static struct transport_address *src_of(struct expr_subject *subject)
{
    struct stream *stream = stream_of(subject);
    if (!stream)
        return &stream_session_of(subject)->src;
    stream->wishes.src = *stream_src(stream);
    return &stream->wishes.src;
}

static struct transport_address *dst_of(struct expr_subject *subject)
{
    struct stream *stream = stream_of(subject);
    struct proxy_session *session = stream_session_of(subject);
    if (!stream) {
        proxy_session_dst(session);
        return &session->dst;
    }
    stream->wishes.dst = *stream_dst(stream);
    return &stream->wishes.dst;
}

static bool has_port(const struct transport_address *address)
{
    return address->family == AF_INET || address->family == AF_INET6;
}

static enum rule_verdict set_ip(struct expr_subject *subject, const struct rule *rule,
                                struct transport_address *(*get)(struct expr_subject *subject))
{
    struct expr_sample sample;
    struct expr_addr ip;
    if (!expr_eval(rule->data, subject, &sample) || !expr_sample_addr(&sample, &ip))
        return RULE_NEXT;
    struct transport_address *address = get(subject);
    uint16_t port = has_port(address) ? address->port : 0;
    *address = (struct transport_address){ .family = ip.family == 4 ? AF_INET : AF_INET6, .port = port };
    memcpy(address->ip, ip.bytes, ip.family == 4 ? 4 : 16);
    return RULE_NEXT;
}

static enum rule_verdict set_port(struct expr_subject *subject, const struct rule *rule,
                                  struct transport_address *(*get)(struct expr_subject *subject))
{
    struct expr_sample sample;
    int64_t port;
    if (!expr_eval(rule->data, subject, &sample) || !expr_sample_int(&sample, &port) || port < 0 || port > 65535)
        return RULE_NEXT;
    struct transport_address *address = get(subject);
    if (!has_port(address))
        *address = (struct transport_address){ .family = AF_INET };
    address->port = (uint16_t)port;
    return RULE_NEXT;
}

static enum rule_verdict run_src(struct expr_subject *subject, const struct rule *rule)
{
    return set_ip(subject, rule, src_of);
}

static enum rule_verdict run_src_port(struct expr_subject *subject, const struct rule *rule)
{
    return set_port(subject, rule, src_of);
}

static enum rule_verdict run_dst(struct expr_subject *subject, const struct rule *rule)
{
    return set_ip(subject, rule, dst_of);
}

static enum rule_verdict run_dst_port(struct expr_subject *subject, const struct rule *rule)
{
    return set_port(subject, rule, dst_of);
}

struct mark {
    uint32_t num;
    const struct expr *expr; // NULL: `num`
};

// A number, decimal or "0x" and hexadecimal, or an expression.
static bool parse_number(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                         uint32_t *next, uint64_t most)
{
    struct mark *mark = arena_alloc(config->arena, sizeof(*mark));
    const struct config_arg *arg =
        stream_arg_need(config, line, index, rule->action->name, "a number or an expression");
    char *end;
    rule->data = mark;
    *next = index + 1;
    if (!arg)
        return false;
    if (arg->str[0] < '0' || arg->str[0] > '9')
        return (mark->expr = stream_expr_parse(config, rule, line, index, EXPR_INT)) != NULL;
    unsigned long long num = strtoull(arg->str, &end, arg->str[1] == 'x' || arg->str[1] == 'X' ? 16 : 10);
    if (*end || arg->len > 16 || num > most)
        return config_error(config, line, index, "'%s' is no number from 0 to %llu", arg->str,
                            (unsigned long long)most);
    mark->num = (uint32_t)num;
    return true;
}

static bool parse_mark(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                       uint32_t *next)
{
    return parse_number(config, rule, line, index, next, UINT32_MAX);
}

static bool parse_tos(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                      uint32_t *next)
{
    return parse_number(config, rule, line, index, next, 255);
}

static bool mark_get(const struct mark *mark, struct expr_subject *subject, uint32_t *out, int64_t most)
{
    struct expr_sample sample;
    int64_t num;
    *out = mark->num;
    if (!mark->expr)
        return true;
    if (!expr_eval(mark->expr, subject, &sample) || !expr_sample_int(&sample, &num) || num < 0 || num > most)
        return false;
    *out = (uint32_t)num;
    return true;
}

// A socket that may not be marked (CAP_NET_ADMIN is missing) is left as it is, as in HAProxy.
static enum rule_verdict run_fc_mark(struct expr_subject *subject, const struct rule *rule)
{
    uint32_t mark;
    if (mark_get(rule->data, subject, &mark, UINT32_MAX))
        setsockopt(stream_session_of(subject)->fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
    return RULE_NEXT;
}

static enum rule_verdict run_fc_tos(struct expr_subject *subject, const struct rule *rule)
{
    int fd = stream_session_of(subject)->fd;
    uint32_t tos;
    if (!mark_get(rule->data, subject, &tos, 255))
        return RULE_NEXT;
    int value = (int)tos;
    // An IPv6 socket that carries IPv4 obeys the first, one that carries IPv6 the second.
    setsockopt(fd, IPPROTO_IP, IP_TOS, &value, sizeof(value));
    setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &value, sizeof(value));
    return RULE_NEXT;
}

static enum rule_verdict run_bc_mark(struct expr_subject *subject, const struct rule *rule)
{
    struct stream_wishes *wishes = &stream_of(subject)->wishes;
    if (mark_get(rule->data, subject, &wishes->bc_mark, UINT32_MAX))
        wishes->has_bc_mark = true;
    return RULE_NEXT;
}

static enum rule_verdict run_bc_tos(struct expr_subject *subject, const struct rule *rule)
{
    struct stream_wishes *wishes = &stream_of(subject)->wishes;
    uint32_t tos;
    if (mark_get(rule->data, subject, &tos, 255)) {
        wishes->bc_tos = (uint8_t)tos;
        wishes->has_bc_tos = true;
    }
    return RULE_NEXT;
}

#define ADDRESS(word, parser, runner, text, example)                                                                   \
    {                                                                                                                  \
        .name = word, .in = IN_CLIENT, .parse = parser, .run = runner, .args = "<expression>", .help = text,           \
        .good = "http-request " word " " example, .bad = "http-request " word, .bad_says = "needs an expression"       \
    }

#define MARK(word, sets, bits, parser, runner, what, text)                                                             \
    {                                                                                                                  \
        .name = word, .flags = bits, .in = sets, .parse = parser, .run = runner,                                       \
        .args = "{ <" what "> | <expression> }", .help = text, .good = "http-request " word " 0x20",                   \
        .bad = "http-request " word " 99999999999", .bad_says = "is no number"                                         \
    }

static const struct rule_action actions[] = {
    ADDRESS(
        "set-src", parse_address, run_src,
        "Makes the result the client's address for what follows: fetches, log lines, forwarding fields. In rules of "
        "a connection for all of its requests, else for this one. Without a result nothing changes.",
        "req.hdr_ip(x-forwarded-for,-1)"),
    ADDRESS("set-src-port", parse_port, run_src_port, "As set-src, for the client's port.", "int(4000)"),
    ADDRESS("set-dst", parse_address, run_dst,
            "Makes the result the address the client connected to, for what follows; a server whose address is 0.0.0.0 "
            "is connected there. Without a result nothing changes.",
            "req.hdr_ip(x-dst,-1)"),
    ADDRESS("set-dst-port", parse_port, run_dst_port, "As set-dst, for the port.", "int(4000)"),
    MARK("set-fc-mark", IN_ALL, RULE_NEEDS_ADMIN, parse_mark, run_fc_mark, "mark",
         "Marks the packets to the client for the firewall and for routing (SO_MARK): 32 bits, decimal or 0x and "
         "hexadecimal. It needs the capability CAP_NET_ADMIN, which is kept where fairlead was started with it; "
         "without it nothing changes."),
    MARK("set-mark", IN_ALL, RULE_NEEDS_ADMIN, parse_mark, run_fc_mark, "mark", "The old name of set-fc-mark."),
    MARK("set-bc-mark", IN_SERVER, RULE_NEEDS_ADMIN, parse_mark, run_bc_mark, "mark",
         "As set-fc-mark, for the packets of the connection to the server."),
    MARK("set-fc-tos", IN_ALL, 0, parse_tos, run_fc_tos, "tos",
         "The TOS or traffic class field of packets to the client, 0 to 255: its upper six bits are the DSCP."),
    MARK("set-tos", IN_ALL, 0, parse_tos, run_fc_tos, "tos", "The old name of set-fc-tos."),
    MARK("set-bc-tos", IN_SERVER, 0, parse_tos, run_bc_tos, "tos",
         "As set-fc-tos, for the packets of the connection to the server."),
};
RULE_ACTIONS(actions);
