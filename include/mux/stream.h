// SPDX-License-Identifier: Apache-2.0
// A mux stream is one side of an exchange as the stream floor sees it: a head, a body and an end in each direction,
// whatever the wire looks like. HTTP/1 is served by mux/h1.h; HTTP/2 and 3 bring their own operations. Bodies are
// pulled (where the bytes are is told, the caller consumes them) and pushed (framing is added on the way); nothing is
// copied more than once. Runs in workers.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/io.h"
#include "event/loop.h"
#include "http/edit.h"
#include "http/head.h"
#include "transport/conn.h"
#include "transport/pipe.h"

// What all muxes of a worker share.
struct mux_ctx {
    struct event_loop *loop;
    struct buf_pool *bufs;
    struct transport_pipe_pool *pipes;
    struct transport_tls_ctx *tls;
    uint32_t head_max;           // longest head, in bytes: tune.bufsize - tune.maxrewrite
    uint16_t max_fields;         // tune.http.maxhdr
    struct http_field *trailers; // max_fields entries of scratch for checking trailers
};

enum mux_body {
    MUX_BODY_NONE,
    MUX_BODY_LENGTH,  // its length is known
    MUX_BODY_CHUNKED, // it ends by framing; HTTP/1.0 peers get MUX_BODY_CLOSE
    MUX_BODY_CLOSE,   // it ends with the connection
    MUX_BODY_RAW,     // no messages any more: a tunnel
};

enum mux_head {
    MUX_HEAD_OK,
    MUX_HEAD_AGAIN,
    MUX_HEAD_EOF,      // the peer closed before the first byte
    MUX_HEAD_CUT,      // the peer closed, in order or not, within the head
    MUX_HEAD_FAIL,     // the connection failed before the first byte
    MUX_HEAD_BAD,      // malformed, see mux_stream.bad
    MUX_HEAD_LONG,     // longer than head_max, or more than max_fields fields
    MUX_HEAD_URI_LONG, // the start line alone is longer than head_max
    MUX_HEAD_NO_MEMORY,
};

struct mux_stream;

struct mux_ops {
    enum mux_head (*read_head)(struct mux_stream *stream, struct http_head *head, enum http_method method);
    bool (*start)(struct mux_stream *stream, const struct http_head *head, struct http_edits *edits, enum mux_body body,
                  uint64_t length);
    enum io (*pull)(struct mux_stream *stream, struct slice *span);
    void (*consume)(struct mux_stream *stream, size_t len);
    enum io (*push)(struct mux_stream *stream, size_t *taken, struct slice data);
    enum io (*finish)(struct mux_stream *stream, struct slice trailers);
    enum io (*flush)(struct mux_stream *stream);
};

struct mux_stream {
    const struct mux_ops *ops;
    void (*on_event)(struct mux_stream *stream); // set by whoever uses the stream now
    void *user;
    uint64_t bytes_in; // since mux_h1_init or the user's last reset
    uint64_t bytes_out;
    uint8_t bad;  // enum http_bad, after MUX_HEAD_BAD or a malformed body
    uint8_t rx;   // enum mux_body of what comes in
    uint8_t tx;   // enum mux_body of what goes out
    bool rx_done; // the message that comes in is complete
    bool rx_cut;  // it ended before it was complete, or was malformed
    bool tx_done; // the message that goes out is written, perhaps not flushed
};

// mux_stream_read_head reads the next head into `head`, which stays valid until the message is over and mux_h1_unpin.
// For answers `method` is that of the request. The body's framing is then in stream->rx.
static inline enum mux_head mux_stream_read_head(struct mux_stream *stream, struct http_head *head,
                                                 enum http_method method)
{
    return stream->ops->read_head(stream, head, method);
}

// mux_stream_start writes the head to send, with the framing for `body` (`length` for MUX_BODY_LENGTH) and the
// Connection field that fits the connection; the edits have dropped what must not travel. False where it does not fit.
static inline bool mux_stream_start(struct mux_stream *stream, const struct http_head *head, struct http_edits *edits,
                                    enum mux_body body, uint64_t length)
{
    return stream->ops->start(stream, head, edits, body, length);
}

// mux_stream_pull tells where the next bytes of the body are, reading from the wire if none are at hand. IO_EOF: the
// body is complete (rx_done). IO_FAIL: it was cut or malformed (rx_cut).
static inline enum io mux_stream_pull(struct mux_stream *stream, struct slice *span)
{
    return stream->ops->pull(stream, span);
}

// mux_stream_consume gives back the first `len` bytes that mux_stream_pull told of.
static inline void mux_stream_consume(struct mux_stream *stream, size_t len)
{
    stream->ops->consume(stream, len);
}

// mux_stream_push sends body bytes; `*taken` of them are taken, possibly held until mux_stream_flush. IO_AGAIN: the way
// is full, wait for an event.
static inline enum io mux_stream_push(struct mux_stream *stream, size_t *taken, struct slice data)
{
    return stream->ops->push(stream, taken, data);
}

// mux_stream_finish ends the body, with the field lines `trailers` (empty: none) where the framing can carry them. To
// be called again after IO_AGAIN until it gives IO_OK; flushes.
static inline enum io mux_stream_finish(struct mux_stream *stream, struct slice trailers)
{
    return stream->ops->finish(stream, trailers);
}

// mux_stream_flush sends what is held. IO_OK: nothing is left.
static inline enum io mux_stream_flush(struct mux_stream *stream)
{
    return stream->ops->flush(stream);
}
