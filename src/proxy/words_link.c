// SPDX-License-Identifier: Apache-2.0
// Words about the sockets towards clients and servers.
#include <string.h>
#include "proxy/address.h"
#include "proxy/words.h"

enum { LINK_IS_FRONT = 1 };

static bool parse_count(struct config *config, void *object, const struct config_word *word,
                        const struct config_line *line)
{
    proxy_word_needs(config, object, word, line, word->value & LINK_IS_FRONT ? PROXY_SIDE_FRONT : PROXY_SIDE_BACK,
                     NULL);
    return config_word_u32(config, object, word, line);
}

static bool parse_seconds(struct config *config, void *object, const struct config_word *word,
                          const struct config_line *line)
{
    proxy_word_needs(config, object, word, line, word->value & LINK_IS_FRONT ? PROXY_SIDE_FRONT : PROXY_SIDE_BACK,
                     NULL);
    return config_parse_time(config, (uint64_t *)((char *)object + word->into), line, 0, 1000000);
}

static bool option_socks4(struct config *config, void *object, const struct config_word *word,
                          const struct config_line *line)
{
    struct server_conf *server = object;
    struct proxy_address address;
    const struct config_arg *arg = config_arg_at(line, 0);
    const char *error;
    (void)word;
    if (!proxy_address_parse(config, &address, line, 0, slice_of(arg->str, arg->len)))
        return false;
    if (address.is_fd || address.addr.family == AF_UNIX || address.port_kind != PROXY_PORT_ONE || !address.port)
        return config_error(config, line, 0, "a SOCKS4 proxy has an IPv4 or IPv6 address and a port");
    if (address.host && !proxy_address_lookup(config, &address.addr, &error, address.host, address.want))
        return config_error(config, line, 0, "cannot resolve '%s': %s", address.host, error);
    if (address.addr.family == AF_UNSPEC)
        return config_error(config, line, 0, "a SOCKS4 proxy has an IPv4 or IPv6 address and a port");
    server->socks4 = address.addr;
    return true;
}

#define COUNT(word, side, member, is_front)                                                                            \
    {                                                                                                                  \
        .name = word "-cnt", .in = CONFIG_IN_PROXY, .min_args = 1, .max_args = 1, .parse = parse_count,                \
        .into = offsetof(struct proxy_conf, member.count), .value = is_front, .max = 127, .args = "<number>",          \
        .help = "With 'option " word "': unanswered probes until a connection " side                                   \
                " is given up; 0, the default: as the system says.",                                                   \
        .good = word "-cnt 3", .bad = word "-cnt x", .bad_says = "is no number"                                        \
    }
#define TIME(word, part, side, member, is_front, text)                                                                 \
    {                                                                                                                  \
        .name = word part, .in = CONFIG_IN_PROXY, .min_args = 1, .max_args = 1, .parse = parse_seconds,                \
        .into = offsetof(struct proxy_conf, member), .value = is_front, .args = "<time>",                              \
        .help = "With 'option " word "': " text " of a connection " side                                               \
                ", by default in seconds; 0, the default: as the system says.",                                        \
        .good = word part " 30s", .bad = word part " x", .bad_says = "is no time"                                      \
    }

static const struct config_word words[] = {
    COUNT("clitcpka", "of a client", keepalive[0], LINK_IS_FRONT),
    TIME("clitcpka", "-idle", "of a client", keepalive[0].idle_us, LINK_IS_FRONT, "the silence before the first probe"),
    TIME("clitcpka", "-intvl", "of a client", keepalive[0].interval_us, LINK_IS_FRONT, "the time between two probes"),
    COUNT("srvtcpka", "to a server", keepalive[1], 0),
    TIME("srvtcpka", "-idle", "to a server", keepalive[1].idle_us, 0, "the silence before the first probe"),
    TIME("srvtcpka", "-intvl", "to a server", keepalive[1].interval_us, 0, "the time between two probes"),
    { .name = "tcp-ut",
      .in = CONFIG_IN_SERVER | CONFIG_IN_DEFAULT_SERVER,
      .min_args = 1,
      .parse = config_word_time,
      .into = offsetof(struct server_conf, user_timeout_us),
      .value = 1000,
      .args = "<time>",
      .help = "How long what was sent to the server may stay unacknowledged until the connection is given up; 0, the "
              "default: as the system says.",
      .good = "tcp-ut 10s",
      .bad = "tcp-ut x",
      .bad_says = "is no time" },
    { .name = "tcp-ut",
      .in = CONFIG_IN_BIND | CONFIG_IN_SOCKET,
      .min_args = 1,
      .parse = config_word_time,
      .into = offsetof(struct bind_conf, user_timeout_us),
      .value = 1000,
      .args = "<time>",
      .help = "How long what was sent to a client may stay unacknowledged until its connection is given up; 0, the "
              "default: as the system says.",
      .good = "tcp-ut 10s",
      .bad = "tcp-ut x",
      .bad_says = "is no time" },
    { .name = "socks4",
      .in = CONFIG_IN_SERVER | CONFIG_IN_DEFAULT_SERVER,
      .min_args = 1,
      .parse = option_socks4,
      .args = "<address>:<port>",
      .help = "Connections to the server, which must have an IPv4 address, go by way of the SOCKS4 proxy at <address>.",
      .good = "socks4 127.0.0.1:1080",
      .bad = "socks4 127.0.0.1",
      .bad_says = "and a port" },
};
CONFIG_WORDS(words);
