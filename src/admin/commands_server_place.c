// SPDX-License-Identifier: Apache-2.0
// What an operator says of where servers, their checks and their agents are: what follows `set server`.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "admin/server.h"
#include "backend/notice.h"
#include "backend/server_change.h"
#include "base/clock.h"
#include "check/lookup.h"
#include "event/loop.h"
#include "proxy/persist_conf.h"

#define BY " by 'stats socket command'"

static void publish(struct admin_call *call, const struct server_conf *server, struct board *board,
                    const struct proxy_place *place)
{
    call->number = backend_server_move(board, server, place);
    if (!call->number)
        (void)admin_refuse(call, "A process does not keep up with changes: try again later.\n");
}

// ---- addr ---------------------------------------------------------------------------------------------------------

// What `set server <b>/<s> addr <ip> [port <port>]` asks for.
struct wanted {
    struct transport_address addr;
    const char *host; // a name that this is the address of; NULL: as it was
    const char *port; // as written, NULL: as it is
    int32_t number;   // of the port, or what is added to the client's
    bool mapped;
};

static void port_text(char out[16], bool mapped, int32_t number)
{
    snprintf(out, 16, mapped ? "%+d" : "%d", number);
}

static bool read_number(int32_t *out, const char *text)
{
    char *end;
    long number = strtol(text, &end, 10);
    *out = (int32_t)number;
    return end != text && !*end && number >= -UINT16_MAX && number <= UINT16_MAX;
}

static bool has_check_port(const struct server_conf *server)
{
    return server->check.port || server->check.addr.port || server->health_reach.port;
}

// False after answering: a port that cannot be had.
static bool read_wanted_port(struct wanted *wanted, struct admin_call *call, const struct server_conf *server,
                             bool moves)
{
    const char *why = moves ? "" : "no need to change the addr, ";
    if (!wanted->port)
        return true;
    wanted->mapped = *wanted->port == '+' || *wanted->port == '-';
    if (!read_number(&wanted->number, wanted->port)) {
        (void)admin_refuse(call, "%sproblem converting port '%s' to an int" BY "\n", why, wanted->port);
        return false;
    }
    if (wanted->mapped && !server->port_mapped && !has_check_port(server)) {
        (void)admin_refuse(call,
                           "%scan't change <port> to port map because it is incompatible with current health check "
                           "port configuration (use 'port' statement from the 'server' directive." BY "\n",
                           why);
        return false;
    }
    // Checks go where traffic goes, unless they are told otherwise.
    if (!wanted->mapped && wanted->number == 0 && server->check.enabled && !has_check_port(server)) {
        (void)admin_refuse(call, "%scan't change the port to 0, as its health check has no port of its own" BY "\n",
                           why);
        return false;
    }
    return true;
}

static bool is_ip(const struct transport_address *addr)
{
    return addr->family == AF_INET || addr->family == AF_INET6;
}

static bool same_ip(const struct transport_address *a, const struct transport_address *b)
{
    return a->family == b->family && memcmp(a->ip, b->ip, a->family == AF_INET ? 4 : 16) == 0;
}

static void place_at(struct proxy_place *place, const struct server_conf *server, const struct wanted *wanted)
{
    proxy_place_get(place, server);
    place->flags &= ~(uint32_t)(PROXY_PLACE_MAPPED | PROXY_PLACE_NAMED);
    place->flags |= PROXY_PLACE_MOVED | (wanted->mapped ? PROXY_PLACE_MAPPED : 0);
    const char *host = wanted->host ? wanted->host : server->host;
    if (host) {
        place->flags |= PROXY_PLACE_NAMED;
        snprintf(place->host, sizeof(place->host), "%s", host);
    }
    place->server = (struct proxy_place_reach){ .family = (uint16_t)wanted->addr.family,
                                                .port = wanted->mapped ? 0 : (uint16_t)wanted->number };
    memcpy(place->server.ip, wanted->addr.ip, sizeof(place->server.ip));
    place->port_offset = wanted->mapped ? wanted->number : 0;
}

static void ip_text(char *out, const struct transport_address *addr)
{
    if (is_ip(addr))
        proxy_place_text(out, addr);
    else
        snprintf(out, TRANSPORT_ADDRESS_TEXT_MAX, "%s", addr->family == AF_UNSPEC ? "(none)" : "unix");
}

// Whose name had no address has one now.
static void resolved(struct board *board, const struct server_conf *server)
{
    uint32_t admin = backend_state_admin(backend_state_status(backend_state_at(server->object)));
    if (admin & BACKEND_ADMIN_MAINT_RESOLUTION)
        backend_notice_admin(board, server, 0, BACKEND_ADMIN_MAINT_RESOLUTION, "its address was set");
}

static void change(struct admin_call *call, const struct server_conf *server, struct board *board,
                   const struct wanted *wanted)
{
    char old_ip[TRANSPORT_ADDRESS_TEXT_MAX], new_ip[TRANSPORT_ADDRESS_TEXT_MAX], old_port[16], new_port[16];
    int32_t number = server->port_mapped ? server->port_offset : server->addr.port;
    bool moves = !same_ip(&server->addr, &wanted->addr);
    bool to_port = wanted->mapped != server->port_mapped || wanted->number != number;
    const char *what = "no need to change the addr";
    char text[2 * TRANSPORT_ADDRESS_TEXT_MAX + 64], port[64] = "";
    struct proxy_place place;
    ip_text(old_ip, &server->addr);
    ip_text(new_ip, &wanted->addr);
    port_text(old_port, server->port_mapped, number);
    port_text(new_port, wanted->mapped, wanted->number);
    if (moves || to_port) {
        place_at(&place, server, wanted);
        publish(call, server, board, &place);
        if (!call->number)
            return;
        resolved(board, server);
    }
    if (moves) {
        snprintf(text, sizeof(text), "IP changed from '%s' to '%s'", old_ip, new_ip);
        what = text;
    }
    if (to_port)
        snprintf(port, sizeof(port), ", port changed from '%s' to '%s'", old_port, new_port);
    else if (wanted->port)
        snprintf(port, sizeof(port), ", no need to change the port");
    if (moves || to_port)
        backend_notice_say(board, server, LOG_LEVEL_NOTICE, "%s/%s: %s%s" BY, server->backend->proxy->name,
                           server->name, what, port);
    (void)admin_say(call, 5, "%s%s" BY "\n", what, port);
}

void admin_server_addr(struct admin_call *call, const struct server_conf *server, struct board *board)
{
    struct wanted wanted = { .mapped = server->port_mapped,
                             .number = server->port_mapped ? server->port_offset : server->addr.port };
    if (call->num_args < 3) {
        (void)admin_refuse(call, "set server <b>/<s> addr requires an address and optionally a port.\n");
        return;
    }
    if (!transport_address_parse_ip(&wanted.addr, call->args[2]) || !is_ip(&wanted.addr)) {
        (void)admin_refuse(call, "Invalid addr '%s'" BY "\n", call->args[2]);
        return;
    }
    if (call->num_args > 3 && strcmp(call->args[3], "port") == 0)
        wanted.port = call->num_args > 4 ? call->args[4] : "";
    if (server->addr.family == AF_UNIX || server->is_datagram) {
        (void)admin_refuse(
            call, "Update for the current server address family is only supported through configuration file" BY "\n");
        return;
    }
    if (read_wanted_port(&wanted, call, server, !same_ip(&server->addr, &wanted.addr)))
        change(call, server, board, &wanted);
}

// ---- fqdn ---------------------------------------------------------------------------------------------------------

enum { LOOK_US = 5000 }; // between looks whether the name has an address

// A name under way; its number is in call->state.
static void fqdn_look(struct admin_call *call, const struct server_conf *server, struct board *board)
{
    const uint64_t *number = call->state;
    const char *why = NULL;
    char old[TRANSPORT_ADDRESS_TEXT_MAX], new[TRANSPORT_ADDRESS_TEXT_MAX];
    struct proxy_place place;
    struct wanted wanted = { .host = call->args[2],
                             .mapped = server->port_mapped,
                             .number = server->port_mapped ? server->port_offset : server->addr.port };
    switch (check_lookup_take(&wanted.addr, &why, *number)) {
    case CHECK_LOOKUP_PENDING:
        call->wake_us = call->admin->start.loop->now_us + LOOK_US;
        return;
    case CHECK_LOOKUP_FAILED:
        (void)admin_refuse(call, "set server <b>/<s> fqdn failed: cannot resolve '%s': %s.\n", wanted.host, why);
        return;
    case CHECK_LOOKUP_FOUND:
        break;
    }
    ip_text(old, &server->addr);
    ip_text(new, &wanted.addr);
    place_at(&place, server, &wanted);
    publish(call, server, board, &place);
    if (!call->number)
        return;
    resolved(board, server);
    backend_notice_say(board, server, LOG_LEVEL_NOTICE, "%s/%s: FQDN changed to '%s', IP from '%s' to '%s'" BY,
                       server->backend->proxy->name, server->name, wanted.host, old, new);
    (void)admin_say(call, 5, "%s/%s: FQDN changed to '%s', IP from '%s' to '%s'" BY "\n", server->backend->proxy->name,
                    server->name, wanted.host, old, new);
}

// Has a name looked up, and remembers which question that is; false where nobody can be asked.
static bool look_up(struct admin_call *call, const char *name, uint16_t family)
{
    uint64_t number = check_lookup_begin(name, family);
    uint64_t *state = number ? malloc(sizeof(*state)) : NULL;
    if (!state)
        return false;
    *state = number;
    call->state = state;
    return true;
}

// A server whose line has a name may get another one. The helper that looks it up is there where there is such a line.
void admin_server_fqdn(struct admin_call *call, const struct server_conf *server, struct board *board)
{
    if (call->state) {
        fqdn_look(call, server, board);
        return;
    }
    if (call->num_args < 3) {
        (void)admin_refuse(call, "set server <b>/<s> fqdn requires a FQDN.\n");
        return;
    }
    if (strlen(call->args[2]) >= PROXY_PLACE_HOST) {
        (void)admin_refuse(call, "set server <b>/<s> fqdn failed: the name is too long.\n");
        return;
    }
    if (!server->host || !look_up(call, call->args[2], server->host_family)) {
        (void)admin_refuse(call, "set server <b>/<s> fqdn failed because no resolution is configured.\n");
        return;
    }
    fqdn_look(call, server, board);
}

// ---- ssl ----------------------------------------------------------------------------------------------------------

void admin_server_ssl(struct admin_call *call, const struct server_conf *server, struct board *board)
{
    const char *word = call->num_args > 2 ? call->args[2] : "";
    bool on = strcmp(word, "on") == 0;
    struct proxy_place place;
    if (!server->tls_built) {
        (void)admin_refuse(call, "'set server <srv> ssl' cannot be set.  default-server should define ssl settings\n");
        return;
    }
    if (!on && strcmp(word, "off") != 0) {
        (void)admin_refuse(call, "'set server <srv> ssl' expects 'on' or 'off'.\n");
        return;
    }
    if (on != (server->tls_target != NULL)) {
        proxy_place_get(&place, server);
        place.flags &= ~(uint32_t)(PROXY_PLACE_TLS | PROXY_PLACE_PLAIN);
        place.flags |= on ? PROXY_PLACE_TLS : PROXY_PLACE_PLAIN;
        publish(call, server, board, &place);
        if (!call->number)
            return;
    }
    (void)admin_say(call, 5, "server ssl setting updated.\n");
}

// ---- checks and agents --------------------------------------------------------------------------------------------

static bool is_checked(struct admin_call *call, const struct server_conf *server)
{
    if (!server->check.enabled)
        (void)admin_refuse(call, "health checks are not enabled on this server\n");
    return server->check.enabled;
}

static bool has_agent(struct admin_call *call, const struct server_conf *server)
{
    if (!server->probe.agent)
        (void)admin_refuse(call, "agent checks are not enabled on this server\n");
    return server->probe.agent;
}

// 0: the one of the line again, or where traffic goes.
static bool read_port(struct proxy_place_reach *reach, struct admin_call *call, const char *text)
{
    char *end;
    long number = strtol(text, &end, 10);
    if (end == text || *end) {
        (void)admin_refuse(call, "provided port is not an integer\n");
        return false;
    }
    if (number < 0 || number > UINT16_MAX) {
        (void)admin_refuse(call, "provided port is invalid\n");
        return false;
    }
    reach->port = (uint16_t)number;
    return true;
}

static void reach_to(struct proxy_place_reach *reach, const struct transport_address *addr)
{
    reach->family = (uint16_t)addr->family;
    memcpy(reach->ip, addr->ip, sizeof(reach->ip));
}

// What may follow an address: "port <port>".
static bool read_reach_port(struct proxy_place_reach *reach, struct admin_call *call)
{
    if (call->num_args < 4)
        return true;
    if (strcmp(call->args[3], "port") != 0) {
        (void)admin_refuse(call, "set server <b>/<s> %s requires an address and optionally a port.\n", call->args[1]);
        return false;
    }
    return read_port(reach, call, call->num_args > 4 ? call->args[4] : "");
}

// "<address> [port <port>]", or with `what` "agent-port" and the like a port alone.
static bool read_reach(struct proxy_place_reach *reach, struct admin_call *call)
{
    const char *what = call->args[1];
    bool is_port = strstr(what, "port") != NULL;
    struct transport_address addr = { 0 };
    if (call->num_args < 3) {
        (void)admin_refuse(call, "set server <b>/<s> %s requires %s.\n", what,
                           is_port ? "a port" : "an address and optionally a port");
        return false;
    }
    if (is_port)
        return read_port(reach, call, call->args[2]);
    if (!transport_address_parse_ip(&addr, call->args[2])) {
        (void)admin_refuse(call, "invalid addr '%s'\n", call->args[2]);
        return false;
    }
    reach_to(reach, &addr);
    return read_reach_port(reach, call);
}

static void set_check(struct admin_call *call, const struct server_conf *server, struct board *board)
{
    struct proxy_place place;
    proxy_place_get(&place, server);
    if (is_checked(call, server) && read_reach(&place.health, call))
        publish(call, server, board, &place);
}

static void set_agent(struct admin_call *call, const struct server_conf *server, struct board *board)
{
    struct proxy_place place;
    proxy_place_get(&place, server);
    if (has_agent(call, server) && read_reach(&place.agent, call))
        publish(call, server, board, &place);
}

void admin_server_check_addr(struct admin_call *call, const struct server_conf *server, struct board *board)
{
    set_check(call, server, board);
}

void admin_server_check_port(struct admin_call *call, const struct server_conf *server, struct board *board)
{
    set_check(call, server, board);
}

// A name under way; its number is in call->state.
static void agent_name_look(struct admin_call *call, const struct server_conf *server, struct board *board)
{
    const char *why = NULL;
    struct transport_address addr;
    struct proxy_place place;
    switch (check_lookup_take(&addr, &why, *(const uint64_t *)call->state)) {
    case CHECK_LOOKUP_PENDING:
        call->wake_us = call->admin->start.loop->now_us + LOOK_US;
        return;
    case CHECK_LOOKUP_FAILED:
        (void)admin_refuse(call, "invalid addr '%s': %s\n", call->args[2], why);
        return;
    case CHECK_LOOKUP_FOUND:
        break;
    }
    proxy_place_get(&place, server);
    if (!has_agent(call, server) || !read_reach_port(&place.agent, call))
        return;
    reach_to(&place.agent, &addr);
    publish(call, server, board, &place);
}

// An address, or a name, which is looked up once.
void admin_server_agent_addr(struct admin_call *call, const struct server_conf *server, struct board *board)
{
    struct transport_address addr;
    struct proxy_place place;
    const char *name = call->num_args > 2 ? call->args[2] : NULL;
    if (call->state) {
        agent_name_look(call, server, board);
        return;
    }
    proxy_place_get(&place, server);
    if (!name || !server->probe.agent || transport_address_parse_ip(&addr, name))
        set_agent(call, server, board);
    else if (read_reach_port(&place.agent, call) && look_up(call, name, AF_UNSPEC))
        agent_name_look(call, server, board);
    else if (!call->is_refused)
        (void)admin_refuse(call, "invalid addr '%s'\n", name);
}

void admin_server_agent_port(struct admin_call *call, const struct server_conf *server, struct board *board)
{
    set_agent(call, server, board);
}

void admin_server_agent_send(struct admin_call *call, const struct server_conf *server, struct board *board)
{
    struct proxy_place place;
    if (!has_agent(call, server))
        return;
    const char *text = call->num_args > 2 ? call->args[2] : "";
    if (strlen(text) >= sizeof(place.agent_send)) {
        (void)admin_refuse(call, "'set server <srv> agent-send' takes at most %zu bytes.\n",
                           sizeof(place.agent_send) - 1);
        return;
    }
    proxy_place_get(&place, server);
    place.flags |= PROXY_PLACE_SENDS;
    snprintf(place.agent_send, sizeof(place.agent_send), "%s", text);
    publish(call, server, board, &place);
}

// ---- cookies ------------------------------------------------------------------------------------------------------

static enum admin_verdict change_cookies(struct admin_call *call, const struct backend_cookie_change *change)
{
    const struct proxy_conf *proxy = call->num_args ? admin_backend_named(call, call->args[0]) : NULL;
    if (!call->num_args)
        return admin_refuse(call, "A backend name is expected.\n");
    if (!proxy)
        return admin_refuse(call, "No such backend.\n");
    if (change->sets_key && (!change->key || !*change->key))
        return admin_refuse(call, "String value expected.\n");
    if (change->sets_key && strlen(change->key) > PROXY_COOKIE_KEY_MAX)
        return admin_refuse(call, "The key has at most %d bytes.\n", PROXY_COOKIE_KEY_MAX);
    call->number = backend_cookies_change(proxy, change);
    if (!call->number)
        return admin_refuse(call, "A process does not keep up with changes: try again later.\n");
    return ADMIN_CHANGED;
}

static enum admin_verdict run_enable(struct admin_call *call)
{
    return change_cookies(call, &(struct backend_cookie_change){ .dynamic = true });
}

static enum admin_verdict run_disable(struct admin_call *call)
{
    return change_cookies(call, &(struct backend_cookie_change){ .dynamic = false });
}

static enum admin_verdict run_key(struct admin_call *call)
{
    return change_cookies(
        call, &(struct backend_cookie_change){ .sets_key = true, .key = call->num_args > 1 ? call->args[1] : NULL });
}

static const struct admin_command commands[] = {
    { .name = "enable dynamic-cookie backend",
      .level = ADMIN_LEVEL_ADMIN,
      .where = ADMIN_ON_SERVICE,
      .max_args = 1,
      .changes = true,
      .args = "<backend>",
      .help = "give servers without a cookie one made of their address",
      .run = run_enable },
    { .name = "disable dynamic-cookie backend",
      .level = ADMIN_LEVEL_ADMIN,
      .where = ADMIN_ON_SERVICE,
      .max_args = 1,
      .changes = true,
      .args = "<backend>",
      .help = "no longer do that",
      .run = run_disable },
    { .name = "set dynamic-cookie-key backend",
      .level = ADMIN_LEVEL_ADMIN,
      .where = ADMIN_ON_SERVICE,
      .max_args = 2,
      .changes = true,
      .is_secret = true,
      .args = "<backend> <key>",
      .help = "change the secret that dynamic cookies are made with",
      .run = run_key },
};
ADMIN_COMMANDS(commands);
