// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"
#include "expr/bytes.h"

struct expr_bytes *expr_bytes_new(struct arena *arena, struct slice chars)
{
    struct expr_bytes *set = arena_alloc(arena, sizeof(*set));
    for (size_t i = 0; i < chars.len; i++) {
        uint8_t byte = (uint8_t)chars.ptr[i];
        set->bits[byte >> 6] |= (uint64_t)1 << (byte & 63);
    }
    return set;
}

bool expr_sample_take(struct expr_sample *sample, struct expr_scratch *scratch, enum expr_type type, size_t len)
{
    sample->type = type;
    sample->str = slice_of(expr_scratch_take(scratch, len), len);
    must(sample->str.ptr);
    return true;
}

char *expr_sample_copy(struct expr_sample *sample, struct expr_scratch *scratch)
{
    static char none[1];
    if (sample->str.len == 0)
        return none;
    char *copy = expr_scratch_take(scratch, sample->str.len);
    if (!copy)
        return NULL;
    memcpy(copy, sample->str.ptr, sample->str.len);
    sample->str.ptr = copy;
    return copy;
}
