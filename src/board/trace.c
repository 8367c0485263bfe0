// SPDX-License-Identifier: Apache-2.0
#include <stdatomic.h>
#include <string.h>
#include "board/board.h"
#include "board/change.h"
#include "board/events.h"
#include "board/trace.h"

enum { TRACE_VERSION = 1, TRACE_GENERATIONS = 16, STATE_BITS = 8, NUMBER_BITS = 32 };

// How far a trace is: the generation (24 bits), the number of the change its settings came with (32), the state. A
// process whose settings are older leaves it alone. What it locked on is void with the next word.
struct trace_cell {
    _Atomic uint64_t word;
    _Atomic uint64_t locked; // 0: nothing yet
};

struct trace_shared {
    struct trace_cell cells[TRACE_GENERATIONS][TRACE_NUM_SOURCES];
};

// What this process knows of its traces.
static struct {
    struct trace_shared *shared;
    struct trace_conf confs[TRACE_NUM_SOURCES];
    uint64_t numbers[TRACE_NUM_SOURCES]; // of the changes they came with, 0: the configuration
    struct trace_sink sinks[TRACE_MAX_SINKS];
    uint32_t num_sinks;
    uint32_t *watch;
    bool is_begun;
} traces;

uint32_t trace_mask;
uint64_t trace_profiles;

// What stands in the journal in place of a struct trace_conf where it is the measuring that is switched.
struct trace_profile {
    uint32_t on;
};

static void begin(void)
{
    if (traces.is_begun)
        return;
    traces.is_begun = true;
    for (uint32_t i = 0; i < TRACE_NUM_SOURCES; i++)
        traces.confs[i] = (struct trace_conf){
            .source = (uint8_t)i, .level = TRACE_LEVEL_USER, .verbosity = TRACE_CLEAN, .report = UINT32_MAX
        };
}

bool trace_prepare(struct board *board)
{
    bool fresh;
    begin();
    traces.shared = board_section(board, &fresh, TRACE_SECTION, TRACE_VERSION, sizeof(*traces.shared));
    return traces.shared && trace_sink_add(board, "buf0", "in-memory ring buffer", TRACE_DEFAULT_SIZE);
}

bool trace_sink_add(struct board *board, const char *name, const char *text, uint64_t size)
{
    char section[BOARD_NAME_MAX];
    struct trace_sink *sink = &traces.sinks[traces.num_sinks];
    if (traces.num_sinks == TRACE_MAX_SINKS || !trace_section(section, name))
        return false;
    sink->events = board_events_open(board, section, size);
    if (!sink->events)
        return false;
    memcpy(sink->name, name, strlen(name) + 1);
    sink->text = text;
    traces.num_sinks++;
    return true;
}

const struct trace_sink *trace_sinks(uint32_t *num)
{
    *num = traces.num_sinks;
    return traces.sinks;
}

const struct trace_sink *trace_sink_find(const char *name)
{
    for (uint32_t i = 0; i < traces.num_sinks; i++)
        if (strcmp(traces.sinks[i].name, name) == 0)
            return &traces.sinks[i];
    return NULL;
}

// ---- settings

const struct trace_conf *trace_conf_of(enum trace_source source)
{
    begin();
    return &traces.confs[source];
}

void trace_watch(uint32_t *mask)
{
    traces.watch = mask;
    if (mask)
        *mask = trace_mask;
}

static void mask_set(enum trace_source source, bool on)
{
    trace_mask = on ? trace_mask | TRACE_BIT(source) : trace_mask & ~TRACE_BIT(source);
    if (traces.watch)
        *traces.watch = trace_mask;
}

// Generation and number, as they stand above the state.
static uint64_t key_of(enum trace_source source)
{
    return (uint64_t)board_changes_generation() << NUMBER_BITS | (uint32_t)traces.numbers[source];
}

static struct trace_cell *cell_of(enum trace_source source)
{
    return &traces.shared->cells[board_changes_generation() % TRACE_GENERATIONS][source];
}

// The word as it is once the newest settings that this process knows count; another may know newer ones.
static uint64_t cell_sync(struct trace_cell *cell, enum trace_source source)
{
    const struct trace_conf *conf = &traces.confs[source];
    uint64_t key = key_of(source), word = atomic_load(&cell->word);
    while (word >> STATE_BITS < key) {
        bool is_ours = word >> (STATE_BITS + NUMBER_BITS) == key >> NUMBER_BITS;
        uint64_t state = conf->state;
        if (state == TRACE_KEEP)
            state = is_ours ? word & ((1 << STATE_BITS) - 1) : TRACE_STOPPED;
        if (atomic_compare_exchange_strong(&cell->word, &word, key << STATE_BITS | state)) {
            if (conf->state != TRACE_KEEP || conf->relocks || !is_ours)
                atomic_store(&cell->locked, 0);
            word = key << STATE_BITS | state;
        }
    }
    return word;
}

enum trace_state trace_state_of(enum trace_source source)
{
    if (!traces.shared)
        return TRACE_STOPPED;
    uint64_t word = cell_sync(cell_of(source), source);
    return (enum trace_state)(word & ((1 << STATE_BITS) - 1));
}

static void conf_take(const struct trace_conf *conf, uint64_t number)
{
    begin();
    enum trace_source source = (enum trace_source)conf->source;
    traces.confs[source] = *conf;
    traces.numbers[source] = number;
    enum trace_state state = TRACE_RUNNING;
    if (number)
        state = trace_state_of(source);
    else
        state = (enum trace_state)conf->state;
    mask_set(source, state != TRACE_STOPPED || conf->follow);
}

void trace_conf_set(const struct trace_conf *conf)
{
    conf_take(conf, 0);
}

static void change_apply(const struct board_change *change)
{
    struct trace_conf conf;
    struct trace_profile profile;
    if (change->len == sizeof(profile)) {
        memcpy(&profile, change->data, sizeof(profile));
        trace_profiles = profile.on ? change->number : 0;
    }
    if (change->len != sizeof(conf) || !traces.shared)
        return;
    memcpy(&conf, change->data, sizeof(conf));
    conf.sink[TRACE_SINK_MAX - 1] = '\0';
    if (conf.source >= TRACE_NUM_SOURCES || conf.level >= TRACE_NUM_LEVELS || conf.verbosity >= TRACE_NUM_VERBOSITIES ||
        conf.lock >= TRACE_NUM_LOCKS || conf.follow > TRACE_NUM_SOURCES || conf.num_filters > TRACE_MAX_FILTERS ||
        conf.state > TRACE_KEEP)
        return;
    conf_take(&conf, change->number);
}

static const struct board_change_kind changes = { .type = BOARD_CHANGE_TRACE, .apply = change_apply };
BOARD_CHANGES(changes);

uint64_t trace_publish(const struct trace_conf *conf)
{
    return board_change_publish(BOARD_CHANGE_TRACE, conf, sizeof(*conf));
}

uint64_t trace_profile_publish(bool on)
{
    struct trace_profile profile = { .on = on };
    return board_change_publish(BOARD_CHANGE_TRACE, &profile, sizeof(profile));
}

// ---- trace points

static uint64_t mark_now(void)
{
    struct board *board = board_changes_board();
    return board ? (uint64_t)board_mark(board, board_incarnation_self(board)) << 32 : 0;
}

// What the criterion says of this point; 0: nothing.
static uint64_t criterion(const struct trace_point *point, enum trace_lock lock)
{
    switch (lock) {
    case TRACE_LOCK_BACKEND:
        return point->backend;
    case TRACE_LOCK_FRONTEND:
        return point->frontend;
    case TRACE_LOCK_LISTENER:
        return point->listener;
    case TRACE_LOCK_SERVER:
        return point->server;
    case TRACE_LOCK_SESSION:
        return point->session ? mark_now() | point->session : 0;
    case TRACE_LOCK_STREAM:
        return point->stream ? mark_now() | point->stream : 0;
    case TRACE_LOCK_THREAD:
        return mark_now() | 1;
    default:
        return 0;
    }
}

static bool lock_holds(struct trace_cell *cell, const struct trace_point *point, enum trace_lock lock, bool may_take)
{
    if (lock == TRACE_LOCK_NOTHING)
        return true;
    uint64_t value = criterion(point, lock), is = atomic_load(&cell->locked);
    if (!value)
        return false;
    // What a process had in hand that died is not seen any more.
    if (is >> 32 && board_mark_is_gone(board_changes_board(), (uint32_t)(is >> 32)) &&
        atomic_compare_exchange_strong(&cell->locked, &is, 0))
        is = 0;
    if (!is && may_take && atomic_compare_exchange_strong(&cell->locked, &is, value))
        return true;
    return is == value;
}

static bool filter_fits(const struct trace_filter *filter, const struct trace_point *point)
{
    switch ((enum trace_filter_kind)filter->kind) {
    case TRACE_FILTER_FRONTEND:
        return point->frontend == filter->object;
    case TRACE_FILTER_BACKEND:
        return point->backend == filter->object;
    case TRACE_FILTER_SERVER:
        return point->server == filter->object;
    case TRACE_FILTER_SRC:
        break;
    }
    if (!point->ip || point->ip_len != filter->ip_len)
        return false;
    for (uint32_t bit = 0; bit < filter->num_bits; bit += 8) {
        uint32_t left = filter->num_bits - bit;
        uint8_t mask = left >= 8 ? 0xff : (uint8_t)(0xff << (8 - left));
        if ((point->ip[bit / 8] ^ filter->ip[bit / 8]) & mask)
            return false;
    }
    return true;
}

// Of each kind there is, one must fit.
static bool filters_fit(const struct trace_conf *conf, const struct trace_point *point)
{
    uint32_t there = 0, fit = 0;
    for (uint32_t i = 0; i < conf->num_filters; i++) {
        const struct trace_filter *filter = &conf->filters[i];
        there |= 1u << filter->kind;
        if (filter_fits(filter, point))
            fit |= 1u << filter->kind;
    }
    return there == fit;
}

// Another source's trace runs, and is locked on what this point tells of.
static bool is_followed(const struct trace_conf *conf, const struct trace_point *point)
{
    if (!conf->follow)
        return false;
    enum trace_source other = (enum trace_source)(conf->follow - 1);
    const struct trace_conf *other_conf = &traces.confs[other];
    return trace_state_of(other) == TRACE_RUNNING && other_conf->lock != TRACE_LOCK_NOTHING &&
           lock_holds(cell_of(other), point, (enum trace_lock)other_conf->lock, false);
}

static void state_set(struct trace_cell *cell, uint64_t word, enum trace_state state)
{
    uint64_t next = (word & ~(uint64_t)((1 << STATE_BITS) - 1)) | state;
    // Where another was first, that is as good.
    if (atomic_compare_exchange_strong(&cell->word, &word, next) && state != TRACE_RUNNING)
        atomic_store(&cell->locked, 0);
}

// Whether the trace's own state lets the point pass; events change the state.
static bool state_passes(struct trace_cell *cell, const struct trace_conf *conf, const struct trace_point *point)
{
    enum trace_source source = point->source;
    uint64_t word = cell_sync(cell, source);
    enum trace_state state = (enum trace_state)(word & ((1 << STATE_BITS) - 1));
    if (word >> STATE_BITS != key_of(source))
        return false;
    if (state == TRACE_STOPPED && !conf->follow)
        mask_set(source, false);
    if (state == TRACE_WAITING && conf->start & point->event && filters_fit(conf, point)) {
        state_set(cell, word, TRACE_RUNNING);
        word = atomic_load(&cell->word);
        state = TRACE_RUNNING;
    }
    if (state != TRACE_RUNNING || !filters_fit(conf, point) ||
        !lock_holds(cell, point, (enum trace_lock)conf->lock, true))
        return false;
    if (conf->stop & point->event)
        state_set(cell, word, TRACE_STOPPED);
    else if (conf->pause & point->event)
        state_set(cell, word, TRACE_WAITING);
    return true;
}

bool trace_begin(const struct trace_point *point)
{
    const struct trace_conf *conf = &traces.confs[point->source];
    if (!traces.shared)
        return false;
    bool passes = state_passes(cell_of(point->source), conf, point);
    if (!passes && !is_followed(conf, point))
        return false;
    return conf->report & point->event && point->level <= conf->level && conf->sink[0];
}

enum trace_verbosity trace_verbosity_of(enum trace_source source)
{
    return (enum trace_verbosity)traces.confs[source].verbosity;
}
