// SPDX-License-Identifier: Apache-2.0
// How single values look in a format string.
#include "base/fold.h"
#include "expr/format_node.h"

#define BIT(c) (1u << ((c)&31))
#define HIGH   0xffffffffu

// The sets by 32 bytes: controls, then from ' ', from '@', from '`', and 8-bit bytes.
const struct format_map format_map_text = { '%', { HIGH & ~BIT('\t'), 0, 0, BIT(127), 0, 0, 0, 0 } };
const struct format_map format_map_log = { '#', { HIGH, 0, 0, BIT(127), HIGH, HIGH, HIGH, HIGH } };
const struct format_map format_map_url = { '#', { HIGH, BIT('"') | BIT('#'), 0, BIT(127), HIGH, HIGH, HIGH, HIGH } };
const struct format_map format_map_hdr = {
    '#', { HIGH, BIT('"') | BIT('#'), 0, BIT('{') | BIT('|') | BIT('}') | BIT(127), HIGH, HIGH, HIGH, HIGH }
};

static const char hex_digits[] = "0123456789ABCDEF";

void format_put_int(struct format_out *out, int64_t num)
{
    char text[EXPR_TEXT_LEN];
    struct slice digits = expr_int_text(text, num);
    format_put(out, digits.ptr, digits.len);
}

void format_put_hex(struct format_out *out, uint64_t num, unsigned digits)
{
    char text[16], *at = text + sizeof(text);
    for (unsigned i = 0; i < sizeof(text) && (num || i < digits); i++, num >>= 4)
        *--at = hex_digits[num & 15];
    format_put(out, at, (size_t)(text + sizeof(text) - at));
}

void format_put_addr(struct format_out *out, const struct expr_addr *addr)
{
    char text[EXPR_TEXT_LEN];
    struct slice str = expr_addr_text(text, addr);
    format_put(out, str.ptr, str.len);
}

static bool in_map(const struct format_map *map, unsigned char c)
{
    return map && map->bits[c >> 5] >> (c & 31) & 1;
}

static bool is_escaped(char c)
{
    return c == '"' || c == '\\' || c == ']';
}

// Where the first byte from `at` on stands that may be in a map or is escaped, or one of the seven before it: runs of
// others, which most texts are, go eight bytes at a time. Harmless are those from ' ' to 'z' but '"', '#', '\\' and
// ']'.
static size_t skip_harmless(struct slice str, size_t at)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    for (; at + 8 <= str.len; at += 8) {
        uint64_t word = fold_load(str.ptr + at), even = word & ~ones;
        uint64_t quote = even ^ ones * '"', back = even ^ ones * '\\';
        uint64_t below = (word - ones * ' ') | (quote - ones) | (back - ones);
        if ((below | word | (word + ones * (0x80 - '{'))) & tops)
            break;
    }
    return at;
}

void format_put_mapped(struct format_out *out, struct slice str, const struct format_map *map, bool escape)
{
    size_t start = 0;
    for (size_t i = skip_harmless(str, 0); i < str.len; i++) {
        unsigned char c = (unsigned char)str.ptr[i];
        bool mapped = in_map(map, c);
        if (!mapped && !(escape && is_escaped((char)c)))
            continue;
        format_put(out, str.ptr + start, i - start);
        start = i + 1;
        char text[3] = { mapped ? map->mark : '\\', (char)c };
        if (mapped) {
            text[1] = hex_digits[c >> 4];
            text[2] = hex_digits[c & 15];
        }
        // An escape that does not fit whole would be read as something else.
        if ((size_t)(out->end - out->pos) < (mapped ? 3u : 2u)) {
            out->end = out->pos;
            out->cut = true;
            return;
        }
        format_put(out, text, mapped ? 3 : 2);
    }
    format_put(out, str.ptr + start, str.len - start);
}
