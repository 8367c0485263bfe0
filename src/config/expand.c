// SPDX-License-Identifier: Apache-2.0
// Variables within double quotes: manual section 2.3.
#include <stdio.h>
#include <string.h>
#include "config/env.h"
#include "config/line.h"

// What stands behind a dollar: $NAME, ${NAME}, ${NAME-default}, ${NAME[*]}, ${NAME[*]-default}.
struct variable {
    struct slice name;
    struct slice fallback;
    bool has_fallback;
    bool is_list;
    size_t end; // offset behind it
};

static bool variable_is_name(char c, bool first)
{
    char lower = slice_lower(c);
    return (lower >= 'a' && lower <= 'z') || c == '_' || (!first && c >= '0' && c <= '9');
}

static bool variable_parse_name(struct config_splitter *split, struct variable *variable, size_t pos)
{
    struct slice raw = split->raw;
    size_t begin = pos;
    bool pseudo = pos < raw.len && raw.ptr[pos] == '.';
    pos += pseudo;
    if (pos == raw.len || !variable_is_name(raw.ptr[pos], true))
        return config_split_error(split, begin, 1,
                                  "a variable's name begins with a letter or '_'; a plain dollar is written \\$ here");
    while (pos < raw.len && variable_is_name(raw.ptr[pos], false))
        pos++;
    variable->name = slice_of(raw.ptr + begin, pos - begin);
    variable->end = pos;
    return true;
}

static bool variable_parse(struct config_splitter *split, struct variable *variable)
{
    struct slice raw = split->raw;
    size_t dollar = split->pos;
    *variable = (struct variable){ 0 };
    bool braces = dollar + 1 < raw.len && raw.ptr[dollar + 1] == '{';
    if (!variable_parse_name(split, variable, dollar + 1 + braces))
        return false;
    if (!braces)
        return true;
    size_t pos = variable->end;
    if (pos < raw.len && raw.ptr[pos] == '[') {
        if (!slice_begins(slice_from(raw, pos), SLICE("[*]")))
            return config_split_error(split, pos, 1, "truncated or invalid word expansion sequence, expected [*]");
        variable->is_list = true;
        pos += 3;
    }
    if (pos < raw.len && raw.ptr[pos] == '-') {
        pos++;
        struct slice rest = slice_from(raw, pos);
        variable->has_fallback = true;
        variable->fallback = slice_of(rest.ptr, slice_find(rest, '}'));
        pos += variable->fallback.len;
    }
    if (pos >= raw.len || raw.ptr[pos] != '}')
        return config_split_error(split, dollar, variable->end - dollar, "unmatched brace in the variable '%.*s'",
                                  (int)(variable->name.len < 100 ? variable->name.len : 100), variable->name.ptr);
    variable->end = pos + 1;
    return true;
}

// Finds the value of `variable`; numbers are written into `number`.
static bool variable_value(struct config_splitter *split, struct slice *value, const struct variable *variable,
                           char number[16])
{
    struct slice name = variable->name;
    if (name.ptr[0] != '.') {
        const char *set = config_env_get(split->config->env, name);
        *value = set ? slice_str(set) : variable->fallback;
        return true;
    }
    if (slice_equal(name, SLICE(".FILE"))) {
        *value = slice_str(split->place.file);
    } else if (slice_equal(name, SLICE(".SECTION"))) {
        *value = slice_str(split->config->section_name);
    } else if (slice_equal(name, SLICE(".LINE"))) {
        snprintf(number, 16, "%u", split->place.line);
        *value = slice_str(number);
    } else {
        return config_split_error(split, (size_t)(name.ptr - split->raw.ptr), name.len,
                                  "unknown pseudo-variable; there are .FILE, .LINE and .SECTION");
    }
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

// Each run of blanks in `value` ends a word, so that what stands before and after the variable joins its outer words.
static bool variable_add_list(struct config_splitter *split, size_t at, size_t end, struct slice value)
{
    while (value.len) {
        size_t len = 0;
        while (len < value.len && !is_blank(value.ptr[len]))
            len++;
        if (len && !config_split_word_add(split, at, value.ptr, len))
            return false;
        value = slice_from(value, len);
        if (!value.len)
            break;
        if (split->in_word)
            split->quoted = true;
        config_split_word_end(split, end);
        while (value.len && is_blank(value.ptr[0]))
            value = slice_from(value, 1);
    }
    return true;
}

bool config_split_variable(struct config_splitter *split)
{
    struct variable variable;
    struct slice value = { 0 };
    char number[16];
    if (!variable_parse(split, &variable) || !variable_value(split, &value, &variable, number))
        return false;
    size_t at = split->pos;
    split->pos = variable.end;
    if (variable.is_list)
        return variable_add_list(split, at, variable.end, value);
    return config_split_word_add(split, at, value.ptr, value.len);
}
