// SPDX-License-Identifier: Apache-2.0
// What a connection or one of its streams tracks: entries of stick tables whose counters follow what happens, numbered
// as in track-sc0, track-sc1, ... A connection's are tracked until it closes, those of a stream until that ends; a
// number that the connection tracks cannot be taken by a stream. Entries are held on the board (stick_hold1), so that
// what a dead worker tracked is given back. Who tracks nothing has no memory for it and pays one comparison of two
// pointers with NULL per event. Runs in workers; one thread.
#pragma once

#include "expr/sample.h"
#include "stream/stream.h"
#include "table/stick.h"

struct stream_track_counter {
    struct stick_table *table;
    struct stick_entry *entry; // NULL: this number is free
    uint32_t hold;
    bool is_late; // the request is to be counted there once the backend's rules of content let it pass
};

// The counters of one connection or stream, tune.stick-counters of them.
struct stream_track {
    struct stream_track *next_free;
    struct stream_track_counter counters[];
};

// stream_track_of gives the counter numbered `number` that `subject` tracks, or NULL.
const struct stream_track_counter *stream_track_of(const struct expr_subject *subject, uint64_t number);

// stream_track_start lets the stream of `subject`, or its connection where there is none, track the entry of `key` as
// `number`, counts the connection there and gives the counter. NULL, and nothing happens, where that number is taken,
// the key of another kind, or the table full.
struct stream_track_counter *stream_track_start(struct expr_subject *subject, uint32_t number,
                                                const struct stick_table_conf *conf, const struct expr_sample *key);

// stream_track_end_now is what stream_track_end does where there is anything to do.
void stream_track_end_now(struct stream_ctx *ctx, struct stream_track **track);

// stream_track_end gives up what `*track` tracks and frees it; it is NULL then, and may have been.
static inline void stream_track_end(struct stream_ctx *ctx, struct stream_track **track)
{
    if (UNLIKELY(*track != NULL))
        stream_track_end_now(ctx, track);
}

// stream_track_count_all counts `add` events of the kind `count`, and of its rate `rate`, in all that `session` and
// `track` (of its stream, or NULL) track.
void stream_track_count_all(struct stream_ctx *ctx, const struct proxy_session *session,
                            const struct stream_track *track, enum stick_data count, enum stick_data rate,
                            uint64_t add);

// stream_track_count counts one event of the exchange of `stream`; for nothing where nothing is tracked.
static inline void stream_track_count(const struct stream *stream, enum stick_data count, enum stick_data rate)
{
    if (stream->session->track || stream->track)
        stream_track_count_all(stream->ctx, stream->session, stream->track, count, rate, 1);
}

// stream_track_request_now is what stream_track_request does where there is anything to do.
void stream_track_request_now(struct stream *stream);

// stream_tracks says whether the stream or its connection tracks anything.
static inline bool stream_tracks(const struct stream *stream)
{
    return UNLIKELY(stream->session->track || stream->track);
}

// stream_track_request counts the request once its frontend's rules of content let it pass. Once only.
static inline void stream_track_request(struct stream *stream)
{
    if (stream_tracks(stream) && !stream->track_counted)
        stream_track_request_now(stream);
    stream->track_counted = true;
}

// stream_track_late counts it once more where the backend's rules of content track, when these let it pass.
void stream_track_late(struct stream *stream);

// stream_track_bad counts a request that could not be read, as an error too unless it is only late. Its bytes are not.
void stream_track_bad(struct stream *stream, bool is_error);

// stream_track_error counts an error of the client.
static inline void stream_track_error(const struct stream *stream)
{
    stream_track_count(stream, STICK_HTTP_ERR_CNT, STICK_HTTP_ERR_RATE);
}

// stream_track_fail counts a failure of the server.
static inline void stream_track_fail(const struct stream *stream)
{
    stream_track_count(stream, STICK_HTTP_FAIL_CNT, STICK_HTTP_FAIL_RATE);
}

// stream_track_status_now is what stream_track_status does where there is anything to do.
void stream_track_status_now(const struct stream *stream);

// stream_track_status counts what the status of a server's answer says of client and server (http-err-codes,
// http-fail-codes).
static inline void stream_track_status(const struct stream *stream)
{
    if (stream_tracks(stream))
        stream_track_status_now(stream);
}

// stream_track_bytes counts bytes that moved between client and balancer.
void stream_track_bytes(struct stream_ctx *ctx, const struct proxy_session *session, const struct stream_track *track,
                        uint64_t bytes_in, uint64_t bytes_out);

// stream_track_progress_now is what stream_track_progress does where there is anything to do.
void stream_track_progress_now(struct stream *stream, bool is_end);

// stream_track_progress counts what of the stream's bytes was not counted yet: all at its end, before that not each
// small piece.
static inline void stream_track_progress(struct stream *stream, bool is_end)
{
    if (stream_tracks(stream))
        stream_track_progress_now(stream, is_end);
}

// stream_track_free frees what the process keeps for the next that track.
void stream_track_free(struct stream_ctx *ctx);
