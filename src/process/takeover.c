// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/clock.h"
#include "log/log.h"
#include "os/handover.h"
#include "os/steer.h"
#include "master.h"

enum { TAKEOVER_WAIT_US = 5000000 };

static int old_connect(const char *path)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof(un.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(un.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&un, sizeof(un)) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static struct listener *taken_find(struct master *master, const struct os_listen *spec)
{
    struct listener *found = NULL;
    LIST_EACH(listener, &master->listeners, struct listener, link)
    {
        if (os_listen_same(&listener->spec, spec))
            found = listener;
    }
    return found;
}

// The sockets of a place come in the order of their slots.
static void take(struct master *master, const struct os_handover_record *record, int take_fd)
{
    struct listener *listener = taken_find(master, &record->listen);
    if (!listener)
        listener = listener_add(master, &record->listen);
    if (!listener || record->slot != listener->num_fds || listener->num_fds == PROCESS_MAX_WORKERS) {
        close(take_fd);
        return;
    }
    listener->is_taken = listener->is_shared = true;
    listener->steered =
        (!listener->num_fds || listener->steered) && record->number >= 0 && record->number < PROCESS_MAX_WORKERS;
    if (listener->steered)
        listener->group[record->number] = (uint8_t)record->slot;
    listener->num_group++;
    listener->fds[listener->num_fds++] = take_fd;
    listener->num_begun = listener->num_fds;
    listener->file = os_listen_file(&record->listen);
}

// Their numbers hold where all of the group came.
static void groups_check(struct master *master)
{
    LIST_EACH(listener, &master->listeners, struct listener, link)
    {
        if (listener->spec.kind != OS_LISTEN_TCP)
            listener->steered = false;
        for (uint32_t slot = 0; slot < listener->num_fds; slot++) {
            int number = group_number(listener, slot);
            listener->steered = number >= 0 && number < (int)listener->num_fds;
        }
        listener->steered = listener->steered && os_steer_count(&listener->spec, false) == (int)listener->num_fds;
    }
}

bool takeover_receive(struct master *master, const char *path)
{
    static const char wish[] = "_getsocks\n";
    char error[OS_LISTEN_ERROR_LEN] = "";
    struct os_handover_record record;
    uint32_t num = 0;
    int socket;
    if (strcmp(path, "/dev/null") == 0)
        return true;
    int fd = old_connect(path);
    if (fd < 0 || send(fd, wish, sizeof(wish) - 1, MSG_NOSIGNAL) < 0) {
        log_say(LOG_LEVEL_WARNING, "cannot connect to the old process socket '%s': %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    uint64_t end_us = clock_mono_us() + TAKEOVER_WAIT_US;
    bool good = os_handover_head_receive(fd, &num, error, end_us);
    for (uint32_t i = 0; good && i < num; i++) {
        good = os_handover_receive(fd, &record, &socket, error, end_us);
        if (good)
            take(master, &record, socket);
    }
    close(fd);
    if (!good) {
        log_say(LOG_LEVEL_WARNING, "no sockets from '%s': %s", path, error);
        listeners_close_all(master);
        return false;
    }
    groups_check(master);
    return true;
}

void takeover_complete(struct master *master)
{
    // Where the program before stays, its sockets stay its own, too.
    LIST_EACH(listener, &master->listeners, struct listener, link)
    {
        if (listener->is_taken && master->options->num_old_pids)
            listener->is_shared = false;
    }
}

static void give(struct seat *seat, struct wire_socket *wire, const struct listener *listener, uint32_t slot)
{
    wire->slot = slot;
    wire->number = group_number(listener, slot);
    wire->listen = listener->spec;
    wire->num_left--;
    messages_send(&seat->line, WIRE_SOCKET, wire, sizeof(*wire), &listener->fds[slot], 1);
}

void takeover_give(struct master *master, struct seat *seat, uint64_t id)
{
    struct wire_socket wire = { .id = id };
    bool may = seat->generation == master->active && seat_is_controller(seat) && seat->generation->plan.exposes;
    LIST_EACH(listener, &master->listeners, struct listener, link)
    {
        if (may && !listener->is_closing)
            wire.num_left += listener->num_begun;
    }
    if (!wire.num_left) {
        messages_send(&seat->line, WIRE_SOCKET, &wire, sizeof(wire), NULL, 0);
        return;
    }
    LIST_EACH(listener, &master->listeners, struct listener, link)
    {
        for (uint32_t slot = 0; !listener->is_closing && slot < listener->num_begun; slot++)
            give(seat, &wire, listener, slot);
        listener->is_shared |= !listener->is_closing && listener->num_begun;
    }
}
