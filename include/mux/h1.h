// SPDX-License-Identifier: Apache-2.0
// HTTP/1 over one connection, either side: server role towards clients, client role towards origins. One message at a
// time in each direction, so the connection and its only stream are one object. In raw mode (TCP proxying, tunnels) it
// is just two buffers around the connection. It holds buffers only while bytes are in flight. RFC 9112.
#pragma once

#include "http/case.h"
#include "http/chunk.h"
#include "mux/stream.h"

struct mux_h1 {
    struct mux_stream stream;
    struct transport_conn conn;
    struct mux_ctx *ctx;
    struct buf in;
    struct buf out;
    uint32_t pin;        // bytes at the start of `in` that hold the head in use
    uint32_t span;       // decoded body bytes at the front of `in`
    uint32_t rewindable; // body bytes consumed that still stand behind the head, for a retry
    uint32_t bad_at;     // offset in `in` of the byte that no chunk may have, 0: none
    uint32_t trailer;    // offset in `in` and length of the trailer fields
    uint32_t trailer_len;
    const struct http_cases *cases; // how names are written to the peer; NULL: as they are. Set after mux_h1_init
    uint64_t rx_left;
    uint64_t tx_left;
    struct http_chunk rx_chunk;
    bool is_server : 1;  // towards a client
    bool keep_alive : 1; // the connection may carry another message after this one
    bool peer_is_10 : 1; // the peer's last head said HTTP/1.0
    bool finish_written : 1;
    bool can_rewind : 1;
    bool rx_started : 1; // some byte of the current message came
    bool pretend : 1;    // the peer is not told that keep_alive is false
    bool upgrading : 1;  // start writes Connection: upgrade
};

// mux_h1_init sets up `h1` around a connection that transport_conn_init or transport_conn_connect has already filled in
// (h1->conn). `on_event` is called after each event on it.
void mux_h1_init(struct mux_h1 *h1, struct mux_ctx *ctx, bool is_server);

// mux_h1_next makes `h1` ready for the next message in both directions; bytes that came early stay.
void mux_h1_next(struct mux_h1 *h1);

// mux_h1_raw ends messages: from now on bytes are just bytes, early ones first.
void mux_h1_raw(struct mux_h1 *h1);

// mux_h1_unpin lets go of the head's bytes, once nothing refers to them.
void mux_h1_unpin(struct mux_h1 *h1);

// mux_h1_rewind makes the request's body start over, so that it can be sent to another server; false where bytes of it
// are gone.
bool mux_h1_rewind(struct mux_h1 *h1);

// mux_h1_can_reuse says whether the connection may carry another message now: both messages complete, nothing unread or
// unsent, kept alive by both sides.
bool mux_h1_can_reuse(const struct mux_h1 *h1);

// mux_h1_raw_left gives how many bytes may be taken off the wire without looking at them (UINT64_MAX: until the end),
// or 0 while some are still in the buffer, framing must be read, or TLS is on them.
uint64_t mux_h1_raw_left(const struct mux_h1 *h1);

// mux_h1_plain_left gives the same for bytes that come through transport_conn_recv, be there TLS or not.
uint64_t mux_h1_plain_left(const struct mux_h1 *h1);

// mux_h1_plain_open says whether bytes may be put on the connection without framing, nothing being held.
bool mux_h1_plain_open(const struct mux_h1 *h1);

// mux_h1_raw_open says whether bytes may be put on the wire without framing and TLS, nothing being held.
bool mux_h1_raw_open(const struct mux_h1 *h1);

// mux_h1_spliced_in accounts for `len` bytes that left the wire directly.
void mux_h1_spliced_in(struct mux_h1 *h1, size_t len);

// mux_h1_spliced_out accounts for `len` bytes that were put on the wire directly.
void mux_h1_spliced_out(struct mux_h1 *h1, size_t len);

// mux_h1_write puts `data` (a finished answer, a PROXY header) behind what is held to be sent; false where it does not
// fit.
bool mux_h1_write(struct mux_h1 *h1, struct slice data);

// mux_h1_fill reads more into the buffer in raw mode while bytes still wait in it; false where nothing came.
bool mux_h1_fill(struct mux_h1 *h1);

// mux_h1_raw_fill does so until nothing more is there now. False where none will come or fit.
bool mux_h1_raw_fill(struct mux_h1 *h1);

// mux_h1_body_fill reads more of the body into the buffer behind the head, for whoever looks at it before it is passed
// on; nothing of it may have been consumed. False where no more will come or fit.
bool mux_h1_body_fill(struct mux_h1 *h1);

// mux_h1_body_len gives how many bytes of the body, without framing, stand in the buffer and are not consumed yet;
// `*whole`: that is all of what is left of it (or it turned out malformed: no more will be made of it).
size_t mux_h1_body_len(const struct mux_h1 *h1, bool *whole);

// mux_h1_close closes the connection and gives back all memory. `reset`: the peer sees a RST.
void mux_h1_close(struct mux_h1 *h1, bool reset);

// mux_h1_of gives the mux that `stream` belongs to.
static inline struct mux_h1 *mux_h1_of(struct mux_stream *stream)
{
    return CONTAINER_OF(stream, struct mux_h1, stream);
}
