// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "log/table.h"

static struct {
    struct board *board;
    uint32_t inc;
} self;

void log_say_enter(struct board *board, uint32_t inc)
{
    self.board = board;
    self.inc = inc;
}

void log_say_targets(struct board *board, const struct log_target *list)
{
    struct log_table *table = log_table_get(board);
    uint32_t num = 0;
    if (!table)
        return;
    atomic_store(&table->num_said, 0);
    for (; list && num < LOG_MAX_SAID; list = list->next)
        table->said[num++] =
            (struct log_said){ .sink = list->sink, .max_level = list->max_level, .min_level = list->min_level };
    atomic_store(&table->num_said, num);
}

// The master's table moves when a keeper sends it again: it is looked up each time.
static void targets_tell(enum log_level level, struct slice message)
{
    struct log_table *table = self.board && level <= LOG_LEVEL_WARNING ? log_table_get(self.board) : NULL;
    uint32_t num = table ? atomic_load(&table->num_said) : 0;
    for (uint32_t i = 0; i < num && i < LOG_MAX_SAID; i++) {
        struct log_said said = table->said[i];
        if (said.sink < LOG_MAX_SINKS && level <= said.max_level)
            log_record_put(self.board, self.inc, table, said.sink, level < said.min_level ? said.min_level : level,
                           clock_wall_us(), (struct slice){ 0 }, message);
    }
}

static const char *label(enum log_level level)
{
    if (level <= LOG_LEVEL_ERR)
        return "[ALERT]   ";
    if (level == LOG_LEVEL_WARNING)
        return "[WARNING] ";
    return level == LOG_LEVEL_DEBUG ? "[DIAG]    " : "[NOTICE]  ";
}

void log_say_text(enum log_level level, const char *text)
{
    while (text && *text) {
        size_t len = strcspn(text, "\n");
        if (len)
            targets_tell(level, slice_of(text, len));
        text += len + (text[len] != '\0');
    }
}

// In one write, so that lines of several processes on one terminal do not mix. What is too long for that is cut.
static __attribute__((format(printf, 3, 0))) void show(bool tell, enum log_level level, const char *format,
                                                       va_list args)
{
    char line[4096];
    int saved = errno;
    int head = snprintf(line, sizeof(line), "%s (%d) : ", label(level), (int)getpid());
    errno = saved; // for %m
    int body = vsnprintf(line + head, sizeof(line) - (size_t)head, format, args);
    size_t len = (size_t)head + (body > 0 ? (size_t)body : 0);
    if (len > sizeof(line) - 1)
        len = sizeof(line) - 1;
    if (tell)
        targets_tell(level, slice_of(line + head, len - (size_t)head));
    line[len++] = '\n';
    while (write(STDERR_FILENO, line, len) < 0 && errno == EINTR)
        ;
    errno = saved;
}

void log_say(enum log_level level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    show(true, level, format, args);
    va_end(args);
}

void log_show(enum log_level level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    show(false, level, format, args);
    va_end(args);
}
