// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"
#include "stream/relay.h"
#include "transport/tls.h"

enum {
    RELAY_SHARE = 512 * 1024,     // bytes one relay may move before others get their turn
    RELAY_SPLICE_MIN = 64 * 1024, // a known remainder this long goes through a pipe at once
    RELAY_FULL_READS = 2,         // without a known length: reads that filled the buffer
};

void stream_relay_init(struct stream_relay *relay, struct mux_h1 *src, struct mux_h1 *dst)
{
    *relay = (struct stream_relay){ .src = src, .dst = dst, .share = RELAY_SHARE };
}

void stream_relay_set_nice(struct stream_relay *relay, int nice)
{
    relay->share = nice > 0 ? RELAY_SHARE >> (nice / 128) : RELAY_SHARE << (-nice / 256);
}

void stream_relay_fini(struct stream_relay *relay)
{
    // The ends may be gone when this is called for the second time.
    if (relay->pipe)
        transport_pipe_give(relay->src->ctx->pipes, relay->pipe);
    relay->pipe = NULL;
    relay->src = relay->dst = NULL;
}

static bool wants_splice(struct stream_relay *relay)
{
    uint64_t left = mux_h1_raw_left(relay->src);
    if (relay->pipe)
        return true;
    if (left < RELAY_SPLICE_MIN || (left == UINT64_MAX && relay->full_reads < RELAY_FULL_READS))
        return false;
    if (!mux_h1_raw_open(relay->dst))
        return false;
    relay->pipe = transport_pipe_take(relay->src->ctx->pipes);
    return relay->pipe != NULL;
}

// Towards TLS bytes need no buffer of the connections': they pass through memory of the worker into records, all that
// came in one go. A body that a retry might need again stays where it is.
static bool wants_bulk(const struct stream_relay *relay)
{
    if (!relay->dst->conn.tls || !mux_h1_plain_open(relay->dst))
        return false;
    uint64_t left = mux_h1_plain_left(relay->src);
    return relay->src->can_rewind ? left >= RELAY_SPLICE_MIN && left != UINT64_MAX : left > 0;
}

static void pipe_back(struct stream_relay *relay)
{
    transport_pipe_give(relay->src->ctx->pipes, relay->pipe);
    relay->pipe = NULL;
}

static enum io splice_once(struct stream_relay *relay, uint64_t *moved)
{
    struct transport_pipe *pipe = relay->pipe;
    uint64_t left = mux_h1_raw_left(relay->src);
    size_t len;
    if (!pipe->has && left) {
        enum io io = transport_conn_splice_in(&relay->src->conn, &len, pipe->write_fd,
                                              left < pipe->cap ? (size_t)left : pipe->cap, 0);
        pipe->has += len;
        mux_h1_spliced_in(relay->src, len);
        // A trickle is cheaper to copy.
        if (io == IO_OK && len < 8192 && left == UINT64_MAX)
            relay->full_reads = 0;
        if (io == IO_EOF) {
            relay->src->stream.rx_done = left == UINT64_MAX;
            relay->src->stream.rx_cut = left != UINT64_MAX;
        }
        if (io != IO_OK)
            return io;
    }
    if (pipe->has) {
        enum io io = transport_conn_splice_out(&relay->dst->conn, &len, pipe->read_fd, pipe->has, false);
        pipe->has -= len;
        *moved += len;
        relay->spliced += len;
        mux_h1_spliced_out(relay->dst, len);
        if (io != IO_OK)
            return io;
    }
    return IO_OK;
}

static enum stream_relay_state relay_end(struct stream_relay *relay)
{
    struct mux_stream *src = &relay->src->stream;
    struct slice trailers = { 0 };
    if (relay->src->trailer_len)
        trailers = slice_of(relay->src->in.mem + relay->src->trailer, relay->src->trailer_len);
    enum io io = mux_stream_finish(&relay->dst->stream, src->rx == MUX_BODY_CHUNKED ? trailers : (struct slice){ 0 });
    if (io == IO_AGAIN)
        return STREAM_RELAY_NEEDS_DST;
    if (io == IO_FAIL)
        return STREAM_RELAY_DST_FAILED;
    relay->ended = true;
    return STREAM_RELAY_DONE;
}

static enum stream_relay_state relay_wait_src(struct stream_relay *relay)
{
    enum io io = mux_stream_flush(&relay->dst->stream);
    return io == IO_OK ? STREAM_RELAY_NEEDS_SRC : io == IO_AGAIN ? STREAM_RELAY_NEEDS_DST : STREAM_RELAY_DST_FAILED;
}

static enum stream_relay_state relay_splice(struct stream_relay *relay, uint64_t *moved)
{
    enum io io = splice_once(relay, moved);
    bool dst_blocked = relay->pipe->has != 0;
    if (relay->dst->conn.failed || relay->dst->conn.send_failed) {
        pipe_back(relay);
        return STREAM_RELAY_DST_FAILED;
    }
    if (dst_blocked)
        return io == IO_OK ? STREAM_RELAY_PAUSED : STREAM_RELAY_NEEDS_DST;
    if (io == IO_OK && mux_h1_raw_left(relay->src)) {
        // Unknown lengths that come in small pieces go back to copying.
        if (mux_h1_raw_left(relay->src) == UINT64_MAX && relay->full_reads < RELAY_FULL_READS)
            pipe_back(relay);
        return STREAM_RELAY_PAUSED;
    }
    pipe_back(relay);
    if (relay->src->stream.rx_cut || (io == IO_FAIL && !relay->src->stream.rx_done))
        return STREAM_RELAY_SRC_FAILED;
    return io == IO_AGAIN ? relay_wait_src(relay) : STREAM_RELAY_PAUSED;
}

// STREAM_RELAY_PAUSED means here: something moved, go on.
static enum stream_relay_state relay_bulk(struct stream_relay *relay, uint64_t *moved)
{
    struct mux_h1 *src = relay->src, *dst = relay->dst;
    if (dst->conn.failed || dst->conn.send_failed)
        return STREAM_RELAY_DST_FAILED;
    if (!dst->conn.can_write)
        return STREAM_RELAY_NEEDS_DST;
    uint64_t left = mux_h1_plain_left(src);
    size_t cap, len, sent = 0;
    char *data = transport_tls_bulk(&dst->conn, &cap);
    enum io io = transport_conn_recv(&src->conn, &len, data, left < cap ? (size_t)left : cap);
    mux_h1_spliced_in(src, len);
    if (io == IO_EOF && left == UINT64_MAX && !(src->stream.rx == MUX_BODY_CLOSE && src->conn.cut))
        src->stream.rx_done = true;
    else if (io == IO_EOF || io == IO_FAIL)
        src->stream.rx_cut = true;
    if (src->stream.rx_cut)
        return STREAM_RELAY_SRC_FAILED;
    if (io == IO_AGAIN)
        return relay_wait_src(relay);
    if (!len)
        return STREAM_RELAY_PAUSED;
    io = transport_conn_send(&dst->conn, &sent, data, len);
    mux_h1_spliced_out(dst, sent);
    *moved += sent;
    if (io == IO_FAIL)
        return STREAM_RELAY_DST_FAILED;
    must(sent == len);
    return io == IO_AGAIN ? STREAM_RELAY_NEEDS_DST : STREAM_RELAY_PAUSED;
}

// So it does here.
static enum stream_relay_state relay_copy(struct stream_relay *relay, uint64_t *moved)
{
    struct mux_stream *src = &relay->src->stream;
    struct mux_stream *dst = &relay->dst->stream;
    struct slice span;
    size_t taken;
    enum io io = mux_stream_pull(src, &span);
    if (io == IO_AGAIN) {
        relay->full_reads = 0;
        return relay_wait_src(relay);
    }
    if (io == IO_EOF)
        return STREAM_RELAY_PAUSED;
    if (io == IO_FAIL)
        return STREAM_RELAY_SRC_FAILED;
    if (span.len >= relay->src->in.cap / 2)
        relay->full_reads += relay->full_reads < 255;
    else if (src->rx == MUX_BODY_RAW)
        relay->full_reads = 0;
    io = mux_stream_push(dst, &taken, span);
    mux_stream_consume(src, taken);
    *moved += taken;
    if (io == IO_FAIL)
        return STREAM_RELAY_DST_FAILED;
    return io == IO_AGAIN ? STREAM_RELAY_NEEDS_DST : STREAM_RELAY_PAUSED;
}

static enum stream_relay_state run(struct stream_relay *relay, uint64_t *moved)
{
    uint64_t start = *moved;
    if (relay->ended)
        return STREAM_RELAY_DONE;
    for (;;) {
        enum stream_relay_state state;
        if (wants_splice(relay))
            state = relay_splice(relay, moved);
        else if (relay->src->stream.rx_done)
            return relay_end(relay);
        else if (wants_bulk(relay))
            state = relay_bulk(relay, moved);
        else
            state = relay_copy(relay, moved);
        if (state != STREAM_RELAY_PAUSED)
            return state;
        if (*moved - start >= relay->share)
            return STREAM_RELAY_PAUSED;
    }
}

enum stream_relay_state stream_relay_run(struct stream_relay *relay, uint64_t *moved)
{
    enum stream_relay_state state = relay->broken ? STREAM_RELAY_DST_FAILED : run(relay, moved);
    relay->broken = state == STREAM_RELAY_DST_FAILED;
    relay->waits = (uint8_t)state;
    return state;
}
