// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include "check/target.h"

struct changed {
    struct changed *next;
    const struct server_conf *server;
    enum check_kind kind;
    struct transport_address addr; // without a family: as configured
    uint16_t port;                 // 0: as configured
    char *send;                    // or NULL
};

static struct changed *changed_checks;

static struct changed *changed_find(const struct server_conf *server, enum check_kind kind)
{
    struct changed *it = changed_checks;
    while (it && (it->server != server || it->kind != kind))
        it = it->next;
    return it;
}

static bool change_one(const struct server_conf *server, enum check_kind kind, const struct check_change *change)
{
    struct changed *it = changed_find(server, kind);
    char *send = change->send ? strdup(change->send) : NULL;
    if (!check_of(server, kind) || (change->send && !send)) {
        free(send);
        return false;
    }
    if (!it) {
        it = calloc(1, sizeof(*it));
        if (!it) {
            free(send);
            return false;
        }
        *it = (struct changed){ .next = changed_checks, .server = server, .kind = kind };
        changed_checks = it;
    }
    if (change->addr)
        it->addr = *change->addr;
    if (change->port)
        it->port = change->port;
    if (send) {
        free(it->send);
        it->send = send;
    }
    return true;
}

bool check_change_health(const struct server_conf *server, const struct check_change *change)
{
    return change_one(server, CHECK_HEALTH, change);
}

bool check_change_agent(const struct server_conf *server, const struct check_change *change)
{
    return change_one(server, CHECK_AGENT, change);
}

void check_target_health(struct transport_address *addr, const struct server_conf *server)
{
    const struct changed *changed = changed_find(server, CHECK_HEALTH);
    uint16_t port = server->check.port ? server->check.port : server->check.addr.port;
    *addr = changed && changed->addr.family != AF_UNSPEC ? changed->addr : server->check.addr;
    addr->port = changed && changed->port ? changed->port : port;
}

void check_target_agent(struct transport_address *addr, const struct server_conf *server)
{
    const struct changed *changed = changed_find(server, CHECK_AGENT);
    *addr = changed && changed->addr.family != AF_UNSPEC ? changed->addr : server->probe.agent_addr;
    addr->port = changed && changed->port ? changed->port : server->probe.agent_port;
}

struct slice check_target_question(const struct server_conf *server)
{
    const struct changed *changed = changed_find(server, CHECK_AGENT);
    return changed && changed->send ? slice_str(changed->send)
                                    : slice_of(server->probe.agent_send, server->probe.agent_send_len);
}
