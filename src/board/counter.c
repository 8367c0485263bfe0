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
    board_touch(board, inc, object, board->base->touched[inc]);
    return board->counters->cells[inc][object];
}

// Counters that stand side by side, of one object or of all of a kind.
struct wanted {
    const char *kind; // NULL: of `object`
    uint32_t object;
    uint32_t first;
    uint32_t num;
};

// Reads only what was touched: reading a hole of a memory file would fill it with a page.
static bool was_touched(struct board *board, uint32_t inc, uint32_t object)
{
    return atomic_load_explicit(&board->base->touched[inc][object >> 6], memory_order_relaxed) >> (object & 63) & 1;
}

uint64_t board_counter_own(struct board *board, uint32_t object, uint32_t counter, uint32_t inc)
{
    board_check_incarnation(inc);
    board_check_object(object);
    must(counter < BOARD_COUNTERS);
    return was_touched(board, inc, object) ? load(&board->counters->cells[inc][object][counter]) : 0;
}

static void add_cells(uint64_t *sums, const uint64_t *cells, const struct wanted *wanted)
{
    for (uint32_t i = 0; i < wanted->num; i++)
        sums[i] += load(&cells[wanted->first + i]);
}

static void add_up(struct board *board, uint64_t *sums, uint32_t object, const struct wanted *wanted)
{
    add_cells(sums, board->base->counters[object], wanted);
    uint32_t limit = board_incarnation_limit(board);
    for (uint32_t inc = 1; inc < limit; inc++) {
        if (atomic_load_explicit(&board->incarnations->records[inc].state, memory_order_relaxed) != BOARD_STATE_FREE &&
            was_touched(board, inc, object))
            add_cells(sums, board->counters->cells[inc][object], wanted);
    }
}

// What was counted before the object was cleared is no more told of it; to the totals of its kind it belongs.
static void forget_cleared(struct board *board, uint64_t *sums, uint32_t object, const struct wanted *wanted)
{
    struct board_base *base = board->base;
    if (!(atomic_load_explicit(&base->is_cleared[object >> 6], memory_order_relaxed) >> (object & 63) & 1))
        return;
    for (uint32_t i = 0; i < wanted->num; i++)
        sums[i] -= __atomic_load_n(&base->cleared[object][wanted->first + i], __ATOMIC_ACQUIRE);
}

static void add_up_all(struct board *board, uint64_t *sums, const struct wanted *wanted)
{
    memset(sums, 0, wanted->num * sizeof(*sums));
    if (!wanted->kind) {
        forget_cleared(board, sums, wanted->object, wanted);
        add_up(board, sums, wanted->object, wanted);
        return;
    }
    size_t len = strlen(wanted->kind);
    uint32_t limit = board_object_limit(board);
    for (uint32_t object = 1; object < limit; object++) {
        if (strncmp(board_object_name(board, object), wanted->kind, len) == 0)
            add_up(board, sums, object, wanted);
    }
}

// One sequence serves all incarnations: a reader looks at the base and at all of them, so that it would have to check
// the sequences of all of them anyway. It is odd only while the counters of one object move.
static void add_up_whole(struct board *board, uint64_t *sums, const struct wanted *wanted)
{
    struct board_base *base = board->base;
    for (unsigned tries = 0; tries < 1000; tries++) {
        uint32_t before = atomic_load_explicit(&base->sequence, memory_order_acquire);
        if (before & 1) {
            if (tries > 100) {
                sched_yield();
            }
            continue;
        }
        add_up_all(board, sums, wanted);
        atomic_thread_fence(memory_order_acquire);
        if (atomic_load_explicit(&base->sequence, memory_order_relaxed) == before) {
            return;
        }
    }
    // The folder was preempted or is dead, or has much to fold: its lock tells, and lets a dead one's work be finished
    // here.
    struct board_lock *reaper = &board->incarnations->reaper;
    if (board_lock_take(board, reaper, 0)) {
        board_counters_recover(board);
    }
    add_up_all(board, sums, wanted);
    atomic_store_explicit(&reaper->owner, 0, memory_order_release);
}

void board_counters_sum(struct board *board, uint64_t *sums, uint32_t object, uint32_t first, uint32_t num)
{
    board_check_object(object);
    must(first <= BOARD_COUNTERS && num <= BOARD_COUNTERS - first);
    add_up_whole(board, sums, &(struct wanted){ .object = object, .first = first, .num = num });
}

uint64_t board_counter_sum(struct board *board, uint32_t object, uint32_t counter)
{
    uint64_t sum;
    board_counters_sum(board, &sum, object, counter, 1);
    return sum;
}

// A process that dies here leaves the rest uncleared, and nothing wrong.
void board_counters_clear(struct board *board, uint32_t object, uint32_t first, uint32_t end)
{
    struct board_base *base = board->base;
    struct board_lock *reaper = &board->incarnations->reaper;
    board_check_object(object);
    must(first <= end && end <= BOARD_LEVELS);
    if (board_lock_take(board, reaper, 0)) {
        board_counters_recover(board);
    }
    atomic_fetch_or(&base->is_cleared[object >> 6], UINT64_C(1) << (object & 63));
    for (uint32_t i = first; i < end; i++) {
        uint64_t sum = 0;
        add_up(board, &sum, object, &(struct wanted){ .object = object, .first = i, .num = 1 });
        if (sum != load(&base->cleared[object][i])) {
            __atomic_store_n(&base->cleared[object][i], sum, __ATOMIC_RELEASE);
        }
    }
    atomic_store_explicit(&reaper->owner, 0, memory_order_release);
}

// The object is gone, or gives its number back.
void board_counters_uncleared(struct board *board, uint32_t object)
{
    struct board_base *base = board->base;
    uint64_t bit = UINT64_C(1) << (object & 63);
    if (atomic_load(&base->is_cleared[object >> 6]) & bit) {
        atomic_fetch_and(&base->is_cleared[object >> 6], ~bit);
        memset(base->cleared[object], 0, sizeof(base->cleared[object]));
    }
}

uint64_t board_counter_total(struct board *board, const char *kind, uint32_t counter)
{
    uint64_t sum;
    must(counter < BOARD_COUNTERS);
    add_up_whole(board, &sum, &(struct wanted){ .kind = kind, .first = counter, .num = 1 });
    return sum;
}

static void move_apply(struct board *board, uint32_t stage)
{
    struct board_base *base = board->base;
    uint32_t sequence = atomic_load_explicit(&base->sequence, memory_order_relaxed) | 1;
    atomic_store_explicit(&base->sequence, sequence, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    bool of_process = stage == BOARD_STAGE_PROCESS;
    uint64_t *cells = of_process ? board->counters->cells[base->inc][base->object] : base->counters[base->from];
    for (uint32_t i = 0; i < BOARD_COUNTERS; i++) {
        store(&base->counters[base->object][i], base->sums[i]);
        store(&cells[i], 0);
    }
    if (of_process) {
        atomic_fetch_and_explicit(&base->touched[base->inc][base->object >> 6], ~(UINT64_C(1) << (base->object & 63)),
                                  memory_order_relaxed);
    }
    atomic_store_explicit(&base->sequence, sequence + 1, memory_order_release);
    atomic_store_explicit(&base->stage, BOARD_STAGE_NONE, memory_order_release);
}

void board_counters_recover(struct board *board)
{
    struct board_base *base = board->base;
    uint32_t stage = atomic_load_explicit(&base->stage, memory_order_acquire);
    if (stage == BOARD_STAGE_NONE) {
        return;
    }
    board_check_object(base->object);
    if (stage == BOARD_STAGE_PROCESS) {
        board_check_incarnation(base->inc);
    } else {
        board_check_object(base->from);
    }
    move_apply(board, stage);
}

// The new sums are computed aside and applied once they are complete: killed before that, nothing has changed; killed
// later, they are applied again. Either way no count moves twice.
static void move(struct board *board, uint32_t stage, uint32_t to, const uint64_t *cells)
{
    struct board_base *base = board->base;
    base->object = to;
    for (uint32_t i = 0; i < BOARD_COUNTERS; i++) {
        base->sums[i] = load(&base->counters[to][i]);
        if (i < BOARD_LEVELS)
            base->sums[i] += load(&cells[i]);
    }
    atomic_store_explicit(&base->stage, stage, memory_order_release);
    move_apply(board, stage);
}

void board_counters_fold_one(struct board *board, uint32_t inc, uint32_t object)
{
    if (!was_touched(board, inc, object))
        return;
    board->base->inc = inc;
    move(board, BOARD_STAGE_PROCESS, object, board->counters->cells[inc][object]);
}

void board_counters_fold(struct board *board, uint32_t inc)
{
    for (uint32_t i = 0, words = board_bitmap_words(board); i < words; i++) {
        uint64_t word = atomic_load(&board->base->touched[inc][i]);
        for (; word; word &= word - 1) {
            uint32_t object = i * 64 + (uint32_t)__builtin_ctzll(word);
            board->base->inc = inc;
            move(board, BOARD_STAGE_PROCESS, object, board->counters->cells[inc][object]);
        }
    }
    board_memory_clear(board->base->touched, sizeof(board->base->touched[0]), inc, inc + 1);
    board_memory_clear(board->counters->cells, sizeof(board->counters->cells[0]), inc, inc + 1);
}

void board_counters_move(struct board *board, uint32_t to, uint32_t from)
{
    const uint64_t *cells = board->base->counters[from];
    uint64_t any = 0;
    for (uint32_t i = 0; i < BOARD_COUNTERS; i++) {
        any |= load(&cells[i]);
    }
    if (any) {
        board->base->from = from;
        move(board, BOARD_STAGE_OBJECT, to, cells);
    }
}
