// SPDX-License-Identifier: Apache-2.0
// Stickiness by stick tables: which server a backend's tables know for a request, and what they learn from it and from
// its answer. Private to the area; runs in workers.
#pragma once

#include "stream/stream.h"

// stream_stick_pick runs the backend's `stick` lines for the request, once for each stream: it notes what is to be
// stored, and gives the server that a table has for the request, or NULL. `assigned`: something else chose a server,
// and what is found only lives on.
struct server *stream_stick_pick(struct stream *stream, bool assigned);

// stream_stick_learn_now is what stream_stick_learn does where there is anything to do.
void stream_stick_learn_now(struct stream *stream, uint32_t when);

// stream_stick_learn runs the `stick store-response` lines for what has come of the answer, and stores that and what
// stream_stick_pick noted, for the server that the stream has. `when` is EXPR_AT_RESPONSE_HEAD or _CONTENT. Again, it
// does nothing.
static inline void stream_stick_learn(struct stream *stream, uint32_t when)
{
    if (UNLIKELY(stream->stick || stream->backend->conf->be.stick_learns))
        stream_stick_learn_now(stream, when);
}

// stream_stick_drop is what stream_stick_free does where there is anything to do.
void stream_stick_drop(struct stream *stream);

// stream_stick_free drops what was noted.
static inline void stream_stick_free(struct stream *stream)
{
    if (UNLIKELY(stream->stick != NULL))
        stream_stick_drop(stream);
}

// stream_sticks_fini frees what streams left to be used again.
void stream_sticks_fini(struct stream_ctx *ctx);
