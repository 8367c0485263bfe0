// SPDX-License-Identifier: Apache-2.0
// What the converters of text share: sets of bytes, integers in arguments, results made in the scratch. Private to this
// area. Nothing here allocates but from the configuration's arena, at boot.
#pragma once

#include "base/arena.h"
#include "expr/conv.h"

// A set of bytes, one bit each.
struct expr_bytes {
    uint64_t bits[4];
};

// expr_bytes_new makes the set of the bytes of `chars`, in `arena`.
struct expr_bytes *expr_bytes_new(struct arena *arena, struct slice chars);

// expr_bytes_has says whether `c` is in `set`.
static inline bool expr_bytes_has(const struct expr_bytes *set, char c)
{
    uint8_t byte = (uint8_t)c;
    return set->bits[byte >> 6] >> (byte & 63) & 1;
}

// expr_sample_take makes `sample` the first `len` bytes of what expr_scratch_rest gave; the same for binary ones with
// `type` EXPR_BIN. It returns true, so that it can be returned.
bool expr_sample_take(struct expr_sample *sample, struct expr_scratch *scratch, enum expr_type type, size_t len);

// expr_sample_copy makes `sample` a string of its own in `scratch`, to be changed there: the first byte, or NULL where
// there is no room. An empty one stays as it is, and gives a pointer to nothing.
char *expr_sample_copy(struct expr_sample *sample, struct expr_scratch *scratch);
