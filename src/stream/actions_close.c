// SPDX-License-Identifier: Apache-2.0
// Actions that let a connection pass or end it, and what comes before its first byte.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include "expr/cond.h"
#include "rule/rule.h"
#include "stream/act.h"

static enum rule_verdict run_accept(struct expr_subject *subject, const struct rule *rule)
{
    (void)subject;
    (void)rule;
    return RULE_STOP;
}

static enum rule_verdict run_reject(struct expr_subject *subject, const struct rule *rule)
{
    (void)subject;
    (void)rule;
    return RULE_CLOSE;
}

// What the server has said still reaches the client, and its end after it.
static enum rule_verdict run_close(struct expr_subject *subject, const struct rule *rule)
{
    struct mux_h1 *back = &stream_of(subject)->back->h1;
    (void)rule;
    shutdown(back->conn.source.fd, SHUT_RDWR);
    back->conn.can_read = true;
    back->keep_alive = false;
    return RULE_STOP;
}

static bool parse_drop(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                       uint32_t *next)
{
    const struct config_arg *arg = config_arg_at(line, index);
    uint64_t *ttl = arena_alloc(config->arena, sizeof(*ttl));
    rule->data = ttl;
    *next = index;
    if (!arg || expr_is_cond(line, index))
        return true;
    if (strcmp(arg->str, "rst-ttl") != 0)
        return config_error(config, line, index, "unexpected '%s', expected 'rst-ttl', 'if' or 'unless'", arg->str);
    if (!config_arg_at(line, index + 1))
        return config_error(config, line, index + 1, "'rst-ttl' needs a number");
    *next = index + 2;
    return config_parse_u64(config, ttl, line, index + 1, 1, 255);
}

// A socket in repair mode closes without a packet. Where we may not do so, the reset that closing makes dies on its
// way.
static enum rule_verdict run_drop(struct expr_subject *subject, const struct rule *rule)
{
    struct proxy_session *session = subject->session;
    uint64_t ttl = *(const uint64_t *)rule->data;
    int on = 1, hops = ttl ? (int)ttl : 1;
    session->silent = true;
    if (!ttl && setsockopt(session->fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)) == 0)
        return RULE_CLOSE;
    setsockopt(session->fd, IPPROTO_IP, IP_TTL, &hops, sizeof(hops));
    setsockopt(session->fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof(hops));
    return RULE_CLOSE;
}

static bool parse_expect_proxy(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                               uint32_t *next)
{
    const struct config_arg *arg = config_arg_at(line, index);
    (void)rule;
    *next = index + 1;
    return (arg && strcmp(arg->str, "layer4") == 0) ||
           config_error(config, line, index, "'expect-proxy' wants 'layer4' behind it");
}

static enum rule_verdict run_expect_proxy(struct expr_subject *subject, const struct rule *rule)
{
    struct proxy_session *session = subject->session;
    (void)rule;
    session->expect_proxy = true;
    return RULE_NEXT;
}

enum {
    TCP_RULES = RULE_TCP_CONNECTION | RULE_TCP_SESSION | RULE_TCP_CONTENT | RULE_TCP_RESPONSE,
    DROP_RULES = RULE_TCP_CONNECTION | RULE_TCP_SESSION | RULE_TCP_CONTENT | RULE_TCP_RESPONSE | RULE_HTTP_REQUEST |
                 RULE_HTTP_RESPONSE,
};

static const struct rule_action actions[] = {
    { .name = "accept",
      .flags = RULE_FINAL,
      .in = TCP_RULES,
      .run = run_accept,
      .args = "",
      .help = "Lets the connection, request or answer pass: no further rule of this list is run.",
      .good = "tcp-request content accept if TRUE",
      .bad = "tcp-request content accept all",
      .bad_says = "unexpected 'all'" },
    { .name = "reject",
      .flags = RULE_FINAL | RULE_DENIES,
      .in = DROP_RULES,
      .run = run_reject,
      .args = "",
      .help = "Closes the connection without an answer.",
      .good = "tcp-request content reject if FALSE",
      .bad = "tcp-request content reject all",
      .bad_says = "unexpected 'all'" },
    { .name = "close",
      .flags = RULE_FINAL,
      .in = RULE_TCP_RESPONSE,
      .run = run_close,
      .args = "",
      .help = "Closes the connection to the server at once; the client gets what the server has said by then.",
      .good = "tcp-response content close if FALSE",
      .bad = "tcp-response content close all",
      .bad_says = "unexpected 'all'" },
    { .name = "silent-drop",
      .flags = RULE_FINAL | RULE_DENIES | RULE_NEEDS_ADMIN,
      .in = DROP_RULES,
      .parse = parse_drop,
      .run = run_drop,
      .args = "[rst-ttl <ttl>]",
      .help = "Lets the client's connection disappear without a packet, so that the client goes on holding its end. "
              "That needs the capability CAP_NET_ADMIN, which is kept where fairlead was started with it; without it, "
              "or with rst-ttl, a reset is sent that gets no further than <ttl> hops, 1 where none is given.",
      .good = "tcp-request content silent-drop rst-ttl 3 if FALSE",
      .bad = "tcp-request content silent-drop rst-ttl 0",
      .bad_says = "out of range" },
    { .name = "expect-proxy",
      .in = RULE_TCP_CONNECTION,
      .parse = parse_expect_proxy,
      .run = run_expect_proxy,
      .args = "layer4",
      .help = "The connection begins with a PROXY header, as with 'accept-proxy' on the bind line.",
      .good = "tcp-request connection expect-proxy layer4 if { src 192.0.2.0/24 }",
      .bad = "tcp-request connection expect-proxy layer7",
      .bad_says = "wants 'layer4'" },
};
RULE_ACTIONS(actions);
