// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include "stream/track.h"

// Bytes of a stream that is still under way are counted in pieces of that size, or after that time: a small exchange
// changes the entry once.
enum { PIECE_LEN = 16 * 1024, PIECE_US = 1000000 };

static struct stream_track *track_new(struct stream_ctx *ctx)
{
    uint32_t num = ctx->program->global.stick_counters;
    struct stream_track *track = ctx->free_tracks;
    size_t len = sizeof(*track) + num * sizeof(track->counters[0]);
    if (track)
        ctx->free_tracks = track->next_free;
    else
        track = malloc(len);
    if (track)
        memset(track, 0, len);
    return track;
}

void stream_track_free(struct stream_ctx *ctx)
{
    while (ctx->free_tracks) {
        struct stream_track *track = ctx->free_tracks;
        ctx->free_tracks = track->next_free;
        free(track);
    }
}

static const struct stream_track_counter *counter_at(const struct proxy_session *session,
                                                     const struct stream_track *track, uint64_t number)
{
    if (session->track && session->track->counters[number].entry)
        return &session->track->counters[number];
    return track && track->counters[number].entry ? &track->counters[number] : NULL;
}

const struct stream_track_counter *stream_track_of(const struct expr_subject *subject, uint64_t number)
{
    const struct stream_ctx *ctx = subject->process->owner;
    const struct stream *stream = subject->stream;
    if (!subject->session || number >= ctx->program->global.stick_counters)
        return NULL;
    return counter_at(subject->session, stream ? stream->track : NULL, number);
}

// Connections are counted when tracking begins, whatever it is that is tracked.
static void count_connection(struct stick_table *table, struct stick_entry *entry)
{
    stick_add(table, entry, STICK_CONN_CNT, 0, 1);
    stick_add(table, entry, STICK_CONN_RATE, 0, 1);
    stick_touch(table, entry);
}

struct stream_track_counter *stream_track_start(struct expr_subject *subject, uint32_t number,
                                                const struct stick_table_conf *conf, const struct expr_sample *sample)
{
    struct stream_ctx *ctx = subject->process->owner;
    struct proxy_session *session = subject->session;
    struct stream *stream = subject->stream;
    struct stream_track **track = stream ? &stream->track : &session->track;
    char room[STICK_KEY_ROOM];
    struct slice key;
    if (stream_track_of(subject, number) || !stick_key(&key, room, conf, sample))
        return NULL;
    if (!*track && !(*track = track_new(ctx)))
        return NULL;
    struct stream_track_counter *counter = &(*track)->counters[number];
    struct stick_entry *entry = stick_make1(conf->table, key);
    if (!entry)
        return NULL;
    uint32_t hold = stick_hold1(conf->table, entry, true);
    if (!hold) {
        stick_put(conf->table, entry);
        return NULL;
    }
    *counter = (struct stream_track_counter){ .table = conf->table, .entry = entry, .hold = hold };
    count_connection(conf->table, entry);
    return counter;
}

void stream_track_end_now(struct stream_ctx *ctx, struct stream_track **track)
{
    struct stream_track *old = *track;
    for (uint32_t i = 0; i < ctx->program->global.stick_counters; i++) {
        struct stream_track_counter *counter = &old->counters[i];
        if (!counter->entry)
            continue;
        stick_unhold(counter->hold);
    }
    old->next_free = ctx->free_tracks;
    ctx->free_tracks = old;
    *track = NULL;
}

void stream_track_count_all(struct stream_ctx *ctx, const struct proxy_session *session,
                            const struct stream_track *track, enum stick_data count, enum stick_data rate, uint64_t add)
{
    for (uint32_t i = 0; i < ctx->program->global.stick_counters; i++) {
        const struct stream_track_counter *counter = counter_at(session, track, i);
        if (!counter)
            continue;
        stick_add(counter->table, counter->entry, count, 0, add);
        stick_add(counter->table, counter->entry, rate, 0, add);
    }
}

// A connection that goes on for long keeps its entries young.
static void touch(const struct stream *stream)
{
    for (uint32_t i = 0; i < stream->ctx->program->global.stick_counters; i++) {
        const struct stream_track_counter *counter = counter_at(stream->session, stream->track, i);
        if (counter)
            stick_touch(counter->table, counter->entry);
    }
}

void stream_track_request_now(struct stream *stream)
{
    stream_track_count(stream, STICK_HTTP_REQ_CNT, STICK_HTTP_REQ_RATE);
    touch(stream);
}

void stream_track_late(struct stream *stream)
{
    uint32_t num = stream->ctx->program->global.stick_counters;
    for (uint32_t i = 0; stream->track && i < num; i++) {
        struct stream_track_counter *counter = &stream->track->counters[i];
        if (!counter->entry || !counter->is_late)
            continue;
        counter->is_late = false;
        stick_add(counter->table, counter->entry, STICK_HTTP_REQ_CNT, 0, 1);
        stick_add(counter->table, counter->entry, STICK_HTTP_REQ_RATE, 0, 1);
    }
}

void stream_track_bad(struct stream *stream, bool is_error)
{
    stream->track_bad = true;
    stream_track_request(stream);
    if (is_error)
        stream_track_error(stream);
}

void stream_track_status_now(const struct stream *stream)
{
    const struct global_conf *global = &stream->ctx->program->global;
    if (status_codes_has(&global->err_codes, stream->status))
        stream_track_error(stream);
    if (status_codes_has(&global->fail_codes, stream->status))
        stream_track_fail(stream);
}

// A rate of bytes counts in blocks (brates-factor), to the nearest.
static void count_bytes(const struct stream_track_counter *counter, enum stick_data count, enum stick_data rate,
                        uint64_t len)
{
    uint32_t factor = stick_conf_of(counter->table)->brates_factor;
    if (!len)
        return;
    stick_add(counter->table, counter->entry, count, 0, len);
    stick_add(counter->table, counter->entry, rate, 0, factor > 1 ? (len + factor / 2) / factor : len);
}

void stream_track_bytes(struct stream_ctx *ctx, const struct proxy_session *session, const struct stream_track *track,
                        uint64_t bytes_in, uint64_t bytes_out)
{
    for (uint32_t i = 0; i < ctx->program->global.stick_counters; i++) {
        const struct stream_track_counter *counter = counter_at(session, track, i);
        if (!counter)
            continue;
        count_bytes(counter, STICK_BYTES_IN_CNT, STICK_BYTES_IN_RATE, bytes_in);
        count_bytes(counter, STICK_BYTES_OUT_CNT, STICK_BYTES_OUT_RATE, bytes_out);
    }
}

void stream_track_progress_now(struct stream *stream, bool is_end)
{
    const struct mux_stream *front = &stream->front->stream;
    uint64_t now_us = stream->ctx->loop->now_us;
    if (!stream->track_us)
        stream->track_us = now_us;
    // What waits behind the request belongs to the next one.
    uint64_t ours = front->bytes_in - buf_len(&stream->front->in);
    // A retry takes the request back to its start.
    uint64_t in = ours > stream->track_in ? ours - stream->track_in : 0, out = front->bytes_out - stream->track_out;
    if (stream->track_bad || (!is_end && in + out < PIECE_LEN && stream->track_us + PIECE_US > now_us))
        return;
    stream->track_us = now_us;
    stream->track_in += in;
    stream->track_out = front->bytes_out;
    stream_track_bytes(stream->ctx, stream->session, stream->track, in, out);
}
