// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <openssl/bio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "base/check.h"
#include "transport/tls_wire.h"

enum {
    RECORD_HEAD = 5,
    RECORD_MAX = 16384 + 2048, // RFC 5246 section 6.2.3, which allows more than RFC 8446
    TYPE_MIN = 20,
    TYPE_ALERT = 21,
    ALERT_LEN = 7, // of a whole record that holds a plain alert
    TYPE_MAX = 24,
};

size_t transport_tls_wire_has(const struct transport_tls *tls)
{
    const struct transport_tls_ctx *ctx = tls->ctx;
    if (ctx->reader == tls)
        return ctx->in_tail - ctx->in_head;
    return tls->rest ? tls->rest->len : 0;
}

bool transport_tls_wire_take(struct transport_tls *tls, struct slice bytes)
{
    if (!bytes.len)
        return true;
    must(!tls->rest && bytes.len <= TRANSPORT_TLS_IN_LEN);
    tls->rest = malloc(sizeof(*tls->rest) + bytes.len);
    if (!tls->rest)
        return false;
    tls->rest->len = (uint32_t)bytes.len;
    memcpy(tls->rest->data, bytes.ptr, bytes.len);
    tls->started = true;
    return true;
}

// Makes `tls` the one whose bytes stand in the scratch; what stood there goes to the connection it belongs to.
static void claim_scratch(struct transport_tls *tls)
{
    struct transport_tls_ctx *ctx = tls->ctx;
    struct transport_tls *other = ctx->reader;
    if (other == tls)
        return;
    if (other) {
        size_t len = ctx->in_tail - ctx->in_head;
        ctx->reader = NULL;
        if (!transport_tls_wire_take(other, slice_of(ctx->in + ctx->in_head, len)))
            other->broken = true;
    }
    ctx->reader = tls;
    ctx->in_head = ctx->in_tail = 0;
    if (!tls->rest)
        return;
    memcpy(ctx->in, tls->rest->data, tls->rest->len);
    ctx->in_tail = tls->rest->len;
    free(tls->rest);
    tls->rest = NULL;
}

static void scratch_done(struct transport_tls *tls)
{
    struct transport_tls_ctx *ctx = tls->ctx;
    if (ctx->reader == tls && ctx->in_head == ctx->in_tail)
        ctx->reader = NULL;
}

// One read of the socket, for as much as there is.
static void fill(struct transport_conn *conn)
{
    struct transport_tls *tls = conn->tls;
    struct transport_tls_ctx *ctx = tls->ctx;
    claim_scratch(tls);
    if (ctx->in_head == ctx->in_tail) {
        ctx->in_head = ctx->in_tail = 0;
    } else if (TRANSPORT_TLS_IN_LEN - ctx->in_tail < RECORD_MAX + RECORD_HEAD) {
        memmove(ctx->in, ctx->in + ctx->in_head, ctx->in_tail - ctx->in_head);
        ctx->in_tail -= ctx->in_head;
        ctx->in_head = 0;
    }
    size_t room = TRANSPORT_TLS_IN_LEN - ctx->in_tail;
    ssize_t got;
    do
        got = recv(conn->source.fd, ctx->in + ctx->in_tail, room, 0);
    while (got < 0 && errno == EINTR);
    if (got > 0) {
        ctx->in_tail += (uint32_t)got;
        tls->started = true;
        if ((size_t)got < room && !conn->near_end)
            tls->wire_read = false;
        return;
    }
    tls->wire_read = false;
    if (got == 0)
        tls->wire_eof = true;
    else if (errno != EAGAIN)
        tls->wire_error = errno;
}

// How many bytes at `data` the library may see: a whole record, or all of what cannot become one, since the library
// knows best what is wrong with it. It would keep a part of a record in a buffer for a whole one.
static uint32_t presentable(const char *data, size_t len)
{
    const uint8_t *bytes = (const uint8_t *)data;
    if (len < RECORD_HEAD)
        return 0;
    uint32_t body = (uint32_t)bytes[3] << 8 | bytes[4];
    if (bytes[0] < TYPE_MIN || bytes[0] > TYPE_MAX || bytes[1] != 3 || body > RECORD_MAX)
        return (uint32_t)len;
    return len >= RECORD_HEAD + body ? RECORD_HEAD + body : 0;
}

// Makes bytes presentable; false where there are none.
static bool present(struct transport_conn *conn)
{
    struct transport_tls *tls = conn->tls;
    struct transport_tls_ctx *ctx = tls->ctx;
    while (!tls->whole) {
        size_t has = transport_tls_wire_has(tls);
        if (has) {
            claim_scratch(tls);
            const char *data = ctx->in + ctx->in_head;
            tls->whole = presentable(data, has);
            tls->alert = tls->whole == ALERT_LEN && data[0] == TYPE_ALERT ? (uint8_t)data[ALERT_LEN - 1] : 0;
            // Nothing more will come: the library finds out that it is not enough.
            if (!tls->whole && (tls->wire_eof || tls->wire_error))
                tls->whole = (uint32_t)has;
            if (tls->whole)
                break;
        }
        if (!tls->wire_read || tls->wire_eof || tls->wire_error)
            return false;
        fill(conn);
    }
    return true;
}

int transport_tls_wire_read(BIO *bio, char *dst, int cap)
{
    struct transport_tls_ctx *ctx = BIO_get_data(bio);
    struct transport_conn *conn = ctx->current;
    struct transport_tls *tls = conn->tls;
    BIO_clear_retry_flags(bio);
    if (tls->broken || cap <= 0)
        return -1;
    if (!present(conn)) {
        scratch_done(tls);
        if (tls->wire_error)
            return -1;
        if (tls->wire_eof)
            return 0;
        BIO_set_retry_read(bio);
        return -1;
    }
    claim_scratch(tls);
    uint32_t len = (uint32_t)cap < tls->whole ? (uint32_t)cap : tls->whole;
    memcpy(dst, ctx->in + ctx->in_head, len);
    ctx->in_head += len;
    tls->whole -= len;
    scratch_done(tls);
    return (int)len;
}

// Sends from `data`; gives the number of bytes that went out, and notes failure.
static size_t put(struct transport_conn *conn, const char *data, size_t len)
{
    struct transport_tls *tls = conn->tls;
    size_t sent = 0;
    while (sent < len && tls->wire_write) {
        ssize_t got = send(conn->source.fd, data + sent, len - sent, MSG_NOSIGNAL);
        if (got >= 0) {
            sent += (size_t)got;
            conn->wire_sent += (size_t)got;
            // A short write is believed.
            if (sent < len)
                tls->wire_write = false;
        } else if (errno != EINTR) {
            tls->wire_write = false;
            if (errno != EAGAIN)
                transport_conn_fail_send(conn, errno);
        }
    }
    return sent;
}

// Keeps bytes behind those that are held.
static bool hold(struct transport_tls *tls, const char *data, size_t len)
{
    size_t has = tls->held_len - tls->held_at;
    if (!len)
        return true;
    char *held = malloc(has + len);
    if (!held)
        return false;
    if (has)
        memcpy(held, tls->held + tls->held_at, has);
    memcpy(held + has, data, len);
    free(tls->held);
    tls->held = held;
    tls->held_at = 0;
    tls->held_len = (uint32_t)(has + len);
    return true;
}

static void held_free(struct transport_tls *tls)
{
    free(tls->held);
    tls->held = NULL;
    tls->held_at = tls->held_len = 0;
}

bool transport_tls_wire_flush(struct transport_conn *conn)
{
    struct transport_tls *tls = conn->tls;
    struct transport_tls_ctx *ctx = tls->ctx;
    size_t len = ctx->out_len, sent = 0;
    ctx->out_len = 0;
    if (conn->send_failed || conn->failed)
        return false;
    if (!tls->held)
        sent = put(conn, ctx->out, len);
    if (conn->send_failed)
        return false;
    if (!hold(tls, ctx->out + sent, len - sent)) {
        transport_conn_fail_send(conn, ENOMEM);
        return false;
    }
    conn->held = tls->held != NULL;
    if (conn->held)
        conn->can_write = false;
    return true;
}

int transport_tls_wire_write(BIO *bio, const char *data, int len)
{
    struct transport_tls_ctx *ctx = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (len <= 0)
        return 0;
    size_t left = (size_t)len;
    while (left) {
        size_t room = TRANSPORT_TLS_OUT_LEN - ctx->out_len;
        size_t part = left < room ? left : room;
        memcpy(ctx->out + ctx->out_len, data, part);
        ctx->out_len += (uint32_t)part;
        data += part;
        left -= part;
        if (left && !transport_tls_wire_flush(ctx->current))
            return -1;
    }
    return len;
}

void transport_tls_event(struct transport_conn *conn, bool can_read, bool can_write)
{
    struct transport_tls *tls = conn->tls;
    if (can_read)
        tls->wire_read = true;
    if (!can_write)
        return;
    tls->wire_write = true;
    if (tls->held) {
        tls->held_at += (uint32_t)put(conn, tls->held + tls->held_at, tls->held_len - tls->held_at);
        if (tls->held_at == tls->held_len || conn->send_failed)
            held_free(tls);
    }
    conn->held = tls->held != NULL;
    conn->can_write = !conn->held && !conn->send_failed && !conn->failed;
    if (tls->fin && !conn->held) {
        tls->fin = false;
        shutdown(conn->source.fd, SHUT_WR);
    }
}

void transport_tls_wire_forget(struct transport_tls *tls)
{
    struct transport_tls_ctx *ctx = tls->ctx;
    if (ctx->reader == tls)
        ctx->reader = NULL;
    free(tls->rest);
    tls->rest = NULL;
    held_free(tls);
}
