// SPDX-License-Identifier: Apache-2.0
// Arguments of a line, and errors at their place.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "config/line.h"

const struct config_arg *config_arg_at(const struct config_line *line, uint32_t index)
{
    return index < line->num_args - line->first && line->first <= line->num_args ? &line->args[line->first + index]
                                                                                 : NULL;
}

struct config_place config_place_of(const struct config_line *line, const struct config_arg *arg)
{
    struct config_place place = line->place;
    if (arg) {
        place.column = arg->column;
        place.length = arg->width;
    } else if (line->num_args) {
        arg = &line->args[line->num_args - 1];
        place.column = arg->column + arg->width;
        place.length = 1;
    }
    return place;
}

const char *config_args_join(struct config *config, const struct config_arg *args, uint32_t num)
{
    size_t len = 0;
    for (uint32_t i = 0; i < num; i++)
        len += args[i].len + 1;
    char *joined = arena_alloc(config->arena, len + 1), *at = joined;
    for (uint32_t i = 0; i < num; i++) {
        if (i > 0)
            *at++ = ' ';
        memcpy(at, args[i].str, args[i].len);
        at += args[i].len;
    }
    *at = '\0';
    return joined;
}

static void arg_report(struct config *config, const struct config_line *line, uint32_t index, enum config_level level,
                       const char *format, va_list args)
{
    char message[1024];
    vsnprintf(message, sizeof(message), format, args);
    config_diag_add(config->diag, level, config_place_of(line, config_arg_at(line, index)), "%s", message);
}

bool config_error(struct config *config, const struct config_line *line, uint32_t index, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    arg_report(config, line, index, CONFIG_ERROR, format, args);
    va_end(args);
    return false;
}

bool config_warning(struct config *config, const struct config_line *line, uint32_t index, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    arg_report(config, line, index, CONFIG_WARNING, format, args);
    va_end(args);
    return true;
}

// A longer list of what is known helps nobody.
enum { ARG_LIST_MAX = 12 };

bool config_error_unknown(struct config *config, const struct config_line *line, uint32_t index, const char *what,
                          const char *const *known, size_t num)
{
    const struct config_arg *arg = config_arg_at(line, index);
    const char *nearest = arg ? config_nearest(arg->str, known, num) : NULL;
    if (arg && (nearest || num > ARG_LIST_MAX)) {
        return config_error(config, line, index, "unknown %s '%s'%s%s%s", what, arg->str,
                            nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
    }
    struct text list;
    text_init(&list);
    for (size_t i = 0, shown = 0; i < num && num <= ARG_LIST_MAX; i++) {
        if (known[i])
            text_printf(&list, "%s'%s'", shown++ ? ", " : ", expected one of ", known[i]);
    }
    config_error(config, line, index, "%s %s%s%s%s%s", arg ? "unknown" : "missing", what, arg ? " '" : "",
                 arg ? arg->str : "", arg ? "'" : "", list.ptr ? list.ptr : "");
    text_fini(&list);
    return false;
}
