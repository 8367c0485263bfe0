// SPDX-License-Identifier: Apache-2.0
// What workers and controllers have in common: the sockets they were lent by the master, by number of the bind (or
// admin socket) and slot, and the marks they make on the board. Private to this area.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/list.h"
#include "event/loop.h"
#include "process/wire.h"

struct board;

// One socket that the master lent.
struct seat_socket {
    struct list link;
    uint32_t index;
    uint32_t slot;
    int fd;
    bool is_kept; // through a soft stop
};

// seat_socket_add enters a socket; NULL where it is there already or memory is out, and `fd` then stays the caller's.
struct seat_socket *seat_socket_add(struct list *sockets, const struct wire_listen *listen, int fd);

// seat_socket_find gives the socket that was lent as `listen`, or NULL.
struct seat_socket *seat_socket_find(struct list *sockets, const struct wire_listen *listen);

// seat_socket_close closes the socket, whose owner has taken it out of its loop, and frees the entry.
void seat_socket_close(struct seat_socket *socket);

// seat_beat shows on the board that process `inc` lives.
void seat_beat(struct board *board, uint32_t inc, uint64_t now_us);

// What was said about changes that could not be made; zero at first.
struct seat_changes {
    uint64_t num_told;
    uint64_t told_us;
};

// seat_changes applies what other processes changed in lists, and tells, once a second at most, of changes of this one
// that were lost. Once a turn.
void seat_changes(struct seat_changes *changes, uint64_t now_us);

enum { SEAT_TELL_US = 1000000 };
enum { SEAT_MAX_SLEEP_US = 40000 }; // the longest a worker or controller sleeps, so that its beat stays young
