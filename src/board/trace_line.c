// SPDX-License-Identifier: Apache-2.0
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "base/clock.h"
#include "board/board.h"
#include "board/change.h"
#include "board/events.h"
#include "board/trace.h"

bool trace_section(char *out, const char *name)
{
    int len = snprintf(out, BOARD_NAME_MAX, "board/ring/%s", name);
    return len > 0 && len < BOARD_NAME_MAX && strlen(name) < TRACE_SINK_MAX;
}

// HAProxy's rings have lines of the format "timed": the time with its zone, here always that of Greenwich.
static void time_put(char *out, size_t cap)
{
    uint64_t now_us = clock_wall_us();
    time_t seconds = (time_t)(now_us / 1000000);
    struct tm tm;
    size_t len = strftime(out, cap, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
    snprintf(out + len, cap - len, ".%06u+00:00", (unsigned)(now_us % 1000000));
}

static const char *event_name(const struct trace_point *point)
{
    uint32_t bit = point->event ? 31 - (uint32_t)__builtin_clz(point->event) : 0;
    const char *name = bit < TRACE_MAX_EVENTS ? trace_sources[point->source].events[bit].name : NULL;
    return name ? name : "?";
}

void trace_end(const struct trace_point *point, struct slice text)
{
    enum { HEAD_MAX = 256, TIME_MAX = 40, ID_MAX = 24 };
    struct board *board = board_changes_board();
    const struct trace_sink *sink = trace_sink_find(trace_conf_of(point->source)->sink);
    if (!sink || !board)
        return;
    char head[HEAD_MAX], time[TIME_MAX], id[ID_MAX] = "-";
    uint32_t inc = board_incarnation_self(board);
    const struct board_incarnation *record = board_incarnation_at(board, inc);
    bool is_worker = atomic_load(&record->role) == BOARD_ROLE_WORKER;
    time_put(time, sizeof(time));
    if (point->stream)
        snprintf(id, sizeof(id), "0x%llx", (unsigned long long)point->id);
    int len =
        snprintf(head, sizeof(head), "%s [%02u|%s|%s|%s] pid=%d id=%s sess=%u ", time, is_worker ? record->slot + 1 : 0,
                 trace_sources[point->source].source.name, trace_levels[point->level].name, event_name(point),
                 (int)atomic_load(&record->pid), id, point->session);
    must(len > 0 && len < HEAD_MAX);
    board_events_put(board, sink->events, slice_of(head, (size_t)len), text);
}
