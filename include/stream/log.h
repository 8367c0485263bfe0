// SPDX-License-Identifier: Apache-2.0
// The log lines of streams and connections: what they say (format strings of the frontend, HAProxy's formats built in)
// and, for tunnels that outlive their stream, a copy of what they will need. Runs in workers; a line is written into
// the worker's ring and never waits.
#pragma once

#include "proxy/log_conf.h"
#include "stream/stream.h"

// What a log line tells. Texts are borrowed; stream_log_keep copies them.
struct stream_log {
    const struct proxy_session *session;
    const struct proxy_conf *frontend;
    const struct backend *backend;
    const struct server *server;
    bool status_page; // it was answered by that
    struct stream_times times;
    struct transport_address src;    // what rules made of the client's address, AF_UNSPEC: nothing
    struct transport_address dst;    // and of the one it connected to
    struct transport_address source; // that we connected to the server from; AF_UNSPEC: not known
    uint64_t end_us;
    int64_t queue_us; // -1: it did not come to that
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint32_t id; // counts the requests of this process
    uint32_t retries;
    uint32_t queue_before;
    uint32_t backend_queue_before;
    uint16_t status;
    char retried[STREAM_RETRIED_LEN]; // why, as in struct stream
    uint8_t end;
    uint8_t step;      // enum proxy_log_step it is written at
    uint8_t log_level; // 0: by how it ended, 1 + a syslog level, or STREAM_LEVEL_SILENT
    char end_phase;
    uint8_t cookie_seen;
    uint8_t cookie_set;
    bool redispatched;
    bool is_http;
    bool is_first; // the first request of its connection
    bool asap;     // written before the end: sizes and times get a '+'
    struct slice request_line;
    struct slice unique_id;
    struct stream_captures *captures; // the stream's; a kept copy has its own
};

// stream_log_is_due says whether streams of `frontend` write a log line at all.
bool stream_log_is_due(const struct proxy_conf *frontend);

// stream_log_write writes the lines for `log` to the frontend's targets, each in its format. `stream` is the one it
// tells of, NULL where that is gone, or was never there: expressions then know the connection alone.
void stream_log_write(struct stream_ctx *ctx, const struct stream_log *log, struct stream *stream);

// stream_log_handshake writes the line of a connection of `session` that failed before any stream: where it came from
// and when, the frontend and its bind, what went wrong (session->error) and, where it is known (else NULL), the
// `reason`; or what error-log-format says.
void stream_log_handshake(struct stream_ctx *ctx, struct proxy_session *session, const char *reason);

// stream_log_step writes lines at `step` where log-steps asks for them then.
void stream_log_step(struct stream *stream, enum proxy_log_step step);

// stream_log_accept does so for a connection that was just accepted.
void stream_log_accept(struct stream_ctx *ctx, struct proxy_session *session);

// stream_log_now writes lines at once, for the action do-log in the rule set `step`. `stream` may be NULL.
void stream_log_now(struct stream_ctx *ctx, struct proxy_session *session, struct stream *stream,
                    enum proxy_log_step step);

// stream_log_fill takes what is known of `stream`; the request line is borrowed from its head.
void stream_log_fill(struct stream_log *log, const struct stream *stream);

// stream_log_fill_session takes what is known of a connection without a stream.
void stream_log_fill_session(struct stream_log *log, const struct stream_ctx *ctx, const struct proxy_session *session);

// stream_note_source keeps the address that the stream's connection to its server comes from (%bi, %bp), which it is
// about to give back.
void stream_note_source(struct stream *stream);

// stream_log_keep gives a copy that outlives the stream, to be freed with stream_log_free; NULL where memory is
// exhausted.
struct stream_log *stream_log_keep(const struct stream_log *log, uint32_t max_request_line);

// stream_log_free frees such a copy; it may be NULL.
void stream_log_free(struct stream_log *log);

// stream_log_boot compiles the built-in formats; done once in each process, by stream_ctx_init.
void stream_log_boot(void);

// stream_unique_id gives the id that unique-id-format makes for `stream`, made when first asked for; ptr NULL without
// one.
struct slice stream_unique_id(struct stream *stream);
