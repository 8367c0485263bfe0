// SPDX-License-Identifier: Apache-2.0
// Option lists: the words behind "bind :80", "server s 127.0.0.1:80" and the like, each with its own arguments.
#include "config/line.h"

static void options_error(struct config *config, const struct config_line *line, uint32_t at, const char *keyword,
                          uint32_t in)
{
    const struct config_arg *arg = &line->args[at];
    struct config_place place = config_place_of(line, arg);
    const char *reason = config_refuse_reason(arg->str, in);
    if (arg->len == 0) {
        config_diag_add(config->diag, CONFIG_ERROR, place,
                        "empty option of '%s'; a variable that may be empty is written \"${NAME[*]}\"", keyword);
        return;
    }
    if (reason) {
        config_diag_add(config->diag, CONFIG_ERROR, place, "option '%s' of '%s' %s", arg->str, keyword, reason);
        return;
    }
    size_t num;
    const struct config_word *const *words = config_words_all(&num);
    const char **known = arena_alloc(config->arena, (num + 1) * sizeof(*known));
    for (size_t i = 0; i < num; i++)
        known[i] = words[i]->in & in ? words[i]->name : NULL;
    const char *nearest = config_nearest(arg->str, known, num);
    config_diag_add(config->diag, CONFIG_ERROR, place, "unknown option '%s' of '%s'%s%s%s", arg->str, keyword,
                    nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

// Skips what may be the arguments of an unknown option: all up to the next word that is an option.
static uint32_t options_skip(const struct config_line *line, uint32_t at, uint32_t in)
{
    for (at++; at < line->num_args; at++) {
        if (config_word_find(&line->args[at], 1, in))
            break;
    }
    return at;
}

// The words that the options follow: "bind", "stats socket".
static const char *options_keyword(struct config *config, const struct config_line *line)
{
    uint32_t at = line->negated || line->reset;
    const char *keyword = line->args[at].str;
    while (++at < line->first)
        keyword = arena_printf(config->arena, "%s %s", keyword, line->args[at].str);
    return keyword;
}

bool config_parse_options(struct config *config, void *object, const struct config_line *line, uint32_t index,
                          uint32_t in)
{
    const char *keyword = options_keyword(config, line);
    bool ok = true;
    for (uint32_t at = line->first + index; at < line->num_args;) {
        const struct config_word *word = config_word_find(&line->args[at], 1, in);
        if (!word) {
            options_error(config, line, at, keyword, in);
            at = options_skip(line, at, in);
            ok = false;
            continue;
        }
        // The option sees a line that ends with its last argument.
        struct config_line option = *line;
        option.first = at + 1;
        option.negated = option.reset = false;
        option.place = config_place_of(line, &line->args[at]);
        if (option.num_args - option.first > word->min_args)
            option.num_args = option.first + word->min_args;
        at = option.num_args;
        ok &= config_line_call(config, object, word, &option);
    }
    return ok;
}
