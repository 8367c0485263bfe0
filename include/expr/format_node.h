// SPDX-License-Identifier: Apache-2.0
// The inside of format strings: what parsing leaves and writing walks. Private to this area; see expr/format.h.
#pragma once

#include "expr/format.h"

enum {
    FORMAT_QUOTE = 1 << 0,  // Q
    FORMAT_HEX = 1 << 1,    // X
    FORMAT_ESCAPE = 1 << 2, // E
    FORMAT_BIN = 1 << 3,    // bin
    FORMAT_JSON = 1 << 4,   // json
    FORMAT_CBOR = 1 << 5,   // cbor
    FORMAT_UTF8 = 1 << 6,   // utf8
    FORMAT_ENCODED = FORMAT_JSON | FORMAT_CBOR,
};

enum format_kind { FORMAT_TEXT, FORMAT_SPACE, FORMAT_ALIAS, FORMAT_EXPR };

// One part of a format string.
struct format_node {
    uint8_t kind;      // enum format_kind
    uint8_t flags;     // FORMAT_* bits, the global ones included
    uint8_t type;      // enum expr_type it is encoded as, EXPR_SAME: as it comes
    struct slice text; // FORMAT_TEXT
    struct slice name; // of the item, ptr NULL: none
    const struct expr_alias *alias;
    struct expr expr;
};

struct expr_format {
    uint8_t use;   // enum expr_format_use
    uint8_t flags; // the global ones, as they stand at the end
    bool needs_stream;
    bool is_const;
    const char *http;
    struct slice text; // is_const
    struct format_node *nodes;
    uint32_t num;
};

// Room that is written to; what does not fit is left out.
struct format_out {
    char *pos;
    char *end;
    bool cut;
};

// format_put writes `len` bytes.
static inline void format_put(struct format_out *out, const char *ptr, size_t len)
{
    if (len > (size_t)(out->end - out->pos)) {
        len = (size_t)(out->end - out->pos);
        out->cut = true;
    }
    if (len)
        memcpy(out->pos, ptr, len);
    out->pos += len;
}

// format_put_char writes one.
static inline void format_put_char(struct format_out *out, char c)
{
    if (out->pos < out->end)
        *out->pos++ = c;
    else
        out->cut = true;
}

// format_put_int writes `num` in decimal.
void format_put_int(struct format_out *out, int64_t num);

// format_put_hex writes `num` in upper-case hex, with at least `digits` of them.
void format_put_hex(struct format_out *out, uint64_t num, unsigned digits);

// format_put_addr writes the text of `addr`.
void format_put_addr(struct format_out *out, const struct expr_addr *addr);

// What is written as an escape: bit sets of bytes, and the mark before two hex digits.
struct format_map {
    char mark;
    uint32_t bits[8];
};

extern const struct format_map format_map_text; // forbidden in header fields
extern const struct format_map format_map_log;  // unprintable
extern const struct format_map format_map_url;  // and '"' and '#'
extern const struct format_map format_map_hdr;  // and '{', '|', '}'

// format_put_mapped writes `str` with the bytes of `map` (NULL: none) as its mark and two hex digits, and, where
// `escape`, a backslash before '"', '\' and ']'.
void format_put_mapped(struct format_out *out, struct slice str, const struct format_map *map, bool escape);

// format_encode_value writes `sample` (NULL: there is none) as JSON or CBOR, as `flags` say; `type` is what it is to be
// made of, or EXPR_SAME.
void format_encode_value(struct format_out *out, const struct expr_sample *sample, uint8_t flags, uint8_t type);

// format_encode_begin writes what stands before the named values of a whole format string.
void format_encode_begin(struct format_out *out, uint8_t flags);

// format_encode_name writes the name of the value that follows.
void format_encode_name(struct format_out *out, struct slice name, bool first, uint8_t flags);

// format_encode_end writes what stands behind the last.
void format_encode_end(struct format_out *out, uint8_t flags);

// format_encode_list writes what stands before the values of a list.
void format_encode_list(struct format_out *out, uint8_t flags);

// format_encode_next writes what stands between two.
void format_encode_next(struct format_out *out, uint8_t flags);

// format_encode_list_end writes what stands behind the last.
void format_encode_list_end(struct format_out *out, uint8_t flags);
