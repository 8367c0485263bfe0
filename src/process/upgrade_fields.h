// SPDX-License-Identifier: Apache-2.0
// What of the master's state survives an upgrade of the program: the tags of its records and the tables of their fields
// (process/records.h), for upgrade_save.c, which writes them, and upgrade_state.c, which reads them. Constants alone.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "records.h"
#include "upgrade_state.h"

enum { STATE_NONE = UINT32_MAX }; // no listener

// Tags. A new one that older images may do without is not vital.
#define STATE_ABOUT      (1 | RECORD_VITAL) // the first
#define STATE_MASTER     (2 | RECORD_VITAL)
#define STATE_LATEST     3
#define STATE_LISTENER   (4 | RECORD_VITAL)
#define STATE_GENERATION (5 | RECORD_VITAL) // then what belongs to it, then its seats, each with what belongs to it
#define STATE_SAID       6
#define STATE_BINDS      (7 | RECORD_VITAL) // listeners by bind index
#define STATE_SOCKETS    (8 | RECORD_VITAL)
#define STATE_SEAT       (9 | RECORD_VITAL)
#define STATE_UNSENT     (10 | RECORD_VITAL) // on the line of the generation or seat before it
#define STATE_ADOPTER    (11 | RECORD_VITAL)
#define STATE_WAITER     (12 | RECORD_VITAL)
#define STATE_BOARD_FDS  13
#define STATE_PATH       14
#define STATE_END        (15 | RECORD_VITAL) // the last
#define STATE_KEPT       (16 | RECORD_VITAL)

// What refers to others by number.
struct state_kept {
    uint32_t listener;
    uint32_t generation;
};

struct state_adopter {
    uint32_t listener;
    uint32_t slot;
    uint32_t generation;
    uint32_t seat;
};

struct state_waiter {
    uint64_t id;
    uint32_t generation;
    uint32_t seat;
    bool next;
};

struct state_unsent {
    uint32_t type;
    uint32_t num_fds;
    int32_t fds[OS_PASS_MAX_FDS];
    uint32_t len; // of what follows
};

// Fields by number. What must survive an upgrade has a line here; a number is never given twice.
static const struct record_field about_fields[] = {
    RECORD_FIELD(1, struct upgrade_state, version),
    RECORD_FIELD(2 | RECORD_VITAL, struct upgrade_state, protocol),
    RECORD_FIELD(3 | RECORD_VITAL, struct upgrade_state, shape),
    RECORD_FIELD(4 | RECORD_VITAL, struct upgrade_state, board_fd),
};

static const struct record_field master_fields[] = {
    RECORD_FIELD(1, struct master, inc),
    RECORD_FIELD(2, struct master, num_generations),
    RECORD_FIELD(3, struct master, num_reloads),
    RECORD_FIELD(4, struct master, num_failed),
    RECORD_FIELD(5, struct master, latest_done),
    RECORD_FIELD(6, struct master, was_ready),
    RECORD_FIELD(7, struct master, in_background),
    RECORD_FIELD(8, struct master, master_worker),
    RECORD_FIELD(9, struct master, reload_wanted),
    RECORD_FIELD(10, struct master, reload_hard),
    RECORD_FIELD(11, struct master, again_us),
    RECORD_FIELD(12, struct master, num_again),
    RECORD_FIELD(13, struct master, reload_wanted_hard),
};

static const struct record_field listener_fields[] = {
    RECORD_FIELD(1 | RECORD_VITAL, struct listener, spec),
    RECORD_FIELD(2, struct listener, file),
    RECORD_FIELD(3 | RECORD_VITAL, struct listener, num_fds),
    RECORD_FIELD(4 | RECORD_VITAL, struct listener, fds),
    RECORD_FIELD(5, struct listener, steered),
    RECORD_FIELD(6, struct listener, steered_to),
    RECORD_FIELD(7 | RECORD_VITAL, struct listener, num_begun),
    RECORD_FIELD(8, struct listener, fresh_from),
    RECORD_FIELD(9, struct listener, group),
    RECORD_FIELD(10, struct listener, num_group),
    RECORD_FIELD(11, struct listener, is_shared),
    RECORD_FIELD(12, struct listener, is_taken),
    RECORD_FIELD(13, struct listener, is_closing),
    RECORD_FIELD(14, struct listener, phase),
    RECORD_FIELD(15, struct listener, retire_to),
    RECORD_FIELD(16, struct listener, phase_end_us),
    RECORD_FIELD(17, struct listener, drain_max_us),
    RECORD_FIELD(18, struct listener, paused_in),
};

static const struct record_field generation_fields[] = {
    RECORD_FIELD(1 | RECORD_VITAL, struct generation, number),
    RECORD_FIELD(2 | RECORD_VITAL, struct generation, state),
    RECORD_FIELD(3 | RECORD_VITAL, struct generation, keeper),
    RECORD_FIELD(4, struct generation, keeper_inc),
    RECORD_FIELD(5 | RECORD_VITAL, struct generation, line.source.fd),
    RECORD_FIELD(6 | RECORD_VITAL, struct generation, line_open),
    RECORD_FIELD(7, struct generation, started_us),
    RECORD_FIELD(8 | RECORD_VITAL, struct generation, plan),
    RECORD_FIELD(9, struct generation, has_failed),
    RECORD_FIELD(10 | RECORD_VITAL, struct generation, foreign),
    RECORD_FIELD(11 | RECORD_VITAL, struct generation, num_seats),
    RECORD_FIELD(12, struct generation, left_us),
    RECORD_FIELD(13, struct generation, num_reloads),
    RECORD_FIELD(14, struct generation, ending),
    RECORD_FIELD(15, struct generation, unborn_us),
};

static const struct record_field seat_fields[] = {
    RECORD_FIELD(1 | RECORD_VITAL, struct seat, slot),
    RECORD_FIELD(2, struct seat, inc),
    RECORD_FIELD(3 | RECORD_VITAL, struct seat, called),
    RECORD_FIELD(4 | RECORD_VITAL, struct seat, pid),
    RECORD_FIELD(5 | RECORD_VITAL, struct seat, open),
    RECORD_FIELD(6 | RECORD_VITAL, struct seat, ready),
    RECORD_FIELD(7, struct seat, live),
    RECORD_FIELD(8, struct seat, silent),
    RECORD_FIELD(9, struct seat, blocks),
    RECORD_FIELD(10 | RECORD_VITAL, struct seat, line.source.fd),
    RECORD_FIELD(11, struct seat, wanted),
    RECORD_FIELD(12, struct seat, outlawed),
    RECORD_FIELD(13, struct seat, num_late),
    RECORD_FIELD(14, struct seat, num_unlistens),
};

static const struct record_field kept_fields[] = {
    RECORD_FIELD(1 | RECORD_VITAL, struct state_kept, listener),
    RECORD_FIELD(2 | RECORD_VITAL, struct state_kept, generation),
};

static const struct record_field adopter_fields[] = {
    RECORD_FIELD(1 | RECORD_VITAL, struct state_adopter, listener),
    RECORD_FIELD(2 | RECORD_VITAL, struct state_adopter, slot),
    RECORD_FIELD(3 | RECORD_VITAL, struct state_adopter, generation),
    RECORD_FIELD(4 | RECORD_VITAL, struct state_adopter, seat),
};

static const struct record_field waiter_fields[] = {
    RECORD_FIELD(1 | RECORD_VITAL, struct state_waiter, id),
    RECORD_FIELD(2 | RECORD_VITAL, struct state_waiter, generation),
    RECORD_FIELD(3 | RECORD_VITAL, struct state_waiter, seat),
    RECORD_FIELD(4 | RECORD_VITAL, struct state_waiter, next),
};
