// SPDX-License-Identifier: Apache-2.0
// Traces: what happens to single requests, connections and checks, told as it happens, for who looks for one thing
// among many. Sources have events; a setting of each says which are reported, in what detail, for whom, and where to,
// in HAProxy's words (management guide, `trace`). Settings reach all processes through the journal; whether a trace
// runs, and what it locked on, is one truth for all processes of a generation, on the board. A trace point is one test
// of a word while nothing is traced; while something is, no process waits or makes a system call for it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/check.h"
#include "base/text.h"

struct board;
struct board_events;

enum trace_source { TRACE_SESSION, TRACE_STREAM, TRACE_H1, TRACE_SSL, TRACE_CHECK, TRACE_NUM_SOURCES };

// Bits of the word that trace points test.
#define TRACE_BIT(source) (1u << (source))

enum trace_level {
    TRACE_LEVEL_ERROR,
    TRACE_LEVEL_USER,
    TRACE_LEVEL_PROTO,
    TRACE_LEVEL_STATE,
    TRACE_LEVEL_DATA,
    TRACE_LEVEL_DEVELOPER,
    TRACE_NUM_LEVELS
};

enum trace_verbosity {
    TRACE_QUIET,    // who and what happened
    TRACE_CLEAN,    // and the proxies
    TRACE_MINIMAL,  // and the client's address
    TRACE_SIMPLE,   // and the request line and status
    TRACE_ADVANCED, // and times and bytes
    TRACE_COMPLETE, // and header fields
    TRACE_NUM_VERBOSITIES
};

enum trace_lock {
    TRACE_LOCK_NOTHING,
    TRACE_LOCK_BACKEND,
    TRACE_LOCK_FRONTEND,
    TRACE_LOCK_LISTENER,
    TRACE_LOCK_SERVER,
    TRACE_LOCK_SESSION,
    TRACE_LOCK_STREAM,
    TRACE_LOCK_THREAD,
    TRACE_NUM_LOCKS
};

enum trace_state { TRACE_STOPPED, TRACE_WAITING, TRACE_RUNNING, TRACE_KEEP };

// Events, by source, as bits of a mask.
enum {
    TRACE_SESS_NEW = 1 << 0,
    TRACE_SESS_READY = 1 << 1,
    TRACE_SESS_IDLE = 1 << 2,
    TRACE_SESS_ERR = 1 << 3,
    TRACE_SESS_END = 1 << 4,
};
enum {
    TRACE_STRM_NEW = 1 << 0,
    TRACE_STRM_FREE = 1 << 1,
    TRACE_STRM_ERR = 1 << 2,
    TRACE_STRM_PROC = 1 << 3,
    TRACE_STRM_WAIT = 1 << 4,
    TRACE_STRM_QUEUE = 1 << 5,
    TRACE_STRM_RETRY = 1 << 6,
    TRACE_STRM_CONN = 1 << 7,
    TRACE_STRM_TUNNEL = 1 << 8,
};
enum {
    TRACE_H1_RX_HDRS = 1 << 0,
    TRACE_H1_TX_HDRS = 1 << 1,
    TRACE_H1_RX_ERR = 1 << 2,
};
enum {
    TRACE_SSL_CLIENT = 1 << 0,
    TRACE_SSL_SERVER = 1 << 1,
    TRACE_SSL_ERR = 1 << 2,
};
enum {
    TRACE_CHECK_BEGIN = 1 << 0,
    TRACE_CHECK_RESULT = 1 << 1,
    TRACE_CHECK_ERR = 1 << 2,
};

struct trace_name {
    const char *name;
    const char *help;
};

enum { TRACE_MAX_EVENTS = 12 };

struct trace_source_name {
    struct trace_name source;
    struct trace_name events[TRACE_MAX_EVENTS]; // in the order of their bits; the name of the first unused is NULL
    uint16_t locks;                             // bits 1 << enum trace_lock
};

extern const struct trace_source_name trace_sources[TRACE_NUM_SOURCES];
extern const struct trace_name trace_levels[TRACE_NUM_LEVELS];
extern const struct trace_name trace_verbosities[TRACE_NUM_VERBOSITIES];
extern const struct trace_name trace_locks[TRACE_NUM_LOCKS];

enum { TRACE_MAX_FILTERS = 8, TRACE_SINK_MAX = 64 };

// What a trace is confined to: those of one kind are alternatives, all kinds must fit.
enum trace_filter_kind { TRACE_FILTER_FRONTEND, TRACE_FILTER_BACKEND, TRACE_FILTER_SERVER, TRACE_FILTER_SRC };

struct trace_filter {
    uint8_t kind;
    uint8_t num_bits; // of the address
    uint8_t ip_len;   // 4 or 16
    uint8_t ip[16];   // TRACE_FILTER_SRC
    uint32_t object;  // the others: the number on the board
    char name[2 * TRACE_SINK_MAX];
};

// All that is set for one source; also the entry in the journal.
struct trace_conf {
    uint8_t source; // enum trace_source
    uint8_t level;
    uint8_t verbosity;
    uint8_t lock;
    uint8_t follow; // 1 + enum trace_source, 0: none
    uint8_t state;  // that this change brings about, enum trace_state
    uint8_t num_filters;
    bool relocks;    // this change has the lock begin anew, too
    uint32_t report; // masks of events
    uint32_t start;
    uint32_t pause;
    uint32_t stop;
    char sink[TRACE_SINK_MAX]; // "": none
    struct trace_filter filters[TRACE_MAX_FILTERS];
};

#define TRACE_SECTION "board/traces"

// trace_section writes the name of the section that holds the ring `name` into `out`, room BOARD_NAME_MAX; false where
// `name` is too long.
bool trace_section(char *out, const char *name);

// trace_prepare makes what traces need on the board, in the keeper, before it forks.
bool trace_prepare(struct board *board);

// trace_sink_add opens the ring `name` for `size` bytes as a sink, likewise; `text` says what it is for, and stays.
// False with errno on failure; there may be TRACE_MAX_SINKS.
bool trace_sink_add(struct board *board, const char *name, const char *text, uint64_t size);

enum { TRACE_MAX_SINKS = 16, TRACE_DEFAULT_SIZE = 512 << 10 };

struct trace_sink {
    char name[TRACE_SINK_MAX];
    const char *text;
    struct board_events *events;
};

// trace_sinks gives the sinks of this generation, the first of them buf0, and their number.
const struct trace_sink *trace_sinks(uint32_t *num);

// trace_sink_find gives the sink of that name, NULL where there is none.
const struct trace_sink *trace_sink_find(const char *name);

// trace_conf_of gives the settings of `source` in this process.
const struct trace_conf *trace_conf_of(enum trace_source source);

// trace_conf_set makes them its settings, in the keeper before it forks: traces of the configuration.
void trace_conf_set(const struct trace_conf *conf);

// trace_publish makes them the settings of all processes and gives the number of the change, 0 where the journal has no
// room.
uint64_t trace_publish(const struct trace_conf *conf);

// trace_state_of gives how far the trace is, for this generation.
enum trace_state trace_state_of(enum trace_source source);

// trace_profile_publish switches the measuring of what workers do at each step on or off, in all processes; like
// trace_publish.
uint64_t trace_profile_publish(bool on);

// trace_profiles is 0 while that is off, and else the number of the change that switched it on.
extern uint64_t trace_profiles;

// trace_mask says for which sources trace points have something to do; 0 where nothing is traced.
extern uint32_t trace_mask;

// trace_watch keeps a copy of trace_mask at `mask`, from now on, for who has that at hand; one in a process. NULL: no
// more.
void trace_watch(uint32_t *mask);

// trace_is_on says whether `source` is traced.
static inline bool trace_is_on(enum trace_source source)
{
    return UNLIKELY(trace_mask & TRACE_BIT(source));
}

// What a trace point knows. Numbers on the board and of this process; 0: not known, or none.
struct trace_point {
    enum trace_source source;
    enum trace_level level;
    uint32_t event; // one bit or more
    uint32_t frontend;
    uint32_t backend;
    uint32_t server;
    uint32_t listener;
    uint32_t session;
    uint32_t stream;   // counts those of the process
    uint64_t id;       // of it, as operators see it (show sess)
    const uint8_t *ip; // of the client, or NULL
    uint8_t ip_len;
};

// trace_begin says whether what happens at `point` is reported; it may start or pause the trace. If so the caller
// writes the line with trace_end.
bool trace_begin(const struct trace_point *point);

// trace_verbosity_of gives how much the line is to tell.
enum trace_verbosity trace_verbosity_of(enum trace_source source);

// trace_end writes the line, `text` behind what all have in front: the time, who, what.
void trace_end(const struct trace_point *point, struct slice text);
