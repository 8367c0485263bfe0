// SPDX-License-Identifier: Apache-2.0
// Percent-encoding (RFC 3986 section 2.1) and the two halves of a Host header's value.
#include "expr/bytes.h"

static const char *prepare_form(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)config;
    return num == 0 || slice_to_i64(args[0].str, &args[0].num) ? NULL : "its argument is an integer";
}

static bool conv_url_dec(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    struct slice in = sample->str;
    bool form = args[0].num != 0;
    if (slice_find(in, '%') == in.len && slice_find(in, '+') == in.len)
        return true;
    size_t room, len = 0;
    char *out = expr_scratch_rest(&subject->process->scratch, &room);
    if (room < in.len)
        return false;
    for (size_t i = 0; i < in.len; i++) {
        char c = in.ptr[i];
        if (c == '%') {
            int high = i + 2 < in.len ? slice_hex_digit(in.ptr[i + 1]) : -1;
            int low = i + 2 < in.len ? slice_hex_digit(in.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            out[len++] = (char)(high << 4 | low);
            i += 2;
            continue;
        }
        form |= c == '?';
        out[len++] = form && c == '+' ? ' ' : c;
    }
    return expr_sample_take(sample, &subject->process->scratch, EXPR_STR, len);
}

static const char *prepare_enc(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)config;
    return num == 0 || slice_equal(args[0].str, SLICE("query")) ? NULL : "the only encoding is 'query'";
}

static bool is_unreserved(char c)
{
    char lower = slice_lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

static bool conv_url_enc(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    static const char digits[] = "0123456789ABCDEF";
    (void)args;
    struct slice in = sample->str;
    size_t i = 0, room, len = 0;
    while (i < in.len && is_unreserved(in.ptr[i]))
        i++;
    if (i == in.len)
        return true;
    char *out = expr_scratch_rest(&subject->process->scratch, &room);
    for (i = 0; i < in.len; i++) {
        if (room - len < 3)
            return false;
        uint8_t byte = (uint8_t)in.ptr[i];
        if (is_unreserved(in.ptr[i])) {
            out[len++] = in.ptr[i];
            continue;
        }
        out[len++] = '%';
        out[len++] = digits[byte >> 4];
        out[len++] = digits[byte & 15];
    }
    return expr_sample_take(sample, &subject->process->scratch, EXPR_STR, len);
}

// The offset of the ':' before the port, or the whole length: the last one, unless an address in brackets ends later.
static size_t find_port(struct slice host)
{
    size_t i = host.len;
    while (i > 0 && host.ptr[i - 1] != ':' && host.ptr[i - 1] != ']')
        i--;
    return i > 0 && host.ptr[i - 1] == ':' ? i - 1 : host.len;
}

static bool conv_host_only(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)args;
    sample->str.len = find_port(sample->str);
    struct slice host = sample->str;
    size_t i = 0;
    while (i < host.len && slice_lower(host.ptr[i]) == host.ptr[i])
        i++;
    if (i == host.len)
        return true;
    char *text = expr_sample_copy(sample, &subject->process->scratch);
    for (; text && i < host.len; i++)
        text[i] = slice_lower(text[i]);
    return text != NULL;
}

static bool conv_port_only(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject, (void)args;
    struct slice port = slice_from(sample->str, find_port(sample->str) + 1);
    uint64_t num = 0;
    if (port.len && (!slice_to_u64(port, &num) || num > UINT32_MAX))
        return false;
    *sample = (struct expr_sample){ .type = EXPR_INT, .num = (int64_t)num };
    return true;
}

static const struct expr_conv rows[] = {
    { .name = "url_dec",
      .args = "[<in_form>]",
      .max_args = 1,
      .in = EXPR_STR,
      .out = EXPR_STR,
      .prepare = prepare_form,
      .convert = conv_url_dec,
      .help =
          "The text with %XX replaced by the byte XX, and '+' by a space behind a '?' or, with an argument other than "
          "0, everywhere. No value where a '%' lacks its two digits.",
      .good = "str(/a%20b?c+d),url_dec",
      .gives = "/a b?c d",
      .bad = "str(a),url_dec(x)",
      .bad_says = "its argument is an integer" },
    { .name = "url_enc",
      .args = "[<enc_type>]",
      .max_args = 1,
      .in = EXPR_STR,
      .out = EXPR_STR,
      .prepare = prepare_enc,
      .convert = conv_url_enc,
      .help = "The text with %XX for every byte but letters, digits, '-', '.', '_' and '~'. The only type is 'query'.",
      .good = "str(a b/~),url_enc",
      .gives = "a%20b%2F~",
      .bad = "str(a),url_enc(path)",
      .bad_says = "the only encoding is 'query'" },
    { .name = "host_only",
      .in = EXPR_STR,
      .out = EXPR_STR,
      .convert = conv_host_only,
      .help = "The host of a Host header's value, without its port and in lower case.",
      .good = "str([::A]:443),host_only",
      .gives = "[::a]",
      .bad = "str(a),host_only(1)",
      .bad_says = "takes no arguments" },
    { .name = "port_only",
      .in = EXPR_STR,
      .out = EXPR_INT,
      .convert = conv_port_only,
      .help = "The port of a Host header's value; 0 where it has none, no value where it is no number.",
      .good = "str(example.com:8080),port_only",
      .gives = "8080",
      .bad = "str(a),port_only(1)",
      .bad_says = "takes no arguments" },
};
EXPR_CONVERTERS(rows);
