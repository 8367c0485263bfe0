// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include "config/diag.h"

enum { NEAREST_LEN = 64 };

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;
    return m < c ? m : c;
}

// Edits that turn one word into the other; swapping two neighbours is one edit, for it is the commonest slip.
static unsigned nearest_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    unsigned rows[3][NEAREST_LEN + 1];
    unsigned *before = rows[0], *last = rows[1], *row = rows[2];
    for (unsigned j = 0; j <= b_len; j++)
        last[j] = j;
    for (unsigned i = 1; i <= a_len; i++) {
        row[0] = i;
        for (unsigned j = 1; j <= b_len; j++) {
            unsigned differs = a[i - 1] != b[j - 1];
            row[j] = min3(last[j] + 1, row[j - 1] + 1, last[j - 1] + differs);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
        unsigned *oldest = before;
        before = last;
        last = row;
        row = oldest;
    }
    return last[b_len];
}

static size_t nearest_prefix(const char *a, const char *b)
{
    size_t len = 0;
    while (a[len] && a[len] == b[len])
        len++;
    return len;
}

// Whether `known` is near enough to `word` for that to be a slip: `*distance` in `max` edits at most.
static bool is_near(unsigned *distance, struct slice word, struct slice known, unsigned max)
{
    if (!word.len || !known.len || word.len > NEAREST_LEN || known.len > NEAREST_LEN)
        return false;
    size_t gap = known.len > word.len ? known.len - word.len : word.len - known.len;
    if (gap > max)
        return false;
    *distance = nearest_distance(word.ptr, word.len, known.ptr, known.len);
    // A distance of the whole word is another word, however short.
    return *distance <= max && *distance < word.len && *distance < known.len;
}

static unsigned max_distance(size_t len)
{
    return len / 3 > 1 ? (unsigned)(len / 3) : 1;
}

bool config_is_near(unsigned *distance, struct slice word, struct slice known)
{
    return is_near(distance, word, known, max_distance(word.len));
}

const char *config_nearest(const char *word, const char *const *known, size_t num)
{
    unsigned best = max_distance(strlen(word));
    const char *nearest = NULL;
    for (size_t i = 0; i < num; i++) {
        unsigned distance;
        if (!known[i] || !is_near(&distance, slice_str(word), slice_str(known[i]), best))
            continue;
        // Of two as near, the one that begins alike is more likely meant.
        if (!nearest || distance < best || nearest_prefix(word, known[i]) > nearest_prefix(word, nearest)) {
            best = distance;
            nearest = known[i];
        }
    }
    return nearest;
}
