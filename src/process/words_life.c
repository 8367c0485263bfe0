// SPDX-License-Identifier: Apache-2.0
// Words of the global section about how long a generation may live on after a reload.
#include "config/config.h"
#include "config/word.h"
#include "proxy/conf.h"

// A generation that survived more than so many is ended at the next one: that is the number which is kept.
static bool parse_max_reloads(struct config *config, void *object, const struct config_word *word,
                              const struct config_line *line)
{
    uint64_t most = 0;
    if (!config_parse_u64(config, &most, line, 0, word->min, word->max))
        return false;
    ((struct global_conf *)object)->max_reloads = (uint32_t)most + 1;
    return true;
}

static const struct config_word words[] = {
    { .name = "mworker-max-reloads",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_max_reloads,
      .min = 0,
      .max = INT32_MAX,
      .args = "<number>",
      .help =
          "How many reloads an old generation may survive, the one that replaced it included. At the next it ends "
          "at once, with all that is still open on it; the log says how many sessions that were. The default is any "
          "number, as long as there is room for processes (255 of all generations).",
      .good = "mworker-max-reloads 10",
      .bad = "mworker-max-reloads some",
      .bad_says = "is no number" },
};
CONFIG_WORDS(words);
