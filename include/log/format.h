// SPDX-License-Identifier: Apache-2.0
// Turns a record and its message into the line a sink gets, in HAProxy's formats. Pure but for the local time zone.
// Internal to the log area; used by the controller alone.
#pragma once

#include "log/table.h"

// Dates are made once a second. Zeroed at first.
struct log_dates {
    uint64_t second;
    bool valid;
    char syslog[32]; // "Nov 21 21:41:04"
    char iso[32];    // "2026-11-21T21:41:04"
    char zone[8];    // "+00:00"
};

enum { LOG_LINE_MAX = 65536 }; // of a whole line with its line feed: the longest `len` and one

// log_format_line writes the line for `message` with its line feed to `dst`, which has room for LOG_LINE_MAX bytes, and
// returns its length. A datagram has at most `entry->max_len` bytes before the line feed, a line for a descriptor that
// many with it.
size_t log_format_line(struct log_dates *dates, char *dst, const struct log_sink_entry *entry,
                       const struct log_record *record, struct slice message);
