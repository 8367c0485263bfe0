// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdatomic.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "base/check.h"
#include "board/board.h"
#include "tls/bind.h"
#include "transport/tls_wire.h"

enum {
    SEGMENT = 1396,          // plaintext whose record fits one segment, over IPv6 with timestamps and in TLS 1.2 too
    SMALL_BYTES = 16 * 1024, // so much goes out in records of one segment: about a first congestion window
    PAUSE_US = 1000000,      // after so long without a byte the window may be small again
};

static long wire_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    (void)bio, (void)num, (void)ptr;
    // Flushing is ours: once a call of the library is over.
    return cmd == BIO_CTRL_FLUSH;
}

struct transport_tls_ctx *transport_tls_ctx_new(const struct event_loop *loop, const struct tls_global_conf *global,
                                                struct board *board, uint32_t inc, uint32_t object)
{
    struct transport_tls_ctx *ctx = calloc(1, sizeof(*ctx));
    if (!ctx)
        check_out_of_memory(sizeof(*ctx));
    *ctx = (struct transport_tls_ctx){ .loop = loop, .global = global, .board = board, .inc = inc, .object = object };
    return ctx;
}

static bool ctx_open(struct transport_tls_ctx *ctx)
{
    if (ctx->bio)
        return true;
    if (!ctx->in)
        ctx->in = malloc(TRANSPORT_TLS_IN_LEN + TRANSPORT_TLS_OUT_LEN + TRANSPORT_TLS_RECORD + TRANSPORT_TLS_BULK_LEN);
    if (!ctx->method)
        ctx->method = BIO_meth_new(0, NULL);
    if (!ctx->in || !ctx->method || !BIO_meth_set_read(ctx->method, transport_tls_wire_read) ||
        !BIO_meth_set_write(ctx->method, transport_tls_wire_write) || !BIO_meth_set_ctrl(ctx->method, wire_ctrl))
        return false;
    ctx->out = ctx->in + TRANSPORT_TLS_IN_LEN;
    ctx->gather = ctx->out + TRANSPORT_TLS_OUT_LEN;
    ctx->bulk = ctx->gather + TRANSPORT_TLS_RECORD;
    ctx->bio = BIO_new(ctx->method);
    if (!ctx->bio)
        return false;
    BIO_set_data(ctx->bio, ctx);
    BIO_set_init(ctx->bio, 1);
    return true;
}

void transport_tls_ctx_free(struct transport_tls_ctx *ctx)
{
    if (!ctx)
        return;
    BIO_free(ctx->bio);
    BIO_meth_free(ctx->method);
    free(ctx->in);
    free(ctx);
}

struct tls_conn *transport_tls_of(const struct transport_conn *conn)
{
    return conn->tls ? &conn->tls->tls : NULL;
}

char *transport_tls_bulk(const struct transport_conn *conn, size_t *cap)
{
    *cap = conn->tls->bulk;
    return conn->tls->ctx->bulk;
}

uint64_t transport_tls_age_us(const struct transport_conn *conn)
{
    return conn->tls->ctx->loop->now_us - conn->tls->since_us;
}

bool transport_tls_started(const struct transport_conn *conn)
{
    return conn->tls->started;
}

// The library's SSL is there: it reads and writes through us from now on.
static void attach(struct transport_tls *tls, struct transport_conn *conn)
{
    SSL *ssl = tls->tls.ssl;
    BIO_up_ref(tls->ctx->bio);
    SSL_set_bio(ssl, tls->ctx->bio, tls->ctx->bio);
    tls->wire_read = conn->can_read;
    tls->wire_write = conn->can_write;
    conn->tls = tls;
    conn->can_read = conn->can_read || tls->rest;
}

static struct transport_tls *tls_new(struct transport_tls_ctx *ctx)
{
    struct transport_tls *tls = ctx_open(ctx) ? calloc(1, sizeof(*tls)) : NULL;
    if (tls) {
        tls->ctx = ctx;
        tls->since_us = ctx->loop->now_us;
        tls->bulk = TRANSPORT_TLS_RECORD;
    }
    return tls;
}

static bool tls_drop(struct transport_tls *tls)
{
    if (tls) {
        if (tls->counted)
            board_lane_release(tls->ctx->board, tls->ctx->object, tls->ctx->inc);
        tls_conn_fini(&tls->tls);
        transport_tls_wire_forget(tls);
        free(tls);
    }
    return false;
}

static void count_conn(const struct transport_tls_ctx *ctx)
{
    board_counter_count(&board_counters(ctx->board, ctx->inc, ctx->object)[TRANSPORT_TLS_COUNT_CONNS], 1);
}

static void count_rate(const struct transport_tls_ctx *ctx, int rate, int max)
{
    _Atomic uint64_t *gauges = board_gauges(ctx->board, ctx->object);
    uint64_t now = board_rate_add(&gauges[rate], ctx->loop->now_us, 1);
    uint64_t seen = atomic_load_explicit(&gauges[max], memory_order_relaxed);
    while (now > seen && !atomic_compare_exchange_weak(&gauges[max], &seen, now))
        continue;
}

static void count_keys(const struct transport_tls *tls)
{
    if (tls->tls.facts.resumed)
        return;
    if (tls->tls.bind)
        count_rate(tls->ctx, TRANSPORT_TLS_GAUGE_KEYS, TRANSPORT_TLS_GAUGE_KEYS_MAX);
    else
        count_rate(tls->ctx, TRANSPORT_TLS_GAUGE_BACK_KEYS, TRANSPORT_TLS_GAUGE_BACK_KEYS_MAX);
}

bool transport_tls_accept(struct transport_tls_ctx *ctx, struct transport_conn *conn, const struct tls_bind *bind,
                          struct slice early)
{
    struct transport_tls *tls = tls_new(ctx);
    if (!tls || !transport_tls_wire_take(tls, early) || !tls_conn_accept(&tls->tls, bind))
        return tls_drop(tls);
    attach(tls, conn);
    count_conn(ctx);
    count_rate(ctx, TRANSPORT_TLS_GAUGE_RATE, TRANSPORT_TLS_GAUGE_RATE_MAX);
    return true;
}

bool transport_tls_connect(struct transport_tls_ctx *ctx, struct transport_conn *conn, const struct tls_target *target,
                           struct slice sni)
{
    struct transport_tls *tls = tls_new(ctx);
    if (!tls || !board_lane_acquire(ctx->board, ctx->object, ctx->inc, ctx->global->max_conn))
        return tls_drop(tls);
    tls->counted = true;
    if (!tls_conn_connect(&tls->tls, target, sni))
        return tls_drop(tls);
    attach(tls, conn);
    count_conn(ctx);
    return true;
}

static SSL *enter(struct transport_conn *conn)
{
    conn->tls->ctx->current = conn;
    return conn->tls->tls.ssl;
}

// Whether a read may find something without a new event.
static bool has_more(const struct transport_tls *tls)
{
    return tls->wire_read || transport_tls_wire_has(tls) || SSL_pending(tls->tls.ssl);
}

// A client that does not like our certificate may say so before it has switched to encryption (RFC 8446 section 6.2
// leaves that open), which the library takes for a record that is too short.
static void note_alert(const struct transport_tls *tls)
{
    uint32_t error = ERR_peek_error();
    if (!tls->alert || ERR_GET_LIB(error) != ERR_LIB_SSL || ERR_GET_REASON(error) != SSL_R_BAD_PACKET_LENGTH)
        return;
    ERR_clear_error();
    ERR_put_error(ERR_LIB_SSL, 0, SSL_AD_REASON_OFFSET + tls->alert, __FILE__, __LINE__);
}

enum io transport_tls_handshake(struct transport_conn *conn)
{
    struct transport_tls *tls = conn->tls;
    if (conn->failed)
        return IO_FAIL;
    // An event that says no more than that the socket can be written is not worth a look.
    if (tls->begun && !has_more(tls) && !tls->wire_eof && !tls->wire_error && !tls->broken)
        return IO_AGAIN;
    tls->begun = true;
    SSL *ssl = enter(conn);
    int done = SSL_do_handshake(ssl);
    int why = done == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl, done);
    bool sent = transport_tls_wire_flush(conn);
    if (done == 1) {
        tls_conn_done(&tls->tls);
        count_keys(tls);
        conn->can_read = has_more(tls);
        return IO_OK;
    }
    if (sent && (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)) {
        conn->can_read = false;
        return IO_AGAIN;
    }
    if (why == SSL_ERROR_SYSCALL && tls->wire_eof)
        return transport_conn_end_read(conn);
    note_alert(tls);
    tls_conn_failed(&tls->tls);
    return transport_conn_fail(conn, tls->wire_error ? tls->wire_error : why == SSL_ERROR_SSL ? EPROTO : conn->error);
}

void transport_tls_flush(struct transport_conn *conn)
{
    if (conn->failed || conn->send_failed || conn->tls->shut)
        return;
    SSL_write(enter(conn), "", 0);
    if (conn->tls->ctx->out_len)
        transport_tls_wire_flush(conn);
}

// A read that gave nothing. Bytes that came before it are told first: what stopped it is met again.
static enum io read_stopped(struct transport_conn *conn, size_t len, int why)
{
    struct transport_tls *tls = conn->tls;
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
        conn->can_read = false;
        return len ? IO_OK : IO_AGAIN;
    }
    if (len) {
        conn->can_read = true;
        return IO_OK;
    }
    if (why == SSL_ERROR_ZERO_RETURN)
        return transport_conn_end_read(conn);
    if (why == SSL_ERROR_SYSCALL && !tls->wire_error && !tls->broken) {
        conn->cut = true;
        return transport_conn_end_read(conn);
    }
    if (why == SSL_ERROR_SSL)
        tls_conn_failed(&tls->tls);
    return transport_conn_fail(conn, tls->wire_error ? tls->wire_error : tls->broken ? ENOMEM : EPROTO);
}

enum io transport_tls_recv(struct transport_conn *conn, size_t *len, char *dst, size_t cap)
{
    struct transport_tls *tls = conn->tls;
    SSL *ssl = enter(conn);
    int why = SSL_ERROR_NONE;
    size_t has = 0;
    do {
        int got = SSL_read(ssl, dst + has, (int)(cap - has < INT32_MAX ? cap - has : INT32_MAX));
        if (got <= 0)
            why = SSL_get_error(ssl, got);
        else
            has += (size_t)got;
    } while (why == SSL_ERROR_NONE && has < cap && has_more(tls));
    // Alerts, and answers to key updates.
    if (tls->ctx->out_len)
        transport_tls_wire_flush(conn);
    if (tls->tls.facts.early_pending && !SSL_in_early_data(ssl))
        tls_conn_done(&tls->tls);
    if (tls->late && !SSL_in_init(ssl))
        transport_tls_shutdown(conn);
    *len = has;
    if (why != SSL_ERROR_NONE)
        return read_stopped(conn, has, why);
    conn->can_read = has_more(tls);
    return IO_OK;
}

enum io transport_tls_settle(struct transport_conn *conn)
{
    struct transport_tls *tls = conn->tls;
    if (!tls->tls.facts.early_pending)
        return IO_OK;
    if (conn->failed)
        return IO_FAIL;
    char first;
    SSL *ssl = enter(conn);
    int got = SSL_peek(ssl, &first, sizeof(first));
    int why = got > 0 ? SSL_ERROR_NONE : SSL_get_error(ssl, got);
    if (tls->ctx->out_len)
        transport_tls_wire_flush(conn);
    if (!SSL_in_early_data(ssl))
        tls_conn_done(&tls->tls);
    if (why != SSL_ERROR_NONE)
        return read_stopped(conn, 0, why);
    conn->can_read = true;
    return IO_OK;
}

// The most plaintext for the next record.
static size_t record_size(struct transport_tls *tls)
{
    const struct tls_global_conf *global = tls->ctx->global;
    uint64_t now_us = tls->ctx->loop->now_us;
    size_t size = TRANSPORT_TLS_RECORD;
    if (now_us - tls->sent_us > PAUSE_US)
        tls->small = 0;
    if (tls->small < SMALL_BYTES)
        size = global->max_record ? global->max_record : SEGMENT;
    tls->sent_us = now_us;
    if (global->hard_max_record && size > global->hard_max_record)
        size = global->hard_max_record;
    return size < TRANSPORT_TLS_RECORD ? size : TRANSPORT_TLS_RECORD;
}

// What is left to send.
struct cursor {
    const struct iovec *piece;
    int num;   // pieces left, the one at hand included
    size_t at; // within it
};

// Gives up to `max` bytes as one run: from where they stand, or gathered where pieces are short.
static struct slice next_run(struct cursor *cursor, char *gather, size_t max)
{
    size_t len = 0;
    while (cursor->num) {
        const char *data = (const char *)cursor->piece->iov_base + cursor->at;
        size_t left = cursor->piece->iov_len - cursor->at;
        size_t part = left < max - len ? left : max - len;
        bool alone = !len && (part == max || cursor->num == 1);
        if (!alone && part)
            memcpy(gather + len, data, part);
        len += part;
        cursor->at += part;
        if (part == left) {
            cursor->piece++;
            cursor->num--;
            cursor->at = 0;
        }
        if (alone)
            return slice_of(data, len);
        if (len == max)
            break;
    }
    return slice_of(gather, len);
}

enum io transport_tls_sendv(struct transport_conn *conn, size_t *sent, const struct iovec *pieces, int num)
{
    struct transport_tls *tls = conn->tls;
    struct transport_tls_ctx *ctx = tls->ctx;
    struct cursor cursor = { .piece = pieces, .num = num };
    SSL *ssl = enter(conn);
    struct slice run;
    // All or nothing: what the socket does not take of it is held.
    if (conn->held)
        return IO_AGAIN;
    while ((run = next_run(&cursor, ctx->gather, record_size(tls))).len) {
        // The library's way out always takes all: a record that is sealed is sent or held.
        if (SSL_write(ssl, run.ptr, (int)run.len) != (int)run.len)
            return transport_conn_fail_send(conn, EPROTO);
        *sent += run.len;
        tls->small += tls->small < SMALL_BYTES ? (uint32_t)run.len : 0;
        if (ctx->out_len >= TRANSPORT_TLS_OUT_FULL && !transport_tls_wire_flush(conn))
            return IO_FAIL;
    }
    if (ctx->out_len && !transport_tls_wire_flush(conn))
        return IO_FAIL;
    // What a slow peer does not take stands in memory: it gets less at a time.
    if (conn->held)
        tls->bulk = TRANSPORT_TLS_RECORD;
    else if (*sent >= tls->bulk && tls->bulk < TRANSPORT_TLS_BULK_LEN)
        tls->bulk *= 2;
    return conn->held ? IO_AGAIN : IO_OK;
}

// Seals close_notify and sends it as far as that goes.
static void say_goodbye(struct transport_conn *conn)
{
    struct transport_tls *tls = conn->tls;
    SSL *ssl = enter(conn);
    if (tls->shut || conn->failed || conn->send_failed || SSL_in_init(ssl))
        return;
    tls->shut = true;
    SSL_shutdown(ssl);
    transport_tls_wire_flush(conn);
}

void transport_tls_shutdown(struct transport_conn *conn)
{
    // Before the client's Finished the library says nothing of an end, and without that the client takes it for a cut.
    conn->tls->late = conn->tls->tls.facts.early && SSL_in_init(enter(conn));
    if (conn->tls->late)
        return;
    say_goodbye(conn);
    conn->tls->fin = conn->held;
    if (!conn->held)
        shutdown(conn->source.fd, SHUT_WR);
}

bool transport_tls_is_alive(struct transport_conn *conn)
{
    char byte;
    SSL *ssl = enter(conn);
    // Between messages there may be records that are nobody's bytes: session tickets, key updates.
    conn->tls->wire_read = true;
    int got = SSL_peek(ssl, &byte, 1);
    int why = got > 0 ? SSL_ERROR_NONE : SSL_get_error(ssl, got);
    if (conn->tls->ctx->out_len)
        transport_tls_wire_flush(conn);
    conn->can_read = why != SSL_ERROR_WANT_READ;
    return !conn->can_read && !transport_tls_wire_has(conn->tls);
}

void transport_tls_detach(struct transport_conn *conn, bool reset)
{
    if (!reset)
        say_goodbye(conn);
    tls_drop(conn->tls);
    conn->tls = NULL;
    conn->held = false;
}
