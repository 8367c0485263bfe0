// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/check.h"
#include "base/clock.h"
#include "board/board.h"
#include "log/log.h"
#include "os/service.h"
#include "process/last_words.h"
#include "master.h"

enum {
    MASTER_TICK_US = 25000,
    MASTER_LATE_US = 50000,     // a tick later than this says more about the machine than about the workers
    MASTER_START_US = 60000000, // a generation that is not ready by then has failed
    MASTER_KILL_US = 3000000,   // after a stop at once
    MASTER_AGAIN_US = 100000,   // between attempts to replace a keeper, doubled each time
    MASTER_AGAIN_MAX_US = 30000000,
    MASTER_LEAST_FILES = 48, // to wake a few processes, and for what each of them has open
};

static const char *pidfile_of(const struct master *master, const struct generation *generation)
{
    return master->options->pidfile ? master->options->pidfile : generation->plan.pidfile;
}

bool master_pidfile_check(const struct master *master, const struct generation *generation)
{
    const char *path = pidfile_of(master, generation);
    if (master->was_ready || !path[0] || os_pidfile_check(path))
        return true;
    log_say(LOG_LEVEL_ALERT, "Cannot create pidfile %s: %s", path, strerror(errno));
    return false;
}

static void pidfile_write(const struct master *master, const struct generation *generation)
{
    const char *path = pidfile_of(master, generation);
    if (path[0] && !os_pidfile_write(path, getpid()))
        log_say(LOG_LEVEL_ALERT, "cannot write pid file '%s': %s", path, strerror(errno));
}

void master_became_ready(struct master *master, const struct generation *generation)
{
    const struct process_options *options = master->options;
    if (master->was_ready || !options->quiet)
        log_say(LOG_LEVEL_NOTICE, "Generation %u is ready: %u workers", generation->number,
                generation->plan.num_workers);
    if (master->was_ready)
        return;
    master->was_ready = true;
    pidfile_write(master, generation);
    takeover_complete(master);
    for (uint32_t i = 0; i < options->num_old_pids; i++)
        if (kill(options->old_pids[i], options->old_signal) < 0 && errno != ESRCH)
            log_say(LOG_LEVEL_WARNING, "cannot signal old process %d: %s", (int)options->old_pids[i], strerror(errno));
    status_ready(master);
    if (master->ready_fd >= 0) {
        int fd = master->ready_fd;
        os_daemon_detach();
        os_daemon_ready(fd);
        master->ready_fd = -1;
    }
}

static void stop(struct master *master, int sig, bool now)
{
    if (master->stopping && (master->stopping_now || !now))
        return;
    master->stopping = true;
    master->stopping_now = master->stopping_now || now;
    master->stop_signal = sig;
    master->again_us = 0;
    upgrade_cancel(master);
    handover_end(master);
    if (now)
        master->kill_us = clock_mono_us() + MASTER_KILL_US;
    status_stopping(master);
    LIST_EACH(generation, &master->generations, struct generation, link)
    generation_leave(generation, now);
    listeners_retire(master);
}

static struct generation *generation_of_keeper(struct master *master, pid_t pid)
{
    struct generation *found = NULL;
    LIST_EACH(generation, &master->generations, struct generation, link)
    {
        if (generation->keeper == pid)
            found = generation;
    }
    return found;
}

static struct seat *seat_of(struct master *master, pid_t pid)
{
    struct seat *found = NULL;
    LIST_EACH(generation, &master->generations, struct generation, link)
    {
        for (uint32_t i = 0; i < generation->num_seats; i++)
            if (generation->seats[i].pid == pid)
                found = &generation->seats[i];
    }
    return found;
}

// A process whose keeper is gone was handed to us by the kernel.
static void orphan_ended(struct master *master, pid_t pid, int status)
{
    struct seat *seat = seat_of(master, pid);
    for (uint32_t inc = 1; inc < board_incarnation_limit(master->board); inc++) {
        struct board_incarnation *record = board_incarnation_at(master->board, inc);
        if (inc == master->inc || atomic_load(&record->pid) != pid)
            continue;
        struct last_words_death death = {
            .inc = inc, .pid = pid, .generation = record->generation, .status = status, .orphan = true
        };
        if (status && !master->stopping_now && !(seat && seat->generation->ending))
            last_words_tell_death(master->board, &death, NULL);
        board_incarnation_dead(master->board, inc);
    }
    if (!seat)
        return;
    seat->pid = 0;
    seat_leave(seat);
    seats_hand_log(master);
    if (seat->generation == master->active)
        guard_run(master);
}

static void reap(struct master *master)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct generation *generation = generation_of_keeper(master, pid);
        if (upgrade_reaped(master, pid, status))
            continue;
        if (generation)
            generation_keeper_ended(generation, status);
        else
            orphan_ended(master, pid, status);
    }
}

// What is left to do once something ended: free it, start what waited, or go.
static void settle(struct master *master)
{
    bool any_gone = false;
    LIST_EACH(generation, &master->generations, struct generation, link)
    any_gone |= generation_collect(generation);
    if (any_gone)
        seats_hand_log(master);
    if (master->stopping && list_is_empty(&master->generations))
        master->loop.stop = true;
    if (master->stopping || reload_runs(master))
        return;
    if (master->again_us && master->again_us <= master->loop.now_us) {
        uint64_t pause_us = (uint64_t)MASTER_AGAIN_US << (master->num_again < 9 ? master->num_again : 9);
        master->again_us = master->loop.now_us + (pause_us < MASTER_AGAIN_MAX_US ? pause_us : MASTER_AGAIN_MAX_US);
        master->num_again++;
        generation_start(master);
    } else {
        reload_go_on(master);
    }
}

static void signal_obey(struct master *master, int sig)
{
    switch (sig) {
    case SIGTERM:
    case SIGINT:
        stop(master, sig, true);
        break;
    case SIGUSR1:
        stop(master, sig, false);
        break;
    case SIGUSR2:
    case SIGHUP:
        reload_start(master, false);
        break;
    default:
        break;
    }
}

static void signals_ready(struct event_source *source, uint32_t events)
{
    (void)events;
    struct master *master = CONTAINER_OF(source, struct master, signals);
    pid_t sender;
    int sig;
    while ((sig = os_signals_next(source->fd, &sender)))
        signal_obey(master, sig);
    reap(master);
    settle(master);
}

static void kill_all(struct master *master)
{
    LIST_EACH(generation, &master->generations, struct generation, link)
    {
        if (generation->keeper)
            kill(generation->keeper, SIGKILL);
        for (uint32_t i = 0; i < generation->num_seats; i++)
            seat_kill(&generation->seats[i], SIGKILL);
    }
}

static void deadlines_check(struct master *master)
{
    uint64_t now_us = master->loop.now_us;
    struct generation *coming = reload_coming(master);
    if (coming && now_us > coming->started_us + MASTER_START_US) {
        log_say(LOG_LEVEL_ALERT, "generation %u did not become ready in time", coming->number);
        text_printf(&coming->said, "it did not become ready in %u s\n", MASTER_START_US / 1000000);
        if (coming->keeper)
            kill(coming->keeper, SIGKILL);
        coming->started_us = now_us;
    }
    if (master->kill_us && now_us > master->kill_us)
        kill_all(master);
}

static void tick(struct event_timer *timer)
{
    struct master *master = CONTAINER_OF(timer, struct master, tick);
    uint64_t now_us = master->loop.now_us;
    board_incarnation_at(master->board, master->inc)->beat_us = now_us;
    if (now_us < master->tick_due_us + MASTER_LATE_US)
        guard_run(master);
    watchdog_run(master);
    listeners_tick(master);
    leaving_tick(master);
    deadlines_check(master);
    upgrade_tick(master);
    seats_retry(master);
    settle(master);
    status_tick(master);
    master->tick_due_us = now_us + MASTER_TICK_US;
    event_timer_set(&master->loop, timer, master->tick_due_us);
}

static bool board_prepare(struct master *master)
{
    master->board = board_new();
    if (!master->board || !log_board_prepare(master->board))
        return false;
    master->inc = board_incarnation_take(master->board, BOARD_ROLE_MASTER, 0, 0);
    board_incarnation_enter(master->board, master->inc);
    log_say_enter(master->board, master->inc);
    return true;
}

static bool prepare(struct master *master)
{
    static const int signals[] = { SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP, SIGCHLD, SIGQUIT, SIGTTIN, SIGTTOU };
    os_limit_files(0);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_CHILD_SUBREAPER, 1L);
    list_init(&master->generations);
    list_init(&master->listeners);
    list_init(&master->reloads);
    text_init(&master->latest);
    if (!event_loop_init(&master->loop))
        return false;
    master->loop.owner = master;
    if (image_goes_on(master->image) ? !upgrade_continue(master) : !board_prepare(master))
        return false;
    if (!last_words_prepare(master->board))
        return false;
    last_words_enter(master->board, master->inc, NULL, NULL);
    master->signals =
        (struct event_source){ .fd = os_signals_open(signals, NUM_ITEMS(signals)), .ready = signals_ready };
    if (master->signals.fd < 0 || !event_source_add(&master->loop, &master->signals, EPOLLIN))
        return false;
    event_timer_init(&master->tick, tick);
    handover_init(master);
    master->tick_due_us = master->loop.now_us + MASTER_TICK_US;
    event_timer_set(&master->loop, &master->tick, master->tick_due_us);
    return true;
}

// The keeper that told us has done nothing yet but read the configuration.
static void background_prepare(struct master *master)
{
    LIST_EACH(generation, &master->generations, struct generation, link)
    {
        kill(generation->keeper, SIGKILL);
        waitpid(generation->keeper, NULL, 0);
        generation->keeper = 0;
        generation->state = GENERATION_LEAVING;
        generation_collect(generation);
    }
}

static void finish(struct master *master)
{
    listeners_close_all(master);
    reload_fini(master);
    close(master->signals.fd);
    event_loop_fini(&master->loop);
    log_say_enter(NULL, 0);
    board_free(master->board);
}

// As HAProxy ends: a master that was asked for says 130 after SIGINT and 0 after SIGTERM, a program that runs for
// itself ends by the signal.
static int exit_status(const struct master *master, bool master_worker)
{
    if (master->status || !master->stop_signal || master->stop_signal == SIGUSR1)
        return master->status;
    if (!master_worker)
        os_signals_raise(master->stop_signal);
    return master->stop_signal == SIGINT ? 128 + SIGINT : 0;
}

enum master_end master_run(int *status, const struct process_program *program, const struct process_options *options,
                           struct image *image, int ready_fd, bool silent)
{
    static struct master master;
    master = (struct master){ .program = program,
                              .options = options,
                              .image = image,
                              .ready_fd = ready_fd,
                              .in_background = ready_fd >= 0,
                              .silent = silent };
    os_title_set("fairlead: master");
    if (!prepare(&master)) {
        int error = errno;
        if (error == EMFILE || error == ENFILE)
            log_say(LOG_LEVEL_ALERT,
                    "cannot start: the limit of descriptors (ulimit -n) is too low, the processes need "
                    "%d among themselves before any listener",
                    MASTER_LEAST_FILES);
        else
            log_say(LOG_LEVEL_ALERT, "cannot start: %s", strerror(error));
        status_failed(options, error, strerror(error));
        *status = 1;
        return MASTER_EXIT;
    }
    if (image_goes_on(image)) {
        // Children may have ended while nobody looked.
        reap(&master);
        upgrade_resume(&master);
    } else if (options->old_socket && !takeover_receive(&master, options->old_socket)) {
        log_say(LOG_LEVEL_ALERT, "failed to get the sockets of the old process");
        *status = 1;
        return MASTER_EXIT;
    } else {
        generation_start(&master);
    }
    event_loop_run(&master.loop);
    if (master.background_wanted)
        background_prepare(&master);
    finish(&master);
    if (master.background_wanted)
        return MASTER_BACKGROUND;
    *status = exit_status(&master, options->master_worker || master.master_worker);
    return MASTER_EXIT;
}
