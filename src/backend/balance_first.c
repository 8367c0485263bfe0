// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include "backend/balance.h"

static int lower_id_first(const void *a, const void *b, void *arg)
{
    const struct backend *backend = arg;
    uint32_t left = backend->servers[*(const uint32_t *)a]->conf->id;
    uint32_t right = backend->servers[*(const uint32_t *)b]->conf->id;
    return (left > right) - (left < right);
}

void backend_first_plan(struct backend *backend, uint32_t which)
{
    struct backend_plan *plan = &backend->balance->plans[which];
    qsort_r(plan->members, plan->num, sizeof(*plan->members), lower_id_first, backend);
}

struct server *backend_pick_first(const struct backend_question *question)
{
    return backend_pick_from(question, 0);
}
