// SPDX-License-Identifier: Apache-2.0
// The `option` words that are no more than a switch. Those with arguments stand in words_option_args.c.
#include "proxy/words.h"

// What only one side of a proxy has a use for.
enum {
    OPTIONS_FRONT = PROXY_OPT_SOCKET_STATS | PROXY_OPT_CLIENT_KEEPALIVE | PROXY_OPT_DONT_LOG_NULL |
                    PROXY_OPT_DONT_LOG_NORMAL | PROXY_OPT_LOG_ASAP | PROXY_OPT_LOG_SEPARATE_ERRORS |
                    PROXY_OPT_IGNORE_PROBES | PROXY_OPT_USE_PROXY_HEADER | PROXY_OPT_CASE_CLIENT |
                    PROXY_OPT_LAX_REQUEST,
    OPTIONS_BACK = PROXY_OPT_SERVER_KEEPALIVE | PROXY_OPT_ABORT_ON_CLOSE | PROXY_OPT_ALL_BACKUPS |
                   PROXY_OPT_PRETEND_KEEPALIVE | PROXY_OPT_CASE_SERVER | PROXY_OPT_LAX_RESPONSE,
    OPTIONS_CONNECTION = PROXY_OPT_HTTP_CLOSE | PROXY_OPT_SERVER_CLOSE | PROXY_OPT_KEEP_ALIVE,
};

static bool parse_switch(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    if (word->value & OPTIONS_FRONT && !(word->value & OPTIONS_BACK))
        proxy_word_needs(config, object, word, line, PROXY_SIDE_FRONT, NULL);
    if (word->value & OPTIONS_BACK && !(word->value & OPTIONS_FRONT))
        proxy_word_needs(config, object, word, line, PROXY_SIDE_BACK, NULL);
    return config_word_flag(config, object, word, line);
}

// httpclose, http-server-close and http-keep-alive exclude each other: the last one counts, and `no` undoes its own.
static bool parse_connection(struct config *config, void *object, const struct config_word *word,
                             const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    if (!line->negated && !line->reset)
        proxy->options &= ~(uint64_t)OPTIONS_CONNECTION;
    return config_word_flag(config, object, word, line);
}

static bool parse_old_name(struct config *config, void *object, const struct config_word *word,
                           const struct config_line *line)
{
    config_diag_add(config->diag, CONFIG_WARNING, line->place,
                    "'%s' is deprecated; 'option accept-unsafe-violations-in-http-%s' is its name", word->name,
                    word->value & PROXY_OPT_LAX_REQUEST ? "request" : "response");
    return parse_switch(config, object, word, line);
}

// What it asks for is done in any case.
static bool parse_idle_close(struct config *config, void *object, const struct config_word *word,
                             const struct config_line *line)
{
    proxy_word_needs(config, object, word, line, PROXY_SIDE_FRONT, NULL);
    return !line->negated ||
           config_warning(config, line, 0,
                          "'no %s' changes nothing: an idle connection of a client stays until its next request, as "
                          "closing it could lose that request",
                          word->name);
}

#define LAX_NAMES                                                                                                      \
    "fields whose name holds an invalid character are dropped (but refused where that is white space, or where the "   \
    "name is otherwise that of a field about the length of the body), NUL may stand in a value, "

#define LAX_REQUEST                                                                                                    \
    "For clients that break the rules of HTTP/1 and cannot be mended; it weakens what protects servers. Accepted "     \
    "are, "                                                                                                            \
    "besides what is in order: " LAX_NAMES                                                                             \
    "bytes above 127 and fragments ('#') in the target, any authority in a CONNECT request, a Host that differs from " \
    "the target's authority, requests of HTTP/0.9 (GET without a version), other protocols and versions, and "         \
    "WebSocket handshakes without Sec-WebSocket-Key."

#define LAX_RESPONSE                                                                                                   \
    "Likewise for answers of servers: status codes of more than three digits up to 65535, " LAX_NAMES                  \
    "an empty Transfer-Encoding or one that says chunked several times, other protocols and versions, and WebSocket "  \
    "answers without Sec-WebSocket-Accept."

#define SWITCH(word, function, bits, text)                                                                             \
    {                                                                                                                  \
        .name = "option " word, .in = CONFIG_IN_PROXY, .flags = CONFIG_MAY_NEGATE, .parse = function,                  \
        .into = offsetof(struct proxy_conf, options), .value = bits, .args = "", .help = text,                         \
        .good = "option " word ";no option " word, .bad = "option " word " yes", .bad_says = "takes no argument"       \
    }

static const struct config_word words[] = {
    SWITCH("httpclose", parse_connection, PROXY_OPT_HTTP_CLOSE,
           "Connections carry one request and its answer: a frontend closes those of clients and servers, a backend "
           "those of servers."),
    SWITCH("http-server-close", parse_connection, PROXY_OPT_SERVER_CLOSE,
           "Connections to servers carry one request; those of clients stay open."),
    SWITCH("http-keep-alive", parse_connection, PROXY_OPT_KEEP_ALIVE,
           "Connections stay open on both sides. This is the default; it undoes the other two."),
    SWITCH("http-use-proxy-header", parse_switch, PROXY_OPT_USE_PROXY_HEADER,
           "Requests to a proxy, whose target begins neither with '/' nor '*', say with Proxy-Connection whether their "
           "connection is to be closed, and authenticate with Proxy-Authorization."),
    SWITCH("abortonclose", parse_switch, PROXY_OPT_ABORT_ON_CLOSE,
           "A client that closes its side while its request waits for a server has given it up."),
    SWITCH("allbackups", parse_switch, PROXY_OPT_ALL_BACKUPS,
           "When no ordinary server is left, all backup servers share the load instead of the first alone."),
    SWITCH("dontlognull", parse_switch, PROXY_OPT_DONT_LOG_NULL, "Connections without a single byte are not logged."),
    SWITCH("dontlog-normal", parse_switch, PROXY_OPT_DONT_LOG_NORMAL,
           "What ends well is not logged: only errors, retries and redispatches are."),
    SWITCH("log-separate-errors", parse_switch, PROXY_OPT_LOG_SEPARATE_ERRORS,
           "What does not end well is logged at level err instead of info."),
    SWITCH("logasap", parse_switch, PROXY_OPT_LOG_ASAP,
           "The log line is written when the answer begins; its time and size are marked with '+'."),
    SWITCH("clitcpka", parse_switch, PROXY_OPT_CLIENT_KEEPALIVE, "TCP keep-alive on connections of clients."),
    SWITCH("srvtcpka", parse_switch, PROXY_OPT_SERVER_KEEPALIVE, "TCP keep-alive on connections to servers."),
    SWITCH("tcpka", parse_switch, PROXY_OPT_CLIENT_KEEPALIVE | PROXY_OPT_SERVER_KEEPALIVE,
           "TCP keep-alive on all sides that the proxy has."),
    SWITCH(
        "http-buffer-request", parse_switch, PROXY_OPT_BUFFER_REQUEST,
        "Requests wait until their body has come whole, or has filled a buffer: at most 'timeout http-request', or the "
        "client is answered 408."),
    SWITCH(
        "socket-stats", parse_switch, PROXY_OPT_SOCKET_STATS,
        "Connections, bytes, denials and errors are counted for each bind line, too, and 'show stat', the status page "
        "and the metrics tell of each: at the price of some more counters for each connection and request."),
    SWITCH("http-ignore-probes", parse_switch, PROXY_OPT_IGNORE_PROBES,
           "Connections that end or time out without a single byte are neither answered nor logged nor counted as "
           "errors."),
    SWITCH(
        "http-pretend-keepalive", parse_switch, PROXY_OPT_PRETEND_KEEPALIVE,
        "Servers are not told that their connection will be closed behind the answer (httpclose, http-server-close)."),
    SWITCH("http-no-delay", config_word_tuning, 0,
           "Nothing is held back to fill packets in any case, so that this line is accepted with a warning and changes "
           "nothing."),
    SWITCH("idle-close-on-response", parse_idle_close, 0,
           "At a soft stop, idle connections of clients stay until their next request, whose answer says "
           "Connection: close, or until the client closes them, or until their timeout. That is so in any case: with "
           "'no' this line is accepted with a warning and changes nothing."),
    SWITCH("h1-case-adjust-bogus-client", parse_switch, PROXY_OPT_CASE_CLIENT,
           "Field names are sent to clients in the case that 'h1-case-adjust' gives them."),
    SWITCH("h1-case-adjust-bogus-server", parse_switch, PROXY_OPT_CASE_SERVER,
           "Field names are sent to servers in the case that 'h1-case-adjust' gives them."),
    SWITCH("accept-unsafe-violations-in-http-request", parse_switch, PROXY_OPT_LAX_REQUEST, LAX_REQUEST),
    SWITCH("accept-unsafe-violations-in-http-response", parse_switch, PROXY_OPT_LAX_RESPONSE, LAX_RESPONSE),
    SWITCH("accept-invalid-http-request", parse_old_name, PROXY_OPT_LAX_REQUEST,
           "The old name of 'option accept-unsafe-violations-in-http-request', accepted with a warning."),
    SWITCH("accept-invalid-http-response", parse_old_name, PROXY_OPT_LAX_RESPONSE,
           "The old name of 'option accept-unsafe-violations-in-http-response', accepted with a warning."),
    SWITCH("nolinger", parse_switch, PROXY_OPT_NO_LINGER,
           "Connections are reset rather than closed, and what they still had to send is lost."),
};
CONFIG_WORDS(words);
