// SPDX-License-Identifier: Apache-2.0
// Normalizers of request targets (manual section 4.4, "normalize-uri"; RFC 3986 section 6.2.2). Pure: each reads `in`
// and writes what it becomes to `out`, which has room for `cap` bytes and does not overlap it. Used by one action.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include "base/slice.h"

enum stream_normalized {
    STREAM_NORMALIZED,        // `*len` bytes were written
    STREAM_NORMALIZE_INVALID, // strict, and `in` holds a '%' that two hexadecimal digits do not follow
    STREAM_NORMALIZE_FULL,    // `cap` is not enough
};

typedef enum stream_normalized stream_normalize_fn(char *out, size_t cap, size_t *len, struct slice in);

stream_normalize_fn stream_normalize_fragment_encode; // stream_normalize_fragment_encode writes "#" as "%23"
stream_normalize_fn stream_normalize_fragment_strip;  // stream_normalize_fragment_strip ends it before the first "#"

// For paths, without a query.
stream_normalize_fn stream_normalize_merge_slashes; // stream_normalize_merge_slashes makes "//" one
stream_normalize_fn stream_normalize_dot;           // stream_normalize_dot leaves segments "." out
stream_normalize_fn stream_normalize_dotdot;        // stream_normalize_dotdot merges ".." with the segment before
stream_normalize_fn stream_normalize_dotdot_full;   // stream_normalize_dotdot_full likewise; at the start they vanish

// For path and query.
stream_normalize_fn stream_normalize_decode;        // stream_normalize_decode decodes unreserved characters
stream_normalize_fn stream_normalize_decode_strict; // stream_normalize_decode_strict likewise, INVALID as above
stream_normalize_fn stream_normalize_upper;         // stream_normalize_upper: the digits of "%6f" in upper case
stream_normalize_fn stream_normalize_upper_strict;  // stream_normalize_upper_strict likewise, INVALID as above

// stream_normalize_sort sorts the parameters of a query by name, equal ones in their order.
stream_normalize_fn stream_normalize_sort;
