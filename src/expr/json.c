// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"
#include "expr/bytes.h"
#include "expr/json.h"

struct reader {
    struct slice text;
    size_t at;
};

static bool at_end(const struct reader *reader)
{
    return reader->at >= reader->text.len;
}

// The byte that is read next; NUL at the end, which no value begins with.
static char peek(const struct reader *reader)
{
    return at_end(reader) ? '\0' : reader->text.ptr[reader->at];
}

static char peek_token(struct reader *reader)
{
    while (!at_end(reader) && memchr(" \t\r\n", reader->text.ptr[reader->at], 4))
        reader->at++;
    return peek(reader);
}

static bool skip_token(struct reader *reader, char token)
{
    if (peek_token(reader) != token || at_end(reader))
        return false;
    reader->at++;
    return true;
}

static bool is_hex4(struct slice text)
{
    for (size_t i = 0; i < 4; i++)
        if (i >= text.len || slice_hex_digit(text.ptr[i]) < 0)
            return false;
    return true;
}

// Reads a string whose quote is next; what is within the quotes into `raw`.
static bool read_string(struct reader *reader, struct slice *raw)
{
    struct slice text = reader->text;
    size_t start = ++reader->at;
    for (size_t i = start; i < text.len; i++) {
        if (text.ptr[i] == '"') {
            *raw = slice_of(text.ptr + start, i - start);
            reader->at = i + 1;
            return true;
        }
        if ((uint8_t)text.ptr[i] < 0x20)
            return false;
        if (text.ptr[i] != '\\')
            continue;
        if (++i == text.len)
            return false;
        if (text.ptr[i] == 'u') {
            if (!is_hex4(slice_from(text, i + 1)))
                return false;
            i += 4;
        } else if (!text.ptr[i] || !strchr("\"\\/bfnrt", text.ptr[i])) {
            return false;
        }
    }
    return false;
}

static bool skip_digits(struct reader *reader)
{
    size_t start = reader->at;
    while (peek(reader) >= '0' && peek(reader) <= '9')
        reader->at++;
    return reader->at > start;
}

static bool read_number(struct reader *reader)
{
    reader->at += peek(reader) == '-';
    if (peek(reader) == '0')
        reader->at++;
    else if (!skip_digits(reader))
        return false;
    if (peek(reader) == '.') {
        reader->at++;
        if (!skip_digits(reader))
            return false;
    }
    if (peek(reader) == 'e' || peek(reader) == 'E') {
        reader->at++;
        reader->at += peek(reader) == '+' || peek(reader) == '-';
        return skip_digits(reader);
    }
    return true;
}

static bool read_word(struct reader *reader, struct slice word)
{
    bool is = slice_begins(slice_from(reader->text, reader->at), word);
    reader->at += is ? word.len : 0;
    return is;
}

// What ends a number or a word: anything else makes it another one, and the end of a text that has open brackets may
// have cut it.
static bool is_whole(const struct reader *reader, uint32_t depth)
{
    if (at_end(reader))
        return depth == 0;
    return peek(reader) != '\0' && strchr(" \t\r\n,]}", peek(reader));
}

static bool read_value(struct reader *reader, enum expr_json_type *type, struct slice *raw, uint32_t depth);

// Reads the name of a member and its colon.
static bool read_name(struct reader *reader, struct slice *name)
{
    return peek_token(reader) == '"' && read_string(reader, name) && skip_token(reader, ':');
}

// Reads an array or object whose bracket was read.
static bool read_nested(struct reader *reader, char close, uint32_t depth)
{
    enum expr_json_type type;
    struct slice raw;
    if (depth > EXPR_JSON_DEPTH)
        return false;
    if (skip_token(reader, close))
        return true;
    do {
        if (close == '}' && !read_name(reader, &raw))
            return false;
        if (!read_value(reader, &type, &raw, depth))
            return false;
    } while (skip_token(reader, ','));
    return skip_token(reader, close);
}

// Reads a value within `depth` brackets.
static bool read_value(struct reader *reader, enum expr_json_type *type, struct slice *raw, uint32_t depth)
{
    char first = peek_token(reader);
    size_t start = reader->at;
    bool ok;
    switch (first) {
    case '"':
        *type = EXPR_JSON_STRING;
        return read_string(reader, raw);
    case '[':
    case '{':
        *type = first == '[' ? EXPR_JSON_ARRAY : EXPR_JSON_OBJECT;
        reader->at++;
        ok = read_nested(reader, first == '[' ? ']' : '}', depth + 1);
        break;
    case 't':
        *type = EXPR_JSON_TRUE;
        ok = read_word(reader, SLICE("true")) && is_whole(reader, depth);
        break;
    case 'f':
        *type = EXPR_JSON_FALSE;
        ok = read_word(reader, SLICE("false")) && is_whole(reader, depth);
        break;
    case 'n':
        *type = EXPR_JSON_NULL;
        ok = read_word(reader, SLICE("null")) && is_whole(reader, depth);
        break;
    default:
        *type = EXPR_JSON_NUMBER;
        ok = read_number(reader) && is_whole(reader, depth);
    }
    *raw = slice_of(reader->text.ptr + start, reader->at - start);
    return ok;
}

static uint32_t read_hex4(const char *digits)
{
    uint32_t value = 0;
    for (size_t i = 0; i < 4; i++)
        value = value << 4 | (uint32_t)slice_hex_digit(digits[i]);
    return value;
}

static size_t write_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(0xf00u >> len | c);
    return len;
}

// Reads the character of raw at `*at`, which may be an escape, and writes its UTF-8 to `out` (a byte of UTF-8 as it
// is).
static size_t unescape_one(char out[4], struct slice raw, size_t *at)
{
    static const char escapes[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    char c = raw.ptr[(*at)++];
    if (c != '\\') {
        out[0] = c;
        return 1;
    }
    c = raw.ptr[(*at)++];
    if (c != 'u') {
        out[0] = meant[strchr(escapes, c) - escapes];
        return 1;
    }
    uint32_t unit = read_hex4(raw.ptr + *at);
    *at += 4;
    if (unit < 0xd800 || unit > 0xdfff)
        return write_utf8(out, unit);
    if (unit < 0xdc00 && raw.len - *at >= 6 && raw.ptr[*at] == '\\' && raw.ptr[*at + 1] == 'u') {
        uint32_t low = read_hex4(raw.ptr + *at + 2);
        if (low >= 0xdc00 && low <= 0xdfff) {
            *at += 6;
            return write_utf8(out, 0x10000 + ((unit - 0xd800) << 10 | (low - 0xdc00)));
        }
    }
    return write_utf8(out, 0xfffd);
}

size_t expr_json_unescape(char *out, struct slice raw)
{
    size_t len = 0;
    for (size_t at = 0; at < raw.len;) {
        char utf8[4];
        size_t num = unescape_one(utf8, raw, &at);
        memcpy(out + len, utf8, num);
        len += num;
    }
    must(len <= raw.len);
    return len;
}

// Whether the name within quotes stands for `name`.
static bool is_name(struct slice raw, struct slice name)
{
    if (slice_find(raw, '\\') == raw.len)
        return slice_equal(raw, name);
    for (size_t at = 0; at < raw.len;) {
        char utf8[4];
        size_t num = unescape_one(utf8, raw, &at);
        if (name.len < num || memcmp(name.ptr, utf8, num) != 0)
            return false;
        name = slice_from(name, num);
    }
    return name.len == 0;
}

// Goes into the array or object that is next, to the value that `step` names.
static bool enter(struct reader *reader, const struct expr_json_step *step, uint32_t depth)
{
    bool is_object = step->name.ptr != NULL;
    if (!skip_token(reader, is_object ? '{' : '['))
        return false;
    enum expr_json_type type;
    struct slice raw;
    for (uint32_t i = 0;; i++) {
        if (is_object) {
            if (!read_name(reader, &raw))
                return false;
            if (is_name(raw, step->name))
                return true;
        } else if (i == step->index) {
            return peek_token(reader) != ']';
        }
        if (!read_value(reader, &type, &raw, depth + 1) || !skip_token(reader, ','))
            return false;
    }
}

bool expr_json_find(enum expr_json_type *type, struct slice *raw, struct slice doc, const struct expr_json_path *path)
{
    struct reader reader = { .text = doc };
    for (uint32_t i = 0; i < path->num_steps; i++)
        if (!enter(&reader, &path->steps[i], i))
            return false;
    return read_value(&reader, type, raw, path->num_steps);
}

// Reads "['name']" or "[index]" at `*at`.
static const char *parse_bracket(struct arena *arena, struct expr_json_step *step, struct slice text, size_t *at)
{
    char quote = *at + 1 < text.len ? text.ptr[*at + 1] : '\0';
    struct slice inside = slice_from(text, *at + 1 + (quote == '\'' || quote == '"'));
    if (quote == '\'' || quote == '"') {
        size_t len = slice_find(inside, quote);
        if (len + 1 >= inside.len || inside.ptr[len + 1] != ']')
            return "a ']' is missing in its path";
        step->name = slice_of(arena_copy(arena, inside.ptr, len), len);
        *at += len + 4;
        return NULL;
    }
    uint64_t index;
    size_t len = slice_find(inside, ']');
    if (len == inside.len)
        return "a ']' is missing in its path";
    if (!slice_to_u64(slice_of(inside.ptr, len), &index) || index > UINT32_MAX)
        return "between the brackets of its path stands a number or a name in quotes";
    step->index = (uint32_t)index;
    *at += len + 2;
    return NULL;
}

static const char *parse_step(struct arena *arena, struct expr_json_step *step, struct slice text, size_t *at)
{
    *step = (struct expr_json_step){ 0 };
    if (text.ptr[*at] == '[')
        return parse_bracket(arena, step, text, at);
    if (text.ptr[*at] != '.')
        return "'.' or '[' is expected in its path";
    char *name = arena_alloc(arena, text.len);
    size_t len = 0, i = *at + 1;
    for (; i < text.len && text.ptr[i] != '.' && text.ptr[i] != '['; i++) {
        i += text.ptr[i] == '\\' && i + 1 < text.len;
        name[len++] = text.ptr[i];
    }
    if (len == 0 || (len == 1 && name[0] == '*'))
        return len ? "'*' is not supported in its path" : "a name is missing in its path";
    step->name = slice_of(name, len);
    *at = i;
    return NULL;
}

const char *expr_json_path_parse(struct arena *arena, struct expr_json_path *out, struct slice text)
{
    const char *wrong = NULL;
    out->num_steps = 0;
    if (text.len == 0 || text.ptr[0] != '$')
        return "a path such as $.name[0] is expected";
    for (size_t at = 1; at < text.len && !wrong;) {
        if (out->num_steps == EXPR_JSON_DEPTH)
            return "its path is too deep";
        wrong = parse_step(arena, &out->steps[out->num_steps++], text, &at);
    }
    return wrong;
}
