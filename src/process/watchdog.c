// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include "board/board.h"
#include "log/log.h"
#include "os/process.h"
#include "process/last_words.h"
#include "master.h"

enum {
    WATCHDOG_LOOK_MAX_US = 50000,   // of the time since the look before: what is more, the master was late
    WATCHDOG_ANSWER_US = 200000,    // for the answer to what it is at
    WATCHDOG_KILL_US = 1000000,     // after SIGABRT
    WATCHDOG_START_US = 60000000,   // a process that does not serve by then never will
    WATCHDOG_KEEPER_US = 2000000,   // more than a keeper sleeps, on top of what others may be silent for
    WATCHDOG_LOST_WAKE_US = 100000, // a keeper that has not told of a death by then is woken
    WATCHDOG_LOST_KILL_US = 600000, // and is no use by then
    WATCHDOG_UNBORN_US = 10000000,  // a number that a dead keeper took, and nobody came for
};

static const char *state_name(char letter)
{
    switch (letter) {
    case 'T':
    case 't':
        return "stopped by a signal";
    case 'D':
        return "waiting in the kernel where no signal reaches it";
    case 'R':
        return "running";
    case 'S':
        return "asleep";
    case 'Z':
        return "dead, and not waited for";
    default:
        return "in an unknown state";
    }
}

// What the log calls it: "worker 2 (17) of generation 3".
static const char *name_of(char *room, size_t cap, struct master *master, uint32_t inc, pid_t pid)
{
    char role[32];
    snprintf(room, cap, "%s (%d) of generation %u", last_words_role(role, master->board, inc), (int)pid,
             board_incarnation_at(master->board, inc)->generation);
    return room;
}

static void stuck_tell(struct master *master, const struct watch *watch, uint32_t inc, pid_t pid, bool answered)
{
    char name[80];
    char head[240];
    char letter = os_process_state(pid);
    int len =
        snprintf(head, sizeof(head), "%s has been stuck for %llu.%llu s", name_of(name, sizeof(name), master, inc, pid),
                 (unsigned long long)(watch->asked_us / 1000000), (unsigned long long)(watch->asked_us / 100000 % 10));
    if (!answered)
        snprintf(head + len, sizeof(head) - (size_t)len, " and does not say at what: it is %s (state %c)",
                 state_name(letter), letter);
    last_words_tell_answer(master->board, inc, head);
}

static void abort_it(const struct generation *generation, struct watch *watch, uint32_t inc, pid_t pid)
{
    struct master *master = generation->master;
    char name[80];
    watch->aborted_us = watch->silent_us;
    log_say(LOG_LEVEL_ALERT, "watchdog: %s has been stuck for %llu.%llu s and is ended",
            name_of(name, sizeof(name), master, inc, pid), (unsigned long long)(watch->silent_us / 1000000),
            (unsigned long long)(watch->silent_us / 100000 % 10));
    last_words_watchdog(master->board, inc);
    generation_signal(generation, pid, SIGABRT);
}

static void beat_look(struct master *master, struct watch *watch, uint32_t inc, pid_t pid, uint64_t elapsed_us)
{
    if (watch->inc != inc || watch->pid != pid)
        *watch = (struct watch){ .inc = inc, .pid = pid };
    uint64_t beat_us = atomic_load_explicit(&board_incarnation_at(master->board, inc)->beat_us, memory_order_relaxed);
    if (beat_us == watch->beat_us) {
        watch->silent_us += elapsed_us;
        return;
    }
    if (watch->told) {
        char name[80];
        log_say(LOG_LEVEL_NOTICE, "%s goes on after %llu.%llu s", name_of(name, sizeof(name), master, inc, pid),
                (unsigned long long)(watch->silent_us / 1000000), (unsigned long long)(watch->silent_us / 100000 % 10));
    }
    if (watch->asked_us)
        last_words_forget(master->board, inc);
    *watch = (struct watch){ .inc = inc, .pid = pid, .beat_us = beat_us };
}

// Looks at one process, which may be silent for `more_us` longer than the settings say.
static void look(const struct generation *generation, struct watch *watch, uint32_t inc, pid_t pid, uint64_t elapsed_us,
                 uint64_t more_us)
{
    struct master *master = generation->master;
    const struct wire_plan *plan = &generation->plan;
    uint64_t warn_us = plan->silent_warn_us ? plan->silent_warn_us + more_us : 0;
    uint64_t kill_us = plan->silent_kill_us ? plan->silent_kill_us + more_us : 0;
    beat_look(master, watch, inc, pid, elapsed_us);
    if (warn_us && !watch->asked_us && watch->silent_us >= warn_us) {
        watch->asked_us = watch->silent_us;
        last_words_ask(master->board, inc);
        generation_signal(generation, pid, CRASH_ASK_SIGNAL);
    } else if (watch->asked_us && !watch->told) {
        bool answered = last_words_asked(master->board, inc);
        if (answered || watch->silent_us >= watch->asked_us + WATCHDOG_ANSWER_US) {
            watch->told = true;
            stuck_tell(master, watch, inc, pid, answered);
        }
    }
    if (kill_us && !watch->aborted_us && watch->silent_us >= kill_us) {
        abort_it(generation, watch, inc, pid);
    } else if (watch->aborted_us && !watch->killed && watch->silent_us >= watch->aborted_us + WATCHDOG_KILL_US) {
        watch->killed = true;
        generation_signal(generation, pid, SIGKILL);
    }
}

static void seat_look(struct seat *seat, uint64_t elapsed_us)
{
    struct generation *generation = seat->generation;
    // The beat of who lives on a board that cannot be read is not seen.
    if (!seat->pid || !seat->open || !seat->inc) {
        seat->watch = (struct watch){ 0 };
        return;
    }
    look(generation, &seat->watch, seat->inc, seat->pid, elapsed_us, seat->ready ? 0 : WATCHDOG_START_US);
}

// A dead process whose keeper does not tell of it still holds its share of everything. A keeper asleep is woken; one
// that is no more use then is ended, which hands its children to us.
static void lost_look(struct seat *seat, uint64_t elapsed_us)
{
    struct generation *generation = seat->generation;
    struct master *master = generation->master;
    if (!seat->pid || seat->open || !generation->keeper) {
        seat->lost_us = 0;
        return;
    }
    uint64_t before_us = seat->lost_us;
    seat->lost_us += elapsed_us;
    if (generation->keeper_inc && before_us < WATCHDOG_LOST_WAKE_US && seat->lost_us >= WATCHDOG_LOST_WAKE_US)
        board_wake(master->board, generation->keeper_inc);
    if (before_us >= WATCHDOG_LOST_KILL_US || seat->lost_us < WATCHDOG_LOST_KILL_US ||
        os_process_state(seat->pid) != 'Z')
        return;
    log_say(LOG_LEVEL_ALERT,
            "the keeper (%d) of generation %u does not see that its process %d is dead (it is %s), and is ended",
            (int)generation->keeper, generation->number, (int)seat->pid,
            state_name(os_process_state(generation->keeper)));
    if (generation->keeper_inc)
        last_words_watchdog(master->board, generation->keeper_inc);
    kill(generation->keeper, SIGKILL);
}

// A keeper that reads a configuration may take its time, and has no beat.
static void keeper_look(struct generation *generation, uint64_t elapsed_us)
{
    struct master *master = generation->master;
    if (!generation->keeper || !generation->keeper_inc ||
        !atomic_load(&board_incarnation_at(master->board, generation->keeper_inc)->ready))
        return;
    look(generation, &generation->keeper_watch, generation->keeper_inc, generation->keeper, elapsed_us,
         WATCHDOG_KEEPER_US);
}

// Numbers that the dead keeper took for processes that never came, or stand still on the way.
static void unborn_look(struct generation *generation)
{
    struct master *master = generation->master;
    if (!generation->unborn_us || master->loop.now_us < generation->unborn_us)
        return;
    generation->unborn_us = 0;
    for (uint32_t inc = 1; inc < board_incarnation_limit(master->board); inc++) {
        const struct board_incarnation *record = board_incarnation_at(master->board, inc);
        uint32_t role = atomic_load(&record->role);
        if ((role == BOARD_ROLE_WORKER || role == BOARD_ROLE_CONTROLLER) && record->generation == generation->number &&
            !atomic_load(&record->pid)) {
            for (uint32_t i = 0; i < generation->num_seats; i++)
                if (generation->seats[i].inc == inc)
                    seat_kill(&generation->seats[i], SIGKILL);
            board_incarnation_dead(master->board, inc);
        }
    }
}

void watchdog_run(struct master *master)
{
    uint64_t now_us = master->loop.now_us;
    uint64_t elapsed_us = master->watched_us ? now_us - master->watched_us : 0;
    master->watched_us = now_us;
    if (elapsed_us > WATCHDOG_LOOK_MAX_US)
        elapsed_us = WATCHDOG_LOOK_MAX_US;
    LIST_EACH(generation, &master->generations, struct generation, link)
    {
        // Its processes beat on a board that cannot be read here.
        if (generation->foreign)
            continue;
        keeper_look(generation, elapsed_us);
        unborn_look(generation);
        for (uint32_t i = 0; i < generation->num_seats; i++) {
            seat_look(&generation->seats[i], elapsed_us);
            lost_look(&generation->seats[i], elapsed_us);
        }
    }
}

// Children of the dead keeper are ours by now, the dead ones too: who is not was waited for by the keeper, which did
// not come to clean up.
void watchdog_keeper_gone(struct generation *generation)
{
    struct master *master = generation->master;
    generation->unborn_us = master->loop.now_us + WATCHDOG_UNBORN_US;
    for (uint32_t inc = 1; inc < board_incarnation_limit(master->board); inc++) {
        const struct board_incarnation *record = board_incarnation_at(master->board, inc);
        uint32_t role = atomic_load(&record->role);
        pid_t pid = atomic_load(&record->pid);
        siginfo_t info;
        if ((role != BOARD_ROLE_WORKER && role != BOARD_ROLE_CONTROLLER) || record->generation != generation->number ||
            !pid)
            continue;
        if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD)
            board_incarnation_dead(master->board, inc);
    }
    for (uint32_t i = 0; i < generation->num_seats; i++) {
        struct seat *seat = &generation->seats[i];
        siginfo_t info;
        // The word of its fork may have been lost with the keeper.
        if (!seat->pid && seat->open && seat->inc)
            seat->pid = atomic_load(&board_incarnation_at(master->board, seat->inc)->pid);
        if (seat->pid && waitid(P_PID, (id_t)seat->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD) {
            seat->pid = 0;
            seat_leave(seat);
        }
    }
}
