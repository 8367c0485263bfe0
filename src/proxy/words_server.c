// SPDX-License-Identifier: Apache-2.0
// `server` and `default-server` lines. A server starts as a copy of its proxy's template, which default-server changes
// for the servers after it. The options stand in words_server_options.c.
#include <string.h>
#include "base/hash.h"
#include "proxy/address.h"
#include "proxy/server_line.h"
#include "proxy/words.h"
#include "proxy/words_check.h"

struct server_conf *proxy_server_default(struct arena *arena)
{
    struct server_conf *server = arena_alloc(arena, sizeof(*server));
    server->weight = 1;
    server->pool_max_conn = -1;
    server->pool_purge_us = 5000000;
    server->check = check_server_default();
    server->probe = (struct probe_conf){
        .error_limit = 10,
        .share_min = 20,
        .share_window_us = 10000000,
        .agent_inter_us = 2000000,
    };
    return server;
}

static bool read_address(struct config *config, struct server_conf *server, const struct config_line *line,
                         uint32_t index)
{
    struct proxy_address address;
    const struct config_arg *arg = config_arg_at(line, index);
    struct slice text = slice_of(arg->str, arg->len);
    server->is_datagram = proxy_log_datagram(config, &text);
    if (!proxy_address_parse(config, &address, line, index, text))
        return false;
    server->addr_text = arg->str;
    if (address.is_fd)
        return config_error(config, line, index, "a server cannot be a file descriptor");
    server->addr = address.addr;
    if (address.addr.family == AF_UNIX)
        return !address.is_exact || config_error(config, line, index, "'abnsz@' is not supported for servers yet");
    if (address.port_kind == PROXY_PORT_RANGE)
        return config_error(config, line, index, "a server has one port, not a range");
    server->has_port = address.port_kind != PROXY_PORT_NONE;
    if (address.port_kind != PROXY_PORT_ONE || address.port == 0) {
        server->port_mapped = true;
        server->port_offset = address.port;
    }
    server->host = address.host;
    server->host_family = address.want;
    // "*" and all-zero addresses mean the address that the client asked for.
    if (address.is_any)
        server->addr.family = AF_UNSPEC;
    return true;
}

enum { FEW_SERVERS = 32 };

static struct server_conf **chain_of(const struct backend_conf *backend, struct slice name)
{
    return &backend->named[hash_djb2(name) % PROXY_NAMED_SERVERS];
}

struct server_conf *proxy_server_find(const struct backend_conf *backend, struct slice name)
{
    struct server_conf *it = backend->named ? *chain_of(backend, name) : backend->servers;
    while (it && !slice_equal(name, slice_str(it->name)))
        it = backend->named ? it->next_named : it->next;
    return it;
}

static bool name_is_free(struct config *config, const struct backend_conf *backend, const struct config_line *line,
                         const char *name)
{
    const struct server_conf *it = proxy_server_find(backend, slice_str(name));
    return !it || config_error(config, line, 0, "the server name '%s' is taken at line %u of %s", name, it->place.line,
                               it->place.file);
}

static void chain_append(const struct backend_conf *backend, struct server_conf *server)
{
    struct server_conf **chain = chain_of(backend, slice_str(server->name));
    while (*chain)
        chain = &(*chain)->next_named;
    *chain = server;
}

void proxy_server_append(struct arena *arena, struct server_conf *server)
{
    struct backend_conf *backend = server->backend;
    *(backend->last_server ? &backend->last_server->next : &backend->servers) = server;
    backend->last_server = server;
    server->next = server->next_named = NULL;
    server->index = backend->num_servers++;
    if (backend->named) {
        chain_append(backend, server);
    } else if (backend->num_servers == FEW_SERVERS) {
        backend->named = arena_alloc(arena, PROXY_NAMED_SERVERS * sizeof(struct server_conf *));
        for (struct server_conf *it = backend->servers; it; it = it->next)
            chain_append(backend, it);
    }
}

void proxy_server_enter(struct program_conf *program, struct server_conf *server)
{
    proxy_server_append(program->arena, server);
    if (!server->tracked)
        return;
    server->next_tracker = server->tracked->trackers;
    server->tracked->trackers = server;
}

static void untrack(struct server_conf *server)
{
    struct server_conf **at = server->tracked ? &server->tracked->trackers : NULL;
    while (at && *at && *at != server)
        at = &(*at)->next_tracker;
    if (at && *at)
        *at = server->next_tracker;
}

// Who stands at it in the middle of a list still finds the next one.
void proxy_server_leave(struct server_conf *server)
{
    struct backend_conf *backend = server->backend;
    struct server_conf **at = &backend->servers, *before = NULL;
    for (; *at && *at != server; at = &(*at)->next)
        before = *at;
    must(*at);
    *at = server->next;
    if (backend->last_server == server)
        backend->last_server = before;
    for (struct server_conf *it = server->next; it; it = it->next)
        it->index--;
    backend->num_servers--;
    if (backend->named) {
        for (at = chain_of(backend, slice_str(server->name)); *at != server; at = &(*at)->next_named)
            must(*at);
        *at = server->next_named;
    }
    untrack(server);
}

static bool id_is_free(struct config *config, const struct backend_conf *backend, const struct config_line *line,
                       uint32_t id)
{
    for (const struct server_conf *it = backend->servers; id && it; it = it->next) {
        if (it->id == id)
            return proxy_word_error(config, line, "the id %u is taken by server '%s' at line %u of %s", id, it->name,
                                    it->place.line, it->place.file);
    }
    return true;
}

static struct server_conf *begin(struct config *config, struct proxy_conf *proxy, const struct config_line *line)
{
    const struct config_arg *name = config_arg_at(line, 0);
    struct server_conf *server = arena_alloc(config->arena, sizeof(*server));
    *server = *proxy->be.default_server;
    server->next = server->next_named = NULL;
    server->backend = &proxy->be;
    server->name = name->str;
    server->place = line->place;
    server->place.column = name->column;
    server->place.length = name->width;
    return server;
}

bool proxy_server_parse(struct config *config, struct server_conf *server, const struct config_line *line)
{
    bool ok = read_address(config, server, line, 1);
    return config_parse_options(config, server, line, 2, CONFIG_IN_SERVER) && ok;
}

static bool parse_server(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    struct server_conf *server = begin(config, proxy, line);
    (void)word;
    bool ok = proxy_name_check(config, line);
    ok &= name_is_free(config, &proxy->be, line, server->name);
    ok &= proxy_server_parse(config, server, line);
    ok &= id_is_free(config, &proxy->be, line, server->id);
    proxy_server_append(config->arena, server);
    return ok;
}

// "3" stands for 1 to 3, "2-5" for itself.
static bool read_numbers(struct config *config, uint64_t *first, uint64_t *last, const struct config_line *line)
{
    enum { MOST = 10000 };
    const struct config_arg *arg = config_arg_at(line, 1);
    struct slice text = slice_of(arg->str, arg->len);
    size_t dash = slice_find(text, '-');
    *first = 1;
    bool ok = dash == text.len ? slice_to_u64(text, last) && *last > 0
                               : slice_to_u64(slice_of(text.ptr, dash), first) &&
                                     slice_to_u64(slice_from(text, dash + 1), last) && *first <= *last;
    if (!ok || *last > INT32_MAX)
        return config_error(config, line, 1, "'%s' is no number of servers, nor a range of numbers", arg->str);
    return *last - *first < MOST || config_error(config, line, 1, "a template makes at most %d servers", MOST);
}

static bool parse_template(struct config *config, void *object, const struct config_word *word,
                           const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    struct server_conf *model = begin(config, proxy, line);
    uint64_t first = 0, last = 0;
    (void)word;
    bool ok = proxy_name_check(config, line);
    ok &= read_address(config, model, line, 2);
    ok &= config_parse_options(config, model, line, 3, CONFIG_IN_SERVER);
    if (!read_numbers(config, &first, &last, line))
        return false;
    for (uint64_t number = first; ok && number <= last; number++) {
        struct server_conf *server = arena_alloc(config->arena, sizeof(*server));
        *server = *model;
        server->name = arena_printf(config->arena, "%s%u", model->name, (unsigned)number);
        server->id = model->id ? model->id + (uint32_t)(number - first) : 0;
        ok = name_is_free(config, &proxy->be, line, server->name) && id_is_free(config, &proxy->be, line, server->id);
        proxy_server_append(config->arena, server);
    }
    return ok;
}

static bool parse_default_server(struct config *config, void *object, const struct config_word *word,
                                 const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    (void)word;
    return config_parse_options(config, proxy->be.default_server, line, 0, CONFIG_IN_DEFAULT_SERVER);
}

// What `init-addr` says when it says nothing.
#define INIT_ADDR "last,libc"

bool proxy_server_resolve(struct config *config, struct server_conf *server)
{
    struct slice rest = slice_str(server->init_addr ? server->init_addr : INIT_ADDR);
    const char *error = "init-addr allows no way to find its address";
    if (!server->host)
        return true;
    while (rest.len > 0) {
        struct slice way = slice_of(rest.ptr, slice_find(rest, ','));
        rest = slice_from(rest, way.len + 1);
        if (slice_equal(way, SLICE("none"))) {
            server->unresolved = true;
            return true;
        }
        // "last" is what a server state file remembers, which does not exist yet: nothing is remembered.
        if (slice_equal(way, SLICE("last")))
            continue;
        if (slice_equal(way, SLICE("libc"))) {
            if (proxy_address_lookup(config, &server->addr, &error, server->host, server->host_family))
                return true;
            continue;
        }
        uint16_t port = server->addr.port;
        must(transport_address_parse_ip(&server->addr, arena_copy(config->arena, way.ptr, way.len)));
        server->addr.port = port;
        return true;
    }
    if (proxy_program(config)->ignore_unresolved) {
        server->unresolved = true;
        return true;
    }
    config_diag_add(config->diag, CONFIG_ERROR, server->place,
                    "server '%s': cannot resolve '%s': %s; 'init-addr last,libc,none' starts without its address",
                    server->name, server->host, error);
    return false;
}

static const struct config_word words[] = {
    { .name = "server",
      .in = CONFIG_IN_BACKEND | CONFIG_IN_LISTEN,
      .min_args = 2,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_server,
      .args = "<name> <address>[:<port>] [<option>...]",
      .help =
          "A server that requests are sent to: an IPv4 or IPv6 address, a host name (resolved at start), "
          "`unix@/path`, `abns@name`, or `*` for the address that the client asked for. Without a port, or with `+n` "
          "or `-n`, the client's destination port counts. In mode log it is a syslog server: `udp@<address>` or "
          "`uxdg@/path` for datagrams, others for a connection, port 514 unless told.",
      .good = "server s1 127.0.0.1:8000 weight 3;server s2 unix@/run/s2;server s3 *:+80",
      .bad = "server s1",
      .bad_says = "is incomplete" },
    { .name = "server-template",
      .in = CONFIG_IN_BACKEND | CONFIG_IN_LISTEN,
      .min_args = 3,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_template,
      .args = "<prefix> { <number> | <first>-<last> } <address>[:<port>] [<option>...]",
      .help =
          "As many 'server' lines, whose names are <prefix> and a number, counted from 1 or from <first>. With 'id' "
          "the first has that one, and the others count on.",
      .good = "server-template srv 3 127.0.0.1:8000 weight 5;server-template web 8-9 127.0.0.1:8000",
      .bad = "server-template srv 3-1 127.0.0.1:8000",
      .bad_says = "is no number of servers" },
    { .name = "default-server",
      .in = CONFIG_IN_DEFAULTS | CONFIG_IN_BACKEND | CONFIG_IN_LISTEN,
      .min_args = 1,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_default_server,
      .args = "<option>...",
      .help = "Options that the server lines after it start with.",
      .good = "default-server weight 3 maxconn 100",
      .bad = "default-server backup2",
      .bad_says = "unknown option" },
};
CONFIG_WORDS(words);
