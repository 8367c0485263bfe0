// SPDX-License-Identifier: Apache-2.0
// Converters between bytes and their texts: base64, hexadecimal, binary and decimal digits.
#include <inttypes.h>
#include <stdio.h>
#include "base/check.h"
#include "expr/conv.h"
#include "expr/encode.h"
#include "expr/number.h"

static bool put(struct expr_sample *sample, enum expr_type type, const char *ptr, size_t len)
{
    *sample = (struct expr_sample){ .type = type, .str = slice_of(ptr, len) };
    return true;
}

static bool encode(struct expr_subject *subject, struct expr_sample *sample, enum expr_base64 kind)
{
    size_t len = kind == EXPR_BASE64 ? expr_base64_len(sample->str.len) : expr_base64_url_len(sample->str.len);
    char *text = expr_scratch_take(&subject->process->scratch, len);
    return text && put(sample, EXPR_STR, text, expr_base64_encode(text, sample->str, kind));
}

static bool decode(struct expr_subject *subject, struct expr_sample *sample, enum expr_base64 kind, enum expr_type out)
{
    char *bytes = expr_scratch_take(&subject->process->scratch, expr_base64_max(sample->str.len));
    size_t len;
    return bytes && expr_base64_decode(bytes, &len, sample->str, kind) && put(sample, out, bytes, len);
}

static bool convert_base64(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)args;
    return encode(subject, sample, EXPR_BASE64);
}

static bool convert_ub64enc(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)args;
    return encode(subject, sample, EXPR_BASE64_URL);
}

static bool convert_b64dec(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)args;
    return decode(subject, sample, EXPR_BASE64, EXPR_BIN);
}

static bool convert_ub64dec(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)args;
    return decode(subject, sample, EXPR_BASE64_URL, EXPR_STR);
}

static char *put_hex(char *out, uint8_t byte)
{
    static const char digits[] = "0123456789ABCDEF";
    *out++ = digits[byte >> 4];
    *out++ = digits[byte & 15];
    return out;
}

static bool convert_hex(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)args;
    struct slice data = sample->str;
    char *text = expr_scratch_take(&subject->process->scratch, data.len * 2), *out = text;
    if (!text)
        return false;
    for (size_t i = 0; i < data.len; i++)
        out = put_hex(out, (uint8_t)data.ptr[i]);
    return put(sample, EXPR_STR, text, (size_t)(out - text));
}

static bool convert_base2(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)args;
    struct slice data = sample->str;
    char *text = expr_scratch_take(&subject->process->scratch, data.len * 8), *out = text;
    if (!text)
        return false;
    for (size_t i = 0; i < data.len; i++)
        for (unsigned bit = 8; bit-- > 0;)
            *out++ = (char)('0' + ((uint8_t)data.ptr[i] >> bit & 1));
    return put(sample, EXPR_STR, text, (size_t)(out - text));
}

static bool convert_hex2i(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject, (void)args;
    uint64_t num = 0;
    for (size_t i = 0; i < sample->str.len; i++) {
        int digit = slice_hex_digit(sample->str.ptr[i]);
        if (digit < 0)
            return false;
        num = num << 4 | (uint64_t)digit;
    }
    // Of more than 16 digits the last ones count, as in HAProxy.
    *sample = (struct expr_sample){ .type = EXPR_INT, .num = (int64_t)num };
    return true;
}

static const char *prepare_truncate(struct config *config, struct expr_arg *args, uint32_t num)
{
    return num > 2 && args[2].str.len ? expr_arg_number(config, &args[2], 0, 1) : NULL;
}

static const char *prepare_decimal(struct config *config, struct expr_arg *args, uint32_t num)
{
    const char *wrong = expr_arg_number(config, &args[1], 1, 8);
    return wrong ? wrong : prepare_truncate(config, args, num);
}

static const char *prepare_be2hex(struct config *config, struct expr_arg *args, uint32_t num)
{
    const char *wrong = NULL;
    // Without a separator there need be no chunks either: num stays 0, all of it is one.
    if ((num > 1 && args[1].str.len) || args[0].str.len)
        wrong = expr_arg_number(config, &args[1], 1, INT32_MAX);
    return wrong ? wrong : prepare_truncate(config, args, num);
}

// How much of `data` counts: with truncate only whole chunks do.
static size_t chunked_len(struct slice data, const struct expr_arg *args)
{
    size_t chunk = (size_t)args[1].num;
    return args[2].num && chunk ? data.len - data.len % chunk : data.len;
}

// Enough for the digits of 8 bytes.
enum { DECIMAL_MAX = 20 };

static bool to_decimal(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args,
                       bool little)
{
    struct slice data = slice_of(sample->str.ptr, chunked_len(sample->str, args)), separator = args[0].str;
    size_t chunk = (size_t)args[1].num, room;
    char *text = expr_scratch_rest(&subject->process->scratch, &room);
    size_t len = 0;
    for (size_t i = 0; i < data.len; i += chunk) {
        size_t num = data.len - i < chunk ? data.len - i : chunk;
        uint64_t value = 0;
        for (size_t k = 0; k < num; k++)
            value = value << 8 | (uint8_t)data.ptr[little ? i + num - 1 - k : i + k];
        if (room - len <= separator.len + DECIMAL_MAX)
            return false;
        if (i && separator.len) {
            memcpy(text + len, separator.ptr, separator.len);
            len += separator.len;
        }
        len += (size_t)snprintf(text + len, DECIMAL_MAX + 1, "%" PRIu64, value);
    }
    must(expr_scratch_take(&subject->process->scratch, len) == text);
    return put(sample, EXPR_STR, text, len);
}

static bool convert_be2dec(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    return to_decimal(subject, sample, args, false);
}

static bool convert_le2dec(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    return to_decimal(subject, sample, args, true);
}

static bool convert_be2hex(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    struct slice data = slice_of(sample->str.ptr, chunked_len(sample->str, args)), separator = args[0].str;
    size_t chunk = args[1].num ? (size_t)args[1].num : data.len;
    size_t num_separators = data.len ? (data.len - 1) / chunk : 0;
    struct expr_scratch *scratch = &subject->process->scratch;
    // Neither product can overflow: both lengths are those of texts in memory, and the first is bounded here.
    if (data.len > scratch->cap || separator.len > scratch->cap)
        return false;
    char *text = expr_scratch_take(scratch, data.len * 2 + num_separators * separator.len), *out = text;
    if (!text)
        return false;
    for (size_t i = 0; i < data.len; i++) {
        if (i && i % chunk == 0 && separator.len) {
            memcpy(out, separator.ptr, separator.len);
            out += separator.len;
        }
        out = put_hex(out, (uint8_t)data.ptr[i]);
    }
    return put(sample, EXPR_STR, text, (size_t)(out - text));
}

static const struct expr_conv converters[] = {
    { .name = "base64",
      .in = EXPR_BIN,
      .out = EXPR_STR,
      .convert = convert_base64,
      .help = "The bytes as base64, padded.",
      .good = "bin(fffefdfc80),base64",
      .gives = "//79/IA=" },
    { .name = "b64dec",
      .in = EXPR_STR,
      .out = EXPR_BIN,
      .convert = convert_b64dec,
      .help = "The bytes that a base64 text stands for. It must be padded, and hold nothing else.",
      .good = "str(aGVsbG8=),b64dec",
      .gives = "hello" },
    { .name = "ub64enc",
      .in = EXPR_BIN,
      .out = EXPR_STR,
      .convert = convert_ub64enc,
      .help = "The bytes as base64url, without padding.",
      .good = "bin(fffefdfc80),ub64enc",
      .gives = "__79_IA" },
    { .name = "ub64dec",
      .in = EXPR_STR,
      .out = EXPR_STR,
      .convert = convert_ub64dec,
      .help = "The text that a base64url text without padding stands for.",
      .good = "str(aGVsbG8),ub64dec",
      .gives = "hello" },
    { .name = "hex",
      .in = EXPR_BIN,
      .out = EXPR_STR,
      .convert = convert_hex,
      .help = "Two hexadecimal digits per byte.",
      .good = "str(jk),hex",
      .gives = "6A6B" },
    { .name = "hex2i",
      .in = EXPR_STR,
      .out = EXPR_INT,
      .convert = convert_hex2i,
      .help = "The number that hexadecimal digits stand for; nothing where there is any other character.",
      .good = "str(FF0),hex2i",
      .gives = "4080" },
    { .name = "base2",
      .in = EXPR_BIN,
      .out = EXPR_STR,
      .convert = convert_base2,
      .help = "Eight binary digits per byte, so that prefixes of bits can be looked up.",
      .good = "bin(05ff),base2",
      .gives = "0000010111111111" },
    { .name = "be2dec",
      .args = "<separator>,<chunk_size>[,<truncate>]",
      .min_args = 2,
      .max_args = 3,
      .in = EXPR_BIN,
      .out = EXPR_STR,
      .prepare = prepare_decimal,
      .convert = convert_be2dec,
      .help = "A decimal number per chunk of 1 to 8 bytes, the most significant byte first, with the separator between "
              "them; with <truncate> 1 a last, shorter chunk is left out.",
      .good = "bin(01020304050607),be2dec(:,2)",
      .gives = "258:772:1286:7",
      .bad = "bin(01),be2dec(:,9)",
      .bad_says = "expected a number from 1 to 8" },
    { .name = "le2dec",
      .args = "<separator>,<chunk_size>[,<truncate>]",
      .min_args = 2,
      .max_args = 3,
      .in = EXPR_BIN,
      .out = EXPR_STR,
      .prepare = prepare_decimal,
      .convert = convert_le2dec,
      .help = "As be2dec, the least significant byte first.",
      .good = "bin(01020304050607),le2dec(:,2)",
      .gives = "513:1027:1541:7",
      .bad = "bin(01),le2dec(:,0)",
      .bad_says = "expected a number from 1 to 8" },
    { .name = "be2hex",
      .args = "[<separator>[,<chunk_size>[,<truncate>]]]",
      .max_args = 3,
      .in = EXPR_BIN,
      .out = EXPR_STR,
      .prepare = prepare_be2hex,
      .convert = convert_be2hex,
      .help = "Two hexadecimal digits per byte, with the separator after every chunk of bytes but the last; with "
              "<truncate> 1 a last, shorter chunk is left out.",
      .good = "bin(01020304050607),be2hex(--,2,1)",
      .gives = "0102--0304--0506",
      .bad = "bin(01),be2hex(:,0)",
      .bad_says = "expected a number from 1" },
};
EXPR_CONVERTERS(converters);
