// SPDX-License-Identifier: Apache-2.0
#include <stdint.h>
#include "expr/encode.h"

static const char alphabets[2][65] = {
    [EXPR_BASE64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    [EXPR_BASE64_URL] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

size_t expr_base64_encode(char *dst, struct slice data, enum expr_base64 kind)
{
    const char *alphabet = alphabets[kind];
    const uint8_t *at = (const uint8_t *)data.ptr;
    size_t left = data.len, num = 0;
    for (; left >= 3; at += 3, left -= 3) {
        dst[num++] = alphabet[at[0] >> 2];
        dst[num++] = alphabet[(at[0] & 3) << 4 | at[1] >> 4];
        dst[num++] = alphabet[(at[1] & 15) << 2 | at[2] >> 6];
        dst[num++] = alphabet[at[2] & 63];
    }
    if (left) {
        uint8_t second = left == 2 ? at[1] : 0;
        dst[num++] = alphabet[at[0] >> 2];
        dst[num++] = alphabet[(at[0] & 3) << 4 | second >> 4];
        if (left == 2)
            dst[num++] = alphabet[(second & 15) << 2];
        while (kind == EXPR_BASE64 && num % 4)
            dst[num++] = '=';
    }
    return num;
}

// The bit at the top says that `a` is less than `b`, both below 2^31.
static uint32_t less(uint32_t a, uint32_t b)
{
    return (a - b) >> 31;
}

// The value of the digit `c`, or more than 63. No table and no branch: keys come this way.
static uint32_t digit(uint32_t c, enum expr_base64 kind)
{
    uint32_t c62 = kind == EXPR_BASE64 ? '+' : '-', c63 = kind == EXPR_BASE64 ? '/' : '_';
    uint32_t upper = less('A' - 1, c) & less(c, 'Z' + 1);
    uint32_t lower = less('a' - 1, c) & less(c, 'z' + 1);
    uint32_t number = less('0' - 1, c) & less(c, '9' + 1);
    uint32_t is62 = less(c62 - 1, c) & less(c, c62 + 1);
    uint32_t is63 = less(c63 - 1, c) & less(c, c63 + 1);
    uint32_t any = upper | lower | number | is62 | is63;
    return (-upper & (c - 'A')) | (-lower & (c - 'a' + 26)) | (-number & (c - '0' + 52)) | (-is62 & 62) | (-is63 & 63) |
           (~-any & 64);
}

bool expr_base64_decode(char *dst, size_t *len, struct slice text, enum expr_base64 kind)
{
    *len = 0;
    if (kind == EXPR_BASE64) {
        if (text.len % 4)
            return false;
        for (int i = 0; i < 2 && text.len && text.ptr[text.len - 1] == '='; i++)
            text.len--;
    }
    if (text.len % 4 == 1)
        return false;
    uint32_t bits = 0, num_bits = 0, bad = 0;
    size_t num = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint32_t value = digit((uint8_t)text.ptr[i], kind);
        bad |= value & 64;
        bits = bits << 6 | (value & 63);
        num_bits += 6;
        if (num_bits >= 8) {
            num_bits -= 8;
            dst[num++] = (char)(bits >> num_bits);
        }
    }
    *len = num;
    return !bad;
}
