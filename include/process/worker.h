// SPDX-License-Identifier: Apache-2.0
// A worker: one thread, one loop, that accepts and carries traffic. Forked by the keeper; holds the sockets of its own
// slot, and for a while those of a neighbour whose process is gone. It never opens files, blocks, or makes system calls
// for logs. What it carries is behind struct process_traffic.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/list.h"
#include "event/loop.h"
#include "event/messages.h"
#include "process/program.h"
#include "process/seat.h"

struct worker {
    struct event_loop loop; // first: loop.owner is this worker
    struct board *board;
    uint32_t inc;
    uint32_t slot;
    uint32_t generation;
    const void *conf; // what process_program.load gave
    const struct process_options *options;
    const struct process_settings *settings;
    const struct process_program *program;
    void *traffic;
    // The rest belongs to worker.c.
    char name[16]; // for messages: "worker 2"
    struct messages master;
    struct event_source wake;
    struct event_source signals;
    struct event_timer orphan_timer;
    struct event_timer quiet_timer;
    struct seat_changes changes;
    struct list sockets;
    pid_t keeper;
    bool stopping;
    bool started;
    bool orphaned; // neither master nor keeper is left
};

// worker_run is the life of a worker, from its fork to its end. `worker` holds its public members; `take_line` is its
// end of the line to the master, `keeper` the pid of the process that forked it.
_Noreturn void worker_run(struct worker *worker, int take_line, pid_t keeper);
