// SPDX-License-Identifier: Apache-2.0
// Generic parse functions: one argument, stored at object + word->into.
#include <string.h>
#include "config/word.h"

static void *value_at(void *object, const struct config_word *word)
{
    return (char *)object + word->into;
}

static bool value_is_cleared(const struct config_line *line)
{
    return line->negated || line->reset;
}

static bool value_number(struct config *config, uint64_t *out, const struct config_word *word,
                         const struct config_line *line, uint64_t most)
{
    *out = 0;
    uint64_t max = word->max && word->max < most ? word->max : most;
    return value_is_cleared(line) || config_parse_u64(config, out, line, 0, word->min, max);
}

bool config_word_u32(struct config *config, void *object, const struct config_word *word,
                     const struct config_line *line)
{
    uint64_t number;
    if (!value_number(config, &number, word, line, UINT32_MAX))
        return false;
    *(uint32_t *)value_at(object, word) = (uint32_t)number;
    return true;
}

bool config_word_u64(struct config *config, void *object, const struct config_word *word,
                     const struct config_line *line)
{
    uint64_t number;
    if (!value_number(config, &number, word, line, UINT64_MAX))
        return false;
    *(uint64_t *)value_at(object, word) = number;
    return true;
}

bool config_word_size(struct config *config, void *object, const struct config_word *word,
                      const struct config_line *line)
{
    uint64_t size = 0;
    if (!value_is_cleared(line)) {
        if (!config_parse_size(config, &size, line, 0))
            return false;
        if (size < word->min || (word->max && size > word->max))
            return config_error(config, line, 0, "%s is out of range, expected %llu to %llu bytes",
                                config_arg_at(line, 0)->str, (unsigned long long)word->min,
                                (unsigned long long)(word->max ? word->max : UINT64_MAX));
    }
    *(uint64_t *)value_at(object, word) = size;
    return true;
}

bool config_word_time(struct config *config, void *object, const struct config_word *word,
                      const struct config_line *line)
{
    uint64_t time_us = 0;
    if (!value_is_cleared(line)) {
        if (!config_parse_time(config, &time_us, line, 0, word->value ? word->value : 1000))
            return false;
        if (time_us < word->min || (word->max && time_us > word->max))
            return config_error(config, line, 0, "the time '%s' is out of range, expected %lluus to %lluus",
                                config_arg_at(line, 0)->str, (unsigned long long)word->min,
                                (unsigned long long)(word->max ? word->max : UINT64_MAX));
    }
    *(uint64_t *)value_at(object, word) = time_us;
    return true;
}

bool config_word_str(struct config *config, void *object, const struct config_word *word,
                     const struct config_line *line)
{
    const char *str = NULL;
    if (!value_is_cleared(line)) {
        const struct config_arg *arg = config_arg_at(line, 0);
        if (!arg || arg->len == 0)
            return config_error(config, line, 0, "'%s' needs a value that is not empty", word->name);
        str = arg->str;
    }
    *(const char **)value_at(object, word) = str;
    return true;
}

bool config_word_flag(struct config *config, void *object, const struct config_word *word,
                      const struct config_line *line)
{
    (void)config;
    uint64_t *flags = value_at(object, word);
    *flags = value_is_cleared(line) ? *flags & ~word->value : *flags | word->value;
    return true;
}

bool config_word_bool(struct config *config, void *object, const struct config_word *word,
                      const struct config_line *line)
{
    (void)config;
    *(bool *)value_at(object, word) = !value_is_cleared(line);
    return true;
}

bool config_word_on_off(struct config *config, void *object, const struct config_word *word,
                        const struct config_line *line)
{
    static const char *const states[] = { "on", "off" };
    bool on = false;
    if (!value_is_cleared(line)) {
        const struct config_arg *arg = config_arg_at(line, 0);
        on = arg && strcmp(arg->str, "on") == 0;
        if (!on && (!arg || strcmp(arg->str, "off") != 0))
            return config_error_unknown(config, line, 0, "state", states, 2);
    }
    *(bool *)value_at(object, word) = on;
    return true;
}

bool config_word_tuning(struct config *config, void *object, const struct config_word *word,
                        const struct config_line *line)
{
    (void)object;
    struct config_place place = line->place;
    config_diag_add(config->diag, CONFIG_WARNING, place,
                    "'%s' tunes a part of HAProxy that fairlead does not have: the line has no effect", word->name);
    return true;
}
