// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include "http/case.h"

int http_case_order(struct slice a, struct slice b)
{
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    for (size_t i = 0; i < a.len; i++) {
        char x = slice_lower(a.ptr[i]), y = slice_lower(b.ptr[i]);
        if (x != y)
            return x < y ? -1 : 1;
    }
    return 0;
}

static const struct slice *find(const struct http_cases *cases, struct slice name)
{
    uint32_t low = 0, high = cases->num;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = http_case_order(name, cases->names[middle]);
        if (!order)
            return &cases->names[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

void http_cases_apply(const struct http_cases *cases, char *lines, size_t len, bool has_start_line)
{
    char *p = lines, *end = lines + len;
    bool skip = has_start_line;
    while (p < end) {
        char *line_end = memchr(p, '\n', (size_t)(end - p));
        line_end = line_end ? line_end + 1 : end;
        char *colon = skip ? NULL : memchr(p, ':', (size_t)(line_end - p));
        const struct slice *to = colon ? find(cases, slice_of(p, (size_t)(colon - p))) : NULL;
        if (to)
            memcpy(p, to->ptr, to->len);
        skip = false;
        p = line_end;
    }
}
