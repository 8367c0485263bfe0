// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include "backend/rotation.h"
#include "base/check.h"

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
    while (b) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static uint32_t weight_of(const struct server_conf *server, bool backup)
{
    return server->backup == backup ? server->weight : 0;
}

// Smooth weighted round robin: each server gains its weight at every step, the richest is chosen and pays the total. Equal
// weights give the order of the file.
uint16_t *backend_rotation_new(uint32_t *len, const struct backend_conf *conf, bool backup)
{
    uint32_t divisor = 0;
    uint32_t total = 0;
    for (const struct server_conf *server = conf->servers; server; server = server->next)
        divisor = common_divisor(weight_of(server, backup), divisor);
    for (const struct server_conf *server = conf->servers; divisor && server; server = server->next)
        total += weight_of(server, backup) / divisor;
    *len = total;
    if (!total)
        return NULL;
    uint16_t *order = calloc(total, sizeof(*order));
    int64_t *credit = calloc(conf->num_servers, sizeof(*credit));
    if (!order || !credit)
        check_out_of_memory(total * sizeof(*order));
    bool same = total == conf->num_servers;
    for (uint32_t i = 0; i < total; i++) {
        int64_t best = INT64_MIN;
        uint32_t at = 0;
        if (same) {
            order[i] = (uint16_t)i;
            continue;
        }
        for (const struct server_conf *server = conf->servers; server; server = server->next) {
            uint32_t weight = weight_of(server, backup) / divisor;
            if (!weight)
                continue;
            credit[server->index] += weight;
            if (credit[server->index] > best) {
                best = credit[server->index];
                at = server->index;
            }
        }
        credit[at] -= total;
        order[i] = (uint16_t)at;
    }
    free(credit);
    return order;
}
