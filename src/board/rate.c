// SPDX-License-Identifier: Apache-2.0
#include <stdatomic.h>
#include "base/check.h"
#include "board/board.h"

// Each cell holds the events of one second: the second in the upper half, the count in the lower, so that both change
// together and a process killed at any point leaves them right. A cell comes round after three seconds: one that is a
// little late with its clock still counts in the right one.

// The second that was asked about last, and its cells: divisions are for once a second, not for each request.
struct second {
    uint64_t start_us;
    uint32_t number; // from 1, as zeroed cells are of no second
    uint32_t cell;
    uint32_t before; // the cell of the second before
};

enum { SECOND_US = 1000000 };

static _Thread_local struct second last = { .number = 1, .cell = 1 };

static __attribute__((noinline, cold)) void second_find(uint64_t now_us)
{
    uint64_t count = now_us / SECOND_US;
    last = (struct second){ .start_us = count * SECOND_US,
                            .number = (uint32_t)count + 1,
                            .cell = ((uint32_t)count + 1) % 3,
                            .before = (uint32_t)count % 3 };
}

static inline const struct second *second_of(uint64_t now_us)
{
    if (UNLIKELY(now_us - last.start_us >= SECOND_US)) {
        second_find(now_us);
    }
    return &last;
}

// What of the second before is less than a second old, and `count` of this one.
static inline uint32_t rate_of(_Atomic uint64_t *cells, const struct second *second, uint64_t now_us, uint32_t count)
{
    uint64_t before = atomic_load_explicit(&cells[second->before], memory_order_relaxed);
    uint64_t rate = count;
    if ((uint32_t)(before >> 32) == second->number - 1) {
        uint64_t left = SECOND_US - (now_us - second->start_us);
        rate += ((uint32_t)before * left + SECOND_US / 2) / SECOND_US;
    }
    return rate < UINT32_MAX ? (uint32_t)rate : UINT32_MAX;
}

uint32_t board_rate_read(_Atomic uint64_t *cells, uint64_t now_us)
{
    const struct second *second = second_of(now_us);
    uint64_t cell = atomic_load_explicit(&cells[second->cell], memory_order_relaxed);
    return rate_of(cells, second, now_us, (uint32_t)(cell >> 32) == second->number ? (uint32_t)cell : 0);
}

// A new second, a second that is over, another process at the same moment, or more than a cell can hold.
static __attribute__((noinline)) uint32_t add_slowly(_Atomic uint64_t *cells, uint64_t now_us, uint32_t add)
{
    const struct second *second = second_of(now_us);
    _Atomic uint64_t *own = &cells[second->cell];
    uint64_t next, cell = atomic_load_explicit(own, memory_order_relaxed);
    do {
        uint32_t there = (uint32_t)(cell >> 32);
        if (there > second->number) // three seconds late: nobody will ask for it again
            return board_rate_read(cells, now_us);
        next = (there == second->number ? cell : (uint64_t)second->number << 32) + add;
        if ((uint32_t)(next >> 32) != second->number)
            next = (uint64_t)second->number << 32 | UINT32_MAX;
    } while (!atomic_compare_exchange_weak_explicit(own, &cell, next, memory_order_relaxed, memory_order_relaxed));
    return rate_of(cells, second, now_us, (uint32_t)next);
}

uint32_t board_rate_add(_Atomic uint64_t *cells, uint64_t now_us, uint32_t add)
{
    const struct second *second = &last;
    _Atomic uint64_t *own = &cells[second->cell];
    uint64_t cell = atomic_load_explicit(own, memory_order_relaxed);
    uint64_t next = cell + add;
    // It is a cell of this second, and stays one.
    if (LIKELY(now_us - second->start_us < SECOND_US && cell >> 32 == second->number && next >> 32 == second->number) &&
        LIKELY(atomic_compare_exchange_strong_explicit(own, &cell, next, memory_order_relaxed, memory_order_relaxed)))
        return rate_of(cells, second, now_us, (uint32_t)next);
    return add_slowly(cells, now_us, add);
}
