// SPDX-License-Identifier: Apache-2.0
// A rate is what came in the period that runs, and of the one before the share that is less than a period ago. Periods
// of an entry begin with its first event, and follow each other without a gap as long as there is one in each.
//
// Two words: `now` is the start of the period (ms) and the count in it, `before` the same start and the count of the
// period before. Whoever turns to a new period writes `before` first; as long as the two differ in their start, the
// turn is not done, and whoever comes does it again. `before` is read before `now`, so that what is carried over is
// never an older count.
#include "stick_inner.h"

static uint64_t word(uint32_t start, uint32_t count)
{
    return (uint64_t)start << 32 | count;
}

static uint32_t start_of(uint64_t word)
{
    return (uint32_t)(word >> 32);
}

static uint32_t saturate(uint64_t count)
{
    return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

struct rate {
    uint32_t count;  // of the period that runs
    uint32_t before; // of the one before
    uint32_t left_ms;
};

static struct rate rate_at(uint64_t now, uint64_t before, uint32_t period_ms, uint32_t now_ms)
{
    struct rate rate = { .count = (uint32_t)now, .left_ms = 0 };
    uint32_t age_ms = now_ms - start_of(now);
    if ((int32_t)age_ms < 0) // another process's clock is a little ahead
        age_ms = 0;
    if (age_ms < period_ms) {
        rate.before = start_of(before) == start_of(now) ? (uint32_t)before : 0;
        rate.left_ms = period_ms - age_ms;
    } else {
        rate.before = age_ms - period_ms < period_ms ? rate.count : 0;
        rate.count = 0;
        rate.left_ms = rate.before ? period_ms - (age_ms - period_ms) : 0;
    }
    return rate;
}

uint64_t stick_rate_read(_Atomic uint64_t *words, uint32_t period_ms, uint32_t now_ms)
{
    uint64_t before = atomic_load_explicit(&words[1], memory_order_acquire);
    uint64_t now = atomic_load_explicit(&words[0], memory_order_acquire);
    struct rate rate = rate_at(now, before, period_ms, now_ms);
    // A single event stays one for the two periods, rather than being none after half of one.
    if (rate.count == 0 && rate.before <= 1)
        return rate.before;
    return rate.count + (uint64_t)rate.before * rate.left_ms / period_ms;
}

uint64_t stick_rate_add(_Atomic uint64_t *words, uint32_t add, uint32_t period_ms, uint32_t now_ms)
{
    for (;;) {
        uint64_t before = atomic_load_explicit(&words[1], memory_order_acquire);
        uint64_t now = atomic_load_explicit(&words[0], memory_order_acquire);
        uint32_t age_ms = now_ms - start_of(now);
        uint64_t next;
        if (now != 0 && ((int32_t)age_ms < 0 || age_ms < period_ms)) {
            next = word(start_of(now), saturate((uint64_t)(uint32_t)now + add));
        } else {
            bool follows = now != 0 && age_ms - period_ms < period_ms;
            uint32_t start_ms = follows ? start_of(now) + period_ms : now_ms;
            if (start_ms == 0) // a zero word has no period
                start_ms = 1;
            uint64_t carried = word(start_ms, follows ? (uint32_t)now : 0);
            if (before != carried && !atomic_compare_exchange_strong(&words[1], &before, carried))
                continue;
            next = word(start_ms, add);
        }
        if (atomic_compare_exchange_weak(&words[0], &now, next))
            break;
    }
    return stick_rate_read(words, period_ms, now_ms);
}

void stick_rate_set(_Atomic uint64_t *words, uint32_t value, uint32_t now_ms)
{
    now_ms = now_ms ? now_ms : 1;
    atomic_store(&words[1], word(now_ms, 0));
    atomic_store(&words[0], word(now_ms, value));
}
