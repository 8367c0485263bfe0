// SPDX-License-Identifier: Apache-2.0
// Converters that shorten a text or change its letters.
#include "expr/bytes.h"

// Most texts have the right case already and need no copy.
static bool change_case(struct expr_subject *subject, struct expr_sample *sample, char first)
{
    size_t i = 0;
    while (i < sample->str.len && (uint8_t)(sample->str.ptr[i] - first) >= 26)
        i++;
    if (i == sample->str.len)
        return true;
    size_t len = sample->str.len;
    char *text = expr_sample_copy(sample, &subject->process->scratch);
    if (!text)
        return false;
    for (; i < len; i++)
        if ((uint8_t)(text[i] - first) < 26)
            text[i] ^= 0x20;
    return true;
}

static bool conv_lower(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)args;
    return change_case(subject, sample, 'A');
}

static bool conv_upper(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)args;
    return change_case(subject, sample, 'a');
}

static const char *prepare_chars(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)num;
    args[0].data = expr_bytes_new(config->arena, args[0].str);
    return args[0].str.len ? NULL : "its argument is the characters to remove";
}

static bool conv_ltrim(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject;
    size_t i = 0;
    while (i < sample->str.len && expr_bytes_has(args[0].data, sample->str.ptr[i]))
        i++;
    sample->str = slice_from(sample->str, i);
    return true;
}

static bool conv_rtrim(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject;
    while (sample->str.len && expr_bytes_has(args[0].data, sample->str.ptr[sample->str.len - 1]))
        sample->str.len--;
    return true;
}

static bool conv_cut_crlf(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject, (void)args;
    sample->str.len = slice_find(sample->str, '\r');
    sample->str.len = slice_find(sample->str, '\n');
    return true;
}

// Bit n stands for the byte n, and bit 32 for DEL.
#define CTL_ANY  0x1ffffffffu
#define CTL_HTTP 0x2401u

static const char *prepare_ctl(struct config *config, struct expr_arg *args, uint32_t num)
{
    static const char wrong[] = "its argument is 'any', 'http' or a number of up to 33 bits";
    (void)config;
    struct slice text = args[0].str;
    uint64_t mask = 0;
    if (num == 0) {
        mask = CTL_ANY & ~((uint64_t)1 << '\t');
    } else if (slice_equal(text, SLICE("any"))) {
        mask = CTL_ANY;
    } else if (slice_equal(text, SLICE("http"))) {
        mask = CTL_HTTP;
    } else if (slice_begins(text, SLICE("0x")) || slice_begins(text, SLICE("0X"))) {
        if (text.len == 2)
            return wrong;
        for (size_t i = 2; i < text.len; i++) {
            int digit = slice_hex_digit(text.ptr[i]);
            if (digit < 0 || mask > CTL_ANY)
                return wrong;
            mask = mask << 4 | (uint64_t)digit;
        }
    } else if (!slice_to_u64(text, &mask)) {
        return wrong;
    }
    args[0].num = (int64_t)mask;
    return mask > CTL_ANY ? wrong : NULL;
}

static bool conv_has_ctl(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject;
    uint64_t mask = (uint64_t)args[0].num;
    bool has = false;
    for (size_t i = 0; i < sample->str.len && !has; i++) {
        uint8_t byte = (uint8_t)sample->str.ptr[i];
        has = byte < 0x20 ? mask >> byte & 1 : byte == 0x7f && mask >> 32;
    }
    *sample = (struct expr_sample){ .type = EXPR_BOOL, .boolean = has };
    return true;
}

static const struct expr_conv rows[] = {
    { .name = "lower",
      .in = EXPR_STR,
      .out = EXPR_STR,
      .convert = conv_lower,
      .help = "The text with its ASCII letters in lower case.",
      .good = "str(Www.Example),lower",
      .gives = "www.example",
      .bad = "str(a),lower(b)",
      .bad_says = "takes no arguments" },
    { .name = "upper",
      .in = EXPR_STR,
      .out = EXPR_STR,
      .convert = conv_upper,
      .help = "The text with its ASCII letters in upper case.",
      .good = "str(get1),upper",
      .gives = "GET1",
      .bad = "str(a),upper(b)",
      .bad_says = "takes no arguments" },
    { .name = "ltrim",
      .args = "<chars>",
      .min_args = 1,
      .max_args = 1,
      .in = EXPR_STR,
      .out = EXPR_STR,
      .prepare = prepare_chars,
      .convert = conv_ltrim,
      .help = "The text without those of the characters that it begins with.",
      .good = "str(/./a/.),ltrim(./)",
      .gives = "a/.",
      .bad = "str(a),ltrim",
      .bad_says = "takes (<chars>)" },
    { .name = "rtrim",
      .args = "<chars>",
      .min_args = 1,
      .max_args = 1,
      .in = EXPR_STR,
      .out = EXPR_STR,
      .prepare = prepare_chars,
      .convert = conv_rtrim,
      .help = "The text without those of the characters that it ends with.",
      .good = "str(/./a/.),rtrim(./)",
      .gives = "/./a",
      .bad = "str(a),rtrim()",
      .bad_says = "its argument is the characters to remove" },
    { .name = "cut_crlf",
      .in = EXPR_STR,
      .out = EXPR_STR,
      .convert = conv_cut_crlf,
      .help = "The text up to its first carriage return or line feed.",
      .good = "str(one%0D%0Atwo),url_dec,cut_crlf",
      .gives = "one",
      .bad = "str(a),cut_crlf(1)",
      .bad_says = "takes no arguments" },
    { .name = "has_ctl",
      .args = "[<mask>]",
      .max_args = 1,
      .in = EXPR_BIN,
      .out = EXPR_BOOL,
      .prepare = prepare_ctl,
      .convert = conv_has_ctl,
      .help = "Whether a control character is in it: one of those the mask has a bit for (bit 32 is DEL), any ('any'), "
              "CR, LF or NUL ('http'), or, without a mask, any but TAB.",
      .good = "str(a%09b),url_dec,has_ctl(any)",
      .gives = "1",
      .bad = "str(a),has_ctl(0x200000000)",
      .bad_says = "'any', 'http' or a number of up to 33 bits" },
};
EXPR_CONVERTERS(rows);
