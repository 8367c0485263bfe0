// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include "admin/value.h"

static const char *const type_names[] = {
    [ADMIN_S32] = "s32", [ADMIN_U32] = "u32", [ADMIN_U64] = "u64", [ADMIN_STR] = "str", [ADMIN_FLT] = "flt",
};

void admin_value_add(struct text *out, const struct admin_field *field, const struct admin_value *value)
{
    if (!value->is_set)
        return;
    if (value->is_float)
        text_printf(out, "%f", value->real);
    else if (field->type == ADMIN_STR)
        text_add_slice(out, slice_str(value->string));
    else if (field->type == ADMIN_S32 && (int32_t)value->number < 0)
        text_printf(out, "%" PRId32, (int32_t)value->number);
    else
        text_add_number(out, field->type == ADMIN_S32 ? (uint32_t)value->number : value->number);
}

void admin_value_add_csv(struct text *out, const struct admin_field *field, const struct admin_value *value)
{
    if (!value->is_set || field->type != ADMIN_STR || !value->string || !strpbrk(value->string, ",\"\r\n")) {
        admin_value_add(out, field, value);
        return;
    }
    text_add(out, "\"", 1);
    for (const char *c = value->string; *c; c++)
        text_add(out, *c == '"' ? "\"\"" : c, *c == '"' ? 2 : 1);
    text_add(out, "\"", 1);
}

void admin_value_add_typed(struct text *out, const struct admin_field *field, const struct admin_value *value,
                           bool desc)
{
    text_printf(out, ":%s:%s:", field->tags, type_names[value->is_float ? (unsigned)ADMIN_FLT : field->type]);
    admin_value_add(out, field, value);
    if (desc)
        text_printf(out, ":\"%s\"", field->help);
    text_add(out, "\n", 1);
}

static const char *origin_name(char tag)
{
    switch (tag) {
    case 'M':
        return "Metric";
    case 'S':
        return "Status";
    case 'K':
        return "Key";
    case 'C':
        return "Config";
    case 'P':
        return "Product";
    default:
        return "Unknown";
    }
}

static const char *nature_name(char tag)
{
    switch (tag) {
    case 'A':
        return "Age";
    case 'a':
        return "Avg";
    case 'C':
        return "Counter";
    case 'D':
        return "Duration";
    case 'G':
        return "Gauge";
    case 'L':
        return "Limit";
    case 'M':
        return "Max";
    case 'm':
        return "Min";
    case 'N':
        return "Name";
    case 'O':
        return "Output";
    case 'R':
        return "Rate";
    case 'T':
        return "Time";
    default:
        return "Unknown";
    }
}

static const char *scope_name(char tag)
{
    switch (tag) {
    case 'C':
        return "Cluster";
    case 'P':
        return "Process";
    case 'S':
        return "Service";
    case 's':
        return "System";
    default:
        return "Unknown";
    }
}

// Words of others, such as what a server answered to a check, may be no UTF-8, or cut in the middle of a character:
// JSON holds nothing else (RFC 8259 section 8.1).
void admin_json_string(struct text *out, const char *string)
{
    struct slice left = slice_str(string);
    text_add(out, "\"", 1);
    while (left.len) {
        size_t len = slice_utf8_len(left);
        char c = left.ptr[0];
        if (c == '"' || c == '\\')
            text_printf(out, "\\%c", c);
        else if ((unsigned char)c < 0x20)
            text_printf(out, "\\u%04x", (unsigned)(unsigned char)c);
        else if (!len)
            text_printf(out, "\\ufffd");
        else
            text_add(out, left.ptr, len);
        left = slice_from(left, len ? len : 1);
    }
    text_add(out, "\"", 1);
}

void admin_value_add_json(struct text *out, const struct admin_field *field, const struct admin_value *value,
                          uint32_t pos, uint32_t process, bool desc)
{
    text_printf(out,
                "\"field\":{\"pos\":%u,\"name\":\"%s\"},\"processNum\":%u,"
                "\"tags\":{\"origin\":\"%s\",\"nature\":\"%s\",\"scope\":\"%s\"},\"value\":{\"type\":\"%s\",\"value\":",
                pos, field->name, process, origin_name(field->tags[0]), nature_name(field->tags[1]),
                scope_name(field->tags[2]), type_names[value->is_float ? (unsigned)ADMIN_FLT : field->type]);
    if (field->type == ADMIN_STR)
        admin_json_string(out, value->string ? value->string : "");
    else
        admin_value_add(out, field, value);
    text_add(out, "}", 1);
    if (desc) {
        text_printf(out, ",\"desc\":");
        admin_json_string(out, field->help);
    }
}
