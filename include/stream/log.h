// SPDX-License-Identifier: Apache-2.0
// The log line of a stream: what it says (HAProxy's formats of options tcplog, httplog, httplog clf and the default
// one) and, for tunnels that outlive their stream, a copy of what it will need.
#pragma once

#include "stream/stream.h"

// What a log line tells. Texts are borrowed; stream_log_keep copies them.
struct stream_log {
    const struct proxy_session *session;
    const struct proxy_conf *frontend;
    const struct backend *backend;
    const struct server *server;
    struct stream_times times;
    uint64_t end_us;
    int64_t queue_us; // -1: it did not come to that
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint32_t retries;
    uint32_t queue_before;
    uint32_t backend_queue_before;
    uint16_t status;
    uint8_t end;
    char end_phase;
    uint8_t cookie_seen;
    uint8_t cookie_set;
    bool redispatched;
    bool is_http;
    bool asap; // written before the end: sizes and times get a '+'
    struct slice request_line;
};

// stream_log_is_due says whether streams of `frontend` write a log line at all.
bool stream_log_is_due(const struct proxy_conf *frontend);

// stream_log_write formats the line and sends it to the frontend's log targets.
void stream_log_write(struct stream_ctx *ctx, const struct stream_log *log);

// stream_log_handshake writes the line of a connection of `session` that failed before any stream: where it came from
// and when, the frontend and its bind, `what` went wrong and, where it is known (else NULL), the `reason`.
void stream_log_handshake(struct stream_ctx *ctx, const struct proxy_session *session, const char *what,
                          const char *reason);

// stream_log_fill takes what is known of `stream`; the request line is borrowed from its head.
void stream_log_fill(struct stream_log *log, const struct stream *stream);

// stream_log_keep gives a copy that outlives the stream, to be freed with free; NULL where memory is exhausted.
struct stream_log *stream_log_keep(const struct stream_log *log, uint32_t max_request_line);
