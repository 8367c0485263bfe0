// SPDX-License-Identifier: Apache-2.0
// Words of the side that clients see.
#include <string.h>
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
};
CONFIG_WORDS(words);
