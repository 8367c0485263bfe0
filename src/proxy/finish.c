// SPDX-License-Identifier: Apache-2.0
// What can only be done once all sections are read: names become pointers, numbers are given, lists are closed.
#include <string.h>
#include "log/log.h"
#include "proxy/words.h"

static void append_global_logs(struct arena *arena, struct proxy_conf *proxy, const struct global_conf *global)
{
    struct log_target **last = &proxy->logs;
    while (*last)
        last = &(*last)->next;
    if (proxy->log_global)
        *last = proxy_logs_copy(arena, global->logs);
}

static bool id_is_taken(const struct program_conf *program, uint32_t id)
{
    for (const struct proxy_conf *it = program->proxies; it; it = it->next) {
        if (it->id == id)
            return true;
    }
    return false;
}

// Those without an id take the lowest free ones, in the order of the files.
static void number_proxies(struct program_conf *program)
{
    uint32_t next = 1;
    for (struct proxy_conf *it = program->proxies; it; it = it->next) {
        while (!it->id && id_is_taken(program, next))
            next++;
        it->id = it->id ? it->id : next;
    }
}

static void number_servers(struct backend_conf *backend)
{
    uint32_t next = 1;
    for (struct server_conf *it = backend->servers; it; it = it->next) {
        for (const struct server_conf *other = it->id ? NULL : backend->servers; other;) {
            if (other->id == next) {
                next++;
                other = backend->servers;
            } else {
                other = other->next;
            }
        }
        it->id = it->id ? it->id : next;
    }
}

static bool number_binds(struct config *config, struct proxy_conf *proxy)
{
    bool ok = true;
    for (const struct bind_conf *it = proxy->fe.binds; it; it = it->next) {
        for (const struct bind_conf *other = proxy->fe.binds; it->id && other != it; other = other->next) {
            if (other->id != it->id)
                continue;
            config_diag_add(config->diag, CONFIG_ERROR, it->place, "the id %u is taken by the bind at line %u of %s",
                            it->id, other->place.line, other->place.file);
            ok = false;
        }
    }
    uint32_t next = 1;
    for (struct bind_conf *it = proxy->fe.binds; it; it = it->next) {
        for (const struct bind_conf *other = it->id ? NULL : proxy->fe.binds; other;) {
            if (other->id == next) {
                next++;
                other = proxy->fe.binds;
            } else {
                other = other->next;
            }
        }
        it->id = it->id ? it->id : next;
        if (!it->listen.backlog)
            it->listen.backlog = proxy->fe.backlog;
    }
    return ok;
}

static struct proxy_conf *find_backend(struct config *config, const struct proxy_conf *proxy, const char *name,
                                       struct config_place place, const char *word)
{
    struct program_conf *program = proxy_program(config);
    struct proxy_conf *backend = proxy_conf_find(program, name, CONFIG_IN_BACKEND);
    if (!backend) {
        const char **known = arena_alloc(config->arena, (program->num_proxies + 1) * sizeof(*known));
        size_t num = 0;
        for (const struct proxy_conf *it = program->proxies; it; it = it->next)
            known[num++] = it->has_backend ? it->name : NULL;
        const char *nearest = config_nearest(name, known, num);
        config_diag_add(config->diag, CONFIG_ERROR, place, "%s: there is no backend '%s'%s%s%s", word, name,
                        nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
        return NULL;
    }
    if (backend->mode != proxy->mode) {
        bool http = proxy->mode == PROXY_MODE_HTTP;
        config_diag_add(config->diag, CONFIG_ERROR, place, "%s: the %s %s '%s' cannot use the %s backend '%s'%s", word,
                        http ? "http" : "tcp", proxy_kind(proxy), proxy->name, http ? "tcp" : "http", name,
                        http ? "; see 'mode'" : ": an upgrade from tcp is not supported yet; see 'mode'");
        return NULL;
    }
    return backend;
}

static bool resolve_names(struct config *config, struct proxy_conf *proxy)
{
    bool ok = true;
    for (struct use_backend_conf *use = proxy->fe.use_backends; use; use = use->next) {
        use->backend = find_backend(config, proxy, use->name, use->place, "use_backend");
        ok &= use->backend != NULL;
    }
    if (proxy->has_frontend && proxy->fe.default_backend_name) {
        proxy->fe.default_backend = find_backend(config, proxy, proxy->fe.default_backend_name,
                                                 proxy->fe.default_backend_place, "default_backend");
        ok &= proxy->fe.default_backend != NULL;
    }
    return ok;
}

static bool resolve_servers(struct config *config, struct proxy_conf *proxy)
{
    bool ok = true;
    for (struct server_conf *it = proxy->be.servers; it; it = it->next)
        ok &= proxy_server_resolve(config, it);
    return ok;
}

// A disabled proxy listens nowhere.
static void collect_binds(struct program_conf *program)
{
    program->num_binds = 0;
    for (const struct proxy_conf *proxy = program->proxies; proxy; proxy = proxy->next) {
        for (const struct bind_conf *it = proxy->disabled ? NULL : proxy->fe.binds; it; it = it->next)
            program->num_binds++;
    }
    program->binds = arena_alloc(program->arena, (program->num_binds + 1) * sizeof(struct bind_conf *));
    uint32_t at = 0;
    for (const struct proxy_conf *proxy = program->proxies; proxy; proxy = proxy->next) {
        for (struct bind_conf *it = proxy->disabled ? NULL : proxy->fe.binds; it; it = it->next) {
            it->index = at;
            program->binds[at++] = it;
        }
    }
}

bool proxy_conf_finish(struct config *config, struct program_conf *program)
{
    bool ok = true;
    number_proxies(program);
    for (struct proxy_conf *proxy = program->proxies; proxy; proxy = proxy->next) {
        append_global_logs(program->arena, proxy, &program->global);
        number_servers(&proxy->be);
        ok &= number_binds(config, proxy);
        ok &= proxy_conf_check(config, proxy);
        ok &= resolve_names(config, proxy);
    }
    // Last, for it may take time: a configuration with errors is not worth it.
    for (struct proxy_conf *proxy = program->proxies; proxy && !config->diag->num_errors; proxy = proxy->next)
        ok &= proxy->disabled || resolve_servers(config, proxy);
    collect_binds(program);
    return ok && !config_diag_failed(config->diag);
}
