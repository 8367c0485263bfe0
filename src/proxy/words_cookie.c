// SPDX-License-Identifier: Apache-2.0
// `cookie` lines: affinity by a cookie that the balancer inserts.
#include <string.h>
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
    if (cookie.preserve && !cookie.insert)
        return config_error(config, line, 0, "'preserve' needs 'insert'");
    if (cookie.indirect && !cookie.insert)
        return config_error(config, line, 0, "'indirect' without 'insert' is not supported yet");
    proxy->be.cookie = cookie;
    return true;
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

static const struct config_word words[] = {
    { .name = "cookie",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_cookie,
      .args = "<name> [<option>...]",
      .help = "Sends a client back to the server whose 'cookie' value its cookie <name> holds. Without 'insert' the "
              "servers set the cookie themselves.",
      .good = "cookie SRV insert indirect nocache",
      .bad = "cookie SRV indirect",
      .bad_says = "'indirect' without" },
    SWITCH("insert", insert, "The balancer sets the cookie in answers."),
    SWITCH("indirect", indirect, "Servers do not see the cookie, and a client that has it does not get it again."),
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
