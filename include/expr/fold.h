// SPDX-License-Identifier: Apache-2.0
// Eight bytes at a time: for comparing and hashing text in either case. Private to this area.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

// expr_load gives up to eight bytes as a word, the rest of it zero.
static inline uint64_t expr_load(const char *ptr, size_t len)
{
    uint64_t word = 0;
    memcpy(&word, ptr, len);
    return word;
}

// expr_fold8 gives the eight bytes of `word` with ASCII letters in lower case: a byte is an upper-case letter where
// adding up to 'A' carries into its highest bit and adding up to behind 'Z' does not.
static inline uint64_t expr_fold8(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
    uint64_t low = word & ~high;
    uint64_t upper = (low + ones * (0x80 - 'A')) & ~(low + ones * (0x7f - 'Z')) & ~word & high;
    return word | upper >> 2;
}
