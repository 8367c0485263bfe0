// SPDX-License-Identifier: Apache-2.0
//
// The board of another process, looked at from outside through its descriptors. The memory files are read with pread:
// looking at a mapping would fill their holes with pages.
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../include/board/layout.h"

// fault prints a line, of the first ones, and counts it; num_faults is how many there were.
extern unsigned num_faults;
void fault(const char *format, ...) __attribute__((format(printf, 1, 2)));

// die ends this program: what it was to look at is not there.
void die(const char *what) __attribute__((noreturn));

// section_open gives a descriptor of the section `name` of the process `pid`, -1 where it has none.
int section_open(const char *pid, const char *name);

// section_read gives a copy of the first `*len` bytes of a section, all of it (and how much that is) where `*len` is 0;
// NULL where there is none.
void *section_read(const char *pid, const char *name, size_t *len);

// section_cell reads `len` bytes at `at` of an open section.
void section_cell(void *out, int fd, size_t at, size_t len);

// mark_is_live says whether what `mark` names (board_mark) lives.
bool mark_is_live(const struct board *board, uint32_t mark);

// How much of everything was found, for the line of JSON.
struct balance_sums {
    uint32_t num_servers;
    uint32_t num_down;   // not up
    uint32_t num_places; // connections to servers that are open: idle ones
    uint32_t num_tables;
    uint32_t num_entries;
    uint32_t num_waits; // servers that may be chosen and get no waiter: backups, else a fault
};

// balance_check looks at what balancing has on the board: servers, places, loads and stick tables.
void balance_check(struct balance_sums *sums, const char *pid, struct board *board);
