// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"
#include "board/change.h"
#include "board/layout.h"

// Weak: a program that links no kind of change has no such section.
extern const struct board_change_kind *const __start_board_changes[] __attribute__((weak));
extern const struct board_change_kind *const __stop_board_changes[] __attribute__((weak));

// The journal as this process sees it.
static struct {
    struct board *board;
    uint32_t inc;
} changes;

void board_changes_enter(struct board *board, uint32_t inc)
{
    changes.board = board;
    changes.inc = inc;
}

struct board *board_changes_board(void)
{
    return changes.board;
}

uint32_t board_changes_generation(void)
{
    return changes.board ? board_incarnation_at(changes.board, changes.inc)->generation : 0;
}

static void change_apply(uint32_t type, const struct board_change *change)
{
    for (const struct board_change_kind *const *kind = __start_board_changes; kind < __stop_board_changes; kind++) {
        if ((*kind)->type == type) {
            (*kind)->apply(change);
            return;
        }
    }
}

// Apart, so that a turn without changes, as nearly all are, does not make room for one.
static __attribute__((noinline)) uint32_t apply_next(uint32_t max)
{
    char data[BOARD_JOURNAL_ENTRY_MAX];
    struct board_change change = { .data = data };
    uint32_t type, num = 0;
    for (; num < max; num++) {
        change.number = board_journal_next(changes.board, &type, data, &change.len, changes.inc);
        if (!change.number)
            break;
        change_apply(type, &change);
        board_journal_applied(changes.board, changes.inc, change.number);
    }
    return num;
}

uint32_t board_changes_apply(uint32_t max)
{
    if (!changes.board)
        return 0;
    const struct board_incarnation *record = &changes.board->incarnations->records[changes.inc];
    // Who was told of a change looks by board_journal_next, which says that it is to be told again.
    if (LIKELY(!atomic_load_explicit(&record->told, memory_order_relaxed) &&
               atomic_load_explicit(&record->applied, memory_order_relaxed) ==
                   atomic_load_explicit(&changes.board->journal->last, memory_order_acquire)))
        return 0;
    return apply_next(max);
}

void board_changes_wake(void)
{
    if (changes.board)
        board_wake(changes.board, changes.inc);
}

uint64_t board_change_publish(enum board_change_type type, const void *data, size_t len)
{
    uint64_t number = changes.board ? board_journal_append(changes.board, type, data, len) : 0;
    // All before it, then itself: our copy is never one that the order does not know.
    if (number)
        board_changes_apply(UINT32_MAX);
    return number;
}
