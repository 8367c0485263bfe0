// SPDX-License-Identifier: Apache-2.0
#include "expr/search.h"

const char *expr_search_delimiters(enum expr_match match)
{
    return match == EXPR_MATCH_DIR ? "/?" : match == EXPR_MATCH_DOM ? "/?.:" : NULL;
}

static bool is_delimiter(const char *delimiters, char c)
{
    return c != '\0' && strchr(delimiters, c) != NULL;
}

const char *expr_search_trim(struct slice *text, const char *delimiters)
{
    while (text->len && is_delimiter(delimiters, text->ptr[0]))
        *text = slice_from(*text, 1);
    while (text->len && is_delimiter(delimiters, text->ptr[text->len - 1]))
        text->len--;
    return text->len ? NULL : "nothing is left of this value without the delimiters around it";
}

// The offset of `text` in `str`, or a number past its end.
static size_t find(struct slice text, bool nocase, struct slice str)
{
    if (text.len > str.len)
        return SIZE_MAX;
    if (!nocase) {
        const char *hit = memmem(str.ptr, str.len, text.ptr, text.len);
        return hit ? (size_t)(hit - str.ptr) : SIZE_MAX;
    }
    for (size_t i = 0; i + text.len <= str.len; i++) {
        size_t n = 0;
        while (n < text.len && slice_lower(str.ptr[i + n]) == text.ptr[n])
            n++;
        if (n == text.len)
            return i;
    }
    return SIZE_MAX;
}

bool expr_search_match(struct slice text, bool nocase, const char *delimiters, struct slice str)
{
    if (!str.ptr)
        str.ptr = "";
    if (!delimiters)
        return find(text, nocase, str) != SIZE_MAX;
    for (size_t from = 0; from < str.len;) {
        size_t at = find(text, nocase, slice_from(str, from));
        if (at == SIZE_MAX)
            return false;
        at += from;
        size_t end = at + text.len;
        if ((at == 0 || is_delimiter(delimiters, str.ptr[at - 1])) &&
            (end == str.len || is_delimiter(delimiters, str.ptr[end])))
            return true;
        from = at + 1;
    }
    return false;
}
