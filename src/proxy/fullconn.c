// SPDX-License-Identifier: Apache-2.0
// What limits of servers depend on beyond their own lines.
#include "proxy/words.h"

static bool leads_to(const struct proxy_conf *from, const struct proxy_conf *to)
{
    if (!from->has_frontend || from->disabled)
        return false;
    if (from == to || from->fe.default_backend == to)
        return true;
    for (const struct choice_conf *use = from->fe.use_backends; use; use = use->next)
        if (use->backend == to)
            return true;
    return false;
}

static uint32_t fullconn_of(const struct program_conf *program, const struct proxy_conf *proxy)
{
    uint64_t sum = 0;
    for (const struct proxy_conf *other = program->proxies; other; other = other->next)
        if (leads_to(other, proxy))
            sum += other->fe.maxconn ? other->fe.maxconn : program->global.maxconn;
    sum = (sum + 9) / 10;
    return sum < 1 ? 1 : sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
}

// A limit that cannot rise is a fixed one.
void proxy_limits_finish_server(struct server_conf *server)
{
    if (server->minconn >= server->maxconn) {
        server->maxconn = server->minconn > server->maxconn ? server->minconn : server->maxconn;
        server->minconn = 0;
    }
}

void proxy_limits_finish(struct program_conf *program)
{
    for (struct proxy_conf *proxy = program->proxies; proxy; proxy = proxy->next) {
        if (proxy->has_backend && !proxy->be.fullconn)
            proxy->be.fullconn = fullconn_of(program, proxy);
        for (struct server_conf *server = proxy->be.servers; server; server = server->next)
            proxy_limits_finish_server(server);
    }
}
