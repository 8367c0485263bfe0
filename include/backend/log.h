// SPDX-License-Identifier: Apache-2.0
// Log backends at run time: which of its servers gets a line, chosen in the process that sends it, by the same states,
// weights and algorithms as requests. The keeper prepares it before it forks; every process then works on its own copy,
// and what they share (the rotation, the sticky server, states) is on the board. The active controller besides takes
// servers out of service that cannot be connected to. Nothing here sends a line: that is the log area's.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "board/board.h"
#include "event/loop.h"
#include "proxy/conf.h"

// backend_logs_prepare gives the log backends of `program` their choice, once servers have states (backend_states_adopt).
// In the keeper, before it forks.
void backend_logs_prepare(const struct program_conf *program, struct board *board);

// backend_logs_begin watches the connections of their servers that no health check looks after, on `loop`: one that
// cannot be made takes its server down until it can. In the active controller.
void backend_logs_begin(const struct program_conf *program, struct board *board, struct event_loop *loop);
