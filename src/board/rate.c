// SPDX-License-Identifier: Apache-2.0
#include <stdatomic.h>
#include "board/board.h"

// Each cell holds the events of one second: the second in the upper half, the count in the lower, so that both change
// together and a process killed at any point leaves them right. A cell comes round after three seconds: one that is a
// little late with its clock still counts in the right one.
static uint32_t count_at(_Atomic uint64_t *cells, uint32_t second)
{
    uint64_t cell = atomic_load_explicit(&cells[second % 3], memory_order_relaxed);
    return (uint32_t)(cell >> 32) == second ? (uint32_t)cell : 0;
}

uint32_t board_rate_read(_Atomic uint64_t *cells, uint64_t now_us)
{
    uint32_t second = (uint32_t)(now_us / 1000000) + 1; // zeroed cells are of no second
    uint64_t left = 1000000 - now_us % 1000000;
    uint64_t rate = count_at(cells, second) + (count_at(cells, second - 1) * left + 500000) / 1000000;
    return rate < UINT32_MAX ? (uint32_t)rate : UINT32_MAX;
}

uint32_t board_rate_add(_Atomic uint64_t *cells, uint64_t now_us, uint32_t add)
{
    uint32_t second = (uint32_t)(now_us / 1000000) + 1;
    uint64_t next, cell = atomic_load_explicit(&cells[second % 3], memory_order_relaxed);
    do {
        uint32_t there = (uint32_t)(cell >> 32);
        if (there > second) { // three seconds late: nobody will ask for it again
            break;
        }
        uint64_t count = (there == second ? (uint32_t)cell : UINT64_C(0)) + add;
        next = (uint64_t)second << 32 | (count < UINT32_MAX ? count : UINT32_MAX);
    } while (!atomic_compare_exchange_weak_explicit(&cells[second % 3], &cell, next, memory_order_relaxed,
                                                    memory_order_relaxed));
    return board_rate_read(cells, now_us);
}
