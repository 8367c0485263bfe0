// SPDX-License-Identifier: Apache-2.0
// `cookie` lines: affinity by a cookie.
#define XXH_INLINE_ALL
#define XXH_NO_STREAM
#include <string.h>
#include <xxhash.h>
#include "proxy/words.h"

static bool parse_cookie(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    const struct config_arg *name = config_arg_at(line, 0);
    struct cookie_conf cookie = { .name = name->str, .name_len = name->len };
    proxy_word_needs(config, proxy, word, line, PROXY_SIDE_BACK, NULL);
    if (name->len == 0)
        return config_error(config, line, 0, "the name of the cookie is missing");
    // A token (RFC 6265 section 4.1.1).
    for (const char *c = name->str; *c; c++) {
        if (*c <= ' ' || *c == 0x7f || (*c & 0x80) || strchr("()<>@,;:\\\"/[]?={}", *c))
            return config_error(config, line, 0, "the name of a cookie cannot hold '%c'", *c);
    }
    if (!config_parse_options(config, &cookie, line, 1, CONFIG_IN_COOKIE))
        return false;
    if (cookie.modes & (cookie.modes - 1))
        return config_error(config, line, 0, "'rewrite', 'insert' and 'prefix' exclude each other");
    if (cookie.indirect && cookie.mode == PROXY_COOKIE_REWRITE)
        return config_error(config, line, 0, "'rewrite' and 'indirect' exclude each other");
    if (cookie.preserve && cookie.mode != PROXY_COOKIE_INSERT && !cookie.indirect)
        return config_error(config, line, 0, "'preserve' needs 'insert' or 'indirect'");
    proxy->be.cookie = cookie;
    return true;
}

static bool option_mode(struct config *config, void *object, const struct config_word *word,
                        const struct config_line *line)
{
    struct cookie_conf *cookie = object;
    (void)config;
    (void)line;
    cookie->mode = (uint8_t)word->value;
    cookie->modes |= 1u << word->value;
    return true;
}

static bool option_age(struct config *config, void *object, const struct config_word *word,
                       const struct config_line *line)
{
    uint64_t us;
    if (!config_parse_time(config, &us, line, 0, 1000000))
        return false;
    *(uint64_t *)((char *)object + word->into) = us / 1000000;
    return true;
}

static bool parse_key(struct config *config, void *object, const struct config_word *word,
                      const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    proxy_word_needs(config, proxy, word, line, PROXY_SIDE_BACK, NULL);
    if (config_arg_at(line, 0)->len > PROXY_COOKIE_KEY_MAX)
        return config_error(config, line, 0, "the key has at most %d bytes", PROXY_COOKIE_KEY_MAX);
    proxy->be.dynamic_cookie_key = config_arg_at(line, 0)->str;
    return true;
}

void proxy_cookie_dynamic(char value[PROXY_COOKIE_DYNAMIC_LEN + 1], const char *key,
                          const struct transport_address *addr)
{
    size_t ip_len = addr->family == AF_INET ? 4 : 16, len = strlen(key);
    char input[PROXY_COOKIE_KEY_MAX + 16 + 4];
    static const char digits[] = "0123456789abcdef";
    must(len <= PROXY_COOKIE_KEY_MAX);
    memcpy(input, key, len);
    memcpy(input + len, addr->ip, ip_len);
    len += ip_len;
    input[len++] = 0;
    input[len++] = 0;
    input[len++] = (char)(addr->port >> 8);
    input[len++] = (char)addr->port;
    uint64_t hash = XXH64(input, len, 0);
    for (int i = PROXY_COOKIE_DYNAMIC_LEN; i > 0; hash >>= 4)
        value[--i] = digits[hash & 15];
    value[PROXY_COOKIE_DYNAMIC_LEN] = '\0';
}

void proxy_cookies_renew(struct backend_conf *backend)
{
    const char *key = backend->cookie.dynamic ? backend->dynamic_cookie_key : NULL;
    for (struct server_conf *server = backend->servers; server; server = server->next) {
        const struct transport_address *addr = &server->addr;
        if (server->cookie && !server->has_dynamic_cookie)
            continue;
        server->has_dynamic_cookie =
            key && !server->unresolved && (addr->family == AF_INET || addr->family == AF_INET6);
        server->cookie = server->has_dynamic_cookie ? server->dynamic_cookie : NULL;
        if (server->cookie)
            proxy_cookie_dynamic(server->dynamic_cookie, key, addr);
    }
}

void proxy_cookie_finish(struct config *config, struct proxy_conf *proxy)
{
    const char *key = proxy->be.dynamic_cookie_key;
    if (!proxy->be.cookie.name || !proxy->be.cookie.dynamic)
        return;
    if (!key) {
        config_diag_add(config->diag, CONFIG_WARNING, proxy->place,
                        "%s '%s': 'cookie ... dynamic' has no effect without 'dynamic-cookie-key'", proxy_kind(proxy),
                        proxy->name);
        return;
    }
    proxy_cookies_renew(&proxy->be);
    for (const struct server_conf *server = proxy->be.servers; server; server = server->next) {
        for (const struct server_conf *it = proxy->be.servers; server->has_dynamic_cookie && it != server;
             it = it->next)
            if (it->cookie && strcmp(it->cookie, server->cookie) == 0)
                config_diag_add(config->diag, CONFIG_WARNING, server->place,
                                "server '%s' has the same dynamic cookie as '%s': they share an address; otherwise "
                                "another 'dynamic-cookie-key' helps",
                                server->name, it->name);
    }
}

static bool option_text(struct config *config, void *object, const struct config_word *word,
                        const struct config_line *line)
{
    const char **text = (const char **)((char *)object + word->into);
    const struct config_arg *arg = config_arg_at(line, 0);
    bool is_domain = strcmp(word->name, "domain") == 0;
    for (const char *c = arg->str; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f || *c == ';' || (is_domain && *c == ' '))
            return config_error(config, line, 0, "'%s' cannot stand in a cookie", arg->str);
    }
    if (arg->len == 0)
        return config_error(config, line, 0, "'%s' needs a value that is not empty", word->name);
    if (is_domain && !strchr(arg->str + 1, '.'))
        config_warning(config, line, 0, "the domain '%s' has no dot: browsers will not take it (RFC 6265 section 5.3)",
                       arg->str);
    *text = arena_printf(config->arena, "%s; %s%s", *text ? *text : "", is_domain ? "domain=" : "", arg->str);
    return true;
}

#define INTO(member) .into = offsetof(struct cookie_conf, member)
#define SWITCH(word, member, text)                                                                                     \
    {                                                                                                                  \
        .name = word, .in = CONFIG_IN_COOKIE, .parse = config_word_bool, INTO(member), .args = "", .help = text,       \
        .good = "insert " word, .bad = word " yes", .bad_says = "unknown option 'yes'"                                 \
    }

#define MODE(word, mode, text)                                                                                         \
    {                                                                                                                  \
        .name = word, .in = CONFIG_IN_COOKIE, .parse = option_mode, .value = mode, .args = "", .help = text,           \
        .good = word, .bad = word " yes", .bad_says = "unknown option 'yes'"                                           \
    }
#define AGE(word, member, text)                                                                                        \
    {                                                                                                                  \
        .name = word, .in = CONFIG_IN_COOKIE, .min_args = 1, .parse = option_age, INTO(member), .args = "<time>",      \
        .help = text, .good = "insert " word " 1h", .bad = "insert " word " x", .bad_says = "is no time"               \
    }

static const struct config_word words[] = {
    { .name = "cookie",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_cookie,
      .args = "<name> [<option>...]",
      .help = "Sends a client back to the server whose 'cookie' value its cookie <name> holds. Without 'insert', "
              "'rewrite' and 'prefix' the servers set it themselves, with values that are those of their lines.",
      .good = "cookie SRV insert indirect nocache maxidle 30m maxlife 8h;cookie JSESSIONID prefix",
      .bad = "cookie SRV insert prefix",
      .bad_says = "exclude each other" },
    { .name = "dynamic-cookie-key",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_key,
      .args = "<string>",
      .help = "The secret that 'cookie ... dynamic' makes values of; the same one gives the same values in HAProxy.",
      .good = "dynamic-cookie-key 4711",
      .bad = "dynamic-cookie-key",
      .bad_says = "is incomplete" },
    MODE("insert", PROXY_COOKIE_INSERT,
         "The balancer sets the cookie in answers to clients that do not know their server; one of that name that the "
         "server sets is taken out."),
    MODE("rewrite", PROXY_COOKIE_REWRITE,
         "The servers set the cookie, whenever they like; its value becomes that of the server's line."),
    MODE("prefix", PROXY_COOKIE_PREFIX,
         "The cookie is one of the servers' own: in answers the value of the server's line and '~' go before its "
         "value, and are taken off in requests."),
    SWITCH("indirect", indirect,
           "A cookie that the server sets is taken out where the client came by it; with 'insert', servers do not see "
           "the cookie either."),
    SWITCH("dynamic", dynamic,
           "Servers whose lines give no value get one that is a hash of 'dynamic-cookie-key', their address and their "
           "port: that of HAProxy."),
    AGE("maxidle", maxidle_s,
        "The inserted cookie tells when it was last seen, and counts no more when that is longer ago than <time> (by "
        "default in seconds), or more than a day ahead. It is set again with each answer, every few seconds."),
    AGE("maxlife", maxlife_s, "Likewise for when it was first set, which is not renewed."),
    SWITCH("nocache", nocache,
           "An answer that sets the cookie, and that a cache might keep, is marked as private to caches."),
    SWITCH("postonly", postonly, "The cookie is set in answers to POST requests alone."),
    SWITCH("preserve", preserve,
           "A cookie of the same name that the server sets is left as it is; without it that one is taken out."),
    SWITCH("httponly", httponly, "The cookie has the attribute HttpOnly: scripts do not see it."),
    SWITCH("secure", secure, "The cookie has the attribute Secure: it travels on encrypted connections alone."),
    { .name = "domain",
      .in = CONFIG_IN_COOKIE,
      .min_args = 1,
      .parse = option_text,
      INTO(domain),
      .args = "<domain>",
      .help = "The cookie's domain; may be given several times.",
      .good = "insert domain .example.org",
      .bad = "insert domain 'a b'",
      .bad_says = "cannot stand in a cookie" },
    { .name = "attr",
      .in = CONFIG_IN_COOKIE,
      .min_args = 1,
      .parse = option_text,
      INTO(attr),
      .args = "<attribute>",
      .help = "A further attribute of the cookie; may be given several times.",
      .good = "insert attr SameSite=Strict",
      .bad = "insert attr ''",
      .bad_says = "not empty" },
};
CONFIG_WORDS(words);
