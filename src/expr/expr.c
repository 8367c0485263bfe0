// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>
#include "base/check.h"
#include "config/word.h"
#include "expr/expr.h"
#include "expr/names.h"

enum { EXPR_MAX_ARGS = 12, EXPR_MAX_STEPS = 128, EXPR_MAX_TEXT = 32768 };

// A backslash protects what it does in the rest of the language, but not '#' and '$' (manual section 2.2). Before all
// else it stands for itself, so that a replacement may say "\1". '\0': no escape.
static char escaped(char c, char quote)
{
    switch (c) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case '\\':
    case '"':
        return c;
    case '\'':
    case ' ':
        return quote ? '\0' : c;
    default:
        return '\0';
    }
}

// Reads one argument up to its comma or parenthesis into `out` and gives its end; quotes and backslashes protect what
// they do in the rest of the language. SIZE_MAX: a quote or parenthesis is missing.
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
        char meant = c == '\\' && quote != '\'' && at + 1 < text.len ? escaped(text.ptr[at + 1], quote) : '\0';
        if (meant) {
            c = meant;
            at++;
        } else if (!quote && (c == ',' || c == ')')) {
            return at;
        }
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
    // Each takes no more than it does in the text, its separator included.
    char *copy = arena_alloc(config->arena, text.len - *at + 1);
    for (;;) {
        size_t len;
        pos = read_arg(copy, &len, text, pos);
        if (pos == SIZE_MAX)
            return "a ')' or a quote is missing at the end of the arguments";
        bool last = text.ptr[pos++] == ')';
        if (*num == EXPR_MAX_ARGS)
            return "too many arguments";
        args[(*num)++].str = slice_of(copy, len);
        copy += len + 1;
        if (last) {
            *num = *num == 1 && len == 0 && text.ptr[pos - 2] == '(' ? 0 : *num;
            *at = pos;
            return NULL;
        }
    }
}

// Where the expression stands: argument `index`, of which `text` is a part that begins at byte `at`.
struct parser {
    struct config *config;
    const struct config_line *line;
    uint32_t index;
    struct slice text;
    size_t at;  // of text, in the argument
    size_t pos; // what is read next, in text
};

// The column of the `len` bytes at `pos` of the text. Where quotes, escapes or variables moved things about, they are
// looked for in what was written, and taken where they stand just once; 0 where that is not so.
static uint32_t find_column(const struct parser *parser, const struct config_arg *arg, size_t pos, size_t len)
{
    if (arg->width == arg->len && !arg->quoted)
        return arg->column + (uint32_t)(parser->at + pos);
    struct slice written = slice_from(slice_str(parser->line->place.text), arg->column ? arg->column - 1 : 0);
    written.len = written.len < arg->width ? written.len : arg->width;
    if (len == 0 || pos + len > parser->text.len || written.len < len)
        return 0;
    const char *found = memmem(written.ptr, written.len, parser->text.ptr + pos, len);
    if (!found)
        return 0;
    struct slice rest = slice_from(written, (size_t)(found - written.ptr) + 1);
    if (memmem(rest.ptr, rest.len, parser->text.ptr + pos, len))
        return 0;
    return arg->column + (uint32_t)(found - written.ptr);
}

// Where that stands; where it is not known which part of the argument it is, the whole of that.
static struct config_place place_of(const struct parser *parser, size_t pos, size_t len)
{
    const struct config_arg *arg = config_arg_at(parser->line, parser->index);
    struct config_place place = parser->line->place;
    uint32_t column = arg ? find_column(parser, arg, pos, len) : 0;
    if (column) {
        place.column = column;
        place.length = (uint32_t)(len ? len : 1);
    } else if (arg) {
        place.column = arg->column;
        place.length = arg->width;
    }
    return place;
}

// Reports with the caret on the word at byte `pos` of the text, where the argument stands as it is written.
static bool fail_at(struct parser *parser, size_t pos, size_t len, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static bool fail_at(struct parser *parser, size_t pos, size_t len, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    const struct config_arg *arg = config_arg_at(parser->line, parser->index);
    uint32_t column = arg ? find_column(parser, arg, pos, len) : 0;
    if (column) {
        struct config_arg moved = *arg;
        moved.column = column;
        moved.width = (uint32_t)(len ? len : 1);
        struct config_line line = *parser->line;
        line.args = &moved;
        line.num_args = 1;
        line.first = 0;
        return config_error(parser->config, &line, 0, "%s", text);
    }
    return config_error(parser->config, parser->line, parser->index, "%s", text);
}

static struct slice read_word(struct parser *parser)
{
    size_t end = parser->pos;
    while (end < parser->text.len && !strchr("(),] \t", parser->text.ptr[end]))
        end++;
    struct slice word = slice_of(parser->text.ptr + parser->pos, end - parser->pos);
    parser->pos = end;
    return word;
}

static bool report_unknown(struct parser *parser, size_t pos, const char *kind, const char *name, bool refused,
                           const char *nearest)
{
    if (refused)
        return fail_at(parser, pos, strlen(name), "%s '%s' is not supported", kind, name);
    return fail_at(parser, pos, strlen(name), "unknown %s '%s'%s%s%s", kind, name, nearest ? "; did you mean '" : "",
                   nearest ? nearest : "", nearest ? "'?" : "");
}

static bool report_conv(struct parser *parser, size_t pos, struct slice name)
{
    const char *copy = arena_copy(parser->config->arena, name.ptr, name.len);
    return report_unknown(parser, pos, "converter", copy, expr_converter_refused(name),
                          expr_conv_nearest(parser->config, copy));
}

static bool report_fetch(struct parser *parser, struct slice name)
{
    const char *copy = arena_copy(parser->config->arena, name.ptr, name.len);
    return report_unknown(parser, 0, "fetch", copy, expr_fetch_refused(name), expr_fetch_nearest(parser->config, copy));
}

// Reads and prepares the arguments of the word `kind` `name`, which stands at `pos`.
static bool parse_args(struct parser *parser, struct expr_arg **out, const char *kind, const char *name, size_t pos,
                       uint8_t min, uint8_t max, const char *form, expr_prepare_fn *prepare)
{
    struct expr_arg args[EXPR_MAX_ARGS] = { 0 };
    uint32_t num;
    size_t open = parser->pos;
    must(max <= EXPR_MAX_ARGS);
    const char *wrong = read_args(parser->config, args, &num, parser->text, &parser->pos);
    if (wrong)
        return fail_at(parser, pos, strlen(name), "%s '%s': %s", kind, name, wrong);
    // "str()" is a text of no bytes.
    if (num == 0 && min > 0 && parser->pos > open)
        args[num++].str = SLICE("");
    if (num < min || num > max)
        return fail_at(parser, num > max ? open : pos, 0, "%s '%s' %s%s%s", kind, name,
                       max ? "takes (" : "takes no arguments", max ? form : "", max ? ")" : "");
    *out = arena_alloc(parser->config->arena, (max + 1u) * sizeof(**out));
    memcpy(*out, args, num * sizeof(*args));
    parser->config->word = place_of(parser, pos, parser->pos - pos);
    wrong = prepare ? prepare(parser->config, *out, num) : NULL;
    return wrong ? fail_at(parser, pos, parser->pos - pos, "%s '%s': %s", kind, name, wrong) : true;
}

static bool parse_conv(struct parser *parser, struct expr *out, struct expr_step *step)
{
    size_t pos = parser->pos;
    struct slice name = read_word(parser);
    if (name.len == 0)
        return fail_at(parser, pos, 0, "a converter is expected after ','");
    const struct expr_conv *conv = expr_conv_find(name);
    if (!conv)
        return report_conv(parser, pos, name);
    if (conv->in != EXPR_ANY && !expr_cast_exists(out->out, conv->in))
        return fail_at(parser, pos, name.len, "converter '%s' takes %s samples, which cannot be made of %s ones",
                       conv->name, expr_type_name(conv->in), expr_type_name(out->out));
    struct expr_arg *args;
    if (!parse_args(parser, &args, "converter", conv->name, pos, conv->min_args, conv->max_args, conv->args,
                    conv->prepare))
        return false;
    *step = (struct expr_step){ .conv = conv, .args = args };
    if (conv->out != EXPR_SAME)
        out->out = conv->out;
    else if (conv->in != EXPR_ANY)
        out->out = conv->in;
    if (conv->when)
        out->when &= conv->when;
    return true;
}

static bool parse_steps(struct parser *parser, struct expr *out)
{
    struct expr_step steps[EXPR_MAX_STEPS];
    while (parser->pos < parser->text.len && parser->text.ptr[parser->pos] == ',') {
        if (out->num_steps == EXPR_MAX_STEPS)
            return fail_at(parser, parser->pos, 0, "more than %d converters", EXPR_MAX_STEPS);
        parser->pos++;
        if (!parse_conv(parser, out, &steps[out->num_steps]))
            return false;
        out->num_steps++;
    }
    struct expr_step *copy = arena_alloc(parser->config->arena, (out->num_steps + 1) * sizeof(*copy));
    memcpy(copy, steps, out->num_steps * sizeof(*copy));
    out->steps = copy;
    return true;
}

bool expr_parse_text(struct config *config, struct expr *out, const struct config_line *line, uint32_t index,
                     struct slice text, size_t at, size_t *rest)
{
    struct parser parser = { .config = config, .line = line, .index = index, .text = text, .at = at };
    if (text.len > EXPR_MAX_TEXT)
        return fail_at(&parser, 0, 0, "this expression is longer than %d bytes", EXPR_MAX_TEXT);
    struct slice name = read_word(&parser);
    if (name.len == 0)
        return fail_at(&parser, 0, 0, "a fetch is expected");
    const struct expr_fetch *row = expr_fetch_find(name);
    if (!row)
        return report_fetch(&parser, name);
    const struct expr_fetch *fetch = expr_fetch_real(row);
    enum expr_match match = row->match != EXPR_MATCH_DEFAULT ? row->match : fetch->match;
    *out = (struct expr){ .fetch = fetch, .match = match, .out = fetch->out, .when = fetch->when };
    if (!parse_args(&parser, &out->args, "fetch", row->name, 0, fetch->min_args, fetch->max_args, fetch->args,
                    fetch->prepare) ||
        !parse_steps(&parser, out))
        return false;
    out->text = arena_copy(config->arena, text.ptr, parser.pos);
    if (rest)
        *rest = parser.pos;
    else if (parser.pos < text.len)
        return fail_at(&parser, parser.pos, 0, "unexpected '%.*s' after the %s", (int)(text.len - parser.pos),
                       text.ptr + parser.pos, out->num_steps ? "converter" : "fetch");
    return true;
}

bool expr_parse(struct config *config, struct expr *out, const struct config_line *line, uint32_t index)
{
    const struct config_arg *arg = config_arg_at(line, index);
    if (!arg)
        return config_error(config, line, index, "a fetch is expected");
    return expr_parse_text(config, out, line, index, slice_of(arg->str, arg->len), 0, NULL);
}

// The commas stand before converters: the first is not in the file, so that the text begins one byte before the
// argument.
bool expr_parse_steps(struct config *config, struct expr *out, const struct config_line *line, uint32_t index,
                      enum expr_type in)
{
    const struct config_arg *arg = config_arg_at(line, index);
    if (!arg)
        return config_error(config, line, index, "a converter is expected");
    struct slice text = slice_of(arena_printf(config->arena, ",%s", arg->str), arg->len + 1);
    struct parser parser = { .config = config, .line = line, .index = index, .text = text, .at = SIZE_MAX };
    if (text.len > EXPR_MAX_TEXT)
        return config_error(config, line, index, "these converters are longer than %d bytes", EXPR_MAX_TEXT);
    *out = (struct expr){ .out = in, .when = EXPR_ALWAYS, .text = arg->str };
    if (!parse_steps(&parser, out))
        return false;
    if (parser.pos < text.len)
        return fail_at(&parser, parser.pos, 0, "unexpected '%.*s' after the converter", (int)(text.len - parser.pos),
                       text.ptr + parser.pos);
    return out->when == EXPR_ALWAYS || config_error(config, line, index, "a converter is not available here");
}

static const char *const moments[] = {
    "outside of any connection",
    "when a connection is accepted",
    "when a session begins",
    "on the first bytes of a client",
    "on a request's head",
    "on a request's body",
    "on the first bytes of a server",
    "on a response's head",
    "on a response's body",
    "when a stream is logged",
    "in a health check",
};

bool expr_check_when(struct config *config, const struct config_line *line, uint32_t index, const struct expr *expr,
                     uint32_t when)
{
    const uint32_t of_request = EXPR_FROM_CONNECT & ~EXPR_FROM_SERVER;
    must(when && when <= EXPR_ALWAYS);
    if (expr->fetch->flags & EXPR_OF_BACKEND && config->in == CONFIG_IN_FRONTEND && !(when & ~of_request))
        return config_error(config, line, index, "fetch '%s' is not available here: the backend is not known yet",
                            expr->fetch->name);
    if (expr->when & when)
        return true;
    return config_error(config, line, index, "fetch '%s' is not available here: this is evaluated %s",
                        expr->fetch->name, moments[__builtin_ctz(when)]);
}

static bool run_steps(const struct expr *expr, struct expr_subject *subject, struct expr_sample *sample)
{
    for (uint32_t i = 0; i < expr->num_steps; i++) {
        const struct expr_step *step = &expr->steps[i];
        if (step->conv->in != EXPR_ANY && step->conv->in != sample->type &&
            !expr_cast(sample, step->conv->in, &subject->process->scratch))
            return false;
        if (!step->conv->convert(subject, sample, step->args))
            return false;
    }
    return true;
}

bool expr_convert(const struct expr *expr, struct expr_subject *subject, struct expr_sample *sample)
{
    return run_steps(expr, subject, sample);
}

bool expr_next(const struct expr *expr, struct expr_subject *subject, struct expr_sample *out, struct expr_walk *walk,
               bool *more)
{
    *more = false;
    if (!expr->fetch->fetch(subject, out, expr->args, walk))
        return false;
    *more = expr->fetch->flags & EXPR_MANY && !walk->is_last;
    walk->nth++;
    return run_steps(expr, subject, out);
}

bool expr_eval(const struct expr *expr, struct expr_subject *subject, struct expr_sample *out)
{
    struct expr_walk walk = { .one = true };
    return expr->fetch->fetch(subject, out, expr->args, &walk) && run_steps(expr, subject, out);
}

struct slice expr_eval_str(const struct expr *expr, struct expr_subject *subject)
{
    struct expr_sample sample;
    if (!expr_eval(expr, subject, &sample) || !expr_cast(&sample, EXPR_STR, &subject->process->scratch))
        return (struct slice){ 0 };
    return sample.str.ptr ? sample.str : SLICE("");
}
