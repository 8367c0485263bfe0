// SPDX-License-Identifier: Apache-2.0
// Words by which requests choose where they go: a backend, a server of it, and whether a cookie has a say.
#include <string.h>
#include "expr/cond.h"
#include "expr/format.h"
#include "proxy/words.h"

// In mode tcp the first bytes may be a request all the same.
enum { CHOOSE_AT = EXPR_AT_REQUEST_CONTENT | EXPR_AT_REQUEST_HEAD };

// Reads the condition at argument `index`, where there is one; it has to be there with `must_have`.
static bool parse_cond(struct config *config, const struct expr_cond **cond, const struct proxy_conf *proxy,
                       const struct config_line *line, uint32_t index, bool must_have)
{
    const struct config_arg *arg = config_arg_at(line, index);
    if (!arg && !must_have)
        return true;
    if (!arg || !expr_is_cond(line, index))
        return config_error(config, line, index, "unexpected '%s', expected 'if' or 'unless'", arg ? arg->str : "");
    *cond = expr_cond_parse(config, line, index, &proxy->acls, CHOOSE_AT);
    return *cond != NULL;
}

static bool parse_choice(struct config *config, struct choice_conf **list, const struct proxy_conf *proxy,
                         const struct config_line *line, bool must_have, bool counts)
{
    const struct config_arg *name = config_arg_at(line, 0);
    struct choice_conf *choice = arena_alloc(config->arena, sizeof(*choice));
    choice->name = name->str;
    choice->place = line->place;
    choice->place.column = name->column;
    choice->place.length = name->width;
    if (strchr(name->str, '%')) {
        choice->format = expr_format_parse(config, line, 0, EXPR_FORMAT_RAW, CHOOSE_AT);
        if (!choice->format)
            return false;
        struct slice text = expr_format_const(choice->format);
        if (text.ptr) {
            choice->name = arena_printf(config->arena, "%.*s", (int)text.len, text.ptr);
            choice->format = NULL;
        }
    }
    if (!parse_cond(config, &choice->cond, proxy, line, 1, must_have))
        return false;
    while (*list)
        list = &(*list)->next;
    if (counts)
        *list = choice;
    return true;
}

static bool parse_use_backend(struct config *config, void *object, const struct config_word *word,
                              const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    bool counts = proxy_word_needs(config, proxy, word, line, PROXY_SIDE_FRONT, NULL);
    return parse_choice(config, &proxy->fe.use_backends, proxy, line, false, counts);
}

static bool parse_use_server(struct config *config, void *object, const struct config_word *word,
                             const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    (void)word;
    return parse_choice(config, &proxy->be.use_servers, proxy, line, true, true);
}

static bool parse_persist(struct config *config, void *object, const struct config_word *word,
                          const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    struct persist_conf *persist = arena_alloc(config->arena, sizeof(*persist));
    struct persist_conf **last = &proxy->be.persists;
    persist->force = word->value;
    if (!parse_cond(config, &persist->cond, proxy, line, 0, true))
        return false;
    while (*last)
        last = &(*last)->next;
    *last = persist;
    return true;
}

static const struct config_word words[] = {
    { .name = "use_backend",
      .in = CONFIG_IN_FRONTEND | CONFIG_IN_BACKEND | CONFIG_IN_LISTEN,
      .min_args = 1,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_use_backend,
      .args = "{ <backend> | <format> } [{ if | unless } <condition>]",
      .help = "Sends a request to <backend> where the condition holds; the first rule that does decides. The name may "
              "be a format, such as \"app_%[req.hdr(host),lower]\"; where that names no backend, default_backend "
              "decides.",
      .good = "use_backend app_%[dst_port] if { path_beg /app }",
      .bad = "use_backend app when TRUE",
      .bad_says = "expected 'if'" },
    { .name = "use-server",
      .in = CONFIG_IN_BACKEND | CONFIG_IN_LISTEN,
      .min_args = 2,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_use_server,
      .args = "{ <server> | <format> } { if | unless } <condition>",
      .help = "Sends a request to <server> where the condition holds and the server is up, whatever balancing and "
              "cookies say; the first rule that does decides. The name may be a format.",
      .good = "use-server s%[dst_port] if { path_beg /app }",
      .bad = "use-server app when TRUE",
      .bad_says = "expected 'if'" },
    { .name = "force-persist",
      .in = CONFIG_IN_BACKEND | CONFIG_IN_LISTEN,
      .min_args = 2,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_persist,
      .value = true,
      .args = "{ if | unless } <condition>",
      .help = "Requests for which the condition holds reach the server that their cookie or 'use-server' names even "
              "where it is down.",
      .good = "force-persist if { dst_port 8080 }",
      .bad = "force-persist when TRUE",
      .bad_says = "expected 'if'" },
    { .name = "ignore-persist",
      .in = CONFIG_IN_BACKEND | CONFIG_IN_LISTEN,
      .min_args = 2,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_persist,
      .args = "{ if | unless } <condition>",
      .help = "Requests for which the condition holds are balanced whatever their cookie says.",
      .good = "ignore-persist if { path_beg /static }",
      .bad = "ignore-persist when TRUE",
      .bad_says = "expected 'if'" },
};
CONFIG_WORDS(words);
