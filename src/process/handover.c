// SPDX-License-Identifier: Apache-2.0
// A reload is told of as done once nobody of the generations before takes new connections: who asked for it may rely on
// the next connection being served as the new files say. Only words wait here; the new generation serves already.
#include <stdatomic.h>
#include "board/board.h"
#include "master.h"

enum {
    HANDOVER_LOOK_US = 500,
    HANDOVER_PATIENCE_US = 1000000, // with a process that does not move; whoever is to end at once is killed by then
    HANDOVER_FOREIGN_US = 50000,    // with processes whose state cannot be seen
};

static bool has_left(const struct generation *generation)
{
    struct board *board = generation->master->board;
    bool left = true;
    for (uint32_t i = 0; left && i < generation->num_seats; i++) {
        const struct seat *seat = &generation->seats[i];
        left = !seat->open || !seat->ready || !seat->inc ||
               atomic_load(&board_incarnation_at(board, seat->inc)->ready) != 1;
    }
    return left;
}

// Those that left earlier count, too: one that was not waited for may still have to hear of it.
static bool all_left(const struct master *master)
{
    if (master->handover.from && master->handover.from->foreign)
        return false;
    LIST_EACH(generation, &master->generations, struct generation, link)
    {
        if (generation->state == GENERATION_LEAVING && !generation->foreign && !has_left(generation))
            return false;
    }
    return true;
}

void handover_end(struct master *master)
{
    struct generation *generation = master->handover.to;
    if (!generation)
        return;
    event_timer_set(&master->loop, &master->handover.timer, 0);
    master->handover.to = master->handover.from = NULL;
    reload_ended(master, generation, true, NULL);
    master_became_ready(master, generation);
}

static void look(struct event_timer *timer)
{
    struct master *master = CONTAINER_OF(timer, struct master, handover.timer);
    uint64_t now_us = master->loop.now_us;
    if (now_us >= master->handover.due_us || all_left(master))
        handover_end(master);
    else
        event_timer_set(&master->loop, timer, now_us + HANDOVER_LOOK_US);
}

void handover_init(struct master *master)
{
    event_timer_init(&master->handover.timer, look);
}

void handover_begin(struct generation *to, struct generation *from)
{
    struct master *master = to->master;
    master->handover.to = to;
    if (!from) {
        handover_end(master);
        return;
    }
    master->handover.from = from;
    master->handover.due_us = master->loop.now_us + (from->foreign ? HANDOVER_FOREIGN_US : HANDOVER_PATIENCE_US);
    event_timer_set(&master->loop, &master->handover.timer, master->loop.now_us + HANDOVER_LOOK_US);
}

void handover_forget(struct generation *generation)
{
    struct master *master = generation->master;
    if (master->handover.from == generation)
        master->handover.from = NULL;
    if (master->handover.to == generation)
        handover_end(master);
}
