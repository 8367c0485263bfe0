// SPDX-License-Identifier: Apache-2.0
// The table of sinks on the board and the records in the rings, shared by those who write messages and the one who
// drains them. Keepers add entries, nobody changes or removes one. Internal to the log area.
#pragma once

#include <stdatomic.h>
#include "log/log.h"

// One distinct combination of where and how lines are sent.
struct log_sink_entry {
    struct log_address to;
    uint32_t max_len;
    uint32_t format;   // enum log_format, never LOG_FORMAT_UNSET
    uint32_t facility; // 0-23
    struct log_stream_conf stream;
    uint32_t sample; // lines that share a sample have one number, 0: none
    uint32_t reserved;
    char tag[LOG_TAG_MAX + 1];
    char hostname[LOG_HOSTNAME_MAX + 1]; // empty: none
};

struct log_table {
    _Atomic uint32_t num_sinks;
    _Atomic uint32_t inc_limit; // one more than the highest incarnation that ever wrote
    _Atomic int32_t drainer;    // process that is reading rings, 0 for none
    _Atomic uint64_t sent;
    _Atomic uint64_t dropped;              // at sinks
    _Atomic uint32_t turns[LOG_MAX_SINKS]; // messages that came to the samples of each sink
    struct log_sink_entry sinks[LOG_MAX_SINKS];
};

// What stands before the message in a ring.
struct log_record {
    uint64_t wall_us;
    uint32_t sink;
    int32_t pid;
    uint32_t level;
    uint32_t sd_len; // the message begins with that much structured data
};

// log_table_get maps the table, or makes it. NULL with errno on failure. See board_section for who may call it.
struct log_table *log_table_get(struct board *board);
