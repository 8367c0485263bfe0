// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "log/format.h"
#include "log/sink.h"

enum { DRAIN_TURN = 64 }; // records of one process before the next one's

struct log_drain {
    struct board *board;
    struct log_table *table;
    struct log_sink *sinks[LOG_MAX_SINKS]; // made on first use
    uint32_t serials[LOG_MAX_SINKS];       // of the entries they were made for
    uint32_t num_sinks;                    // bound of those made
    uint32_t next_inc;
    uint64_t next[BOARD_MAX_INCARNATIONS]; // in the ring of each process: what was not read yet
    bool is_leaving;
    struct log_dates dates;
    struct {
        struct log_record record;
        char message[LOG_LINE_MAX];
    } in;
    char line[LOG_LINE_MAX];
};

struct log_drain *log_drain_new(struct board *board)
{
    struct sigaction action;
    struct log_drain *drain = calloc(1, sizeof(*drain));
    if (!drain)
        return NULL;
    drain->board = board;
    drain->table = log_table_get(board);
    if (!drain->table) {
        free(drain);
        return NULL;
    }
    tzset(); // reads the zone's file while it can be reached
    if (sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL)
        signal(SIGPIPE, SIG_IGN);
    return drain;
}

// The number of entries, which a damaged board must not make larger than the table.
static uint32_t num_entries(const struct log_drain *drain)
{
    uint32_t num = atomic_load_explicit(&drain->table->num_sinks, memory_order_acquire);
    return num < LOG_MAX_SINKS ? num : LOG_MAX_SINKS;
}

static bool entry_is_sane(const struct log_sink_entry *entry)
{
    return (entry->to.kind != LOG_ADDRESS_STREAM || entry->stream.cap <= LOG_STREAM_MAX) &&
           entry->to.socket_len <= sizeof(entry->to.socket) && memchr(entry->tag, 0, sizeof(entry->tag)) &&
           memchr(entry->hostname, 0, sizeof(entry->hostname));
}

static void sink_close(struct log_drain *drain, uint32_t number)
{
    if (drain->sinks[number])
        log_sink_fini(drain->sinks[number]);
    free(drain->sinks[number]);
    drain->sinks[number] = NULL;
}

// Gives the sink `number`, NULL where the table has no such entry, or another one by now, or memory is exhausted.
static struct log_sink *get0_sink(struct log_drain *drain, uint32_t number, uint32_t serial)
{
    if (number >= num_entries(drain) || !serial ||
        atomic_load_explicit(&drain->table->sinks[number].serial, memory_order_acquire) != serial ||
        !entry_is_sane(&drain->table->sinks[number]))
        return NULL;
    if (drain->serials[number] != serial) {
        if (drain->sinks[number])
            log_sink_lose(drain->sinks[number]);
        sink_close(drain, number);
    }
    if (!drain->sinks[number]) {
        struct log_sink *sink = malloc(sizeof(*sink));
        if (!sink)
            return NULL;
        log_sink_init(sink, drain->board, drain->table, &drain->table->sinks[number]);
        drain->sinks[number] = sink;
        drain->serials[number] = serial;
        if (number >= drain->num_sinks)
            drain->num_sinks = number + 1;
    }
    return drain->sinks[number];
}

uint32_t log_drain_open(struct log_drain *drain, bool descriptors)
{
    uint32_t failed = 0;
    for (uint32_t number = 0; number < num_entries(drain); number++) {
        const struct log_sink_entry *entry = &drain->table->sinks[number];
        // What only generations named that are gone is opened if there is something left to send.
        if (entry->first && !board_generations_live(drain->board, entry->first, entry->last))
            continue;
        struct log_sink *sink = get0_sink(drain, number, atomic_load(&entry->serial));
        if (sink && sink->entry->to.kind == LOG_ADDRESS_FD && !descriptors)
            continue;
        failed += !sink || !log_sink_open(sink, clock_mono_us());
    }
    return failed;
}

static void flush_all(struct log_drain *drain, uint64_t now_us)
{
    for (uint32_t number = 0; number < drain->num_sinks; number++)
        if (drain->sinks[number])
            log_sink_flush(drain->sinks[number], now_us);
}

// By the board, not by the system: the pid of one that is gone may be anybody's by now.
static bool is_alive(struct board *board, int32_t pid)
{
    enum { LIVE = 1 };
    for (uint32_t inc = 1; inc < board_incarnation_limit(board); inc++) {
        struct board_incarnation *it = board_incarnation_at(board, inc);
        if (atomic_load(&it->state) == LIVE && atomic_load(&it->pid) == pid)
            return true;
    }
    return false;
}

// A ring has one reader. Two controllers live at once while one generation follows another: the second waits its turn.
// The mark of one that died is taken over.
static bool drain_lock(struct log_drain *drain)
{
    struct log_table *table = drain->table;
    int32_t self = (int32_t)getpid(), holder = 0;
    if (atomic_compare_exchange_strong(&table->drainer, &holder, self) || holder == self)
        return true;
    if (!is_alive(drain->board, holder) && atomic_compare_exchange_strong(&table->drainer, &holder, self))
        return true;
    if (!drain->is_leaving)
        atomic_store_explicit(&table->is_wanted, 1, memory_order_relaxed);
    return false;
}

static void drain_unlock(struct log_table *table)
{
    atomic_store_explicit(&table->is_wanted, 0, memory_order_relaxed);
    atomic_store_explicit(&table->drainer, 0, memory_order_release);
}

static bool drain_one(struct log_drain *drain, uint32_t inc, uint64_t now_us)
{
    struct log_mark mark = { .inc = inc };
    int len = board_ring_next(drain->board, inc, &drain->next[inc], &mark.at, &drain->in, sizeof(drain->in));
    if (len < 0)
        return false;
    const struct log_record *record = &drain->in.record;
    struct log_sink *sink = (size_t)len < sizeof(*record) ? NULL : get0_sink(drain, record->sink & 0xffff, record->sink >> 16);
    if (!sink) {
        board_ring_done(drain->board, inc, mark.at);
        atomic_fetch_add_explicit(&drain->table->dropped, 1, memory_order_relaxed);
        return true;
    }
    struct slice message = slice_of(drain->in.message, (size_t)len - sizeof(*record));
    size_t line_len = log_format_line(&drain->dates, drain->line, sink->entry, record, message);
    log_sink_add(sink, drain->line, line_len, &mark, now_us);
    return true;
}

// A sink that takes nothing must not keep the others' lines out: what waits in it has no more than half of a ring.
static void commit(struct log_drain *drain, uint32_t inc, uint64_t now_us)
{
    if (LIKELY(board_ring_commit(drain->board, inc, drain->next[inc], false)))
        return;
    flush_all(drain, now_us);
    if (!board_ring_commit(drain->board, inc, drain->next[inc], false))
        board_ring_commit(drain->board, inc, drain->next[inc], true);
}

// All rings in turn, from where the last call stopped, until all are empty or `max` messages are taken.
static uint32_t drain_rings(struct log_drain *drain, uint32_t limit, uint32_t max, uint64_t now_us)
{
    uint32_t total = 0, empty = 0, num = limit - 1;
    while (total < max && empty < num) {
        uint32_t inc = drain->next_inc = drain->next_inc >= num ? 1 : drain->next_inc + 1;
        uint32_t taken = 0;
        while (taken < DRAIN_TURN && total < max && drain_one(drain, inc, now_us)) {
            taken++;
            total++;
        }
        commit(drain, inc, now_us);
        empty = taken ? 0 : empty + 1;
    }
    return total;
}

static uint32_t ring_limit(const struct log_table *table)
{
    uint32_t limit = atomic_load_explicit(&table->inc_limit, memory_order_acquire);
    return limit < BOARD_MAX_INCARNATIONS ? limit : BOARD_MAX_INCARNATIONS;
}

void log_drain_leave(struct log_drain *drain)
{
    drain->is_leaving = true;
}

void log_drain_free(struct log_drain *drain)
{
    if (!drain)
        return;
    flush_all(drain, clock_mono_us());
    for (uint32_t number = 0; number < drain->num_sinks; number++)
        sink_close(drain, number);
    if (atomic_load(&drain->table->drainer) == (int32_t)getpid())
        drain_unlock(drain->table);
    free(drain);
}

// What waits in the sinks stays in the rings, and is read again by whoever drains next.
static void forget_all(struct log_drain *drain)
{
    for (uint32_t number = 0; number < drain->num_sinks; number++)
        if (drain->sinks[number])
            log_sink_forget(drain->sinks[number]);
    memset(drain->next, 0, sizeof(drain->next));
}

uint32_t log_drain_run(struct log_drain *drain, uint32_t max)
{
    if (!drain_lock(drain))
        return 0;
    uint64_t now_us = clock_mono_us();
    uint32_t limit = ring_limit(drain->table), taken = limit > 1 ? drain_rings(drain, limit, max, now_us) : 0;
    flush_all(drain, now_us);
    for (uint32_t inc = 1; inc < limit; inc++)
        commit(drain, inc, now_us);
    // Another reader would find in the rings what waits here.
    bool waits = log_drain_waits(drain);
    if (waits && drain->is_leaving && atomic_load_explicit(&drain->table->is_wanted, memory_order_relaxed)) {
        forget_all(drain);
        waits = false;
    }
    if (!waits)
        drain_unlock(drain->table);
    return taken;
}

bool log_drain_waits(const struct log_drain *drain)
{
    for (uint32_t number = 0; number < drain->num_sinks; number++)
        if (drain->sinks[number] && log_sink_waits(drain->sinks[number]))
            return true;
    return false;
}

uint64_t log_drain_sent(const struct log_drain *drain)
{
    return atomic_load_explicit(&drain->table->sent, memory_order_relaxed);
}

uint64_t log_drain_dropped(const struct log_drain *drain)
{
    return log_dropped(drain->board);
}

uint64_t log_dropped(struct board *board)
{
    const struct log_table *table = log_table_get(board);
    if (!table)
        return 0;
    uint64_t dropped = atomic_load_explicit(&table->dropped, memory_order_relaxed);
    for (uint32_t inc = 1; inc < ring_limit(table); inc++)
        dropped += board_ring_dropped(board, inc);
    return dropped;
}
