// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include "admin/session.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
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
        if (c == '\\' && *at < len)
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
