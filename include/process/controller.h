// SPDX-License-Identifier: Apache-2.0
// The controller: drains the log rings of all processes and runs the admin side behind struct process_admin. One per
// generation, of which one drains at a time: the newest, once the one before is gone. Forked by the keeper; it never
// touches traffic.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/list.h"
#include "event/loop.h"
#include "event/messages.h"
#include "log/log.h"
#include "process/program.h"
#include "process/seat.h"

struct controller {
    struct event_loop loop; // first: loop.owner is this controller
    struct board *board;
    uint32_t inc;
    uint32_t generation;
    const void *conf;
    const struct process_options *options;
    const struct process_settings *settings;
    const struct process_program *program;
    const char *startup_messages; // what reading the configuration had to say, "" for nothing
    struct log_drain *sinks;      // opened by the keeper, or NULL
    int helper_fd;                // its end of the socket to the helper (process_helper), -1 for none
    void *admin;
    // The rest belongs to controller.c.
    struct messages master;
    struct event_source wake;
    struct event_source signals;
    struct event_timer drain_timer;
    struct event_timer orphan_timer;
    struct event_timer leave_timer;
    struct seat_changes changes;
    struct log_drain *drain; // NULL while another controller drains
    uint64_t drain_pause_us;
    struct list sockets;
    pid_t keeper;
    bool active;
    bool stopping;
};

// controller_reload asks the master for a new generation (`hard`: the one before then ends at once);
// process_admin.reloaded answers with `id`, unless this process ends first. False where the master is gone.
bool controller_reload(struct controller *controller, uint64_t id, bool hard);

// controller_sockets asks the master for all listening sockets; process_admin.socket answers with `id`. False where the
// master is gone.
bool controller_sockets(struct controller *controller, uint64_t id);

// controller_place asks the master to release the place of bind `index`, or to take it again (`open`);
// process_admin.placed answers with `id`. False where the master is gone.
bool controller_place(struct controller *controller, uint64_t id, uint32_t index, bool open);

// controller_run is the life of a controller, from its fork to its end, as worker_run.
_Noreturn void controller_run(struct controller *controller, int take_line, pid_t keeper);
