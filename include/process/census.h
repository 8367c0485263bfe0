// SPDX-License-Identifier: Apache-2.0
// Counts of processes and their sessions, as they stand on the board: what it costs to end a generation, and whether
// there is room for another. Private to this area; the figures of processes that run are a moment old.
#pragma once

#include <stdint.h>

struct board;

// census_sessions gives the number of sessions that workers of `generation` have open.
uint32_t census_sessions(struct board *board, uint32_t generation);

// census_processes gives the number of processes of `generation`: keeper, controller and workers.
uint32_t census_processes(struct board *board, uint32_t generation);

// census_free gives the number of processes that may still be started.
uint32_t census_free(struct board *board);
