// SPDX-License-Identifier: Apache-2.0
// A keeper: forked by the master for one generation. It reads the configuration while it still has the master's rights,
// asks the master for the sockets, gives its rights up, forks its controller and workers, and forks them again when
// they die. It holds no listening socket and touches no traffic.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "process/program.h"

struct keeper_start {
    struct board *board;
    const struct process_program *program;
    const struct process_options *options;
    uint32_t inc;
    uint32_t generation;
    bool silent;     // its messages were shown already, by one that read the same files
    bool background; // standard output and error lead nowhere once it serves
    int line;        // its end of the line to the master
};

// keeper_run is the life of a keeper, from its fork to its end.
_Noreturn void keeper_run(const struct keeper_start *start);
