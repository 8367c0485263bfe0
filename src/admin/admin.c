// SPDX-License-Identifier: Apache-2.0
#include <stdatomic.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include "admin/session.h"
#include "admin/stat.h"
#include "base/host.h"
#include "board/board.h"
#include "transport/tls.h"

enum {
    ADMIN_MAX_SESSIONS = 10, // without `stats maxconn`, and through the master's socket
    ADMIN_RETRY_US = 100000,
    ADMIN_LOOK_US = 1000000,
};

static uint32_t max_sessions(const struct admin *admin, bool is_master)
{
    uint32_t max = admin->start.conf->global.stats_maxconn;
    return max && !is_master ? max : ADMIN_MAX_SESSIONS;
}

// The limit of all sockets, or that of this one.
static bool is_full(const struct admin_listener *listener)
{
    struct admin *admin = listener->admin;
    uint32_t max = listener->conf->bind.maxconn;
    uint32_t num = 0;
    bool is_master = listener->is_master;
    if ((is_master ? admin->num_master_sessions : admin->num_sessions) >= max_sessions(admin, is_master))
        return true;
    if (!max)
        return false;
    LIST_EACH(session, &admin->sessions, struct admin_session, link)
    {
        num += session->socket == listener->conf;
    }
    return num >= max;
}

static void listener_pause(struct admin_listener *listener)
{
    if (!listener->is_paused)
        event_source_del(listener->admin->start.loop, &listener->source);
    listener->is_paused = true;
}

static void listener_ready(struct event_source *source, uint32_t events)
{
    (void)events;
    struct admin_listener *listener = CONTAINER_OF(source, struct admin_listener, source);
    struct admin *admin = listener->admin;
    if (is_full(listener)) {
        listener_pause(listener);
        return;
    }
    int fd = admin_accept(admin, source->fd);
    if (fd >= 0) {
        admin_session_new(admin, fd, listener->conf, listener->is_master);
        return;
    }
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
        return;
    listener_pause(listener);
    event_timer_set(admin->start.loop, &admin->resume, admin->start.loop->now_us + ADMIN_RETRY_US);
}

static void listeners_resume(struct event_timer *timer)
{
    struct admin *admin = CONTAINER_OF(timer, struct admin, resume);
    LIST_EACH(listener, &admin->listeners, struct admin_listener, link)
    {
        if (!listener->is_paused || is_full(listener))
            continue;
        listener->is_paused = !event_source_add_level(admin->start.loop, &listener->source, EPOLLIN);
        if (listener->is_paused)
            event_timer_set(admin->start.loop, timer, admin->start.loop->now_us + ADMIN_RETRY_US);
    }
}

void admin_session_left(struct admin *admin, bool is_master)
{
    admin_spare_make(admin);
    LIST_EACH(listener, &admin->listeners, struct admin_listener, link)
    {
        if (listener->is_paused && listener->is_master == is_master)
            event_timer_set(admin->start.loop, &admin->resume, admin->start.loop->now_us);
    }
}

// When the generation began: a controller that was forked again does not start its clocks anew.
uint32_t admin_max_connections(const struct admin *admin)
{
    return admin_stat_max_connections(admin->start.board, admin->start.conf, admin->start.generation);
}

static void look(struct event_timer *timer)
{
    struct admin *admin = CONTAINER_OF(timer, struct admin, look);
    admin_bytes_look(admin);
    event_timer_set(admin->start.loop, timer, admin->start.loop->now_us + ADMIN_LOOK_US);
}

struct admin *admin_new(const struct admin_start *start)
{
    struct admin *admin = calloc(1, sizeof(*admin));
    if (!admin)
        return NULL;
    admin_commands_boot();
    admin->start = *start;
    admin->started_wall_us = admin_stat_generation_started(start->board, start->inc);
    list_init(&admin->listeners);
    list_init(&admin->sessions);
    event_timer_init(&admin->resume, listeners_resume);
    event_timer_init(&admin->look, look);
    look(&admin->look);
    admin->spare_fd = -1;
    admin_spare_make(admin);
    return admin;
}

static void listener_free(struct admin_listener *listener)
{
    listener_pause(listener);
    list_remove(&listener->link);
    free(listener);
}

void admin_leave(struct admin *admin)
{
    if (admin->is_leaving)
        return;
    admin->is_leaving = true;
    LIST_EACH(session, &admin->sessions, struct admin_session, link)
    {
        admin_session_leave(session);
    }
}

void admin_woken(struct admin *admin)
{
    LIST_EACH(session, &admin->sessions, struct admin_session, link)
    {
        admin_session_wake(session);
    }
}

bool admin_is_idle(const struct admin *admin)
{
    return list_is_empty(&admin->sessions);
}

void admin_free(struct admin *admin)
{
    if (!admin)
        return;
    LIST_EACH(listener, &admin->listeners, struct admin_listener, link)
    {
        listener_free(listener);
    }
    LIST_EACH(session, &admin->sessions, struct admin_session, link)
    {
        admin_reload_lost(session);
        admin_session_send(session);
        admin_session_free(session);
    }
    event_timer_del(admin->start.loop, &admin->resume);
    event_timer_del(admin->start.loop, &admin->look);
    admin_spare_free(admin);
    transport_tls_ctx_free(admin->tls);
    text_fini(&admin->latest);
    free(admin);
}

bool admin_listen(struct admin *admin, uint32_t socket, int fd)
{
    struct admin_listener *listener = calloc(1, sizeof(*listener));
    const struct stats_socket_conf *conf = admin->start.conf->global.stats_sockets;
    if (!listener) {
        errno = ENOMEM;
        return false;
    }
    for (uint32_t i = 0; conf && i < socket; i++)
        conf = conf->next;
    must(conf);
    listener->admin = admin;
    listener->is_master = admin_socket_is_master(conf, admin->start.num_master_sockets);
    listener->conf = conf;
    listener->source = (struct event_source){ .fd = fd, .ready = listener_ready };
    if (!event_source_add_level(admin->start.loop, &listener->source, EPOLLIN)) {
        int error = errno;
        free(listener);
        errno = error;
        return false;
    }
    list_append(&admin->listeners, &listener->link);
    return true;
}

void admin_unlisten(struct admin *admin, int fd)
{
    LIST_EACH(listener, &admin->listeners, struct admin_listener, link)
    {
        if (listener->source.fd == fd)
            listener_free(listener);
    }
}
