// SPDX-License-Identifier: Apache-2.0
// What keeps clients at their servers besides `cookie` lines.
#include <string.h>
#include "proxy/words.h"

static bool parse_switch(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    proxy_word_needs(config, object, word, line, PROXY_SIDE_BACK, NULL);
    return config_word_flag(config, object, word, line);
}

// `persist rdp-cookie` and `persist rdp-cookie(NAME)`.
static bool parse_rdp(struct config *config, void *object, const struct config_word *word,
                      const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    const struct config_arg *arg = config_arg_at(line, 0);
    struct slice text = slice_of(arg->str, arg->len), name = SLICE("msts");
    proxy_word_needs(config, proxy, word, line, PROXY_SIDE_BACK, NULL);
    if (!slice_begins(text, SLICE("rdp-cookie")))
        return config_error(config, line, 0, "unexpected '%s', expected 'rdp-cookie'", arg->str);
    text = slice_from(text, strlen("rdp-cookie"));
    if (text.len) {
        name = slice_of(text.ptr + 1, text.len < 2 ? 0 : text.len - 2);
        if (text.ptr[0] != '(' || text.ptr[text.len - 1] != ')' || !name.len || slice_find(name, ',') < name.len)
            return config_error(config, line, 0, "'rdp-cookie' is followed by nothing or by a name in parentheses");
    }
    proxy->be.rdp_cookie = arena_copy(config->arena, name.ptr, name.len);
    return true;
}

// -1 stands for no limit.
static bool parse_keep_alive_queue(struct config *config, void *object, const struct config_word *word,
                                   const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    uint64_t number;
    proxy_word_needs(config, proxy, word, line, PROXY_SIDE_BACK, NULL);
    proxy->be.keep_alive_queue = 0;
    if (strcmp(config_arg_at(line, 0)->str, "-1") == 0)
        return true;
    if (!config_parse_u64(config, &number, line, 0, 0, INT32_MAX))
        return false;
    proxy->be.keep_alive_queue = (uint32_t)number + 1;
    return true;
}

static bool parse_session_conns(struct config *config, void *object, const struct config_word *word,
                                const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    uint64_t number;
    proxy_word_needs(config, proxy, word, line, PROXY_SIDE_FRONT, NULL);
    if (!config_parse_u64(config, &number, line, 0, 0, INT32_MAX))
        return false;
    proxy->fe.keeps_no_conn = number == 0;
    return true;
}

static bool parse_name_header(struct config *config, void *object, const struct config_word *word,
                              const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    const struct config_arg *arg = config_arg_at(line, 0);
    proxy_word_needs(config, proxy, word, line, PROXY_SIDE_BACK, NULL);
    char *name = arena_copy(config->arena, arg->str, arg->len);
    for (char *c = name; *c; c++) {
        *c = slice_lower(*c);
        if (*c <= ' ' || *c == 0x7f || (*c & 0x80) || strchr("()<>@,;:\\\"/[]?={}", *c))
            return config_error(config, line, 0, "the character '%c' cannot stand in the name of a header field", *c);
    }
    if (!arg->len || arg->len > 255)
        return config_error(config, line, 0, "the name of a header field has 1 to 255 bytes");
    enum http_field_id id = http_field_id_of(slice_of(name, arg->len));
    if (id != HTTP_FIELD_OTHER && id <= HTTP_FIELD_PROXY_CONNECTION && id != HTTP_FIELD_HOST)
        return config_error(config, line, 0, "'%s' is about the connection or the length of the message", arg->str);
    proxy->be.name_header = name;
    return true;
}

#define SWITCH(word, bits, text)                                                                                       \
    {                                                                                                                  \
        .name = "option " word, .in = CONFIG_IN_PROXY, .flags = CONFIG_MAY_NEGATE, .parse = parse_switch,              \
        .into = offsetof(struct proxy_conf, options), .value = bits, .args = "", .help = text,                         \
        .good = "option " word ";no option " word, .bad = "option " word " yes", .bad_says = "takes no argument"       \
    }

static const struct config_word words[] = {
    SWITCH("persist", PROXY_OPT_PERSIST,
           "A server that a cookie names is tried even where it is down; with 'option redispatch', others after it."),
    SWITCH("prefer-last-server", PROXY_OPT_PREFER_LAST,
           "Where a client has an idle connection to a server for itself (http-reuse never, send-proxy, NTLM), its "
           "next request goes there, too, as long as that server may be chosen and balancing is not by a hash. After "
           "a 401 or 407 that is so in any case."),
    { .name = "persist",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_rdp,
      .args = "rdp-cookie[(<name>)]",
      .help = "In mode tcp, sends a client back to the server whose address and port its RDP cookie <name>, by default "
              "msts, holds. 'tcp-request' rules have to wait for it: tcp-request content accept if RDP_COOKIE.",
      .good = "persist rdp-cookie;persist rdp-cookie(msts)",
      .bad = "persist rdp-cookie(",
      .bad_says = "a name in parentheses" },
    { .name = "max-keep-alive-queue",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_keep_alive_queue,
      .args = "<number>",
      .help = "How many requests may wait for a server at most for 'option prefer-last-server' to choose it; -1, the "
              "default: any number; 0: the request must not wait itself.",
      .good = "max-keep-alive-queue 10",
      .bad = "max-keep-alive-queue x",
      .bad_says = "is no number" },
    { .name = "max-session-srv-conns",
      .in = CONFIG_IN_DEFAULTS | CONFIG_IN_FRONTEND | CONFIG_IN_LISTEN | CONFIG_IN_BACKEND,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_session_conns,
      .args = "<number>",
      .help = "Most idle connections to servers that are kept for one client alone. There is never more than one, so "
              "that 0 alone makes a difference: none.",
      .good = "max-session-srv-conns 0",
      .bad = "max-session-srv-conns -1",
      .bad_says = "is no number" },
    { .name = "http-send-name-header",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_name_header,
      .args = "<name>",
      .help = "Requests tell the server its name in a field <name>, which replaces any that the client sent.",
      .good = "http-send-name-header X-Server",
      .bad = "http-send-name-header Content-Length",
      .bad_says = "is about the connection" },
};
CONFIG_WORDS(words);
