// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/check.h"
#include "board/board.h"
#include "log/log.h"
#include "master.h"

static void take_ready(struct messages *messages, const struct messages_event *event)
{
    (void)event;
    struct seat *seat = messages->owner;
    seat->ready = true;
    if (seat->generation->state == GENERATION_STARTING)
        generation_check(seat->generation);
    else
        guard_run(seat->generation->master);
}

static void take_reload(struct messages *messages, const struct messages_event *event)
{
    struct seat *seat = messages->owner;
    const struct wire_reload *reload = event->data;
    if (seat_is_controller(seat))
        reload_ask(seat->generation->master, seat, reload->id, reload->hard);
}

static void take_sockets(struct messages *messages, const struct messages_event *event)
{
    struct seat *seat = messages->owner;
    const struct wire_sockets *sockets = event->data;
    takeover_give(seat->generation->master, seat, sockets->id);
}

static const struct messages_kind worker_kinds[] = {
    { .type = WIRE_READY, .take = take_ready },
};

static const struct messages_kind controller_kinds[] = {
    { .type = WIRE_READY, .take = take_ready },
    { .type = WIRE_RELOAD,
      .min_len = sizeof(struct wire_reload),
      .max_len = sizeof(struct wire_reload),
      .take = take_reload },
    { .type = WIRE_SOCKETS,
      .min_len = sizeof(struct wire_sockets),
      .max_len = sizeof(struct wire_sockets),
      .take = take_sockets },
};

void seat_leave(struct seat *seat)
{
    struct master *master = seat->generation->master;
    if (!seat->open)
        return;
    seat->open = seat->ready = seat->live = seat->silent = false;
    guard_forget_seat(master, seat);
    reload_forget_seat(master, seat);
    messages_fini(&seat->line);
}

static void line_lost(struct messages *messages)
{
    struct seat *seat = messages->owner;
    struct master *master = seat->generation->master;
    seat_leave(seat);
    if (seat_is_controller(seat))
        seats_hand_log(master);
    else if (seat->generation == master->active)
        guard_run(master);
}

void seats_open(struct generation *generation)
{
    generation->num_seats = generation->plan.num_workers + 1;
    generation->seats = calloc(generation->num_seats, sizeof(*generation->seats));
    if (!generation->seats)
        check_out_of_memory(generation->num_seats * sizeof(*generation->seats));
    for (uint32_t i = 0; i < generation->num_seats; i++) {
        generation->seats[i].generation = generation;
        generation->seats[i].slot = i ? i - 1 : WIRE_CONTROLLER_SLOT;
    }
}

struct seat *seat_find(struct generation *generation, uint32_t slot, uint32_t inc)
{
    for (uint32_t i = 0; i < generation->num_seats; i++)
        if (generation->seats[i].slot == slot && (!inc || generation->seats[i].inc == inc))
            return &generation->seats[i];
    return NULL;
}

static void listen_send(struct seat *seat, uint32_t index, uint32_t slot, int fd)
{
    struct wire_listen listen = { .index = index, .slot = slot };
    messages_send(&seat->line, WIRE_LISTEN, &listen, sizeof(listen), &fd, 1);
}

// The sockets of `seat` that listen: all, or those alone that began with this activation. A controller gets none before
// its generation serves: what is asked on them would get no answer where that fails.
static void sockets_send(struct seat *seat, bool fresh)
{
    const struct generation *generation = seat->generation;
    bool is_controller = seat_is_controller(seat);
    uint32_t num = is_controller ? generation->plan.num_sockets : generation->plan.num_binds;
    if (is_controller && generation->state != GENERATION_ACTIVE)
        return;
    for (uint32_t i = 0; i < num; i++) {
        const struct listener *listener = is_controller ? generation->sockets[i] : generation->binds[i];
        uint32_t slot = !is_controller && os_listen_is_per_slot(&listener->spec) ? seat->slot : 0;
        if (slot < listener->num_begun && (!fresh || slot >= listener->fresh_from))
            listen_send(seat, i, slot, listener->fds[slot]);
    }
}

void seats_send_fresh(struct generation *generation)
{
    for (uint32_t i = 0; i < generation->num_seats; i++)
        if (generation->seats[i].open)
            sockets_send(&generation->seats[i], i > 0);
}

void seats_keep(struct generation *generation)
{
    for (uint32_t index = 0; index < generation->plan.num_binds; index++) {
        const struct listener *listener = generation->binds[index];
        if (!listener || listener->kept_by != generation)
            continue;
        for (uint32_t i = 1; i < generation->num_seats; i++) {
            struct seat *seat = &generation->seats[i];
            struct wire_listen keep = { .index = index };
            if (seat->open)
                messages_send(&seat->line, WIRE_KEEP, &keep, sizeof(keep), NULL, 0);
        }
    }
}

// Its keeper waits for the line, and asks no second time.
static void sit_later(struct seat *seat, const struct wire_seat *wire)
{
    if (!seat->wanted)
        log_say(LOG_LEVEL_ALERT, "no line to a new process, trying on: %s", strerror(errno));
    seat->wanted = wire->inc;
}

void seats_retry(struct master *master)
{
    LIST_EACH(generation, &master->generations, struct generation, link)
    {
        for (uint32_t i = 0; i < generation->num_seats; i++) {
            struct seat *seat = &generation->seats[i];
            struct wire_seat wire = { .slot = seat->slot, .inc = seat->wanted };
            if (seat->wanted && generation->line_open)
                seat_sit(generation, &wire);
        }
    }
}

void seat_sit(struct generation *generation, const struct wire_seat *wire)
{
    struct seat *seat = seat_find(generation, wire->slot, 0);
    int ends[2];
    if (!seat || wire->inc == 0 || wire->inc >= BOARD_MAX_INCARNATIONS)
        return;
    seat_leave(seat);
    if (!os_pass_pair(ends)) {
        sit_later(seat, wire);
        return;
    }
    bool is_controller = seat_is_controller(seat);
    messages_init(&seat->line, is_controller ? "the controller" : "a worker",
                  is_controller ? controller_kinds : worker_kinds,
                  is_controller ? NUM_ITEMS(controller_kinds) : NUM_ITEMS(worker_kinds), seat, line_lost, ends[0]);
    if (!messages_attach(&seat->line, &generation->master->loop)) {
        sit_later(seat, wire);
        messages_fini(&seat->line);
        close(ends[1]);
        return;
    }
    seat->open = true;
    seat->wanted = 0;
    seat->inc = wire->inc;
    seat->pid = 0;
    messages_send(&generation->line, WIRE_SEATED, wire, sizeof(*wire), &ends[1], 1);
    close(ends[1]);
    if (is_controller)
        reload_latest_send(generation->master, seat);
    sockets_send(seat, false);
    messages_send(&seat->line, WIRE_START, NULL, 0, NULL, 0);
    if (is_controller)
        seats_hand_log(generation->master);
}

void seats_hand_log(struct master *master)
{
    uint32_t num_open = 0;
    LIST_EACH(generation, &master->generations, struct generation, link)
    num_open += generation->seats && generation->seats[0].open;
    struct generation *active = master->active;
    if (num_open == 1 && active && active->seats[0].open)
        messages_send(&active->seats[0].line, WIRE_ACTIVE, NULL, 0, NULL, 0);
}
