// SPDX-License-Identifier: Apache-2.0
#include <stdint.h>
#include <stdlib.h>
#include "stream/normalize.h"

static enum stream_normalized put(char *out, size_t cap, size_t *len, struct slice text)
{
    if (text.len > cap - *len)
        return STREAM_NORMALIZE_FULL;
    if (text.len)
        memcpy(out + *len, text.ptr, text.len);
    *len += text.len;
    return STREAM_NORMALIZED;
}

enum stream_normalized stream_normalize_fragment_encode(char *out, size_t cap, size_t *len, struct slice in)
{
    *len = 0;
    for (size_t i = 0; i < in.len; i++)
        if (put(out, cap, len, in.ptr[i] == '#' ? SLICE("%23") : slice_of(in.ptr + i, 1)) != STREAM_NORMALIZED)
            return STREAM_NORMALIZE_FULL;
    return STREAM_NORMALIZED;
}

enum stream_normalized stream_normalize_fragment_strip(char *out, size_t cap, size_t *len, struct slice in)
{
    *len = 0;
    return put(out, cap, len, slice_of(in.ptr, slice_find(in, '#')));
}

enum stream_normalized stream_normalize_merge_slashes(char *out, size_t cap, size_t *len, struct slice in)
{
    *len = 0;
    if (in.len > cap)
        return STREAM_NORMALIZE_FULL;
    for (size_t i = 0; i < in.len; i++)
        if (in.ptr[i] != '/' || !*len || out[*len - 1] != '/')
            out[(*len)++] = in.ptr[i];
    return STREAM_NORMALIZED;
}

// The segment of `path` that begins at `from`: up to the next '/', or the end.
static struct slice segment_at(struct slice path, size_t from)
{
    struct slice rest = slice_from(path, from);
    return slice_of(rest.ptr, slice_find(rest, '/'));
}

enum stream_normalized stream_normalize_dot(char *out, size_t cap, size_t *len, struct slice in)
{
    *len = 0;
    if (in.len > cap)
        return STREAM_NORMALIZE_FULL;
    for (size_t i = 0; i < in.len;) {
        struct slice segment = segment_at(in, i);
        size_t whole = segment.len + (i + segment.len < in.len);
        // A segment is one only behind a '/'.
        if (!slice_equal(segment, SLICE(".")) || i == 0)
            put(out, cap, len, slice_of(in.ptr + i, whole));
        i += whole;
    }
    return STREAM_NORMALIZED;
}

// Each ".." takes the last segment of `out` away, unless that is one that stays itself.
static enum stream_normalized dotdot(char *out, size_t cap, size_t *len, struct slice in, bool full)
{
    size_t kept = 0; // the start of `out` that no further ".." can take away
    *len = 0;
    if (in.len > cap)
        return STREAM_NORMALIZE_FULL;
    for (size_t i = 0; i < in.len;) {
        struct slice segment = segment_at(in, i);
        size_t whole = segment.len + (i + segment.len < in.len);
        bool is_first = i == 0;
        struct slice text = slice_of(in.ptr + i, whole);
        i += whole;
        if (!slice_equal(segment, SLICE("..")) || is_first) {
            put(out, cap, len, text);
            // The '/' that a path begins with.
            kept = is_first ? *len : kept;
        } else if (*len > kept) {
            // out[*len - 1] is the '/' behind the segment that goes.
            for ((*len)--; *len > kept && out[*len - 1] != '/';)
                (*len)--;
        } else if (!full) {
            put(out, cap, len, text);
            kept = *len;
        }
    }
    return STREAM_NORMALIZED;
}

enum stream_normalized stream_normalize_dotdot(char *out, size_t cap, size_t *len, struct slice in)
{
    return dotdot(out, cap, len, in, false);
}

enum stream_normalized stream_normalize_dotdot_full(char *out, size_t cap, size_t *len, struct slice in)
{
    return dotdot(out, cap, len, in, true);
}

static bool is_unreserved(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c && strchr("-._~", c));
}

static enum stream_normalized each_percent(char *out, size_t cap, size_t *len, struct slice in, bool decode,
                                           bool strict)
{
    *len = 0;
    if (in.len > cap)
        return STREAM_NORMALIZE_FULL;
    for (size_t i = 0; i < in.len; i++) {
        int high = in.ptr[i] == '%' && in.len - i > 2 ? slice_hex_digit(in.ptr[i + 1]) : -1;
        int low = high >= 0 ? slice_hex_digit(in.ptr[i + 2]) : -1;
        if (in.ptr[i] == '%' && low < 0 && strict)
            return STREAM_NORMALIZE_INVALID;
        if (low < 0) {
            out[(*len)++] = in.ptr[i];
            continue;
        }
        char c = (char)(high * 16 + low);
        if (decode && is_unreserved(c)) {
            out[(*len)++] = c;
        } else {
            char text[3] = { '%', in.ptr[i + 1], in.ptr[i + 2] };
            for (int k = 1; k < 3 && !decode; k++)
                text[k] = "0123456789ABCDEF"[k == 1 ? high : low];
            put(out, cap, len, slice_of(text, 3));
        }
        i += 2;
    }
    return STREAM_NORMALIZED;
}

enum stream_normalized stream_normalize_decode(char *out, size_t cap, size_t *len, struct slice in)
{
    return each_percent(out, cap, len, in, true, false);
}

enum stream_normalized stream_normalize_decode_strict(char *out, size_t cap, size_t *len, struct slice in)
{
    return each_percent(out, cap, len, in, true, true);
}

enum stream_normalized stream_normalize_upper(char *out, size_t cap, size_t *len, struct slice in)
{
    return each_percent(out, cap, len, in, false, false);
}

enum stream_normalized stream_normalize_upper_strict(char *out, size_t cap, size_t *len, struct slice in)
{
    return each_percent(out, cap, len, in, false, true);
}

static int compare_names(const void *a, const void *b)
{
    const struct slice *left = a, *right = b;
    size_t left_len = slice_find(*left, '='), right_len = slice_find(*right, '=');
    int order = memcmp(left->ptr, right->ptr, left_len < right_len ? left_len : right_len);
    if (order == 0)
        order = (left_len > right_len) - (left_len < right_len);
    // Equal names stay in the order of the query.
    return order ? order : (left->ptr > right->ptr) - (left->ptr < right->ptr);
}

enum stream_normalized stream_normalize_sort(char *out, size_t cap, size_t *len, struct slice in)
{
    enum { MAX_PARAMS = 512 };
    struct slice params[MAX_PARAMS];
    size_t num = 0;
    *len = 0;
    for (size_t i = 0; i <= in.len; num++) {
        struct slice rest = slice_from(in, i);
        if (num == MAX_PARAMS)
            return STREAM_NORMALIZE_FULL;
        params[num] = slice_of(rest.ptr, slice_find(rest, '&'));
        i += params[num].len + 1;
    }
    qsort(params, num, sizeof(params[0]), compare_names);
    for (size_t i = 0; i < num; i++)
        if ((i && put(out, cap, len, SLICE("&")) != STREAM_NORMALIZED) ||
            put(out, cap, len, params[i]) != STREAM_NORMALIZED)
            return STREAM_NORMALIZE_FULL;
    return STREAM_NORMALIZED;
}
