// SPDX-License-Identifier: Apache-2.0
#include "backend/observe.h"
#include "base/check.h"
#include "event/loop.h"

// The window slides over slots, each a word: which slot of all time it is, how many failed, how many there were. A
// compare and exchange changes all three at once, and whoever comes first in a new time starts the slot afresh.
enum {
    SLOTS = NUM_ITEMS(((struct backend_state *)0)->observed),
    COUNT_BITS = 20,
    COUNT_MAX = (1 << COUNT_BITS) - 1,
    STAMP_MAX = (1 << 24) - 1,
    FEW_SERVERS = 3, // fewer that are in use tell nothing of one of them
};

static uint64_t slot_make(uint64_t stamp, uint64_t failed, uint64_t total)
{
    return stamp << (2 * COUNT_BITS) | failed << COUNT_BITS | total;
}

// Never zero, which is a slot that was not used.
static uint64_t stamp_at(const struct server_conf *server, uint64_t now_us)
{
    uint64_t slot_us = server->probe.share_window_us / SLOTS;
    return now_us / slot_us % STAMP_MAX + 1;
}

static void window_add(const struct server_conf *server, struct backend_state *state, bool failed, uint64_t now_us)
{
    uint64_t stamp = stamp_at(server, now_us);
    _Atomic uint64_t *slot = &state->observed[stamp % SLOTS];
    uint64_t had = atomic_load_explicit(slot, memory_order_relaxed);
    uint64_t next;
    do {
        uint64_t total = had & COUNT_MAX, fails = had >> COUNT_BITS & COUNT_MAX;
        if (had >> (2 * COUNT_BITS) != stamp)
            total = fails = 0;
        if (total == COUNT_MAX)
            return;
        next = slot_make(stamp, fails + failed, total + 1);
    } while (!atomic_compare_exchange_weak_explicit(slot, &had, next, memory_order_relaxed, memory_order_relaxed));
}

struct backend_observed backend_observe_sum(const struct server_conf *server, uint64_t now_us)
{
    const struct backend_state *state = backend_state_at(server->object);
    uint64_t stamp = stamp_at(server, now_us);
    struct backend_observed sum = { 0 };
    for (uint64_t age = 0; age < SLOTS && age < stamp; age++) {
        uint64_t slot = atomic_load_explicit(&state->observed[(stamp - age) % SLOTS], memory_order_relaxed);
        if (slot >> (2 * COUNT_BITS) != stamp - age)
            continue;
        sum.total += (uint32_t)(slot & COUNT_MAX);
        sum.failed += (uint32_t)(slot >> COUNT_BITS & COUNT_MAX);
    }
    return sum;
}

static uint32_t num_in_use(const struct backend_conf *backend, uint64_t now_us)
{
    uint32_t num = 0;
    for (const struct server_conf *it = backend->servers; it && num < FEW_SERVERS; it = it->next)
        num += it->probe.share && backend_observe_sum(it, now_us).total > 0;
    return num;
}

bool backend_observe_is_outlier(const struct server_conf *server, struct backend_observed *sum, uint64_t now_us)
{
    const struct probe_conf *probe = &server->probe;
    *sum = backend_observe_sum(server, now_us);
    return probe->share && sum->total >= probe->share_min &&
           (uint64_t)sum->failed * 100 > (uint64_t)sum->total * probe->share &&
           num_in_use(server->backend, now_us) >= FEW_SERVERS;
}

void backend_observe_forget(const struct server_conf *server)
{
    struct backend_state *state = backend_state_at(server->object);
    for (uint32_t i = 0; i < SLOTS; i++)
        atomic_store_explicit(&state->observed[i], 0, memory_order_relaxed);
}

const char *backend_seen_text(enum backend_seen seen)
{
    static const char *const texts[BACKEND_NUM_SEEN] = {
        [BACKEND_SEEN_CONNECTED] = "a connection",     [BACKEND_SEEN_REFUSED] = "a connection that could not be made",
        [BACKEND_SEEN_ANSWER] = "an answer",           [BACKEND_SEEN_STATUS] = "an answer with an error status",
        [BACKEND_SEEN_BAD_HEAD] = "an invalid answer", [BACKEND_SEEN_CUT] = "a connection closed before the answer",
        [BACKEND_SEEN_LATE] = "no answer in time",
    };
    return seen < BACKEND_NUM_SEEN ? texts[seen] : "?";
}

// The one whose error fills the row starts the next one: exactly one worker asks.
static bool row_is_full(struct backend_state *state, uint32_t limit)
{
    uint32_t had = atomic_load_explicit(&state->errors, memory_order_relaxed);
    uint32_t next;
    do {
        next = had + 1 >= limit ? 0 : had + 1;
    } while (
        !atomic_compare_exchange_weak_explicit(&state->errors, &had, next, memory_order_relaxed, memory_order_relaxed));
    return next == 0;
}

void backend_observe_count(struct server *server, enum backend_seen seen)
{
    static const uint32_t asks[] = {
        [PROBE_ON_ERROR_FAIL_CHECK] = BACKEND_ASK_FAIL_CHECK,
        [PROBE_ON_ERROR_FASTINTER] = BACKEND_ASK_FAST_CHECK,
        [PROBE_ON_ERROR_SUDDEN_DEATH] = BACKEND_ASK_SUDDEN,
        [PROBE_ON_ERROR_MARK_DOWN] = BACKEND_ASK_MARK_DOWN,
    };
    const struct probe_conf *probe = &server->conf->probe;
    struct backend_state *state = server->state;
    struct backend_ctx *ctx = server->backend->ctx;
    bool failed = seen != BACKEND_SEEN_CONNECTED && seen != BACKEND_SEEN_ANSWER;
    // Connections that fail mean that no answer comes; one that stands says nothing of answers yet.
    if (probe->observe == PROBE_OBSERVE_LAYER4 ? seen > BACKEND_SEEN_REFUSED : seen == BACKEND_SEEN_CONNECTED)
        return;
    if (probe->share)
        window_add(server->conf, state, failed, ctx->loop->now_us);
    if (!failed) {
        if (atomic_load_explicit(&state->errors, memory_order_relaxed))
            atomic_store_explicit(&state->errors, 0, memory_order_relaxed);
        return;
    }
    atomic_store_explicit(&state->last_error, seen, memory_order_relaxed);
    struct backend_observed sum;
    if (row_is_full(state, probe->error_limit))
        backend_state_ask(ctx->board, server->conf, asks[probe->on_error] | BACKEND_ASK_ERRORS);
    else if (probe->share && backend_server_is_usable(server) &&
             backend_observe_is_outlier(server->conf, &sum, ctx->loop->now_us))
        backend_state_ask(ctx->board, server->conf, BACKEND_ASK_OUTLIER);
}
