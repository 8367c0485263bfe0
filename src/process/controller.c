// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>
#include "board/board.h"
#include "board/payload.h"
#include "os/identity.h"
#include "os/service.h"
#include "process/controller.h"
#include "process/last_words.h"
#include "process/rights.h"
#include "process/seat.h"
#include "process/wire.h"
#include "table/change.h"

enum {
    CONTROLLER_DRAIN_BATCH = 4096,
    CONTROLLER_DRAIN_MIN_US = 5000,
    CONTROLLER_DRAIN_MAX_US = 50000,
    CONTROLLER_FINAL_BATCHES = 1024,
    CONTROLLER_ORPHAN_US = 500000,
    CONTROLLER_LEAVE_US = 70000000, // for answers, when a generation leaves: a reload asked for here takes its time
    CONTROLLER_END_US = 300000,     // and when it is ended
};

static const char controller_name[] = "the controller";

static void socket_leave(struct controller *controller, struct seat_socket *socket)
{
    const struct process_admin *admin = controller->program->admin;
    if (admin && admin->unlisten)
        admin->unlisten(controller->admin, socket->index, socket->fd);
    seat_socket_close(socket);
}

// In a build with AddressSanitizer, and only there: what commands lost is told, although the process ends at once.
__attribute__((weak)) void __lsan_do_leak_check(void);

// The last word is the log's: everything that other processes wrote before they ended goes out.
static _Noreturn void finish(struct controller *controller)
{
    const struct process_admin *admin = controller->program->admin;
    if (admin && admin->stop)
        admin->stop(controller->admin);
    for (int i = 0; controller->drain && i < CONTROLLER_FINAL_BATCHES; i++)
        if (!log_drain_run(controller->drain, CONTROLLER_DRAIN_BATCH))
            break;
    log_drain_free(controller->drain);
    rights_denials_tell(controller_name);
    if (__lsan_do_leak_check)
        __lsan_do_leak_check();
    _exit(0);
}

static void leave_due(struct event_timer *timer)
{
    finish(CONTAINER_OF(timer, struct controller, leave_timer));
}

static void finish_if_idle(struct controller *controller)
{
    const struct process_admin *admin = controller->program->admin;
    if (!admin || !admin->is_idle || admin->is_idle(controller->admin))
        finish(controller);
}

// From now on the admin sockets are another's; what was asked for here is answered, for `limit_us` at most.
static void stop(struct controller *controller, uint64_t limit_us)
{
    const struct process_admin *admin = controller->program->admin;
    uint64_t due_us = controller->loop.now_us + limit_us;
    // The keeper's word may overtake the master's, which knows that there is time.
    if (due_us > controller->leave_timer.due_us)
        event_timer_set(&controller->loop, &controller->leave_timer, due_us);
    if (controller->stopping)
        return;
    controller->stopping = true;
    if (controller->drain)
        log_drain_leave(controller->drain);
    LIST_EACH(socket, &controller->sockets, struct seat_socket, link)
    socket_leave(controller, socket);
    atomic_store(&board_incarnation_at(controller->board, controller->inc)->ready, 2);
    if (admin && admin->leave)
        admin->leave(controller->admin);
    finish_if_idle(controller);
}

static void drain(struct event_timer *timer)
{
    struct controller *controller = CONTAINER_OF(timer, struct controller, drain_timer);
    uint32_t sent = log_drain_run(controller->drain, CONTROLLER_DRAIN_BATCH);
    uint64_t pause_us = sent == CONTROLLER_DRAIN_BATCH ? 1 : CONTROLLER_DRAIN_MIN_US;
    if (!sent && controller->drain_pause_us * 2 > pause_us)
        pause_us = controller->drain_pause_us * 2;
    else if (pause_us < CONTROLLER_DRAIN_MIN_US)
        pause_us = CONTROLLER_DRAIN_MIN_US;
    if (pause_us > CONTROLLER_DRAIN_MAX_US)
        pause_us = CONTROLLER_DRAIN_MAX_US;
    controller->drain_pause_us = pause_us;
    event_timer_set(&controller->loop, timer, controller->loop.now_us + pause_us);
}

static void take_active(struct messages *messages, const struct messages_event *event)
{
    (void)event;
    struct controller *controller = messages->owner;
    if (!controller->drain)
        controller->drain = controller->sinks ? controller->sinks : log_drain_new(controller->board);
    if (controller->drain)
        event_timer_set(&controller->loop, &controller->drain_timer, controller->loop.now_us + 1);
    else
        log_say(LOG_LEVEL_ALERT, "no logs: out of memory");
    const struct process_admin *admin = controller->program->admin;
    // The master says so once more for each controller of before that ends.
    if (admin && admin->active && !controller->active)
        admin->active(controller->admin);
    controller->active = true;
}

static void take_listen(struct messages *messages, const struct messages_event *event)
{
    struct controller *controller = messages->owner;
    const struct process_admin *admin = controller->program->admin;
    if (!admin || !admin->listen)
        return;
    struct seat_socket *socket = seat_socket_add(&controller->sockets, event->data, event->fds[0]);
    if (!socket)
        return;
    event->fds[0] = -1;
    if (!admin->listen(controller->admin, socket->index, socket->fd)) {
        log_say(LOG_LEVEL_ALERT, "the controller cannot accept on admin socket %u", socket->index);
        seat_socket_close(socket);
    }
}

static void take_start(struct messages *messages, const struct messages_event *event)
{
    (void)event;
    struct controller *controller = messages->owner;
    atomic_store(&board_incarnation_at(controller->board, controller->inc)->ready, 1);
    messages_send(messages, WIRE_READY, NULL, 0, NULL, 0);
}

static void take_soft_stop(struct messages *messages, const struct messages_event *event)
{
    (void)event;
    stop(messages->owner, CONTROLLER_LEAVE_US);
}

static void take_reloaded(struct messages *messages, const struct messages_event *event)
{
    struct controller *controller = messages->owner;
    const struct process_admin *admin = controller->program->admin;
    const struct wire_reloaded *reloaded = event->data;
    if (admin && admin->reloaded)
        admin->reloaded(controller->admin, reloaded->id, reloaded->done);
}

static void take_latest(struct messages *messages, const struct messages_event *event)
{
    struct controller *controller = messages->owner;
    const struct process_admin *admin = controller->program->admin;
    const struct wire_latest *wire = event->data;
    const struct process_latest latest = {
        .num_reloads = wire->num_reloads,
        .num_failed = wire->num_failed,
        .done = wire->done,
        .is_more = wire->part > 0,
        .text = wire->text,
        .text_len = event->len - offsetof(struct wire_latest, text),
    };
    if (admin && admin->latest)
        admin->latest(controller->admin, &latest);
}

static void take_socket(struct messages *messages, const struct messages_event *event)
{
    struct controller *controller = messages->owner;
    const struct process_admin *admin = controller->program->admin;
    const struct wire_socket *wire = event->data;
    const struct process_socket socket = {
        .listen = &wire->listen,
        .slot = wire->slot,
        .number = wire->number,
        .num_left = wire->num_left,
    };
    if (!admin || !admin->socket)
        return;
    int fd = event->num_fds ? event->fds[0] : -1;
    if (fd >= 0)
        event->fds[0] = -1;
    admin->socket(controller->admin, wire->id, &socket, fd);
}

static void take_placed(struct messages *messages, const struct messages_event *event)
{
    struct controller *controller = messages->owner;
    const struct process_admin *admin = controller->program->admin;
    const struct wire_placed *wire = event->data;
    struct process_placed placed = { .index = wire->index, .error = wire->error };
    placed.is_open = wire->state == WIRE_PLACE_OPEN;
    placed.is_closed = wire->state == WIRE_PLACE_CLOSED;
    placed.has_failed = wire->state == WIRE_PLACE_FAILED;
    if (admin && admin->placed && memchr(wire->error, 0, sizeof(wire->error)))
        admin->placed(controller->admin, wire->id, &placed);
}

static const struct messages_kind kinds[] = {
    { .type = WIRE_LISTEN,
      .min_len = sizeof(struct wire_listen),
      .max_len = sizeof(struct wire_listen),
      .num_fds = 1,
      .take = take_listen },
    { .type = WIRE_START, .take = take_start },
    { .type = WIRE_ACTIVE, .take = take_active },
    { .type = WIRE_SOFT_STOP, .take = take_soft_stop },
    { .type = WIRE_RELOADED,
      .min_len = sizeof(struct wire_reloaded),
      .max_len = sizeof(struct wire_reloaded),
      .take = take_reloaded },
    { .type = WIRE_LATEST,
      .min_len = offsetof(struct wire_latest, text),
      .max_len = sizeof(struct wire_latest),
      .take = take_latest },
    { .type = WIRE_SOCKET,
      .min_len = sizeof(struct wire_socket),
      .max_len = sizeof(struct wire_socket),
      .num_fds = 1,
      .fds_optional = true,
      .take = take_socket },
    { .type = WIRE_PLACED,
      .min_len = sizeof(struct wire_placed),
      .max_len = sizeof(struct wire_placed),
      .take = take_placed },
};

bool controller_place(struct controller *controller, uint64_t id, uint32_t index, bool open)
{
    struct wire_place place = { .id = id, .index = index, .open = open };
    return messages_send(&controller->master, WIRE_PLACE, &place, sizeof(place), NULL, 0);
}

bool controller_sockets(struct controller *controller, uint64_t id)
{
    struct wire_sockets sockets = { .id = id };
    return messages_send(&controller->master, WIRE_SOCKETS, &sockets, sizeof(sockets), NULL, 0);
}

bool controller_reload(struct controller *controller, uint64_t id, bool hard)
{
    struct wire_reload reload = { .id = id, .hard = hard };
    return messages_send(&controller->master, WIRE_RELOAD, &reload, sizeof(reload), NULL, 0);
}

// While the keeper lives it says when to end (SIGTERM): workers may still finish what is open, and log it.
static void master_lost(struct messages *messages)
{
    struct controller *controller = messages->owner;
    event_timer_set(&controller->loop, &controller->orphan_timer, controller->loop.now_us + 1);
}

static void orphan_check(struct event_timer *timer)
{
    struct controller *controller = CONTAINER_OF(timer, struct controller, orphan_timer);
    if (getppid() != controller->keeper)
        stop(controller, CONTROLLER_END_US);
    event_timer_set(&controller->loop, timer, controller->loop.now_us + CONTROLLER_ORPHAN_US);
}

static void signals_ready(struct event_source *source, uint32_t events)
{
    (void)events;
    struct controller *controller = CONTAINER_OF(source, struct controller, signals);
    pid_t sender;
    if (os_signals_next(source->fd, &sender) == SIGTERM)
        stop(controller, CONTROLLER_END_US);
}

static void woken(struct event_source *source, uint32_t events)
{
    (void)events;
    struct controller *controller = CONTAINER_OF(source, struct controller, wake);
    (void)table_changes_apply();
    const struct process_admin *admin = controller->program->admin;
    if (admin && admin->woken)
        admin->woken(controller->admin);
}

static void turn(struct event_loop *loop)
{
    struct controller *controller = loop->owner;
    seat_beat(controller->board, controller->inc, loop->now_us);
    seat_changes(&controller->changes, loop->now_us);
    board_payloads_sweep(controller->board);
    rights_denials_tell(controller_name);
    if (controller->stopping)
        finish_if_idle(controller);
}

static bool prepare(struct controller *controller, int take_line)
{
    static const int stop_signals[] = { SIGTERM };
    list_init(&controller->sockets);
    table_changes_enter(controller->board, controller->inc);
    if (!event_loop_init(&controller->loop))
        return false;
    controller->loop.owner = controller;
    controller->loop.before_wait = turn;
    controller->loop.max_sleep_us = SEAT_MAX_SLEEP_US;
    controller->wake = (struct event_source){ .fd = board_incarnation_at(controller->board, controller->inc)->wake_fd,
                                              .ready = woken };
    controller->signals =
        (struct event_source){ .fd = os_signals_open(stop_signals, NUM_ITEMS(stop_signals)), .ready = signals_ready };
    event_timer_init(&controller->drain_timer, drain);
    event_timer_init(&controller->orphan_timer, orphan_check);
    event_timer_init(&controller->leave_timer, leave_due);
    messages_init(&controller->master, "the master", kinds, NUM_ITEMS(kinds), controller, master_lost, take_line);
    const struct process_admin *admin = controller->program->admin;
    if (admin && admin->start) {
        controller->admin = admin->start(controller);
        if (!controller->admin)
            return false;
    }
    return controller->signals.fd >= 0 && event_source_add(&controller->loop, &controller->wake, EPOLLIN) &&
           event_source_add(&controller->loop, &controller->signals, EPOLLIN) &&
           messages_attach(&controller->master, &controller->loop);
}

_Noreturn void controller_run(struct controller *controller, int take_line, pid_t keeper)
{
    os_title_set("fairlead: controller gen %u", controller->generation);
    controller->keeper = keeper;
    last_words_enter(controller->board, controller->inc, NULL, NULL);
    if (!prepare(controller, take_line)) {
        log_say(LOG_LEVEL_ALERT, "the controller cannot start");
        _exit(1);
    }
    if (controller->sinks)
        (void)log_drain_open(controller->sinks, true);
    rights_confine(controller->settings, OS_SANDBOX_CONTROLLER, true);
    event_loop_run(&controller->loop);
    _exit(0);
}
