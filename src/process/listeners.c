// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "base/check.h"
#include "log/log.h"
#include "os/steer.h"
#include "master.h"

enum { LISTENERS_SPARE_FDS = 8 };

static struct listener *listener_find(struct master *master, const struct os_listen *spec)
{
    struct listener *found = NULL;
    LIST_EACH(listener, &master->listeners, struct listener, link)
    {
        if (!listener->is_closing && os_listen_same(&listener->spec, spec))
            found = listener;
    }
    return found;
}

bool listener_wanted_by(const struct generation *generation, const struct listener *listener)
{
    for (uint32_t i = 0; generation->binds && i < generation->plan.num_binds; i++)
        if (generation->binds[i] == listener)
            return true;
    for (uint32_t i = 0; generation->sockets && i < generation->plan.num_sockets; i++)
        if (generation->sockets[i] == listener)
            return true;
    return false;
}

static uint16_t port_of(const struct os_listen *spec)
{
    if (spec->kind != OS_LISTEN_TCP)
        return 0;
    uint16_t port;
    // The port stands at the same place for both families.
    memcpy(&port, (const char *)&spec->address + 2, sizeof(port));
    return port;
}

// Another of our own listeners on this port: a probe would take it for a stranger.
static bool port_is_ours(struct master *master, const struct os_listen *spec)
{
    bool ours = false;
    LIST_EACH(listener, &master->listeners, struct listener, link)
    {
        ours |= listener->spec.kind == OS_LISTEN_TCP && port_of(&listener->spec) == port_of(spec);
    }
    return ours;
}

// The address must be ours alone, unless the program that holds it is about to end (-sf, -st).
static bool address_check(struct master *master, const struct os_listen *spec, char *error)
{
    if (spec->kind != OS_LISTEN_TCP)
        return true;
    bool may_join = master->options->num_old_pids > 0 && !master->was_ready;
    if (!port_is_ours(master, spec))
        return os_listen_probe(spec, error) || (errno == EADDRINUSE && may_join);
    if (may_join || os_steer_count(spec, false) <= 0)
        return true;
    char text[OS_LISTEN_TEXT_LEN];
    os_listen_text(text, spec);
    snprintf(error, OS_LISTEN_ERROR_LEN, "cannot bind socket for [%s]: %s", text, strerror(EADDRINUSE));
    return false;
}

static uint32_t descriptors_count(void)
{
    uint32_t num = 0;
    DIR *dir = opendir("/proc/self/fd");
    for (const struct dirent *entry; dir && (entry = readdir(dir));)
        num += entry->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return num;
}

static bool room_check(struct master *master, uint32_t more, char *error)
{
    uint64_t num = more;
    struct rlimit limit;
    uint32_t open_now = descriptors_count() + LISTENERS_SPARE_FDS;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || more + (uint64_t)open_now <= limit.rlim_cur)
        return true;
    LIST_EACH(listener, &master->listeners, struct listener, link)
    num += listener->num_fds;
    snprintf(error, OS_LISTEN_ERROR_LEN,
             "%llu listening sockets (binds times workers) and %llu other descriptors exceed the limit of %llu "
             "(RLIMIT_NOFILE): raise it, or use fewer workers or binds",
             (unsigned long long)num, (unsigned long long)(open_now + more - num), (unsigned long long)limit.rlim_cur);
    return false;
}

static bool slots_open(struct listener *listener, const struct os_listen *spec, uint32_t num_slots, char *error)
{
    for (uint32_t had = listener->num_fds; listener->num_fds < num_slots; listener->num_fds++) {
        int fd = os_listen_open(spec, error);
        if (fd < 0) {
            while (listener->num_fds > had)
                os_listen_drop(listener->fds[--listener->num_fds], spec);
            return false;
        }
        listener->fds[listener->num_fds] = fd;
    }
    return true;
}

struct listener *listener_add(struct master *master, const struct os_listen *spec)
{
    struct listener *listener = calloc(1, sizeof(*listener));
    if (!listener)
        return NULL;
    listener->spec = *spec;
    list_append(&master->listeners, &listener->link);
    return listener;
}

// An abstract name that is about to be given up is free only once its socket is closed.
static void name_free(struct master *master, const struct os_listen *spec)
{
    LIST_EACH(listener, &master->listeners, struct listener, link)
    {
        if (listener->is_closing && spec->kind == OS_LISTEN_ABNS && os_listen_same(&listener->spec, spec))
            listener_close(listener, 0);
    }
}

static struct listener *listener_new(struct master *master, const struct os_listen *spec, char *error)
{
    if (!address_check(master, spec, error))
        return NULL;
    name_free(master, spec);
    struct listener *listener = listener_add(master, spec);
    if (!listener)
        snprintf(error, OS_LISTEN_ERROR_LEN, "out of memory");
    return listener;
}

struct listener *listener_open(struct generation *generation, const struct os_listen *spec, uint32_t num_slots,
                               char *error)
{
    struct master *master = generation->master;
    uint32_t wanted = os_listen_is_per_slot(spec) ? num_slots : 1;
    struct listener *listener = listener_find(master, spec);
    if (listener && listener_wanted_by(generation, listener)) {
        char text[OS_LISTEN_TEXT_LEN];
        os_listen_text(text, spec);
        snprintf(error, OS_LISTEN_ERROR_LEN, "cannot bind socket for [%s]: two lines of the configuration want it",
                 text);
        return NULL;
    }
    if (!room_check(master, listener && listener->num_fds > wanted ? 0 : wanted - (listener ? listener->num_fds : 0),
                    error))
        return NULL;
    // Others may have taken a place that was released.
    if (listener && !listener->num_fds && !address_check(master, spec, error))
        return NULL;
    if (!listener)
        listener = listener_new(master, spec, error);
    if (!listener)
        return NULL;
    if (slots_open(listener, spec, wanted, error))
        return listener;
    if (!listener->num_fds && !listener->paused_in)
        listener_close(listener, 0);
    return NULL;
}

static bool listener_begin(struct listener *listener, const struct os_listen *spec, char *error)
{
    listener->fresh_from = listener->num_begun;
    if (listener->num_begun && memcmp(&listener->spec, spec, sizeof(*spec)) != 0) {
        // A socket that serves goes on to do so with the options it has.
        for (uint32_t i = 0; i < listener->num_begun; i++)
            if (!os_listen_adjust(listener->fds[i], spec, error))
                log_say(LOG_LEVEL_WARNING, "%s", error);
    }
    if (!listener->num_begun)
        group_begin(listener);
    listener->spec = *spec;
    for (; listener->num_begun < listener->num_fds; listener->num_begun++) {
        if (!os_listen_begin(listener->fds[listener->num_begun], spec, error))
            return false;
        group_join(listener, listener->num_begun);
    }
    if (listener->fresh_from == 0)
        listener->file = os_listen_file(spec);
    return true;
}

bool listener_begin_again(struct generation *generation, uint32_t index, char *error)
{
    struct master *master = generation->master;
    struct listener *listener = generation->binds[index];
    const struct os_listen *spec = &generation->bind_specs[index];
    uint32_t wanted = os_listen_is_per_slot(spec) ? generation->plan.num_workers : 1;
    if (!listener->num_fds && !address_check(master, spec, error))
        return false;
    if (!room_check(master, wanted, error) || !slots_open(listener, spec, wanted, error))
        return false;
    listener->paused_in = 0;
    if (!listener_begin(listener, spec, error)) {
        listener->paused_in = generation->number;
        listener_close(listener, 0);
        return false;
    }
    for (uint32_t i = 1; i < generation->num_seats; i++)
        if (generation->seats[i].open)
            seat_listen(&generation->seats[i], index);
    guard_run(master);
    return true;
}

bool listeners_begin(struct generation *generation, char *error)
{
    for (uint32_t i = 0; i < generation->plan.num_binds; i++)
        if (!listener_begin(generation->binds[i], &generation->bind_specs[i], error))
            return false;
    for (uint32_t i = 0; i < generation->plan.num_sockets; i++)
        if (!listener_begin(generation->sockets[i], &generation->socket_specs[i], error))
            return false;
    return true;
}

uint32_t listener_index(const struct generation *generation, const struct listener *listener)
{
    uint32_t index = 0;
    while (index < generation->plan.num_binds && generation->binds[index] != listener)
        index++;
    return index;
}

void listeners_close_all(struct master *master)
{
    LIST_EACH(listener, &master->listeners, struct listener, link)
    {
        listener->paused_in = 0;
        listener_close(listener, 0);
    }
}

void listeners_descriptors_close(struct master *master)
{
    LIST_EACH(listener, &master->listeners, struct listener, link)
    {
        for (uint32_t i = 0; i < listener->num_fds; i++)
            close(listener->fds[i]);
    }
}
