// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "backend/backend.h"
#include "base/check.h"
#include "base/clock.h"
#include "board/board.h"
#include "log/log.h"
#include "os/service.h"
#include "process/census.h"
#include "process/controller.h"
#include "process/last_words.h"
#include "process/signals.h"
#include "process/worker.h"
#include "keeper.h"

enum {
    SEATS_RECENT_US = 60000000,    // who died KEEPER_DEATHS times within this waits before it is forked again
    SEATS_PAUSE_US = 1000000,      // this, doubled each time
    SEATS_PAUSE_MAX_US = 30000000, // until one lives for SEATS_RECENT_US
    SEATS_SHORT_US = 50000,        // the same of controllers: health checks, logs and operators wait for it, and
    SEATS_SHORT_MAX_US = 2000000,  // connections to its sockets do so in the kernel
    SEATS_AGAIN_US = 1000000,      // before the next attempt where there was no process to be had
    SEATS_KILL_US = 500000,
    SEATS_ANSWER_US =
        71000000,          // for the controller of a generation that leaves softly: somebody may wait for an answer
    SEATS_ROOM_US = 50000, // between looks for a free number at the start
};

static bool is_controller(const struct keeper_seat *seat)
{
    return seat->slot == WIRE_CONTROLLER_SLOT;
}

static const char *seat_name(char *room, size_t cap, const struct keeper_seat *seat)
{
    if (is_controller(seat))
        return "controller";
    snprintf(room, cap, "worker %u", seat->slot + 1);
    return room;
}

static void seat_ask(struct keeper_seat *seat)
{
    struct keeper *keeper = seat->keeper;
    seat->inc =
        board_incarnation_take(keeper->start.board, is_controller(seat) ? BOARD_ROLE_CONTROLLER : BOARD_ROLE_WORKER,
                               seat->slot, keeper->start.generation);
    if (!seat->inc) {
        // A generation that starts has the master's word that there will be room as soon as older ones are gone.
        if (keeper->active)
            log_say(LOG_LEVEL_ALERT, "too many processes at once; trying again later");
        event_timer_set(&keeper->loop, &seat->again,
                        clock_mono_us() + (keeper->active ? SEATS_AGAIN_US : SEATS_ROOM_US));
        return;
    }
    struct wire_seat wire = { .slot = seat->slot, .inc = seat->inc };
    messages_send(&keeper->master, WIRE_SEAT, &wire, sizeof(wire), NULL, 0);
}

// Who is not forked yet will inherit what the keeper has applied by then, and is nobody to wait for meanwhile.
void keeper_change(struct keeper *keeper)
{
    struct board *board = keeper->start.board;
    seat_changes(&keeper->changes, keeper->loop.now_us);
    uint64_t applied = atomic_load(&board_incarnation_at(board, keeper->start.inc)->applied);
    for (uint32_t i = 0; i < keeper->num_seats; i++)
        if (keeper->seats[i].inc && !keeper->seats[i].pid)
            board_journal_applied(board, keeper->seats[i].inc, applied);
}

static void seat_again(struct event_timer *timer)
{
    struct keeper_seat *seat = CONTAINER_OF(timer, struct keeper_seat, again);
    if (!seat->keeper->stopping && !seat->inc)
        seat_ask(seat);
}

void keeper_seats_start(struct keeper *keeper)
{
    keeper->num_seats = keeper->settings.num_workers + 1;
    keeper->seats = calloc(keeper->num_seats, sizeof(*keeper->seats));
    if (!keeper->seats)
        check_out_of_memory(keeper->num_seats * sizeof(*keeper->seats));
    for (uint32_t i = 0; i < keeper->num_seats; i++) {
        struct keeper_seat *seat = &keeper->seats[i];
        seat->keeper = keeper;
        seat->slot = i ? i - 1 : WIRE_CONTROLLER_SLOT;
        event_timer_init(&seat->again, seat_again);
        seat_ask(seat);
    }
}

static struct keeper_seat *seat_find(struct keeper *keeper, uint32_t slot, uint32_t inc)
{
    for (uint32_t i = 0; i < keeper->num_seats; i++)
        if (keeper->seats[i].slot == slot && keeper->seats[i].inc == inc)
            return &keeper->seats[i];
    return NULL;
}

static _Noreturn void child_run(struct keeper *keeper, const struct keeper_seat *seat, int take_line, pid_t parent)
{
    const struct keeper_start *start = &keeper->start;
    process_signals_child();
    if (!board_incarnation_enter(start->board, seat->inc))
        _exit(1);
    log_say_enter(start->board, seat->inc);
    // Closed as they are: taking them out of the shared epoll would take them out of the keeper's.
    close(keeper->loop.epoll_fd);
    close(keeper->signals.fd);
    if (keeper->master.source.fd >= 0)
        close(keeper->master.source.fd);
    if (keeper->alone)
        close(keeper->alone_signals.fd);
    if (keeper->alone && keeper->alone_line.source.fd >= 0)
        close(keeper->alone_line.source.fd);
    if (keeper->helper.our_end) {
        close(keeper->helper.its_end);
        if (!is_controller(seat))
            close(keeper->helper.our_end);
    }
    if (start->background)
        os_daemon_detach();
    if (is_controller(seat)) {
        static struct controller controller;
        controller = (struct controller){
            .board = start->board,
            .inc = seat->inc,
            .generation = start->generation,
            .conf = keeper->conf,
            .options = start->options,
            .settings = &keeper->settings,
            .program = start->program,
            .startup_messages = keeper->messages.ptr ? keeper->messages.ptr : "",
            .sinks = keeper->sinks,
            .helper_fd = keeper->helper.our_end ? keeper->helper.our_end : -1,
        };
        controller_run(&controller, take_line, parent);
    }
    log_drain_free(keeper->sinks);
    static struct worker worker;
    worker = (struct worker){
        .board = start->board,
        .inc = seat->inc,
        .slot = seat->slot,
        .generation = start->generation,
        .conf = keeper->conf,
        .options = start->options,
        .settings = &keeper->settings,
        .program = start->program,
    };
    worker_run(&worker, take_line, parent);
}

static void seat_empty(struct keeper_seat *seat)
{
    board_incarnation_dead(seat->keeper->start.board, seat->inc);
    seat->inc = 0;
    seat->pid = 0;
}

void keeper_seated(struct keeper *keeper, const struct wire_seat *wire, int take_line)
{
    struct keeper_seat *seat = seat_find(keeper, wire->slot, wire->inc);
    if (!seat || seat->pid || keeper->stopping) {
        if (seat && !seat->pid)
            seat_empty(seat);
        close(take_line);
        keeper_reap(keeper);
        return;
    }
    keeper_change(keeper);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        child_run(keeper, seat, take_line, parent);
    close(take_line);
    if (pid < 0) {
        log_say(LOG_LEVEL_ALERT, "cannot fork: %s", strerror(errno));
        seat_empty(seat);
        event_timer_set(&keeper->loop, &seat->again, clock_mono_us() + SEATS_AGAIN_US);
        return;
    }
    seat->pid = pid;
    seat->forked_us = clock_mono_us();
    struct wire_seat forked = { .slot = seat->slot, .inc = seat->inc, .pid = pid };
    messages_send(&keeper->master, WIRE_FORKED, &forked, sizeof(forked), NULL, 0);
    char room[32];
    if (keeper->active || !keeper->start.options->quiet)
        log_say(LOG_LEVEL_NOTICE, "New %s (%d) of generation %u forked", seat_name(room, sizeof(room), seat), (int)pid,
                keeper->start.generation);
}

// Deaths while it starts are what the generation fails for: the master hears of them too.
static void death_tell(struct keeper_seat *seat, int status)
{
    struct keeper *keeper = seat->keeper;
    struct last_words_death death = {
        .inc = seat->inc, .pid = seat->pid, .generation = keeper->start.generation, .status = status
    };
    last_words_tell_death(keeper->start.board, &death, keeper->active || keeper->stopping ? NULL : &keeper->messages);
}

static void nobody_left_tell(const struct keeper *keeper)
{
    for (uint32_t i = 1; i < keeper->num_seats; i++)
        if (keeper->seats[i].inc)
            return;
    log_say(LOG_LEVEL_ALERT, "no worker of generation %u is left: nobody serves until one is started again",
            keeper->start.generation);
}

// Deaths within SEATS_RECENT_US, the latest included.
static uint32_t deaths_count(struct keeper_seat *seat, uint64_t now_us)
{
    uint32_t num = 0;
    seat->deaths_us[seat->num_deaths++ % KEEPER_DEATHS] = now_us;
    for (uint32_t i = 0; i < KEEPER_DEATHS && i < seat->num_deaths; i++)
        num += now_us - seat->deaths_us[i] <= SEATS_RECENT_US;
    return num;
}

// The pauses themselves keep deaths apart: only a life of a quiet minute ends them.
static void seat_refork(struct keeper_seat *seat)
{
    struct keeper *keeper = seat->keeper;
    char room[32];
    uint64_t now_us = clock_mono_us();
    if (now_us - seat->forked_us >= SEATS_RECENT_US)
        seat->pause_us = 0;
    uint32_t num = deaths_count(seat, now_us);
    if (!seat->pause_us && num < KEEPER_DEATHS) {
        seat_ask(seat);
        return;
    }
    uint64_t first_us = is_controller(seat) ? SEATS_SHORT_US : SEATS_PAUSE_US;
    uint64_t max_us = is_controller(seat) ? SEATS_SHORT_MAX_US : SEATS_PAUSE_MAX_US;
    seat->pause_us = seat->pause_us ? seat->pause_us * 2 : first_us;
    if (seat->pause_us > max_us)
        seat->pause_us = max_us;
    log_say(LOG_LEVEL_ALERT,
            "%s of generation %u keeps dying (%u times in the last minute): it is started again in %g s",
            seat_name(room, sizeof(room), seat), keeper->start.generation, num, (double)seat->pause_us / 1000000);
    event_timer_set(&keeper->loop, &seat->again, now_us + seat->pause_us);
    nobody_left_tell(keeper);
}

static void child_ended(struct keeper *keeper, pid_t pid, int status)
{
    struct keeper_seat *seat = NULL;
    for (uint32_t i = 0; i < keeper->num_seats; i++)
        if (keeper->seats[i].pid == pid)
            seat = &keeper->seats[i];
    if (!seat) {
        (void)keeper_helper_ended(keeper, pid);
        return;
    }
    struct wire_seat dead = { .slot = seat->slot, .inc = seat->inc, .pid = pid };
    if (!keeper->stopping || (!keeper->stopping_now && status != 0))
        death_tell(seat, status);
    if (status != 0)
        backend_pool_died();
    seat_empty(seat);
    messages_send(&keeper->master, WIRE_DEAD, &dead, sizeof(dead), NULL, 0);
    if (keeper->stopping)
        return;
    if (!keeper->active) {
        text_printf(&keeper->messages, "a process of generation %u ended while it started\n", keeper->start.generation);
        keeper_fail(keeper, NULL);
    }
    if (keeper->alone)
        keeper_alone_ended(keeper, seat);
    else
        seat_refork(seat);
}

static void seats_signal(const struct keeper *keeper, int sig, bool controller)
{
    for (uint32_t i = 0; i < keeper->num_seats; i++)
        if (keeper->seats[i].pid && is_controller(&keeper->seats[i]) == controller)
            kill(keeper->seats[i].pid, sig);
}

void keeper_workers_signal(const struct keeper *keeper, int sig)
{
    seats_signal(keeper, sig, false);
}

static uint32_t seats_count(const struct keeper *keeper, bool controller)
{
    uint32_t num = 0;
    for (uint32_t i = 0; i < keeper->num_seats; i++)
        num += keeper->seats[i].pid && is_controller(&keeper->seats[i]) == controller;
    return num;
}

static void kill_all(struct event_timer *timer)
{
    struct keeper *keeper = CONTAINER_OF(timer, struct keeper, kill);
    if (seats_count(keeper, false))
        seats_signal(keeper, SIGKILL, false);
    else
        seats_signal(keeper, SIGKILL, true);
    event_timer_set(&keeper->loop, timer, keeper->loop.now_us + SEATS_KILL_US);
}

// The workers go first and the controller last, which sends what they logged.
static void stop_go_on(struct keeper *keeper)
{
    if (seats_count(keeper, false)) {
        if (keeper->stopping_now)
            seats_signal(keeper, SIGTERM, false);
    } else if (seats_count(keeper, true)) {
        uint64_t limit_us = keeper->stopping_now ? SEATS_KILL_US : SEATS_ANSWER_US;
        seats_signal(keeper, SIGTERM, true);
        event_timer_set(&keeper->loop, &keeper->kill, clock_mono_us() + limit_us);
    } else {
        keeper_helper_stop(keeper);
        keeper->loop.stop = true;
    }
}

void keeper_reap(struct keeper *keeper)
{
    int status;
    pid_t pid;
    keeper_master_look(keeper);
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        child_ended(keeper, pid, status);
    if (keeper->stopping)
        stop_go_on(keeper);
}

static void hard_stop_due(struct event_timer *timer)
{
    struct keeper *keeper = CONTAINER_OF(timer, struct keeper, hard_stop);
    log_say(LOG_LEVEL_WARNING, "hard-stop-after: generation %u ends now, and with it %u sessions",
            keeper->start.generation, census_sessions(keeper->start.board, keeper->start.generation));
    keeper_stop(keeper, true);
}

void keeper_stop(struct keeper *keeper, bool now)
{
    if (!keeper->stopping) {
        event_timer_init(&keeper->hard_stop, hard_stop_due);
        event_timer_init(&keeper->kill, kill_all);
    }
    keeper->stopping = true;
    for (uint32_t i = 0; i < keeper->num_seats; i++) {
        struct keeper_seat *seat = &keeper->seats[i];
        event_timer_set(&keeper->loop, &seat->again, 0);
        // A line it asked for may never come.
        if (seat->inc && !seat->pid)
            seat_empty(seat);
    }
    if (now && !keeper->stopping_now) {
        keeper->stopping_now = true;
        event_timer_set(&keeper->loop, &keeper->kill, clock_mono_us() + SEATS_KILL_US);
    } else if (!now && keeper->settings.hard_stop_us && !keeper->stopping_now) {
        event_timer_set(&keeper->loop, &keeper->hard_stop, clock_mono_us() + keeper->settings.hard_stop_us);
    }
    stop_go_on(keeper);
}
