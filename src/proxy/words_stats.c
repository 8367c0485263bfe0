// SPDX-License-Identifier: Apache-2.0
// The words of the status page. Any of them has the page; the first in a section that began as a copy of defaults with
// a page of their own starts from nothing, as for HAProxy.
#include <string.h>
#include "expr/cond.h"
#include "proxy/stats_conf.h"
#include "proxy/words.h"
#include "rule/rule.h"

enum { SECOND_US = 1000000 };

static struct stats_conf *page_of(struct config *config, struct proxy_conf *proxy)
{
    if (proxy->stats && (!proxy->defaults || proxy->stats != proxy->defaults->stats))
        return proxy->stats;
    struct stats_conf *stats = arena_alloc(config->arena, sizeof(*stats));
    *stats = (struct stats_conf){ .uri = SLICE(STATS_DEFAULT_URI),
                                  .realm = STATS_DEFAULT_REALM,
                                  .service = rule_service_find(STATS_PAGE_SERVICE) };
    proxy->stats = stats;
    return stats;
}

bool stats_conf_shows(const struct proxy_conf *proxy, const struct proxy_conf *other)
{
    const struct stats_scope *scope = proxy->stats->scopes;
    if (!scope)
        return true;
    for (; scope; scope = scope->next)
        if (strcmp(scope->name, ".") == 0 ? other == proxy : strcmp(scope->name, other->name) == 0)
            return true;
    return false;
}

bool stats_conf_check(struct config *config, struct proxy_conf *proxy)
{
    const struct stats_conf *stats = proxy->stats;
    if (!stats)
        return true;
    if (stats->rules && (stats->users || stats->has_realm)) {
        config_diag_add(config->diag, CONFIG_ERROR, proxy->place,
                        "%s '%s' has both 'stats auth' or 'stats realm' and 'stats http-request': who may see the page "
                        "is said by one or the other",
                        proxy_kind(proxy), proxy->name);
        return false;
    }
    if (proxy->mode == PROXY_MODE_HTTP)
        return true;
    config_diag_add(config->diag, CONFIG_WARNING, proxy->place, "'stats' in %s '%s' is ignored: it needs mode http",
                    proxy_kind(proxy), proxy->name);
    proxy->stats = NULL;
    return true;
}

static bool parse_enable(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    (void)word, (void)line;
    page_of(config, object);
    return true;
}

static bool has_control(const struct config_arg *arg)
{
    for (size_t i = 0; i < arg->len; i++)
        if ((unsigned char)arg->str[i] < ' ' || arg->str[i] == 0x7f)
            return true;
    return false;
}

static bool parse_uri(struct config *config, void *object, const struct config_word *word,
                      const struct config_line *line)
{
    struct stats_conf *stats = page_of(config, object);
    const struct config_arg *arg = config_arg_at(line, 0);
    (void)word;
    if (!arg->len)
        return config_error(config, line, 0, "the beginning of the page's URI is empty: it would be any request's");
    if (has_control(arg) || memchr(arg->str, ' ', arg->len))
        return config_error(config, line, 0, "no URI has a blank or a control character");
    stats->uri = slice_of(arg->str, arg->len);
    return true;
}

// The rule that asks for credentials is one of http-request auth, made as if it had been written.
static bool make_challenge(struct config *config, struct proxy_conf *proxy, const struct config_line *line)
{
    struct stats_conf *stats = proxy->stats;
    struct rule *list = NULL;
    struct config_arg args[] = {
        line->args[0], { .str = "auth", .len = 4 }, { .str = "realm", .len = 5 }, line->args[0]
    };
    args[3].str = stats->realm;
    args[3].len = strlen(stats->realm);
    struct config_line made = *line;
    made.args = args;
    made.num_args = NUM_ITEMS(args);
    made.first = 1;
    stats->challenge = rule_parse(config, &list, &made, 0, RULE_HTTP_REQUEST, &proxy->acls, EXPR_AT_REQUEST_HEAD);
    return stats->challenge != NULL;
}

static bool parse_realm(struct config *config, void *object, const struct config_word *word,
                        const struct config_line *line)
{
    struct stats_conf *stats = page_of(config, object);
    const struct config_arg *arg = config_arg_at(line, 0);
    (void)word;
    if (has_control(arg))
        return config_error(config, line, 0, "the realm has a control character, which no header may hold");
    stats->realm = arg->str;
    stats->has_realm = true;
    return make_challenge(config, object, line);
}

static bool parse_auth(struct config *config, void *object, const struct config_word *word,
                       const struct config_line *line)
{
    struct stats_conf *stats = page_of(config, object);
    const struct config_arg *arg = config_arg_at(line, 0);
    struct slice pair = slice_of(arg->str, arg->len);
    size_t colon = slice_find(pair, ':');
    (void)word;
    if (!colon || colon == pair.len)
        return config_error(config, line, 0, "'stats auth' needs '<user>:<password>'");
    struct stats_user *user = arena_alloc(config->arena, sizeof(*user));
    *user = (struct stats_user){ .next = stats->users,
                                 .name = slice_of(pair.ptr, colon),
                                 .password = slice_from(pair, colon + 1) };
    stats->users = user;
    return make_challenge(config, object, line);
}

static bool parse_refresh(struct config *config, void *object, const struct config_word *word,
                          const struct config_line *line)
{
    uint64_t *refresh_us = &page_of(config, object)->refresh_us;
    (void)word;
    if (!config_parse_time(config, refresh_us, line, 0, SECOND_US))
        return false;
    // Browsers know whole seconds, and none of them would be at once and for ever.
    *refresh_us = (*refresh_us + SECOND_US - 1) / SECOND_US * SECOND_US;
    return true;
}

static bool parse_scope(struct config *config, void *object, const struct config_word *word,
                        const struct config_line *line)
{
    struct stats_conf *stats = page_of(config, object);
    struct stats_scope *scope = arena_alloc(config->arena, sizeof(*scope));
    (void)word;
    *scope = (struct stats_scope){ .next = stats->scopes, .name = config_arg_at(line, 0)->str };
    stats->scopes = scope;
    return true;
}

static bool parse_admin(struct config *config, void *object, const struct config_word *word,
                        const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    struct stats_conf *stats = page_of(config, proxy);
    struct stats_admin *admin = arena_alloc(config->arena, sizeof(*admin));
    struct stats_admin **last = &stats->admins;
    (void)word;
    if (!expr_is_cond(line, 0))
        return config_error(config, line, 0, "unexpected '%s', expected 'if' or 'unless'", config_arg_at(line, 0)->str);
    admin->cond = expr_cond_parse(config, line, 0, &proxy->acls, EXPR_AT_REQUEST_HEAD);
    while (*last)
        last = &(*last)->next;
    *last = admin;
    return admin->cond != NULL;
}

// Who is asked by a rule that names no realm is told that of the page, not that of the proxy.
static struct config_line with_realm(struct config *config, const struct config_line *line)
{
    static const char *const words[] = { "realm", STATS_DEFAULT_REALM };
    const struct config_arg *next = config_arg_at(line, 1);
    uint32_t at = line->first + 1;
    struct config_line made = *line;
    if (next && strcmp(next->str, "realm") == 0)
        return made;
    made.num_args += NUM_ITEMS(words);
    made.args = arena_alloc(config->arena, made.num_args * sizeof(*made.args));
    memcpy(made.args, line->args, at * sizeof(*made.args));
    for (uint32_t i = 0; i < NUM_ITEMS(words); i++) {
        made.args[at + i] = line->args[at - 1];
        made.args[at + i].str = words[i];
        made.args[at + i].len = strlen(words[i]);
    }
    memcpy(made.args + at + NUM_ITEMS(words), line->args + at, (line->num_args - at) * sizeof(*made.args));
    return made;
}

static bool parse_rule(struct config *config, void *object, const struct config_word *word,
                       const struct config_line *line)
{
    static const char *const known[] = { "allow", "deny", "auth" };
    struct proxy_conf *proxy = object;
    struct stats_conf *stats = page_of(config, proxy);
    const char *action = config_arg_at(line, 0)->str;
    struct config_line made = strcmp(action, "auth") == 0 ? with_realm(config, line) : *line;
    (void)word;
    for (size_t i = 0; i < NUM_ITEMS(known); i++)
        if (strcmp(action, known[i]) == 0)
            return rule_parse(config, &stats->rules, &made, 0, RULE_HTTP_REQUEST, &proxy->acls, EXPR_AT_REQUEST_HEAD) !=
                   NULL;
    return config_error_unknown(config, line, 0, "action", known, NUM_ITEMS(known));
}

static bool parse_hide(struct config *config, void *object, const struct config_word *word,
                       const struct config_line *line)
{
    (void)word, (void)line;
    page_of(config, object)->hides_version = true;
    return true;
}

static bool parse_legends(struct config *config, void *object, const struct config_word *word,
                          const struct config_line *line)
{
    (void)word, (void)line;
    page_of(config, object)->shows_legends = true;
    return true;
}

static bool parse_modules(struct config *config, void *object, const struct config_word *word,
                          const struct config_line *line)
{
    (void)word, (void)line;
    page_of(config, object)->shows_modules = true;
    return true;
}

static bool parse_node(struct config *config, void *object, const struct config_word *word,
                       const struct config_line *line)
{
    struct stats_conf *stats = page_of(config, object);
    const struct config_arg *arg = config_arg_at(line, 0);
    (void)word;
    stats->shows_node = true;
    stats->node = arg ? arg->str : NULL;
    return true;
}

// The rest of the line, its words with a blank between them.
static bool parse_desc(struct config *config, void *object, const struct config_word *word,
                       const struct config_line *line)
{
    struct stats_conf *stats = page_of(config, object);
    const char *text = NULL;
    (void)word;
    for (uint32_t i = 0; config_arg_at(line, i); i++)
        text = arena_printf(config->arena, "%s%s%s", text ? text : "", text ? " " : "", config_arg_at(line, i)->str);
    stats->shows_description = true;
    stats->description = text;
    return true;
}

enum { NOT_DEFAULTS = CONFIG_IN_FRONTEND | CONFIG_IN_LISTEN | CONFIG_IN_BACKEND };

#define FLAG(word, function, text)                                                                                     \
    {                                                                                                                  \
        .name = word, .in = CONFIG_IN_PROXY, .parse = function, .args = "", .help = text, .good = word,                \
        .bad = word " yes", .bad_says = "yes"                                                                          \
    }

static const struct config_word words[] = {
    FLAG("stats enable", parse_enable,
         "Has a status page: at " STATS_DEFAULT_URI ", for anybody, of all proxies, where no other 'stats' line of the "
         "section says otherwise. A section with a 'stats' line of its own takes none of its defaults."),
    FLAG("stats hide-version", parse_hide, "The status page does not tell the program's version."),
    FLAG("stats show-legends", parse_legends,
         "The status page tells the numbers, modes, addresses, cookies and balancing of proxies and servers."),
    FLAG(
        "stats show-modules", parse_modules,
        "The status page tells more of each proxy and server: what HAProxy's modules count, as far as it exists here."),
    { .name = "stats uri",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_uri,
      .args = "<prefix>",
      .help = "Has a status page; requests of GET, HEAD and POST whose path and query begin with <prefix> are for it.",
      .good = "stats uri /admin?stats",
      .bad = "stats uri",
      .bad_says = "is incomplete" },
    { .name = "stats realm",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_realm,
      .args = "<realm>",
      .help = "Has a status page, and names what users of 'stats auth' are asked to log in to.",
      .good = "stats realm The\\ balancer",
      .bad = "stats realm",
      .bad_says = "is incomplete" },
    { .name = "stats auth",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_auth,
      .args = "<user>:<password>",
      .help = "Has a status page for users who log in (HTTP Basic), this one among them.",
      .good = "stats auth admin:secret",
      .bad = "stats auth admin",
      .bad_says = "<user>:<password>" },
    { .name = "stats refresh",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_refresh,
      .args = "<delay>",
      .help = "Has a status page that is loaded anew after that time; in seconds without a unit.",
      .good = "stats refresh 5s",
      .bad = "stats refresh soon",
      .bad_says = "soon" },
    { .name = "stats scope",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_scope,
      .args = "{ <name> | . }",
      .help = "Has a status page that shows, and lets change, only the proxies so named; '.' is the section itself.",
      .good = "stats scope .",
      .bad = "stats scope",
      .bad_says = "is incomplete" },
    { .name = "stats admin",
      .in = NOT_DEFAULTS,
      .min_args = 2,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_admin,
      .args = "{ if | unless } <condition>",
      .help = "Has a status page that lets the states of servers be changed by requests for which a condition holds.",
      .good = "stats admin if TRUE",
      .bad = "stats admin when TRUE",
      .bad_says = "expected 'if'" },
    { .name = "stats http-request",
      .in = NOT_DEFAULTS,
      .min_args = 1,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_rule,
      .args = "{ allow | deny | auth [realm <realm>] } [{ if | unless } <condition>]",
      .help = "Adds a rule for requests for the status page. The first whose condition holds decides; without one they "
              "are allowed.",
      .good = "stats http-request deny unless { src 127.0.0.0/8 }",
      .bad = "stats http-request redirect",
      .bad_says = "redirect" },
    { .name = "stats show-node",
      .in = CONFIG_IN_PROXY,
      .max_args = 1,
      .parse = parse_node,
      .args = "[<name>]",
      .help = "The status page tells the node's name: <name>, or the global section's 'node', or that of the host.",
      .good = "stats show-node Europe-1",
      .bad = "stats show-node Europe 1",
      .bad_says = "1" },
    { .name = "stats show-desc",
      .in = CONFIG_IN_PROXY,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_desc,
      .args = "[<text>...]",
      .help = "The status page tells the description <text>, or the global section's 'description'.",
      .good = "stats show-desc The balancer of the north",
      .bad = "stats show-dsc",
      .bad_says = "show-desc" },
};
CONFIG_WORDS(words);
