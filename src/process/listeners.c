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

enum {
    LISTENERS_GRACE_US = 1000000, // after steering away, until the adopter leaves
    LISTENERS_CLOSE_US = 100000,  // after whoever accepts was told to leave
    LISTENERS_SPARE_FDS = 8,
};

static struct listener *listener_find(struct master *master, const struct os_listen *spec)
{
    struct listener *found = NULL;
    LIST_EACH(listener, &master->listeners, struct listener, link)
    {
        if (os_listen_same(&listener->spec, spec))
            found = listener;
    }
    return found;
}

static bool generation_has(const struct generation *generation, const struct listener *listener)
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
static bool port_is_ours(struct master *master, const struct os_listen *spec, bool *same_address)
{
    bool ours = false;
    *same_address = false;
    LIST_EACH(listener, &master->listeners, struct listener, link)
    {
        if (spec->kind != OS_LISTEN_TCP || port_of(&listener->spec) != port_of(spec))
            continue;
        ours = true;
        *same_address |= memcmp(&listener->spec.address, &spec->address, sizeof(spec->address)) == 0;
    }
    return ours;
}

// The address must be ours alone, unless the program that holds it is about to end (-sf, -st).
static bool address_check(struct master *master, bool *steered, const struct os_listen *spec, char *error)
{
    bool same_address;
    *steered = spec->kind == OS_LISTEN_TCP;
    if (port_is_ours(master, spec, &same_address)) {
        *steered = *steered && !same_address;
        return true;
    }
    if (os_listen_probe(spec, error))
        return true;
    *steered = false;
    return errno == EADDRINUSE && master->options->num_old_pids > 0;
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

static bool slots_open(struct listener *listener, uint32_t num_slots, char *error)
{
    for (uint32_t had = listener->num_fds; listener->num_fds < num_slots; listener->num_fds++) {
        int fd = os_listen_open(&listener->spec, error);
        if (fd < 0) {
            // What was opened in vain goes at once: nothing was steered there.
            while (listener->num_fds > had)
                os_listen_close(listener->fds[--listener->num_fds], &listener->spec, 0);
            return false;
        }
        listener->fds[listener->num_fds] = fd;
        // A socket that joins the group later must get nothing before somebody accepts there.
        if (listener->steered && listener->num_fds == 0) {
            static const uint32_t first[] = { 0 };
            listener->steered = os_steer_attach(fd, first, 1);
            listener->steered_to[0] = 1;
        }
    }
    return true;
}

static struct listener *listener_new(struct master *master, const struct os_listen *spec, char *error)
{
    bool steered;
    if (!address_check(master, &steered, spec, error))
        return NULL;
    struct listener *listener = calloc(1, sizeof(*listener));
    if (!listener) {
        snprintf(error, OS_LISTEN_ERROR_LEN, "out of memory");
        return NULL;
    }
    listener->spec = *spec;
    listener->steered = steered;
    list_append(&master->listeners, &listener->link);
    return listener;
}

static void listener_free(struct listener *listener)
{
    list_remove(&listener->link);
    free(listener);
}

struct listener *listener_open(struct generation *generation, const struct os_listen *spec, uint32_t num_slots,
                               char *error)
{
    struct master *master = generation->master;
    uint32_t wanted = os_listen_is_per_slot(spec) ? num_slots : 1;
    struct listener *listener = listener_find(master, spec);
    if (listener && generation_has(generation, listener)) {
        char text[OS_LISTEN_TEXT_LEN];
        os_listen_text(text, spec);
        snprintf(error, OS_LISTEN_ERROR_LEN, "cannot bind socket for [%s]: two lines of the configuration want it",
                 text);
        return NULL;
    }
    if (!room_check(master, listener && listener->num_fds > wanted ? 0 : wanted - (listener ? listener->num_fds : 0),
                    error))
        return NULL;
    bool is_new = !listener;
    if (is_new)
        listener = listener_new(master, spec, error);
    if (!listener)
        return NULL;
    if (!slots_open(listener, wanted, error)) {
        if (is_new)
            listener_free(listener);
        return NULL;
    }
    if (is_new) {
        listener->file = os_listen_file(spec);
        return listener;
    }
    listener->spec = *spec;
    for (uint32_t i = 0; i < listener->num_fds; i++)
        os_listen_adjust(listener->fds[i], spec);
    return listener;
}

static uint32_t slots_wanted(struct master *master, const struct listener *listener)
{
    uint32_t wanted = 0;
    LIST_EACH(generation, &master->generations, struct generation, link)
    {
        bool counts = generation->state == GENERATION_STARTING || generation->state == GENERATION_ACTIVE;
        if (counts && generation_has(generation, listener)) {
            uint32_t here = os_listen_is_per_slot(&listener->spec) ? generation->plan.num_workers : 1;
            wanted = here > wanted ? here : wanted;
        }
    }
    return wanted;
}

void listeners_retire(struct master *master)
{
    uint64_t now_us = master->loop.now_us;
    LIST_EACH(listener, &master->listeners, struct listener, link)
    {
        uint32_t wanted = slots_wanted(master, listener);
        if (wanted >= listener->num_fds) {
            listener->grace_end_us = listener->close_us = 0;
        } else if (!listener->grace_end_us) {
            // Where nobody serves the address any more there is nobody to be graceful for: whoever left has accepted
            // all.
            listener->grace_end_us = now_us + (wanted ? LISTENERS_GRACE_US : 1);
        }
    }
}

static void adopters_dismiss(struct listener *listener, uint32_t from, uint32_t index)
{
    for (uint32_t slot = from; slot < listener->num_fds; slot++) {
        struct wire_listen unlisten = { .index = index, .slot = slot };
        if (listener->adopters[slot])
            messages_send(&listener->adopters[slot]->line, WIRE_UNLISTEN, &unlisten, sizeof(unlisten), NULL, 0);
        listener->adopters[slot] = NULL;
    }
}

static uint32_t bind_index_of(const struct generation *generation, const struct listener *listener)
{
    uint32_t index = 0;
    while (index < generation->plan.num_binds && generation->binds[index] != listener)
        index++;
    return index;
}

static void listener_tick(struct master *master, struct listener *listener)
{
    uint64_t now_us = master->loop.now_us;
    uint32_t wanted = slots_wanted(master, listener);
    if (wanted >= listener->num_fds) {
        listener->grace_end_us = listener->close_us = 0;
        return;
    }
    if (!listener->close_us) {
        if (now_us < listener->grace_end_us)
            return;
        if (master->active)
            adopters_dismiss(listener, wanted, bind_index_of(master->active, listener));
        listener->close_us = now_us + LISTENERS_CLOSE_US;
        return;
    }
    if (now_us < listener->close_us)
        return;
    // The highest first: the kernel moves the last of the group into the place of one that goes.
    while (listener->num_fds > wanted) {
        listener->num_fds--;
        os_listen_close(listener->fds[listener->num_fds], &listener->spec, listener->num_fds ? 0 : listener->file);
    }
    listener->grace_end_us = listener->close_us = 0;
    if (!wanted)
        listener_free(listener);
}

void listeners_tick(struct master *master)
{
    LIST_EACH(listener, &master->listeners, struct listener, link)
    {
        if (listener->grace_end_us)
            listener_tick(master, listener);
    }
}

void listeners_close_all(struct master *master)
{
    LIST_EACH(listener, &master->listeners, struct listener, link)
    {
        while (listener->num_fds) {
            listener->num_fds--;
            os_listen_close(listener->fds[listener->num_fds], &listener->spec, listener->num_fds ? 0 : listener->file);
        }
        listener_free(listener);
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
