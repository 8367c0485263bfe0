// SPDX-License-Identifier: Apache-2.0
#include "expr/search.h"

struct expr_search {
    struct expr_search *next;
    struct slice text; // in lower case where `nocase`
    bool nocase;
};

void expr_searches_init(struct expr_searches *list, struct arena *arena, enum expr_match match)
{
    *list = (struct expr_searches){ .arena = arena };
    if (match == EXPR_MATCH_DIR)
        list->delimiters = "/?";
    else if (match == EXPR_MATCH_DOM)
        list->delimiters = "/?.:";
}

static bool is_delimiter(const struct expr_searches *list, char c)
{
    return c != '\0' && strchr(list->delimiters, c) != NULL;
}

const char *expr_searches_add(struct expr_searches *list, struct slice text, bool nocase)
{
    if (list->delimiters) {
        while (text.len && is_delimiter(list, text.ptr[0]))
            text = slice_from(text, 1);
        while (text.len && is_delimiter(list, text.ptr[text.len - 1]))
            text.len--;
        if (text.len == 0)
            return "nothing is left of this value without the delimiters around it";
    }
    struct expr_search *search = arena_alloc(list->arena, sizeof(*search));
    char *copy = arena_copy(list->arena, text.len ? text.ptr : "", text.len);
    for (size_t i = 0; nocase && i < text.len; i++)
        copy[i] = slice_lower(copy[i]);
    *search = (struct expr_search){ .next = list->first, .text = slice_of(copy, text.len), .nocase = nocase };
    list->first = search;
    return NULL;
}

// The offset of `search` in `str`, or a number past its end.
static size_t find(const struct expr_search *search, struct slice str)
{
    struct slice text = search->text;
    if (text.len > str.len)
        return SIZE_MAX;
    if (!search->nocase) {
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

static bool find_delimited(const struct expr_searches *list, const struct expr_search *search, struct slice str)
{
    for (size_t from = 0; from < str.len;) {
        size_t at = find(search, slice_from(str, from));
        if (at == SIZE_MAX)
            return false;
        at += from;
        size_t end = at + search->text.len;
        if ((at == 0 || is_delimiter(list, str.ptr[at - 1])) && (end == str.len || is_delimiter(list, str.ptr[end])))
            return true;
        from = at + 1;
    }
    return false;
}

bool expr_searches_match(const struct expr_searches *list, struct slice str)
{
    for (const struct expr_search *search = list->first; search; search = search->next)
        if (list->delimiters ? find_delimited(list, search, str) : find(search, str) != SIZE_MAX)
            return true;
    return false;
}
