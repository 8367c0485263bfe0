// SPDX-License-Identifier: Apache-2.0
// One open sink: a socket or descriptor with a batch of lines before it. It never waits: datagrams that a network does
// not take are lost and counted; a unix socket, pipe, terminal or stream that is full keeps its batch for later and
// loses what no longer fits. A record stays in its ring (board_ring_done) until the kernel took its line, or until it
// is lost for another reason: a controller that is killed leaves what waits here to the next one, which may then send
// once more what went out with the last system call, LOG_SINK_BATCH datagrams or one write. Internal to the log area;
// used by the controller alone.
#pragma once

#include "log/stream.h"

enum {
    LOG_SINK_BATCH = 32,  // datagrams for one system call
    LOG_SINK_LINES = 512, // that wait
};

enum log_sink_kind {
    LOG_SINK_CLOSED,
    LOG_SINK_DATAGRAM,
    LOG_SINK_STREAM_SOCKET,
    LOG_SINK_FILE,
    LOG_SINK_CONNECTION,
    LOG_SINK_RING
};

struct log_sink {
    struct log_sink_entry *entry; // on the board
    struct board *board;
    struct log_table *table; // whose totals it counts in
    enum log_sink_kind kind;
    struct log_stream *stream; // LOG_SINK_CONNECTION: all of it is there
    struct board_events *ring; // LOG_SINK_RING, likewise
    int fd;
    bool owned;        // fd is ours to close
    uint64_t retry_us; // monotonic; not tried before, after a failure
    char *buf;
    size_t cap;       // bytes of buf
    size_t batch_max; // bytes gathered before they are written: PIPE_BUF for a pipe, so that lines stay whole
    size_t len;       // bytes waiting in buf
    uint32_t num_lines;
    uint32_t ends[LOG_SINK_LINES]; // of each line in buf
    struct log_mark marks[LOG_SINK_LINES];
};

// log_sink_init prepares a sink for `entry` without opening it; `table` counts what it sends and loses, which is done on
// the rings of `board`.
void log_sink_init(struct log_sink *sink, struct board *board, struct log_table *table, struct log_sink_entry *entry);

// log_sink_fini closes it and forgets what waits, which stays in the rings.
void log_sink_fini(struct log_sink *sink);

// log_sink_forget forgets what waits. Of a line that is cut in two the rest is not sent.
void log_sink_forget(struct log_sink *sink);

// log_sink_lose loses what waits.
void log_sink_lose(struct log_sink *sink);

// log_sink_open opens it unless it is open or failed less than a second before `now_us` (monotonic). False where it
// stays closed.
bool log_sink_open(struct log_sink *sink, uint64_t now_us);

// log_sink_add puts the line of `len` bytes behind those that wait, flushing first where it does not fit. `mark` is where
// its record stands.
void log_sink_add(struct log_sink *sink, const char *line, size_t len, const struct log_mark *mark, uint64_t now_us);

// log_sink_waits says whether lines wait in it.
bool log_sink_waits(const struct log_sink *sink);

// log_sink_flush sends what waits.
void log_sink_flush(struct log_sink *sink, uint64_t now_us);
