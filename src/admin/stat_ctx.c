// SPDX-License-Identifier: Apache-2.0
#include <sys/resource.h>
#include "admin/stat.h"
#include "board/board.h"

static bool is_live(const struct board_incarnation *record, uint32_t generation)
{
    return atomic_load(&record->state) == 1 && atomic_load(&record->role) != BOARD_ROLE_MASTER &&
           record->generation == generation;
}

uint64_t admin_stat_generation_started(struct board *board, uint32_t inc)
{
    const struct board_incarnation *self = board_incarnation_at(board, inc);
    uint64_t first_us = self->started_wall_us;
    for (uint32_t i = 1; i < board_incarnation_limit(board); i++) {
        const struct board_incarnation *other = board_incarnation_at(board, i);
        if (is_live(other, self->generation) && other->started_wall_us < first_us)
            first_us = other->started_wall_us;
    }
    return first_us;
}

// A connection that is relayed takes two descriptors.
uint32_t admin_stat_max_connections(struct board *board, const struct program_conf *conf, uint32_t generation)
{
    struct rlimit files;
    uint64_t num_workers = 0;
    if (conf->global.maxconn)
        return conf->global.maxconn;
    for (uint32_t inc = 1; inc < board_incarnation_limit(board); inc++) {
        const struct board_incarnation *record = board_incarnation_at(board, inc);
        num_workers += is_live(record, generation) && atomic_load(&record->role) == BOARD_ROLE_WORKER;
    }
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur > UINT32_MAX)
        return UINT32_MAX;
    uint64_t max = (num_workers ? num_workers : 1) * files.rlim_cur / 2;
    return max < UINT32_MAX ? (uint32_t)max : UINT32_MAX;
}

void admin_stat_ctx_here(struct admin_stat_ctx *ctx, struct board *board, const struct program_conf *conf, uint32_t inc,
                         uint64_t now_us, uint64_t wall_us)
{
    *ctx = (struct admin_stat_ctx){
        .board = board,
        .conf = conf,
        .process = 1,
        .now_us = now_us,
        .wall_us = wall_us,
        .started_wall_us = admin_stat_generation_started(board, inc),
        .max_connections = admin_stat_max_connections(board, conf, board_incarnation_at(board, inc)->generation),
        .show_addresses = true,
    };
}
