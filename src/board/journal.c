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

// The first entry that a live process may still read, one more than the newest where there is none.
static uint64_t first_needed(struct board *board, uint64_t last)
{
    uint64_t first = last + 1;
    uint32_t limit = board_incarnation_limit(board);
    for (uint32_t inc = 1; inc < limit; inc++) {
        uint64_t applied = applies(board, inc) ? atomic_load(&board->incarnations->records[inc].applied) : last;
        first = applied + 1 < first ? applied + 1 : first;
    }
    return first;
}

// Where the data of entry `number` may go, all behind each other in a ring; false where it would cover what is needed.
static bool find_room(struct board *board, uint64_t *at, uint64_t number, size_t len)
{
    uint64_t last = number - 1, first = first_needed(board, last);
    const struct board_entry *newest = entry_at(board, last);
    *at = last ? newest->at + (newest->len + 7) / 8 * 8 : 0;
    if (*at % BOARD_JOURNAL_LEN + len > BOARD_JOURNAL_LEN) {
        *at += BOARD_JOURNAL_LEN - *at % BOARD_JOURNAL_LEN;
    }
    return first == number ||
           (number - first < BOARD_JOURNAL_SLOTS && *at + len - entry_at(board, first)->at <= BOARD_JOURNAL_LEN);
}

bool board_journal_is_busy(struct board *board)
{
    struct board_journal *journal = board->journal;
    board_lock_take(board, &journal->lock, BOARD_LOCK_JOURNAL);
    uint64_t last = atomic_load_explicit(&journal->last, memory_order_relaxed), first = first_needed(board, last);
    bool busy = first <= last && (last - first > BOARD_JOURNAL_SLOTS / 4 ||
                                  entry_at(board, last)->at - entry_at(board, first)->at > BOARD_JOURNAL_LEN / 4);
    board_lock_give(board, &journal->lock);
    return busy;
}

// Wakes all others, but none that was told since it last looked: under a stream of changes each is woken once a turn.
static void tell(struct board *board)
{
    uint32_t limit = board_incarnation_limit(board);
    for (uint32_t inc = 1; inc < limit; inc++) {
        if (inc != board->self && applies(board, inc) &&
            atomic_exchange(&board->incarnations->records[inc].told, 1) == 0) {
            board_wake(board, inc);
        }
    }
}

void board_journal_tell_again(struct board *board)
{
    uint64_t last = atomic_load(&board->journal->last);
    uint32_t limit = board_incarnation_limit(board);
    for (uint32_t inc = 1; inc < limit; inc++) {
        if (inc != board->self && applies(board, inc) &&
            atomic_load(&board->incarnations->records[inc].applied) < last) {
            board_wake(board, inc);
        }
    }
}

// An entry counts from the moment `last` covers it: a writer killed before that leaves nothing, and there is nothing to
// repair after a take-over of the lock.
uint64_t board_journal_append(struct board *board, uint32_t type, const void *data, size_t len)
{
    struct board_journal *journal = board->journal;
    uint64_t at;
    if (len > BOARD_JOURNAL_ENTRY_MAX) {
        return 0;
    }
    board_lock_take(board, &journal->lock, BOARD_LOCK_JOURNAL);
    uint64_t number = atomic_load_explicit(&journal->last, memory_order_relaxed) + 1;
    if (!find_room(board, &at, number, len)) {
        board_lock_give(board, &journal->lock);
        return 0;
    }
    struct board_entry *entry = entry_at(board, number);
    atomic_store_explicit(&entry->number, 0, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    entry->type = type;
    entry->len = (uint32_t)len;
    entry->at = at;
    if (len) {
        memcpy(journal->data + at % BOARD_JOURNAL_LEN, data, len);
    }
    atomic_store_explicit(&entry->number, number, memory_order_release);
    atomic_store(&journal->last, number);
    board_lock_give(board, &journal->lock);
    tell(board);
    return number;
}

uint64_t board_journal_next(struct board *board, uint32_t *type, void *data, size_t *len, uint32_t inc)
{
    board_check_incarnation(inc);
    struct board_incarnation *record = &board->incarnations->records[inc];
    // Before the look: who publishes later finds that we are to be told again.
    if (UNLIKELY(atomic_load_explicit(&record->told, memory_order_relaxed) != 0)) {
        atomic_store(&record->told, 0);
    }
    uint64_t last = atomic_load(&board->journal->last);
    uint64_t number = atomic_load_explicit(&record->applied, memory_order_relaxed) + 1;
    if (LIKELY(number > last)) {
        return 0;
    }
    // No entry is overwritten that a live process needs: to find another here is to have lost changes for good.
    struct board_entry *entry = entry_at(board, number);
    must(atomic_load_explicit(&entry->number, memory_order_acquire) == number);
    uint32_t entry_len = entry->len;
    uint64_t at = entry->at % BOARD_JOURNAL_LEN;
    must(entry_len <= BOARD_JOURNAL_ENTRY_MAX && at + entry_len <= BOARD_JOURNAL_LEN);
    *type = entry->type;
    *len = entry_len;
    memcpy(data, board->journal->data + at, entry_len);
    atomic_thread_fence(memory_order_acquire);
    must(atomic_load_explicit(&entry->number, memory_order_relaxed) == number);
    return number;
}

void board_journal_applied(struct board *board, uint32_t inc, uint64_t number)
{
    board_check_incarnation(inc);
    atomic_store_explicit(&board->incarnations->records[inc].applied, number, memory_order_release);
}

// What all have applied is not read again; the entries themselves, which tell where the next one goes, stay.
void board_journal_tidy(struct board *board)
{
    struct board_journal *journal = board->journal;
    board_lock_take(board, &journal->lock, BOARD_LOCK_JOURNAL);
    uint64_t last = atomic_load(&journal->last);
    if (last != journal->tidied && first_needed(board, last) > last) {
        board_memory_clear(journal->data, BOARD_JOURNAL_LEN, 0, 1);
        journal->tidied = last;
    }
    board_lock_give(board, &journal->lock);
}
