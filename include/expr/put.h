// SPDX-License-Identifier: Apache-2.0
// How fetches and converters give their value: each sets `out` and returns true, so that it can be returned. For the
// areas that have fetches.
#pragma once

#include "expr/sample.h"

// put_str gives the text `str`.
static inline bool put_str(struct expr_sample *out, struct slice str)
{
    *out = (struct expr_sample){ .type = EXPR_STR, .str = str };
    return true;
}

// put_bin gives the bytes `bytes`.
static inline bool put_bin(struct expr_sample *out, struct slice bytes)
{
    *out = (struct expr_sample){ .type = EXPR_BIN, .str = bytes };
    return true;
}

// put_int gives `num`.
static inline bool put_int(struct expr_sample *out, int64_t num)
{
    *out = (struct expr_sample){ .type = EXPR_INT, .num = num };
    return true;
}

// put_bool gives `value`.
static inline bool put_bool(struct expr_sample *out, bool value)
{
    *out = (struct expr_sample){ .type = EXPR_BOOL, .boolean = value };
    return true;
}
