// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/check.h"
#include "board/board.h"
#include "log/log.h"
#include "os/process.h"
#include "master.h"

enum {
    SEATS_MAX_WAITING = 10000, // as many as there can be admin connections
    SEATS_MAX_LATE = 1000,
};

static void take_ready(struct messages *messages, const struct messages_event *event)
{
    (void)event;
    struct seat *seat = messages->owner;
    if (seat->ready) {
        messages_refuse(messages, "said twice that it is ready");
        return;
    }
    seat->ready = true;
    if (seat->generation->state == GENERATION_STARTING)
        generation_check(seat->generation);
    else
        guard_run(seat->generation->master);
}

static void take_left(struct messages *messages, const struct messages_event *event)
{
    (void)event;
    struct seat *seat = messages->owner;
    if (seat->num_unlistens)
        seat->num_unlistens--;
}

static void take_reload(struct messages *messages, const struct messages_event *event)
{
    struct seat *seat = messages->owner;
    const struct wire_reload *reload = event->data;
    // An operator who connected before the generation was told to leave may speak after it.
    bool is_asked = seat->generation->state == GENERATION_ACTIVE || seat->generation->state == GENERATION_STARTING;
    if (seat->num_waiting >= SEATS_MAX_WAITING || (!is_asked && ++seat->num_late >= SEATS_MAX_LATE))
        messages_refuse(messages, "asks for reloads without end");
    else
        reload_ask(seat->generation->master, seat, reload->id, reload->hard);
}

static void take_sockets(struct messages *messages, const struct messages_event *event)
{
    struct seat *seat = messages->owner;
    const struct wire_sockets *sockets = event->data;
    takeover_give(seat->generation->master, seat, sockets->id);
}

static void take_place(struct messages *messages, const struct messages_event *event)
{
    struct seat *seat = messages->owner;
    struct generation *generation = seat->generation;
    const struct wire_place *place = event->data;
    struct wire_placed answer = { .id = place->id, .index = place->index, .state = WIRE_PLACE_FAILED };
    if (place->index >= generation->plan.num_binds) {
        messages_refuse(messages, "names a bind that cannot be");
        return;
    }
    // Another generation may be about to take over, or has.
    if (generation->state != GENERATION_ACTIVE || generation->foreign)
        snprintf(answer.error, sizeof(answer.error), "this generation does not serve any more");
    else if (place->open)
        answer.state = place_take(generation, place->index, answer.error);
    else
        answer.state = place_release(generation, place->index);
    messages_send(messages, WIRE_PLACED, &answer, sizeof(answer), NULL, 0);
}

static const struct messages_kind worker_kinds[] = {
    { .type = WIRE_READY, .take = take_ready },
    { .type = WIRE_LEFT, .take = take_left },
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
    { .type = WIRE_PLACE,
      .min_len = sizeof(struct wire_place),
      .max_len = sizeof(struct wire_place),
      .take = take_place },
};

void seat_unlisten(struct seat *seat, uint32_t index, uint32_t slot)
{
    struct wire_listen wire = { .index = index, .slot = slot };
    if (seat->open && messages_send(&seat->line, WIRE_UNLISTEN, &wire, sizeof(wire), NULL, 0))
        seat->num_unlistens++;
}

void seat_leave(struct seat *seat)
{
    struct master *master = seat->generation->master;
    if (!seat->open)
        return;
    seat->open = seat->ready = seat->live = seat->silent = false;
    seat->num_unlistens = 0;
    guard_forget_seat(master, seat);
    reload_forget_seat(master, seat);
    messages_fini(&seat->line);
}

void generation_signal(const struct generation *generation, pid_t pid, int sig)
{
    if (os_process_signal(pid, generation->keeper, sig) || errno == ESRCH)
        return;
    log_say(LOG_LEVEL_ALERT, "process %d, which the keeper of generation %u calls its own, is not: it gets no signal",
            (int)pid, generation->number);
}

void seat_kill(const struct seat *seat, int sig)
{
    if (seat->pid)
        generation_signal(seat->generation, seat->pid, sig);
}

void seat_outlaw(struct seat *seat, const char *what)
{
    char name[32] = "the controller";
    if (!seat_is_controller(seat))
        snprintf(name, sizeof(name), "worker %u", seat->slot + 1);
    log_say(LOG_LEVEL_ALERT, "%s (%d) of generation %u %s: it is no longer itself and is killed", name,
            (int)(seat->pid ? seat->pid : seat->line.peer_pid), seat->generation->number, what);
    seat->outlawed = true;
    seat_kill(seat, SIGKILL);
}

bool seat_forked(struct seat *seat, pid_t pid)
{
    if (pid <= 1 || seat->pid || (seat->line.peer_pid && seat->line.peer_pid != pid))
        return false;
    seat->pid = pid;
    if (seat->open)
        seat->line.peer_pid = pid;
    if (seat->outlawed)
        seat_kill(seat, SIGKILL);
    return true;
}

static void line_lost(struct messages *messages)
{
    struct seat *seat = messages->owner;
    struct master *master = seat->generation->master;
    if (messages->violation)
        seat_outlaw(seat, messages->violation);
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

void seat_listen(struct seat *seat, uint32_t index)
{
    const struct listener *listener = seat->generation->binds[index];
    uint32_t slot = os_listen_is_per_slot(&listener->spec) ? seat->slot : 0;
    if (slot < listener->num_begun)
        listen_send(seat, index, slot, listener->fds[slot]);
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
    seat_leave(seat);
    if (!os_pass_pair(ends)) {
        sit_later(seat, wire);
        return;
    }
    seat_line_init(seat, ends[0]);
    if (!messages_attach(&seat->line, &generation->master->loop)) {
        sit_later(seat, wire);
        messages_fini(&seat->line);
        close(ends[1]);
        return;
    }
    seat->open = true;
    seat->outlawed = false;
    seat->num_late = 0;
    seat->wanted = 0;
    seat->called = wire->inc;
    seat->inc = generation->foreign ? 0 : wire->inc;
    seat->pid = 0;
    messages_send(&generation->line, WIRE_SEATED, wire, sizeof(*wire), &ends[1], 1);
    close(ends[1]);
    if (seat_is_controller(seat))
        reload_latest_send(generation->master, seat);
    sockets_send(seat, false);
    messages_send(&seat->line, WIRE_START, NULL, 0, NULL, 0);
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
