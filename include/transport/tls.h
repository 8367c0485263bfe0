// SPDX-License-Identifier: Apache-2.0
// TLS on a transport connection: once attached, transport_conn_recv and its kin carry plaintext, and what stands on the
// wire is made here. Records are read in bulk into a buffer of the worker and written in bulk from one: a system call
// for as many records as there are. Between bytes in flight a connection holds no buffer. Runs in workers.
//
// The size of records grows: the first bytes of an answer travel in records of one TCP segment, so that a browser can
// use them as they come; from then on 16 KiB. After a pause it starts small again.
#pragma once

#include "tls/conn.h"
#include "transport/conn.h"

struct board;
struct tls_global_conf;
struct transport_tls;

// Cells of the object on the board that stands for all TLS connections, whose lanes count those open: plain counters,
// and gauges. A rate takes three cells.
enum { TRANSPORT_TLS_COUNT_CONNS };
enum {
    TRANSPORT_TLS_GAUGE_RATE = 0, // connections from clients that began
    TRANSPORT_TLS_GAUGE_RATE_MAX = 3,
    TRANSPORT_TLS_GAUGE_KEYS = 4, // full handshakes with clients
    TRANSPORT_TLS_GAUGE_KEYS_MAX = 7,
    TRANSPORT_TLS_GAUGE_BACK_KEYS = 8, // full handshakes with servers
    TRANSPORT_TLS_GAUGE_BACK_KEYS_MAX = 11,
};

// What the TLS connections of a worker share: scratch for one read and one write, and the library's way to both.
struct transport_tls_ctx;

// transport_tls_ctx_new makes the shared part for connections of `loop`, which the process `inc` counts at `object` of
// `board`. The memory of its buffers is taken with the first of them.
struct transport_tls_ctx *transport_tls_ctx_new(const struct event_loop *loop, const struct tls_global_conf *global,
                                                struct board *board, uint32_t inc, uint32_t object);

// transport_tls_ctx_free frees it; all connections must be closed. NULL is fine.
void transport_tls_ctx_free(struct transport_tls_ctx *ctx);

// transport_tls_accept attaches TLS towards a client; `early` (bytes that were read before, behind a PROXY header) are
// taken as the wire's first. The caller holds the connection's unit of the lanes. False where memory is exhausted.
bool transport_tls_accept(struct transport_tls_ctx *ctx, struct transport_conn *conn, const struct tls_bind *bind,
                          struct slice early);

// transport_tls_connect attaches TLS towards a server. False where memory is exhausted, or maxsslconn reached.
bool transport_tls_connect(struct transport_tls_ctx *ctx, struct transport_conn *conn, const struct tls_target *target,
                           struct slice sni);

// transport_tls_handshake goes on with the handshake as far as the wire allows: IO_OK done (or early data may be read),
// IO_AGAIN wait for an event, IO_FAIL it failed (tls_conn_reason) and its alert was sent, IO_EOF the peer closed before
// it was over.
enum io transport_tls_handshake(struct transport_conn *conn);

// transport_tls_flush sends what the library holds back to go out with the first bytes of ours: session tickets.
void transport_tls_flush(struct transport_conn *conn);

// transport_tls_age_us gives for how long TLS has been on the connection, which has it: right after the handshake, how
// long that took.
uint64_t transport_tls_age_us(const struct transport_conn *conn);

// transport_tls_started says whether any byte of the handshake came from the peer.
bool transport_tls_started(const struct transport_conn *conn);

// transport_tls_bulk lends memory of the worker for plaintext on its way to `conn`, which has TLS: `*cap` bytes that
// one transport_conn_send takes all of while it can write. It is good until the next call for any connection.
char *transport_tls_bulk(const struct transport_conn *conn, size_t *cap);

// transport_tls_settle goes on with a handshake whose early data was read, until it is over (early_pending is false
// then) or more has to come. What it finds behind the handshake stays to be read, and early data that stands before its
// end stops it. IO_AGAIN: wait for an event; IO_OK: over, or stopped; IO_EOF and IO_FAIL as for a read.
enum io transport_tls_settle(struct transport_conn *conn);

// transport_tls_of gives the TLS side of a connection, NULL where it is plain.
struct tls_conn *transport_tls_of(const struct transport_conn *conn);
