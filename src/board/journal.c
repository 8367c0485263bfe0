// SPDX-License-Identifier: Apache-2.0
#include "board/layout.h"

static struct board_entry *entry_at(struct board *board, uint64_t number)
{
    return &board->journal->entries[number % BOARD_JOURNAL_SLOTS];
}

// The master applies nothing and is not waited for.
static bool applies(struct board *board, uint32_t inc)
{
    struct board_incarnation *record = &board->incarnations->records[inc];
    return atomic_load(&record->state) == BOARD_STATE_LIVE && atomic_load(&record->role) != BOARD_ROLE_MASTER;
}

uint32_t board_journal_laggard(struct board *board, uint64_t number)
{
    uint32_t limit = board_incarnation_limit(board);
    for (uint32_t inc = 1; inc < limit; inc++) {
        if (applies(board, inc) && atomic_load(&board->incarnations->records[inc].applied) < number) {
            return inc;
        }
    }
    return BOARD_NO_INCARNATION;
}

// An entry counts from the moment `last` covers it: a keeper killed before that leaves nothing, and there is nothing to
// repair after a take-over of the lock.
uint64_t board_journal_append(struct board *board, uint32_t type, const void *data, size_t len)
{
    struct board_journal *journal = board->journal;
    if (len > BOARD_JOURNAL_ENTRY_MAX) {
        return 0;
    }
    board_lock_take(board, &journal->lock, BOARD_LOCK_JOURNAL);
    uint64_t number = atomic_load_explicit(&journal->last, memory_order_relaxed) + 1;
    if (number > BOARD_JOURNAL_SLOTS && board_journal_laggard(board, number - BOARD_JOURNAL_SLOTS)) {
        board_lock_give(board, &journal->lock);
        return 0;
    }
    struct board_entry *entry = entry_at(board, number);
    atomic_store_explicit(&entry->number, 0, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    entry->type = type;
    entry->len = (uint32_t)len;
    if (len) {
        memcpy(entry->data, data, len);
    }
    atomic_store_explicit(&entry->number, number, memory_order_release);
    atomic_store_explicit(&journal->last, number, memory_order_release);
    board_lock_give(board, &journal->lock);
    uint32_t limit = board_incarnation_limit(board);
    for (uint32_t inc = 1; inc < limit; inc++) {
        if (inc != board->self && applies(board, inc)) {
            board_wake(board, inc);
        }
    }
    return number;
}

uint64_t board_journal_next(struct board *board, uint32_t *type, void *data, size_t *len, uint32_t inc)
{
    board_check_incarnation(inc);
    uint64_t last = atomic_load_explicit(&board->journal->last, memory_order_acquire);
    uint64_t number = atomic_load_explicit(&board->incarnations->records[inc].applied, memory_order_relaxed) + 1;
    if (LIKELY(number > last)) {
        return 0;
    }
    // No entry is overwritten that a live process needs: to find another here is to have lost changes for good.
    struct board_entry *entry = entry_at(board, number);
    must(atomic_load_explicit(&entry->number, memory_order_acquire) == number);
    uint32_t entry_len = entry->len;
    must(entry_len <= BOARD_JOURNAL_ENTRY_MAX);
    *type = entry->type;
    *len = entry_len;
    memcpy(data, entry->data, entry_len);
    atomic_thread_fence(memory_order_acquire);
    must(atomic_load_explicit(&entry->number, memory_order_relaxed) == number);
    return number;
}

void board_journal_applied(struct board *board, uint32_t inc, uint64_t number)
{
    board_check_incarnation(inc);
    atomic_store_explicit(&board->incarnations->records[inc].applied, number, memory_order_release);
}
