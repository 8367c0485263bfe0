// SPDX-License-Identifier: Apache-2.0
// Eight bytes at a time: for comparing and hashing text in either case. Pure; any process uses it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// fold_load gives eight bytes as a word.
static inline uint64_t fold_load(const char *ptr)
{
    uint64_t word;
    memcpy(&word, ptr, sizeof(word));
    return word;
}

// fold_load_few gives a word made of 1 to 8 bytes, in an order of its own and some of them twice: it tells texts of one
// length apart, and is less work than bytes one by one.
static inline uint64_t fold_load_few(const char *ptr, size_t len)
{
    uint32_t low, high;
    if (len >= 4) {
        memcpy(&low, ptr, sizeof(low));
        memcpy(&high, ptr + len - sizeof(high), sizeof(high));
        return low | (uint64_t)high << 32;
    }
    return (uint8_t)ptr[0] | (uint64_t)(uint8_t)ptr[len / 2] << 8 | (uint64_t)(uint8_t)ptr[len - 1] << 16;
}

// fold_word gives the eight bytes of `word` with ASCII letters in lower case: a byte is an upper-case letter where
// adding up to 'A' carries into its highest bit and adding up to behind 'Z' does not.
static inline uint64_t fold_word(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
    uint64_t low = word & ~high;
    uint64_t upper = (low + ones * (0x80 - 'A')) & ~(low + ones * (0x7f - 'Z')) & ~word & high;
    return word | upper >> 2;
}

// fold_same says whether the `len` bytes at `a` are those at `b`, whatever the case of letters with `nocase`.
static inline bool fold_same(const char *a, const char *b, size_t len, bool nocase)
{
    if (!nocase)
        return len == 0 || memcmp(a, b, len) == 0;
    for (; len >= 8; a += 8, b += 8, len -= 8)
        if (fold_word(fold_load(a)) != fold_word(fold_load(b)))
            return false;
    return len == 0 || fold_word(fold_load_few(a, len)) == fold_word(fold_load_few(b, len));
}
