// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include "http/fault.h"
#include "proxy/invalid.h"
#include "stream/invalid.h"

static void name_put(char *out, const char *name)
{
    snprintf(out, PROXY_INVALID_NAME, "%s", name);
}

// Bits of our own, where HAProxy has those of its.
static uint32_t conn_flags(const struct mux_h1 *h1)
{
    return (uint32_t)h1->is_server | (uint32_t)h1->keep_alive << 1 | (uint32_t)h1->peer_is_10 << 2 |
           (uint32_t)(h1->conn.tls != NULL) << 3 | (uint32_t)h1->conn.read_closed << 4 | (uint32_t)h1->conn.failed << 5;
}

static uint32_t stream_flags(const struct stream *stream)
{
    return (uint32_t)stream->reused | (uint32_t)stream->head_sent << 1 | (uint32_t)stream->got_answer << 2 |
           (uint32_t)stream->answer_head << 3 | (uint32_t)stream->redispatched << 4 | (uint32_t)stream->upgrade << 5;
}

// The bytes of a chunked body before the fault, as far as it stands in the buffer.
static uint64_t body_before(const struct mux_h1 *h1)
{
    struct http_chunk chunk;
    uint64_t sum = 0;
    uint32_t at = h1->pin;
    http_chunk_init(&chunk);
    while (at < h1->bad_at) {
        size_t used, data_off, data_len;
        if (http_chunk_decode(&chunk, &used, &data_off, &data_len, h1->in.mem + at, h1->bad_at - at) != HTTP_CHUNK_DATA)
            break;
        at += (uint32_t)used;
        sum += data_len;
    }
    return sum;
}

static void keep(const struct stream *stream, bool is_response, struct slice bytes, struct http_fault fault,
                 bool in_body)
{
    const struct proxy_conf *frontend = stream->session->conf;
    const struct proxy_conf *backend = stream->backend ? stream->backend->conf : NULL;
    const struct proxy_conf *proxy = is_response ? backend : frontend, *other = is_response ? frontend : backend;
    const struct mux_h1 *h1 = is_response ? &stream->back->h1 : stream->front;
    const struct http_head *head = is_response ? &stream->response : &stream->request;
    char src[TRANSPORT_ADDRESS_TEXT_MAX];
    struct proxy_invalid what = {
        .proxy_id = proxy->id,
        .is_response = is_response,
        .wall_us = stream->ctx->loop->wall_us,
        .start = in_body ? 0 : h1->in.head,
        .body_len = in_body ? body_before(h1) : 0,
        .room = h1->in.cap,
        .at = fault.at,
        .state = fault.state,
        .conn_flags = conn_flags(h1),
        .stream_flags = stream_flags(stream),
        .msg_flags = head->flags,
    };
    name_put(what.proxy, proxy->name);
    if (other) {
        name_put(what.other, other->name);
        what.other_id = other->id;
    }
    if (stream->server && is_response) {
        name_put(what.server, stream->server->conf->name);
        what.server_id = stream->server->conf->id;
    }
    size_t len = transport_address_text(&stream->session->src, src);
    snprintf(what.src, sizeof(what.src), "%.*s", (int)len, src);
    proxy_invalid_keep(stream->ctx->board, &what, bytes);
}

void stream_invalid_head(const struct stream *stream, bool is_response)
{
    const struct mux_h1 *h1 = is_response ? &stream->back->h1 : stream->front;
    enum http_bad bad = (enum http_bad)h1->stream.bad;
    if (bad == HTTP_BAD_NONE || !buf_len(&h1->in))
        return;
    struct slice bytes = slice_of(buf_data(&h1->in), buf_len(&h1->in));
    keep(stream, is_response, bytes, http_fault_find(bytes, bad, is_response), false);
}

// Of what came before, the head is still there while nothing took its place.
void stream_invalid_body(const struct stream *stream, bool is_response)
{
    const struct mux_h1 *h1 = is_response ? &stream->back->h1 : stream->front;
    if (!h1->bad_at || !h1->in.mem || h1->in.tail < h1->bad_at)
        return;
    struct http_fault fault = { .at = h1->bad_at, .state = HTTP_STATE_CHUNK_SIZE };
    bool is_data_end = h1->bad_at && h1->in.mem[h1->bad_at] != '\r' && h1->stream.bad == HTTP_BAD_NONE &&
                       h1->rewindable && h1->in.mem[h1->bad_at - 1] != '\n';
    if (h1->stream.bad != HTTP_BAD_NONE)
        fault.state = HTTP_STATE_TRAILERS;
    else if (is_data_end && h1->bad_at == h1->in.head)
        fault.state = HTTP_STATE_CHUNK_CRLF;
    keep(stream, is_response, slice_of(h1->in.mem, h1->in.tail), fault, true);
}
