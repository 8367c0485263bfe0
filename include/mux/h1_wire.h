// SPDX-License-Identifier: Apache-2.0
// The operations of the HTTP/1 mux, in two halves: what comes in (h1_rx.c) and what goes out (h1_tx.c). Private to the
// area: others use mux/stream.h. Contracts are those of the functions of the same name there.
#pragma once

#include "mux/h1.h"

// mux_h1_read_head implements mux_stream_read_head.
enum mux_head mux_h1_read_head(struct mux_stream *stream, struct http_head *head, enum http_method method);

// mux_h1_pull implements mux_stream_pull.
enum io mux_h1_pull(struct mux_stream *stream, struct slice *span);

// mux_h1_consume implements mux_stream_consume.
void mux_h1_consume(struct mux_stream *stream, size_t len);

// mux_h1_start implements mux_stream_start.
bool mux_h1_start(struct mux_stream *stream, const struct http_head *head, struct http_edits *edits, enum mux_body body,
                  uint64_t length);

// mux_h1_push implements mux_stream_push.
enum io mux_h1_push(struct mux_stream *stream, size_t *taken, struct slice data);

// mux_h1_finish implements mux_stream_finish.
enum io mux_h1_finish(struct mux_stream *stream, struct slice trailers);

// mux_h1_flush implements mux_stream_flush.
enum io mux_h1_flush(struct mux_stream *stream);
