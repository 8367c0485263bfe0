// SPDX-License-Identifier: Apache-2.0
// Rings of events: lines that many processes write and people read, the newest of them over all processes. A section of
// the board each, so that what a process wrote outlives it, and the next generation finds it. Lines stand in slots; who
// writes one takes the number of the next and with it a slot, in which the oldest line is lost. Nobody waits: where
// another stands still in the middle of that slot the line is dropped, and counted. Written by any process, read by
// controllers; readers change nothing.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/slice.h"

struct board;
struct board_events;

enum {
    BOARD_EVENT_MAX = 1000, // bytes of a line; what is longer is cut
    BOARD_EVENT_SLOT = 1024,
    BOARD_EVENTS_MIN = 16, // slots of a ring
    BOARD_EVENTS_MAX = 1 << 16,
    BOARD_EVENT_MEAN = 128, // bytes of a usual line
};

// board_events_open makes, or finds, the ring `name`, with the least power of 2 of slots that `size` bytes of usual
// lines need; in the keeper, before it forks. NULL with errno on failure. One of another size starts empty.
struct board_events *board_events_open(struct board *board, const char *name, uint64_t size);

// board_events_put writes a line, `a` and `b` behind each other; false where it was dropped.
bool board_events_put(struct board *board, struct board_events *events, struct slice a, struct slice b);

// board_events_next copies the line number `*next` (from 0), or the oldest there is after it, to `out` (room
// BOARD_EVENT_MAX) and moves `*next` behind it; it gives its length, or -1 where none is there yet. `*lost`, where that
// is not NULL, grows by the lines that were passed over, as newer ones had taken their place.
int board_events_next(struct board *board, struct board_events *events, char *out, uint64_t *next, uint64_t *lost);

// board_events_end gives the number of the line that will be written next.
uint64_t board_events_end(const struct board_events *events);

// board_events_dropped gives how many lines were dropped.
uint64_t board_events_dropped(const struct board_events *events);

// board_events_size gives the bytes of memory that it takes at most.
uint64_t board_events_size(const struct board_events *events);
