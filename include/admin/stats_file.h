// SPDX-License-Identifier: Apache-2.0
// Stats files: what the counters of proxies, servers and listeners that have a `guid` start from, as `dump stats-file`
// wrote it (management guide, section 9.5). Read by the keeper of the first generation, before it forks; later ones
// find the counters on the board.
#pragma once

struct board;
struct program_conf;
struct text;

// admin_stats_file_load reads the file that `program` names, if it does, and has this process count what stands there,
// for objects that count nothing yet. What is wrong with the file is told in `messages`, a warning a line.
void admin_stats_file_load(struct text *messages, const struct program_conf *program, struct board *board);
