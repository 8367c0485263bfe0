// SPDX-License-Identifier: Apache-2.0
// Options of `server` and `default-server` lines about connections kept open, and what must fit together of them.
#include <stdlib.h>
#include <string.h>
#include "expr/expr.h"
#include "expr/fetch.h"
#include "proxy/words.h"

static bool option_idle_ping(struct config *config, void *object, const struct config_word *word,
                             const struct config_line *line)
{
    struct server_conf *server = object;
    const struct config_arg *path = config_arg_at(line, 1);
    (void)word;
    if (!config_parse_time(config, &server->pool_ping_us, line, 0, 1000))
        return false;
    if (path->str[0] != '/')
        return config_error(config, line, 1, "the path of a ping begins with '/'");
    for (size_t i = 0; i < path->len; i++)
        if ((unsigned char)path->str[i] <= ' ' || path->str[i] == 0x7f || path->str[i] == '#')
            return config_error(config, line, 1, "the path of a ping cannot hold such a character");
    server->pool_ping_path = path->str;
    return true;
}

static bool fail(struct config *config, const struct server_conf *server, const char *why)
{
    config_diag_add(config->diag, CONFIG_ERROR, server->place, "server '%s': %s", server->name, why);
    return false;
}

// Who asks for an address gets it as Host; a name that is known says more.
static const char *host_of(const struct server_conf *server, struct arena *arena)
{
    char text[TRANSPORT_ADDRESS_TEXT_MAX];
    const struct transport_address *addr = &server->addr;
    uint16_t usual = server->tls.enabled ? 443 : 80;
    if (server->sni_name.len)
        return arena_printf(arena, "%.*s", (int)server->sni_name.len, server->sni_name.ptr);
    if (server->host)
        return addr->port == usual ? server->host : arena_printf(arena, "%s:%u", server->host, addr->port);
    if (addr->family != AF_INET && addr->family != AF_INET6)
        return "localhost";
    text[transport_address_ip_text(addr, text)] = '\0';
    const char *form = addr->family == AF_INET6 ? "[%s]" : "%s";
    const char *ip = arena_printf(arena, form, text);
    return addr->port == usual ? ip : arena_printf(arena, "%s:%u", ip, addr->port);
}

static bool check_min(struct config *config, const struct server_conf *server)
{
    const struct proxy_conf *proxy = server->backend->proxy;
    if (proxy->mode != PROXY_MODE_HTTP)
        return fail(config, server, "'pool-min-conn' is of no use in mode tcp: each session has its own connection");
    if (server->backend->reuse == PROXY_REUSE_NEVER)
        return fail(config, server, "'pool-min-conn' contradicts 'http-reuse never'");
    if (server->send_proxy)
        return fail(config, server, "'pool-min-conn' cannot be used with a PROXY header, which is about one client");
    if (server->port_mapped || server->addr.family == AF_UNSPEC)
        return fail(config, server, "'pool-min-conn' needs an address and a port that do not follow the client's");
    if (server->tls.enabled && server->sni && !server->sni_name.ptr)
        return fail(config, server,
                    "'pool-min-conn' needs to know the name to ask for before a request comes: 'sni str(NAME)'");
    if (server->pool_max_conn >= 0 && (uint32_t)server->pool_max_conn < server->pool_min_conn)
        return fail(config, server, "'pool-min-conn' is more than 'pool-max-conn'");
    if (!server->pool_purge_us)
        return fail(config, server, "'pool-min-conn' contradicts 'pool-purge-delay 0', which keeps none");
    return true;
}

bool proxy_pool_finish_server(struct config *config, struct server_conf *server)
{
    const struct expr *sni = server->sni;
    bool ok = true;
    if (sni && !sni->num_steps && strcmp(sni->fetch->name, "str") == 0)
        server->sni_name = sni->args[0].str;
    if (server->pool_ping_us && server->backend->proxy->mode == PROXY_MODE_HTTP)
        server->pool_ping_text =
            arena_printf(config->arena, "HEAD %s HTTP/1.1\r\nhost: %s\r\nuser-agent: fairlead-ping\r\n\r\n",
                         server->pool_ping_path, host_of(server, config->arena));
    else if (server->pool_ping_us)
        ok = fail(config, server, "'pool-idle-ping' speaks HTTP, and this is mode tcp");
    return (!server->pool_min_conn || check_min(config, server)) && ok;
}

bool proxy_pool_finish(struct config *config, struct proxy_conf *proxy)
{
    bool ok = true;
    for (struct server_conf *server = proxy->be.servers; server; server = server->next)
        ok &= proxy_pool_finish_server(config, server);
    return ok;
}

void proxy_pool_tell(const struct program_conf *program, void (*tell)(void *to, const char *text), void *to)
{
    uint32_t num = program->global.num_workers;
    for (const struct proxy_conf *proxy = program->proxies; proxy; proxy = proxy->next) {
        for (const struct server_conf *it = proxy->disabled ? NULL : proxy->be.servers; it; it = it->next) {
            uint32_t used = it->pool_min_conn < num ? num : it->pool_min_conn;
            used = it->maxconn && it->maxconn < used ? it->maxconn : used;
            if (!it->pool_min_conn || used == it->pool_min_conn)
                continue;
            tell(to, arena_printf(program->arena, "server %s/%s: pool-min-conn %u with %u workers%s: %u are kept",
                                  proxy->name, it->name, it->pool_min_conn, num,
                                  used == it->maxconn ? " and its maxconn" : ", which need one each", used));
        }
    }
}

enum { IN_BOTH = CONFIG_IN_SERVER | CONFIG_IN_DEFAULT_SERVER };

#define INTO(member) .into = offsetof(struct server_conf, member)

static const struct config_word words[] = {
    { .name = "pool-low-conn",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = config_word_u32,
      INTO(pool_low_conn),
      .max = INT32_MAX,
      .args = "<number>",
      .help = "Where the server's 'maxconn' is reached, a worker that needs a connection has an idle one of another "
              "worker closed: of one that has more of them than this number, as long as there is such a one. The "
              "default is 0.",
      .good = "pool-low-conn 10",
      .bad = "pool-low-conn x",
      .bad_says = "is no number" },
    { .name = "pool-min-conn",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = config_word_u32,
      INTO(pool_min_conn),
      .max = 100000,
      .args = "<number>",
      .help =
          "Connections that are kept open to the server by all workers together, at least one by each (where the "
          "number is smaller, the one used is told at the start), and never more than its 'maxconn'. They are opened, "
          "with their TLS handshake, before a request needs them, at a bounded rate, with growing pauses while the "
          "server refuses, and again after any loss; not while the server is down, in maintenance or draining, nor to "
          "a backup that is not in use. With it the first request of a client may use any connection of the pool, "
          "whatever 'http-reuse' says; and a request that finds none idle in its worker while other workers have some "
          "waits up to 250 ms for one to come back. It is a word of fairlead.",
      .good = "pool-min-conn 20",
      .bad = "pool-min-conn x",
      .bad_says = "is no number" },
    { .name = "pool-idle-ping",
      .in = IN_BOTH,
      .min_args = 2,
      .parse = option_idle_ping,
      .args = "<time> <path>",
      .help =
          "Sends 'HEAD <path> HTTP/1.1' on a connection of the pool before it was unused for <time>, so that the "
          "server does not close it. 'Host' is what a constant 'sni' says, or else the server's address. Any answer "
          "will do that leaves the connection open; without one within 'timeout connect' it is closed. Pings count as "
          "requests nowhere but at the server. It is a word of fairlead; HAProxy's 'idle-ping' is one of HTTP/2.",
      .good = "pool-idle-ping 30s /ping",
      .bad = "pool-idle-ping 30s ping",
      .bad_says = "begins with '/'" },
};
CONFIG_WORDS(words);
