// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include "base/check.h"
#include "expr/sample.h"

static const char *const type_names[EXPR_NUM_TYPES] = {
    [EXPR_BOOL] = "boolean", [EXPR_INT] = "integer", [EXPR_ADDR] = "ip",
    [EXPR_STR] = "string",   [EXPR_BIN] = "binary",  [EXPR_METHOD] = "method",
};

const char *expr_type_name(enum expr_type type)
{
    return type < EXPR_NUM_TYPES ? type_names[type] : "any";
}

// The digits it begins with, held to the range; an empty string is no number, one without digits is 0.
static bool str_int(struct slice str, int64_t *out)
{
    if (str.len == 0)
        return false;
    bool negative = str.ptr[0] == '-';
    size_t i = negative || str.ptr[0] == '+';
    int64_t value = 0;
    for (; i < str.len && str.ptr[i] >= '0' && str.ptr[i] <= '9'; i++) {
        int digit = str.ptr[i] - '0';
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, negative ? -digit : digit, &value)) {
            *out = negative ? INT64_MIN : INT64_MAX;
            return true;
        }
    }
    *out = value;
    return true;
}

bool expr_sample_int(const struct expr_sample *sample, int64_t *out)
{
    switch (sample->type) {
    case EXPR_BOOL:
        *out = sample->boolean;
        return true;
    case EXPR_INT:
        *out = sample->num;
        return true;
    case EXPR_ADDR: {
        const uint8_t *b = sample->addr.bytes;
        *out = (int64_t)b[0] << 24 | (int64_t)b[1] << 16 | (int64_t)b[2] << 8 | b[3];
        return sample->addr.family == 4;
    }
    case EXPR_STR:
        return str_int(sample->str, out);
    default:
        return false;
    }
}

bool expr_sample_bool(const struct expr_sample *sample, bool *out)
{
    int64_t num;
    if (sample->type == EXPR_ADDR || !expr_sample_int(sample, &num))
        return false;
    *out = num != 0;
    return true;
}

bool expr_sample_addr(const struct expr_sample *sample, struct expr_addr *out)
{
    if (sample->type == EXPR_ADDR) {
        *out = sample->addr;
        return true;
    }
    return sample->type == EXPR_STR && expr_addr_parse(out, sample->str);
}

// The digits of `num` end at `end`; the first of them, or the minus before it. No printf: header values and log lines
// are full of numbers.
static char *digits(char *end, uint64_t num, bool negative)
{
    do
        *--end = (char)('0' + num % 10);
    while (num /= 10);
    if (negative)
        *--end = '-';
    return end;
}

struct slice expr_int_text(char scratch[EXPR_TEXT_LEN], int64_t num)
{
    char *end = scratch + EXPR_TEXT_LEN - 1, *start = digits(end, num < 0 ? 0 - (uint64_t)num : (uint64_t)num, num < 0);
    *end = '\0';
    return slice_of(start, (size_t)(end - start));
}

struct slice expr_addr_text(char scratch[EXPR_TEXT_LEN], const struct expr_addr *addr)
{
    if (addr->family != 4) {
        must(inet_ntop(AF_INET6, addr->bytes, scratch, EXPR_TEXT_LEN));
        return slice_str(scratch);
    }
    char *end = scratch + EXPR_TEXT_LEN - 1, *start = end;
    *end = '\0';
    for (int i = 3; i >= 0; i--) {
        start = digits(start, addr->bytes[i], false);
        if (i)
            *--start = '.';
    }
    return slice_of(start, (size_t)(end - start));
}

struct slice expr_sample_str(const struct expr_sample *sample, char scratch[EXPR_TEXT_LEN])
{
    switch (sample->type) {
    case EXPR_BOOL:
        return sample->boolean ? SLICE("1") : SLICE("0");
    case EXPR_INT:
        return expr_int_text(scratch, sample->num);
    case EXPR_ADDR:
        return expr_addr_text(scratch, &sample->addr);
    default:
        return sample->str;
    }
}

// "127.1" is 127.0.0.1: the last number is the last octet, those before it count from the front. Nothing is read as
// octal or hexadecimal, and an octet that looks octal is refused. Of `min` octets at least.
static bool parse_v4(uint8_t bytes[4], struct slice text, size_t min)
{
    uint8_t octets[4] = { 0 };
    size_t num = 0, i = 0;
    for (;;) {
        size_t start = i;
        uint32_t octet = 0;
        while (i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9' && i - start < 4)
            octet = octet * 10 + (uint32_t)(text.ptr[i++] - '0');
        size_t digits = i - start;
        if (digits == 0 || octet > 255 || num == 4 || (digits > 1 && text.ptr[start] == '0'))
            return false;
        octets[num++] = (uint8_t)octet;
        if (i == text.len)
            break;
        if (text.ptr[i++] != '.')
            return false;
    }
    if (num < min)
        return false;
    memset(bytes, 0, 4);
    memcpy(bytes, octets, num - 1);
    bytes[3] = octets[num - 1];
    return true;
}

bool expr_addr_parse_short(struct expr_addr *out, struct slice text)
{
    *out = (struct expr_addr){ .family = 4 };
    // A lone number is more likely a mistake than an address.
    return parse_v4(out->bytes, text, 2) || expr_addr_parse(out, text);
}

bool expr_addr_parse(struct expr_addr *out, struct slice text)
{
    *out = (struct expr_addr){ .family = 4 };
    if (parse_v4(out->bytes, text, 4))
        return true;
    char buf[INET6_ADDRSTRLEN];
    if (text.len >= sizeof(buf) || slice_find(text, '\0') != text.len || slice_find(text, ':') == text.len)
        return false;
    memcpy(buf, text.ptr, text.len);
    buf[text.len] = '\0';
    out->family = 6;
    return inet_pton(AF_INET6, buf, out->bytes) == 1;
}
