// SPDX-License-Identifier: Apache-2.0
// Words of the side that servers see.
#include <string.h>
#include "proxy/address.h"
#include "proxy/words.h"

static bool parse_number(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    proxy_word_needs(config, object, word, line, PROXY_SIDE_BACK, NULL);
    return config_word_u32(config, object, word, line);
}

static const uint16_t retry_statuses[] = { 401, 403, 404, 408, 421, 425, 429, 500, 501, 502, 503, 504 };

uint32_t proxy_retry_status(uint16_t status)
{
    for (uint32_t i = 0; i < NUM_ITEMS(retry_statuses); i++)
        if (retry_statuses[i] == status)
            return (uint32_t)PROXY_RETRY_STATUS << i;
    return 0;
}

static bool parse_retry_on(struct config *config, void *object, const struct config_word *word,
                           const struct config_line *line)
{
    static const char *const known[] = {
        "none",          "conn-failure",        "empty-response", "junk-response", "response-timeout",
        "0rtt-rejected", "all-retryable-errors"
    };
    static const uint32_t bits[] = {
        0, PROXY_RETRY_CONNECT, PROXY_RETRY_EMPTY, PROXY_RETRY_JUNK, PROXY_RETRY_TIMEOUT, PROXY_RETRY_EARLY
    };
    struct proxy_conf *proxy = object;
    const struct config_arg *arg;
    uint64_t status;
    uint32_t retry_on = 0;
    (void)word;
    for (uint32_t i = 0; (arg = config_arg_at(line, i)); i++) {
        size_t at = 0;
        while (at < NUM_ITEMS(known) && strcmp(arg->str, known[at]) != 0)
            at++;
        if (at == 0 && (i || config_arg_at(line, 1)))
            return config_error(config, line, i, "'none' stands alone");
        if (at < NUM_ITEMS(bits))
            retry_on |= bits[at];
        else if (at < NUM_ITEMS(known))
            retry_on |= PROXY_RETRY_CONNECT | PROXY_RETRY_EMPTY | PROXY_RETRY_JUNK | PROXY_RETRY_TIMEOUT |
                        PROXY_RETRY_EARLY | proxy_retry_status(500) | proxy_retry_status(502) |
                        proxy_retry_status(503) | proxy_retry_status(504);
        else if (slice_to_u64(slice_of(arg->str, arg->len), &status) && status <= UINT16_MAX &&
                 proxy_retry_status((uint16_t)status))
            retry_on |= proxy_retry_status((uint16_t)status);
        else if (arg->str[0] >= '0' && arg->str[0] <= '9')
            return config_error(config, line, i, "'%s' is no status that a request is tried again for", arg->str);
        else
            return config_error_unknown(config, line, i, "reason to try again", known, NUM_ITEMS(known));
    }
    proxy->be.retry_on = retry_on;
    return true;
}

static bool parse_fullconn(struct config *config, void *object, const struct config_word *word,
                           const struct config_line *line)
{
    proxy_word_needs(config, object, word, line, PROXY_SIDE_BACK, "maxconn");
    return config_word_u32(config, object, word, line);
}

static bool parse_http_reuse(struct config *config, void *object, const struct config_word *word,
                             const struct config_line *line)
{
    static const char *const known[] = { [PROXY_REUSE_SAFE] = "safe",
                                         [PROXY_REUSE_NEVER] = "never",
                                         [PROXY_REUSE_AGGRESSIVE] = "aggressive",
                                         [PROXY_REUSE_ALWAYS] = "always" };
    struct proxy_conf *proxy = object;
    proxy_word_needs(config, proxy, word, line, PROXY_SIDE_BACK, NULL);
    for (size_t i = 0; i < NUM_ITEMS(known); i++) {
        if (strcmp(config_arg_at(line, 0)->str, known[i]) == 0) {
            proxy->be.reuse = (uint8_t)i;
            return true;
        }
    }
    return config_error_unknown(config, line, 0, "mode of reuse", known, NUM_ITEMS(known));
}

static bool parse_source(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    const struct config_arg *option = config_arg_at(line, 1), *value = config_arg_at(line, 2);
    proxy_word_needs(config, proxy, word, line, PROXY_SIDE_BACK, NULL);
    if (!proxy_address_source(config, &proxy->be.source, NULL, line, 0))
        return false;
    proxy->be.source_interface = NULL;
    if (!option)
        return true;
    if (strcmp(option->str, "usesrc") == 0)
        return config_error(config, line, 1, "'usesrc' is not supported yet");
    if (strcmp(option->str, "interface") != 0)
        return config_error(config, line, 1, "unexpected '%s', expected 'interface'", option->str);
    if (!value || value->len == 0 || value->len >= IFNAMSIZ)
        return config_error(config, line, 2, "the name of an interface has 1 to %d bytes", IFNAMSIZ - 1);
    if (config_arg_at(line, 3))
        return config_error(config, line, 3, "unexpected argument '%s'", config_arg_at(line, 3)->str);
    proxy->be.source_interface = value->str;
    return true;
}

#define INTO(member) .into = offsetof(struct proxy_conf, member)

static const struct config_word words[] = {
    { .name = "http-reuse",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_http_reuse,
      .args = "{ never | safe | aggressive | always }",
      .help = "When a request may take an idle connection that another client's requests used: never; 'safe': not the "
              "first request of a client's connection; 'aggressive': that one too where the idle connection was reused "
              "before; always. The default is safe.",
      .good = "http-reuse always",
      .bad = "http-reuse alway",
      .bad_says = "did you mean 'always'?" },
    { .name = "retries",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_number,
      INTO(be.retries),
      .max = INT32_MAX,
      .args = "<number>",
      .help = "How often a failed connection to a server is tried again; the default is 3.",
      .good = "retries 2",
      .bad = "retries -1",
      .bad_says = "is no number" },
    { .name = "retry-on",
      .in = CONFIG_IN_DEFAULTS | CONFIG_IN_BACKEND | CONFIG_IN_LISTEN,
      .min_args = 1,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_retry_on,
      .args = "{ none | conn-failure | empty-response | junk-response | response-timeout | 0rtt-rejected | <status> | "
              "all-retryable-errors }...",
      .help =
          "What makes a request be tried again, as often as 'retries' allows: that the connection failed (the "
          "default); that it ended before an answer; that the answer was none of HTTP, or ended within its head; that "
          "it took longer than 'timeout server'; that early data was refused, of which none is sent; or an answer "
          "with that status: 401, 403, 404, 408, 421, 425, 429, 500 to 504. The last stands for all of them but the "
          "statuses below 500 and 501. A request whose body does not stand whole in a buffer is never sent again, nor "
          "is one of 'http-request disable-l7-retry'. Servers must bear to see a request twice.",
      .good = "retry-on conn-failure empty-response 503",
      .bad = "retry-on conn-failure 200",
      .bad_says = "is no status that a request is tried again for" },
    { .name = "fullconn",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_fullconn,
      INTO(be.fullconn),
      .max = INT32_MAX,
      .args = "<number>",
      .help = "The number of sessions in the backend at which servers with a 'minconn' reach their maxconn. The "
              "default is a tenth of the sum of maxconn of the frontends that may lead here, by names that do not "
              "vary.",
      .good = "fullconn 1000",
      .bad = "fullconn x",
      .bad_says = "is no number" },
    { .name = "source",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_source,
      .args = "<address>[:<port>] [interface <name>]",
      .help = "The address, and the network interface, to connect to servers from.",
      .good = "source 127.0.0.1 interface lo",
      .bad = "source 127.0.0.1 usesrc client",
      .bad_says = "'usesrc' is not supported yet" },
};
CONFIG_WORDS(words);
