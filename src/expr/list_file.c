// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/check.h"
#include "expr/entry.h"
#include "expr/list_file.h"

enum { READ_LEN = 64 * 1024 };

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

void expr_list_text_read(struct slice text, bool is_map,
                         void (*take)(void *arg, struct slice key, struct slice value, uint32_t line), void *arg)
{
    for (uint32_t number = 1; text.len; number++) {
        struct slice line = slice_of(text.ptr, slice_find(text, '\n'));
        text = slice_from(text, line.len + 1);
        while (line.len && line.ptr[line.len - 1] == '\r')
            line.len--;
        if (line.len && line.ptr[0] == '#')
            continue;
        while (line.len && is_blank(line.ptr[0]))
            line = slice_from(line, 1);
        if (line.len == 0)
            continue;
        struct slice key = line, value = slice_of(NULL, 0);
        if (is_map) {
            key.len = 0;
            while (key.len < line.len && !is_blank(line.ptr[key.len]))
                key.len++;
            value = slice_trim(slice_from(line, key.len));
        }
        take(arg, key, value, number);
    }
}

// The whole file as a heap block; false with errno where it cannot be read.
static bool read_all(struct slice *out, FILE *file)
{
    char *text = NULL;
    size_t len = 0, cap = 0, got;
    do {
        if (len == cap) {
            cap = cap ? cap * 2 : READ_LEN;
            text = expr_memory(text, cap);
        }
        got = fread(text + len, 1, cap - len, file);
        len += got;
    } while (got);
    *out = slice_of(text, len);
    return !ferror(file);
}

static uint32_t line_of_nul(struct slice text)
{
    uint32_t line = 1;
    for (size_t i = 0; text.ptr[i] != '\0'; i++)
        line += text.ptr[i] == '\n';
    return line;
}

const char *expr_list_file_read(struct arena *arena, const char *path, bool is_optional, bool is_map,
                                void (*take)(void *arg, struct slice key, struct slice value, uint32_t line), void *arg)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return is_optional && errno == ENOENT ? NULL
                                              : arena_printf(arena, "cannot open '%s': %s", path, strerror(errno));
    struct slice text;
    const char *wrong = NULL;
    if (!read_all(&text, file))
        wrong = arena_printf(arena, "cannot read '%s': %s", path, strerror(errno));
    else if (slice_find(text, '\0') < text.len)
        wrong = arena_printf(arena, "%s:%u: there is a NUL byte: this is no text", path, line_of_nul(text));
    else
        expr_list_text_read(text, is_map, take, arg);
    free((char *)text.ptr);
    (void)fclose(file);
    return wrong;
}
