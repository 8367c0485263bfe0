// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>
#include "base/check.h"
#include "expr/format_node.h"

// Where the format string stands: argument `index`, the place of whose bytes in the line is known when `exact`.
struct parser {
    struct config *config;
    const struct config_line *line; // the argument's place moved behind its quote, where it stands as it is written
    uint32_t index;
    struct slice text;
    bool exact;
    size_t pos;
    uint32_t when;
    uint8_t flags; // the global ones so far
    struct expr_format *format;
    uint32_t max;
    char *plain; // text gathered for the next node
    size_t plain_len;
};

static bool fail_at(struct parser *parser, size_t pos, size_t len, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static bool fail_at(struct parser *parser, size_t pos, size_t len, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    struct config_arg arg;
    struct config_line line = *parser->line;
    const struct config_arg *whole = config_arg_at(&line, parser->index);
    if (!parser->exact || !whole)
        return config_error(parser->config, parser->line, parser->index, "%s", text);
    arg = *whole;
    arg.column += (uint32_t)pos;
    arg.width = (uint32_t)(len ? len : 1);
    line.args = &arg;
    line.num_args = 1;
    line.first = 0;
    return config_error(parser->config, &line, 0, "%s", text);
}

// A quoted argument without escapes stands in the line as it is, one byte behind its quote: then parts of it have a
// place of their own for messages.
static const struct config_line *find_place(struct parser *parser, const struct config_line *line)
{
    const struct config_arg *arg = config_arg_at(line, parser->index);
    const char *raw = line->place.text;
    parser->exact = false;
    if (!arg || parser->text.ptr != arg->str || !raw || !arg->column || arg->column - 1 + arg->len > strlen(raw))
        return line;
    raw += arg->column - 1;
    bool in_quotes = arg->quoted && (raw[0] == '"' || raw[0] == '\'') && arg->width == arg->len + 2;
    parser->exact = strncmp(raw + in_quotes, arg->str, arg->len) == 0;
    if (!parser->exact || !in_quotes)
        return line;
    struct config_line *moved = arena_alloc(parser->config->arena, sizeof(*moved));
    *moved = *line;
    moved->args = arena_alloc(parser->config->arena, line->num_args * sizeof(*moved->args));
    memcpy(moved->args, line->args, line->num_args * sizeof(*moved->args));
    struct config_arg *own = &moved->args[arg - line->args];
    own->column++;
    own->width = own->len;
    own->quoted = false;
    return moved;
}

static struct format_node *add_node(struct parser *parser, enum format_kind kind)
{
    struct expr_format *format = parser->format;
    if (format->num == parser->max) {
        uint32_t max = parser->max ? parser->max * 2 : 8;
        struct format_node *nodes = arena_alloc(parser->config->arena, max * sizeof(*nodes));
        if (format->num)
            memcpy(nodes, format->nodes, format->num * sizeof(*nodes));
        format->nodes = nodes;
        parser->max = max;
    }
    struct format_node *node = &format->nodes[format->num++];
    *node = (struct format_node){ .kind = (uint8_t)kind, .flags = parser->flags, .type = EXPR_SAME };
    return node;
}

static void end_plain(struct parser *parser)
{
    if (!parser->plain_len)
        return;
    struct slice text =
        slice_of(arena_copy(parser->config->arena, parser->plain, parser->plain_len), parser->plain_len);
    parser->plain_len = 0;
    add_node(parser, FORMAT_TEXT)->text = text;
}

static bool merges_spaces(const struct expr_format *format)
{
    return format->use != EXPR_FORMAT_TEXT && format->use != EXPR_FORMAT_RAW;
}

static const struct {
    const char *name;
    uint8_t flag;
} flags[] = {
    { "Q", FORMAT_QUOTE },   { "X", FORMAT_HEX },     { "E", FORMAT_ESCAPE },  { "bin", FORMAT_BIN },
    { "json", FORMAT_JSON }, { "cbor", FORMAT_CBOR }, { "utf8", FORMAT_UTF8 },
};

// Reads "{+Q,-E}" at the position into `*out`.
static bool read_flags(struct parser *parser, uint8_t *out)
{
    struct slice text = parser->text;
    size_t open = parser->pos++;
    size_t len = slice_find(slice_from(text, open), '}');
    if (open + len == text.len)
        return fail_at(parser, open, 1, "the '}' of these flags is missing");
    size_t end = open + len;
    while (parser->pos < end) {
        size_t word_len = slice_find(slice_of(text.ptr + parser->pos, end - parser->pos), ',');
        size_t at = parser->pos;
        struct slice word = slice_trim(slice_of(text.ptr + at, word_len));
        parser->pos += word_len + 1;
        if (!word.len)
            continue;
        bool has_sign = word.ptr[0] == '+' || word.ptr[0] == '-';
        size_t i = 0;
        while (i < NUM_ITEMS(flags) && !slice_equal(slice_from(word, has_sign), slice_str(flags[i].name)))
            i++;
        // The manual's format of `option tcplog clf` has such a flag.
        if (!has_sign && i < NUM_ITEMS(flags))
            continue;
        if (!has_sign || i == NUM_ITEMS(flags))
            return fail_at(parser, (size_t)(word.ptr - text.ptr), word.len,
                           "unknown flag '%.*s': expected '+' or '-' and one of Q, X, E, bin, json, utf8, cbor",
                           (int)word.len, word.ptr);
        uint8_t other = flags[i].flag & FORMAT_ENCODED ? FORMAT_ENCODED : 0;
        *out = (uint8_t)(word.ptr[0] == '-' ? *out & ~flags[i].flag : (*out & ~other) | flags[i].flag);
    }
    parser->pos = end + 1;
    return true;
}

// Reads "(name)" or "(name:type)" at the position.
static bool read_name(struct parser *parser, struct slice *name, uint8_t *type)
{
    static const struct {
        const char *name;
        enum expr_type type;
    } types[] = { { "str", EXPR_STR }, { "sint", EXPR_INT }, { "bool", EXPR_BOOL } };
    struct slice text = parser->text;
    size_t open = parser->pos;
    size_t len = slice_find(slice_from(text, open), ')');
    if (open + len == text.len)
        return fail_at(parser, open, 1, "the ')' of this item's name is missing");
    struct slice inner = slice_from(slice_of(text.ptr + open, len), 1);
    size_t colon = slice_find(inner, ':');
    struct slice word = slice_from(inner, colon + 1);
    parser->pos = open + len + 1;
    for (size_t i = 0; i < colon; i++) {
        char c = inner.ptr[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                    c == '-' || c == '.';
        if (!fine)
            return fail_at(parser, open + 1 + i, 1, "the name of an item has letters, digits, '_', '-' and '.' only");
    }
    *name = colon ? slice_of(arena_copy(parser->config->arena, inner.ptr, colon), colon) : (struct slice){ 0 };
    if (colon == inner.len)
        return true;
    for (size_t i = 0; i < NUM_ITEMS(types); i++) {
        if (slice_equal(word, slice_str(types[i].name))) {
            *type = (uint8_t)types[i].type;
            return true;
        }
    }
    return fail_at(parser, open + 1 + colon + 1, word.len, "unknown type '%.*s', expected one of 'str', 'sint', 'bool'",
                   (int)word.len, word.ptr);
}

static void add_alias(const struct expr_alias *row, void *arg)
{
    struct known {
        const char **names;
        size_t num;
    } *known = arg;
    if (known->names)
        known->names[known->num] = row->name;
    known->num++;
}

static bool report_unknown(struct parser *parser, size_t start, struct slice name)
{
    struct {
        const char **names;
        size_t num;
    } known = { 0 };
    expr_aliases_each(add_alias, &known);
    known.names = arena_alloc(parser->config->arena, (known.num + 1) * sizeof(*known.names));
    known.num = 0;
    expr_aliases_each(add_alias, &known);
    const char *copy = arena_copy(parser->config->arena, name.ptr, name.len);
    const char *nearest = config_nearest(copy, known.names, known.num);
    return fail_at(parser, start, parser->pos - start, "unknown alias '%%%s'%s%s%s; a lone '%%' is written '%%%%'",
                   copy, nearest ? ", did you mean '%" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool parse_alias(struct parser *parser, size_t start, struct format_node node)
{
    struct slice text = parser->text;
    size_t at = parser->pos;
    while (parser->pos < text.len && is_alnum(text.ptr[parser->pos]))
        parser->pos++;
    struct slice name = slice_of(text.ptr + at, parser->pos - at);
    if (slice_equal(name, SLICE("o"))) {
        parser->flags = node.flags;
        return true;
    }
    node.alias = expr_alias_find(name);
    if (!node.alias)
        return report_unknown(parser, start, name);
    if (!(node.alias->when & parser->when))
        return fail_at(parser, start, parser->pos - start, "alias '%%%s' is not available here", node.alias->name);
    parser->format->needs_stream |= node.alias->needs_stream;
    if (node.alias->http && !parser->format->http)
        parser->format->http = node.alias->name;
    node.kind = FORMAT_ALIAS;
    *add_node(parser, FORMAT_ALIAS) = node;
    return true;
}

static bool parse_expr(struct parser *parser, struct format_node node)
{
    size_t at = parser->pos + 1, rest;
    struct slice text = slice_from(parser->text, at);
    if (!expr_parse_text(parser->config, &node.expr, parser->line, parser->index, text, at, &rest))
        return false;
    parser->pos = at + rest;
    if (rest == text.len)
        return fail_at(parser, at - 1, 1, "the ']' of this expression is missing");
    if (text.ptr[rest] != ']')
        return fail_at(parser, parser->pos, 1, "a ']' is expected here, not '%c'", text.ptr[rest]);
    parser->pos++;
    if (parser->when) {
        struct config_line line = *parser->line;
        struct config_arg arg = *config_arg_at(&line, parser->index);
        if (parser->exact) {
            arg.column += (uint32_t)at;
            arg.width = (uint32_t)rest;
        }
        line.args = &arg;
        line.num_args = 1;
        line.first = 0;
        if (!expr_check_when(parser->config, &line, 0, &node.expr, parser->when))
            return false;
    }
    parser->format->needs_stream = true;
    node.kind = FORMAT_EXPR;
    *add_node(parser, FORMAT_EXPR) = node;
    return true;
}

// An item, whose '%' stands at the position.
static bool parse_item(struct parser *parser)
{
    struct slice text = parser->text;
    size_t start = parser->pos++;
    struct format_node node = { .flags = parser->flags, .type = EXPR_SAME };
    if (parser->pos < text.len && text.ptr[parser->pos] == '%') {
        parser->plain[parser->plain_len++] = '%';
        parser->pos++;
        return true;
    }
    end_plain(parser);
    if (parser->pos < text.len && text.ptr[parser->pos] == '(' && !read_name(parser, &node.name, &node.type))
        return false;
    if (parser->pos < text.len && text.ptr[parser->pos] == '{' && !read_flags(parser, &node.flags))
        return false;
    if (parser->pos < text.len && text.ptr[parser->pos] == '[')
        return parse_expr(parser, node);
    char c = parser->pos < text.len ? text.ptr[parser->pos] : '\0';
    if (is_alnum(c) && !(c >= '0' && c <= '9'))
        return parse_alias(parser, start, node);
    return fail_at(parser, start, parser->pos - start,
                   "an alias or '[' is expected after '%.*s'; a lone '%%' is written '%%%%'",
                   (int)(parser->pos - start), text.ptr + start);
}

// A format without anything that varies is written once, here.
static void finish(struct parser *parser)
{
    struct expr_format *format = parser->format;
    format->flags = parser->flags;
    format->is_const = !(format->flags & FORMAT_ENCODED);
    for (uint32_t i = 0; i < format->num; i++)
        format->is_const &= format->nodes[i].kind <= FORMAT_SPACE;
    if (!format->is_const)
        return;
    char *text = arena_alloc(parser->config->arena, parser->text.len + 1);
    format->text = slice_of(text, expr_format_write(format, NULL, text, parser->text.len, NULL));
}

const struct expr_format *expr_format_text(struct config *config, const struct config_line *line, uint32_t index,
                                           struct slice text, enum expr_format_use use, uint32_t when)
{
    struct expr_format *format = arena_alloc(config->arena, sizeof(*format));
    struct parser parser = { .config = config, .index = index, .text = text, .when = when, .format = format };
    *format = (struct expr_format){ .use = (uint8_t)use };
    parser.line = find_place(&parser, line);
    parser.plain = arena_alloc(config->arena, text.len + 1);
    while (parser.pos < text.len) {
        char c = text.ptr[parser.pos];
        if (c == '%') {
            if (!parse_item(&parser))
                return NULL;
            continue;
        }
        parser.pos++;
        if (c == ' ' && merges_spaces(format)) {
            end_plain(&parser);
            if (!format->num || format->nodes[format->num - 1].kind != FORMAT_SPACE)
                add_node(&parser, FORMAT_SPACE);
        } else {
            parser.plain[parser.plain_len++] = c;
        }
    }
    end_plain(&parser);
    finish(&parser);
    return format;
}

const struct expr_format *expr_format_parse(struct config *config, const struct config_line *line, uint32_t index,
                                            enum expr_format_use use, uint32_t when)
{
    const struct config_arg *arg = config_arg_at(line, index);
    if (!arg) {
        config_error(config, line, index, "a format string is expected");
        return NULL;
    }
    return expr_format_text(config, line, index, slice_of(arg->str, arg->len), use, when);
}

struct slice expr_format_const(const struct expr_format *format)
{
    return format->is_const ? format->text : (struct slice){ 0 };
}

bool expr_format_needs_stream(const struct expr_format *format)
{
    return format->needs_stream;
}

bool expr_format_has(const struct expr_format *format, const char *name)
{
    for (uint32_t i = 0; i < format->num; i++)
        if (format->nodes[i].kind == FORMAT_ALIAS && strcmp(format->nodes[i].alias->name, name) == 0)
            return true;
    return false;
}

const char *expr_format_http(const struct expr_format *format)
{
    return format->http;
}
