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
#include "config/diag.h"
#include "log/address.h"

// Syslog severities (RFC 5424 section 6.2.1).
enum log_level {
    LOG_LEVEL_EMERG,
    LOG_LEVEL_ALERT,
    LOG_LEVEL_CRIT,
    LOG_LEVEL_ERR,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_NOTICE,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG
};

enum log_format {
    LOG_FORMAT_LOCAL,
    LOG_FORMAT_RFC3164,
    LOG_FORMAT_RFC5424,
    LOG_FORMAT_PRIORITY,
    LOG_FORMAT_SHORT,
    LOG_FORMAT_TIMED,
    LOG_FORMAT_ISO,
    LOG_FORMAT_RAW,
    LOG_FORMAT_UNSET // none was written: rfc3164 with log-send-hostname, local without
};

// How lines go over a connection. For others all is 0.
enum { LOG_STREAM_DEFAULT = 65536, LOG_STREAM_MAX = 1 << 30 };

struct log_stream_conf {
    uint64_t cap;        // bytes that may wait
    uint64_t connect_us; // most that connecting may take
    uint64_t server_us;  // most that what waits may wait while connected
    uint64_t octets;     // RFC 6587 octet counting, rather than a line feed behind each line
};

// `sample 1,3-5:10`: which of each `size` messages are sent.
struct log_sample {
    uint32_t size;
    uint32_t num_ranges;
    struct {
        uint32_t low;
        uint32_t high;
    } ranges[];
};

// A server of a log backend.
struct log_member {
    struct log_address to;
    struct log_stream_conf stream; // where it is spoken to over a connection
};

enum { LOG_NO_MEMBER = UINT32_MAX };

// A log backend: servers that share lines out. Lives in the configuration's arena; who chooses is set before processes
// are forked. Each process that sends a line chooses for itself.
struct log_group {
    struct log_member *members;
    uint32_t num;
    // choose gives the number of the member that gets `message`, or LOG_NO_MEMBER: then it is lost.
    uint32_t (*choose)(void *owner, struct slice message);
    void *owner;
};

// One `log` line of the configuration. Lives in the configuration's arena. It stands on one list only: a proxy that
// says `log global` has copies of the global ones, since its log-tag may differ.
struct log_target {
    struct log_target *next;
    const char *address;             // "127.0.0.1:514", "/dev/log", "stdout", "stderr", "fd@3", "udp@...": as written
    struct log_address to;           // what it means, names resolved
    struct log_table *table;         // on the board, set by log_targets_publish; until then nothing may be sent
    uint32_t sink;                   // its number in that table, likewise
    uint32_t max_len;                // of a line, default 1024
    const char *ring_name;           // `ring@NAME`, until the ring is known; or NULL
    const char *backend_name;        // `backend@NAME`, or NULL; then
    const struct log_group *group;   // its servers, and
    uint32_t *sinks;                 // their numbers in that table; `sink` is the first's
    struct log_stream_conf stream;   // for an address of a connection
    const struct log_sample *sample; // NULL: all
    const char *profile_name;        // of the log-profile it uses, or NULL
    const struct log_profile *profile;
    const char *tag; // of the profile, or NULL
    struct config_place place;
    uint8_t format;    // enum log_format
    uint8_t facility;  // 0-23
    uint8_t max_level; // messages less severe than this are not sent, default LOG_LEVEL_DEBUG
    uint8_t min_level; // messages more severe are sent as if they were this, default LOG_LEVEL_EMERG
};

// log_target_parse reads the arguments of a `log` line (address [len n] [format f] [sample ...] [profile p]
// facility [level [minlevel]]), which start at argument `index`, into a new target in the configuration's arena. NULL
// after an error, which is reported at its argument. A host name is resolved here, which may take time: boot only.
// HAProxy manual, keyword `log`.
struct config;
struct config_line;
struct log_target *log_target_parse(struct config *config, const struct config_line *line, uint32_t index);

// log_format_parse reads argument `index`, the name of a syslog format, into `*out` (enum log_format).
bool log_format_parse(struct config *config, uint8_t *out, const struct config_line *line, uint32_t index);

// log_board_prepare makes the table of sinks on an empty board. The master calls it before it forks the first keeper,
// so that all generations share one. False with errno on failure.
bool log_board_prepare(struct board *board);

enum { LOG_TAG_MAX = 127, LOG_HOSTNAME_MAX = 255, LOG_SD_MAX = 4096, LOG_MAX_SINKS = 1024 };

// log_targets_publish gives every target on `list` its sink number on the board. `tag` is log-tag, `hostname` the name
// in the syslog header or NULL for none (log-send-hostname). Keeper only, before workers are forked; false with errno
// ENOSPC where the table is full, ENAMETOOLONG where `tag` or `hostname` is longer than LOG_TAG_MAX or
// LOG_HOSTNAME_MAX, or that of board_section.
bool log_targets_publish(struct board *board, struct log_target *list, const char *tag, const char *hostname);

// log_send writes the message to the ring of process `inc`, for every target on `list` that wants `level`, without a
// system call. `wall_us` is the loop's time of day. A line feed at the end of `message` is not needed. What does not
// fit is dropped and counted (board_ring_dropped).
void log_send(struct board *board, uint32_t inc, const struct log_target *list, enum log_level level, uint64_t wall_us,
              struct slice message);

// log_send_one is log_send for one target; `sd` is the structured data of a line in format rfc5424, ptr NULL for none.
void log_send_one(struct board *board, uint32_t inc, const struct log_target *target, enum log_level level,
                  uint64_t wall_us, struct slice sd, struct slice message);

// log_target_is_failing says whether the server number `member` of a target's group cannot be connected to, as far as
// the drain has tried. Always false for datagrams.
bool log_target_is_failing(const struct log_target *target, uint32_t member);

// The controller's side.
struct log_drain;

// log_drain_new makes what drains the rings; sinks are opened on first use. NULL with errno on failure. Made by the
// keeper before it forks its controllers, each of which inherits its own copy; a worker frees the copy it inherits. A
// pipe whose reader is gone must not kill the process, so SIGPIPE is ignored from here on.
struct log_drain *log_drain_new(struct board *board);

// log_drain_open opens all sinks there are now, for a keeper that is about to change its root directory or its user: a
// path outside of the new root can be written to for as long as its reader keeps its socket. It returns how many could
// not be opened; they are tried again when there is something to send. Those of inherited descriptors (fd@N, stdout)
// are left out unless `descriptors`: a program that goes to the background must not hold on to them.
uint32_t log_drain_open(struct log_drain *drain, bool descriptors);

// log_drain_free sends what is still buffered if that needs no waiting, and closes all sinks. Sinks fd@N, stdout and
// stderr stay open.
void log_drain_free(struct log_drain *drain);

// log_drain_run sends what waits in the rings of all incarnations, dead ones too, and returns how many messages it took
// out. They leave the rings when the kernel took their lines (see log/sink.h for what a killed process sends twice), or
// when lines that wait for a sink which is full keep half of a ring. A message that its sink cannot take is lost and
// counted. At most `max` messages, so that the caller's loop stays
// lively: it calls again at once when `max` were taken, and otherwise in its own rhythm (a few times a second; also for
// what log_drain_waits). While another live process drains the same board it does nothing and returns 0.
uint32_t log_drain_run(struct log_drain *drain, uint32_t max);

// log_drain_leave says that this process ends soon: it leaves the draining to another that wants to do it, along with
// what waits for a sink that is full.
void log_drain_leave(struct log_drain *drain);

// log_drain_waits says whether lines are buffered for a pipe, terminal or stream that was full: the next log_drain_run
// tries them again.
bool log_drain_waits(const struct log_drain *drain);

// log_drain_sent gives how many lines were handed to sinks since the board was made.
uint64_t log_drain_sent(const struct log_drain *drain);

// log_drain_dropped is log_dropped of the drain's board.
uint64_t log_drain_dropped(const struct log_drain *drain);

// log_dropped gives how many messages were lost since the board was made: in rings that were full, and at sinks that
// took none. For any process that has the board.
uint64_t log_dropped(struct board *board);

// Messages of the processes themselves (not of traffic) go to standard error in HAProxy's form:
//   [NOTICE]   (1234) : New worker (1240) forked
// They reach the servers of a log backend as other lines do; only the master, which knows of no backends, sends its own
// in turn to all that can be connected to.

// log_say prints one such line, in one write: ALERT from LOG_LEVEL_ERR up, WARNING, NOTICE for notices and infos, DIAG
// for debug. Used by master, keeper and at boot. Alerts and warnings of a process that has said log_say_enter also go
// to the targets of log_say_targets: a service in the background has no standard error.
void log_say(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

// log_show is log_say without those targets: for what goes to the log lines of one proxy besides.
void log_show(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

// log_say_text sends each line of `text`, which was shown on standard error by other means, to these targets alone.
void log_say_text(enum log_level level, const char *text);

// log_say_enter tells that this process is `inc` of `board`, which stays where it is; NULL that it is nobody any more.
void log_say_enter(struct board *board, uint32_t inc);

// log_say_targets makes the first LOG_MAX_SAID targets of `list`, published before, those of log_say in all processes.
void log_say_targets(struct board *board, const struct log_target *list);
