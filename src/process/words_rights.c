// SPDX-License-Identifier: Apache-2.0
// Words of the global section about what the processes may do.
#include <string.h>
#include "base/check.h"
#include "config/config.h"
#include "config/word.h"
#include "proxy/conf.h"

static const char *const switches[] = { "on", "off" };

static bool parse_seccomp(struct config *config, void *object, const struct config_word *word,
                          const struct config_line *line)
{
    const char *text = config_arg_at(line, 0)->str;
    (void)word;
    for (size_t i = 0; i < NUM_ITEMS(switches); i++) {
        if (strcmp(text, switches[i]) == 0) {
            ((struct global_conf *)object)->sandbox = i == 0;
            return true;
        }
    }
    return config_error_unknown(config, line, 0, "setting", switches, NUM_ITEMS(switches));
}

static const struct config_word words[] = {
    { .name = "seccomp",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_seccomp,
      .args = "{ on | off }",
      .help = "Whether workers and the controller may make only the system calls they need; on by default. A call that "
              "is not among them fails and is logged.",
      .good = "seccomp on;seccomp off",
      .bad = "seccomp maybe",
      .bad_says = "maybe" },
};
CONFIG_WORDS(words);
