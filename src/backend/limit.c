// SPDX-License-Identifier: Apache-2.0
#include "backend/limit.h"

// One board to a process.
static struct board *limit_board;

void backend_limit_prepare(struct board *board)
{
    limit_board = board;
}

uint32_t backend_limit_ramp(const struct server_conf *server, uint32_t maxconn)
{
    uint64_t fullconn = server->backend->fullconn;
    if (!server->minconn || maxconn <= server->minconn || !fullconn)
        return maxconn;
    uint64_t sessions = board_lane_sum(limit_board, server->backend->proxy->be_object);
    if (sessions >= fullconn)
        return maxconn;
    uint64_t limit = sessions * maxconn / fullconn;
    return limit < server->minconn ? server->minconn : (uint32_t)limit;
}
