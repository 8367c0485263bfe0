// SPDX-License-Identifier: Apache-2.0
// Options of `server` and `default-server` lines about health checks.
#include <string.h>
#include "proxy/address.h"
#include "proxy/words_check.h"
#include "tls/conf.h"

enum { DEFAULT_INTER_US = 2000000 };

struct check_server_conf check_server_default(void)
{
    return (struct check_server_conf){ .rise = 2, .fall = 3, .inter_us = DEFAULT_INTER_US };
}

static bool option_flag(struct config *config, void *object, const struct config_word *word,
                        const struct config_line *line)
{
    (void)config;
    (void)line;
    *(bool *)((char *)object + word->into) = word->value;
    return true;
}

static bool option_ssl(struct config *config, void *object, const struct config_word *word,
                       const struct config_line *line)
{
    (void)config;
    (void)line;
    ((struct server_conf *)object)->check.use_ssl = (uint8_t)word->value;
    return true;
}

static bool option_interval(struct config *config, void *object, const struct config_word *word,
                            const struct config_line *line)
{
    uint64_t *interval_us = (uint64_t *)((char *)object + word->into);
    if (!config_word_time(config, object, word, line))
        return false;
    return *interval_us > 0 || config_error(config, line, 0, "an interval cannot be 0");
}

static bool option_addr(struct config *config, void *object, const struct config_word *word,
                        const struct config_line *line)
{
    struct check_server_conf *check = &((struct server_conf *)object)->check;
    const struct config_arg *arg = config_arg_at(line, 0);
    struct proxy_address address;
    (void)word;
    if (!proxy_address_parse(config, &address, line, 0, slice_of(arg->str, arg->len)))
        return false;
    if (address.is_fd || address.is_any || address.port_kind == PROXY_PORT_RANGE ||
        address.port_kind == PROXY_PORT_OFFSET)
        return config_error(config, line, 0, "'%s' is no address that a check could go to", arg->str);
    check->addr = address.addr;
    check->addr_host = address.host;
    const char *error;
    if (address.host && !proxy_address_lookup(config, &check->addr, &error, address.host, address.want))
        return config_error(config, line, 0, "cannot resolve '%s': %s", address.host, error);
    return true;
}

static bool option_port(struct config *config, void *object, const struct config_word *word,
                        const struct config_line *line)
{
    uint64_t port = 0;
    (void)word;
    if (!config_parse_u64(config, &port, line, 0, 1, UINT16_MAX))
        return false;
    ((struct server_conf *)object)->check.port = (uint16_t)port;
    return true;
}

static bool option_proto(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    const struct config_arg *arg = config_arg_at(line, 0);
    (void)word;
    if (strcmp(arg->str, "h1") != 0 && strcmp(arg->str, "none") != 0)
        return config_error(config, line, 0, "the protocol '%s' is not supported for checks, expected 'h1' or 'none'",
                            arg->str);
    ((struct server_conf *)object)->check.proto = arg->str;
    return true;
}

static bool option_alpn(struct config *config, void *object, const struct config_word *word,
                        const struct config_line *line)
{
    struct tls_conf tls = { 0 };
    (void)word;
    if (!tls_conf_alpn(config, &tls, line, 0))
        return false;
    ((struct server_conf *)object)->check.alpn = tls.alpn;
    return true;
}

enum { IN_BOTH = CONFIG_IN_SERVER | CONFIG_IN_DEFAULT_SERVER };

#define INTO(member) .into = offsetof(struct server_conf, check.member)
#define SWITCH(word, function, member, meaning, text)                                                                  \
    {                                                                                                                  \
        .name = word, .in = IN_BOTH, .parse = function, INTO(member), .value = meaning, .args = "", .help = text,      \
        .good = word, .bad = word " yes", .bad_says = "unknown option 'yes'"                                           \
    }
#define INTERVAL(word, member, text)                                                                                   \
    {                                                                                                                  \
        .name = word, .in = IN_BOTH, .min_args = 1, .parse = option_interval, INTO(member), .value = 1000,             \
        .args = "<time>", .help = text, .good = word " 5s", .bad = word " 0", .bad_says = "cannot be 0"                \
    }
#define COUNT(word, member, text)                                                                                      \
    {                                                                                                                  \
        .name = word, .in = IN_BOTH, .min_args = 1, .parse = config_word_u32, INTO(member), .min = 1, .max = 65535,    \
        .args = "<count>", .help = text, .good = word " 4", .bad = word " 0", .bad_says = "out of range"               \
    }

static const struct config_word words[] = {
    SWITCH("check", option_flag, enabled, true,
           "The server is asked regularly how it is, and gets no traffic while it does not answer well: by a "
           "connection, with TLS where it has 'ssl', or as 'option httpchk' and its kin say."),
    SWITCH("no-check", option_flag, enabled, false, "Undoes 'check'."),
    INTERVAL("inter", inter_us,
             "From the end of one health check to the next; the default is 2s. It bounds the time that a check may "
             "take, too, where there is no 'timeout check'."),
    INTERVAL("fastinter", fastinter_us, "The interval while the server is on its way up or down; default 'inter'."),
    INTERVAL("downinter", downinter_us, "The interval while the server is down; default 'inter'."),
    COUNT("rise", rise, "So many checks in a row must go well for a server that is down to come up; the default is 2."),
    COUNT("fall", fall, "So many checks in a row must fail for a server that is up to go down; the default is 3."),
    { .name = "port",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = option_port,
      .args = "<port>",
      .help = "Health checks go to this port. 'ssl' and 'send-proxy' of the server do not hold for them then.",
      .good = "port 8080",
      .bad = "port 70000",
      .bad_says = "out of range" },
    { .name = "addr",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = option_addr,
      .args = "<address>[:<port>]",
      .help = "Health checks go to this address. 'ssl' and 'send-proxy' of the server do not hold for them then.",
      .good = "addr 127.0.0.2",
      .bad = "addr 127.0.0.2:80-90",
      .bad_says = "no address that a check could go to" },
    { .name = "check-proto",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = option_proto,
      .args = "{ h1 | none }",
      .help = "What health checks speak: HTTP/1 where they are checks in HTTP. There is nothing else to choose.",
      .good = "check-proto none",
      .bad = "check-proto h2",
      .bad_says = "is not supported for checks" },
    { .name = "check-alpn",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = option_alpn,
      .args = "<protocols>",
      .help = "The protocols that health checks offer by ALPN; the default is the server's 'alpn'.",
      .good = "check-alpn http/1.1,http/1.0",
      .bad = "check-alpn \"\"",
      .bad_says = "the names of protocols are missing" },
    { .name = "check-sni",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = config_word_str,
      INTO(sni),
      .args = "<name>",
      .help = "The server name that health checks over TLS ask for, and that the certificate must be for.",
      .good = "check-sni www.test",
      .bad = "check-sni",
      .bad_says = "is incomplete" },
    SWITCH("check-ssl", option_ssl, use_ssl, CHECK_SSL_ON,
           "Health checks go over TLS even if traffic does not, or if 'port' or 'addr' lead them elsewhere. What the "
           "server line says of TLS holds for them."),
    SWITCH("no-check-ssl", option_ssl, use_ssl, CHECK_SSL_OFF,
           "Health checks do not go over TLS, even if traffic does."),
    SWITCH("check-send-proxy", option_flag, send_proxy, true,
           "Health checks begin with a PROXY protocol header. They do anyway where the server has 'send-proxy' and "
           "neither 'port' nor 'addr'."),
    SWITCH("no-check-send-proxy", option_flag, send_proxy, false, "Undoes 'check-send-proxy'."),
    SWITCH("check-via-socks4", option_flag, socks4, true,
           "Health checks go through the server's 'socks4' proxy, as traffic does."),
};
CONFIG_WORDS(words);
