// SPDX-License-Identifier: Apache-2.0
#include <sched.h>
#include "board/layout.h"

static uint64_t load(const uint64_t *cell)
{
    return __atomic_load_n(cell, __ATOMIC_RELAXED);
}

static void store(uint64_t *cell, uint64_t value)
{
    __atomic_store_n(cell, value, __ATOMIC_RELAXED);
}

uint64_t *board_counters(struct board *board, uint32_t inc, uint32_t object)
{
    board_check_incarnation(inc);
    board_check_object(object);
    board_bit_set(board->base->touched[inc], object);
    return board->counters->cells[inc][object];
}

// Reads only what was touched: reading a hole of a memory file would fill it with a page.
uint64_t board_counter_own(struct board *board, uint32_t object, uint32_t counter, uint32_t inc)
{
    board_check_incarnation(inc);
    board_check_object(object);
    must(counter < BOARD_COUNTERS);
    uint64_t word = atomic_load_explicit(&board->base->touched[inc][object >> 6], memory_order_relaxed);
    return word >> (object & 63) & 1 ? load(&board->counters->cells[inc][object][counter]) : 0;
}

static uint64_t add_up(struct board *board, uint32_t object, uint32_t counter)
{
    uint64_t sum = load(&board->base->counters[object][counter]);
    uint32_t limit = board_incarnation_limit(board);
    for (uint32_t inc = 1; inc < limit; inc++)
        sum += board_counter_own(board, object, counter, inc);
    return sum;
}

// One sequence serves all incarnations: a reader looks at the base and at all of them, so that it would have to check
// the sequences of all of them anyway. It is odd only while the counters of one object move.
uint64_t board_counter_sum(struct board *board, uint32_t object, uint32_t counter)
{
    board_check_object(object);
    must(counter < BOARD_COUNTERS);
    struct board_base *base = board->base;
    for (unsigned tries = 0; tries < 1000; tries++) {
        uint32_t before = atomic_load_explicit(&base->sequence, memory_order_acquire);
        if (before & 1) {
            if (tries > 100) {
                sched_yield();
            }
            continue;
        }
        uint64_t sum = add_up(board, object, counter);
        atomic_thread_fence(memory_order_acquire);
        if (atomic_load_explicit(&base->sequence, memory_order_relaxed) == before) {
            return sum;
        }
    }
    // The folder was preempted or is dead: its lock tells, and lets a dead one's work be finished here.
    struct board_lock *reaper = &board->incarnations->reaper;
    if (board_lock_take(board, reaper, 0)) {
        board_counters_recover(board);
    }
    uint64_t sum = add_up(board, object, counter);
    atomic_store_explicit(&reaper->owner, 0, memory_order_release);
    return sum;
}

static void fold_apply(struct board *board)
{
    struct board_base *base = board->base;
    uint32_t sequence = atomic_load_explicit(&base->sequence, memory_order_relaxed) | 1;
    atomic_store_explicit(&base->sequence, sequence, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    uint64_t *cells = board->counters->cells[base->inc][base->object];
    for (uint32_t i = 0; i < BOARD_COUNTERS; i++) {
        store(&base->counters[base->object][i], base->sums[i]);
        store(&cells[i], 0);
    }
    atomic_fetch_and_explicit(&base->touched[base->inc][base->object >> 6], ~(UINT64_C(1) << (base->object & 63)),
                              memory_order_relaxed);
    atomic_store_explicit(&base->sequence, sequence + 1, memory_order_release);
    atomic_store_explicit(&base->stage, 0, memory_order_release);
}

void board_counters_recover(struct board *board)
{
    struct board_base *base = board->base;
    if (atomic_load_explicit(&base->stage, memory_order_acquire) == 1) {
        board_check_incarnation(base->inc);
        board_check_object(base->object);
        fold_apply(board);
    }
}

// The new sums are computed aside and applied once they are complete: killed before that, nothing has changed; killed
// later, they are applied again. Either way no count moves twice.
static void fold_object(struct board *board, uint32_t inc, uint32_t object)
{
    struct board_base *base = board->base;
    base->inc = inc;
    base->object = object;
    for (uint32_t i = 0; i < BOARD_COUNTERS; i++) {
        base->sums[i] = load(&base->counters[object][i]);
        if (i != BOARD_LEVEL)
            base->sums[i] += load(&board->counters->cells[inc][object][i]);
    }
    atomic_store_explicit(&base->stage, 1, memory_order_release);
    fold_apply(board);
}

void board_counters_fold(struct board *board, uint32_t inc)
{
    for (uint32_t i = 0; i < BOARD_BITMAP_WORDS; i++) {
        uint64_t word = atomic_load(&board->base->touched[inc][i]);
        while (word) {
            fold_object(board, inc, i * 64 + (uint32_t)__builtin_ctzll(word));
            word &= word - 1;
        }
    }
}
