// SPDX-License-Identifier: Apache-2.0
// Bytes of streams and tunnels in the counters of whom they pass through.
#include "stream/steps.h"

void stream_count_bytes(const struct proxy_session *session, const struct backend *backend, const struct server *server,
                        uint64_t in, uint64_t out)
{
    proxy_session_count(session, PROXY_COUNT_BYTES_IN, in);
    proxy_session_count(session, PROXY_COUNT_BYTES_OUT, out);
    if (backend) {
        backend_count(backend->counters, PROXY_COUNT_BYTES_IN, in);
        backend_count(backend->counters, PROXY_COUNT_BYTES_OUT, out);
    }
    if (server) {
        backend_count(server->counters, PROXY_COUNT_BYTES_IN, in);
        backend_count(server->counters, PROXY_COUNT_BYTES_OUT, out);
    }
}

void stream_count_request(const struct stream *stream)
{
    const struct proxy_session *session = stream->session;
    _Atomic uint64_t *gauges = board_gauges(stream->ctx->board, session->conf->fe_object);
    backend_count(session->counters, PROXY_COUNT_REQUESTS, 1);
    backend_count(session->counters, PROXY_COUNT_REQ_HTTP1, 1);
    proxy_gauge_raise(&gauges[PROXY_GAUGE_REQUEST_RATE_MAX],
                      board_rate_add(&gauges[PROXY_GAUGE_REQUEST_RATE], stream->ctx->loop->now_us, 1));
}

// What comes after the request (the next one, sent ahead) is not its own: at the end it may turn out to be less.
static uint64_t more_than(uint64_t counted, uint64_t now)
{
    return now > counted ? now - counted : 0;
}

void stream_count_spliced(const struct proxy_session *session, const struct backend *backend, struct stream_relay *up,
                          struct stream_relay *down)
{
    if (LIKELY(!(up->spliced | down->spliced)))
        return;
    backend_count(session->counters, PROXY_COUNT_SPLICED_IN, up->spliced);
    backend_count(session->counters, PROXY_COUNT_SPLICED_OUT, down->spliced);
    if (backend) {
        backend_count(backend->counters, PROXY_COUNT_SPLICED_IN, down->spliced);
        backend_count(backend->counters, PROXY_COUNT_SPLICED_OUT, up->spliced);
    }
    up->spliced = down->spliced = 0;
}

void stream_count_rest(struct stream *stream)
{
    stream_count_spliced(stream->session, stream->backend, &stream->up, &stream->down);
    stream_count_bytes(stream->session, stream->backend, stream->server,
                       more_than(stream->counted_in, stream->bytes_in),
                       more_than(stream->counted_out, stream->bytes_out));
}

void stream_count_progress(struct stream *stream)
{
    const struct mux_stream *front = &stream->front->stream;
    uint64_t in = stream->bytes_in ? stream->bytes_in : front->bytes_in;
    stream_count_bytes(stream->session, stream->backend, stream->server, more_than(stream->counted_in, in),
                       more_than(stream->counted_out, front->bytes_out));
    stream_count_spliced(stream->session, stream->backend, &stream->up, &stream->down);
    stream->counted_in = in;
    stream->counted_out = front->bytes_out;
    stream->counted_us = stream->ctx->loop->now_us;
}
