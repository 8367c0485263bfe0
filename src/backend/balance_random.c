// SPDX-License-Identifier: Apache-2.0
#include "backend/balance.h"

// Each place of the rotation is as likely as any other, so that weights count. Splitmix64 is no secret, and needs not
// be.
static uint64_t draw(struct backend *backend)
{
    uint64_t value = backend->balance->random += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

// So many draws find the least loaded of all anyway.
enum { DRAWS_PER_SERVER = 8 };

struct server *backend_pick_random(const struct backend_question *question)
{
    const struct backend_plan *plan = question->plan;
    struct backend *backend = question->backend;
    uint64_t draws = backend->conf->be.balance.draws, most = (uint64_t)plan->num * DRAWS_PER_SERVER;
    struct server *best = NULL;
    uint64_t best_load = 0, best_weight = 1;
    for (uint64_t i = 0; i < draws && i < most; i++) {
        struct server *server = backend->servers[backend_plan_at(plan, draw(backend))];
        uint64_t load = board_lane_sum(backend->ctx->board, server->conf->object);
        uint64_t weight = plan->weights[server->conf->index];
        if (server == question->ask->avoid || (best && load * best_weight >= best_load * weight) ||
            !backend_has_room(server) || !backend_is_within_factor(plan, server))
            continue;
        best = server;
        best_load = load;
        best_weight = weight;
    }
    return best ? best : backend_pick_rotation(question);
}
