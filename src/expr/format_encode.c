// SPDX-License-Identifier: Apache-2.0
// Values of a format string as JSON (RFC 8259) and CBOR (RFC 8949), the latter in hex unless flag bin is set.
#include "expr/format_node.h"

// CBOR's initial bytes (RFC 8949 section 3).
enum {
    CBOR_UINT = 0x00,
    CBOR_NINT = 0x20,
    CBOR_BYTES = 0x40,
    CBOR_TEXT = 0x60,
    CBOR_LIST = 0x9f, // of indefinite length
    CBOR_MAP = 0xbf,
    CBOR_FALSE = 0xf4,
    CBOR_TRUE = 0xf5,
    CBOR_NULL = 0xf6,
    CBOR_BREAK = 0xff,
};

static void put_byte(struct format_out *out, uint8_t byte, uint8_t flags)
{
    if (flags & FORMAT_BIN)
        format_put_char(out, (char)byte);
    else
        format_put_hex(out, byte, 2);
}

// An initial byte with its argument in as few bytes as will do.
static void put_head(struct format_out *out, uint8_t major, uint64_t num, uint8_t flags)
{
    unsigned bytes = num > UINT32_MAX ? 8 : num > UINT16_MAX ? 4 : num > UINT8_MAX ? 2 : num > 23 ? 1 : 0;
    unsigned info = bytes == 8 ? 27 : bytes == 4 ? 26 : bytes == 2 ? 25 : bytes == 1 ? 24 : (unsigned)num;
    put_byte(out, (uint8_t)(major | info), flags);
    while (bytes--)
        put_byte(out, (uint8_t)(num >> bytes * 8), flags);
}

static bool is_utf8(struct slice str)
{
    while (str.len) {
        size_t len = slice_utf8_len(str);
        if (!len)
            return false;
        str = slice_from(str, len);
    }
    return true;
}

static void put_cbor_str(struct format_out *out, struct slice str, bool binary, uint8_t flags)
{
    put_head(out, binary || !is_utf8(str) ? CBOR_BYTES : CBOR_TEXT, str.len, flags);
    for (size_t i = 0; i < str.len && !out->cut; i++)
        put_byte(out, (uint8_t)str.ptr[i], flags);
}

static void put_json_byte(struct format_out *out, unsigned char c)
{
    static const char short_names[] = "\bb\ff\nn\rr\tt\"\"\\\\";
    for (size_t i = 0; short_names[i]; i += 2) {
        if ((unsigned char)short_names[i] == c) {
            format_put_char(out, '\\');
            format_put_char(out, short_names[i + 1]);
            return;
        }
    }
    if (c >= 0x20 && c < 0x7f) {
        format_put_char(out, (char)c);
        return;
    }
    format_put(out, "\\u00", 4);
    format_put_hex(out, c, 2);
}

static void put_json_str(struct format_out *out, struct slice str, uint8_t flags)
{
    format_put_char(out, '"');
    while (str.len && !out->cut) {
        unsigned char c = (unsigned char)str.ptr[0];
        size_t len = flags & FORMAT_UTF8 && c >= 0x80 ? slice_utf8_len(str) : 1;
        if (len == 2 && c == 0xc2 && (unsigned char)str.ptr[1] < 0xa0) {
            put_json_byte(out, (unsigned char)str.ptr[1]); // U+0080 to U+009F: a terminal would obey them
        } else if (len > 1) {
            format_put(out, str.ptr, len);
        } else {
            len = 1;
            put_json_byte(out, c);
        }
        str = slice_from(str, len);
    }
    format_put_char(out, '"');
}

static void put_null(struct format_out *out, uint8_t flags)
{
    if (flags & FORMAT_CBOR)
        put_byte(out, CBOR_NULL, flags);
    else
        format_put(out, "null", 4);
}

static void put_int(struct format_out *out, int64_t num, uint8_t flags)
{
    if (!(flags & FORMAT_CBOR))
        format_put_int(out, num);
    else if (num < 0)
        put_head(out, CBOR_NINT, ~(uint64_t)num, flags);
    else
        put_head(out, CBOR_UINT, (uint64_t)num, flags);
}

static void put_bool(struct format_out *out, bool value, uint8_t flags)
{
    if (flags & FORMAT_CBOR)
        put_byte(out, value ? CBOR_TRUE : CBOR_FALSE, flags);
    else
        format_put(out, value ? "true" : "false", value ? 4 : 5);
}

void format_encode_value(struct format_out *out, const struct expr_sample *sample, uint8_t flags, uint8_t type)
{
    char text[EXPR_TEXT_LEN];
    int64_t num;
    bool value;
    if (!sample) {
        put_null(out, flags);
        return;
    }
    if (type == EXPR_SAME)
        type = (uint8_t)sample->type;
    if (type == EXPR_INT) {
        if (expr_sample_int(sample, &num))
            put_int(out, num, flags);
        else
            put_null(out, flags);
    } else if (type == EXPR_BOOL) {
        if (expr_sample_bool(sample, &value))
            put_bool(out, value, flags);
        else
            put_null(out, flags);
    } else {
        struct slice str = expr_sample_str(sample, text);
        if (flags & FORMAT_CBOR)
            put_cbor_str(out, str, sample->type == EXPR_BIN, flags);
        else
            put_json_str(out, str, flags);
    }
}

void format_encode_begin(struct format_out *out, uint8_t flags)
{
    if (flags & FORMAT_CBOR)
        put_byte(out, CBOR_MAP, flags);
    else
        format_put_char(out, '{');
}

void format_encode_name(struct format_out *out, struct slice name, bool first, uint8_t flags)
{
    if (flags & FORMAT_CBOR) {
        put_cbor_str(out, name, false, flags);
        return;
    }
    if (!first)
        format_put(out, ", ", 2);
    put_json_str(out, name, flags);
    format_put(out, ": ", 2);
}

void format_encode_end(struct format_out *out, uint8_t flags)
{
    if (flags & FORMAT_CBOR)
        put_byte(out, CBOR_BREAK, flags);
    else
        format_put_char(out, '}');
}

void format_encode_list(struct format_out *out, uint8_t flags)
{
    if (flags & FORMAT_CBOR)
        put_byte(out, CBOR_LIST, flags);
    else
        format_put_char(out, '[');
}

void format_encode_next(struct format_out *out, uint8_t flags)
{
    if (!(flags & FORMAT_CBOR))
        format_put(out, ", ", 2);
}

void format_encode_list_end(struct format_out *out, uint8_t flags)
{
    if (flags & FORMAT_CBOR)
        put_byte(out, CBOR_BREAK, flags);
    else
        format_put_char(out, ']');
}
