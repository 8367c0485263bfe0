// SPDX-License-Identifier: Apache-2.0
#include "mux/h1_wire.h"

// Bytes of `in` before `pin` hold the head: they stay where they are until mux_h1_unpin, the body comes behind them.

static void in_make_room(struct mux_h1 *h1)
{
    struct buf *in = &h1->in;
    size_t len = buf_len(in);
    if (in->head == h1->pin)
        return;
    // Making room writes over body bytes that a retry would need.
    if (!len) {
        if (buf_room(in) >= in->cap / 2 && h1->can_rewind)
            return;
        in->head = in->tail = h1->pin;
    } else {
        if (buf_room(in))
            return;
        memmove(in->mem + h1->pin, in->mem + in->head, len);
        in->head = h1->pin;
        in->tail = h1->pin + (uint32_t)len;
    }
    h1->can_rewind = false;
}

static enum io in_fill(struct mux_h1 *h1)
{
    struct mux_stream *stream = &h1->stream;
    size_t got;
    if (!h1->conn.can_read && !h1->conn.read_closed && !h1->conn.failed)
        return IO_AGAIN;
    if (!buf_reserve(&h1->in, h1->ctx->bufs))
        return IO_FAIL;
    in_make_room(h1);
    if (!buf_room(&h1->in))
        return IO_AGAIN;
    enum io io = transport_conn_recv(&h1->conn, &got, buf_end(&h1->in), buf_room(&h1->in));
    h1->in.tail += (uint32_t)got;
    stream->bytes_in += got;
    if (got)
        h1->rx_started = true;
    else if (!h1->pin)
        buf_release_if_empty(&h1->in, h1->ctx->bufs);
    return io;
}

bool mux_h1_fill(struct mux_h1 *h1)
{
    buf_compact(&h1->in);
    return in_fill(h1) == IO_OK;
}

bool mux_h1_raw_fill(struct mux_h1 *h1)
{
    while (mux_h1_fill(h1))
        continue;
    return !h1->conn.read_closed && !h1->conn.failed && (!h1->in.mem || buf_room(&h1->in));
}

bool mux_h1_body_fill(struct mux_h1 *h1)
{
    // Without a body nothing is pinned, and the bytes are those of the next message.
    if (h1->stream.rx_done || !h1->in.mem)
        return false;
    while (in_fill(h1) == IO_OK)
        continue;
    return !h1->conn.read_closed && !h1->conn.failed && buf_room(&h1->in);
}

size_t mux_h1_body_len(const struct mux_h1 *h1, bool *whole)
{
    const struct mux_stream *stream = &h1->stream;
    size_t len = buf_len(&h1->in), sum = 0, at = 0;
    *whole = stream->rx_done || stream->rx_cut;
    if (*whole)
        return 0;
    if (stream->rx == MUX_BODY_LENGTH) {
        *whole = len >= h1->rx_left;
        return *whole ? h1->rx_left : len;
    }
    if (stream->rx != MUX_BODY_CHUNKED) {
        *whole = h1->conn.read_closed;
        return len;
    }
    struct http_chunk chunk = h1->rx_chunk;
    at = sum = h1->span;
    while (at < len) {
        size_t used, data_off, data_len;
        enum http_chunk_step result =
            http_chunk_decode(&chunk, &used, &data_off, &data_len, buf_data(&h1->in) + at, len - at);
        if (result == HTTP_CHUNK_MORE)
            break;
        *whole = result != HTTP_CHUNK_DATA;
        if (*whole)
            break;
        at += data_off + data_len;
        sum += data_len;
    }
    return sum;
}

static void in_drop(struct mux_h1 *h1, size_t len)
{
    must(len <= buf_len(&h1->in));
    h1->in.head += (uint32_t)len;
    if (h1->in.head != h1->in.tail || h1->can_rewind)
        return;
    h1->in.head = h1->in.tail = h1->pin;
    if (!h1->pin)
        buf_release(&h1->in, h1->ctx->bufs);
}

// Only the start line can be blamed for a head that is too long when it is not even over.
static enum mux_head too_long(const struct mux_h1 *h1)
{
    struct slice data = slice_of(buf_data(&h1->in), buf_len(&h1->in));
    return slice_find(data, '\n') == data.len && h1->is_server ? MUX_HEAD_URI_LONG : MUX_HEAD_LONG;
}

static enum mux_body request_body(const struct http_head *head)
{
    if (head->flags & HTTP_HEAD_CHUNKED)
        return MUX_BODY_CHUNKED;
    return head->flags & HTTP_HEAD_LENGTH && head->content_length ? MUX_BODY_LENGTH : MUX_BODY_NONE;
}

static enum mux_body response_body(const struct http_head *head, enum http_method method)
{
    if (!http_response_has_body(head, method))
        return MUX_BODY_NONE;
    if (head->flags & HTTP_HEAD_CHUNKED)
        return MUX_BODY_CHUNKED;
    if (!(head->flags & HTTP_HEAD_LENGTH))
        return MUX_BODY_CLOSE;
    return head->content_length ? MUX_BODY_LENGTH : MUX_BODY_NONE;
}

static void head_done(struct mux_h1 *h1, struct http_head *head, enum http_method method)
{
    struct mux_stream *stream = &h1->stream;
    h1->peer_is_10 = (head->flags & HTTP_HEAD_VERSION_10) != 0;
    stream->rx = h1->is_server ? request_body(head) : response_body(head, method);
    stream->rx_done = stream->rx == MUX_BODY_NONE;
    stream->rx_cut = false;
    if (!stream->rx_done) {
        // The head stays where it stands: behind one that came in a pipeline there may be no room for the body.
        buf_compact(&h1->in);
        head->base = buf_data(&h1->in);
    }
    h1->rx_left = stream->rx == MUX_BODY_LENGTH ? head->content_length : 0;
    http_chunk_init(&h1->rx_chunk);
    if (head->flags & HTTP_HEAD_CLOSE || stream->rx == MUX_BODY_CLOSE ||
        (h1->peer_is_10 && !(head->flags & HTTP_HEAD_KEEP_ALIVE)))
        h1->keep_alive = false;
    h1->in.head += head->len;
    h1->pin = h1->in.head;
    h1->span = h1->rewindable = h1->trailer_len = h1->bad_at = 0;
    h1->can_rewind = h1->is_server;
}

enum mux_head mux_h1_read_head(struct mux_stream *stream, struct http_head *head, enum http_method method)
{
    struct mux_h1 *h1 = mux_h1_of(stream);
    for (;;) {
        size_t len = buf_len(&h1->in);
        if (len) {
            enum http_bad bad = HTTP_BAD_NONE;
            head->base = buf_data(&h1->in);
            enum http_parse result =
                h1->is_server ? http_head_parse_request(head, &bad, len) : http_head_parse_response(head, &bad, len);
            stream->bad = (uint8_t)bad;
            if (result == HTTP_PARSE_DONE) {
                if (head->len > h1->ctx->head_max)
                    return MUX_HEAD_LONG;
                head_done(h1, head, method);
                return MUX_HEAD_OK;
            }
            if (result == HTTP_PARSE_BAD)
                return MUX_HEAD_BAD;
            if (result == HTTP_PARSE_MANY)
                return MUX_HEAD_LONG;
            if (len >= h1->ctx->head_max)
                return too_long(h1);
        }
        // A pipelined head may start far back in the buffer; offsets let it move.
        if (h1->in.mem && h1->in.head && buf_room(&h1->in) < h1->ctx->head_max)
            buf_compact(&h1->in);
        enum io io = in_fill(h1);
        if (io == IO_AGAIN)
            return MUX_HEAD_AGAIN;
        if (io != IO_OK)
            return h1->rx_started ? MUX_HEAD_CUT : io == IO_EOF ? MUX_HEAD_EOF : MUX_HEAD_FAIL;
    }
}

static enum io body_cut(struct mux_stream *stream)
{
    stream->rx_cut = true;
    mux_h1_of(stream)->keep_alive = false;
    return IO_FAIL;
}

static enum io pull_plain(struct mux_h1 *h1, struct slice *span)
{
    struct mux_stream *stream = &h1->stream;
    for (;;) {
        size_t len = buf_len(&h1->in);
        if (stream->rx == MUX_BODY_LENGTH && len > h1->rx_left)
            len = h1->rx_left;
        if (len) {
            *span = slice_of(buf_data(&h1->in), len);
            return IO_OK;
        }
        if (stream->rx == MUX_BODY_LENGTH && !h1->rx_left) {
            stream->rx_done = true;
            return IO_EOF;
        }
        enum io io = in_fill(h1);
        // Where the connection's end is that of the body, TLS must say that it was meant (RFC 9112 section 9.8).
        if (io == IO_EOF && stream->rx == MUX_BODY_CLOSE && h1->conn.cut)
            return body_cut(stream);
        if (io == IO_EOF && stream->rx != MUX_BODY_LENGTH) {
            stream->rx_done = true;
            return IO_EOF;
        }
        if (io == IO_EOF || io == IO_FAIL)
            return body_cut(stream);
        if (io == IO_AGAIN)
            return IO_AGAIN;
    }
}

// The trailer section is checked and kept where it is; it goes out with mux_stream_finish.
static enum io pull_trailers(struct mux_h1 *h1)
{
    struct mux_stream *stream = &h1->stream;
    struct http_head trailers;
    enum http_bad bad = HTTP_BAD_NONE;
    size_t len = http_trailer_len(buf_data(&h1->in), buf_len(&h1->in));
    // Longer ones could not be sent on in one piece.
    if ((len ? len : buf_len(&h1->in)) > h1->ctx->head_max)
        return body_cut(stream);
    if (!len)
        return IO_AGAIN;
    http_head_init(&trailers, h1->ctx->trailers, h1->ctx->max_fields);
    trailers.base = buf_data(&h1->in);
    if (http_fields_parse(&trailers, &bad, len) != HTTP_PARSE_DONE) {
        stream->bad = (uint8_t)bad;
        h1->bad_at = h1->in.head;
        return body_cut(stream);
    }
    h1->trailer = h1->in.head;
    h1->trailer_len = (uint32_t)len - 2;
    // Not in_drop: the bytes must stay until they were sent.
    h1->in.head += (uint32_t)len;
    stream->rx_done = true;
    return IO_EOF;
}

static enum io pull_chunked(struct mux_h1 *h1, struct slice *span)
{
    struct mux_stream *stream = &h1->stream;
    for (;;) {
        size_t len = buf_len(&h1->in);
        if (len) {
            size_t used, data_off, data_len;
            switch (http_chunk_decode(&h1->rx_chunk, &used, &data_off, &data_len, buf_data(&h1->in), len)) {
            case HTTP_CHUNK_DATA:
                h1->in.head += (uint32_t)data_off;
                h1->rewindable += (uint32_t)data_off;
                h1->span = (uint32_t)data_len;
                *span = slice_of(buf_data(&h1->in), data_len);
                return IO_OK;
            case HTTP_CHUNK_TRAILER: {
                h1->in.head += (uint32_t)used;
                h1->rewindable += (uint32_t)used;
                enum io io = pull_trailers(h1);
                if (io != IO_AGAIN)
                    return io;
                if (!buf_room(&h1->in) && h1->in.head == h1->pin)
                    return body_cut(stream);
                break;
            }
            case HTTP_CHUNK_MORE:
                h1->rewindable += (uint32_t)used;
                in_drop(h1, used);
                break;
            case HTTP_CHUNK_BAD:
                h1->bad_at = h1->in.head + (uint32_t)(used ? used - 1 : 0);
                return body_cut(stream);
            }
        }
        enum io io = in_fill(h1);
        if (io == IO_EOF || io == IO_FAIL)
            return body_cut(stream);
        if (io == IO_AGAIN)
            return IO_AGAIN;
    }
}

enum io mux_h1_pull(struct mux_stream *stream, struct slice *span)
{
    struct mux_h1 *h1 = mux_h1_of(stream);
    *span = (struct slice){ 0 };
    if (stream->rx_done)
        return IO_EOF;
    if (stream->rx_cut)
        return IO_FAIL;
    if (h1->span) {
        *span = slice_of(buf_data(&h1->in), h1->span);
        return IO_OK;
    }
    return stream->rx == MUX_BODY_CHUNKED ? pull_chunked(h1, span) : pull_plain(h1, span);
}

void mux_h1_consume(struct mux_stream *stream, size_t len)
{
    struct mux_h1 *h1 = mux_h1_of(stream);
    if (stream->rx == MUX_BODY_CHUNKED) {
        h1->span -= (uint32_t)len;
    } else if (stream->rx == MUX_BODY_LENGTH) {
        h1->rx_left -= len;
        stream->rx_done = !h1->rx_left;
    }
    h1->rewindable += (uint32_t)len;
    in_drop(h1, len);
}

bool mux_h1_rewind(struct mux_h1 *h1)
{
    if (!h1->can_rewind || !h1->is_server)
        return false;
    struct mux_stream *stream = &h1->stream;
    if (stream->rx == MUX_BODY_LENGTH)
        h1->rx_left += h1->rewindable;
    h1->in.head = h1->pin;
    h1->rewindable = h1->span = h1->trailer_len = 0;
    http_chunk_init(&h1->rx_chunk);
    stream->rx_done = stream->rx == MUX_BODY_NONE;
    return !stream->rx_cut;
}

uint64_t mux_h1_raw_left(const struct mux_h1 *h1)
{
    return h1->conn.tls ? 0 : mux_h1_plain_left(h1);
}

uint64_t mux_h1_plain_left(const struct mux_h1 *h1)
{
    const struct mux_stream *stream = &h1->stream;
    if (buf_len(&h1->in) || stream->rx_done || stream->rx_cut)
        return 0;
    if (stream->rx == MUX_BODY_LENGTH)
        return h1->rx_left;
    return stream->rx == MUX_BODY_CLOSE || stream->rx == MUX_BODY_RAW ? UINT64_MAX : 0;
}

void mux_h1_spliced_in(struct mux_h1 *h1, size_t len)
{
    struct mux_stream *stream = &h1->stream;
    stream->bytes_in += len;
    h1->can_rewind = false;
    if (stream->rx == MUX_BODY_LENGTH) {
        h1->rx_left -= len;
        stream->rx_done = !h1->rx_left;
    }
}
