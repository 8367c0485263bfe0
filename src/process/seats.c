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

static const struct messages_kind worker_kinds[] = {
    { .type = WIRE_READY, .take = take_ready },
};

static const struct messages_kind controller_kinds[] = {
    { .type = WIRE_READY, .take = take_ready },
    { .type = WIRE_RELOAD,
      .min_len = sizeof(struct wire_reload),
      .max_len = sizeof(struct wire_reload),
      .take = take_reload },
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

struct seat *seat_find(struct generation *generation, uint32_t slot, uint32_t called)
{
    for (uint32_t i = 0; i < generation->num_seats; i++)
        if (generation->seats[i].slot == slot && (!called || generation->seats[i].called == called))
            return &generation->seats[i];
    return NULL;
}

static void listen_send(struct seat *seat, uint32_t index, uint32_t slot, int fd)
{
    struct wire_listen listen = { .index = index, .slot = slot };
    messages_send(&seat->line, WIRE_LISTEN, &listen, sizeof(listen), &fd, 1);
}

static void sockets_send(struct seat *seat)
{
    const struct generation *generation = seat->generation;
    if (seat_is_controller(seat)) {
        reload_latest_send(generation->master, seat);
        for (uint32_t i = 0; i < generation->plan.num_sockets; i++)
            listen_send(seat, i, 0, generation->sockets[i]->fds[0]);
    } else {
        for (uint32_t i = 0; i < generation->plan.num_binds; i++) {
            uint32_t slot = os_listen_is_per_slot(&generation->binds[i]->spec) ? seat->slot : 0;
            listen_send(seat, i, slot, generation->binds[i]->fds[slot]);
        }
    }
    messages_send(&seat->line, WIRE_START, NULL, 0, NULL, 0);
}

void seat_line_init(struct seat *seat, int take_fd)
{
    if (seat_is_controller(seat))
        messages_init(&seat->line, "the controller", controller_kinds, NUM_ITEMS(controller_kinds), seat, line_lost,
                      take_fd);
    else
        messages_init(&seat->line, "a worker", worker_kinds, NUM_ITEMS(worker_kinds), seat, line_lost, take_fd);
}

void seat_sit(struct generation *generation, const struct wire_seat *wire)
{
    struct seat *seat = seat_find(generation, wire->slot, 0);
    int ends[2];
    if (!seat || wire->inc == 0 || wire->inc >= BOARD_MAX_INCARNATIONS)
        return;
    seat_leave(seat);
    if (!os_pass_pair(ends)) {
        log_say(LOG_LEVEL_ALERT, "no line to a new process: %s", strerror(errno));
        return;
    }
    seat_line_init(seat, ends[0]);
    if (!messages_attach(&seat->line, &generation->master->loop)) {
        messages_fini(&seat->line);
        close(ends[1]);
        return;
    }
    seat->open = true;
    seat->called = wire->inc;
    seat->inc = generation->foreign ? 0 : wire->inc;
    seat->pid = 0;
    messages_send(&generation->line, WIRE_SEATED, wire, sizeof(*wire), &ends[1], 1);
    close(ends[1]);
    sockets_send(seat);
    if (seat_is_controller(seat))
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
