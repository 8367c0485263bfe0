// SPDX-License-Identifier: Apache-2.0
// Why the limit holds: assume more than `limit` units are held at one instant. Of the acquirers that hold them, one
// passed its fence last; all others had stored their lanes before their fences, thus before its loads, and still held
// their units: its sum was over the limit, and it did not get one. The loads need not be a snapshot for this, nor does
// the number of lanes: a process whose number is above the limit read here stores its lane, and fences, after that
// number was raised.
//
// Why no slot stays free while somebody waits: a waiter that sleeps has failed in board_lane_acquire after it had
// queued, and an acquirer fails only where its own lane is back to what it was and the others' sum reaches the limit.
// Each unit it saw was
//   - held: it is freed later, and board_queue_slot_freed, which loads the queue's length after a fence, sees the
//   waiter,
//     for the waiter queued before its fence and loads (one of the two must see the other's store);
//   - granted to a waiter that has not fetched it: that one acquires, fails (and was then the later one to fail),
//   leaves or
//     dies, and the last two end in board_queue_slot_freed;
//   - an attempt that was undone afterwards: that acquirer looks again after undoing, thus later than we did, and
//   either
//     takes the unit or fails because of yet another one; the last to fail saw no attempt that failed later.
// board_queue_offer in place of the second attempt fails under the same condition; where it does not fail, the unit is
// granted to the first in the queue, and each that queued has offered one.
// A process killed in between leaves a note (board_freed_note) and its parent does what it would have done.
#include <sched.h>
#include "board/layout.h"

// What a process only tries for stands apart from the units it holds, in one word: limits count both, and what is told
// of an object does not take an attempt for a connection.
#define LANE_TRY (UINT32_C(1) << 31)

static uint64_t lanes_add(struct board *board, uint32_t first, uint32_t object)
{
    uint64_t sum = 0;
    uint32_t limit = board_incarnation_limit(board);
    const _Atomic uint32_t *units = board->lanes->units[object];
    for (uint32_t inc = first; inc < limit; inc++) {
        sum += atomic_load_explicit(&units[inc], memory_order_relaxed);
    }
    return sum;
}

static uint32_t held_from(struct board *board, uint32_t first, uint32_t object)
{
    return lanes_add(board, first, object) % LANE_TRY;
}

static uint32_t sum_from(struct board *board, uint32_t first, uint32_t object)
{
    uint64_t sum = lanes_add(board, first, object);
    return (uint32_t)(sum % LANE_TRY + sum / LANE_TRY);
}

// Two that keep undoing for each other must fall out of step.
static void step_aside(uint32_t inc, unsigned round)
{
    if (round > 16) {
        sched_yield();
        return;
    }
    for (volatile unsigned i = (inc * 29 + round * 17) % 64; i > 0; i--) {
    }
}

static _Atomic uint32_t *lane_at(struct board *board, uint32_t object, uint32_t inc)
{
    board_check_incarnation(inc);
    board_check_object(object);
    return &board->lanes->units[object][inc];
}

bool board_lane_try(struct board *board, uint32_t object, uint32_t inc, uint32_t limit)
{
    _Atomic uint32_t *lane = lane_at(board, object, inc);
    board_touch(board, inc, object, board->lanes->touched[inc]);
    uint32_t own = atomic_load_explicit(lane, memory_order_relaxed);
    must(own < LANE_TRY);
    for (unsigned round = 0;; round++) {
        // Fails without an attempt where it is full: an attempt could make that of another fail.
        if (sum_from(board, 0, object) >= limit) {
            return false;
        }
        atomic_store_explicit(lane, own | LANE_TRY, memory_order_relaxed);
        atomic_thread_fence(memory_order_seq_cst);
        if (LIKELY(sum_from(board, 0, object) <= limit)) {
            return true;
        }
        board_freed_note(board, inc, object);
        atomic_store_explicit(lane, own, memory_order_release);
        atomic_thread_fence(memory_order_seq_cst);
        if (round > 0) {
            step_aside(inc, round);
        }
    }
}

void board_lane_take_tried(struct board *board, uint32_t object, uint32_t inc)
{
    _Atomic uint32_t *lane = lane_at(board, object, inc);
    uint32_t own = atomic_load_explicit(lane, memory_order_relaxed);
    must(own >= LANE_TRY);
    atomic_store_explicit(lane, own - LANE_TRY + 1, memory_order_release);
}

void board_lane_leave_tried(struct board *board, uint32_t object, uint32_t inc)
{
    _Atomic uint32_t *lane = lane_at(board, object, inc);
    uint32_t own = atomic_load_explicit(lane, memory_order_relaxed);
    must(own >= LANE_TRY);
    board_freed_note(board, inc, object);
    atomic_store_explicit(lane, own - LANE_TRY, memory_order_release);
}

bool board_lane_acquire(struct board *board, uint32_t object, uint32_t inc, uint32_t limit)
{
    if (limit) {
        if (!board_lane_try(board, object, inc, limit)) {
            return false;
        }
        board_lane_take_tried(board, object, inc);
        return true;
    }
    _Atomic uint32_t *lane = lane_at(board, object, inc);
    board_touch(board, inc, object, board->lanes->touched[inc]);
    uint32_t own = atomic_load_explicit(lane, memory_order_relaxed);
    atomic_store_explicit(lane, own + 1, memory_order_release);
    return true;
}

void board_lane_release(struct board *board, uint32_t object, uint32_t inc)
{
    _Atomic uint32_t *lane = lane_at(board, object, inc);
    uint32_t own = atomic_load_explicit(lane, memory_order_relaxed);
    must(own % LANE_TRY > 0);
    board_freed_note(board, inc, object);
    atomic_store_explicit(lane, own - 1, memory_order_release);
}

uint32_t board_lane_sum(struct board *board, uint32_t object)
{
    board_check_object(object);
    return held_from(board, 1, object);
}

uint32_t board_lane_sum_reserved(struct board *board, uint32_t object)
{
    board_check_object(object);
    return sum_from(board, 0, object);
}

uint32_t board_lane_own(struct board *board, uint32_t object, uint32_t inc)
{
    return atomic_load_explicit(lane_at(board, object, inc), memory_order_relaxed) % LANE_TRY;
}

static void kick(struct board *board, uint32_t object, uint32_t num)
{
    uint32_t backend = board_object_parent(board, object);
    for (uint32_t i = 0; backend && i < num && board_queue_len(board, backend, 0) > 0; i++) {
        board_queue_slot_freed(board, backend, object);
    }
}

// What the dead process had freed is passed on first, then each lane in turn, noted before it is zeroed: whoever does
// this again after a cleaner's death finds in the note what may not have been passed on.
void board_lanes_clear(struct board *board, uint32_t inc)
{
    struct board_estate *estate = &board->incarnations->estates[inc];
    uint32_t noted = atomic_load(&estate->freed), num = atomic_load(&estate->num_freed);
    if (noted > 0 && noted < BOARD_MAX_OBJECTS) {
        kick(board, noted, num ? num : 1);
    }
    for (uint32_t i = 0, words = board_bitmap_words(board); i < words; i++) {
        uint64_t word = atomic_load(&board->lanes->touched[inc][i]);
        for (; word; word &= word - 1) {
            uint32_t object = i * 64 + (uint32_t)__builtin_ctzll(word);
            uint32_t lane = atomic_load(&board->lanes->units[object][inc]);
            uint32_t units = lane % LANE_TRY + lane / LANE_TRY;
            if (units > 0) {
                atomic_store(&estate->freed, 0);
                atomic_store(&estate->num_freed, units);
                atomic_store(&estate->freed, object);
                atomic_store(&board->lanes->units[object][inc], 0);
                kick(board, object, units);
            }
        }
    }
    board_memory_clear(board->lanes->touched, sizeof(board->lanes->touched[0]), inc, inc + 1);
    atomic_store(&estate->freed, 0);
    atomic_store(&estate->num_freed, 0);
}
