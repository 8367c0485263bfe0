// SPDX-License-Identifier: Apache-2.0
#include <stdatomic.h>
#include <stdio.h>
#include "admin/session.h"
#include "board/board.h"

struct shown {
    struct admin_call *call;
    uint64_t now_us;
    uint32_t newest; // generation
    bool debug;
};

static void show_one(const struct shown *shown, uint32_t inc, const char *type, uint32_t reloads)
{
    struct board *board = shown->call->admin->start.board;
    struct board_incarnation *record = board_incarnation_at(board, inc);
    uint64_t up = shown->now_us > record->started_wall_us ? (shown->now_us - record->started_wall_us) / 1000000 : 0;
    char uptime[40];
    char count[40];
    snprintf(uptime, sizeof(uptime), "%ud%02uh%02um%02us", (unsigned)(up / 86400), (unsigned)(up / 3600 % 24),
             (unsigned)(up / 60 % 60), (unsigned)(up % 60));
    if (atomic_load(&record->role) == BOARD_ROLE_MASTER)
        snprintf(count, sizeof(count), "%u [failed: %u]", reloads, shown->call->admin->num_failed);
    else
        snprintf(count, sizeof(count), "%u", reloads);
    text_printf(shown->call->out, "%-15d %-15s %-15s %-15s %-15s", (int)atomic_load(&record->pid), type, count, uptime,
                shown->call->admin->start.version);
    if (shown->debug)
        text_printf(shown->call->out, " %-15u %-15u %s", record->generation, atomic_load(&record->sessions),
                    atomic_load(&record->ready) == 2   ? "stopping"
                    : atomic_load(&record->ready) == 1 ? "serving"
                                                       : "starting");
    text_printf(shown->call->out, "\n");
}

static const char *role_name(uint32_t role)
{
    return role == BOARD_ROLE_KEEPER       ? "keeper"
           : role == BOARD_ROLE_CONTROLLER ? "controller"
           : role == BOARD_ROLE_WORKER     ? "worker"
                                           : "master";
}

// The processes of `roles` (a bit each) that are of the newest generation, or that are not.
static uint32_t show_some(const struct shown *shown, uint32_t roles, bool old, const char *title)
{
    struct board *board = shown->call->admin->start.board;
    uint32_t num = 0;
    for (uint32_t inc = 1; inc < board_incarnation_limit(board); inc++) {
        struct board_incarnation *record = board_incarnation_at(board, inc);
        uint32_t role = atomic_load(&record->role);
        if (atomic_load(&record->state) != 1 || !(roles & 1u << role) || (record->generation < shown->newest) != old)
            continue;
        if (!num++ && title)
            text_printf(shown->call->out, "%s\n", title);
        show_one(shown, inc, role_name(role),
                 shown->newest > record->generation ? shown->newest - record->generation : 0);
    }
    return num;
}

static void show_master(const struct shown *shown)
{
    struct board *board = shown->call->admin->start.board;
    for (uint32_t inc = 1; inc < board_incarnation_limit(board); inc++) {
        struct board_incarnation *record = board_incarnation_at(board, inc);
        if (atomic_load(&record->state) == 1 && atomic_load(&record->role) == BOARD_ROLE_MASTER)
            show_one(shown, inc, "master", shown->newest ? shown->newest - 1 : 0);
    }
}

// HAProxy's layout; our keepers and controllers stand where it has its "programs". `debug` adds columns.
static enum admin_verdict run_show_proc(struct admin_call *call)
{
    struct shown shown = { .call = call,
                           .now_us = call->admin->start.loop->wall_us,
                           .newest = call->admin->start.generation };
    if (call->num_args && strcmp(call->args[0], "debug") != 0)
        return admin_refuse_arg(call, 0);
    shown.debug = call->num_args > 0;
    text_printf(call->out, "%-15s %-15s %-15s %-15s %-15s", "#<PID>", "<type>", "<reloads>", "<uptime>", "<version>");
    text_printf(call->out, "%s\n", shown.debug ? " <generation>    <sessions>      <state>" : "");
    show_master(&shown);
    text_printf(call->out, "# workers\n");
    show_some(&shown, 1u << BOARD_ROLE_WORKER, false, NULL);
    show_some(&shown, 1u << BOARD_ROLE_WORKER, true, "# old workers");
    text_printf(call->out, "# programs\n");
    show_some(&shown, 1u << BOARD_ROLE_KEEPER | 1u << BOARD_ROLE_CONTROLLER, false, NULL);
    show_some(&shown, 1u << BOARD_ROLE_KEEPER | 1u << BOARD_ROLE_CONTROLLER, true, "# old programs");
    return ADMIN_DONE;
}

static enum admin_verdict run_reload(struct admin_call *call)
{
    struct admin *admin = call->admin;
    const struct admin_ops *ops = admin->start.ops;
    uint64_t id = ++admin->last_reload;
    call->session->reload = id;
    if (ops && ops->reload && ops->reload(admin->start.owner, id, false))
        return ADMIN_LATER;
    call->session->reload = 0;
    call->session->quit = true;
    text_printf(call->out, "Success=0\n--\nThe master cannot be asked.\n");
    return ADMIN_DONE;
}

static const struct admin_command commands[] = {
    { .name = "show proc",
      .level = ADMIN_LEVEL_OPERATOR,
      .where = ADMIN_ON_ANY,
      .max_args = 1,
      .args = "[debug]",
      .help = "list the processes of all generations",
      .run = run_show_proc },
    { .name = "reload",
      .level = ADMIN_LEVEL_OPERATOR,
      .where = ADMIN_ON_MASTER,
      .help = "read the configuration again and replace this generation",
      .run = run_reload },
};
ADMIN_COMMANDS(commands);
