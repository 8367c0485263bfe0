// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include "base/check.h"
#include "expr/format_node.h"

// What a format's values go through, by its use.
struct manner {
    const struct format_map *map; // for expressions
    bool quotes;                  // flags Q and E count for expressions
    bool dash;                    // an absent value is "-"
    bool merge;                   // spaces are merged
};

static const struct manner manners[] = {
    [EXPR_FORMAT_TEXT] = { &format_map_text, false, false, false },
    [EXPR_FORMAT_RAW] = { NULL, true, false, false },
    [EXPR_FORMAT_ID] = { &format_map_text, false, true, true },
    [EXPR_FORMAT_LOG] = { &format_map_log, true, true, true },
    [EXPR_FORMAT_SD] = { &format_map_log, true, true, true },
};

static const struct format_map *const alias_maps[] = {
    [EXPR_ALIAS_PLAIN] = &format_map_log,
    [EXPR_ALIAS_URL] = &format_map_url,
    [EXPR_ALIAS_HDR] = &format_map_hdr,
};

// A text, in quotes and escaped as `flags` say. With `dash` an empty one is as good as none.
static void put_text(struct format_out *out, struct slice str, const struct format_map *map, uint8_t flags, bool dash)
{
    if (flags & FORMAT_QUOTE)
        format_put_char(out, '"');
    if (str.len)
        format_put_mapped(out, str, map, flags & FORMAT_ESCAPE);
    else if (dash && !(flags & FORMAT_QUOTE))
        format_put_char(out, '-');
    if (flags & FORMAT_QUOTE)
        format_put_char(out, '"');
}

static void put_addr_hex(struct format_out *out, const struct expr_addr *addr)
{
    for (unsigned i = 0; i < (addr->family == 4 ? 4u : 16u); i++)
        format_put_hex(out, addr->bytes[i], 2);
}

static void put_addr(struct format_out *out, const struct expr_addr *addr, uint8_t flags)
{
    if (flags & FORMAT_HEX) {
        put_addr_hex(out, addr);
        return;
    }
    if (flags & FORMAT_QUOTE)
        format_put_char(out, '"');
    format_put_addr(out, addr);
    if (flags & FORMAT_QUOTE)
        format_put_char(out, '"');
}

// Numbers of aliases are never quoted, unlike those of expressions: so HAProxy writes them.
static void put_alias_value(struct format_out *out, const struct format_node *node, const struct expr_sample *sample,
                            const struct expr_alias_item *item, const struct manner *manner)
{
    uint8_t flags = node->alias->bare ? (uint8_t)(node->flags & ~(FORMAT_QUOTE | FORMAT_ESCAPE)) : node->flags;
    if (!sample) {
        put_text(out, (struct slice){ 0 }, NULL, flags, manner->dash);
        return;
    }
    switch (sample->type) {
    case EXPR_INT:
        if (item->plus)
            format_put_char(out, '+');
        if (flags & FORMAT_HEX && node->alias->hex)
            format_put_hex(out, (uint64_t)sample->num, node->alias->hex);
        else
            format_put_int(out, sample->num);
        break;
    case EXPR_BOOL:
        format_put_char(out, sample->boolean ? '1' : '0');
        break;
    case EXPR_ADDR:
        put_addr(out, &sample->addr, flags);
        break;
    default:
        put_text(out, sample->str, alias_maps[node->alias->escape], flags, false);
    }
}

// The values of a list are escaped one by one, and quoted together within braces.
static void put_list(struct format_out *out, const struct format_node *node, struct expr_subject *subject,
                     const struct manner *manner)
{
    const struct expr_alias *alias = node->alias;
    bool braces = alias->list == EXPR_ALIAS_BRACES, encoded = node->flags & FORMAT_ENCODED;
    uint8_t inner = braces ? (uint8_t)(node->flags & ~FORMAT_QUOTE) : node->flags;
    struct expr_alias_item item = { 0 };
    for (;; item.nth++) {
        struct expr_sample sample;
        bool there = alias->get(subject, &sample, &item);
        if (item.end)
            break;
        if (encoded && item.nth == 0)
            format_encode_list(out, node->flags);
        else if (encoded)
            format_encode_next(out, node->flags);
        else if (braces && item.nth == 0 && node->flags & FORMAT_QUOTE)
            format_put(out, "\"{", 2);
        else if (braces)
            format_put_char(out, item.nth ? '|' : '{');
        else if (item.nth)
            format_put_char(out, ' ');
        if (encoded)
            format_encode_value(out, there ? &sample : NULL, node->flags, EXPR_SAME);
        else
            put_text(out, there ? sample.str : (struct slice){ 0 }, alias_maps[alias->escape], inner,
                     manner->dash && !braces);
    }
    if (encoded && item.nth)
        format_encode_list_end(out, node->flags);
    else if (encoded)
        format_encode_value(out, NULL, node->flags, EXPR_SAME);
    else if (braces && item.nth)
        format_put(out, "}\"", node->flags & FORMAT_QUOTE ? 2 : 1);
}

static void put_alias(struct format_out *out, const struct format_node *node, struct expr_subject *subject,
                      const struct manner *manner)
{
    struct expr_sample sample;
    struct expr_alias_item item = { 0 };
    if (node->alias->list) {
        put_list(out, node, subject, manner);
        return;
    }
    bool there = node->alias->get(subject, &sample, &item);
    if (node->flags & FORMAT_ENCODED)
        format_encode_value(out, there ? &sample : NULL, node->flags, node->type);
    else
        put_alias_value(out, node, there ? &sample : NULL, &item, manner);
}

static void put_expr(struct format_out *out, const struct format_node *node, struct expr_subject *subject,
                     const struct manner *manner, uint8_t global)
{
    struct expr_sample sample;
    struct expr_scratch *scratch = &subject->process->scratch;
    uint32_t mark = expr_scratch_mark(scratch);
    // A connection that failed is logged with a stream's format: what asks for a stream has no value then.
    const uint32_t without_stream = EXPR_AT_BOOT | EXPR_AT_CONNECT | EXPR_AT_SESSION | EXPR_AT_CHECK;
    bool may = subject->stream || node->expr.when & without_stream;
    bool there = may && expr_eval(&node->expr, subject, &sample), bin = global & FORMAT_BIN;
    if (node->flags & FORMAT_ENCODED) {
        if (there && sample.type == EXPR_BIN && !bin)
            there = expr_cast(&sample, EXPR_STR, scratch);
        format_encode_value(out, there ? &sample : NULL, (uint8_t)(node->flags | (global & FORMAT_BIN)), node->type);
    } else {
        struct slice str = { 0 };
        char text[EXPR_TEXT_LEN];
        if (there && sample.type == EXPR_BIN && !bin)
            there = expr_cast(&sample, EXPR_STR, scratch);
        if (there)
            str = expr_sample_str(&sample, text);
        put_text(out, str, bin ? NULL : manner->map, manner->quotes ? node->flags : node->flags & FORMAT_ESCAPE,
                 manner->dash);
    }
    expr_scratch_release(scratch, mark);
}

static void write_encoded(const struct expr_format *format, struct expr_subject *subject, struct format_out *out)
{
    bool first = true;
    const struct manner *manner = &manners[format->use];
    format_encode_begin(out, format->flags);
    for (uint32_t i = 0; i < format->num; i++) {
        struct format_node node = format->nodes[i];
        if (!node.name.ptr)
            continue;
        node.flags = (uint8_t)((node.flags & ~FORMAT_ENCODED) | (format->flags & (FORMAT_ENCODED | FORMAT_BIN)));
        format_encode_name(out, node.name, first, format->flags);
        first = false;
        if (node.kind == FORMAT_ALIAS)
            put_alias(out, &node, subject, manner);
        else
            put_expr(out, &node, subject, manner, format->flags);
    }
    format_encode_end(out, format->flags);
}

size_t expr_format_write(const struct expr_format *format, struct expr_subject *subject, char *dst, size_t cap,
                         bool *cut)
{
    struct format_out out = { .pos = dst, .end = dst + cap };
    const struct manner *manner = &manners[format->use];
    if (format->flags & FORMAT_ENCODED) {
        write_encoded(format, subject, &out);
        if (cut)
            *cut = out.cut;
        return (size_t)(out.pos - dst);
    }
    if (format->text.ptr) {
        format_put(&out, format->text.ptr, format->text.len);
        if (cut)
            *cut = out.cut;
        return (size_t)(out.pos - dst);
    }
    bool spaced = true; // what was written last is a space, or nothing
    for (uint32_t i = 0; i < format->num; i++) {
        const struct format_node *node = &format->nodes[i];
        const char *before = out.pos;
        switch (node->kind) {
        case FORMAT_TEXT:
            format_put(&out, node->text.ptr, node->text.len);
            break;
        case FORMAT_SPACE:
            if (!spaced)
                format_put_char(&out, ' ');
            spaced = true;
            continue;
        case FORMAT_ALIAS:
            put_alias(&out, node, subject, manner);
            break;
        default:
            put_expr(&out, node, subject, manner, format->flags);
        }
        // A log keeps the place of an empty %HQ, but not that of %hr without captures.
        spaced &= out.pos == before && !(manner->dash && node->kind == FORMAT_ALIAS && !node->alias->list);
    }
    if (cut)
        *cut = out.cut;
    return (size_t)(out.pos - dst);
}

struct slice expr_format_make(const struct expr_format *format, struct expr_subject *subject)
{
    if (format->is_const)
        return format->text;
    // Expressions of the format take from the same scratch while it is written: the upper half is theirs.
    struct expr_scratch *scratch = &subject->process->scratch;
    size_t room;
    char *dst = expr_scratch_rest(scratch, &room);
    uint32_t mark = expr_scratch_mark(scratch);
    room /= 2;
    bool cut;
    if (!expr_scratch_take(scratch, room))
        return (struct slice){ 0 };
    size_t len = expr_format_write(format, subject, dst, room, &cut);
    expr_scratch_release(scratch, mark);
    if (cut)
        return (struct slice){ 0 };
    must(expr_scratch_take(scratch, len));
    return slice_of(dst, len);
}
