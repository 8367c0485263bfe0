// SPDX-License-Identifier: Apache-2.0
// What can only be done once all sections are read: names become pointers, numbers are given, lists are closed.
#include <stdlib.h>
#include <string.h>
#include "log/log.h"
#include "proxy/log_conf.h"
#include "proxy/ring.h"
#include "proxy/trace_line.h"
#include "proxy/errors.h"
#include "proxy/ref.h"
#include "proxy/stick_conf.h"
#include "proxy/userlist.h"
#include "proxy/words.h"
#include "proxy/words_check.h"

static void append_global_logs(struct arena *arena, struct proxy_conf *proxy, const struct global_conf *global)
{
    struct log_target **last = &proxy->logs;
    while (*last)
        last = &(*last)->next;
    if (proxy->log_global)
        *last = proxy_logs_copy(arena, global->logs);
}

// Numbers of one kind of things. Those that the configuration gives are sorted; the others get the lowest free ones, in
// the order of the files.
struct numbers {
    uint32_t *given;
    size_t num;
    size_t at;
    uint32_t next;
};

static int compare_numbers(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static struct numbers numbers_new(struct arena *arena, size_t max)
{
    return (struct numbers){ .given = arena_alloc(arena, (max + 1) * sizeof(uint32_t)), .next = 1 };
}

static void numbers_add(struct numbers *numbers, uint32_t id)
{
    if (id)
        numbers->given[numbers->num++] = id;
}

static void numbers_sort(struct numbers *numbers)
{
    qsort(numbers->given, numbers->num, sizeof(*numbers->given), compare_numbers);
}

static uint32_t numbers_next(struct numbers *numbers)
{
    while (numbers->at < numbers->num && numbers->given[numbers->at] <= numbers->next)
        numbers->next += numbers->given[numbers->at++] == numbers->next;
    return numbers->next++;
}

static void number_proxies(struct program_conf *program)
{
    struct numbers numbers = numbers_new(program->arena, program->num_proxies);
    for (const struct proxy_conf *it = program->proxies; it; it = it->next)
        numbers_add(&numbers, it->id);
    numbers_sort(&numbers);
    for (struct proxy_conf *it = program->proxies; it; it = it->next) {
        it->has_id = it->id != 0;
        it->id = it->has_id ? it->id : numbers_next(&numbers);
    }
}

// A server's number is its position, where no other was given that one; servers with a number of their own count as
// positions, too. Consistent hashing derives places from it.
static void number_servers(struct arena *arena, struct backend_conf *backend)
{
    struct numbers numbers = numbers_new(arena, backend->num_servers);
    for (const struct server_conf *it = backend->servers; it; it = it->next)
        numbers_add(&numbers, it->id);
    numbers_sort(&numbers);
    for (struct server_conf *it = backend->servers; it; it = it->next) {
        // Each has its place in the count, the numbered ones, too: hashes go by these numbers.
        it->has_id = it->id != 0;
        it->id = it->has_id ? it->id : numbers_next(&numbers);
        numbers.next += it->has_id;
    }
}

static const struct bind_conf *bind_with_id(const struct frontend_conf *frontend, uint32_t id)
{
    const struct bind_conf *bind = frontend->binds;
    while (bind && bind->id != id)
        bind = bind->next;
    return bind;
}

static bool number_binds(struct config *config, struct proxy_conf *proxy)
{
    size_t num = 0;
    bool ok = true;
    for (const struct bind_conf *it = proxy->fe.binds; it; it = it->next)
        num++;
    struct numbers numbers = numbers_new(config->arena, num);
    for (const struct bind_conf *it = proxy->fe.binds; it; it = it->next) {
        const struct bind_conf *first = it->id ? bind_with_id(&proxy->fe, it->id) : it;
        numbers_add(&numbers, it->id);
        if (first == it)
            continue;
        config_diag_add(config->diag, CONFIG_ERROR, it->place, "the id %u is taken by the bind at line %u of %s",
                        it->id, first->place.line, first->place.file);
        ok = false;
    }
    numbers_sort(&numbers);
    for (struct bind_conf *it = proxy->fe.binds; it; it = it->next) {
        it->id = it->id ? it->id : numbers_next(&numbers);
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
    if (backend->mode == PROXY_MODE_LOG) {
        config_diag_add(config->diag, CONFIG_ERROR, place, "%s: backend '%s' is of mode log and takes log lines alone",
                        word, name);
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

static struct server_conf *find_server(struct config *config, const struct proxy_conf *proxy,
                                       const struct choice_conf *use)
{
    struct server_conf *server = proxy->be.servers;
    while (server && strcmp(server->name, use->name) != 0)
        server = server->next;
    if (!server)
        config_diag_add(config->diag, CONFIG_ERROR, use->place, "use-server: %s '%s' has no server '%s'",
                        proxy_kind(proxy), proxy->name, use->name);
    return server;
}

static bool resolve_names(struct config *config, struct proxy_conf *proxy)
{
    bool ok = true;
    for (struct choice_conf *use = proxy->fe.use_backends; use; use = use->next) {
        if (use->format)
            continue;
        use->backend = find_backend(config, proxy, use->name, use->place, "use_backend");
        ok &= use->backend != NULL;
    }
    for (struct choice_conf *use = proxy->be.use_servers; use; use = use->next) {
        if (!use->format)
            ok &= (use->server = find_server(config, proxy, use)) != NULL;
        if (use->server)
            use->server->is_referenced = true;
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
        ok &= proxy_server_resolve(config, it) && proxy_probe_resolve(config, it);
    proxy_cookie_finish(config, proxy);
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

static int compare_binds(const void *a, const void *b)
{
    const struct bind_conf *left = *(const struct bind_conf *const *)a, *right = *(const struct bind_conf *const *)b;
    if (left->listen.kind != right->listen.kind)
        return left->listen.kind < right->listen.kind ? -1 : 1;
    int order = memcmp(&left->listen.address, &right->listen.address, sizeof(left->listen.address));
    order = order ? order : strcmp(left->listen.interface, right->listen.interface);
    return order ? order : (left->index > right->index) - (left->index < right->index);
}

// Two binds of one address would share its connections at random, and its sockets with them.
static bool check_binds(struct config *config, const struct program_conf *program)
{
    size_t len = (program->num_binds + 1) * sizeof(struct bind_conf *);
    struct bind_conf **sorted = arena_alloc(config->arena, len);
    bool ok = true;
    memcpy(sorted, program->binds, len);
    qsort(sorted, program->num_binds, sizeof(struct bind_conf *), compare_binds);
    for (uint32_t i = 1; i < program->num_binds; i++) {
        const struct bind_conf *first = sorted[i - 1], *second = sorted[i];
        char text[OS_LISTEN_TEXT_LEN];
        if (second->listen.kind == OS_LISTEN_FD || !os_listen_same(&first->listen, &second->listen))
            continue;
        os_listen_text(text, &second->listen);
        config_diag_add(config->diag, CONFIG_ERROR, second->place, "%s is bound at line %u of %s already", text,
                        first->place.line, first->place.file);
        ok = false;
    }
    return ok;
}

bool proxy_conf_finish(struct config *config, struct program_conf *program)
{
    bool ok = true;
    struct global_conf *global = &program->global;
    global->maxrewrite = global->maxrewrite > global->bufsize / 2 ? global->bufsize / 2 : global->maxrewrite;
    number_proxies(program);
    ok &= proxy_cases_finish(config, global);
    ok &= proxy_rings_finish(config, global->logs);
    ok &= proxy_tls_check(config, &global->tls);
    ok &= proxy_tls_finish_sockets(config, global);
    for (struct proxy_conf *proxy = program->proxies; proxy; proxy = proxy->next) {
        ok &= proxy_rings_finish(config, proxy->logs);
        append_global_logs(program->arena, proxy, global);
        number_servers(program->arena, &proxy->be);
        ok &= number_binds(config, proxy);
        // Conditions and formats that are only compiled now belong to this proxy.
        config->object = proxy;
        config->in = proxy->in;
        // What a disabled proxy names need not be there.
        if (proxy->disabled)
            continue;
        ok &= proxy_conf_check(config, proxy);
        ok &= proxy_logs_finish(config, proxy);
        ok &= resolve_names(config, proxy);
        ok &= proxy_stick_finish(config, proxy);
        ok &= proxy_pool_finish(config, proxy);
        ok &= proxy_tls_finish(config, proxy);
        ok &= check_rules_finish(config, proxy);
    }
    ok &= proxy_log_targets_finish(config, global->logs);
    ok &= trace_confs_check(config, program);
    for (struct proxy_conf *proxy = program->proxies; proxy; proxy = proxy->next)
        ok &= proxy->disabled || proxy_log_targets_finish(config, proxy->logs);
    ok &= proxy_probe_finish(config, program);
    ok &= proxy_errors_check(config, program);
    ok &= proxy_refs_resolve(config, program);
    ok &= userlists_finish(config);
    ok &= proxy_guids_finish(config, program);
    collect_binds(program);
    proxy_backends_index(program);
    ok &= check_binds(config, program);
    // Last, for it may take time: a configuration with errors is not worth it.
    for (struct proxy_conf *proxy = program->proxies; proxy && !config->diag->num_errors; proxy = proxy->next)
        ok &= proxy->disabled || (resolve_servers(config, proxy) && proxy_log_members_finish(config, proxy));
    return ok && !config_diag_failed(config->diag);
}
