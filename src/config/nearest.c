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

const char *config_nearest(const char *word, const char *const *known, size_t num)
{
    size_t len = strlen(word);
    if (len == 0 || len > NEAREST_LEN)
        return NULL;
    unsigned best = len / 3 > 1 ? (unsigned)(len / 3) : 1;
    const char *nearest = NULL;
    for (size_t i = 0; i < num; i++) {
        size_t known_len = known[i] ? strlen(known[i]) : 0;
        if (known_len == 0 || known_len > NEAREST_LEN)
            continue;
        size_t gap = known_len > len ? known_len - len : len - known_len;
        if (gap > best)
            continue;
        unsigned distance = nearest_distance(word, len, known[i], known_len);
        // A distance of the whole word is another word, however short. Of two as near, the one that begins alike is
        // more likely meant.
        if (distance > best || distance >= len || distance >= known_len)
            continue;
        if (!nearest || distance < best || nearest_prefix(word, known[i]) > nearest_prefix(word, nearest)) {
            best = distance;
            nearest = known[i];
        }
    }
    return nearest;
}
