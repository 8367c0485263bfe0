// SPDX-License-Identifier: Apache-2.0
// Log lines over a connection (TCP or a unix stream socket): a bounded buffer of whole lines that a syslog server is
// sent in its own time, framed as RFC 6587 says. It never waits: the connection is made and fed as far as it goes
// whenever the drain runs; what the full buffer does not take is lost and counted, what stands in it outlives the
// connection, so that a server's restart loses nothing. Internal to the log area; used by the controller alone.
#pragma once

#include "log/table.h"

enum log_stream_state { LOG_STREAM_CLOSED, LOG_STREAM_CONNECTING, LOG_STREAM_OPEN };

struct log_stream {
    struct log_sink_entry *entry; // on the board, whose is_failing it writes
    struct board *board;     // records are done on its rings
    struct log_table *table; // whose totals it counts in
    int fd;
    enum log_stream_state state;
    char *buf; // frames: where their record stands, their length, their bytes
    size_t cap;
    size_t start; // of the first frame
    size_t len;   // bytes of all
    uint32_t num_lines;
    uint32_t done;     // bytes of the first frame that this connection took
    uint64_t due_us;   // monotonic: when connecting has lasted too long, or what waits has waited too long
    uint64_t retry_us; // not connected before
};

// log_stream_new makes one for `entry`, without a connection; NULL where memory is exhausted.
struct log_stream *log_stream_new(struct board *board, struct log_table *table, struct log_sink_entry *entry);

// log_stream_free closes it and forgets what waits.
void log_stream_free(struct log_stream *stream);

// log_stream_forget forgets what waits; a connection in the middle of a line ends.
void log_stream_forget(struct log_stream *stream);

// log_stream_lose loses what waits.
void log_stream_lose(struct log_stream *stream);

// log_stream_add puts the line of `len` bytes, its line feed included, whose record is at `mark`, behind those that wait;
// it is lost and counted where there is no room.
void log_stream_add(struct log_stream *stream, const char *line, size_t len, const struct log_mark *mark);

// log_stream_run connects, and sends what the connection takes. `now_us` is monotonic.
void log_stream_run(struct log_stream *stream, uint64_t now_us);
