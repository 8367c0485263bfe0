// SPDX-License-Identifier: Apache-2.0
// How a worker is: idle time, work that waits, pipes and buffers. Each worker says it of itself about once a second, in
// cells of two objects on the board (program_conf.vitals_object and memory_object); who answers `show info` reads the
// sum, or one worker's own. Written in workers, read in controllers; a worker that ends takes its levels with it.
#pragma once

#include "board/board.h"

// Counters of vitals_object.
enum {
    PROXY_VITALS_FAILED,  // buffers that could not be had
    PROXY_VITALS_SPLICED, // bytes sent through pipes
};

// Levels of vitals_object.
enum {
    PROXY_VITALS_IDLE = (int)BOARD_LEVELS, // parts in a thousand of the last second that it waited
    PROXY_VITALS_RUN_QUEUE,                // tasks that waited for their turn
    PROXY_VITALS_PIPES_USED,
    PROXY_VITALS_PIPES_FREE,
};

// Levels of memory_object, in bytes.
enum {
    PROXY_VITALS_ALLOCATED = (int)BOARD_LEVELS, // by pools of buffers
    PROXY_VITALS_USED,                          // of these, lent
    PROXY_VITALS_OUT_RATE,                      // of the active controller: bytes to clients in the last second, of all
};

_Static_assert((int)PROXY_VITALS_PIPES_FREE <= (int)BOARD_LEVEL, "levels have their cells");
