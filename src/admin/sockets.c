// SPDX-License-Identifier: Apache-2.0
// `_getsocks`: the listening sockets go to a program that takes over (-x). The name is HAProxy's, the form is ours.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include "admin/session.h"
#include "os/handover.h"

// Sockets on their way through one connection.
struct admin_giving {
    struct event_source source; // on a duplicate of the session's descriptor
    struct admin_session *session;
    uint64_t id;
    uint32_t num;
    uint32_t num_sent;
    bool head_sent;
    struct item {
        struct os_handover_record record;
        int fd;
    } * items;
};

void admin_giving_free(struct admin_giving *giving)
{
    if (!giving)
        return;
    for (uint32_t i = 0; i < giving->num; i++)
        close(giving->items[i].fd);
    if (giving->source.fd >= 0) {
        event_source_del(giving->session->admin->start.loop, &giving->source);
        close(giving->source.fd);
    }
    free(giving->items);
    free(giving);
}

static void end(struct admin_giving *giving, const char *why)
{
    struct admin_session *session = giving->session;
    session->giving = NULL;
    admin_giving_free(giving);
    session->quit = true;
    if (why)
        text_printf(&session->out, "%s\n", why);
    admin_session_answer_end(session);
}

static enum io send_all(struct admin_giving *giving)
{
    enum io io = giving->head_sent ? IO_OK : os_handover_head_send(giving->source.fd, giving->num);
    giving->head_sent = io == IO_OK;
    while (io == IO_OK && giving->num_sent < giving->num) {
        const struct item *item = &giving->items[giving->num_sent];
        io = os_handover_send(giving->source.fd, &item->record, item->fd);
        giving->num_sent += io == IO_OK;
    }
    return io;
}

static void giving_ready(struct event_source *source, uint32_t events)
{
    struct admin_giving *giving = CONTAINER_OF(source, struct admin_giving, source);
    // A peer that has gone would never make room.
    bool gone = events & (EPOLLHUP | EPOLLERR);
    if (gone || send_all(giving) != IO_AGAIN)
        end(giving, NULL);
}

static bool begin(struct admin_giving *giving)
{
    giving->source.fd = fcntl(giving->session->conn.source.fd, F_DUPFD_CLOEXEC, 0);
    giving->source.ready = giving_ready;
    if (giving->source.fd < 0)
        return false;
    if (event_source_add(giving->session->admin->start.loop, &giving->source, EPOLLOUT))
        return true;
    close(giving->source.fd);
    giving->source.fd = -1;
    return false;
}

static struct admin_giving *giving_find(struct admin *admin, uint64_t id)
{
    struct admin_giving *found = NULL;
    LIST_EACH(session, &admin->sessions, struct admin_session, link)
    {
        if (session->giving && session->giving->id == id)
            found = session->giving;
    }
    return found;
}

void admin_socket(struct admin *admin, uint64_t id, const struct admin_socket *socket, int take_fd)
{
    struct admin_giving *giving = giving_find(admin, id);
    if (giving && take_fd >= 0) {
        struct item *grown = realloc(giving->items, (giving->num + 1) * sizeof(*grown));
        if (grown) {
            giving->items = grown;
            grown[giving->num++] =
                (struct item){ .record = { .listen = *socket->listen, .slot = socket->slot, .number = socket->number },
                               .fd = take_fd };
            take_fd = -1;
        }
    }
    if (take_fd >= 0)
        close(take_fd);
    if (!giving || socket->num_left)
        return;
    if (!giving->num)
        end(giving, "There are no listening sockets to give.");
    else if (!begin(giving))
        end(giving, "The listening sockets cannot be sent.");
}

static enum admin_verdict run_getsocks(struct admin_call *call)
{
    struct admin *admin = call->admin;
    const struct admin_ops *ops = admin->start.ops;
    if (!call->session->socket->exposes)
        return admin_refuse(call,
                            "This socket gives no listening sockets away: its line lacks 'expose-fd listeners'.\n");
    if (call->session->conn.tls)
        return admin_refuse(call, "Descriptors do not travel over TLS.\n");
    struct admin_giving *giving = calloc(1, sizeof(*giving));
    if (giving) {
        giving->session = call->session;
        giving->id = ++admin->last_giving;
        giving->source.fd = -1;
        call->session->giving = giving;
        call->session->is_silent = true;
        if (ops && ops->sockets && ops->sockets(admin->start.owner, giving->id))
            return ADMIN_LATER;
        call->session->giving = NULL;
        call->session->is_silent = false;
        free(giving);
    }
    return admin_refuse(call, "The master cannot be asked.\n");
}

static const struct admin_command commands[] = {
    { .name = "_getsocks",
      .is_hidden = true,
      .level = ADMIN_LEVEL_ADMIN,
      .where = ADMIN_ON_SERVICE,
      .help = "hand the listening sockets to a program that takes over (see -x)",
      .run = run_getsocks },
};
ADMIN_COMMANDS(commands);
