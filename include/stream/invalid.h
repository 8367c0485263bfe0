// SPDX-License-Identifier: Apache-2.0
// Malformed messages, kept as they came for `show errors` (proxy/invalid.h). Runs in workers, only once a message was
// refused.
#pragma once

#include "stream/stream.h"

// stream_invalid_head keeps the request's head, or the answer's, that was just refused (mux_stream.bad).
void stream_invalid_head(const struct stream *stream, bool is_response) __attribute__((cold));

// stream_invalid_body does so where the fault is in the framing of a body; nothing where there is none.
void stream_invalid_body(const struct stream *stream, bool is_response) __attribute__((cold));
