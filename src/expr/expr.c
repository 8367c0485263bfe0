// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"
#include "expr/expr.h"
#include "expr/names.h"

enum { EXPR_MAX_ARGS = 12 };

struct known {
    const char **names;
    size_t num;
};

static void count_name(const struct expr_fetch *row, void *arg)
{
    (void)row;
    ((struct known *)arg)->num++;
}

static void add_name(const struct expr_fetch *row, void *arg)
{
    struct known *known = arg;
    known->names[known->num++] = row->name;
}

static bool report_unknown(struct config *config, const struct config_line *line, uint32_t index, struct slice name)
{
    const char *copy = arena_copy(config->arena, name.ptr, name.len);
    if (expr_fetch_refused(name))
        return config_error(config, line, index, "fetch '%s' is not supported yet", copy);
    struct known known = { 0 };
    expr_fetches_each(count_name, &known);
    known.names = arena_alloc(config->arena, known.num * sizeof(*known.names));
    known.num = 0;
    expr_fetches_each(add_name, &known);
    const char *nearest = config_nearest(copy, known.names, known.num);
    return config_error(config, line, index, "unknown fetch '%s'%s%s%s", copy, nearest ? "; did you mean '" : "",
                        nearest ? nearest : "", nearest ? "'?" : "");
}

// Reads one argument up to its comma or parenthesis into `out` and gives the offset behind it; quotes and backslashes
// protect what they do in the rest of the language (manual section 2.2). SIZE_MAX: a quote or parenthesis is missing.
static size_t read_arg(char *out, size_t *out_len, struct slice text, size_t at)
{
    char quote = '\0';
    *out_len = 0;
    for (; at < text.len; at++) {
        char c = text.ptr[at];
        if (quote ? c == quote : c == '"' || c == '\'') {
            quote = quote ? '\0' : c;
            continue;
        }
        if (c == '\\' && quote != '\'' && at + 1 < text.len)
            c = text.ptr[++at];
        else if (!quote && (c == ',' || c == ')'))
            return at;
        out[(*out_len)++] = c;
    }
    return SIZE_MAX;
}

// Reads "(a,b)" at `*at`; num_args is 0 for "()" as well.
static const char *read_args(struct config *config, struct expr_arg *args, uint32_t *num, struct slice text, size_t *at)
{
    *num = 0;
    if (*at >= text.len || text.ptr[*at] != '(')
        return NULL;
    size_t pos = *at + 1;
    for (;;) {
        char *copy = arena_alloc(config->arena, text.len + 1);
        size_t len;
        pos = read_arg(copy, &len, text, pos);
        if (pos == SIZE_MAX)
            return "a ')' or a quote is missing at the end of the arguments";
        bool last = text.ptr[pos++] == ')';
        if (*num == EXPR_MAX_ARGS)
            return "too many arguments";
        args[(*num)++].str = slice_of(copy, len);
        if (last) {
            *num = *num == 1 && len == 0 && text.ptr[pos - 2] == '(' ? 0 : *num;
            *at = pos;
            return NULL;
        }
    }
}

static bool check_rest(struct config *config, const struct config_line *line, uint32_t index, struct slice rest)
{
    if (rest.len == 0)
        return true;
    const char *copy = arena_copy(config->arena, rest.ptr, rest.len);
    if (rest.ptr[0] != ',')
        return config_error(config, line, index, "unexpected '%s' after the fetch", copy);
    struct slice name = slice_from(rest, 1);
    name.len = slice_find(name, ',');
    name.len = slice_find(name, '(');
    copy = arena_copy(config->arena, name.ptr, name.len);
    if (name.len == 0)
        return config_error(config, line, index, "a converter is expected after ','");
    if (expr_converter_refused(name))
        return config_error(config, line, index, "converter '%s' is not supported yet", copy);
    const char *nearest = expr_converter_nearest(copy);
    return config_error(config, line, index, "unknown converter '%s'%s%s%s", copy, nearest ? "; did you mean '" : "",
                        nearest ? nearest : "", nearest ? "'?" : "");
}

bool expr_parse(struct config *config, struct expr *out, const struct config_line *line, uint32_t index)
{
    const struct config_arg *arg = config_arg_at(line, index);
    if (!arg)
        return config_error(config, line, index, "a fetch is expected");
    struct slice text = slice_of(arg->str, arg->len), name = text;
    name.len = slice_find(name, '(');
    name.len = slice_find(name, ',');
    const struct expr_fetch *row = expr_fetch_find(name);
    if (!row)
        return report_unknown(config, line, index, name);
    const struct expr_fetch *fetch = expr_fetch_real(row);
    struct expr_arg args[EXPR_MAX_ARGS] = { 0 };
    uint32_t num;
    size_t at = name.len;
    const char *wrong = read_args(config, args, &num, text, &at);
    if (wrong)
        return config_error(config, line, index, "fetch '%s': %s", row->name, wrong);
    if (!check_rest(config, line, index, slice_from(text, at)))
        return false;
    must(fetch->max_args <= EXPR_MAX_ARGS);
    if (num < fetch->min_args || num > fetch->max_args)
        return config_error(config, line, index, "fetch '%s' %s%s%s", row->name,
                            fetch->max_args ? "takes (" : "takes no arguments", fetch->max_args ? fetch->args : "",
                            fetch->max_args ? ")" : "");
    *out = (struct expr){ .fetch = fetch, .match = row->match };
    out->args = arena_alloc(config->arena, (fetch->max_args + 1u) * sizeof(*out->args));
    memcpy(out->args, args, num * sizeof(*args));
    wrong = fetch->prepare ? fetch->prepare(config, out->args, num) : NULL;
    return wrong ? config_error(config, line, index, "fetch '%s': %s", row->name, wrong) : true;
}

static const char *const moments[] = {
    "while the configuration is read", "when a connection is accepted", "when a session begins",
    "on the first bytes of a client",  "on a request's head",           "on a request's body",
    "on the first bytes of a server",  "on a response's head",          "on a response's body",
    "when a stream is logged",
};

bool expr_check_when(struct config *config, const struct config_line *line, uint32_t index, const struct expr *expr,
                     uint32_t when)
{
    must(when && when <= EXPR_ALWAYS);
    if (expr->fetch->when & when)
        return true;
    return config_error(config, line, index, "fetch '%s' is not available here: this is evaluated %s",
                        expr->fetch->name, moments[__builtin_ctz(when)]);
}
