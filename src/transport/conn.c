// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>
#include "transport/conn.h"
#include "transport/tls_wire.h"

static void conn_ready(struct event_source *source, uint32_t events)
{
    struct transport_conn *conn = CONTAINER_OF(source, struct transport_conn, source);
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI)) {
        conn->near_end = true;
        conn->can_read = true;
        if (events & EPOLLERR)
            conn->has_error = true;
    }
    if (events & EPOLLIN)
        conn->can_read = true;
    if (events & EPOLLOUT)
        conn->can_write = true;
    if (conn->tls)
        transport_tls_event(conn, conn->can_read, events & EPOLLOUT);
    conn->on_ready(conn);
}

void transport_conn_init_later(struct transport_conn *conn, int fd)
{
    *conn = (struct transport_conn){ .source = { .fd = fd, .ready = conn_ready }, .can_write = true };
}

bool transport_conn_register(struct event_loop *loop, struct transport_conn *conn)
{
    if (!conn->registered)
        conn->registered = event_source_add(loop, &conn->source, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI);
    return conn->registered;
}

bool transport_conn_init(struct event_loop *loop, struct transport_conn *conn, int fd,
                         void (*on_ready)(struct transport_conn *conn))
{
    transport_conn_init_later(conn, fd);
    conn->on_ready = on_ready;
    if (transport_conn_register(loop, conn))
        return true;
    conn->source.fd = -1;
    return false;
}

void transport_keepalive(int fd, uint32_t count, uint32_t idle_s, uint32_t interval_s)
{
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    if (count)
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
    if (idle_s)
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
    if (interval_s)
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
}

static bool bind_source(int fd, const struct transport_address *source)
{
    struct sockaddr_storage storage;
    socklen_t len = transport_address_to_sockaddr(source, &storage);
    int on = 1;
    // The port is chosen at connect, when the whole four-tuple is known: otherwise 28,000 ports would be all there are.
    if (!source->port)
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    else
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    return len && bind(fd, (struct sockaddr *)&storage, len) == 0;
}

static bool set_up_socket(int fd, const struct transport_connect *how, const struct transport_address *source)
{
    int on = 1;
    bool is_tcp = how->to->family != AF_UNIX;
    if (is_tcp && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0)
        return false;
    if (is_tcp && how->tcp_keepalive)
        transport_keepalive(fd, how->keepalive_count, how->keepalive_idle_s, how->keepalive_interval_s);
    if (is_tcp && how->user_timeout_ms)
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &how->user_timeout_ms, sizeof(how->user_timeout_ms));
    if (is_tcp && how->fast_open)
        setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on));
    // Marks need a privilege, and are dropped without it, as HAProxy does.
    int tos = how->tos;
    if (how->has_mark)
        setsockopt(fd, SOL_SOCKET, SO_MARK, &how->mark, sizeof(how->mark));
    if (how->has_tos && how->to->family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof(tos));
    else if (how->has_tos)
        setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
    int size = (int)how->rcvbuf;
    if (size)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    size = (int)how->sndbuf;
    if (size)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    if (how->interface &&
        setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, how->interface, (socklen_t)strlen(how->interface) + 1) != 0)
        return false;
    return !source || bind_source(fd, source);
}

static enum io connect_from(struct event_loop *loop, struct transport_conn *conn, const struct transport_connect *how,
                            const struct transport_address *source, void (*on_ready)(struct transport_conn *conn))
{
    struct sockaddr_storage storage;
    socklen_t len = transport_address_to_sockaddr(how->to, &storage);
    conn->source.fd = -1;
    if (!len) {
        errno = EADDRNOTAVAIL;
        return IO_FAIL;
    }
    int fd = socket(how->to->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return IO_FAIL;
    bool connected = false;
    if (set_up_socket(fd, how, source)) {
        connected = connect(fd, (struct sockaddr *)&storage, len) == 0;
        // A unix socket whose backlog is full says EAGAIN at once and no event will ever come: that is a failure.
        if ((connected || errno == EINPROGRESS) && transport_conn_init(loop, conn, fd, on_ready)) {
            conn->connecting = !connected;
            conn->can_write = connected;
            return IO_OK;
        }
    }
    int error = errno;
    close(fd);
    errno = error;
    return IO_FAIL;
}

// The kernel alone knows which ports of the range are free for this very destination, and it is asked by trying. All
// who take from the range take turns, so that the port tried first is the one that was taken longest ago.
enum io transport_conn_connect(struct event_loop *loop, struct transport_conn *conn,
                               const struct transport_connect *how, void (*on_ready)(struct transport_conn *conn))
{
    enum { TRIES_MAX = 1024 };
    enum io io = IO_FAIL;
    if (!how->last_port)
        return connect_from(loop, conn, how, how->source, on_ready);
    struct transport_address source = *how->source;
    uint32_t num = how->last_port - how->source->port + 1u;
    for (uint32_t tries = 0; io != IO_OK && tries < num && tries < TRIES_MAX; tries++) {
        uint64_t turn = atomic_fetch_add_explicit(how->next_port, 1, memory_order_relaxed);
        source.port = (uint16_t)(how->source->port + turn % num);
        io = connect_from(loop, conn, how, &source, on_ready);
        if (io != IO_OK && errno != EADDRINUSE && errno != EADDRNOTAVAIL)
            return io;
    }
    return io;
}

enum io transport_conn_fail(struct transport_conn *conn, int error)
{
    conn->failed = true;
    conn->error = error;
    conn->can_read = conn->can_write = false;
    return IO_FAIL;
}

// Sending failed; reading goes on until it has nothing more.
enum io transport_conn_fail_send(struct transport_conn *conn, int error)
{
    conn->send_failed = true;
    conn->error = error;
    conn->can_write = false;
    conn->can_read = !conn->read_closed;
    return IO_FAIL;
}

// The end of what can be read: an end in order, unless the connection broke while we sent.
enum io transport_conn_end_read(struct transport_conn *conn)
{
    conn->can_read = false;
    if (conn->send_failed)
        return transport_conn_fail(conn, conn->error);
    conn->read_closed = true;
    return IO_EOF;
}

enum io transport_conn_finish_connect(struct transport_conn *conn)
{
    if (!conn->connecting)
        return conn->failed ? IO_FAIL : IO_OK;
    if (!conn->can_write && !conn->near_end)
        return IO_AGAIN;
    int error = 0;
    socklen_t len = sizeof(error);
    // Success needs no question: writable without an error bit means connected.
    if (conn->has_error && (getsockopt(conn->source.fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0)) {
        conn->connecting = false;
        return transport_conn_fail(conn, error ? error : errno);
    }
    if (!conn->can_write)
        return IO_AGAIN;
    conn->connecting = false;
    return IO_OK;
}

enum io transport_conn_recv(struct transport_conn *conn, size_t *len, char *dst, size_t cap)
{
    *len = 0;
    if (conn->failed)
        return IO_FAIL;
    if (conn->read_closed)
        return IO_EOF;
    if (!conn->can_read)
        return IO_AGAIN;
    if (conn->tls)
        return transport_tls_recv(conn, len, dst, cap);
    ssize_t got;
    do
        got = recv(conn->source.fd, dst, cap, 0);
    while (got < 0 && errno == EINTR);
    if (got > 0) {
        *len = (size_t)got;
        if ((size_t)got < cap && !conn->near_end)
            conn->can_read = false;
        return IO_OK;
    }
    if (got == 0)
        return transport_conn_end_read(conn);
    conn->can_read = false;
    return errno == EAGAIN ? IO_AGAIN : transport_conn_fail(conn, errno);
}

enum io transport_conn_send(struct transport_conn *conn, size_t *sent, const char *data, size_t len)
{
    *sent = 0;
    if (conn->failed || conn->send_failed)
        return IO_FAIL;
    if (!conn->can_write)
        return IO_AGAIN;
    if (conn->tls)
        return transport_tls_sendv(conn, sent, &(struct iovec){ (char *)data, len }, 1);
    ssize_t put;
    do
        put = send(conn->source.fd, data, len, MSG_NOSIGNAL);
    while (put < 0 && errno == EINTR);
    if (put < 0 && errno != EAGAIN)
        return transport_conn_fail_send(conn, errno);
    *sent = put > 0 ? (size_t)put : 0;
    conn->wire_sent += *sent;
    if (*sent == len)
        return IO_OK;
    conn->can_write = false;
    return IO_AGAIN;
}

enum io transport_conn_sendv(struct transport_conn *conn, size_t *sent, struct iovec *pieces, int num)
{
    struct msghdr message = { .msg_iov = pieces, .msg_iovlen = (size_t)num };
    size_t len = 0;
    *sent = 0;
    if (conn->failed || conn->send_failed)
        return IO_FAIL;
    if (!conn->can_write)
        return IO_AGAIN;
    if (conn->tls)
        return transport_tls_sendv(conn, sent, pieces, num);
    for (int i = 0; i < num; i++)
        len += pieces[i].iov_len;
    ssize_t put;
    do
        put = sendmsg(conn->source.fd, &message, MSG_NOSIGNAL);
    while (put < 0 && errno == EINTR);
    if (put < 0 && errno != EAGAIN)
        return transport_conn_fail_send(conn, errno);
    *sent = put > 0 ? (size_t)put : 0;
    conn->wire_sent += *sent;
    if (*sent == len)
        return IO_OK;
    conn->can_write = false;
    return IO_AGAIN;
}

enum io transport_conn_splice_in(struct transport_conn *conn, size_t *moved, int pipe_fd, size_t max, size_t pipe_has)
{
    *moved = 0;
    if (conn->failed)
        return IO_FAIL;
    if (conn->read_closed)
        return IO_EOF;
    if (!conn->can_read)
        return IO_AGAIN;
    ssize_t got;
    do
        got = splice(conn->source.fd, NULL, pipe_fd, NULL, max, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    while (got < 0 && errno == EINTR);
    if (got > 0) {
        *moved = (size_t)got;
        return IO_OK;
    }
    if (got == 0)
        return transport_conn_end_read(conn);
    if (errno != EAGAIN)
        return transport_conn_fail(conn, errno);
    // EAGAIN means a drained socket or a full pipe; with bytes in the pipe it cannot be told which, so the socket is
    // asked again once the pipe is empty.
    if (pipe_has)
        return IO_OK;
    conn->can_read = false;
    return IO_AGAIN;
}

static uint64_t spliced; // of this process, which has one thread

uint64_t transport_conn_spliced(void)
{
    return spliced;
}

enum io transport_conn_splice_out(struct transport_conn *conn, size_t *moved, int pipe_fd, size_t max, bool more)
{
    *moved = 0;
    if (conn->failed || conn->send_failed)
        return IO_FAIL;
    if (!conn->can_write)
        return IO_AGAIN;
    ssize_t put;
    do
        put = splice(pipe_fd, NULL, conn->source.fd, NULL, max,
                     SPLICE_F_MOVE | SPLICE_F_NONBLOCK | (more ? SPLICE_F_MORE : 0));
    while (put < 0 && errno == EINTR);
    if (put < 0 && errno != EAGAIN)
        return transport_conn_fail_send(conn, errno);
    *moved = put > 0 ? (size_t)put : 0;
    conn->wire_sent += *moved;
    spliced += *moved;
    if (*moved == max)
        return IO_OK;
    if (put <= 0)
        conn->can_write = false;
    return put > 0 ? IO_OK : IO_AGAIN;
}

void transport_conn_shutdown(struct transport_conn *conn)
{
    if (!transport_conn_is_open(conn) || conn->write_closed || conn->failed)
        return;
    if (conn->tls)
        transport_tls_shutdown(conn);
    else
        shutdown(conn->source.fd, SHUT_WR);
    conn->write_closed = true;
}

void transport_conn_close(struct event_loop *loop, struct transport_conn *conn, bool reset)
{
    if (!transport_conn_is_open(conn))
        return;
    if (conn->tls)
        transport_tls_detach(conn, reset);
    event_source_forget(loop, &conn->source);
    if (reset) {
        struct linger linger = { .l_onoff = 1, .l_linger = 0 };
        setsockopt(conn->source.fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    }
    close(conn->source.fd);
    conn->source.fd = -1;
    conn->can_read = conn->can_write = false;
}

bool transport_conn_is_alive(struct transport_conn *conn)
{
    char byte;
    if (conn->failed || conn->read_closed || conn->near_end)
        return false;
    if (conn->tls)
        return transport_tls_is_alive(conn);
    if (recv(conn->source.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN)
        return false;
    conn->can_read = false;
    return true;
}

uint32_t transport_conn_unacked(const struct transport_conn *conn)
{
    uint32_t memory[SK_MEMINFO_VARS] = { 0 };
    socklen_t len = sizeof(memory);
    if (!transport_conn_is_open(conn) || getsockopt(conn->source.fd, SOL_SOCKET, SO_MEMINFO, memory, &len) != 0)
        return 0;
    return memory[SK_MEMINFO_WMEM_QUEUED];
}
