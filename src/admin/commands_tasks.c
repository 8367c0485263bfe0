// SPDX-License-Identifier: Apache-2.0
// What workers are at, and what it costs: show tasks, show profiling, set profiling, show threads. Management guide,
// section 9.3. A task of HAProxy's is here a run of a stream at one of its steps.
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "admin/session.h"
#include "admin/spread.h"
#include "board/board.h"
#include "board/trace.h"

static uint64_t sum_of(const struct spread *spread, const char *name, int number)
{
    uint64_t numbers[SPREAD_NUMBERS], sum = 0;
    for (uint32_t i = 0; i < spread->num; i++) {
        spread_find(&spread->workers[i], name, numbers);
        sum += numbers[number];
    }
    return sum;
}

static enum admin_verdict run_show_tasks(struct admin_call *call)
{
    uint64_t numbers[SPREAD_NUMBERS];
    enum admin_verdict verdict = spread_gather(call, BOARD_INQUIRY_TASKS);
    const struct spread *spread = call->state;
    if (verdict != ADMIN_DONE || !spread)
        return verdict;
    uint64_t all = sum_of(spread, "run_queue", 0);
    text_printf(call->out, "Running tasks: %llu (%u workers)\n  worker                       places     %%    timers\n",
                (unsigned long long)all, spread->num);
    for (uint32_t i = 0; i < spread->num; i++) {
        const struct spread_worker *worker = &spread->workers[i];
        spread_find(worker, "run_queue", numbers);
        uint64_t queued = numbers[0];
        spread_find(worker, "timers", numbers);
        char name[64];
        snprintf(name, sizeof(name), "%u.%u (%d)", worker->generation, worker->slot + 1, (int)worker->pid);
        text_printf(call->out, "  %-26s %8llu %5.1f %9llu\n", name, (unsigned long long)queued,
                    all ? 100.0 * (double)queued / (double)all : 0.0, (unsigned long long)numbers[0]);
    }
    return ADMIN_DONE;
}

// ---- profiling

enum { PROFILE_STATUS = 1, PROFILE_TASKS = 2, PROFILE_MEMORY = 4, PROFILE_STEPS = 32 };

struct profile_wish {
    uint32_t what;
    bool by_time;
    bool by_name;
    uint64_t most;
};

// Argument `i` that is wrong, or num_args.
static uint32_t read_wish(struct profile_wish *wish, const struct admin_call *call)
{
    *wish = (struct profile_wish){ .most = UINT64_MAX };
    for (uint32_t i = 0; i < call->num_args; i++) {
        const char *arg = call->args[i];
        if (strcmp(arg, "all") == 0)
            wish->what = PROFILE_STATUS | PROFILE_TASKS | PROFILE_MEMORY;
        else if (strcmp(arg, "status") == 0)
            wish->what = PROFILE_STATUS;
        else if (strcmp(arg, "tasks") == 0)
            wish->what = PROFILE_TASKS;
        else if (strcmp(arg, "memory") == 0)
            wish->what = PROFILE_MEMORY;
        else if (strcmp(arg, "byaddr") == 0)
            wish->by_name = true;
        else if (strcmp(arg, "bytime") == 0)
            wish->by_time = true;
        else if (strcmp(arg, "aggr") != 0 && !slice_to_u64(slice_str(arg), &wish->most))
            return i;
    }
    if (!wish->what)
        wish->what = PROFILE_STATUS | PROFILE_TASKS | PROFILE_MEMORY;
    return call->num_args;
}

struct profile_row {
    char name[SPREAD_NAME];
    uint64_t calls;
    uint64_t cpu_ns;
    uint64_t wait_ns;
};

static int by_calls(const void *a, const void *b)
{
    const struct profile_row *one = a, *two = b;
    return one->calls < two->calls ? 1 : one->calls > two->calls ? -1 : strcmp(one->name, two->name);
}

static int by_time(const void *a, const void *b)
{
    const struct profile_row *one = a, *two = b;
    return one->cpu_ns < two->cpu_ns ? 1 : one->cpu_ns > two->cpu_ns ? -1 : strcmp(one->name, two->name);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct profile_row *)a)->name, ((const struct profile_row *)b)->name);
}

// A time in a column of ten characters.
static void put_time(struct text *out, uint64_t ns)
{
    if (ns < 1000)
        text_printf(out, " %7lluns", (unsigned long long)ns);
    else if (ns < 1000000)
        text_printf(out, " %7.3gus", (double)ns / 1e3);
    else if (ns < 1000000000)
        text_printf(out, " %7.3gms", (double)ns / 1e6);
    else
        text_printf(out, " %8.4gs", (double)ns / 1e9);
}

static void put_tasks(struct text *out, const struct spread *spread, const struct profile_wish *wish)
{
    struct profile_row rows[PROFILE_STEPS];
    char name[SPREAD_NAME];
    uint64_t numbers[SPREAD_NUMBERS];
    uint32_t num = 0;
    for (uint32_t at = 0; spread->num && num < PROFILE_STEPS && spread_line(&spread->workers[0], &at, name, numbers);) {
        struct profile_row *row = &rows[num];
        if (strncmp(name, "step:", 5) != 0)
            continue;
        *row = (struct profile_row){ .calls = sum_of(spread, name, 0),
                                     .cpu_ns = sum_of(spread, name, 1),
                                     .wait_ns = sum_of(spread, name, 2) };
        memcpy(row->name, name, sizeof(row->name));
        num += row->calls != 0;
    }
    qsort(rows, num, sizeof(rows[0]), wish->by_time ? by_time : wish->by_name ? by_name : by_calls);
    text_printf(out, "Tasks activity:\n"
                     "  function                      calls   cpu_tot   cpu_avg   lat_tot   lat_avg\n");
    for (uint32_t i = 0; i < num && i < wish->most; i++) {
        text_printf(out, "  %-24s %10llu", rows[i].name, (unsigned long long)rows[i].calls);
        put_time(out, rows[i].cpu_ns);
        put_time(out, rows[i].cpu_ns / rows[i].calls);
        put_time(out, rows[i].wait_ns);
        put_time(out, rows[i].wait_ns / rows[i].calls);
        text_add(out, "\n", 1);
    }
}

static enum admin_verdict run_show_profiling(struct admin_call *call)
{
    struct profile_wish wish;
    if (read_wish(&wish, call) < call->num_args)
        return admin_refuse(call, "Expects either 'all', 'status', 'tasks', 'memory', 'byaddr', 'bytime', 'aggr' or a "
                                  "max number of output lines.\n");
    enum admin_verdict verdict = spread_gather(call, BOARD_INQUIRY_TASKS);
    if (verdict != ADMIN_DONE || !call->state)
        return verdict;
    if (wish.what & PROFILE_STATUS)
        text_printf(call->out,
                    "Per-task CPU profiling              : %-13s # set profiling tasks {on|off}\n"
                    "Memory usage profiling              : %-13s # not in this program: see show pools\n",
                    trace_profiles ? "on" : "off", "off");
    if (wish.what & PROFILE_TASKS)
        put_tasks(call->out, call->state, &wish);
    return ADMIN_DONE;
}

static enum admin_verdict run_set_profiling(struct admin_call *call)
{
    const char *what = call->num_args ? call->args[0] : "";
    const char *how = call->num_args > 1 ? call->args[1] : "";
    bool on = strcmp(how, "on") == 0;
    if (strcmp(what, "memory") == 0)
        return admin_refuse(call, "Memory profiling not compiled in.\n");
    if (strcmp(what, "tasks") != 0)
        return admin_refuse(call, "Expects either 'tasks' or 'memory'.\n");
    if (strcmp(how, "auto") == 0)
        return admin_refuse(call,
                            "'auto' is not supported: measuring costs the same at any load; say 'on' or 'off'.\n");
    if (!on && strcmp(how, "off") != 0)
        return admin_refuse(call, "Expects 'on', 'auto', or 'off'.\n");
    call->number = trace_profile_publish(on);
    if (!call->number)
        return admin_refuse(call, "The journal has no room, as a process has not applied older changes\n");
    return ADMIN_CHANGED;
}

// ---- show threads

// What stands on the board of any worker, whether it answers or hangs.
static void put_record(struct admin_call *call, uint32_t inc, bool hangs)
{
    enum { LATE_US = 1000000 };
    struct board *board = call->admin->start.board;
    const struct board_incarnation *record = board_incarnation_at(board, inc);
    uint64_t now_us = call->admin->start.loop->now_us, beat_us = atomic_load(&record->beat_us);
    uint64_t age_us = now_us > beat_us ? now_us - beat_us : 0;
    text_printf(call->out, "%c Worker %u : pid=%d gen=%u inc=%u state=%s beat_us=%llu applied=%llu locks=%d\n",
                hangs || age_us > LATE_US ? '>' : ' ', record->slot + 1, (int)atomic_load(&record->pid),
                record->generation, inc,
                atomic_load(&record->asleep)       ? "silent"
                : atomic_load(&record->ready) == 1 ? "serving"
                : atomic_load(&record->ready) == 2 ? "stopping"
                                                   : "starting",
                (unsigned long long)age_us, (unsigned long long)atomic_load(&record->applied),
                board_incarnation_blocks(board, inc));
}

static void put_answered(struct admin_call *call, const struct spread_worker *worker)
{
    static const char *const names[] = {
        "sessions",   "streams", "tunnels", "loops",     "avg_loop_us", "max_loop_us", "max_loop_recent_us",
        "late_loops", "busy_ms", "idle_ms", "run_queue", "timers",      "accepted"
    };
    uint64_t numbers[SPREAD_NUMBERS];
    put_record(call, worker->inc, false);
    text_printf(call->out, "     ");
    for (size_t i = 0; i < NUM_ITEMS(names); i++) {
        spread_find(worker, names[i], numbers);
        text_printf(call->out, " %s=%llu", names[i], (unsigned long long)numbers[0]);
    }
    text_add(call->out, "\n", 1);
}

// Of one that does not answer the board tells, and what it said when it was asked for its silence.
static void put_silent(struct admin_call *call, uint32_t inc)
{
    const struct admin_start *start = &call->admin->start;
    put_record(call, inc, true);
    text_printf(call->out, "      sessions=%u\n", atomic_load(&board_incarnation_at(start->board, inc)->sessions));
    if (start->ops && start->ops->put_answer)
        start->ops->put_answer(start->owner, call->out, inc, "      ");
}

static const struct spread_worker *answer_of(const struct spread *spread, uint32_t inc)
{
    for (uint32_t i = 0; i < spread->num; i++)
        if (spread->workers[i].inc == inc)
            return &spread->workers[i];
    return NULL;
}

static enum admin_verdict run_show_threads(struct admin_call *call)
{
    struct board *board = call->admin->start.board;
    enum admin_verdict verdict = spread_gather(call, BOARD_INQUIRY_ACTIVITY);
    if (verdict != ADMIN_DONE || !call->state)
        return verdict;
    for (uint32_t inc = 1; inc < board_incarnation_limit(board); inc++) {
        const struct spread_worker *worker = answer_of(call->state, inc);
        if (worker)
            put_answered(call, worker);
        else if ((!call->inc || call->inc == inc) && admin_inquire_lives(call->admin, inc))
            put_silent(call, inc);
    }
    return ADMIN_DONE;
}

static const struct admin_command commands[] = {
    { .name = "show tasks",
      .level = ADMIN_LEVEL_OPERATOR,
      .where = ADMIN_ON_SERVICE,
      .max_args = 0,
      .help = "tell how much work waits in each worker",
      .run = run_show_tasks },
    { .name = "show profiling",
      .level = ADMIN_LEVEL_OPERATOR,
      .where = ADMIN_ON_SERVICE,
      .max_args = 4,
      .args = "[all|status|tasks|memory] [byaddr|bytime|aggr|<lines>]*",
      .help = "show what the steps of streams cost, where that is measured",
      .run = run_show_profiling },
    { .name = "set profiling",
      .level = ADMIN_LEVEL_ADMIN,
      .where = ADMIN_ON_SERVICE,
      .max_args = 2,
      .changes = true,
      .args = "tasks {on|off}",
      .help = "measure what the steps of streams cost",
      .run = run_set_profiling },
    { .name = "show threads",
      .level = ADMIN_LEVEL_OPERATOR,
      .where = ADMIN_ON_SERVICE,
      .max_args = 0,
      .help = "show what each worker is doing",
      .run = run_show_threads },
};
ADMIN_COMMANDS(commands);
