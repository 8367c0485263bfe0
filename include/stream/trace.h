// SPDX-License-Identifier: Apache-2.0
// What traces (board/trace.h) tell of client connections, requests and tunnels. Runs in workers. Each call is one test
// of a word of struct stream_ctx while nothing of its source is traced, and makes no text then.
#pragma once

#include "board/trace.h"
#include "stream/steps.h"

// stream_trace_on says whether the source is traced.
static inline bool stream_trace_on(const struct stream_ctx *ctx, enum trace_source source)
{
    return UNLIKELY(ctx->traces & TRACE_BIT(source));
}

// stream_trace_say reports `event` (a bit of its source's) of `stream`, with what the format makes.
void stream_trace_say(const struct stream *stream, enum trace_source source, enum trace_level level, uint32_t event,
                      const char *format, ...) __attribute__((format(printf, 5, 6), cold));

// stream_trace_session_say does so for a connection of a client, where there is no stream, or none is meant.
void stream_trace_session_say(const struct stream_ctx *ctx, const struct proxy_session *session,
                              enum trace_source source, enum trace_level level, uint32_t event, const char *format, ...)
    __attribute__((format(printf, 6, 7), cold));

// stream_trace_tunnel_say does so for a tunnel.
void stream_trace_tunnel_say(const struct stream_tunnel *tunnel, enum trace_level level, uint32_t event,
                             const char *format, ...) __attribute__((format(printf, 4, 5), cold));

// STREAM_TRACE is stream_trace_say where `source`, of which TRACE_ is left out, is traced.
#define STREAM_TRACE(stream, source, level, event, ...)                                                                \
    do {                                                                                                               \
        if (stream_trace_on((stream)->ctx, TRACE_##source))                                                            \
            stream_trace_say((stream), TRACE_##source, TRACE_LEVEL_##level, TRACE_##event, __VA_ARGS__);               \
    } while (0)

// stream_trace_wait reports that it waits, and for what.
void stream_trace_wait(const struct stream *stream) __attribute__((cold));

// stream_trace_end reports its end.
void stream_trace_end(const struct stream *stream) __attribute__((cold));

// stream_trace_end_name gives `end` in words.
const char *stream_trace_end_name(enum stream_end end);

// stream_trace_head reports a head that came (`received`) or was sent, line by line where that is asked for.
void stream_trace_head(const struct stream *stream, const struct http_head *head, bool received) __attribute__((cold));

// stream_trace_conn reports what happens to the stream's connection to its server.
void stream_trace_conn(const struct stream *stream, const char *what) __attribute__((cold));

// stream_trace_tls reports how the handshake with its server ended; `reason` NULL: well.
void stream_trace_tls(const struct stream *stream, const char *reason) __attribute__((cold));
