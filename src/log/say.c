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
    const struct log_target *targets; // in processes that have a configuration
    uint32_t turn;
} self;

void log_say_enter(struct board *board, uint32_t inc)
{
    self.board = board;
    self.inc = inc;
}

void log_say_targets(struct board *board, const struct log_target *list)
{
    struct log_table *table = log_table_get(board);
    uint32_t num = 0, group = 0;
    if (!table)
        return;
    self.targets = list;
    atomic_store(&table->num_said, 0);
    for (; list && num < LOG_MAX_SAID; list = list->next) {
        struct log_said said = { .sink = list->sink, .max_level = list->max_level, .min_level = list->min_level };
        if (!list->group) {
            table->said[num++] = said;
            continue;
        }
        said.group = ++group;
        for (uint32_t i = 0; i < list->group->num && num < LOG_MAX_SAID; i++) {
            said.sink = list->sinks[i];
            table->said[num++] = said;
        }
    }
    atomic_store(&table->num_said, num);
}

static void put(struct log_table *table, const struct log_said *said, enum log_level level, struct slice message)
{
    if (said->sink < LOG_MAX_SINKS && level <= said->max_level)
        log_record_put(self.board, self.inc, table, said->sink, level < said->min_level ? said->min_level : level,
                       clock_wall_us(), (struct slice){ 0 }, message);
}

// One of the `num` servers of a log backend: the next in turn that can be connected to, or where none can, the next.
static const struct log_said *one_of(const struct log_table *table, const struct log_said *said, uint32_t num)
{
    uint32_t first = self.turn++ % num;
    for (uint32_t i = 0; i < num; i++) {
        const struct log_said *it = &said[(first + i) % num];
        if (it->sink < LOG_MAX_SINKS && !atomic_load_explicit(&table->sinks[it->sink].is_failing, memory_order_relaxed))
            return it;
    }
    return &said[first];
}

// The master's table moves when a keeper sends it again: it is looked up each time.
static void targets_tell(enum log_level level, struct slice message)
{
    struct log_table *table = self.board && level <= LOG_LEVEL_WARNING ? log_table_get(self.board) : NULL;
    uint32_t num = table ? atomic_load(&table->num_said) : 0, next;
    for (const struct log_target *it = table ? self.targets : NULL; it; it = it->next) {
        struct log_target target = *it;
        target.sample = NULL; // all of them
        log_send_one(self.board, self.inc, &target, level, clock_wall_us(), (struct slice){ 0 }, message);
    }
    if (self.targets)
        return;
    for (uint32_t i = 0; i < num && i < LOG_MAX_SAID; i = next) {
        const struct log_said *said = &table->said[i];
        for (next = i + 1; said->group && next < num && next < LOG_MAX_SAID; next++)
            if (table->said[next].group != said->group)
                break;
        put(table, said->group ? one_of(table, said, next - i) : said, level, message);
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
