// SPDX-License-Identifier: Apache-2.0
// The keeper without its master: it ends its generation in order, or, where the configuration says so, goes on with
// what is left and obeys the signals that were the master's.
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>
#include "base/check.h"
#include "board/board.h"
#include "log/log.h"
#include "os/service.h"
#include "process/last_words.h"
#include "keeper.h"

enum { ALONE_LOOKS = 100, ALONE_LOOK_US = 1000 };

// A master that died within a call of the board holds locks that only the mark of its death sets free. Nobody takes
// numbers any more then, so that its number stays its own.
void keeper_master_look(struct keeper *keeper)
{
    struct board *board = keeper->start.board;
    if (keeper->master_dead || getppid() == keeper->master_pid)
        return;
    keeper->master_dead = true;
    for (uint32_t inc = 1; inc < board_incarnation_limit(board); inc++) {
        const struct board_incarnation *record = board_incarnation_at(board, inc);
        if (atomic_load(&record->role) != BOARD_ROLE_MASTER || atomic_load(&record->pid) != keeper->master_pid)
            continue;
        if (keeper->active && !keeper->stopping)
            last_words_tell_lost(board, inc);
        board_incarnation_dead(board, inc);
    }
}

static void signals_ready(struct event_source *source, uint32_t events)
{
    (void)events;
    struct keeper *keeper = CONTAINER_OF(source, struct keeper, alone_signals);
    pid_t sender;
    int sig;
    while ((sig = os_signals_next(source->fd, &sender))) {
        log_say(LOG_LEVEL_NOTICE, "signal %d from process %d: generation %u ends%s", sig, (int)sender,
                keeper->start.generation, sig == SIGUSR1 ? " softly" : "");
        keeper_stop(keeper, sig != SIGUSR1);
        if (sig == SIGUSR1)
            keeper_workers_signal(keeper, SIGUSR1);
    }
}

static bool signals_take_over(struct keeper *keeper)
{
    static const int signals[] = { SIGUSR1, SIGTERM, SIGINT };
    keeper->alone_signals =
        (struct event_source){ .fd = os_signals_open(signals, NUM_ITEMS(signals)), .ready = signals_ready };
    return keeper->alone_signals.fd >= 0 && event_source_add(&keeper->loop, &keeper->alone_signals, EPOLLIN);
}

void keeper_master_lost(struct keeper *keeper)
{
    // The line closes a moment before the death can be seen.
    for (int i = 0; i < ALONE_LOOKS && getppid() == keeper->master_pid; i++)
        usleep(ALONE_LOOK_US);
    keeper_master_look(keeper);
    if (!keeper->active || keeper->stopping) {
        keeper_stop(keeper, !keeper->active);
        return;
    }
    if (keeper->settings.go_on_alone && signals_take_over(keeper)) {
        keeper->alone = true;
        keeper->alone_line.source.fd = -1;
        log_say(LOG_LEVEL_ALERT,
                "the master is gone: generation %u goes on alone, without reloads and without replacing workers; "
                "SIGUSR1 to this keeper (%d) ends it softly, SIGTERM at once",
                keeper->start.generation, (int)getpid());
        return;
    }
    log_say(LOG_LEVEL_ALERT, "the master is gone: generation %u ends softly", keeper->start.generation);
    keeper_stop(keeper, false);
}

// What the master would say to a controller, but for the sockets, which ended with the one before.
static bool controller_line(struct keeper *keeper, int *line)
{
    int ends[2];
    if (!os_pass_pair(ends))
        return false;
    messages_fini(&keeper->alone_line);
    messages_init(&keeper->alone_line, "the controller", NULL, 0, keeper, NULL, ends[0]);
    messages_send(&keeper->alone_line, WIRE_START, NULL, 0, NULL, 0);
    messages_send(&keeper->alone_line, WIRE_ACTIVE, NULL, 0, NULL, 0);
    *line = ends[1];
    return true;
}

void keeper_alone_ended(struct keeper *keeper, struct keeper_seat *seat)
{
    int line;
    if (seat->slot != WIRE_CONTROLLER_SLOT) {
        for (uint32_t i = 1; i < keeper->num_seats; i++)
            if (keeper->seats[i].pid)
                return;
        log_say(LOG_LEVEL_ALERT, "no worker is left, and no master to give another one its sockets: generation %u ends",
                keeper->start.generation);
        keeper_stop(keeper, true);
        return;
    }
    log_say(LOG_LEVEL_ALERT, "admin sockets of generation %u are gone until a new master starts; the log goes on",
            keeper->start.generation);
    seat->inc =
        board_incarnation_take(keeper->start.board, BOARD_ROLE_CONTROLLER, seat->slot, keeper->start.generation);
    struct wire_seat wire = { .slot = seat->slot, .inc = seat->inc };
    if (!seat->inc)
        return;
    if (controller_line(keeper, &line))
        keeper_seated(keeper, &wire, line);
    else
        board_incarnation_dead(keeper->start.board, seat->inc);
}
