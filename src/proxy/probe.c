// SPDX-License-Identifier: Apache-2.0
// What only the whole configuration shows of servers that are watched: whom they track, and what contradicts what.
#include <string.h>
#include "proxy/address.h"
#include "proxy/words.h"

static bool is_checked(const struct server_conf *server)
{
    return server->check.enabled || server->probe.track_text;
}

static bool is_watched(const struct server_conf *server)
{
    return server->probe.agent || is_checked(server);
}

static struct server_conf *find_tracked(struct config *config, const struct proxy_conf *proxy,
                                        const struct server_conf *server)
{
    const char *text = server->probe.track_text;
    const char *slash = strrchr(text, '/');
    const struct proxy_conf *backend = proxy;
    if (slash) {
        const char *name = arena_copy(config->arena, text, (size_t)(slash - text));
        backend = proxy_conf_find(proxy_program(config), name, CONFIG_IN_BACKEND);
        if (!backend) {
            config_diag_add(config->diag, CONFIG_ERROR, server->place,
                            "server %s/%s: there is no backend '%s' to track a server of", proxy->name, server->name,
                            name);
            return NULL;
        }
    }
    const char *name = slash ? slash + 1 : text;
    struct server_conf *found = proxy_server_find(&backend->be, slice_str(name));
    if (!found)
        config_diag_add(config->diag, CONFIG_ERROR, server->place,
                        "server %s/%s: there is no server '%s' in %s '%s' to track", proxy->name, server->name, name,
                        proxy_kind(backend), backend->name);
    return found;
}

static bool may_track(struct config *config, const struct proxy_conf *proxy, const struct server_conf *server,
                      const struct server_conf *tracked)
{
    if (tracked->backend->proxy->be.check.disable_on_404 != proxy->be.check.disable_on_404) {
        config_diag_add(config->diag, CONFIG_ERROR, server->place,
                        "server %s/%s cannot track %s/%s: 'http-check disable-on-404' has to be set in both backends",
                        proxy->name, server->name, tracked->backend->proxy->name, tracked->name);
        return false;
    }
    if (!is_watched(tracked)) {
        config_diag_add(config->diag, CONFIG_ERROR, server->place,
                        "server %s/%s cannot track %s/%s, which has neither 'check' nor 'agent-check' nor 'track'",
                        proxy->name, server->name, tracked->backend->proxy->name, tracked->name);
        return false;
    }
    return true;
}

static bool resolve_track(struct config *config, struct proxy_conf *proxy, struct server_conf *server)
{
    struct server_conf *tracked = find_tracked(config, proxy, server);
    if (!tracked || !may_track(config, proxy, server, tracked))
        return false;
    server->tracked = tracked;
    server->next_tracker = tracked->trackers;
    tracked->trackers = server;
    return true;
}

// Every server tracks at most one: walking at half and full speed meets in a loop.
static bool tracks_itself(const struct server_conf *server)
{
    const struct server_conf *slow = server, *fast = server->tracked;
    while (fast && fast->tracked && fast != slow) {
        slow = slow->tracked;
        fast = fast->tracked->tracked;
    }
    return fast && fast == slow;
}

static bool check_track(struct config *config, const struct proxy_conf *proxy, const struct server_conf *server)
{
    if (!tracks_itself(server))
        return true;
    config_diag_add(config->diag, CONFIG_ERROR, server->place,
                    "server %s/%s cannot track %s/%s: whom that tracks leads back in a circle", proxy->name,
                    server->name, server->tracked->backend->proxy->name, server->tracked->name);
    return false;
}

enum { EJECT_US = 30000000 };

static void complete(struct config *config, const struct proxy_conf *proxy, struct server_conf *server)
{
    struct probe_conf *probe = &server->probe;
    if (probe->share && !probe->eject_us)
        probe->eject_us = EJECT_US;
    if (probe->observe != PROBE_OBSERVE_NONE && !probe->eject_us && !is_checked(server))
        config_diag_add(config->diag, CONFIG_WARNING, server->place,
                        "server %s/%s: 'observe' changes nothing where there is neither 'check' nor 'eject-time'",
                        proxy->name, server->name);
}

static bool check_server(struct config *config, const struct proxy_conf *proxy, const struct server_conf *server)
{
    const struct probe_conf *probe = &server->probe;
    const char *why = NULL;
    if (probe->observe == PROBE_OBSERVE_LAYER7 && proxy->mode != PROXY_MODE_HTTP)
        why = "'observe layer7' is for mode http";
    else if (probe->share && probe->observe == PROBE_OBSERVE_NONE)
        why = "'share' needs 'observe'";
    else if (probe->agent && !probe->agent_port)
        why = "'agent-check' needs 'agent-port'";
    else if (probe->agent && probe->agent_addr.family == AF_UNSPEC && !probe->agent_host &&
             ((server->addr.family != AF_INET && server->addr.family != AF_INET6 && !server->host)))
        why = "'agent-check' needs 'agent-addr' where the server has no address of its own";
    else if (probe->track_text && probe->init_state != PROBE_INIT_NONE)
        why = "'init-state' is that of the server it tracks: 'track' goes without";
    else if (probe->track_text && server->check.enabled)
        why = "'track' goes without 'check': the state is that of the server it tracks";
    if (why)
        config_diag_add(config->diag, CONFIG_ERROR, server->place, "server %s/%s: %s", proxy->name, server->name, why);
    return !why;
}

static bool check_external(struct config *config, struct proxy_conf *proxy)
{
    const struct check_conf *check = &proxy->be.check;
    const struct global_conf *global = &proxy_program(config)->global;
    const char *why = NULL;
    proxy->external.enabled = check->protocol == CHECK_PROTOCOL_BUILT_IN && strcmp(check->name, "external-check") == 0;
    if (!proxy->external.enabled)
        return true;
    if (!global->external_checks)
        why = "needs 'external-check' in the global section";
    else if (!global->may_fork)
        why = "needs 'insecure-fork-wanted' in the global section";
    else if (!proxy->external.command)
        why = "needs 'external-check command'";
    if (why)
        config_diag_add(config->diag, CONFIG_ERROR, proxy->place, "%s '%s': 'option external-check' %s",
                        proxy_kind(proxy), proxy->name, why);
    return !why;
}

bool proxy_probe_finish_server(struct config *config, struct proxy_conf *proxy, struct server_conf *server)
{
    if (!check_server(config, proxy, server))
        return false;
    complete(config, proxy, server);
    if (!server->probe.track_text)
        return true;
    server->tracked = find_tracked(config, proxy, server);
    if (!server->tracked)
        return false;
    if (server->tracked->is_dynamic) {
        config_diag_add(config->diag, CONFIG_ERROR, server->place,
                        "unable to use %s/%s for tracking as it is a dynamic server.",
                        server->tracked->backend->proxy->name, server->tracked->name);
        return false;
    }
    return may_track(config, proxy, server, server->tracked);
}

bool proxy_probe_finish(struct config *config, struct program_conf *program)
{
    bool ok = true;
    for (struct proxy_conf *proxy = program->proxies; proxy; proxy = proxy->next) {
        ok &= proxy->disabled || check_external(config, proxy);
        for (struct server_conf *it = proxy->disabled ? NULL : proxy->be.servers; it; it = it->next) {
            ok &= check_server(config, proxy, it);
            complete(config, proxy, it);
            if (it->probe.track_text)
                ok &= resolve_track(config, proxy, it);
        }
    }
    for (struct proxy_conf *proxy = program->proxies; ok && proxy; proxy = proxy->next)
        for (struct server_conf *it = proxy->disabled ? NULL : proxy->be.servers; it; it = it->next)
            ok &= check_track(config, proxy, it);
    return ok;
}

bool proxy_probe_resolve(struct config *config, struct server_conf *server)
{
    struct probe_conf *probe = &server->probe;
    const char *error;
    if (!probe->agent || !probe->agent_host ||
        proxy_address_lookup(config, &probe->agent_addr, &error, probe->agent_host, probe->agent_host_family))
        return true;
    config_diag_add(config->diag, CONFIG_ERROR, server->place, "server %s: cannot resolve the agent's address '%s': %s",
                    server->name, probe->agent_host, error);
    return false;
}
