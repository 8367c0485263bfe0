// SPDX-License-Identifier: Apache-2.0
// Log lines on their way out. A process that carries traffic writes a finished message into its ring on the board and
// makes no system call; the controller drains all rings and sends each message to its targets in their formats. Where a
// target is, is written on the board too (a table that only grows, one entry per distinct `log` line), so that the
// controller of any generation can send what any worker left behind.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/slice.h"
#include "base/arena.h"
#include "board/board.h"

// Syslog severities (RFC 5424 section 6.2.1).
enum log_level { LOG_LEVEL_EMERG, LOG_LEVEL_ALERT, LOG_LEVEL_CRIT, LOG_LEVEL_ERR, LOG_LEVEL_WARNING, LOG_LEVEL_NOTICE,
                 LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

enum log_format { LOG_FORMAT_LOCAL, LOG_FORMAT_RFC3164, LOG_FORMAT_RFC5424, LOG_FORMAT_PRIORITY, LOG_FORMAT_SHORT,
                  LOG_FORMAT_TIMED, LOG_FORMAT_ISO, LOG_FORMAT_RAW };

// One `log` line of the configuration. Lives in the configuration's arena.
struct log_target {
    struct log_target *next;
    const char *address; // "127.0.0.1:514", "/dev/log", "stdout", "stderr", "fd@3", "udp@...": as written
    uint32_t sink;       // its number in the table on the board, set by log_targets_publish
    uint32_t max_len;    // of a line, default 1024
    uint8_t format;      // enum log_format
    uint8_t facility;    // 0-23
    uint8_t max_level;   // messages less severe than this are not sent, default LOG_LEVEL_DEBUG
    uint8_t min_level;   // messages more severe are sent as if they were this, default LOG_LEVEL_EMERG
};

// log_target_parse reads the arguments of a `log` line (address [len n] [format f] [sample ...: refused] facility [level
// [minlevel]]) into a new target; errors are reported at the right argument. HAProxy manual, keyword `log`.
struct config;
struct config_line;
struct log_target *log_target_parse(struct config *config, const struct config_line *line, uint32_t index);

// log_targets_publish gives every target on `list` its sink number on the board. `tag` is log-tag, `hostname` the name in
// the syslog header or NULL for none (log-send-hostname). Keeper only; false with errno where the table is full.
bool log_targets_publish(struct board *board, struct log_target *list, const char *tag, const char *hostname);

// log_send writes the message to the ring of process `inc`, for every target on `list` that wants `level`. `wall_us` is
// the loop's time of day. What does not fit is dropped and counted (board_ring_dropped).
void log_send(struct board *board, uint32_t inc, const struct log_target *list, enum log_level level,
              uint64_t wall_us, struct slice message);

// The controller's side.
struct log_drain;

// log_drain_new makes what drains the rings; sinks are opened on first use. NULL with errno on failure.
struct log_drain *log_drain_new(struct board *board);

// log_drain_free closes all sinks.
void log_drain_free(struct log_drain *drain);

// log_drain_run sends all that waits in the rings of all incarnations and returns how many messages that were. A sink that
// would block loses the message, which is counted. At most `max` messages, so that the caller's loop stays lively.
uint32_t log_drain_run(struct log_drain *drain, uint32_t max);

// log_drain_dropped gives how many messages were lost since the start, in rings and at sinks.
uint64_t log_drain_dropped(const struct log_drain *drain);

// Messages of the processes themselves (not of traffic) go to standard error in HAProxy's form:
//   [NOTICE]   (1234) : New worker (1240) forked
// log_say prints one such line; used by master, keeper and at boot.
void log_say(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
