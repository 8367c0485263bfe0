// SPDX-License-Identifier: Apache-2.0
// A line begins a section or is given to the word it names.
#include <stdio.h>
#include <string.h>
#include "config/line.h"

static bool run_count_is_right(struct config *config, const struct config_line *line, const char *name,
                               const char *shape, uint32_t min, uint32_t max)
{
    uint32_t num = line->num_args - line->first;
    if (num < min)
        return config_error(config, line, num, "'%s' is incomplete, expected: %s%s%s", name, name,
                            shape && *shape ? " " : "", shape ? shape : "");
    if (num > max && max == 0)
        return config_error(config, line, 0, "'%s' takes no argument", name);
    if (num > max)
        return config_error(config, line, max, "unexpected argument '%s', '%s' takes at most %u",
                            config_arg_at(line, max)->str, name, max);
    return true;
}

bool config_line_call(struct config *config, void *object, const struct config_word *word,
                      const struct config_line *line)
{
    if ((line->negated || line->reset) && !(word->flags & CONFIG_MAY_NEGATE)) {
        config_diag_add(config->diag, CONFIG_ERROR, line->place, "'%s' cannot be preceded by '%s'", word->name,
                        line->negated ? "no" : "default");
        return false;
    }
    uint32_t min = line->negated || line->reset ? 0 : word->min_args;
    uint32_t max = word->flags & CONFIG_ANY_ARGS ? UINT32_MAX : word->max_args;
    if (!run_count_is_right(config, line, word->name, word->args, min, max > min ? max : min))
        return false;
    return word->parse(config, object, word, line);
}

void config_section_begin(struct config *config, const struct config_section *section, struct config_line *line)
{
    if (config->section && config->section->end && config->object)
        config->section->end(config, config->object);
    config->section = section;
    config->in = section ? section->in : 0;
    config->object = NULL;
    config->acls = NULL;
    config->section_name = "";
    if (!section)
        return;
    line->first = 1;
    config->section_name = line->num_args > 1 ? line->args[1].str : section->name;
    char shape[64];
    snprintf(shape, sizeof(shape), "%s", section->min_args ? "<name>" : "");
    if (run_count_is_right(config, line, section->name, shape, section->min_args, section->max_args))
        config->object = section->begin(config, line);
}

// The longest name that the line's words make, in the current section.
static const struct config_word *run_find(struct config *config, struct config_line *line)
{
    uint32_t at = line->first, num = line->num_args - at;
    for (num = num < CONFIG_NAME_WORDS ? num : CONFIG_NAME_WORDS; num > 0; num--) {
        const struct config_word *word = config_word_find(line->args + at, num, config->in);
        if (word) {
            line->first = at + num;
            return word;
        }
    }
    return NULL;
}

void config_line_run(struct config *config, struct config_line *line)
{
    const struct config_section *section = config_section_find(line->args[0].str);
    if (section) {
        config_section_begin(config, section, line);
        return;
    }
    if (config_section_is_refused(config, line) || (config->section && !config->object))
        return;
    line->first = 0;
    if (line->num_args > 1) {
        line->negated = strcmp(line->args[0].str, "no") == 0;
        line->reset = strcmp(line->args[0].str, "default") == 0;
        line->first = line->negated || line->reset;
    }
    const struct config_word *word = config->in ? run_find(config, line) : NULL;
    if (word)
        config_line_call(config, config->object, word, line);
    else
        config_error_keyword(config, line);
}
