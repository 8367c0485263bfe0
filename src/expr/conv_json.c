// SPDX-License-Identifier: Apache-2.0
// Converters to and from JSON.
#include <stdio.h>
#include <stdlib.h>
#include "expr/bytes.h"
#include "expr/json.h"

// --- json ---

enum {
    UTF8 = 1 << 0,       // else each byte is a character
    PERMISSIVE = 1 << 1, // overlong forms are accepted
    SILENT = 1 << 2,     // errors are left out
};

static const char *prepare_json(struct config *config, struct expr_arg *args, uint32_t num)
{
    static const struct {
        const char *name;
        int64_t flags;
    } codes[] = {
        { "", 0 },
        { "ascii", 0 },
        { "utf8", UTF8 },
        { "utf8s", UTF8 | SILENT },
        { "utf8p", UTF8 | PERMISSIVE },
        { "utf8ps", UTF8 | PERMISSIVE | SILENT },
    };
    (void)config;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (num == 0 || slice_equal(args[0].str, slice_str(codes[i].name))) {
            args[0].num = codes[i].flags;
            return NULL;
        }
    return "its input code is ascii, utf8, utf8s, utf8p or utf8ps";
}

// Reads one character at `*at` in the original form of UTF-8, up to six bytes. False where it is none that \uXXXX can
// write; `*at` stands behind the bytes that belong to it either way.
static bool read_utf8(uint32_t *out, struct slice text, size_t *at, bool permissive)
{
    uint8_t lead = (uint8_t)text.ptr[(*at)++];
    *out = lead;
    if (lead < 0x80)
        return true;
    if (lead < 0xc0 || lead >= 0xfe)
        return false;
    uint32_t num = (uint32_t)__builtin_clz((uint32_t)(uint8_t)~lead) - 24 - 1;
    uint32_t value = lead & (0x3fu >> num);
    for (uint32_t i = 0; i < num; i++) {
        if (*at == text.len || ((uint8_t)text.ptr[*at] & 0xc0) != 0x80)
            return false;
        value = value << 6 | ((uint8_t)text.ptr[(*at)++] & 0x3f);
    }
    *out = value;
    bool overlong = num == 1 ? value < 0x80 : value < 1u << (5 * num + 1);
    return value < 0xfffe && (value < 0xd800 || value > 0xdfff) && (permissive || !overlong);
}

static size_t escape_one(char out[6], uint32_t c)
{
    static const char digits[] = "0123456789abcdef", plain[] = "\"\\/\b\f\n\r\t", letters[] = "\"\\/bfnrt";
    const char *found = c && c < 0x80 ? strchr(plain, (char)c) : NULL;
    if (!found && c >= 0x20 && c < 0x7f) {
        out[0] = (char)c;
        return 1;
    }
    out[0] = '\\';
    out[1] = found ? letters[found - plain] : 'u';
    for (size_t i = 0; i < 4 && !found; i++)
        out[2 + i] = digits[c >> (12 - 4 * i) & 15];
    return found ? 2 : 6;
}

static bool conv_json(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    struct slice in = sample->str;
    int64_t flags = args[0].num;
    size_t room, len = 0;
    char *out = expr_scratch_rest(&subject->process->scratch, &room);
    for (size_t at = 0; at < in.len;) {
        uint32_t c;
        if (!(flags & UTF8)) {
            c = (uint8_t)in.ptr[at++];
        } else if (!read_utf8(&c, in, &at, flags & PERMISSIVE)) {
            if (!(flags & SILENT))
                return false;
            continue;
        }
        if (room - len < 6)
            return false;
        len += escape_one(out + len, c);
    }
    return expr_sample_take(sample, &subject->process->scratch, EXPR_STR, len);
}

// --- json_query ---

const char *expr_json_query_prepare(struct config *config, struct expr_arg *args, uint32_t num)
{
    struct expr_json_path path;
    const char *wrong = expr_json_path_parse(config->arena, &path, args[0].str);
    if (wrong)
        return wrong;
    size_t len = offsetof(struct expr_json_path, steps) + path.num_steps * sizeof(path.steps[0]);
    args[0].data = arena_alloc(config->arena, len);
    memcpy(args[0].data, &path, len);
    args[1].num = num > 1;
    return num < 2 || slice_equal(args[1].str, SLICE("int")) ? NULL : "the only output type is 'int'";
}

// What JSON's numbers hold exactly everywhere (RFC 8259 section 6).
#define JSON_INT_MAX 9007199254740991

// HAProxy gives numbers as "%g" writes them, and as integers those digits they begin with.
static bool give_number(struct expr_subject *subject, struct expr_sample *sample, struct slice raw, bool integer)
{
    struct expr_scratch *scratch = &subject->process->scratch;
    uint32_t mark = expr_scratch_mark(scratch);
    char *text = expr_scratch_take(scratch, raw.len + 1);
    if (!text)
        return false;
    memcpy(text, raw.ptr, raw.len);
    text[raw.len] = '\0';
    int64_t num = integer ? strtoll(text, NULL, 10) : 0;
    double value = integer ? 0 : strtod(text, NULL);
    expr_scratch_release(scratch, mark);
    if (integer) {
        *sample = (struct expr_sample){ .type = EXPR_INT, .num = num };
        return num <= JSON_INT_MAX && num >= -JSON_INT_MAX;
    }
    size_t room;
    text = expr_scratch_rest(scratch, &room);
    size_t len = (size_t)snprintf(text, room, "%g", value);
    return len < room && expr_sample_take(sample, scratch, EXPR_STR, len);
}

static bool give_string(struct expr_subject *subject, struct expr_sample *sample, struct slice raw)
{
    *sample = (struct expr_sample){ .type = EXPR_STR, .str = raw };
    if (slice_find(raw, '\\') == raw.len)
        return true;
    size_t room;
    char *out = expr_scratch_rest(&subject->process->scratch, &room);
    if (room < raw.len)
        return false;
    return expr_sample_take(sample, &subject->process->scratch, EXPR_STR, expr_json_unescape(out, raw));
}

bool expr_json_query(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    enum expr_json_type type;
    struct slice raw;
    if (!expr_json_find(&type, &raw, sample->str, args[0].data))
        return false;
    switch (type) {
    case EXPR_JSON_STRING:
        return give_string(subject, sample, raw);
    case EXPR_JSON_NUMBER:
        return give_number(subject, sample, raw, args[1].num);
    case EXPR_JSON_TRUE:
    case EXPR_JSON_FALSE:
        *sample = (struct expr_sample){ .type = EXPR_BOOL, .boolean = type == EXPR_JSON_TRUE };
        return true;
    case EXPR_JSON_ARRAY:
        *sample = (struct expr_sample){ .type = EXPR_STR, .str = raw };
        return true;
    default:
        return false;
    }
}

static const struct expr_conv rows[] = {
    { .name = "json",
      .args = "[<input-code>]",
      .max_args = 1,
      .in = EXPR_STR,
      .out = EXPR_STR,
      .prepare = prepare_json,
      .convert = conv_json,
      .help = "The text in ASCII with JSON's escapes, read as bytes (ascii, the default) or as UTF-8, where an error "
              "leaves "
              "no value (utf8); with 's' what is wrong is left out, with 'p' overlong forms are accepted.",
      .good = "str(%221/2%22),url_dec,json(utf8)",
      .gives = "\\\"1\\/2\\\"",
      .bad = "str(a),json(latin1)",
      .bad_says = "its input code is ascii, utf8" },
    { .name = "json_query",
      .args = "<json_path>[,<output_type>]",
      .min_args = 1,
      .max_args = 2,
      .in = EXPR_STR,
      .out = EXPR_ANY,
      .prepare = expr_json_query_prepare,
      .convert = expr_json_query,
      .help = "The value at a path ($.name, $['name'], [index]; '\\' before a dot in a name) in a JSON text: a string, "
              "true or false, a number as text or, with the output type 'int', as an integer, an array as it is "
              "written. What follows the value is not read.",
      .good = "str({%22a%22:{%22b%22:4}}),url_dec,json_query($.a.b,int)",
      .gives = "4",
      .bad = "str(a),json_query(a.b)",
      .bad_says = "a path such as $.name[0] is expected" },
};
EXPR_CONVERTERS(rows);
