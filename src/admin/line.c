// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include "admin/session.h"

// A NUL cannot stand in a word: as for HAProxy it parts two.
static bool is_blank(char c)
{
    return c == ' ' || c == '\0' || c == '\t' || c == '\r';
}

bool admin_line_next(char **take_text, const char **words, uint32_t *num, size_t *at, const char *line, size_t len)
{
    char *text = malloc(len - *at + 1);
    char *to = text;
    bool in_word = false;
    bool fits = true;
    *take_text = text;
    *num = 0;
    words[0] = NULL;
    if (!text)
        return false;
    while (*at < len && line[*at] != ';') {
        char c = line[(*at)++];
        if (is_blank(c)) {
            if (in_word)
                *to++ = '\0';
            in_word = false;
            continue;
        }
        if (c == '\\' && *at < len && line[*at])
            c = line[(*at)++];
        if (!in_word && *num == ADMIN_MAX_WORDS)
            fits = false;
        if (!in_word && fits)
            words[(*num)++] = to;
        in_word = true;
        *to++ = c;
    }
    *to = '\0';
    words[*num] = NULL;
    if (*at < len)
        (*at)++;
    return fits;
}

bool admin_line_payload(size_t *len, char *pattern, struct slice line)
{
    size_t end = line.len && line.ptr[line.len - 1] == '\r' ? line.len - 1 : line.len;
    size_t at = end;
    size_t num_escapes = 0;
    while (at && !is_blank(line.ptr[at - 1]))
        at--;
    struct slice mark = slice_of(line.ptr + at, end - at);
    if (!at || mark.len < 2 || mark.len > 2 + ADMIN_PATTERN_MAX || memcmp(mark.ptr, "<<", 2) != 0 ||
        slice_find(mark, ';') < mark.len || slice_find(mark, '\\') < mark.len)
        return false;
    // A blank behind a backslash is a part of the word, and so is the mark.
    while (num_escapes + 1 < at && line.ptr[at - 2 - num_escapes] == '\\')
        num_escapes++;
    if (num_escapes % 2)
        return false;
    memcpy(pattern, mark.ptr + 2, mark.len - 2);
    pattern[mark.len - 2] = '\0';
    *len = at - 1;
    return true;
}
