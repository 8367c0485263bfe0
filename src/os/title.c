// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/check.h"
#include "os/identity.h"

// The kernel shows the bytes between the first argument and the end of the last: the area may grow into the
// environment, which stands right behind it. What stood there lives on in `moved`, which is never freed: the C library
// drops pointers into it when a variable is set again.
static struct {
    char *start;
    size_t len;
    char *moved;
} title_area;

static size_t strings_len(char *const *strings)
{
    size_t len = 0;
    for (; *strings; strings++)
        len += strlen(*strings) + 1;
    return len;
}

// Moves `strings` to `to`, and gives what is behind them there; `*end` grows over those that stood right behind it.
static char *strings_move(char **strings, char **end, char *to)
{
    for (; *strings; strings++) {
        size_t len = strlen(*strings) + 1;
        if (*strings == *end)
            *end += len;
        *strings = memcpy(to, *strings, len);
        to += len;
    }
    return to;
}

void os_title_init(int argc, char **argv)
{
    if (argc < 1)
        return;
    size_t len = strings_len(argv) + strings_len(environ);
    title_area.moved = malloc(len);
    if (!title_area.moved)
        check_out_of_memory(len);
    // The command line is read again at every reload: it moves away from where the title will stand.
    char *end = title_area.start = argv[0];
    strings_move(environ, &end, strings_move(argv, &end, title_area.moved));
    title_area.len = (size_t)(end - title_area.start);
}

void os_title_set(const char *format, ...)
{
    if (!title_area.len)
        return;
    va_list args;
    va_start(args, format);
    memset(title_area.start, 0, title_area.len);
    vsnprintf(title_area.start, title_area.len, format, args);
    va_end(args);
}
