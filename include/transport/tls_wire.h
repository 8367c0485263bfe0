// SPDX-License-Identifier: Apache-2.0
// The TLS halves of transport/conn.h's functions, and the bytes below them. Private to the area: contracts are those of
// the functions without `tls` in their name.
#pragma once

#include "transport/tls.h"

struct bio_st;
struct bio_method_st;

// Wire bytes that were read but do not make a whole record yet, or that another connection's read had to make room for.
struct transport_tls_rest {
    uint32_t len;
    char data[];
};

struct transport_tls {
    struct tls_conn tls;
    struct transport_tls_ctx *ctx;
    struct transport_tls_rest *rest; // NULL: none, or they stand in ctx->in
    char *held;                      // sealed bytes that the socket did not take; NULL: none
    uint32_t held_at;
    uint32_t held_len; // from the start of `held`
    uint32_t whole;    // bytes at the front of what was read that make whole records
    uint32_t small;    // bytes of plaintext sent since the last pause
    uint32_t bulk;     // bytes of plaintext worth sending at once
    uint64_t sent_us;  // when plaintext was sent last
    uint64_t since_us; // when it was attached
    int wire_error;    // errno of a read that failed
    uint8_t alert;     // of the record before, where it was one that is not encrypted
    bool wire_read : 1;
    bool wire_write : 1;
    bool wire_eof : 1;
    bool begun : 1;   // the library was asked for the handshake
    bool started : 1; // bytes came
    bool shut : 1;    // close_notify is sealed
    bool fin : 1;     // FIN goes out behind what is held
    bool late : 1;    // close_notify and FIN go out when the handshake is over: the answer was to early data
    bool broken : 1;  // bytes were lost for want of memory
    bool counted : 1; // in the lanes
};

struct transport_tls_ctx {
    const struct event_loop *loop;
    const struct tls_global_conf *global;
    struct board *board;
    uint32_t inc, object;
    struct bio_method_st *method;
    struct bio_st *bio;             // of all connections: the library is told of one at a time
    struct transport_conn *current; // that one
    struct transport_tls *reader;   // whose bytes stand in `in`
    char *in;
    uint32_t in_head, in_tail;
    char *out; // sealed bytes of `current`; empty between calls
    uint32_t out_len;
    char *gather; // pieces of plaintext that share a record
    char *bulk;   // plaintext that passes through
};

enum {
    TRANSPORT_TLS_IN_LEN = 96 * 1024,
    TRANSPORT_TLS_OUT_LEN = 164 * 1024,
    TRANSPORT_TLS_BULK_LEN = 128 * 1024,
    TRANSPORT_TLS_OUT_FULL =
        140 * 1024, // sealed bytes that are worth a system call; more than a bulk makes of full records
    TRANSPORT_TLS_RECORD = 16384,
};

// transport_tls_wire_read is the library's read: whole records only.
int transport_tls_wire_read(struct bio_st *bio, char *dst, int cap);

// transport_tls_wire_write is the library's write: it takes all bytes.
int transport_tls_wire_write(struct bio_st *bio, const char *data, int len);

// transport_tls_wire_has gives how many bytes were read and not yet taken by the library.
size_t transport_tls_wire_has(const struct transport_tls *tls);

// transport_tls_wire_take notes bytes that came before TLS was attached. False where memory is exhausted.
bool transport_tls_wire_take(struct transport_tls *tls, struct slice bytes);

// transport_tls_wire_flush sends what was sealed; what the socket does not take is held. False where sending failed.
bool transport_tls_wire_flush(struct transport_conn *conn);

// transport_tls_wire_forget gives back all buffers.
void transport_tls_wire_forget(struct transport_tls *tls);

// transport_tls_event notes readiness and sends what is held.
void transport_tls_event(struct transport_conn *conn, bool can_read, bool can_write);

// transport_tls_recv is transport_conn_recv of plaintext.
enum io transport_tls_recv(struct transport_conn *conn, size_t *len, char *dst, size_t cap);

// transport_tls_sendv is transport_conn_sendv of plaintext.
enum io transport_tls_sendv(struct transport_conn *conn, size_t *sent, const struct iovec *pieces, int num);

// transport_tls_shutdown sends close_notify, and a FIN behind what is held.
void transport_tls_shutdown(struct transport_conn *conn);

// transport_tls_is_alive is transport_conn_is_alive; records that are nobody's bytes, such as tickets, are taken.
bool transport_tls_is_alive(struct transport_conn *conn);

// transport_tls_detach ends TLS, with close_notify unless `reset`, and frees it: before the descriptor is closed.
void transport_tls_detach(struct transport_conn *conn, bool reset);

// transport_conn_fail notes that nothing more moves, for the reason `error` (errno). Gives IO_FAIL.
enum io transport_conn_fail(struct transport_conn *conn, int error);

// transport_conn_fail_send notes that nothing more goes out. Gives IO_FAIL.
enum io transport_conn_fail_send(struct transport_conn *conn, int error);

// transport_conn_end_read notes that nothing more comes in. Gives IO_EOF, or IO_FAIL where sending had failed.
enum io transport_conn_end_read(struct transport_conn *conn);
