// SPDX-License-Identifier: Apache-2.0
#include "mux/h1_wire.h"

// Below this a piece of body is copied behind what is held and goes out with it in one send; above, it is sent from
// where it stands.
enum { COPY_MAX = 2048 };

static bool out_room(struct mux_h1 *h1, size_t len)
{
    if (!buf_reserve(&h1->out, h1->ctx->bufs))
        return false;
    if (buf_room(&h1->out) < len)
        buf_compact(&h1->out);
    return buf_room(&h1->out) >= len;
}

static void out_add(struct mux_h1 *h1, const char *data, size_t len)
{
    if (len)
        memcpy(buf_end(&h1->out), data, len);
    h1->out.tail += (uint32_t)len;
}

bool mux_h1_write(struct mux_h1 *h1, struct slice data)
{
    if (!out_room(h1, data.len))
        return false;
    out_add(h1, data.ptr, data.len);
    return true;
}

static bool edit_framing(const struct http_head *head, struct http_edits *edits, enum mux_body body, uint64_t length)
{
    int first = http_head_find(head, HTTP_FIELD_CONTENT_LENGTH, 0);
    // RFC 9110 section 8.6.
    if (head->is_response && (head->status < 200 || head->status == 204))
        return http_edits_drop_id(edits, head, HTTP_FIELD_CONTENT_LENGTH);
    // What the message itself said counts: a rule that drops, changes or adds the field cannot change the framing.
    bool had = head->flags & HTTP_HEAD_LENGTH;
    bool keep_length =
        body == MUX_BODY_LENGTH || (body == MUX_BODY_NONE && had && (head->is_response || !head->content_length));
    // Repeated equal lengths are one to the sender; the receiver shall not have to think about it.
    // A length that is not that of what is sent is none.
    bool again = first >= 0 && ((head->flags & HTTP_HEAD_LENGTH_AGAIN) || (head->fields[first].value & HTTP_IN_STORE) ||
                                (keep_length && length != head->content_length) ||
                                http_head_find(head, HTTP_FIELD_CONTENT_LENGTH, (unsigned)first + 1) >= 0);
    if (first >= 0 && (!keep_length || again) && !http_edits_drop_id(edits, head, HTTP_FIELD_CONTENT_LENGTH))
        return false;
    if (body == MUX_BODY_CHUNKED)
        return http_edits_add_known(edits, SLICE("transfer-encoding"), SLICE("chunked"));
    if (keep_length && (first < 0 || again)) {
        char digits[24];
        size_t len = 0;
        do
            digits[sizeof(digits) - ++len] = (char)('0' + length % 10);
        while (length /= 10);
        const char *text = http_edits_text(edits, digits + sizeof(digits) - len, len);
        return text && http_edits_add_known(edits, SLICE("content-length"), slice_of(text, len));
    }
    return true;
}

static bool edit_connection(struct mux_h1 *h1, struct http_edits *edits)
{
    if (h1->upgrading)
        return http_edits_add_known(edits, SLICE("connection"), SLICE("upgrade"));
    if (!h1->keep_alive)
        return h1->pretend || http_edits_add_known(edits, SLICE("connection"), SLICE("close"));
    if (h1->is_server && h1->peer_is_10)
        return http_edits_add_known(edits, SLICE("connection"), SLICE("keep-alive"));
    return true;
}

bool mux_h1_start(struct mux_stream *stream, const struct http_head *head, struct http_edits *edits, enum mux_body body,
                  uint64_t length)
{
    struct mux_h1 *h1 = mux_h1_of(stream);
    bool is_interim = head->is_response && head->status < 200 && head->status != 101;
    if (body == MUX_BODY_CHUNKED && h1->is_server && h1->peer_is_10)
        body = MUX_BODY_CLOSE;
    if (body == MUX_BODY_CLOSE)
        h1->keep_alive = false;
    // An interim answer has no say in what becomes of the connection.
    if (!edit_framing(head, edits, body, length) || (!is_interim && !edit_connection(h1, edits)))
        return false;
    if (!buf_reserve(&h1->out, h1->ctx->bufs))
        return false;
    buf_compact(&h1->out);
    size_t len = http_head_write(buf_end(&h1->out), buf_room(&h1->out), head, edits);
    if (!len)
        return false;
    if (UNLIKELY(h1->cases != NULL))
        http_cases_apply(h1->cases, buf_end(&h1->out), len, true);
    h1->out.tail += (uint32_t)len;
    if (is_interim)
        return true;
    if (body == MUX_BODY_LENGTH && !length)
        body = MUX_BODY_NONE;
    stream->tx = (uint8_t)body;
    stream->tx_done = body == MUX_BODY_NONE;
    h1->tx_left = body == MUX_BODY_LENGTH ? length : 0;
    h1->finish_written = false;
    return true;
}

enum io mux_h1_flush(struct mux_stream *stream)
{
    struct mux_h1 *h1 = mux_h1_of(stream);
    size_t len = buf_len(&h1->out);
    size_t sent;
    if (!len)
        return UNLIKELY(h1->conn.held) ? (h1->conn.send_failed ? IO_FAIL : IO_AGAIN) : IO_OK;
    enum io io = transport_conn_send(&h1->conn, &sent, buf_data(&h1->out), len);
    stream->bytes_out += sent;
    buf_consume(&h1->out, sent);
    buf_release_if_empty(&h1->out, h1->ctx->bufs);
    return io;
}

static enum io push_direct(struct mux_h1 *h1, size_t *taken, struct slice data)
{
    struct mux_stream *stream = &h1->stream;
    size_t held = buf_len(&h1->out);
    size_t sent;
    enum io io;
    if (held) {
        struct iovec pieces[2] = { { buf_data(&h1->out), held }, { (char *)data.ptr, data.len } };
        io = transport_conn_sendv(&h1->conn, &sent, pieces, 2);
    } else {
        io = transport_conn_send(&h1->conn, &sent, data.ptr, data.len);
    }
    stream->bytes_out += sent;
    size_t from_held = sent < held ? sent : held;
    if (held) {
        buf_consume(&h1->out, from_held);
        buf_release_if_empty(&h1->out, h1->ctx->bufs);
    }
    *taken = sent - from_held;
    return io;
}

static enum io push_chunk(struct mux_h1 *h1, size_t *taken, struct slice data)
{
    if (!out_room(h1, HTTP_CHUNK_HEAD_MAX + 3 + (data.len < COPY_MAX ? data.len : COPY_MAX))) {
        enum io io = mux_h1_flush(&h1->stream);
        if (io != IO_OK)
            return io;
        if (!out_room(h1, HTTP_CHUNK_HEAD_MAX + 3))
            return IO_FAIL;
    }
    size_t len = buf_room(&h1->out) - HTTP_CHUNK_HEAD_MAX - 2;
    len = len < data.len ? len : data.len;
    // Each chunk is whole, its line end included: whoever waits for the end of one is not left waiting for the next.
    h1->out.tail += (uint32_t)http_chunk_head(buf_end(&h1->out), len, true);
    out_add(h1, data.ptr, len);
    out_add(h1, "\r\n", 2);
    *taken = len;
    return IO_OK;
}

enum io mux_h1_push(struct mux_stream *stream, size_t *taken, struct slice data)
{
    struct mux_h1 *h1 = mux_h1_of(stream);
    enum io io = IO_OK;
    *taken = 0;
    if (h1->conn.failed || h1->conn.send_failed)
        return IO_FAIL;
    if (stream->tx == MUX_BODY_CHUNKED)
        return push_chunk(h1, taken, data);
    // In a tunnel nothing more is to come behind a small piece: it goes out at once, from where it stands.
    bool hold = data.len <= COPY_MAX && (stream->tx != MUX_BODY_RAW || buf_len(&h1->out));
    if (hold && out_room(h1, data.len)) {
        out_add(h1, data.ptr, data.len);
        *taken = data.len;
    } else {
        io = push_direct(h1, taken, data);
    }
    if (stream->tx == MUX_BODY_LENGTH) {
        must(*taken <= h1->tx_left);
        h1->tx_left -= *taken;
        stream->tx_done = !h1->tx_left;
    }
    return io;
}

enum io mux_h1_finish(struct mux_stream *stream, struct slice trailers)
{
    struct mux_h1 *h1 = mux_h1_of(stream);
    if (stream->tx == MUX_BODY_CHUNKED && !h1->finish_written) {
        size_t len = HTTP_CHUNK_HEAD_MAX + 2 + trailers.len;
        if (!out_room(h1, len)) {
            enum io io = mux_h1_flush(stream);
            if (io != IO_OK)
                return io;
            if (!out_room(h1, len))
                return IO_FAIL;
        }
        h1->out.tail += (uint32_t)http_chunk_head(buf_end(&h1->out), 0, true);
        out_add(h1, trailers.ptr, trailers.len);
        if (h1->cases)
            http_cases_apply(h1->cases, buf_end(&h1->out) - trailers.len, trailers.len, false);
        out_add(h1, "\r\n", 2);
        h1->finish_written = true;
    }
    if (stream->tx != MUX_BODY_LENGTH)
        stream->tx_done = true;
    return mux_h1_flush(stream);
}

bool mux_h1_raw_open(const struct mux_h1 *h1)
{
    return !h1->conn.tls && mux_h1_plain_open(h1);
}

bool mux_h1_plain_open(const struct mux_h1 *h1)
{
    const struct mux_stream *stream = &h1->stream;
    return !buf_len(&h1->out) && stream->tx != MUX_BODY_CHUNKED && stream->tx != MUX_BODY_NONE;
}

void mux_h1_spliced_out(struct mux_h1 *h1, size_t len)
{
    struct mux_stream *stream = &h1->stream;
    stream->bytes_out += len;
    if (stream->tx == MUX_BODY_LENGTH) {
        must(len <= h1->tx_left);
        h1->tx_left -= len;
        stream->tx_done = !h1->tx_left;
    }
}
