// SPDX-License-Identifier: Apache-2.0
// Words of external checks: what the service permits, and what a proxy runs. `option external-check` itself stands with
// the other protocols of checks.
#include <string.h>
#include "proxy/words.h"

static bool parse_external(struct config *config, void *object, const struct config_word *word,
                           const struct config_line *line)
{
    struct global_conf *global = object;
    const struct config_arg *arg = config_arg_at(line, 0);
    (void)word;
    if (arg && strcmp(arg->str, "preserve-env") != 0)
        return config_error(config, line, 0, "'external-check' takes nothing but 'preserve-env'");
    global->external_checks = true;
    global->external_keeps_env = arg != NULL;
    return true;
}

static bool parse_text(struct config *config, void *object, const struct config_word *word,
                       const struct config_line *line)
{
    proxy_word_needs(config, object, word, line, PROXY_SIDE_BACK, NULL);
    return config_word_str(config, object, word, line);
}

static const struct config_word words[] = {
    { .name = "external-check",
      .in = CONFIG_IN_GLOBAL,
      .max_args = 1,
      .parse = parse_external,
      .args = "[preserve-env]",
      .help =
          "Servers may be checked by programs ('option external-check'), which 'insecure-fork-wanted' has to permit, "
          "too. They are started by a process of their own, with the rights that workers have and never more, in an "
          "environment that holds what the manual names and nothing else; with 'preserve-env' what this program was "
          "started with is there, too.",
      .good = "external-check preserve-env",
      .bad = "external-check keep",
      .bad_says = "nothing but 'preserve-env'" },
    { .name = "insecure-fork-wanted",
      .in = CONFIG_IN_GLOBAL,
      .flags = CONFIG_MAY_NEGATE,
      .parse = config_word_bool,
      .into = offsetof(struct global_conf, may_fork),
      .args = "",
      .help = "Permits to start programs while the service runs: external checks, and nothing else does.",
      .good = "insecure-fork-wanted",
      .bad = "insecure-fork-wanted now",
      .bad_says = "takes no argument" },
    { .name = "external-check command",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_text,
      .into = offsetof(struct proxy_conf, external.command),
      .args = "<command>",
      .help =
          "The program that 'option external-check' runs for each check, by its path or a name looked for in "
          "'external-check path'; within 'chroot'. Its arguments are the address and port of the proxy's first "
          "listener (NOT_USED where there is none) and of the server; status 0 means that the server is well. It is "
          "killed, with all that it started, when it takes longer than 'inter' or 'timeout check'.",
      .good = "external-check command /bin/true",
      .bad = "external-check command",
      .bad_says = "'external-check command' is incomplete" },
    { .name = "external-check path",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_text,
      .into = offsetof(struct proxy_conf, external.path),
      .args = "<path>",
      .help = "PATH in the environment of programs that external checks run. The default is empty.",
      .good = "external-check path /usr/bin:/bin",
      .bad = "external-check path",
      .bad_says = "'external-check path' is incomplete" },
};
CONFIG_WORDS(words);
