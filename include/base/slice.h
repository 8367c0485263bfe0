// SPDX-License-Identifier: Apache-2.0
// A slice is a borrowed run of bytes: a pointer and a length, no terminator, no ownership. It may hold any byte, NUL
// included. Everything that looks at traffic or configuration text takes slices.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *ptr;
    size_t len;
};

#define SLICE(literal) ((struct slice){ .ptr = "" literal, .len = sizeof(literal) - 1 })

// slice_of gives the slice of the `len` bytes at `ptr`.
static inline struct slice slice_of(const char *ptr, size_t len)
{
    return (struct slice){ .ptr = ptr, .len = len };
}

// slice_str gives the slice of the string `str` without its terminator; NULL gives the empty slice.
static inline struct slice slice_str(const char *str)
{
    return (struct slice){ .ptr = str, .len = str ? strlen(str) : 0 };
}

// slice_lower gives the lower case of the ASCII letter `c`, and any other byte as it is.
static inline char slice_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

// slice_hex_digit gives the value of the hexadecimal digit `c`, or -1.
static inline int slice_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = slice_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// slice_equal says whether `a` and `b` hold the same bytes.
static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

// slice_equal_nocase says whether `a` and `b` are the same but for the case of ASCII letters.
bool slice_equal_nocase(struct slice a, struct slice b);

// slice_begins says whether `a` starts with `prefix`.
static inline bool slice_begins(struct slice a, struct slice prefix)
{
    return a.len >= prefix.len && (prefix.len == 0 || memcmp(a.ptr, prefix.ptr, prefix.len) == 0);
}

// slice_ends says whether `a` ends with `suffix`.
static inline bool slice_ends(struct slice a, struct slice suffix)
{
    return a.len >= suffix.len && (suffix.len == 0 || memcmp(a.ptr + a.len - suffix.len, suffix.ptr, suffix.len) == 0);
}

// slice_find gives the offset of the first byte `c` in `a`, or a.len where there is none.
static inline size_t slice_find(struct slice a, char c)
{
    const char *hit = a.len ? memchr(a.ptr, c, a.len) : NULL;
    return hit ? (size_t)(hit - a.ptr) : a.len;
}

// slice_from gives what remains of `a` after its first `skip` bytes (at most all of them).
static inline struct slice slice_from(struct slice a, size_t skip)
{
    skip = skip < a.len ? skip : a.len;
    // An empty slice may have no pointer, to which C allows no adding, not even of 0.
    if (!skip)
        return a;
    return (struct slice){ .ptr = a.ptr + skip, .len = a.len - skip };
}

// slice_trim gives `a` without the spaces and tabs at both of its ends (OWS, RFC 9110 section 5.6.3).
struct slice slice_trim(struct slice a);

// slice_to_u64 reads the whole of `a` as a decimal number into `*out`; false where it is empty, holds anything but
// digits, or exceeds 64 bits.
bool slice_to_u64(struct slice a, uint64_t *out);

// slice_to_i64 likewise reads one that may have a sign.
bool slice_to_i64(struct slice a, int64_t *out);

// slice_utf8_len gives the length of the UTF-8 character (RFC 3629) that `a`, which is not empty, begins with; 0 where
// it begins with none.
size_t slice_utf8_len(struct slice a);
