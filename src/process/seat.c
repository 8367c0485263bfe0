// SPDX-License-Identifier: Apache-2.0
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>
#include "board/board.h"
#include "log/log.h"
#include "process/seat.h"
#include "table/change.h"

struct seat_socket *seat_socket_find(struct list *sockets, const struct wire_listen *listen)
{
    struct seat_socket *found = NULL;
    LIST_EACH(socket, sockets, struct seat_socket, link)
    {
        if (socket->index == listen->index && socket->slot == listen->slot)
            found = socket;
    }
    return found;
}

struct seat_socket *seat_socket_add(struct list *sockets, const struct wire_listen *listen, int fd)
{
    if (seat_socket_find(sockets, listen))
        return NULL;
    struct seat_socket *socket = malloc(sizeof(*socket));
    if (!socket)
        return NULL;
    *socket = (struct seat_socket){ .index = listen->index, .slot = listen->slot, .fd = fd };
    list_append(sockets, &socket->link);
    return socket;
}

void seat_socket_close(struct seat_socket *socket)
{
    list_remove(&socket->link);
    close(socket->fd);
    free(socket);
}

void seat_beat(struct board *board, uint32_t inc, uint64_t now_us)
{
    atomic_store_explicit(&board_incarnation_at(board, inc)->beat_us, now_us, memory_order_relaxed);
}

static __attribute__((noinline, cold)) void tell_lost(struct seat_changes *changes, uint64_t now_us, uint64_t num_lost)
{
    const struct table_change_counts *counts = table_changes_counts();
    if (now_us < changes->told_us + SEAT_TELL_US)
        return;
    changes->num_told = num_lost;
    changes->told_us = now_us;
    log_say(LOG_LEVEL_ALERT,
            "changes of maps and ACLs were lost: so far %llu of this process were too long, and for %llu there was no "
            "room, as another process does not keep up",
            (unsigned long long)counts->num_too_long, (unsigned long long)counts->num_full);
}

void seat_changes(struct seat_changes *changes, uint64_t now_us)
{
    (void)table_changes_apply();
    const struct table_change_counts *counts = table_changes_counts();
    uint64_t num_lost = counts->num_too_long + counts->num_full;
    if (UNLIKELY(num_lost != changes->num_told))
        tell_lost(changes, now_us, num_lost);
}
