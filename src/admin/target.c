// SPDX-License-Identifier: Apache-2.0
#include <stdatomic.h>
#include "admin/session.h"
#include "board/board.h"

enum { TARGET_LIVE = 1 }; // board_incarnation.state

static bool is_live(const struct board_incarnation *record)
{
    return atomic_load(&record->state) == TARGET_LIVE && atomic_load(&record->pid);
}

// Relative numbers are those of the generation that serves. At a reload that may not be this one: it has not begun yet,
// or has ended already.
static bool find_slot(struct admin_target *target, const struct admin *admin, uint64_t number)
{
    struct board *board = admin->start.board;
    const struct board_incarnation *best = NULL;
    bool best_serves = false;
    for (uint32_t inc = 1; inc < board_incarnation_limit(board); inc++) {
        const struct board_incarnation *record = board_incarnation_at(board, inc);
        if (!is_live(record) || atomic_load(&record->role) != BOARD_ROLE_WORKER || record->slot + UINT64_C(1) != number)
            continue;
        bool serves = atomic_load(&record->ready) == 1;
        bool is_ours = record->generation == admin->start.generation;
        bool is_better = serves ? !best_serves || record->generation > best->generation : !best && is_ours;
        if (!is_better)
            continue;
        best = record;
        best_serves = serves;
        *target = (struct admin_target){ .inc = inc, .pid = atomic_load(&record->pid) };
    }
    return best != NULL;
}

// Processes that carry no traffic have nothing of their own to tell: they stand for the whole.
static bool find_pid(struct admin_target *target, const struct admin *admin, uint64_t pid)
{
    struct board *board = admin->start.board;
    for (uint32_t inc = 1; pid && inc < board_incarnation_limit(board); inc++) {
        const struct board_incarnation *record = board_incarnation_at(board, inc);
        if (!is_live(record) || (uint64_t)atomic_load(&record->pid) != pid)
            continue;
        *target = (struct admin_target){ 0 };
        if (atomic_load(&record->role) == BOARD_ROLE_WORKER)
            *target = (struct admin_target){ .inc = inc, .pid = (int32_t)pid };
        return true;
    }
    return false;
}

bool admin_target_read(struct admin_target *target, const struct admin *admin, const char *name)
{
    uint64_t number;
    bool is_pid = *name == '!';
    if (!*name || strcmp(name, "master") == 0 || strcmp(name, "0") == 0) {
        *target = (struct admin_target){ 0 };
        return true;
    }
    if (!slice_to_u64(slice_str(name + is_pid), &number) || number > INT32_MAX)
        return false;
    return is_pid ? find_pid(target, admin, number) : find_slot(target, admin, number);
}

bool admin_target_lives(const struct admin *admin, const struct admin_target *target)
{
    if (!target->inc)
        return true;
    const struct board_incarnation *record = board_incarnation_at(admin->start.board, target->inc);
    return is_live(record) && atomic_load(&record->pid) == target->pid;
}
