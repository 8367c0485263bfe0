// SPDX-License-Identifier: Apache-2.0
// Words of the side that clients see.
#include <string.h>
#include "expr/cond.h"
#include "expr/fetch.h"
#include "proxy/words.h"

static bool parse_number(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    const char *instead = strcmp(word->name, "maxconn") == 0 ? "fullconn" : NULL;
    proxy_word_needs(config, object, word, line, PROXY_SIDE_FRONT, instead);
    return config_word_u32(config, object, word, line);
}

static bool parse_default_backend(struct config *config, void *object, const struct config_word *word,
                                  const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    if (!proxy_word_needs(config, proxy, word, line, PROXY_SIDE_FRONT, NULL))
        return true;
    const struct config_arg *arg = config_arg_at(line, 0);
    proxy->fe.default_backend_name = arg->str;
    proxy->fe.default_backend_place = line->place;
    proxy->fe.default_backend_place.column = arg->column;
    proxy->fe.default_backend_place.length = arg->width;
    return true;
}

static bool parse_use_backend(struct config *config, void *object, const struct config_word *word,
                              const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    const struct config_arg *name = config_arg_at(line, 0), *extra = config_arg_at(line, 1);
    bool counts = proxy_word_needs(config, proxy, word, line, PROXY_SIDE_FRONT, NULL);
    if (strchr(name->str, '%'))
        return config_error(config, line, 0, "'%s' is an expression: only names are supported yet", name->str);
    if (extra && !expr_is_cond(line, 1))
        return config_error(config, line, 1, "unexpected '%s', expected 'if' or 'unless'", extra->str);
    struct use_backend_conf *use = arena_alloc(config->arena, sizeof(*use));
    use->name = name->str;
    use->place = line->place;
    use->place.column = name->column;
    use->place.length = name->width;
    use->line = *line;
    if (extra) {
        // The mode may still change: proxy_conf_check looks again at those of a proxy in tcp mode.
        use->cond = expr_cond_parse(config, line, 1, &proxy->acls, EXPR_AT_REQUEST_HEAD);
        if (!use->cond)
            return false;
    }
    struct use_backend_conf **last = &proxy->fe.use_backends;
    while (*last)
        last = &(*last)->next;
    if (counts)
        *last = use;
    return true;
}

#define INTO(member) .into = offsetof(struct proxy_conf, member)

static const struct config_word words[] = {
    { .name = "maxconn",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_number,
      INTO(fe.maxconn),
      .max = INT32_MAX,
      .args = "<number>",
      .help = "Most connections that all workers together serve at once; further ones wait in the kernel's queue. 0 or "
              "none: as many as the program may have.",
      .good = "maxconn 1000",
      .bad = "maxconn many",
      .bad_says = "is no number" },
    { .name = "backlog",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_number,
      INTO(fe.backlog),
      .max = INT32_MAX,
      .args = "<number>",
      .help =
          "Connections that may wait for accept on each address of the proxy, where its bind line does not say. 0 or "
          "none: as many as the system allows.",
      .good = "backlog 1024",
      .bad = "backlog x",
      .bad_says = "is no number" },
    { .name = "default_backend",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_default_backend,
      .args = "<backend>",
      .help = "The backend that serves what no 'use_backend' rule sends elsewhere.",
      .good = "default_backend app",
      .bad = "default_backend",
      .bad_says = "is incomplete" },
    { .name = "use_backend",
      .in = CONFIG_IN_FRONTEND | CONFIG_IN_BACKEND | CONFIG_IN_LISTEN,
      .min_args = 1,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_use_backend,
      .args = "<backend> [{ if | unless } <condition>]",
      .help = "Sends a request to <backend> where the condition holds; the first rule that does decides.",
      .good = "use_backend app if { path_beg /app }",
      .bad = "use_backend app when TRUE",
      .bad_says = "expected 'if'" },
};
CONFIG_WORDS(words);
