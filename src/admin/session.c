// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "admin/inquire.h"
#include "admin/session.h"
#include "transport/tls.h"

enum {
    SESSION_TIMEOUT_US = 10000000,
    SESSION_LEAVE_US = 2000000, // without progress, in a process that leaves
    SESSION_TURN_ROUNDS = 8,
    SESSION_READ = 16 * 1024,
    SESSION_SEND = 64 * 1024, // TLS seals all that it is given, whether the peer takes it or not
};

static void session_ready(struct transport_conn *conn);
static void session_timeout(struct event_timer *timer);
static void session_task(struct event_task *task);
static void session_wake(struct event_timer *timer);

void admin_session_touch(struct admin_session *session)
{
    const struct admin_start *start = &session->admin->start;
    uint64_t limit = start->conf->global.stats_timeout ? start->conf->global.stats_timeout : SESSION_TIMEOUT_US;
    if (session->admin->is_leaving)
        limit = SESSION_LEAVE_US;
    else if (session->timeout_us)
        limit = session->timeout_us;
    else if (session->is_master)
        limit = 0; // as for HAProxy: a reload takes as long as it takes
    event_timer_set(start->loop, &session->timer, limit ? start->loop->now_us + limit : 0);
}

bool admin_session_new(struct admin *admin, int take_fd, const struct stats_socket_conf *socket, bool is_master)
{
    struct admin_session *session = calloc(1, sizeof(*session));
    int on = 1;
    if (!session || !transport_conn_init(admin->start.loop, &session->conn, take_fd, session_ready)) {
        free(session);
        close(take_fd);
        return false;
    }
    unsigned user_timeout_ms = (unsigned)(socket->bind.user_timeout_us / 1000);
    // Pieces of an answer are small; for other families this fails and nothing is lost.
    setsockopt(take_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (user_timeout_ms)
        setsockopt(take_fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms, sizeof(user_timeout_ms));
    session->admin = admin;
    session->socket = socket;
    session->level = socket->level;
    session->severity = socket->severity;
    session->is_master = is_master;
    session->mode = is_master ? ADMIN_MODE_INTERACTIVE : ADMIN_MODE_ONCE;
    session->stage = socket->bind.accept_proxy ? ADMIN_STAGE_PROXY
                     : socket->bind.tls_bind   ? ADMIN_STAGE_TLS
                                               : ADMIN_STAGE_TALK;
    text_init(&session->in);
    text_init(&session->out);
    text_init(&session->payload);
    // Private keys come and go this way.
    session->in.wipes = session->out.wipes = session->payload.wipes = true;
    event_timer_init(&session->timer, session_timeout);
    event_timer_init(&session->wake, session_wake);
    event_task_init(&session->task, session_task);
    admin_stage_origin(session);
    list_append(&admin->sessions, &session->link);
    *(is_master ? &admin->num_master_sessions : &admin->num_sessions) += 1;
    admin_session_touch(session);
    return true;
}

void admin_session_forget(char **text)
{
    if (*text)
        explicit_bzero(*text, malloc_usable_size(*text));
    free(*text);
    *text = NULL;
}

void admin_session_free(struct admin_session *session)
{
    struct admin *admin = session->admin;
    bool is_master = session->is_master;
    // What was done without anybody there to hear of it was done.
    if (session->is_answering && (session->changed_us || session->is_late))
        admin_change_note(session);
    admin_giving_free(session->giving);
    event_timer_del(admin->start.loop, &session->timer);
    event_timer_del(admin->start.loop, &session->wake);
    event_task_cancel(&session->task);
    transport_conn_close(admin->start.loop, &session->conn, false);
    list_remove(&session->link);
    text_fini(&session->in);
    text_fini(&session->out);
    text_fini(&session->payload);
    if (session->is_answering)
        admin_inquire_end(&session->call);
    admin_call_end(&session->call);
    admin_session_forget(&session->words_text);
    admin_session_forget(&session->line);
    free(session);
    *(is_master ? &admin->num_master_sessions : &admin->num_sessions) -= 1;
    admin_session_left(admin, is_master);
}

static void session_timeout(struct event_timer *timer)
{
    struct admin_session *session = CONTAINER_OF(timer, struct admin_session, timer);
    if (session->is_late || session->is_waiting)
        admin_session_touch(session);
    else
        admin_session_free(session);
}

bool admin_session_send(struct admin_session *session)
{
    enum io io = IO_OK;
    while (session->stage == ADMIN_STAGE_TALK && session->out.len && io == IO_OK) {
        size_t len = session->out.len < SESSION_SEND ? session->out.len : SESSION_SEND;
        size_t sent;
        io = transport_conn_send(&session->conn, &sent, session->out.ptr, len);
        text_consume(&session->out, sent);
    }
    // What TLS holds leaves at later events: bytes on the wire are what counts.
    if (session->wire_sent != session->conn.wire_sent)
        admin_session_touch(session);
    session->wire_sent = session->conn.wire_sent;
    session->is_full = io == IO_AGAIN || session->conn.held;
    return io != IO_FAIL && !session->conn.failed && !session->conn.send_failed && !session->out.failed;
}

// The last byte of what was asked stays with the kernel until that is answered: where this process ends before, however
// it does, the kernel then resets the connection, and no cut answer looks like a whole one. TLS says so by itself.
void admin_session_unhold(struct admin_session *session)
{
    char byte;
    size_t len;
    if (session->is_holding)
        transport_conn_recv(&session->conn, &len, &byte, 1);
    session->is_holding = false;
}

// What was asked for is read only once what was answered has left: a peer that does not read is not read either.
static enum io session_read(struct admin_session *session)
{
    char data[SESSION_READ];
    size_t len = 0;
    admin_session_unhold(session);
    ssize_t num = -1;
    if (!session->conn.tls && session->conn.can_read)
        num = recv(session->conn.source.fd, data, sizeof(data), MSG_PEEK | MSG_DONTWAIT);
    char last = num > 0 ? data[num - 1] : '\0';
    session->is_holding = num > 0;
    enum io io =
        num == 1 ? IO_OK : transport_conn_recv(&session->conn, &len, data, num > 1 ? (size_t)num - 1 : sizeof(data));
    if (io != IO_OK)
        return io;
    if (num > 0)
        data[len++] = last;
    // A line has as long to end as there is silence permitted before it: places are few.
    if (!session->in.len || session->is_collecting || memchr(data, '\n', len))
        admin_session_touch(session);
    text_add(&session->in, data, len);
    explicit_bzero(data, len);
    return session->in.failed ? IO_FAIL : IO_OK;
}

static void session_close(struct admin_session *session)
{
    // Bytes nobody read would turn the close into a reset, which could cost the peer the end of the answer.
    char waste[4096];
    transport_conn_shutdown(&session->conn);
    for (int i = 0; i < 16 && recv(session->conn.source.fd, waste, sizeof(waste), MSG_DONTWAIT) > 0; i++)
        continue;
    admin_session_free(session);
}

// One round: answer, send, read. False where the session waits for its peer, for its command, or is over.
static bool session_round(struct admin_session *session)
{
    enum io io = session->stage == ADMIN_STAGE_TALK ? IO_OK : admin_stage_run(session);
    if (io == IO_AGAIN)
        return false;
    if (io != IO_OK) {
        admin_session_free(session);
        return false;
    }
    admin_dialog_answer(session);
    if (!admin_session_send(session)) {
        admin_session_free(session);
        return false;
    }
    if (session->out.len || session->conn.held)
        return !session->is_full;
    if (session->quit) {
        session_close(session);
        return false;
    }
    if (session->is_late || session->is_waiting)
        return false;
    if (admin_dialog_has_more(session))
        return true;
    switch (session_read(session)) {
    case IO_OK:
        return true;
    case IO_AGAIN:
        // Lines that came together are answered together. Who was never asked anything waits for its line: an answer
        // is what the peer connected for.
        if (admin_dialog_is_over(session))
            session_close(session);
        return false;
    case IO_EOF:
        // A line without its end may be cut: it is not obeyed.
        session_close(session);
        return false;
    default:
        admin_session_free(session);
        return false;
    }
}

static void session_run(struct admin_session *session)
{
    for (int i = 0; i < SESSION_TURN_ROUNDS; i++)
        if (!session_round(session))
            return;
    // Others get their turn: a large answer goes on in the next one.
    event_task_wake(session->admin->start.loop, &session->task);
}

static void session_task(struct event_task *task)
{
    session_run(CONTAINER_OF(task, struct admin_session, task));
}

// Nobody is left to hear what comes later. An end of what the peer sends says less.
static bool is_gone(const struct admin_session *session)
{
    struct pollfd fd = { .fd = session->conn.source.fd };
    return session->conn.near_end && poll(&fd, 1, 0) > 0 && (fd.revents & (POLLHUP | POLLERR));
}

static void session_ready(struct transport_conn *conn)
{
    struct admin_session *session = CONTAINER_OF(conn, struct admin_session, conn);
    if ((session->is_late || session->is_waiting) && is_gone(session))
        admin_session_free(session);
    else
        session_run(session);
}

void admin_session_wake(struct admin_session *session)
{
    if (!session->is_waiting)
        return;
    session->is_waiting = false;
    event_timer_set(session->admin->start.loop, &session->wake, 0);
    event_task_wake(session->admin->start.loop, &session->task);
}

static void session_wake(struct event_timer *timer)
{
    admin_session_wake(CONTAINER_OF(timer, struct admin_session, wake));
}

void admin_session_answer_end(struct admin_session *session)
{
    must(session->is_late);
    session->is_late = false;
    admin_dialog_end(session);
    admin_session_touch(session);
    session_run(session);
}

void admin_session_leave(struct admin_session *session)
{
    // What has arrived was asked before, even where no event told of it yet.
    if (session->stage == ADMIN_STAGE_TALK && !session->conn.read_closed && !session->conn.failed)
        session->conn.can_read = true;
    admin_session_touch(session);
    session_run(session);
}
