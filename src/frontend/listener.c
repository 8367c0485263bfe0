// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "frontend/session.h"

enum {
    LISTENER_RETRY_US = 20000, // a paused listener looks again: another worker may have made room
};

static bool add_source(struct frontend_listener *listener)
{
    struct event_loop *loop = listener->owner->loop;
    // Shared sockets wake every worker, so each edge is served to the end; a slot's own socket is level-triggered, which
    // saves the accept that only finds the queue empty.
    return listener->is_shared ? event_source_add(loop, &listener->source, EPOLLIN)
                               : event_source_add_level(loop, &listener->source, EPOLLIN);
}

static void listener_pause(struct frontend_listener *listener)
{
    struct frontends *frontends = listener->owner;
    if (!listener->is_paused) {
        event_source_del(frontends->loop, &listener->source);
        listener->is_paused = true;
    }
    if (!frontends->resume.due_us)
        event_timer_set(frontends->loop, &frontends->resume, frontends->loop->now_us + LISTENER_RETRY_US);
}

// Limits of connections: of the whole service (global maxconn), of the frontend, of the bind line.
static bool take_place(struct frontends *frontends, const struct bind_conf *bind)
{
    const struct proxy_conf *conf = bind->proxy;
    struct board *board = frontends->board;
    if (!board_lane_acquire(board, frontends->program->object, frontends->inc, frontends->program->global.maxconn))
        return false;
    if (!board_lane_acquire(board, conf->fe_object, frontends->inc, conf->fe.maxconn)) {
        board_lane_release(board, frontends->program->object, frontends->inc);
        return false;
    }
    if (!board_lane_acquire(board, bind->object, frontends->inc, bind->maxconn)) {
        board_lane_release(board, conf->fe_object, frontends->inc);
        board_lane_release(board, frontends->program->object, frontends->inc);
        return false;
    }
    return true;
}

static void give_place(struct frontends *frontends, const struct bind_conf *bind)
{
    board_lane_release(frontends->board, bind->object, frontends->inc);
    board_lane_release(frontends->board, bind->proxy->fe_object, frontends->inc);
    board_lane_release(frontends->board, frontends->program->object, frontends->inc);
}

void frontend_place_free(struct frontends *frontends, const struct bind_conf *bind)
{
    give_place(frontends, bind);
    if (frontends->resume.due_us)
        event_timer_set(frontends->loop, &frontends->resume, frontends->loop->now_us);
}

// False: stop for now.
static bool accept_one(struct frontend_listener *listener)
{
    struct frontends *frontends = listener->owner;
    struct sockaddr_storage peer;
    socklen_t len = sizeof(peer);
    if (!take_place(frontends, listener->bind)) {
        listener_pause(listener);
        return false;
    }
    int fd = accept4(listener->source.fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        if (!frontend_session_new(frontends, listener->bind, fd, &peer, len)) {
            close(fd);
            give_place(frontends, listener->bind);
        }
        return true;
    }
    int error = errno;
    give_place(frontends, listener->bind);
    if (error == ECONNABORTED || error == EINTR)
        return true;
    // Out of descriptors or memory: waiting is all that helps, and spinning on a readable socket would not.
    if (error != EAGAIN)
        listener_pause(listener);
    return false;
}

static void listener_ready(struct event_source *source, uint32_t events)
{
    struct frontend_listener *listener = CONTAINER_OF(source, struct frontend_listener, source);
    uint32_t most = listener->owner->program->global.maxaccept;
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
