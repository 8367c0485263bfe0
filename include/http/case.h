// SPDX-License-Identifier: Apache-2.0
// The case of field names: names are the same in any case (RFC 9110 section 5.1), but some peers only know one. A head
// that is about to be sent gets the configured case written over its names, in place, since their lengths do not
// change. Pure; the owner of the table is the configuration, const after boot.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/slice.h"

// Names as they are to be written, in the order of http_case_order.
struct http_cases {
    const struct slice *names;
    uint32_t num;
};

// http_case_order orders names whatever their case: less than, equal to, or greater than 0, as `a` stands to `b`.
int http_case_order(struct slice a, struct slice b);

// http_cases_apply writes the names of `cases` over those of the field lines in the `len` bytes at `lines`, which are
// whole lines that end with CRLF; a line without a colon ahead of its end is left alone, as is, with `has_start_line`,
// the first one.
void http_cases_apply(const struct http_cases *cases, char *lines, size_t len, bool has_start_line);
