// SPDX-License-Identifier: Apache-2.0
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include "admin/session.h"
#include "board/board.h"

struct shown {
    const struct admin *admin;
    struct text *out;
    bool debug;
    struct board_incarnation *records[BOARD_MAX_INCARNATIONS]; // of live processes, newest generation first
    uint32_t num;
};

static int by_age(const void *a, const void *b)
{
    const struct board_incarnation *one = *(struct board_incarnation *const *)a;
    const struct board_incarnation *two = *(struct board_incarnation *const *)b;
    if (one->generation != two->generation)
        return one->generation < two->generation ? 1 : -1;
    if (one->role != two->role)
        return one->role < two->role ? -1 : 1;
    return one->slot < two->slot ? -1 : one->slot > two->slot;
}

static void find_all(struct shown *shown)
{
    struct board *board = shown->admin->start.board;
    for (uint32_t inc = 1; inc < board_incarnation_limit(board); inc++) {
        struct board_incarnation *record = board_incarnation_at(board, inc);
        if (atomic_load(&record->state) == 1 && atomic_load(&record->pid))
            shown->records[shown->num++] = record;
    }
    qsort(shown->records, shown->num, sizeof(struct board_incarnation *), by_age);
}

static const char *role_name(uint32_t role)
{
    return role == BOARD_ROLE_KEEPER       ? "keeper"
           : role == BOARD_ROLE_CONTROLLER ? "controller"
           : role == BOARD_ROLE_WORKER     ? "worker"
                                           : "master";
}

static void add_column(struct text *out, bool is_first, const char *value)
{
    text_printf(out, "%s%-15s", is_first ? "" : " ", value);
}

// How many reloads began and ended, well or not, since the process's generation did.
static uint32_t num_survived(const struct shown *shown, const struct board_incarnation *record)
{
    uint32_t num_ended = shown->admin->num_reloads + 1;
    return num_ended > record->generation ? num_ended - record->generation : 0;
}

static void show_one(const struct shown *shown, struct board_incarnation *record)
{
    uint64_t now_us = shown->admin->start.loop->wall_us;
    uint64_t up = now_us > record->started_wall_us ? (now_us - record->started_wall_us) / 1000000 : 0;
    uint32_t role = atomic_load(&record->role);
    uint32_t ready = atomic_load(&record->ready);
    bool has_sessions = role == BOARD_ROLE_WORKER;
    char text[64];
    snprintf(text, sizeof(text), "%d", (int)atomic_load(&record->pid));
    add_column(shown->out, true, text);
    add_column(shown->out, false, role_name(role));
    if (role == BOARD_ROLE_MASTER)
        snprintf(text, sizeof(text), "%u [failed: %u]", shown->admin->num_reloads, shown->admin->num_failed);
    else
        snprintf(text, sizeof(text), "%u", num_survived(shown, record));
    add_column(shown->out, false, text);
    snprintf(text, sizeof(text), "%ud%02uh%02um%02us", (unsigned)(up / 86400), (unsigned)(up / 3600 % 24),
             (unsigned)(up / 60 % 60), (unsigned)(up % 60));
    add_column(shown->out, false, text);
    snprintf(text, sizeof(text), "%.*s", BOARD_VERSION_LEN, record->version[0] ? record->version : "-");
    add_column(shown->out, false, text);
    snprintf(text, sizeof(text), role == BOARD_ROLE_MASTER ? "-" : "%u", record->generation);
    add_column(shown->out, false, text);
    snprintf(text, sizeof(text), has_sessions ? "%u" : "-", atomic_load(&record->sessions));
    add_column(shown->out, false, text);
    if (shown->debug) {
        snprintf(text, sizeof(text), has_sessions ? "%u" : "-", record->slot + 1);
        add_column(shown->out, false, text);
        add_column(shown->out, false, ready == 2 ? "stopping" : ready == 1 ? "serving" : "starting");
    }
    text_add(shown->out, "\n", 1);
}

// The processes of `roles` (a bit each) that are of this generation or, `old`, of one before it.
static void show_some(const struct shown *shown, uint32_t roles, bool old, const char *title)
{
    bool any = false;
    for (uint32_t i = 0; i < shown->num; i++) {
        struct board_incarnation *record = shown->records[i];
        bool is_old = record->generation < shown->admin->start.generation;
        if (!(roles & 1u << atomic_load(&record->role)) || is_old != old)
            continue;
        if (!any && title)
            text_printf(shown->out, "%s\n", title);
        any = true;
        show_one(shown, record);
    }
}

static void show_header(const struct shown *shown)
{
    static const char *const columns[] = { "#<PID>",       "<type>",     "<reloads>", "<uptime>", "<version>",
                                           "<generation>", "<sessions>", "<slot>",    "<state>" };
    uint32_t num = shown->debug ? 9 : 7;
    for (uint32_t i = 0; i < num; i++)
        add_column(shown->out, i == 0, columns[i]);
    text_add(shown->out, "\n", 1);
}

// HAProxy's columns and titles, then columns of ours; keepers and controllers stand where it has its "programs".
static enum admin_verdict run_show_proc(struct admin_call *call)
{
    enum {
        MASTERS = 1u << BOARD_ROLE_MASTER,
        WORKERS = 1u << BOARD_ROLE_WORKER,
        OTHERS = 1u << BOARD_ROLE_KEEPER | 1u << BOARD_ROLE_CONTROLLER,
    };
    struct shown shown = { .admin = call->admin, .out = call->out };
    if (call->num_args && strcmp(call->args[0], "debug") != 0)
        return admin_refuse_arg(call, 0);
    shown.debug = call->num_args > 0;
    find_all(&shown);
    show_header(&shown);
    for (uint32_t i = 0; i < shown.num; i++)
        if (MASTERS & 1u << atomic_load(&shown.records[i]->role))
            show_one(&shown, shown.records[i]);
    text_printf(shown.out, "# workers\n");
    show_some(&shown, WORKERS, false, NULL);
    show_some(&shown, WORKERS, true, "# old workers");
    text_printf(shown.out, "# programs\n");
    show_some(&shown, OTHERS, false, NULL);
    show_some(&shown, OTHERS, true, "# old programs");
    return ADMIN_DONE;
}

static const struct admin_command commands[] = {
    { .name = "show proc",
      .level = ADMIN_LEVEL_USER,
      .where = ADMIN_ON_STATS | ADMIN_ON_MASTER,
      .max_args = 1,
      .args = "[debug]",
      .help = "list the processes of all generations and their sessions",
      .run = run_show_proc },
};
ADMIN_COMMANDS(commands);
