// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "log/log.h"

static const char *label(enum log_level level)
{
    if (level <= LOG_LEVEL_ERR)
        return "[ALERT]   ";
    if (level == LOG_LEVEL_WARNING)
        return "[WARNING] ";
    return level == LOG_LEVEL_DEBUG ? "[DIAG]    " : "[NOTICE]  ";
}

// In one write, so that lines of several processes on one terminal do not mix. What is too long for that is cut.
void log_say(enum log_level level, const char *format, ...)
{
    char line[4096];
    int saved = errno;
    int head = snprintf(line, sizeof(line), "%s (%d) : ", label(level), (int)getpid());
    va_list args;
    va_start(args, format);
    errno = saved; // for %m
    int body = vsnprintf(line + head, sizeof(line) - (size_t)head, format, args);
    va_end(args);
    size_t len = (size_t)head + (body > 0 ? (size_t)body : 0);
    if (len > sizeof(line) - 1)
        len = sizeof(line) - 1;
    line[len++] = '\n';
    while (write(STDERR_FILENO, line, len) < 0 && errno == EINTR)
        ;
    errno = saved;
}
