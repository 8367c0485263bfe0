// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include "base/hash.h"
#include "proxy/server_place.h"

uint64_t proxy_place_owner(const struct server_conf *server)
{
    uint64_t hash = hash_djb2(slice_str(server->backend->proxy->name));
    hash = hash << 32 | hash_djb2(slice_str(server->name));
    return hash | UINT64_C(1) << 63;
}

static uint64_t mix(uint64_t hash, const void *data, size_t len)
{
    const unsigned char *byte = data;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3); // FNV-1a
    return hash;
}

static uint64_t mix_address(uint64_t hash, const struct transport_address *addr)
{
    hash = mix(hash, &addr->family, sizeof(addr->family));
    hash = mix(hash, &addr->port, sizeof(addr->port));
    if (addr->family == AF_INET)
        return mix(hash, addr->ip, 4);
    return addr->family == AF_INET6 ? mix(hash, addr->ip, sizeof(addr->ip)) : hash;
}

// A name may lead elsewhere at each start: what was written counts.
uint64_t proxy_place_file(const struct server_conf *server)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    const struct probe_conf *probe = &server->probe;
    bool tls = server->tls.enabled;
    if (server->addr_text)
        hash = mix(hash, server->addr_text, strlen(server->addr_text));
    hash = mix(hash, &tls, sizeof(tls));
    hash = mix(hash, &server->check.port, sizeof(server->check.port));
    hash = mix_address(hash, &server->check.addr);
    hash = mix_address(hash, &probe->agent_addr);
    hash = mix(hash, &probe->agent_port, sizeof(probe->agent_port));
    if (probe->agent_send)
        hash = mix(hash, probe->agent_send, probe->agent_send_len);
    return hash;
}

static void get_reach(struct proxy_place_reach *out, const struct transport_address *addr, uint16_t port)
{
    *out = (struct proxy_place_reach){ .family = (uint16_t)addr->family, .port = port };
    memcpy(out->ip, addr->ip, sizeof(out->ip));
}

void proxy_place_get(struct proxy_place *out, const struct server_conf *server)
{
    *out = (struct proxy_place){ .owner = proxy_place_owner(server), .file = proxy_place_file(server) };
    const struct server_origin *origin = server->origin;
    if (!origin)
        return;
    if (origin->moved) {
        out->flags |= PROXY_PLACE_MOVED | (server->port_mapped ? PROXY_PLACE_MAPPED : 0);
        get_reach(&out->server, &server->addr, server->addr.port);
        out->port_offset = server->port_offset;
        if (server->host) {
            out->flags |= PROXY_PLACE_NAMED;
            snprintf(out->host, sizeof(out->host), "%s", server->host);
        }
    }
    if (server->tls_target != origin->tls_target)
        out->flags |= server->tls_target ? PROXY_PLACE_TLS : PROXY_PLACE_PLAIN;
    get_reach(&out->health, &server->health_reach.addr, server->health_reach.port);
    get_reach(&out->agent, &server->agent_reach.addr, server->agent_reach.port);
    if (server->agent_send) {
        out->flags |= PROXY_PLACE_SENDS;
        snprintf(out->agent_send, sizeof(out->agent_send), "%s", server->agent_send);
    }
}

static void set_address(struct transport_address *addr, const struct proxy_place_reach *reach)
{
    *addr = (struct transport_address){ .family = reach->family, .port = reach->port };
    memcpy(addr->ip, reach->ip, sizeof(addr->ip));
}

static void set_reach(struct server_reach *out, const struct proxy_place_reach *reach)
{
    set_address(&out->addr, reach);
    out->port = reach->port;
}

static struct server_origin *origin_of(struct server_conf *server, struct arena *arena)
{
    struct server_origin *origin = server->origin;
    if (origin)
        return origin;
    origin = server->origin = arena_alloc(arena, sizeof(*origin));
    origin->addr = server->addr;
    origin->host = server->host;
    origin->tls_target = server->tls_target;
    origin->port_offset = server->port_offset;
    origin->port_mapped = server->port_mapped;
    origin->has_port = server->has_port;
    origin->unresolved = server->unresolved;
    return origin;
}

static void move(struct server_conf *server, struct server_origin *origin, const struct proxy_place *place)
{
    origin->moved = place->flags & PROXY_PLACE_MOVED;
    if (!origin->moved) {
        server->addr = origin->addr;
        server->host = origin->host;
        server->port_offset = origin->port_offset;
        server->port_mapped = origin->port_mapped;
        server->has_port = origin->has_port;
        server->unresolved = origin->unresolved;
        return;
    }
    set_address(&server->addr, &place->server);
    server->port_mapped = place->flags & PROXY_PLACE_MAPPED;
    server->port_offset = place->port_offset;
    server->has_port = true;
    server->unresolved = false;
    snprintf(origin->host_now, sizeof(origin->host_now), "%.*s", (int)sizeof(place->host) - 1, place->host);
    server->host = place->flags & PROXY_PLACE_NAMED ? origin->host_now : NULL;
}

static bool is_same(const struct server_conf *a, const struct server_conf *b)
{
    return a->addr.family == b->addr.family && a->addr.port == b->addr.port &&
           memcmp(a->addr.ip, b->addr.ip, sizeof(a->addr.ip)) == 0 && a->port_mapped == b->port_mapped &&
           a->port_offset == b->port_offset && a->tls_target == b->tls_target;
}

bool proxy_place_set(struct server_conf *server, const struct proxy_place *place, struct arena *arena)
{
    struct server_origin *origin = origin_of(server, arena);
    struct server_conf was = *server;
    move(server, origin, place);
    server->tls_target = place->flags & PROXY_PLACE_TLS     ? server->tls_built
                         : place->flags & PROXY_PLACE_PLAIN ? NULL
                                                            : origin->tls_target;
    set_reach(&server->health_reach, &place->health);
    set_reach(&server->agent_reach, &place->agent);
    snprintf(origin->send_now, sizeof(origin->send_now), "%.*s", (int)sizeof(place->agent_send) - 1, place->agent_send);
    server->agent_send = place->flags & PROXY_PLACE_SENDS ? origin->send_now : NULL;
    if (is_same(server, &was))
        return false;
    server->moves++;
    return true;
}

void proxy_place_text(char *out, const struct transport_address *addr)
{
    out[transport_address_ip_text(addr, out)] = '\0';
}
