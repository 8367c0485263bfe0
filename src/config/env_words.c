// SPDX-License-Identifier: Apache-2.0
// Words of the global section that concern the reading itself.
#include <string.h>
#include "config/env.h"
#include "config/word.h"

static bool env_word_set(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    (void)object;
    const struct config_arg *name = config_arg_at(line, 0);
    if (name->len == 0 || strchr(name->str, '='))
        return config_error(config, line, 0, "'%s' cannot be the name of a variable", name->str);
    config_env_set(config->env, name->str, config_arg_at(line, 1)->str, word->value != 0);
    return true;
}

static bool env_word_unset(struct config *config, void *object, const struct config_word *word,
                           const struct config_line *line)
{
    (void)object;
    (void)word;
    const struct config_arg *name;
    for (uint32_t i = 0; (name = config_arg_at(line, i)); i++)
        config_env_unset(config->env, name->str);
    return true;
}

static bool env_word_is_kept(const struct config_line *line, struct slice name)
{
    const struct config_arg *kept;
    for (uint32_t i = 0; (kept = config_arg_at(line, i)); i++) {
        if (slice_equal(slice_of(kept->str, kept->len), name))
            return true;
    }
    return false;
}

static bool env_word_reset(struct config *config, void *object, const struct config_word *word,
                           const struct config_line *line)
{
    (void)object;
    (void)word;
    struct config_env *env = config->env;
    for (size_t i = env->num; i-- > 0;) {
        struct slice entry = slice_str(env->entries[i]);
        struct slice name = slice_of(entry.ptr, slice_find(entry, '='));
        if (!env_word_is_kept(line, name))
            config_env_unset(env, arena_copy(config->arena, name.ptr, name.len));
    }
    return true;
}

static bool env_word_zero_warning(struct config *config, void *object, const struct config_word *word,
                                  const struct config_line *line)
{
    (void)object;
    (void)word;
    (void)line;
    config->diag->zero_warning = true;
    return true;
}

static const struct config_word env_words[] = {
    { .name = "setenv",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 2,
      .max_args = 2,
      .parse = env_word_set,
      .value = 1,
      .args = "<name> <value>",
      .help = "Sets the environment variable <name> to <value> for the lines that follow and for the process.",
      .good = "setenv REGION eu-west",
      .bad = "setenv REGION",
      .bad_says = "'setenv' is incomplete, expected: setenv <name> <value>" },
    { .name = "presetenv",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 2,
      .max_args = 2,
      .parse = env_word_set,
      .value = 0,
      .args = "<name> <value>",
      .help = "Sets the environment variable <name> to <value>, unless it is set already.",
      .good = "presetenv REGION eu-west",
      .bad = "presetenv A=B c",
      .bad_says = "'A=B' cannot be the name of a variable" },
    { .name = "unsetenv",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .flags = CONFIG_ANY_ARGS,
      .parse = env_word_unset,
      .args = "<name>...",
      .help = "Removes environment variables, for the lines that follow and for the process.",
      .good = "unsetenv SECRET TOKEN",
      .bad = "unsetenv",
      .bad_says = "'unsetenv' is incomplete" },
    { .name = "resetenv",
      .in = CONFIG_IN_GLOBAL,
      .flags = CONFIG_ANY_ARGS,
      .parse = env_word_reset,
      .args = "[<name>...]",
      .help = "Removes all environment variables but those named.",
      .good = "resetenv PATH TZ",
      .bad = "no resetenv PATH",
      .bad_says = "'resetenv' cannot be preceded by 'no'" },
    { .name = "zero-warning",
      .in = CONFIG_IN_GLOBAL,
      .parse = env_word_zero_warning,
      .args = "",
      .help = "Makes each warning of the configuration an error, as -dW on the command line does.",
      .good = "zero-warning",
      .bad = "zero-warning on",
      .bad_says = "'zero-warning' takes no argument" },
};
CONFIG_WORDS(env_words);
