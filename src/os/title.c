// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/check.h"
#include "os/identity.h"

// The kernel shows the bytes between the first argument and the end of the last: the area may grow into the
// environment, which stands right behind it.
static struct {
    char *start;
    size_t len;
} title_area;

static char *string_copy(const char *from)
{
    char *copy = strdup(from);
    if (!copy)
        check_out_of_memory(strlen(from) + 1);
    return copy;
}

static char *area_extend(char *end, char *string)
{
    return string == end ? string + strlen(string) + 1 : end;
}

void os_title_init(int argc, char **argv)
{
    if (argc < 1)
        return;
    char *end = argv[0];
    for (int i = 0; i < argc; i++)
        end = area_extend(end, argv[i]);
    for (char **variable = environ; *variable; variable++) {
        end = area_extend(end, *variable);
        *variable = string_copy(*variable);
    }
    title_area.start = argv[0];
    title_area.len = (size_t)(end - argv[0]);
    // The command line is read again at every reload: it moves away from where the title will stand.
    for (int i = 0; i < argc; i++)
        argv[i] = string_copy(argv[i]);
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
