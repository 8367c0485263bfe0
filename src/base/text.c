// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "base/check.h"

void text_init(struct text *text)
{
    *text = (struct text){ 0 };
}

void text_fini(struct text *text)
{
    if (text->wipes && text->ptr)
        explicit_bzero(text->ptr, text->cap);
    free(text->ptr);
    *text = (struct text){ .wipes = text->wipes };
}

static bool text_grow(struct text *text, size_t more)
{
    if (text->failed)
        return false;
    size_t need = text->len + more + 1;
    if (need <= text->cap)
        return true;
    size_t cap = text->cap ? text->cap : 256;
    while (cap < need)
        cap *= 2;
    char *ptr = text->wipes ? malloc(cap) : realloc(text->ptr, cap);
    if (ptr && text->wipes && text->ptr) {
        memcpy(ptr, text->ptr, text->len + 1);
        explicit_bzero(text->ptr, text->cap);
        free(text->ptr);
    }
    if (!ptr) {
        text->failed = true;
        return false;
    }
    text->ptr = ptr;
    text->cap = cap;
    return true;
}

void text_add(struct text *text, const char *data, size_t len)
{
    if (!text_grow(text, len))
        return;
    if (len)
        memcpy(text->ptr + text->len, data, len);
    text->len += len;
    text->ptr[text->len] = '\0';
}

void text_add_slice(struct text *text, struct slice slice)
{
    text_add(text, slice.ptr, slice.len);
}

void text_add_str(struct text *text, const char *string)
{
    text_add(text, string, strlen(string));
}

enum { NUMBER_MAX_LEN = 20 };

// Writes `number` so that it ends before `end`, with `least` digits at least, and gives where it begins.
static char *write_number(char *end, uint64_t number, unsigned least)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                                "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                                "8081828384858687888990919293949596979899";
    char *at = end;
    for (; number >= 100; number /= 100)
        memcpy(at -= 2, pairs + number % 100 * 2, 2);
    if (number >= 10)
        memcpy(at -= 2, pairs + number * 2, 2);
    else if (number || at == end)
        *--at = (char)('0' + number);
    while (end - at < (ptrdiff_t)least)
        *--at = '0';
    return at;
}

void text_add_number(struct text *text, uint64_t number)
{
    char room[NUMBER_MAX_LEN], *end = room + sizeof(room);
    char *at = write_number(end, number, 1);
    text_add(text, at, (size_t)(end - at));
}

void text_add_fraction(struct text *text, uint64_t number, unsigned digits)
{
    char room[NUMBER_MAX_LEN + 2], *end = room + sizeof(room);
    uint64_t whole = 1;
    must(digits >= 1 && digits <= 9);
    for (unsigned i = 0; i < digits; i++)
        whole *= 10;
    char *at = write_number(end, number % whole, digits);
    *--at = '.';
    at = write_number(at, number / whole, 1);
    text_add(text, at, (size_t)(end - at));
}

void text_printf(struct text *text, const char *format, ...)
{
    // Mostly there is room, and nothing is formatted twice.
    size_t room = text->failed ? 0 : text->cap - text->len;
    va_list args;
    va_start(args, format);
    int len = vsnprintf(room ? text->ptr + text->len : NULL, room, format, args);
    va_end(args);
    must(len >= 0);
    if ((size_t)len >= room) {
        if (room)
            text->ptr[text->len] = '\0';
        if (!text_grow(text, (size_t)len))
            return;
        va_start(args, format);
        vsnprintf(text->ptr + text->len, (size_t)len + 1, format, args);
        va_end(args);
    }
    text->len += (size_t)len;
}

void text_consume(struct text *text, size_t len)
{
    must(len <= text->len);
    if (!len)
        return;
    memmove(text->ptr, text->ptr + len, text->len - len + 1);
    text->len -= len;
    if (text->wipes)
        explicit_bzero(text->ptr + text->len, len);
}
