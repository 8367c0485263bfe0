// SPDX-License-Identifier: Apache-2.0
// The `timeout` words (manual section 4.2). Those of one side alone are warned about on a proxy that lacks it.
#include "proxy/words.h"

static bool parse_front(struct config *config, void *object, const struct config_word *word,
                        const struct config_line *line)
{
    proxy_word_needs(config, object, word, line, PROXY_SIDE_FRONT, NULL);
    return config_word_time(config, object, word, line);
}

static bool parse_back(struct config *config, void *object, const struct config_word *word,
                       const struct config_line *line)
{
    proxy_word_needs(config, object, word, line, PROXY_SIDE_BACK, NULL);
    return config_word_time(config, object, word, line);
}

#define TIMEOUT(word, member, function, text)                                                                          \
    {                                                                                                                  \
        .name = "timeout " word, .in = CONFIG_IN_PROXY, .min_args = 1, .max_args = 1, .parse = function,               \
        .into = offsetof(struct proxy_conf, timeouts.member), .value = 1000, .args = "<time>", .help = text,           \
        .good = "timeout " word " 30s", .bad = "timeout " word " 30y", .bad_says = "unexpected 'y'"                    \
    }

static const struct config_word words[] = {
    TIMEOUT("client", client, parse_front, "Longest silence of a client that is expected to send or to take data."),
    TIMEOUT("client-fin", client_fin, parse_front,
            "Longest silence of a client once one direction is closed; the default is 'timeout client'."),
    TIMEOUT("client-hs", client_hs, parse_front,
            "Longest time for the TLS handshake with a client; the default is 'timeout client'."),
    TIMEOUT("server", server, parse_back, "Longest silence of a server that is expected to send or to take data."),
    TIMEOUT("server-fin", server_fin, parse_back,
            "Longest silence of a server once one direction is closed; the default is 'timeout server'."),
    TIMEOUT("connect", connect, parse_back, "Longest time for a connection to a server to be established."),
    TIMEOUT("http-request", http_request, config_word_time,
            "Longest time for a whole request head to arrive, counted from its first byte or from accept; the default "
            "is 'timeout client'."),
    TIMEOUT("http-keep-alive", http_keep_alive, config_word_time,
            "Longest wait for the next request on a connection; the default is 'timeout http-request'."),
    TIMEOUT("queue", queue, parse_back,
            "Longest wait for a free slot of a server that is at its maxconn; the default is 'timeout connect'."),
    TIMEOUT("tunnel", tunnel, parse_back,
            "Longest silence of both ends of a WebSocket, CONNECT or TCP tunnel, in place of the client's and the "
            "server's."),
    TIMEOUT("check", check, parse_back,
            "Longest time for each step of a health check to be answered, once it is connected; the default is the "
            "server's 'inter'."),
    TIMEOUT("tarpit", tarpit, config_word_time,
            "How long a request that a rule tarpits is held before it is answered; the default is 'timeout connect'."),
};
CONFIG_WORDS(words);
