// SPDX-License-Identifier: Apache-2.0
#include "backend/balance.h"

struct server *backend_pick_first(const struct backend_question *question)
{
    const struct backend_plan *plan = question->plan;
    struct server *first = NULL, *first_full = NULL;
    for (uint32_t i = 0; i < plan->num; i++) {
        struct server *server = &question->backend->servers[plan->members[i]];
        struct server **lowest = NULL;
        if (server == question->ask->avoid || (first && first->conf->id < server->conf->id))
            continue;
        lowest = backend_has_room(server) ? &first : &first_full;
        if (!*lowest || server->conf->id < (*lowest)->conf->id)
            *lowest = server;
    }
    *question->full = !first;
    return first ? first : first_full;
}
