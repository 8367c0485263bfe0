// SPDX-License-Identifier: Apache-2.0
// The table of sinks on the board and the records in the rings, shared by those who write messages and the one who
// drains them. Keepers add entries; one whose generations are all gone gives its place to another where the table is full.
// Internal to the log area.
#pragma once

#include <stdatomic.h>
#include "log/log.h"

enum { LOG_SERIAL_MAX = 0xffff };

// One distinct combination of where and how lines are sent.
struct log_sink_entry {
    struct log_address to;
    uint32_t max_len;
    uint32_t format;   // enum log_format, never LOG_FORMAT_UNSET
    uint32_t facility; // 0-23
    struct log_stream_conf stream;
    uint32_t sample; // lines that share a sample have one number, 0: none
    uint32_t first;  // generations that named it: none before this one
    uint32_t last;   // and none after this one
    _Atomic uint32_t is_failing; // a connection could not be made when it was last tried
    // Which of the entries that had this place it is, 1 to LOG_SERIAL_MAX; 0 while it is written.
    _Atomic uint32_t serial;
    char tag[LOG_TAG_MAX + 1];
    char hostname[LOG_HOSTNAME_MAX + 1]; // empty: none
};

enum { LOG_MAX_SAID = 16 };

// Where messages of the processes themselves go too: a copy of a `log` line of the global section.
struct log_said {
    uint32_t sink;
    uint16_t max_level;
    uint16_t min_level;
    uint32_t group; // those of one log backend have one number, 0: of none
};

struct log_table {
    _Atomic uint32_t num_sinks;
    _Atomic uint32_t inc_limit; // one more than the highest incarnation that ever wrote
    _Atomic int32_t drainer;    // process that is reading rings, 0 for none
    _Atomic uint32_t is_wanted; // by another process, the drainer's place
    _Atomic uint64_t sent;
    _Atomic uint64_t dropped; // at sinks
    _Atomic uint32_t num_said;
    struct log_said said[LOG_MAX_SAID];    // of the newest generation
    _Atomic uint32_t turns[LOG_MAX_SINKS]; // messages that came to the samples of each sink
    struct log_sink_entry sinks[LOG_MAX_SINKS];
};

// What stands before the message in a ring.
struct log_record {
    uint64_t wall_us;
    uint32_t sink; // the place in the table and, from bit 16 on, its serial
    int32_t pid;
    uint32_t level;
    uint32_t sd_len; // the message begins with that much structured data
};

// Where a record stands: the position in the ring of `inc` (board_ring_next).
struct log_mark {
    uint64_t at;
    uint32_t inc;
};

// log_table_get maps the table, or makes it. NULL with errno on failure. See board_section for who may call it.
struct log_table *log_table_get(struct board *board);

// log_record_put writes one message to the ring of process `inc`, for sink number `sink`; `sd` stands before it where
// the sink's format has structured data, ptr NULL for none.
void log_record_put(struct board *board, uint32_t inc, struct log_table *table, uint32_t sink, enum log_level level,
                    uint64_t wall_us, struct slice sd, struct slice message);
