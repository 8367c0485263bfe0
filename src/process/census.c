// SPDX-License-Identifier: Apache-2.0
#include <stdatomic.h>
#include "board/board.h"
#include "process/census.h"

uint32_t census_sessions(struct board *board, uint32_t generation)
{
    uint32_t sum = 0;
    for (uint32_t inc = 1; inc < board_incarnation_limit(board); inc++) {
        struct board_incarnation *record = board_incarnation_at(board, inc);
        if (atomic_load(&record->state) == 1 && record->generation == generation &&
            atomic_load(&record->role) == BOARD_ROLE_WORKER)
            sum += atomic_load(&record->sessions);
    }
    return sum;
}

uint32_t census_processes(struct board *board, uint32_t generation)
{
    uint32_t num = 0;
    for (uint32_t inc = 1; inc < board_incarnation_limit(board); inc++) {
        struct board_incarnation *record = board_incarnation_at(board, inc);
        num += atomic_load(&record->state) == 1 && record->generation == generation;
    }
    return num;
}

uint32_t census_free(struct board *board)
{
    uint32_t num = BOARD_MAX_INCARNATIONS - 1;
    for (uint32_t inc = 1; inc < board_incarnation_limit(board); inc++)
        num -= atomic_load(&board_incarnation_at(board, inc)->state) != 0;
    return num;
}
