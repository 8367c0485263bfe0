// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include "base/check.h"
#include "base/clock.h"
#include "board/board.h"
#include "log/log.h"
#include "os/steer.h"
#include "master.h"

enum {
    GUARD_SILENT_US = 100000,
    GUARD_BLOCKED_LOOKS = 4,
    GUARD_BLOCKED_US = 1000000, // a worker that stands still with a lock of the board is ended after that
};

static uint64_t silence_us(struct master *master, const struct seat *seat, uint64_t now_us)
{
    // Of who lives on a board that cannot be read nothing is known but that its line is open.
    if (!seat->inc)
        return 0;
    uint64_t beat_us =
        atomic_load_explicit(&board_incarnation_at(master->board, seat->inc)->beat_us, memory_order_relaxed);
    return beat_us < now_us ? now_us - beat_us : 0;
}

static bool answers(struct master *master, const struct seat *seat, uint64_t now_us)
{
    return seat->open && seat->ready && silence_us(master, seat, now_us) < GUARD_SILENT_US;
}

static void blocker_end(struct master *master, const struct seat *seat)
{
    if (!seat->pid || !board_incarnation_blocks(master->board, seat->inc))
        return;
    log_say(LOG_LEVEL_ALERT, "worker %u (%d) stands still with a lock that others wait for, and is killed",
            seat->slot + 1, (int)seat->pid);
    seat_kill(seat, SIGKILL);
}

// Whoever stands still with a lock stops all others, who then seem no better: so this comes before anything that asks
// who else answers. Several looks are needed to tell it from one who waits for that lock and gets it right now.
static void blockers_end(struct master *master)
{
    uint64_t now_us = clock_mono_us();
    LIST_EACH(generation, &master->generations, struct generation, link)
    {
        for (uint32_t i = 1; i < generation->num_seats; i++) {
            struct seat *seat = &generation->seats[i];
            bool blocks = seat->open && seat->ready && silence_us(master, seat, now_us) > GUARD_BLOCKED_US &&
                          board_incarnation_blocks(master->board, seat->inc);
            seat->blocks = blocks ? seat->blocks + 1 : 0;
            if (seat->blocks == GUARD_BLOCKED_LOOKS)
                blocker_end(master, seat);
        }
    }
}

// A worker that is not there yet, or no more, is told of by its keeper.
static void change_tell(struct seat *seat, bool live)
{
    if (live && seat->silent)
        log_say(LOG_LEVEL_NOTICE, "worker %u answers again and gets new connections", seat->slot + 1);
    else if (!live && seat->open)
        log_say(LOG_LEVEL_WARNING, "worker %u (%d) has not answered for %d ms: new connections go to others",
                seat->slot + 1, (int)seat->pid, GUARD_SILENT_US / 1000);
    seat->silent = !live && seat->open;
}

// Where nobody answers, it is the machine that is late, and any change would be for the worse.
static bool workers_look(struct generation *generation)
{
    uint64_t now_us = clock_mono_us();
    bool live[PROCESS_MAX_WORKERS];
    bool any = false;
    for (uint32_t slot = 0; slot + 1 < generation->num_seats; slot++) {
        live[slot] = answers(generation->master, &generation->seats[slot + 1], now_us);
        any = any || live[slot];
    }
    for (uint32_t slot = 0; any && slot + 1 < generation->num_seats; slot++) {
        struct seat *seat = &generation->seats[slot + 1];
        if (seat->live != live[slot] && generation == generation->master->active)
            change_tell(seat, live[slot]);
        seat->live = live[slot];
    }
    return any;
}

static struct seat *neighbour(struct generation *active, uint32_t slot)
{
    uint32_t num = active->num_seats - 1;
    for (uint32_t step = 1; step <= num; step++) {
        struct seat *seat = &active->seats[(slot + step) % num + 1];
        if (seat->live)
            return seat;
    }
    return NULL;
}

static void adopter_set(struct listener *listener, uint32_t index, uint32_t slot, struct seat *next)
{
    struct wire_listen wire = { .index = index, .slot = slot };
    struct seat *now = listener->adopters[slot];
    if (now == next)
        return;
    if (next && !messages_send(&next->line, WIRE_LISTEN, &wire, sizeof(wire), &listener->fds[slot], 1))
        return;
    if (now)
        seat_unlisten(now, index, slot);
    listener->adopters[slot] = next;
}

static void sockets_adopt(struct generation *active, struct listener *listener, uint32_t index)
{
    for (uint32_t slot = 0; slot < listener->num_begun; slot++) {
        bool served = slot + 1 < active->num_seats && active->seats[slot + 1].live;
        struct seat *next = listener->adopters[slot];
        if (served || listener->phase == LISTENER_LEAVE)
            next = NULL;
        else if (!next || !next->live)
            next = neighbour(active, slot);
        adopter_set(listener, index, slot, next);
    }
}

static void group_steer(const struct generation *active, struct listener *listener)
{
    uint32_t indices[PROCESS_MAX_WORKERS];
    uint64_t mask[2] = { 0, 0 };
    uint32_t num = 0;
    for (uint32_t slot = 0; slot < listener->num_begun && slot + 1 < active->num_seats; slot++) {
        int number = group_number(listener, slot);
        if (!active->seats[slot + 1].live || number < 0)
            continue;
        indices[num++] = (uint32_t)number;
        mask[slot / 64] |= (uint64_t)1 << slot % 64;
    }
    if (!num || !listener->steered || memcmp(mask, listener->steered_to, sizeof(mask)) == 0)
        return;
    if (os_steer_attach(listener->fds[0], indices, num))
        memcpy(listener->steered_to, mask, sizeof(mask));
}

// Who holds a place in a queue and does not answer is passed over, of generations that leave too.
static void sleepers_pass_over(struct master *master)
{
    uint64_t now_us = clock_mono_us();
    LIST_EACH(generation, &master->generations, struct generation, link)
    {
        for (uint32_t i = 1; i < generation->num_seats; i++) {
            const struct seat *seat = &generation->seats[i];
            if (seat->open && seat->ready && !answers(master, seat, now_us))
                board_queue_pass_over(master->board, seat->inc);
        }
    }
}

// Places that only a leaving generation has are its own to serve, to their end.
static void kept_run(struct master *master)
{
    struct generation *looked = NULL;
    bool any = false;
    LIST_EACH(listener, &master->listeners, struct listener, link)
    {
        struct generation *generation = listener->kept_by;
        if (!generation || !os_listen_is_per_slot(&listener->spec))
            continue;
        if (generation != looked)
            any = workers_look(generation);
        looked = generation;
        if (!any)
            continue;
        // Whoever takes over steers to itself: when all of this program ends it leaves the group alone.
        if (!master->stopping)
            group_steer(generation, listener);
        sockets_adopt(generation, listener, listener_index(generation, listener));
    }
}

void guard_run(struct master *master)
{
    struct generation *active = master->active;
    blockers_end(master);
    kept_run(master);
    if (!active || !workers_look(active))
        return;
    sleepers_pass_over(master);
    for (uint32_t index = 0; index < active->plan.num_binds; index++) {
        struct listener *listener = active->binds[index];
        if (!os_listen_is_per_slot(&listener->spec) || listener->kept_by)
            continue;
        group_steer(active, listener);
        sockets_adopt(active, listener, index);
    }
}

void guard_forget_seat(struct master *master, const struct seat *seat)
{
    LIST_EACH(listener, &master->listeners, struct listener, link)
    {
        for (uint32_t slot = 0; slot < listener->num_begun; slot++)
            if (listener->adopters[slot] == seat)
                listener->adopters[slot] = NULL;
    }
}
