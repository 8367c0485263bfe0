// SPDX-License-Identifier: Apache-2.0
// `tcp-check expect` and `http-check expect`.
#include <string.h>
#include "expr/expr.h"
#include "expr/format.h"
#include "expr/regex.h"
#include "proxy/words_check.h"

static bool is(const struct config_arg *arg, const char *word)
{
    return arg && strcmp(arg->str, word) == 0;
}

struct status_word {
    const char *name;
    enum check_status status;
};

static bool parse_status(struct config *config, enum check_status *out, const struct config_line *line, uint32_t index,
                         const struct status_word *words, size_t num)
{
    const char *known[8];
    const struct config_arg *arg = config_arg_at(line, index);
    for (size_t i = 0; i < num; i++) {
        known[i] = words[i].name;
        if (!is(arg, words[i].name))
            continue;
        *out = words[i].status;
        return true;
    }
    return config_error_unknown(config, line, index, "status of a check", known, num);
}

static bool parse_ok_status(struct config *config, struct check_expect *expect, const struct config_line *line,
                            uint32_t index)
{
    static const struct status_word words[] = {
        { "L7OK", CHECK_L7OK }, { "L7OKC", CHECK_L7OKC }, { "L6OK", CHECK_L6OK }, { "L4OK", CHECK_L4OK }
    };
    return parse_status(config, &expect->ok_status, line, index, words, NUM_ITEMS(words));
}

static bool parse_error_status(struct config *config, struct check_expect *expect, const struct config_line *line,
                               uint32_t index)
{
    static const struct status_word words[] = { { "L7OKC", CHECK_L7OKC },
                                                { "L7RSP", CHECK_L7RSP },
                                                { "L7STS", CHECK_L7STS },
                                                { "L6RSP", CHECK_L6RSP },
                                                { "L4CON", CHECK_L4CON } };
    return parse_status(config, &expect->error_status, line, index, words, NUM_ITEMS(words));
}

static bool parse_tout_status(struct config *config, struct check_expect *expect, const struct config_line *line,
                              uint32_t index)
{
    static const struct status_word words[] = { { "L7TOUT", CHECK_L7TOUT },
                                                { "L6TOUT", CHECK_L6TOUT },
                                                { "L4TOUT", CHECK_L4TOUT } };
    return parse_status(config, &expect->tout_status, line, index, words, NUM_ITEMS(words));
}

static bool parse_min_recv(struct config *config, struct check_expect *expect, const struct config_line *line,
                           uint32_t index)
{
    uint64_t number;
    expect->min_recv = -1;
    if (is(config_arg_at(line, index), "-1"))
        return true;
    if (!config_parse_u64(config, &number, line, index, 0, INT32_MAX))
        return false;
    expect->min_recv = (int32_t)number;
    return true;
}

static bool parse_format(struct config *config, const struct expr_format **out, const struct config_line *line,
                         uint32_t index, enum expr_format_use use)
{
    *out = expr_format_parse(config, line, index, use, EXPR_AT_CHECK);
    return *out != NULL;
}

static bool parse_on_success(struct config *config, struct check_expect *expect, const struct config_line *line,
                             uint32_t index)
{
    return parse_format(config, &expect->on_success, line, index, EXPR_FORMAT_RAW);
}

static bool parse_on_error(struct config *config, struct check_expect *expect, const struct config_line *line,
                           uint32_t index)
{
    return parse_format(config, &expect->on_error, line, index, EXPR_FORMAT_RAW);
}

static bool parse_status_code(struct config *config, struct check_expect *expect, const struct config_line *line,
                              uint32_t index)
{
    struct expr *expr = arena_alloc(config->arena, sizeof(*expr));
    expect->status_code = expr;
    return expr_parse(config, expr, line, index) && expr_check_when(config, line, index, expr, EXPR_AT_CHECK);
}

static const struct {
    const char *name;
    bool (*parse)(struct config *config, struct check_expect *expect, const struct config_line *line, uint32_t index);
} options[] = {
    { "min-recv", parse_min_recv },       { "ok-status", parse_ok_status },   { "error-status", parse_error_status },
    { "tout-status", parse_tout_status }, { "on-success", parse_on_success }, { "on-error", parse_on_error },
    { "status-code", parse_status_code },
};

static bool parse_regex(struct config *config, const struct expr_regex **out, const struct config_line *line,
                        uint32_t index, bool nocase)
{
    const struct config_arg *arg = config_arg_at(line, index);
    const char *error;
    *out = expr_regex_in(config->arena, &error, slice_of(arg->str, arg->len), nocase);
    return *out || config_error(config, line, index, "%s", error);
}

static bool parse_ranges(struct config *config, struct check_expect *expect, const struct config_line *line,
                         uint32_t index)
{
    const struct config_arg *arg = config_arg_at(line, index);
    struct slice rest = slice_of(arg->str, arg->len);
    struct check_range **last = &expect->ranges;
    do {
        struct slice one = slice_of(rest.ptr, slice_find(rest, ','));
        rest = slice_from(rest, one.len + 1);
        size_t dash = slice_find(one, '-');
        uint64_t low, high;
        bool ok = slice_to_u64(slice_of(one.ptr, dash), &low);
        high = low;
        if (ok && dash < one.len)
            ok = slice_to_u64(slice_from(one, dash + 1), &high);
        if (!ok || low > high || low < 100 || high > 999)
            return config_error(config, line, index, "'%.*s' is no status code from 100 to 999, nor a range of them",
                                (int)one.len, one.ptr);
        *last = arena_alloc(config->arena, sizeof(**last));
        **last = (struct check_range){ .low = (uint16_t)low, .high = (uint16_t)high };
        last = &(*last)->next;
    } while (rest.len > 0);
    return true;
}

// "-m <method>" and the text, from argument `*index` on, which is left at the last of them.
static bool parse_pattern(struct config *config, struct check_pattern *pattern, const struct config_line *line,
                          uint32_t *index, bool is_format, bool nocase)
{
    static const char *const methods[] = { "str", "beg", "end", "sub", "reg" };
    const struct config_arg *arg = config_arg_at(line, *index);
    pattern->how = CHECK_IS;
    if (is(arg, "-m")) {
        size_t at = 0;
        arg = config_arg_at(line, ++*index);
        while (arg && at < NUM_ITEMS(methods) && !is(arg, methods[at]))
            at++;
        if (!arg || at == NUM_ITEMS(methods))
            return config_error_unknown(config, line, *index, "method", methods, NUM_ITEMS(methods));
        pattern->how = (enum check_compare)at;
        if (is_format && pattern->how == CHECK_FITS)
            return config_error(config, line, *index, "a format cannot be a regular expression");
        arg = config_arg_at(line, ++*index);
    }
    if (!arg)
        return config_error(config, line, *index, "a pattern is missing");
    if (is_format)
        return parse_format(config, &pattern->format, line, *index, EXPR_FORMAT_RAW);
    if (pattern->how == CHECK_FITS)
        return parse_regex(config, &pattern->regex, line, *index, nocase);
    pattern->text = slice_of(arg->str, arg->len);
    return true;
}

static bool parse_header(struct config *config, struct check_expect *expect, const struct config_line *line,
                         uint32_t *index)
{
    const struct config_arg *arg = config_arg_at(line, *index);
    expect->match = CHECK_MATCH_FIELD;
    if (!is(arg, "name") && !is(arg, "name-lf"))
        return config_error(config, line, *index, "'name' or 'name-lf' is expected here");
    ++*index;
    if (!parse_pattern(config, &expect->name, line, index, is(arg, "name-lf"), true))
        return false;
    arg = config_arg_at(line, *index + 1);
    if (!is(arg, "value") && !is(arg, "value-lf"))
        return true;
    *index += 2;
    return parse_pattern(config, &expect->value, line, index, is(arg, "value-lf"), false);
}

static bool parse_match(struct config *config, struct check_expect *expect, const struct config_line *line,
                        uint32_t *index, bool is_http)
{
    static const char *const of_tcp[] = { "string", "rstring", "string-lf", "binary", "rbinary", "binary-lf" };
    static const char *const of_http[] = { "status", "rstatus", "hdr", "fhdr", "string", "rstring", "string-lf" };
    const char *const *known = is_http ? of_http : of_tcp;
    size_t num = is_http ? NUM_ITEMS(of_http) : NUM_ITEMS(of_tcp), at = 0;
    const struct config_arg *word = config_arg_at(line, *index), *value = config_arg_at(line, *index + 1);
    const char *name = word->str;
    while (at < num && strcmp(name, known[at]) != 0)
        at++;
    if (at == num)
        return config_error_unknown(config, line, *index, "match", known, num);
    ++*index;
    if (!value || (value->len == 0 && name[0] != 'h' && name[0] != 'f'))
        return config_error(config, line, *index, "'%s' wants a pattern", name);
    if (strcmp(name, "status") == 0) {
        expect->match = CHECK_MATCH_STATUS;
        return parse_ranges(config, expect, line, *index);
    }
    if (strcmp(name, "hdr") == 0 || strcmp(name, "fhdr") == 0) {
        expect->whole_value = name[0] == 'f';
        return parse_header(config, expect, line, index);
    }
    if (strcmp(name, "string") == 0) {
        expect->match = is_http ? CHECK_MATCH_BODY : CHECK_MATCH_BYTES;
        expect->data = slice_of(value->str, value->len);
        return true;
    }
    if (strcmp(name, "binary") == 0) {
        expect->match = CHECK_MATCH_BYTES;
        expect->is_hex = true;
        return check_parse_hex(config, &expect->data, line, *index);
    }
    if (name[0] == 'r') {
        expect->match = strcmp(name, "rstatus") == 0   ? CHECK_MATCH_RSTATUS
                        : strcmp(name, "rbinary") == 0 ? CHECK_MATCH_RBINARY
                        : is_http                      ? CHECK_MATCH_BODY_REGEX
                                                       : CHECK_MATCH_REGEX;
        return parse_regex(config, &expect->regex, line, *index, false);
    }
    expect->match = is_http ? CHECK_MATCH_BODY_FORMAT : name[0] == 's' ? CHECK_MATCH_FORMAT : CHECK_MATCH_HEX;
    return parse_format(config, &expect->format, line, *index, EXPR_FORMAT_RAW);
}

static bool parse_option(struct config *config, struct check_step *step, const struct config_line *line, uint32_t index,
                         bool *known)
{
    const struct config_arg *arg = config_arg_at(line, index);
    size_t at = 0;
    while (at < NUM_ITEMS(options) && !is(arg, options[at].name))
        at++;
    *known = at < NUM_ITEMS(options) || is(arg, "comment");
    if (!*known)
        return true;
    if (!config_arg_at(line, index + 1))
        return config_error(config, line, index + 1, "'%s' wants a value", arg->str);
    if (at < NUM_ITEMS(options))
        return options[at].parse(config, &step->expect, line, index + 1);
    step->comment = config_arg_at(line, index + 1)->str;
    return true;
}

bool check_parse_expect(struct config *config, struct check_list *list, const struct config_line *line, bool is_http)
{
    struct check_step *step = check_list_add(config->arena, list, CHECK_EXPECT);
    struct check_expect *expect = &step->expect;
    const struct config_arg *arg;
    bool matched = false, known;
    expect->min_recv = -1;
    for (uint32_t i = 1; (arg = config_arg_at(line, i)); i++) {
        if (!parse_option(config, step, line, i, &known))
            return false;
        if (known) {
            i++;
            continue;
        }
        if (matched)
            return config_error(config, line, i, "unexpected '%s': there is one match to a line", arg->str);
        matched = true;
        if (arg->str[0] == '!') {
            expect->negated = true;
            // "! string" and "!string" are one.
            if (arg->len > 1) {
                ((struct config_arg *)arg)->str++;
                ((struct config_arg *)arg)->len--;
            } else if (!config_arg_at(line, ++i)) {
                return config_error(config, line, i, "'!' wants a match");
            }
        }
        if (!parse_match(config, expect, line, &i, is_http))
            return false;
    }
    return matched || config_error(config, line, 1, "a match is missing, such as 'string' and a pattern");
}
