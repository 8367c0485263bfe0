// SPDX-License-Identifier: Apache-2.0
#include "mux/h1.h"
#include "mux/h1_wire.h"

static void h1_ready(struct transport_conn *conn)
{
    struct mux_h1 *h1 = CONTAINER_OF(conn, struct mux_h1, conn);
    h1->stream.on_event(&h1->stream);
}

static const struct mux_ops h1_ops = {
    .read_head = mux_h1_read_head,
    .start = mux_h1_start,
    .pull = mux_h1_pull,
    .consume = mux_h1_consume,
    .push = mux_h1_push,
    .finish = mux_h1_finish,
    .flush = mux_h1_flush,
};

void mux_h1_init(struct mux_h1 *h1, struct mux_ctx *ctx, bool is_server)
{
    struct transport_conn conn = h1->conn;
    *h1 = (struct mux_h1){ .conn = conn, .ctx = ctx, .is_server = is_server, .keep_alive = true };
    h1->stream.ops = &h1_ops;
    h1->conn.on_ready = h1_ready;
}

void mux_h1_next(struct mux_h1 *h1)
{
    mux_h1_unpin(h1);
    h1->stream.rx = h1->stream.tx = MUX_BODY_NONE;
    h1->stream.rx_done = h1->stream.rx_cut = h1->stream.tx_done = false;
    h1->stream.bad = HTTP_BAD_NONE;
    h1->stream.bytes_in = buf_len(&h1->in);
    h1->stream.bytes_out = 0;
    h1->span = h1->rewindable = h1->trailer_len = 0;
    h1->can_rewind = h1->finish_written = h1->upgrading = h1->pretend = false;
    h1->rx_started = buf_len(&h1->in) > 0;
    h1->keep_alive = true;
}

void mux_h1_raw(struct mux_h1 *h1)
{
    mux_h1_unpin(h1);
    h1->stream.rx = h1->stream.tx = MUX_BODY_RAW;
    h1->stream.rx_done = h1->stream.tx_done = false;
    h1->span = 0;
    h1->can_rewind = h1->keep_alive = false;
}

void mux_h1_unpin(struct mux_h1 *h1)
{
    h1->pin = 0;
    h1->can_rewind = false;
    buf_release_if_empty(&h1->in, h1->ctx->bufs);
}

bool mux_h1_can_reuse(const struct mux_h1 *h1)
{
    const struct mux_stream *stream = &h1->stream;
    if (!h1->keep_alive || !stream->rx_done || !stream->tx_done || stream->rx_cut || buf_len(&h1->out) ||
        h1->conn.held || h1->conn.failed || h1->conn.send_failed || h1->conn.has_error || h1->conn.write_closed)
        return false;
    // A client that ended its direction may have sent more requests before; a server that did sends no more answers.
    return h1->is_server || (!buf_len(&h1->in) && !h1->conn.near_end && !h1->conn.read_closed);
}

void mux_h1_close(struct mux_h1 *h1, bool reset)
{
    transport_conn_close(h1->ctx->loop, &h1->conn, reset);
    buf_release(&h1->in, h1->ctx->bufs);
    buf_release(&h1->out, h1->ctx->bufs);
    h1->pin = h1->span = 0;
}
