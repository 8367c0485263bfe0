// SPDX-License-Identifier: Apache-2.0
// The keeper's own state, shared by the parts of its life: keeper.c brings a generation up, keeper_seats.c keeps its
// processes alive and ends them, keeper_alone.c does what is left to do without a master.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "event/loop.h"
#include "event/messages.h"
#include "process/keeper.h"
#include "process/seat.h"
#include "process/wire.h"

enum { KEEPER_DEATHS = 5 };

// A place that a process of the generation takes: the controller's or a worker's.
struct keeper_seat {
    struct keeper *keeper;
    uint32_t slot; // WIRE_CONTROLLER_SLOT for the controller
    uint32_t inc;  // 0 while nobody sits or is about to
    pid_t pid;     // 0 while nobody sits
    uint64_t forked_us;
    uint32_t num_deaths;
    uint64_t deaths_us[KEEPER_DEATHS]; // when the latest were, in turn
    uint64_t pause_us;                 // before it is forked again, 0: at once
    struct event_timer again;
};

// The process that runs programs, where the configuration wants some.
struct keeper_helper {
    int our_end; // of the socket, which the controller inherits; 0: there is no helper
    int its_end;
    pid_t pid; // 0 while there is none
    uint64_t forked_us;
    struct event_timer again;
};

struct keeper {
    struct event_loop loop;
    struct keeper_start start;
    void *conf;
    struct process_settings settings;
    struct text messages;    // what reading the configuration said
    size_t num_said;         // bytes of it that the master knows
    struct log_drain *sinks; // opened for the controllers while they can be reached, or NULL
    struct messages master;
    struct event_source signals;
    struct event_source wake;
    struct seat_changes changes;
    struct event_timer hard_stop; // hard-stop-after
    struct event_timer kill;      // who has not ended by then is killed
    uint32_t num_seats;           // the controller, then the workers
    struct keeper_seat *seats;
    struct keeper_helper helper;
    uint32_t num_opened;
    bool opened_all;
    bool open_failed;
    pid_t master_pid;
    bool master_dead;
    bool alone;                        // the master is gone, and the generation goes on
    struct event_source alone_signals; // those that were for the master
    struct messages alone_line;        // that the controller takes for the master's
    bool active;
    bool stopping;
    bool stopping_now;
};

// keeper_seats_start asks for the lines of all processes; they are forked as the lines come.
void keeper_seats_start(struct keeper *keeper);

// keeper_helper_start forks the helper, where the configuration wants one, before all others.
void keeper_helper_start(struct keeper *keeper);

// keeper_helper_ended says whether the child `pid` that ended was the helper, and has it forked again.
bool keeper_helper_ended(struct keeper *keeper, pid_t pid);

// keeper_helper_stop ends the helper and what it runs.
void keeper_helper_stop(struct keeper *keeper);

// keeper_seated forks the process that `seat` announces, with its end of the line to the master.
void keeper_seated(struct keeper *keeper, const struct wire_seat *seat, int take_line);

// keeper_change applies what workers and the admin socket changed in lists, so that who is forked again inherits it.
void keeper_change(struct keeper *keeper);

// keeper_reap waits for all children that ended and does what follows from it.
void keeper_reap(struct keeper *keeper);

// keeper_stop ends the generation: softly (the master tells the workers; this only waits, for hard-stop-after at most),
// or, with `now`, by signals.
void keeper_stop(struct keeper *keeper, bool now);

// keeper_workers_signal sends `sig` to all workers.
void keeper_workers_signal(const struct keeper *keeper, int sig);

// keeper_master_lost does what follows from the master's end: the generation ends softly, or goes on alone.
void keeper_master_lost(struct keeper *keeper);

// keeper_master_look cleans up after the master where it is dead. Before anything that may need a lock of the board.
void keeper_master_look(struct keeper *keeper);

// keeper_alone_ended does what follows from the end of the process at `seat` where there is no master: a controller is
// forked again, for the log; a worker cannot be, and with the last one the generation ends.
void keeper_alone_ended(struct keeper *keeper, struct keeper_seat *seat);

// keeper_fail tells the master that the generation cannot serve, for the reasons in `messages` and `why` (or NULL),
// ends its processes and exits with status 1.
_Noreturn void keeper_fail(struct keeper *keeper, const char *why);
