// SPDX-License-Identifier: Apache-2.0
// The master: owns the listening sockets and the board, obeys signals, forks one keeper per generation, watches the
// workers of the active one and steers new connections away from those that do not answer. It never parses
// configuration or traffic, and ends last.
#pragma once

#include <stdbool.h>
#include "process/program.h"

struct image;

enum master_end {
    MASTER_EXIT,       // with the given status
    MASTER_BACKGROUND, // the configuration wants it to run in the background: go there and run it again
};

// master_run is the life of the master, or, where `image` was executed to go on in another's place, the rest of it.
// `ready_fd` is what os_daemon_start gave, or -1 in the foreground; `silent` says
// that the configuration's messages were shown already.
enum master_end master_run(int *status, const struct process_program *program, const struct process_options *options,
                           struct image *image, int ready_fd, bool silent);
