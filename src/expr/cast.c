// SPDX-License-Identifier: Apache-2.0
#include "expr/conv.h"

#define TO(type)   (1u << EXPR_##type)
#define TO_STRINGS (TO(STR) | TO(BIN))

// What each type may become (manual section 7.3.1).
static const uint32_t casts[EXPR_NUM_TYPES] = {
    [EXPR_BOOL] = TO(BOOL) | TO(INT) | TO_STRINGS,
    [EXPR_INT] = TO(BOOL) | TO(INT) | TO(ADDR) | TO_STRINGS,
    [EXPR_ADDR] = TO(ADDR) | TO(INT) | TO_STRINGS,
    [EXPR_STR] = TO(BOOL) | TO(INT) | TO(ADDR) | TO_STRINGS | TO(METHOD),
    [EXPR_BIN] = TO_STRINGS,
    [EXPR_METHOD] = TO(METHOD) | TO_STRINGS,
};

bool expr_cast_exists(enum expr_type from, enum expr_type to)
{
    return from >= EXPR_NUM_TYPES || to >= EXPR_NUM_TYPES || casts[from] & 1u << to;
}

bool expr_cast(struct expr_sample *sample, enum expr_type to, struct expr_scratch *scratch)
{
    struct expr_sample from = *sample;
    char text[EXPR_TEXT_LEN];
    if (from.type == to)
        return true;
    if (!expr_cast_exists(from.type, to))
        return false;
    sample->type = to;
    switch (to) {
    case EXPR_BOOL:
        return expr_sample_bool(&from, &sample->boolean);
    case EXPR_INT:
        return expr_sample_int(&from, &sample->num);
    case EXPR_ADDR:
        return expr_sample_addr(&from, &sample->addr);
    default:
        break;
    }
    if (from.type == EXPR_STR || from.type == EXPR_BIN || from.type == EXPR_METHOD)
        return true;
    struct slice str = expr_sample_str(&from, text);
    char *copy = expr_scratch_take(scratch, str.len);
    if (!copy)
        return false;
    memcpy(copy, str.ptr, str.len);
    sample->str = slice_of(copy, str.len);
    return true;
}
