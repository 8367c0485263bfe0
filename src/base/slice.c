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
