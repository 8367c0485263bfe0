// SPDX-License-Identifier: Apache-2.0
#include <netinet/in.h>
#include <unistd.h>
#include "os/identity.h"
#include "process/rights.h"
#include "proxy/conf.h"
#include "rule/rule.h"

// Of two that would do, the lesser: CAP_NET_ADMIN rules interfaces, routes and firewalls.
static uint64_t of_binds(const struct program_conf *program)
{
    for (uint32_t i = 0; i < program->num_binds; i++)
        if (program->binds[i]->listen.flags & OS_LISTEN_TRANSPARENT)
            return OS_CAP_NET_RAW;
    return 0;
}

static uint64_t of_source(const struct transport_address *source, const char *interface)
{
    uint64_t needed = interface ? OS_CAP_NET_RAW : 0;
    if ((source->family == AF_INET || source->family == AF_INET6) && source->port && source->port < IPPORT_RESERVED)
        needed |= OS_CAP_NET_BIND_SERVICE;
    return needed;
}

static uint64_t of_servers(const struct proxy_conf *proxy, bool as_root)
{
    uint64_t needed = of_source(&proxy->be.source, proxy->be.source_interface);
    for (const struct server_conf *it = proxy->be.servers; it; it = it->next) {
        needed |= of_source(&it->source, it->source_interface);
        // Root would be astonished if a socket's file were not for it.
        if (as_root && it->addr.family == AF_UNIX)
            needed |= OS_CAP_DAC_OVERRIDE;
    }
    return needed;
}

static uint64_t of_rules(const struct proxy_conf *proxy)
{
    for (int i = 0; i < PROXY_NUM_RULE_SETS; i++)
        for (const struct rule *rule = proxy->rules[i]; rule; rule = rule->next)
            if (rule->action->flags & RULE_NEEDS_ADMIN)
                return OS_CAP_NET_ADMIN;
    return 0;
}

uint64_t rights_needed(const struct program_conf *program)
{
    bool as_root = program->global.uid < 0 ? geteuid() == 0 : program->global.uid == 0;
    uint64_t needed = of_binds(program);
    for (const struct proxy_conf *proxy = program->proxies; proxy; proxy = proxy->next)
        if (!proxy->disabled)
            needed |= of_servers(proxy, as_root) | of_rules(proxy);
    return needed;
}
