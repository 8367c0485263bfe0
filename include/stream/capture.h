// SPDX-License-Identifier: Apache-2.0
// Captures: pieces of a request and its answer that are kept for log lines, headers and later rules. Slots are declared
// by the frontend (`capture request header`, `declare capture`, ...): struct frontend_conf says how many there are and
// how long each may be. A stream has memory for them only once something was captured; it is one block, whose insides
// are offsets, so that a log line that outlives its stream takes a plain copy. Runs in workers.
#pragma once

#include "stream/stream.h"

enum stream_capture_side { STREAM_CAPTURE_REQUEST, STREAM_CAPTURE_RESPONSE };

struct stream_captures;

// stream_capture_head captures what the frontend wants of the head that just came whole: header fields and the cookie
// of the request, or of a server's answer. Where memory is exhausted nothing is captured.
void stream_capture_head(struct stream *stream, enum stream_capture_side side);

// stream_capture_set puts `text`, cut to the slot's length, into slot `index`; false where there is no such slot.
bool stream_capture_set(struct stream *stream, enum stream_capture_side side, unsigned index, struct slice text);

// stream_captures_slot gives what slot `index` holds; ptr NULL where nothing was captured. `captures` may be NULL.
struct slice stream_captures_slot(const struct stream_captures *captures, enum stream_capture_side side,
                                  unsigned index);

// stream_captures_cookie gives the captured cookie as "name=value", for %CC and %CS; ptr NULL for none.
struct slice stream_captures_cookie(const struct stream_captures *captures, enum stream_capture_side side);

// stream_captures_copy gives a copy for stream_captures_free; NULL for NULL, or where memory is exhausted.
struct stream_captures *stream_captures_copy(const struct stream_captures *captures);

// stream_captures_free gives the memory back.
void stream_captures_free(struct stream_captures *captures);
