// SPDX-License-Identifier: Apache-2.0
// A short text in memory of the caller's, always ended by a NUL, cut where it is full. It calls nothing of the C
// library, takes no lock and no memory, so that it may be used in a signal handler: that is what it is for. Any
// process.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct brief {
    char *ptr;
    size_t cap; // bytes at `ptr`, at least 1
    size_t len; // without the NUL
};

// brief_init begins an empty text in the `cap` bytes (at least 1) at `ptr`.
static inline void brief_init(struct brief *brief, char *ptr, size_t cap)
{
    *brief = (struct brief){ .ptr = ptr, .cap = cap };
    ptr[0] = '\0';
}

// brief_add appends `len` bytes; those that do not print become dots. What does not fit is left out.
static inline void brief_add(struct brief *brief, const char *text, size_t len)
{
    for (size_t i = 0; i < len && brief->len + 1 < brief->cap; i++) {
        unsigned char c = (unsigned char)text[i];
        brief->ptr[brief->len++] = (char)(c >= 0x20 && c < 0x7f ? c : '.');
    }
    brief->ptr[brief->len] = '\0';
}

// brief_str appends a text up to its NUL.
static inline void brief_str(struct brief *brief, const char *text)
{
    size_t len = 0;
    while (text[len])
        len++;
    brief_add(brief, text, len);
}

// brief_u64 appends a number in the given `base`, 10 or 16.
static inline void brief_u64(struct brief *brief, uint64_t number, unsigned base)
{
    char digits[20];
    size_t at = sizeof(digits);
    do
        digits[--at] = "0123456789abcdef"[number % base];
    while (number /= base);
    brief_add(brief, digits + at, sizeof(digits) - at);
}
