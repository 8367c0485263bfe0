// SPDX-License-Identifier: Apache-2.0
// What the converter when() asks of a stream, or of what is left of one when it is logged.
#include "stream/log.h"

// As for option dontlog-normal.
static bool ended_well(const struct expr_subject *subject)
{
    const struct stream *stream = subject->stream;
    const struct stream_log *log = subject->log;
    if (stream)
        return stream->end == STREAM_END_OK && !stream->retries && !stream->redispatched &&
               (stream->session->conf->mode != PROXY_MODE_HTTP || stream->status < 500);
    return log && log->end == STREAM_END_OK && !log->retries && !log->redispatched &&
           (!log->is_http || log->status < 500);
}

bool stream_condition_holds(const struct expr_subject *subject, enum expr_condition condition)
{
    const struct stream *stream = subject->stream;
    const struct stream_log *log = subject->log;
    bool forwarded =
        stream ? stream->server && stream->times.connected_us : log && log->server && log->times.connected_us;
    bool served = stream && stream->service;
    switch (condition) {
    case EXPR_IF_ERROR:
        return (stream || log) && !ended_well(subject);
    case EXPR_IF_NORMAL:
        return ended_well(subject);
    case EXPR_IF_FORWARDED:
        return forwarded;
    case EXPR_IF_TO_APPLET:
        return served;
    case EXPR_IF_PROCESSED:
        return forwarded || served;
    default:
        return false;
    }
}
