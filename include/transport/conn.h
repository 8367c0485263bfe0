// SPDX-License-Identifier: Apache-2.0
// A connection is a byte pipe: a descriptor, its one epoll registration for life, and what is known of its readiness.
// Whoever holds it (a mux, a tunnel, the pool of idle connections) sets `on_ready`, which is called once per event and
// then moves bytes until IO_AGAIN. Runs in workers. It never looks at what it carries and never closes by itself.
//
// Readiness is edge-triggered: `can_read` stays true until a read came up short, and a short read is believed without a
// further system call unless the event said that the end or an error is near, which would otherwise be lost.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>
#include "base/io.h"
#include "event/loop.h"
#include "transport/address.h"

struct transport_tls;

struct transport_conn {
    struct event_source source;
    void (*on_ready)(struct transport_conn *conn);
    struct transport_tls *tls; // transport/tls.h; NULL: what it carries stands on the wire as it is
    bool can_read : 1;         // a read may give something
    bool can_write : 1;        // a write may take something
    bool near_end : 1;         // FIN, reset or an error is on its way: read until it shows
    bool read_closed : 1;
    bool write_closed : 1;
    bool failed : 1;      // reset or an error: nothing more moves
    bool send_failed : 1; // nothing more goes out; what the peer said before may still be read
    bool connecting : 1;  // connect has not finished
    bool has_error : 1;   // the kernel holds an error: the peer reset the connection, or it could not be made
    bool registered : 1;  // the loop knows it
    bool held : 1;        // TLS: bytes that were taken wait to be sent
    bool cut : 1;         // TLS: the peer's end came without close_notify, so that something may be missing
    int error;            // errno of the failure
    uint64_t wire_sent;   // bytes that the kernel took, those of TLS as they stand on the wire
};

// transport_conn_init takes over the open socket `fd` and registers it; false with errno where that fails (the caller
// still owns `fd` then). `on_ready` may be changed later by plain assignment.
bool transport_conn_init(struct event_loop *loop, struct transport_conn *conn, int fd,
                         void (*on_ready)(struct transport_conn *conn));

// How to connect.
struct transport_connect {
    const struct transport_address *to;
    const struct transport_address *source;
    const char *interface;
    uint16_t last_port;          // above the source's port: any one from that to this will do
    _Atomic uint64_t *next_port; // with last_port: counts ports taken, by all who take from the range
    bool tcp_keepalive;
    uint32_t keepalive_count;      // with tcp_keepalive; 0: the system's
    uint32_t keepalive_idle_s;     // likewise
    uint32_t keepalive_interval_s; // likewise
    uint32_t user_timeout_ms;      // TCP_USER_TIMEOUT, 0: the system's
    bool fast_open;
    bool has_mark;
    bool has_tos;
    uint8_t tos;   // with has_tos: IP_TOS, IPV6_TCLASS
    uint32_t mark; // with has_mark: SO_MARK
    uint64_t rcvbuf;
    uint64_t sndbuf;
};

// transport_keepalive makes the kernel probe the silent TCP connection `fd`: after `idle_s` seconds, every `interval_s`
// seconds, `count` times; 0 each: as the system says.
void transport_keepalive(int fd, uint32_t count, uint32_t idle_s, uint32_t interval_s);

// transport_conn_init_later is transport_conn_init without the registration, for a connection whose first bytes are
// probably there and which may be over before an event on it matters. No event comes before transport_conn_register.
void transport_conn_init_later(struct transport_conn *conn, int fd);

// transport_conn_register makes the loop tell of events; at once of those that happened before. True where it did
// already; false with errno on failure.
bool transport_conn_register(struct event_loop *loop, struct transport_conn *conn);

// transport_conn_connect opens a non-blocking connection to `to`, from `source` where it is not NULL (its port may be
// 0) and through `interface` where it is not NULL, and registers it. IO_OK: connecting or connected (see `connecting`);
// IO_FAIL with errno: refused at once, no descriptor is held.
enum io transport_conn_connect(struct event_loop *loop, struct transport_conn *conn,
                               const struct transport_connect *how, void (*on_ready)(struct transport_conn *conn));

// transport_conn_finish_connect asks how the connect ended, once the socket became writable: IO_OK connected, IO_AGAIN
// not yet, IO_FAIL (conn->error).
enum io transport_conn_finish_connect(struct transport_conn *conn);

// transport_conn_recv reads at most `cap` bytes into `dst`; `*len` is always set. IO_EOF when the peer sent its FIN.
enum io transport_conn_recv(struct transport_conn *conn, size_t *len, char *dst, size_t cap);

// transport_conn_send writes up to `len` bytes; `*sent` is always set, and is less than `len` only with IO_AGAIN or
// IO_FAIL. With TLS all may be taken and some of it be held: IO_AGAIN too, and `held` until an event found it sent. A
// failure concerns this direction alone until a read shows the end: a server that refuses a request closes before it
// has read all of it, and its answer is here while the reset it sent stops our sending.
enum io transport_conn_send(struct transport_conn *conn, size_t *sent, const char *data, size_t len);

// transport_conn_sendv is transport_conn_send for `num` pieces in order.
enum io transport_conn_sendv(struct transport_conn *conn, size_t *sent, struct iovec *pieces, int num);

// transport_conn_splice_in moves up to `max` bytes from the socket into the pipe `pipe_fd`. IO_AGAIN: the socket is
// drained; a pipe that is full ends in IO_OK with `*moved` 0 where `pipe_has` says it holds bytes.
enum io transport_conn_splice_in(struct transport_conn *conn, size_t *moved, int pipe_fd, size_t max, size_t pipe_has);

// transport_conn_splice_out moves up to `max` bytes from the pipe to the socket.
enum io transport_conn_splice_out(struct transport_conn *conn, size_t *moved, int pipe_fd, size_t max, bool more);

// transport_conn_spliced gives the bytes that transport_conn_splice_out has sent in this process so far.
uint64_t transport_conn_spliced(void);

// transport_conn_shutdown ends our direction in order (FIN, after TLS's close_notify and what is held).
void transport_conn_shutdown(struct transport_conn *conn);

// transport_conn_close takes the connection out of the loop and closes it, after TLS's close_notify. With `reset` the
// peer sees a RST. Harmless on one that is closed.
void transport_conn_close(struct event_loop *loop, struct transport_conn *conn, bool reset);

// transport_conn_unacked gives a measure of what was sent and has not been acknowledged by the peer's kernel; 0: it has
// all. One system call.
uint32_t transport_conn_unacked(const struct transport_conn *conn);

enum transport_fate {
    TRANSPORT_FATE_ARRIVED, // the peer's kernel has acknowledged some of it, or nobody knows
    TRANSPORT_FATE_OPEN,    // nothing yet, and it may still come
    TRANSPORT_FATE_LOST,    // nothing, and the connection is over: the peer refused it
};

// transport_conn_fate asks the kernel what became of the bytes that were sent since conn->wire_sent was `mark`. One
// system call, or none where there are no such bytes.
enum transport_fate transport_conn_fate(const struct transport_conn *conn, uint64_t mark);

// transport_conn_is_open says whether `conn` holds a descriptor.
static inline bool transport_conn_is_open(const struct transport_conn *conn)
{
    return conn->source.fd >= 0;
}

// transport_conn_is_alive asks the kernel, with one system call, whether an idle connection still stands: no byte, no
// FIN and no error waits. Where it does, `can_read` is false afterwards. Of TLS, records that carry no bytes are read.
bool transport_conn_is_alive(struct transport_conn *conn);
