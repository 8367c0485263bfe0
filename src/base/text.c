// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
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

void text_printf(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    must(len >= 0);
    if (!text_grow(text, (size_t)len))
        return;
    va_start(args, format);
    vsnprintf(text->ptr + text->len, (size_t)len + 1, format, args);
    va_end(args);
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
