// SPDX-License-Identifier: Apache-2.0
// What one process may have open, and how many connections follow from that, or the other way round; and on which
// processors a worker runs. Worked out once for each generation, by its keeper, between reading the configuration and
// giving up its rights; read by all its processes. Nothing here is looked at while traffic runs: workers count
// connections on the board.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/text.h"
#include "process/program.h"

struct board;
struct program_conf;

// limits_work_out gives `maxconn`, `maxsock` and `maxpipes` of the global section the values that hold where none was
// given, and says in `settings` how many descriptors each process wants and needs. A process is counted as if all
// connections of the program came to it alone.
void limits_work_out(struct process_settings *settings, struct program_conf *program, struct board *board);

// limits_set sets the limit of descriptors that `settings` want for the calling process and those it forks. What could
// not be had is told on standard error and appended to `messages`. False where that is a reason not to start.
bool limits_set(struct text *messages, const struct process_settings *settings);

// limits_place says in `settings` how many workers there are, where the configuration leaves that open, and on which
// processors they run.
void limits_place(struct process_settings *settings, struct program_conf *program);

// limits_confine has the calling process run on the processors of its generation, or, with `slot` of a worker
// (WIRE_CONTROLLER_SLOT: of none), on those of that worker. What cannot be is told: it runs wherever it may then.
void limits_confine(const struct process_settings *settings, uint32_t slot);
