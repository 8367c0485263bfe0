// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "board/board.h"
#include "board/inquiry.h"
#include "log/log.h"
#include "os/identity.h"
#include "os/quiet.h"
#include "os/service.h"
#include "process/last_words.h"
#include "process/limits.h"
#include "process/rights.h"
#include "process/seat.h"
#include "process/worker.h"
#include "table/change.h"

enum {
    WORKER_ORPHAN_US = 500000,
    WORKER_QUIET_US = 300000, // for connections under way, before sockets that nobody steers away from are left
};

static const struct process_traffic *traffic_of(const struct worker *worker)
{
    return worker->program->traffic;
}

static void socket_leave(struct worker *worker, struct seat_socket *socket)
{
    traffic_of(worker)->unlisten(worker->traffic, socket->index, socket->fd);
    seat_socket_close(socket);
}

static void sockets_leave(struct worker *worker)
{
    LIST_EACH(socket, &worker->sockets, struct seat_socket, link)
    socket_leave(worker, socket);
}

static void soft_stop(struct worker *worker)
{
    if (worker->stopping)
        return;
    worker->stopping = true;
    LIST_EACH(socket, &worker->sockets, struct seat_socket, link)
    {
        if (!socket->is_kept)
            socket_leave(worker, socket);
    }
    // The master reads it: no connection comes to this generation any more.
    atomic_store(&board_incarnation_at(worker->board, worker->inc)->ready, 2);
    traffic_of(worker)->soft_stop(worker->traffic);
}

// Where nobody steers new connections away, they are kept out at the sockets, until those that are half made are ours.
static void leave_quietly(struct worker *worker)
{
    if (worker->stopping && list_is_empty(&worker->sockets))
        return;
    LIST_EACH(socket, &worker->sockets, struct seat_socket, link)
    os_listen_quiet(socket->fd);
    event_timer_set(&worker->loop, &worker->quiet_timer, worker->loop.now_us + WORKER_QUIET_US);
}

static void quiet_over(struct event_timer *timer)
{
    struct worker *worker = CONTAINER_OF(timer, struct worker, quiet_timer);
    soft_stop(worker);
    sockets_leave(worker);
}

// Whoever ends it now, the log tells what that cost.
static void signals_ready(struct event_source *source, uint32_t events)
{
    (void)events;
    struct worker *worker = CONTAINER_OF(source, struct worker, signals);
    pid_t sender;
    int sig = os_signals_next(source->fd, &sender);
    // The master says it in a message; this is for a keeper without one.
    if (sig == SIGUSR1 && worker->master.ended)
        leave_quietly(worker);
    if (sig != SIGTERM)
        return;
    if (traffic_of(worker)->hard_stop)
        traffic_of(worker)->hard_stop(worker->traffic);
    _exit(128 + SIGTERM);
}

static void take_listen(struct messages *messages, const struct messages_event *event)
{
    struct worker *worker = messages->owner;
    // Who stops helps out only where it stays itself.
    bool wanted = !worker->stopping || !list_is_empty(&worker->sockets);
    struct seat_socket *socket = wanted ? seat_socket_add(&worker->sockets, event->data, event->fds[0]) : NULL;
    if (!socket)
        return;
    event->fds[0] = -1;
    socket->is_kept = worker->stopping;
    if (!traffic_of(worker)->listen(worker->traffic, socket->index, socket->fd)) {
        log_say(LOG_LEVEL_ALERT, "worker %u cannot accept on socket %u", worker->slot + 1, socket->index);
        _exit(1);
    }
}

static void take_unlisten(struct messages *messages, const struct messages_event *event)
{
    struct worker *worker = messages->owner;
    struct seat_socket *socket = seat_socket_find(&worker->sockets, event->data);
    if (socket)
        socket_leave(worker, socket);
    messages_send(messages, WIRE_LEFT, NULL, 0, NULL, 0);
}

static void take_keep(struct messages *messages, const struct messages_event *event)
{
    struct worker *worker = messages->owner;
    const struct wire_listen *keep = event->data;
    LIST_EACH(socket, &worker->sockets, struct seat_socket, link)
    {
        socket->is_kept |= socket->index == keep->index;
    }
}

static void take_start(struct messages *messages, const struct messages_event *event)
{
    (void)event;
    struct worker *worker = messages->owner;
    worker->started = true;
    seat_beat(worker->board, worker->inc, worker->loop.now_us);
    atomic_store(&board_incarnation_at(worker->board, worker->inc)->ready, 1);
    messages_send(messages, WIRE_READY, NULL, 0, NULL, 0);
}

static void take_soft_stop(struct messages *messages, const struct messages_event *event)
{
    (void)event;
    soft_stop(messages->owner);
}

static const struct messages_kind kinds[] = {
    { .type = WIRE_LISTEN,
      .min_len = sizeof(struct wire_listen),
      .max_len = sizeof(struct wire_listen),
      .num_fds = 1,
      .take = take_listen },
    { .type = WIRE_UNLISTEN,
      .min_len = sizeof(struct wire_listen),
      .max_len = sizeof(struct wire_listen),
      .take = take_unlisten },
    { .type = WIRE_KEEP,
      .min_len = sizeof(struct wire_listen),
      .max_len = sizeof(struct wire_listen),
      .take = take_keep },
    { .type = WIRE_START, .take = take_start },
    { .type = WIRE_SOFT_STOP, .take = take_soft_stop },
};

// Nobody steers connections here any more, but what is open is served to its end; and, where the configuration says so,
// what still comes.
static void master_lost(struct messages *messages)
{
    struct worker *worker = messages->owner;
    if (worker->stopping)
        sockets_leave(worker);
    else if (!worker->settings->go_on_alone)
        leave_quietly(worker);
    event_timer_set(&worker->loop, &worker->orphan_timer, worker->loop.now_us + 1);
}

// Without a keeper nobody would end it: it may finish what is open, for as long as hard-stop-after says.
static void orphan_check(struct event_timer *timer)
{
    struct worker *worker = CONTAINER_OF(timer, struct worker, orphan_timer);
    uint64_t now_us = worker->loop.now_us;
    if (getppid() == worker->keeper) {
        event_timer_set(&worker->loop, timer, now_us + WORKER_ORPHAN_US);
    } else if (!worker->orphaned) {
        worker->orphaned = true;
        leave_quietly(worker);
        if (worker->settings->hard_stop_us)
            event_timer_set(&worker->loop, timer, now_us + worker->settings->hard_stop_us);
    } else {
        _exit(1);
    }
}

static void woken(struct event_source *source, uint32_t events)
{
    (void)events;
    struct worker *worker = CONTAINER_OF(source, struct worker, wake);
    (void)table_changes_apply();
    if (traffic_of(worker)->woken)
        traffic_of(worker)->woken(worker->traffic);
}

static void turn(struct event_loop *loop)
{
    struct worker *worker = loop->owner;
    const struct process_traffic *traffic = traffic_of(worker);
    seat_beat(worker->board, worker->inc, loop->now_us);
    seat_changes(&worker->changes, loop->now_us);
    rights_denials_tell(worker->name);
    if (board_queue_awake(worker->board, worker->inc) && traffic->awake)
        traffic->awake(worker->traffic);
    if (traffic->turn)
        traffic->turn(worker->traffic);
    board_inquiries_run(worker->board, worker->inc, worker->traffic);
    if (traffic->open_sessions)
        atomic_store_explicit(&board_incarnation_at(worker->board, worker->inc)->sessions,
                              traffic->open_sessions(worker->traffic), memory_order_relaxed);
    if (worker->stopping && list_is_empty(&worker->sockets) && traffic->is_idle(worker->traffic))
        loop->stop = true;
}

static bool prepare(struct worker *worker, int take_line)
{
    static const int stop_signals[] = { SIGTERM, SIGUSR1 };
    list_init(&worker->sockets);
    table_changes_enter(worker->board, worker->inc);
    if (!event_loop_init(&worker->loop))
        return false;
    worker->loop.owner = worker;
    worker->loop.max_sleep_us = SEAT_MAX_SLEEP_US;
    worker->wake =
        (struct event_source){ .fd = board_incarnation_at(worker->board, worker->inc)->wake_fd, .ready = woken };
    worker->signals =
        (struct event_source){ .fd = os_signals_open(stop_signals, NUM_ITEMS(stop_signals)), .ready = signals_ready };
    event_timer_init(&worker->orphan_timer, orphan_check);
    event_timer_init(&worker->quiet_timer, quiet_over);
    messages_init(&worker->master, "the master", kinds, NUM_ITEMS(kinds), worker, master_lost, take_line);
    worker->traffic = traffic_of(worker)->start(worker);
    return worker->traffic && worker->signals.fd >= 0 && event_source_add(&worker->loop, &worker->wake, EPOLLIN) &&
           event_source_add(&worker->loop, &worker->signals, EPOLLIN) &&
           messages_attach(&worker->master, &worker->loop);
}

// In a signal handler.
static void describe(const void *owner, char *room, size_t cap)
{
    const struct worker *worker = owner;
    if (worker->traffic && traffic_of(worker)->describe)
        traffic_of(worker)->describe(worker->traffic, room, cap);
}

// In a build with AddressSanitizer, and only there: what the traffic lost is told, although the process ends at once.
__attribute__((weak)) void __lsan_do_leak_check(void);

_Noreturn void worker_run(struct worker *worker, int take_line, pid_t keeper)
{
    os_title_set("fairlead: worker %u gen %u", worker->slot + 1, worker->generation);
    snprintf(worker->name, sizeof(worker->name), "worker %u", worker->slot + 1);
    worker->keeper = keeper;
    last_words_enter(worker->board, worker->inc, describe, worker);
    limits_confine(worker->settings, worker->slot);
    if (!prepare(worker, take_line)) {
        log_say(LOG_LEVEL_ALERT, "worker %u cannot start", worker->slot + 1);
        _exit(1);
    }
    worker->loop.before_wait = turn;
    rights_confine(worker->settings, OS_SANDBOX_WORKER, false);
    event_loop_run(&worker->loop);
    rights_denials_tell(worker->name);
    if (__lsan_do_leak_check)
        __lsan_do_leak_check();
    _exit(0);
}
