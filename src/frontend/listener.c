// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "frontend/session.h"
#include "proxy/live.h"
#include "transport/tls.h"

enum {
    LISTENER_RETRY_US = 20000, // a paused listener looks again: another worker may have made room
    LISTENER_MIN_US = 1000,
    LISTENER_TLS_BURST = 1, // each costs as much as the handshake it begins: others get their turn between
};

static bool add_source(struct frontend_listener *listener)
{
    struct event_loop *loop = listener->owner->loop;
    // Shared sockets wake every worker, so each edge is served to the end; a slot's own socket is level-triggered,
    // which saves the accept that only finds the queue empty.
    return listener->is_shared ? event_source_add(loop, &listener->source, EPOLLIN)
                               : event_source_add_level(loop, &listener->source, EPOLLIN);
}

static void listener_pause(struct frontend_listener *listener, uint64_t retry_us)
{
    struct frontends *frontends = listener->owner;
    if (!listener->is_paused) {
        event_source_del(frontends->loop, &listener->source);
        listener->is_paused = true;
    }
    uint64_t due_us = frontends->loop->now_us + retry_us;
    if (!frontends->resume.due_us || due_us < frontends->resume.due_us)
        event_timer_set(frontends->loop, &frontends->resume, due_us);
}

// Who counts a connection: the whole service (global maxconn), the frontend, the bind line; all that speak TLS. A limit
// of 0 is none.
struct places {
    uint32_t object[4];
    uint32_t limit[4];
    int num;
};

static struct places places_of(const struct frontends *frontends, const struct bind_conf *bind)
{
    const struct program_conf *program = frontends->program;
    const struct proxy_conf *conf = bind->proxy;
    uint32_t maxconn = proxy_live_maxconn(program, conf);
    return (struct places){
        .object = { program->object, conf->fe_object, bind->object, program->tls_object },
        .limit = { proxy_live(program)->maxconn, maxconn == PROXY_LIVE_NO_LIMIT ? 0 : maxconn, bind->maxconn,
                   program->global.tls.max_conn },
        .num = bind->tls_bind ? 4 : 3,
    };
}

static void leave_tried(struct frontends *frontends, const struct places *places, int num)
{
    for (int i = num - 1; i >= 0; i--)
        if (places->limit[i])
            board_lane_leave_tried(frontends->board, places->object[i], frontends->inc);
}

// Places that are limited are kept before accept: a connection that has none stays in the kernel's queue.
static bool try_places(struct frontends *frontends, const struct places *places)
{
    for (int i = 0; i < places->num; i++) {
        if (!places->limit[i] || board_lane_try(frontends->board, places->object[i], frontends->inc, places->limit[i]))
            continue;
        leave_tried(frontends, places, i);
        return false;
    }
    return true;
}

// There is a connection, and it counts: an accept that finds none is not seen as a session.
static void take_places(struct frontends *frontends, const struct places *places)
{
    for (int i = 0; i < places->num; i++)
        if (places->limit[i])
            board_lane_take_tried(frontends->board, places->object[i], frontends->inc);
        else
            board_lane_acquire(frontends->board, places->object[i], frontends->inc, 0);
}

static void give_places(struct frontends *frontends, const struct places *places)
{
    for (int i = places->num - 1; i >= 0; i--)
        board_lane_release(frontends->board, places->object[i], frontends->inc);
}

void frontend_place_free(struct frontends *frontends, const struct bind_conf *bind)
{
    struct places places = places_of(frontends, bind);
    give_places(frontends, &places);
    if (frontends->resume.due_us)
        event_timer_set(frontends->loop, &frontends->resume, frontends->loop->now_us);
}

static bool is_over(struct board *board, uint32_t object, unsigned gauge, uint64_t now_us, uint32_t limit)
{
    return limit && board_rate_read(&board_gauges(board, object)[gauge], now_us) >= limit;
}

// 0: within the limits; else how long until the next connection may have its turn.
static uint64_t over_rate_us(const struct frontends *frontends, const struct bind_conf *bind)
{
    const struct proxy_conf *conf = bind->proxy;
    const struct program_conf *program = frontends->program;
    const struct proxy_live *live = proxy_live(program);
    struct board *board = frontends->board;
    uint32_t max_tls = bind->tls_bind ? live->tls_rate : 0;
    uint64_t now_us = frontends->loop->now_us;
    // A command may say that the frontend takes none at all.
    if (is_over(board, conf->fe_object, PROXY_GAUGE_ADMIT_RATE, now_us, conf->fe.rate_limit) ||
        is_over(board, program->object, PROXY_GAUGE_SESSION_RATE, now_us, live->sess_rate) ||
        is_over(board, program->object, PROXY_GAUGE_CONN_RATE, now_us, live->conn_rate) ||
        !proxy_live_maxconn(program, conf))
        return LISTENER_RETRY_US;
    if (!is_over(board, program->tls_object, TRANSPORT_TLS_GAUGE_RATE, now_us, max_tls))
        return 0;
    // One at a time: several handshakes in a row would hold up those who are served.
    uint64_t step_us = 1000000 / max_tls;
    return step_us > LISTENER_RETRY_US ? LISTENER_RETRY_US : step_us < LISTENER_MIN_US ? LISTENER_MIN_US : step_us;
}

// False: stop for now.
static bool accept_one(struct frontend_listener *listener)
{
    struct frontends *frontends = listener->owner;
    struct sockaddr_storage peer;
    socklen_t len = sizeof(peer);
    struct places places = places_of(frontends, listener->bind);
    uint64_t wait_us = over_rate_us(frontends, listener->bind);
    if (wait_us) {
        listener_pause(listener, wait_us);
        return false;
    }
    bool out_of_files = frontends->num_sessions >= frontends->max_sessions;
    if (out_of_files || !try_places(frontends, &places)) {
        if (out_of_files && frontends->max_sessions < frontends->program->global.maxconn)
            frontend_want_tell(frontends, listener->bind, EMFILE);
        listener_pause(listener, LISTENER_RETRY_US);
        return false;
    }
    int fd = accept4(listener->source.fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        take_places(frontends, &places);
        if (!frontend_session_new(frontends, listener->bind, fd, &peer, len)) {
            frontend_want_tell(frontends, listener->bind, ENOMEM);
            close(fd);
            give_places(frontends, &places);
        }
        return true;
    }
    int error = errno;
    leave_tried(frontends, &places, places.num);
    if (error == ECONNABORTED || error == EINTR)
        return true;
    if (error == EAGAIN)
        return false;
    // The master ended the socket, and says soon that it is to be left: until then it would only seem readable.
    bool has_ended = error == EINVAL;
    // Out of descriptors or memory: waiting is all that helps, and spinning on a readable socket would not.
    if (!has_ended) {
        frontend_want_tell(frontends, listener->bind, error);
        backend_pool_make_room(&frontends->backends);
    }
    listener_pause(listener, LISTENER_RETRY_US);
    return false;
}

static void listener_ready(struct event_source *source, uint32_t events)
{
    struct frontend_listener *listener = CONTAINER_OF(source, struct frontend_listener, source);
    uint32_t most = listener->bind->tls_bind ? LISTENER_TLS_BURST : listener->owner->program->global.maxaccept;
    (void)events;
    for (uint32_t i = 0; i < listener->burst; i++) {
        if (!accept_one(listener)) {
            listener->burst = listener->burst > 1 ? listener->burst / 2 : 1;
            return;
        }
    }
    listener->burst = listener->burst < most / 2 ? listener->burst * 2 : most;
    // There will be no second edge for what still waits on a shared socket.
    if (listener->is_shared)
        event_task_wake(listener->owner->loop, &listener->more);
}

static void listener_more(struct event_task *task)
{
    struct frontend_listener *listener = CONTAINER_OF(task, struct frontend_listener, more);
    if (!listener->is_paused)
        listener_ready(&listener->source, EPOLLIN);
}

void frontend_listeners_resume(struct event_timer *timer)
{
    struct frontends *frontends = CONTAINER_OF(timer, struct frontends, resume);
    LIST_EACH(listener, &frontends->listeners, struct frontend_listener, link)
    {
        if (!listener->is_paused)
            continue;
        listener->is_paused = false;
        if (!add_source(listener)) {
            listener->is_paused = true;
            event_timer_set(frontends->loop, timer, frontends->loop->now_us + LISTENER_RETRY_US);
        }
    }
}

bool frontends_listen(struct frontends *frontends, uint32_t bind, int fd)
{
    struct frontend_listener *listener = calloc(1, sizeof(*listener));
    must(bind < frontends->program->num_binds);
    if (!listener)
        return false;
    listener->owner = frontends;
    listener->bind = frontends->program->binds[bind];
    listener->is_shared = !os_listen_is_per_slot(&listener->bind->listen);
    listener->burst = 1;
    listener->source = (struct event_source){ .fd = fd, .ready = listener_ready };
    event_task_init(&listener->more, listener_more);
    if (!add_source(listener)) {
        free(listener);
        return false;
    }
    list_append(&frontends->listeners, &listener->link);
    return true;
}

// Other processes may hold the same socket: it leaves the loop before anybody closes it, or its events would stay.
static void listener_free(struct frontend_listener *listener)
{
    if (!listener->is_paused)
        event_source_del(listener->owner->loop, &listener->source);
    event_task_cancel(&listener->more);
    list_remove(&listener->link);
    free(listener);
}

void frontends_unlisten(struct frontends *frontends, int fd)
{
    LIST_EACH(listener, &frontends->listeners, struct frontend_listener, link)
    {
        if (listener->source.fd != fd)
            continue;
        // What the kernel has already accepted for us would otherwise wait for nobody.
        while (!listener->is_paused && accept_one(listener))
            continue;
        listener_free(listener);
    }
}

void frontend_listeners_free(struct frontends *frontends)
{
    LIST_EACH(listener, &frontends->listeners, struct frontend_listener, link)
    {
        listener_free(listener);
    }
}
