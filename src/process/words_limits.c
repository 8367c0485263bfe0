// SPDX-License-Identifier: Apache-2.0
// Words of the global section about what a process may have open.
#include "config/config.h"
#include "config/word.h"
#include "proxy/conf.h"

static bool parse_strict(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    (void)config;
    (void)word;
    ((struct global_conf *)object)->strict_limits = !line->negated;
    return true;
}

#define INTO(member) .into = offsetof(struct global_conf, member)

static const struct config_word words[] = {
    { .name = "ulimit-n",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_u64,
      INTO(ulimit_n),
      .min = 64,
      .max = INT32_MAX,
      .args = "<number>",
      .help = "Files and sockets each process may have open. By default it follows from maxconn, or, without that, is "
              "the hard limit of whoever starts it, and maxconn follows from it.",
      .good = "ulimit-n 100000",
      .bad = "ulimit-n 3",
      .bad_says = "out of range" },
    { .name = "fd-hard-limit",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_u64,
      INTO(fd_hard_limit),
      .min = 1,
      .max = INT32_MAX,
      .args = "<number>",
      .help = "Most files and sockets each process may have open, whatever the limits of the system allow; the default "
              "is 1048576. A maxconn or ulimit-n that needs more does not start, or starts with a warning after 'no "
              "strict-limits'.",
      .good = "fd-hard-limit 50000",
      .bad = "fd-hard-limit none",
      .bad_says = "is no number" },
    { .name = "maxpipes",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_u32,
      INTO(maxpipes),
      .max = 1 << 20,
      .args = "<number>",
      .help = "Most pipes a worker uses at once to hand bodies on without copying them; a body that finds none is "
              "copied. 0, the default, is a quarter of maxconn, 1024 at most. A pipe takes two descriptors.",
      .good = "maxpipes 512",
      .bad = "maxpipes few",
      .bad_says = "is no number" },
    { .name = "strict-limits",
      .in = CONFIG_IN_GLOBAL,
      .flags = CONFIG_MAY_NEGATE,
      .parse = parse_strict,
      .args = "",
      .help = "Does not start where the limit on open files cannot be had that ulimit-n or maxconn want. That is the "
              "default; after 'no strict-limits' it starts with a warning. For maxconn it is enough that each worker "
              "can have the descriptors for its share of it, since workers are processes of their own.",
      .good = "strict-limits;no strict-limits",
      .bad = "strict-limits always",
      .bad_says = "takes no argument" },
};
CONFIG_WORDS(words);
