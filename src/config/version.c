// SPDX-License-Identifier: Apache-2.0
#include "config/line.h"

// Fields in the order in which they decide: major, minor, patch, letter (OpenSSL's "1.1.1g"), development release,
// number of patches since. A release is newer than its development releases.
enum { VERSION_LETTER = 3, VERSION_DEV, VERSION_COMMITS, VERSION_FIELDS };

static bool is_digit(struct slice s)
{
    return s.len > 0 && s.ptr[0] >= '0' && s.ptr[0] <= '9';
}

static bool version_number(uint64_t *out, struct slice *rest)
{
    size_t len = 0;
    while (is_digit(slice_from(*rest, len)))
        len++;
    bool ok = slice_to_u64(slice_of(rest->ptr, len), out);
    *rest = slice_from(*rest, len);
    return ok;
}

// What follows the numbers: "-dev5", "-dev5-12", "-12", "-a1b2c3-12". What says nothing about age is left aside.
static bool version_suffix(uint64_t *fields, struct slice rest)
{
    if (slice_begins(rest, SLICE("-dev"))) {
        rest = slice_from(rest, 4);
        if (!is_digit(rest) || !version_number(&fields[VERSION_DEV], &rest))
            return false;
    }
    while (rest.len && rest.ptr[0] == '-') {
        struct slice part = slice_of(rest.ptr + 1, slice_find(slice_from(rest, 1), '-'));
        rest = slice_from(rest, 1 + part.len);
        uint64_t commits;
        if (slice_to_u64(slice_of(part.ptr, slice_find(part, '+')), &commits))
            fields[VERSION_COMMITS] = commits;
    }
    return rest.len == 0 || rest.ptr[0] == '+';
}

static bool version_parse(uint64_t fields[VERSION_FIELDS], struct slice version)
{
    for (int i = 0; i < VERSION_FIELDS; i++)
        fields[i] = i == VERSION_DEV ? UINT64_MAX : 0;
    struct slice rest = version;
    for (int i = 0; i < VERSION_LETTER && is_digit(rest); i++) {
        if (!version_number(&fields[i], &rest))
            return false;
        if (i + 1 < VERSION_LETTER && rest.len > 1 && rest.ptr[0] == '.' && is_digit(slice_from(rest, 1)))
            rest = slice_from(rest, 1);
        else
            break;
    }
    if (rest.len && rest.len < version.len && rest.ptr[0] >= 'a' && rest.ptr[0] <= 'z') {
        fields[VERSION_LETTER] = (uint64_t)rest.ptr[0] - 'a' + 1;
        rest = slice_from(rest, 1);
    }
    return version_suffix(fields, rest);
}

bool config_version_compare(int *order, struct slice a, struct slice b)
{
    uint64_t left[VERSION_FIELDS], right[VERSION_FIELDS];
    if (!version_parse(left, a) || !version_parse(right, b))
        return false;
    *order = 0;
    for (int i = 0; i < VERSION_FIELDS && *order == 0; i++)
        *order = (left[i] > right[i]) - (left[i] < right[i]);
    return true;
}
