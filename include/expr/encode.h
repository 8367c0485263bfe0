// SPDX-License-Identifier: Apache-2.0
// Bytes as text and back: base64 in its two alphabets (RFC 4648 sections 4 and 5). Pure functions that write where they
// are told; any process uses them.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include "base/slice.h"

enum expr_base64 {
    EXPR_BASE64,     // "+/", padded
    EXPR_BASE64_URL, // "-_", without padding
};

// expr_base64_len gives the length of the text for `len` bytes, padding included.
static inline size_t expr_base64_len(size_t len)
{
    return (len + 2) / 3 * 4;
}

// expr_base64_url_len gives it without padding.
static inline size_t expr_base64_url_len(size_t len)
{
    return (len * 4 + 2) / 3;
}

// expr_base64_max gives the most bytes that a text of `len` may stand for.
static inline size_t expr_base64_max(size_t len)
{
    return (len + 3) / 4 * 3;
}

// expr_base64_encode writes `data` to `dst`, which has room for what expr_base64_len (or _url_len) says, and gives the
// number of bytes written.
size_t expr_base64_encode(char *dst, struct slice data, enum expr_base64 kind);

// expr_base64_decode writes the bytes that `text` stands for to `dst`, which has room for expr_base64_max, and their
// number to `*len`. False where it holds anything else: another alphabet, spaces, padding where there should be none,
// or none where there should be some. Unused bits at the end may be set. The time it takes depends on the length alone,
// as far as the text is valid.
bool expr_base64_decode(char *dst, size_t *len, struct slice text, enum expr_base64 kind);
