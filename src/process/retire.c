// SPDX-License-Identifier: Apache-2.0
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "log/log.h"
#include "master.h"

// How sockets end that nobody wants any more, so that no client which connected is reset: new connections are steered
// away, what comes all the same is served for a grace; then no new ones are let in, what waits is accepted, those who
// accept leave, and the sockets are closed.
enum {
    RETIRE_GRACE_US = 1000000,
    RETIRE_DRAIN_US = 300000,       // handshakes that began before may end
    RETIRE_DRAIN_MAX_US = 10000000, // connections that nobody accepts for so long are given up (but see is_busy)
    RETIRE_END_US = 100000,         // where nobody is left to accept
};

void listeners_keep(struct generation *generation)
{
    struct master *master = generation->master;
    for (uint32_t i = 0; generation->binds && i < generation->plan.num_binds; i++) {
        struct listener *listener = generation->binds[i];
        if (listener && listener->num_begun && (!master->active || !listener_wanted_by(master->active, listener)))
            listener->kept_by = generation;
    }
}

void listeners_forget_generation(const struct generation *generation)
{
    LIST_EACH(listener, &generation->master->listeners, struct listener, link)
    {
        if (listener->kept_by == generation)
            listener->kept_by = NULL;
    }
}

static uint32_t slots_wanted(struct master *master, const struct listener *listener)
{
    uint32_t wanted = 0;
    LIST_EACH(generation, &master->generations, struct generation, link)
    {
        bool counts = generation->state == GENERATION_STARTING || generation->state == GENERATION_ACTIVE;
        counts = counts && listener->paused_in != generation->number;
        if (counts && listener_wanted_by(generation, listener)) {
            uint32_t here = os_listen_is_per_slot(&listener->spec) ? generation->plan.num_workers : 1;
            wanted = here > wanted ? here : wanted;
        }
    }
    return wanted;
}

// A socket that another program holds as well is none of the kernel's group's leavers yet.
static void socket_close(struct listener *listener, int take_fd)
{
    if (listener->is_shared)
        close(take_fd);
    else
        os_listen_close(take_fd, &listener->spec, 0);
}

// By their numbers, the last first: a program that joined the group knows by that where its own are now.
static void group_close(struct listener *listener)
{
    for (uint32_t i = listener->steered ? listener->num_group : 0; i-- > 0;) {
        uint32_t slot = listener->group[i];
        if (slot == LISTENER_FOREIGN)
            continue;
        socket_close(listener, listener->fds[slot]);
        listener->fds[slot] = -1;
    }
}

// What is left of a place that an operator released: its generation knows it by this.
static void place_empty(struct listener *listener)
{
    *listener = (struct listener){ .link = listener->link, .spec = listener->spec, .paused_in = listener->paused_in };
}

void listener_close(struct listener *listener, uint32_t slot)
{
    if (!slot)
        group_close(listener);
    while (listener->num_fds > slot) {
        uint32_t last = --listener->num_fds;
        if (last >= listener->num_begun) {
            os_listen_drop(listener->fds[last], &listener->spec);
            continue;
        }
        listener->num_begun = last;
        if (last == 0 && !listener->is_shared)
            os_listen_unlink(&listener->spec, listener->file);
        group_part(listener, last);
        if (listener->fds[last] >= 0)
            socket_close(listener, listener->fds[last]);
    }
    if (slot)
        return;
    // A file that another program took over stays, unless that is gone, too.
    if (listener->is_shared && listener->file && os_listen_is_deserted(&listener->spec))
        os_listen_unlink(&listener->spec, listener->file);
    if (listener->paused_in) {
        place_empty(listener);
        return;
    }
    list_remove(&listener->link);
    free(listener);
}

// Those who accept on the sockets from `from` on leave them, after what waits there.
static void acceptors_dismiss(struct master *master, struct listener *listener, uint32_t from)
{
    struct generation *generation = listener->kept_by ? listener->kept_by : master->active;
    if (!generation)
        return;
    uint32_t index = listener_index(generation, listener);
    for (uint32_t slot = from; slot < listener->num_begun; slot++) {
        if (listener->adopters[slot])
            seat_unlisten(listener->adopters[slot], index, slot);
        listener->adopters[slot] = NULL;
    }
    for (uint32_t i = 1; listener->kept_by && i < generation->num_seats; i++) {
        uint32_t slot = os_listen_is_per_slot(&listener->spec) ? generation->seats[i].slot : 0;
        seat_unlisten(&generation->seats[i], index, slot);
    }
}

static void unblock(struct listener *listener)
{
    if (listener->spec.kind == OS_LISTEN_TCP && listener->phase >= LISTENER_DRAIN && !listener->is_shared)
        for (uint32_t slot = listener->retire_to; slot < listener->num_begun; slot++)
            os_listen_unblock(listener->fds[slot]);
}

static void call_back(struct master *master, struct listener *listener)
{
    unblock(listener);
    listener->phase = LISTENER_SERVED;
    // Until the generation that wants it serves, the one that kept it goes on.
    if (listener->kept_by && master->active && listener_wanted_by(master->active, listener)) {
        acceptors_dismiss(master, listener, 0);
        listener->kept_by = NULL;
    }
}

static void phase_set(struct listener *listener, enum listener_phase phase, uint64_t end_us)
{
    listener->phase = phase;
    listener->phase_end_us = end_us;
}

// No new ones; where nobody wants the place at all, others that cover it get them, at once.
static void shut(struct listener *listener)
{
    for (uint32_t slot = listener->retire_to; slot < listener->num_begun; slot++) {
        os_listen_block(listener->fds[slot], &listener->spec);
        if (!listener->retire_to)
            os_listen_hide(listener->fds[slot]);
    }
}

// Of a program that was taken over from, what is not used here: it accepts what waits, and no more shall come.
static void taken_let_go(struct master *master, struct listener *listener)
{
    if (master->active && master->options->num_old_pids && listener->spec.kind == OS_LISTEN_TCP)
        shut(listener);
    listener_close(listener, 0);
}

// Nobody is there to be graceful for it: who accepts here ends, too.
static void end_now(struct master *master, struct listener *listener)
{
    if (listener->spec.kind == OS_LISTEN_TCP && !listener->is_shared)
        shut(listener);
    listener->is_closing = true;
    phase_set(listener, LISTENER_LEAVE, master->loop.now_us + RETIRE_END_US);
}

// Whether the place is nobody's any more, now that the generation is gone in which it was released.
static bool pause_ends(struct master *master, struct listener *listener)
{
    if (!listener->paused_in || (master->active && master->active->number == listener->paused_in))
        return false;
    listener->paused_in = 0;
    return !listener->num_fds && !slots_wanted(master, listener);
}

static void retire(struct master *master, struct listener *listener)
{
    if (pause_ends(master, listener)) {
        listener_close(listener, 0);
        return;
    }
    uint32_t wanted = slots_wanted(master, listener);
    uint64_t now_us = master->loop.now_us;
    uint32_t keep = wanted > listener->num_begun ? wanted : listener->num_begun;
    if (listener->num_fds > keep) {
        bool is_last = !keep;
        listener_close(listener, keep);
        if (is_last)
            return;
    }
    if (wanted >= listener->num_begun) {
        call_back(master, listener);
        return;
    }
    if (listener->phase != LISTENER_SERVED && listener->retire_to == wanted)
        return;
    unblock(listener);
    listener->retire_to = wanted;
    if (!wanted && !listener->kept_by && listener->is_taken && listener->is_shared)
        taken_let_go(master, listener);
    else if (!wanted && !listener->kept_by)
        end_now(master, listener);
    else
        phase_set(listener, LISTENER_GRACE, now_us + (master->stopping || listener->paused_in ? 0 : RETIRE_GRACE_US));
}

void listeners_retire(struct master *master)
{
    LIST_EACH(listener, &master->listeners, struct listener, link)
    {
        if (!listener->is_closing)
            retire(master, listener);
    }
}

static void drain(struct master *master, struct listener *listener)
{
    phase_set(listener, LISTENER_DRAIN, master->loop.now_us + RETIRE_DRAIN_US);
    listener->drain_max_us = master->loop.now_us + RETIRE_DRAIN_MAX_US;
    if (listener->is_shared)
        return;
    if (listener->spec.kind == OS_LISTEN_TCP) {
        if (!listener->retire_to)
            group_yield(listener);
        shut(listener);
        listener->is_closing = !listener->retire_to;
    } else if (listener->spec.kind == OS_LISTEN_UNIX) {
        os_listen_unlink(&listener->spec, listener->file);
        listener->is_closing = true;
    }
}

static uint32_t num_waiting(const struct listener *listener)
{
    uint32_t num = 0;
    for (uint32_t slot = listener->retire_to; slot < listener->num_begun; slot++)
        if (!listener->is_shared && listener->fds[slot] >= 0)
            num += os_listen_waiting(listener->fds[slot]);
    return num;
}

// Who accepts there has sessions: it lives on in any case, and a limit may be what keeps it from accepting more.
static bool is_busy(struct master *master, const struct listener *listener)
{
    const struct generation *generation = listener->kept_by;
    uint32_t sessions = 0;
    for (uint32_t i = 1; generation && !listener->retire_to && i < generation->num_seats; i++)
        if (generation->seats[i].open)
            sessions += atomic_load(&board_incarnation_at(master->board, generation->seats[i].inc)->sessions);
    return sessions > 0;
}

// Whether those who accept may leave now.
static bool is_drained(struct master *master, const struct listener *listener)
{
    char place[OS_LISTEN_TEXT_LEN];
    uint32_t num = num_waiting(listener);
    if (!num)
        return true;
    if (master->loop.now_us < listener->drain_max_us || (!listener->paused_in && is_busy(master, listener)))
        return false;
    os_listen_text(place, &listener->spec);
    log_say(LOG_LEVEL_WARNING, "%s ends, though connections (%u or more) wait there that nobody accepts", place, num);
    return true;
}

static void leave(struct master *master, struct listener *listener)
{
    phase_set(listener, LISTENER_LEAVE, master->loop.now_us);
    listener->drain_max_us = master->loop.now_us + RETIRE_DRAIN_MAX_US;
    if (!listener->is_shared && (listener->spec.kind == OS_LISTEN_UNIX || listener->spec.kind == OS_LISTEN_ABNS)) {
        os_listen_block(listener->fds[0], &listener->spec);
        listener->is_closing = true;
    }
    acceptors_dismiss(master, listener, listener->retire_to);
}

// Whoever accepted there has taken all that waited.
static bool all_left(const struct master *master, const struct listener *listener)
{
    const struct generation *generation = listener->kept_by ? listener->kept_by : master->active;
    for (uint32_t i = 1; generation && i < generation->num_seats; i++)
        if (generation->seats[i].num_unlistens)
            return false;
    return true;
}

static void step(struct master *master, struct listener *listener)
{
    uint64_t now_us = master->loop.now_us;
    if (!listener->retire_to && !listener->kept_by && listener->phase < LISTENER_LEAVE) {
        end_now(master, listener);
        return;
    }
    if (now_us < listener->phase_end_us)
        return;
    switch (listener->phase) {
    case LISTENER_GRACE:
        drain(master, listener);
        break;
    case LISTENER_DRAIN:
        if (is_drained(master, listener))
            leave(master, listener);
        break;
    case LISTENER_LEAVE:
        if (!all_left(master, listener) && now_us < listener->drain_max_us)
            break;
        listener->phase = LISTENER_SERVED;
        listener->kept_by = NULL;
        listener_close(listener, listener->retire_to);
        break;
    default:
        break;
    }
}

void listeners_tick(struct master *master)
{
    LIST_EACH(listener, &master->listeners, struct listener, link)
    {
        if (listener->num_group > listener->num_begun)
            group_look(listener);
        if (listener->phase == LISTENER_SERVED)
            continue;
        if (!listener->is_closing && slots_wanted(master, listener) != listener->retire_to)
            retire(master, listener);
        else
            step(master, listener);
    }
}

enum wire_place_state place_release(struct generation *generation, uint32_t index)
{
    struct master *master = generation->master;
    struct listener *listener = generation->binds[index];
    if (listener->paused_in != generation->number) {
        // One that others still leave is theirs to the end of that.
        if (listener->kept_by || listener->phase != LISTENER_SERVED)
            return WIRE_PLACE_ON_ITS_WAY;
        listener->paused_in = generation->number;
        listener->kept_by = generation;
        retire(master, listener);
    }
    return listener->num_begun ? WIRE_PLACE_ON_ITS_WAY : WIRE_PLACE_CLOSED;
}

enum wire_place_state place_take(struct generation *generation, uint32_t index, char *error)
{
    struct listener *listener = generation->binds[index];
    if (!listener->paused_in)
        return WIRE_PLACE_OPEN;
    // What began must end first.
    if (listener->num_begun)
        return WIRE_PLACE_ON_ITS_WAY;
    return listener_begin_again(generation, index, error) ? WIRE_PLACE_OPEN : WIRE_PLACE_FAILED;
}
