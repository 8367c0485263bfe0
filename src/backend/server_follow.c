// SPDX-License-Identifier: Apache-2.0
// What a worker does when servers change.
#include "backend/balance.h"
#include "backend/pool.h"
#include "backend/server_change.h"

// A ring is made of addresses, and only changed where weights are others.
static void balance_anew(struct backend *backend)
{
    for (uint32_t i = 0; i < BACKEND_NUM_PLANS; i++)
        backend_plan_ring_free(&backend->balance->plans[i]);
    backend->balance->is_made = false;
}

static void moved(struct backend_watch *watch, struct server_conf *conf)
{
    struct backend_ctx *ctx = CONTAINER_OF(watch, struct backend_ctx, watch);
    struct server *server = backend_server_at(ctx, conf->object);
    if (!server || server->conf != conf)
        return;
    backend_server_settle(server);
    backend_pool_move(server);
    balance_anew(server->backend);
}

void backend_follow_changes(struct backend_ctx *ctx)
{
    ctx->watch = (struct backend_watch){ .moved = moved };
    backend_watch_begin(&ctx->watch);
}
