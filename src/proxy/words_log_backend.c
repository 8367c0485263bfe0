// SPDX-License-Identifier: Apache-2.0
// Backends in mode log: servers that share log lines out. What only they have, what they cannot have, and how log lines
// find them.
#include <string.h>
#include "log/log.h"
#include "proxy/words.h"
#include "rule/rule.h"

static bool option_proto(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    static const char *const protos[] = { "legacy", "octet-count" };
    struct server_conf *server = object;
    const char *proto = config_arg_at(line, 0)->str;
    (void)word;
    server->has_log_proto = true;
    server->log_octets = strcmp(proto, protos[1]) == 0;
    return server->log_octets || strcmp(proto, protos[0]) == 0 ||
           config_error_unknown(config, line, 0, "log protocol", protos, NUM_ITEMS(protos));
}

enum { IN_BOTH = CONFIG_IN_SERVER | CONFIG_IN_DEFAULT_SERVER };

static const struct config_word words[] = {
    { .name = "log-proto",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = option_proto,
      .args = "{ legacy | octet-count }",
      .help = "How lines go over a connection to a server of a backend in mode log: with a line feed behind each, which "
              "is the default, or its length before it (RFC 6587).",
      .good = "log-proto octet-count",
      .bad = "log-proto octets",
      .bad_says = "unknown log protocol" },
    { .name = "log-bufsize",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = config_word_size,
      .into = offsetof(struct server_conf, log_bufsize),
      .min = 1024,
      .max = LOG_STREAM_MAX,
      .args = "<size>",
      .help = "How many bytes of lines may wait for a server of a backend in mode log that is spoken to over a "
              "connection; those of each 'log' line that names the backend wait by themselves. The default is tune.bufsize.",
      .good = "log-bufsize 1m",
      .bad = "log-bufsize 10",
      .bad_says = "out of range" },
};
CONFIG_WORDS(words);

bool proxy_log_datagram(struct config *config, struct slice *text)
{
    static const struct {
        struct slice of, is;
    } known[] = {
        { SLICE("udp@"), SLICE("tcp@") },         { SLICE("udp4@"), SLICE("tcp4@") },
        { SLICE("udp6@"), SLICE("tcp6@") },       { SLICE("uxdg@"), SLICE("unix@") },
        { SLICE("dgram+ipv4@"), SLICE("tcp4@") }, { SLICE("dgram+ipv6@"), SLICE("tcp6@") },
        { SLICE("dgram+udp@"), SLICE("tcp@") },   { SLICE("dgram+unix@"), SLICE("unix@") },
    };
    for (size_t i = 0; i < NUM_ITEMS(known); i++) {
        if (!slice_begins(*text, known[i].of))
            continue;
        struct slice rest = slice_from(*text, known[i].of.len);
        const char *copy = arena_printf(config->arena, "%s%.*s", known[i].is.ptr, (int)rest.len, rest.ptr);
        *text = slice_of(copy, known[i].is.len + rest.len);
        return true;
    }
    return false;
}

static bool refuse(struct config *config, const struct proxy_conf *proxy, const char *what)
{
    config_diag_add(config->diag, CONFIG_ERROR, proxy->place, "%s in %s '%s': a backend in mode log cannot have it",
                    what, proxy_kind(proxy), proxy->name);
    return false;
}

// What came from a defaults section that serves other proxies, too, is left out.
static bool check_rules(struct config *config, struct proxy_conf *proxy)
{
    const struct proxy_conf *defaults = proxy->defaults;
    bool ok = true;
    for (int i = 0; i < PROXY_NUM_RULE_SETS; i++) {
        const char *name = i == PROXY_RULES_REDIRECT ? "redirect" : rule_set_name(1U << i);
        if (proxy->rules[i] && !(defaults && defaults->rules[i]))
            ok = refuse(config, proxy, arena_printf(config->arena, "a rule of '%s'", name));
        proxy->rules[i] = NULL;
    }
    return ok;
}

static bool check_proxy(struct config *config, struct proxy_conf *proxy)
{
    struct backend_conf *be = &proxy->be;
    const struct backend_conf *from = proxy->defaults ? &proxy->defaults->be : NULL;
    bool ok = check_rules(config, proxy);
    const struct {
        const char *word;
        bool is_there;
    } refused[] = {
        { "'cookie'", be->cookie.name && !(from && from->cookie.name == be->cookie.name) },
        { "'dynamic-cookie-key'", be->dynamic_cookie_key && !(from && from->dynamic_cookie_key) },
        { "'use-server'", be->use_servers },
        { "'force-persist' or 'ignore-persist'", be->persists && !(from && from->persists) },
        { "'persist rdp-cookie'", be->rdp_cookie && !(from && from->rdp_cookie) },
        { "'http-send-name-header'", be->name_header && !(from && from->name_header) },
        { "'stick'", be->sticks || be->stick_learns },
        { "'stick-table'", proxy->stick_table },
        { "'hash-balance-factor'", be->balance.factor && !(from && from->balance.factor) },
    };
    for (size_t i = 0; i < NUM_ITEMS(refused); i++)
        if (refused[i].is_there)
            ok = refuse(config, proxy, refused[i].word);
    be->cookie.name = NULL;
    be->balance.factor = 0;
    // There is no load to compare.
    be->balance.draws = 1;
    return ok;
}

static bool server_error(struct config *config, const struct server_conf *server, const char *what, const char *why)
{
    config_diag_add(config->diag, CONFIG_ERROR, server->place, "server '%s': %s %s", server->name, what, why);
    return false;
}

static bool check_server(struct config *config, struct server_conf *server)
{
    static const char why[] = "is not for the servers of a backend in mode log";
    bool ok = true;
    const struct {
        const char *word;
        bool is_there;
    } refused[] = {
        { "'ssl'", server->tls.enabled },
        { "'sni'", server->sni },
        { "'send-proxy'", server->send_proxy != PROXY_SEND_PROXY_NONE },
        { "'maxconn'", server->maxconn },
        { "'minconn'", server->minconn },
        { "'maxqueue'", server->maxqueue },
        { "'cookie'", server->cookie },
        { "'redir'", server->redir },
        { "'socks4'", server->socks4.family != AF_UNSPEC },
        { "'source'", server->source.family != AF_UNSPEC },
        { "'interface'", server->source_interface },
        { "'observe'", server->probe.observe != PROBE_OBSERVE_NONE },
        { "'pool-min-conn'", server->pool_min_conn },
        { "'pool-idle-ping'", server->pool_ping_us },
        { "'log-proto'", server->is_datagram && server->has_log_proto },
        { "'log-bufsize'", server->is_datagram && server->log_bufsize },
    };
    for (size_t i = 0; i < NUM_ITEMS(refused); i++)
        if (refused[i].is_there)
            ok = server_error(config, server, refused[i].word,
                              server->is_datagram && i + 2 >= NUM_ITEMS(refused) ? "needs a connection: tcp@ or unix@"
                                                                                  : why);
    if (server->addr.family == AF_UNSPEC && !server->host)
        ok = server_error(config, server, "has no address", "that lines could be sent to");
    if (server->port_mapped && !server->has_port) {
        server->port_mapped = false;
        server->addr.port = LOG_ADDRESS_PORT;
    }
    if (server->port_mapped)
        ok = server_error(config, server, "has no port", "of its own: there is no client whose port would count");
    return ok;
}

static struct log_group *group_new(struct arena *arena, const struct proxy_conf *proxy)
{
    struct log_group *group = arena_alloc(arena, sizeof(*group));
    group->num = proxy->be.num_servers;
    group->members = arena_alloc(arena, (group->num + 1) * sizeof(*group->members));
    return group;
}

// Of a proxy in another mode.
static bool check_other(struct config *config, const struct proxy_conf *proxy)
{
    bool ok = true;
    uint8_t algorithm = proxy->be.balance.algorithm;
    if (proxy->has_backend && (algorithm == PROXY_BALANCE_STICKY || algorithm == PROXY_BALANCE_LOG_HASH)) {
        config_diag_add(config->diag, CONFIG_ERROR, proxy->place,
                        "'balance %s' in %s '%s' is for backends in mode log; %s", proxy_balance_name(algorithm),
                        proxy_kind(proxy), proxy->name,
                        algorithm == PROXY_BALANCE_STICKY ? "see 'balance first' and 'stick'" : "see 'balance hash'");
        ok = false;
    }
    for (const struct server_conf *it = proxy->be.servers; it; it = it->next) {
        if (it->is_datagram)
            ok = server_error(config, it, "the address is of datagrams;", "only backends in mode log can have it");
        if (it->has_log_proto || it->log_bufsize)
            ok = server_error(config, it, it->has_log_proto ? "'log-proto'" : "'log-bufsize'",
                              "is for servers of backends in mode log and of rings");
    }
    return ok;
}

bool proxy_log_backend_check(struct config *config, struct proxy_conf *proxy)
{
    uint8_t algorithm = proxy->be.balance.algorithm;
    if (proxy->mode != PROXY_MODE_LOG)
        return check_other(config, proxy);
    if (proxy->has_frontend) {
        config_diag_add(config->diag, CONFIG_ERROR, proxy->place,
                        "%s '%s' cannot be in mode log, which is for backend sections alone", proxy_kind(proxy),
                        proxy->name);
        return false;
    }
    bool ok = check_proxy(config, proxy);
    if (algorithm != PROXY_BALANCE_ROUNDROBIN && algorithm != PROXY_BALANCE_RANDOM &&
        algorithm != PROXY_BALANCE_STICKY && algorithm != PROXY_BALANCE_LOG_HASH) {
        config_diag_add(config->diag, CONFIG_ERROR, proxy->place,
                        "'balance %s' in backend '%s' cannot be used in mode log, only roundrobin, random, sticky and "
                        "log-hash can",
                        proxy_balance_name(algorithm), proxy->name);
        ok = false;
    }
    for (struct server_conf *it = proxy->be.servers; it; it = it->next)
        ok &= check_server(config, it);
    if (!proxy->be.num_servers)
        config_diag_add(config->diag, CONFIG_WARNING, proxy->place,
                        "backend '%s' has no server: all log lines that it gets are lost", proxy->name);
    proxy->be.log_group = group_new(config->arena, proxy);
    return ok;
}

static const struct proxy_conf *find_backend(struct config *config, const struct log_target *target)
{
    const char *known[64], *name = target->backend_name;
    size_t num = 0;
    struct program_conf *program = proxy_program(config);
    for (const struct proxy_conf *it = program->proxies; it && num < NUM_ITEMS(known); it = it->next)
        if (it->has_backend && it->mode == PROXY_MODE_LOG)
            known[num++] = it->name;
    const struct proxy_conf *backend = proxy_conf_find(program, name, CONFIG_IN_BACKEND);
    const char *nearest = backend ? NULL : config_nearest(name, known, num);
    if (!backend)
        config_diag_add(config->diag, CONFIG_ERROR, target->place, "there is no backend '%s'%s%s%s", name,
                        nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
    else if (backend->mode != PROXY_MODE_LOG)
        config_diag_add(config->diag, CONFIG_ERROR, target->place, "backend '%s' takes no log lines: it lacks 'mode log'",
                        name);
    else if (backend->disabled)
        config_diag_add(config->diag, CONFIG_ERROR, target->place, "backend '%s' is disabled and takes no log lines",
                        name);
    return backend && backend->mode == PROXY_MODE_LOG && !backend->disabled ? backend : NULL;
}

bool proxy_log_targets_finish(struct config *config, struct log_target *list)
{
    bool ok = true;
    for (struct log_target *target = list; target; target = target->next) {
        const struct proxy_conf *backend = target->backend_name ? find_backend(config, target) : NULL;
        ok &= backend || !target->backend_name;
        if (!backend || !backend->be.log_group)
            continue;
        target->group = backend->be.log_group;
        target->sinks = arena_alloc(config->arena, (target->group->num + 1) * sizeof(*target->sinks));
    }
    return ok;
}

static bool set_address(struct log_member *member, const struct server_conf *server)
{
    struct sockaddr_storage storage;
    memset(member, 0, sizeof(*member));
    member->to.kind = server->is_datagram ? LOG_ADDRESS_DATAGRAM : LOG_ADDRESS_STREAM;
    member->to.socket_len = transport_address_to_sockaddr(&server->addr, &storage);
    if (!member->to.socket_len || member->to.socket_len > sizeof(member->to.socket))
        return false;
    memcpy(&member->to.socket, &storage, member->to.socket_len);
    return true;
}

bool proxy_log_members_finish(struct config *config, struct proxy_conf *proxy)
{
    const struct global_conf *global = &proxy_program(config)->global;
    const struct proxy_timeouts *timeouts = &proxy->timeouts;
    bool ok = true;
    for (const struct server_conf *it = proxy->be.log_group ? proxy->be.servers : NULL; it; it = it->next) {
        struct log_member *member = &proxy->be.log_group->members[it->index];
        if (!set_address(member, it))
            ok = server_error(config, it, "has no address", "yet, which a backend in mode log needs at the start");
        if (it->is_datagram)
            continue;
        member->stream = (struct log_stream_conf){ .cap = it->log_bufsize ? it->log_bufsize : global->bufsize,
                                                   .connect_us = timeouts->connect ? timeouts->connect : 1000000,
                                                   .server_us = timeouts->server ? timeouts->server : 5000000,
                                                   .octets = it->log_octets };
    }
    return ok;
}
