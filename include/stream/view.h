// SPDX-License-Identifier: Apache-2.0
// How streams and tunnels look from outside, for `show sess`: which of them are meant, and what is said of one, in a
// line or at length. And the numbers by which operators name them, which no two streams of all processes that live
// share. Runs in workers, between their turns of traffic; it changes nothing.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/text.h"
#include "stream/stream.h"

struct stream_tunnel;

enum { STREAM_VIEW_NAME = 280, STREAM_VIEW_VERSION = 2 };

enum {
    STREAM_VIEW_DETAIL = 1 << 0,
    STREAM_VIEW_URI = 1 << 1,  // with the request's target
    STREAM_VIEW_SUSP = 1 << 2, // only those that look as if they were stuck
};

// Which streams are meant, and how they shall look; the question of BOARD_INQUIRY_SESSIONS and BOARD_INQUIRY_SHUTDOWN.
// Names are of the configuration of the worker that is asked, which may be an older one.
struct stream_wanted {
    uint32_t version; // STREAM_VIEW_VERSION: the worker may be of another program
    uint32_t flags;   // STREAM_VIEW_*
    uint64_t id;      // 0: any
    uint64_t older_us;
    uint64_t before_us;              // monotonic: those that began later are not meant; 0: all are
    char frontend[STREAM_VIEW_NAME]; // "": any
    char backend[STREAM_VIEW_NAME];
    char server[STREAM_VIEW_NAME]; // of `backend`
};

// stream_view_id gives the identifier of the stream `number` of process `inc`.
uint64_t stream_view_id(struct board *board, uint32_t inc, uint64_t number);

// stream_view_inc gives the live worker whose stream `id` would be, 0 where there is none.
uint32_t stream_view_inc(struct board *board, uint64_t id);

// stream_view_id_read reads an identifier as `show sess` writes it, with or without "0x". False where it is none.
bool stream_view_id_read(uint64_t *id, const char *text);

// One that is looked at. Of `stream` and `tunnel` one is NULL.
struct stream_view {
    struct stream_ctx *ctx;
    const struct stream *stream;
    const struct stream_tunnel *tunnel;
};

// stream_view_is_stream says whether the stream has begun for those who look: its request has come. As HAProxy has it,
// who waits for one, or has sent a part of its head, has no stream.
bool stream_view_is_stream(const struct stream *stream);

// stream_view_is_wanted says whether it is among those that are meant.
bool stream_view_is_wanted(const struct stream_view *view, const struct stream_wanted *wanted);

// stream_view_add appends what is to be said of it.
void stream_view_add(struct text *out, const struct stream_view *view, const struct stream_wanted *wanted);
