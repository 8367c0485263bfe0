// SPDX-License-Identifier: Apache-2.0
// The master's state as it is handed to the next image of it (process/records.h): generations with their plans, seats
// and lines, listeners, who waits for a reload. Saved before an exec by the image that ends, read by the one that
// begins, and, to see whether it could, by the check before. Reading makes objects in memory alone: descriptors are
// numbers until upgrade.c makes lines of them.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include "base/list.h"
#include "base/text.h"
#include "board/board.h"
#include "master.h"

enum { UPGRADE_ERROR_LEN = 256, UPGRADE_VERSION_LEN = 64 };

// A message that waits on a line.
struct upgrade_unsent {
    struct list link;
    struct messages *line;
    uint32_t type;
    size_t len;
    int fds[OS_PASS_MAX_FDS];
    size_t num_fds;
    char data[];
};

// What stands beside the master's own struct.
struct upgrade_state {
    char version[UPGRADE_VERSION_LEN]; // of the image that wrote it
    uint32_t protocol;                 // WIRE_PROTOCOL of it and of all its processes
    uint32_t shape;                    // upgrade_wire_shape
    int32_t board_fd;                  // of the board's directory
    struct text path;                  // of the program's file
    int board_fds[BOARD_MAX_DESCRIPTORS]; // board_descriptors
    uint32_t num_board_fds;
    struct list unsent; // struct upgrade_unsent
};

// upgrade_wire_shape gives a number that changes with the sizes and numbers of the messages between processes, for a
// change that nobody counted in WIRE_PROTOCOL.
uint32_t upgrade_wire_shape(void);

// upgrade_state_save appends all of `master` to `out`. `board_fd` is the descriptor that board_keep gives.
void upgrade_state_save(struct text *out, struct master *master, int board_fd);

// upgrade_state_load makes generations, listeners and waiters of the `len` bytes at `data`, aligned to 8, in `master`,
// whose lists are empty; a line's descriptor stands in its source. False with what is wrong in `error` (room
// UPGRADE_ERROR_LEN); what was made is there then, too, for upgrade_state_drop.
bool upgrade_state_load(struct master *master, struct upgrade_state *state, char *error, const void *data, size_t len);

// upgrade_state_fini frees what `state` holds, but no descriptor.
void upgrade_state_fini(struct upgrade_state *state);

// upgrade_state_drop frees what upgrade_state_load made in `master`, but no descriptor.
void upgrade_state_drop(struct master *master);

// upgrade_state_descriptors_keep lets all descriptors that `master` saves survive an exec (`keep`), or none again; the
// board's are not among them. False with errno.
bool upgrade_state_descriptors_keep(struct master *master, bool keep);
