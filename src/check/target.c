// SPDX-License-Identifier: Apache-2.0
// Where checks and agents go: as commands say (proxy/server_place.h), else as the configuration says.
#include "check/target.h"

void check_target_health(struct transport_address *addr, const struct server_conf *server)
{
    const struct server_reach *reach = &server->health_reach;
    uint16_t port = server->check.port ? server->check.port : server->check.addr.port;
    *addr = reach->addr.family != AF_UNSPEC ? reach->addr : server->check.addr;
    addr->port = reach->port ? reach->port : port;
}

void check_target_agent(struct transport_address *addr, const struct server_conf *server)
{
    const struct server_reach *reach = &server->agent_reach;
    *addr = reach->addr.family != AF_UNSPEC ? reach->addr : server->probe.agent_addr;
    addr->port = reach->port ? reach->port : server->probe.agent_port;
}

struct slice check_target_question(const struct server_conf *server)
{
    return server->agent_send ? slice_str(server->agent_send)
                              : slice_of(server->probe.agent_send, server->probe.agent_send_len);
}
