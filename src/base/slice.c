// SPDX-License-Identifier: Apache-2.0
#include "base/fold.h"
#include "base/slice.h"

bool slice_equal_nocase(struct slice a, struct slice b)
{
    return a.len == b.len && fold_same(a.ptr, b.ptr, a.len, true);
}

struct slice slice_trim(struct slice a)
{
    while (a.len && (a.ptr[0] == ' ' || a.ptr[0] == '\t')) {
        a.ptr++;
        a.len--;
    }
    while (a.len && (a.ptr[a.len - 1] == ' ' || a.ptr[a.len - 1] == '\t'))
        a.len--;
    return a;
}

bool slice_to_u64(struct slice a, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < a.len; i++) {
        unsigned digit = (unsigned char)a.ptr[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(value, 10u, &value) || __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *out = value;
    return a.len > 0;
}

bool slice_to_i64(struct slice a, int64_t *out)
{
    bool negative = a.len && a.ptr[0] == '-';
    bool sign = negative || (a.len && a.ptr[0] == '+');
    uint64_t value;
    if (!slice_to_u64(slice_from(a, sign), &value) || value > (uint64_t)INT64_MAX + negative)
        return false;
    *out = (int64_t)(negative ? -value : value);
    return true;
}

size_t slice_utf8_len(struct slice a)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    const unsigned char *s = (const unsigned char *)a.ptr;
    if (s[0] < 0x80)
        return 1;
    size_t need = s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
    if (need == 0 || need > a.len)
        return 0;
    uint32_t code = s[0] & (0x7fu >> need);
    for (size_t i = 1; i < need; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (s[i] & 0x3f);
    }
    return code >= least[need] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? need : 0;
}
