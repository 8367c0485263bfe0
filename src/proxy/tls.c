// SPDX-License-Identifier: Apache-2.0
// TLS of bind and server lines, once the configuration is read: what is said is merged with the defaults of the global
// section, and the files it names are loaded.
#include <string.h>
#include "proxy/words.h"
#include "tls/entry.h"
#include "tls/shared.h"
#include "tls/trust.h"

static void drop_bind(void *bind)
{
    tls_bind_free(bind);
}

static void drop_target(void *target)
{
    tls_target_free(target);
}

static void drop_store(void *store)
{
    tls_store_free(store);
    tls_trust_free_all();
}

struct tls_store *proxy_certs(struct config *config)
{
    struct program_conf *program = proxy_program(config);
    if (!program->certs) {
        program->certs = tls_store_new(config, &program->global.tls.store);
        arena_defer(config->arena, drop_store, program->certs);
    }
    return program->certs;
}

static bool same_line(const struct config_place *a, const struct config_place *b)
{
    return a->line == b->line && a->file && b->file && strcmp(a->file, b->file) == 0;
}

// A file of authorities that nothing is checked against must be there all the same.
static bool check_authorities(struct config *config, const struct tls_conf *conf, struct config_place place)
{
    const char *ca_base = proxy_program(config)->global.tls.ca_base;
    if (!conf->ca_file && !conf->ca_verify_file)
        return true;
    proxy_certs(config);
    return tls_trust_load(config, conf, ca_base, place);
}

// The words of a bind without `ssl` are checked like those of others, but what they say is most likely a mistake, and
// one that shows what was to be hidden.
static bool check_plain(struct config *config, const struct bind_conf *bind)
{
    bool ok = check_authorities(config, &bind->tls.conf, bind->place);
    for (const struct tls_source *source = bind->tls.sources; source; source = source->next) {
        struct tls_entry *entries = NULL;
        uint32_t num;
        if (source->kind == TLS_SOURCE_LIST)
            ok &= tls_crt_list_read(config, &entries, proxy_certs(config), source->name, source->place);
        else
            ok &= tls_store_get(proxy_certs(config), &num, source->name, source->place) != NULL;
    }
    if (bind->tls.sources)
        config_diag_add(config->diag, CONFIG_WARNING, bind->tls.sources->place,
                        "a certificate without 'ssl': connections are not encrypted");
    return ok;
}

static bool finish_bind(struct config *config, struct bind_conf *bind)
{
    struct program_conf *program = proxy_program(config);
    const struct tls_global_conf *global = &program->global.tls;
    struct tls_bind_conf *tls = &bind->tls;
    if (!tls->enabled)
        return check_plain(config, bind);
    tls->strict_sni |= global->strict_sni && !tls->no_strict_sni;
    program->global.tls.store.no_compression = !global->cert_compression;
    tls_conf_merge(&tls->conf, &global->bind_default);
    if (!tls->conf.alpn.ptr && bind->proxy && bind->proxy->mode == PROXY_MODE_HTTP)
        tls->conf.alpn = SLICE("\x08http/1.1");
    if (!tls_conf_settle(config, &tls->conf, bind->place, "bind", true))
        return false;
    bool ok = tls->conf.verify > TLS_VERIFY_NONE || check_authorities(config, &tls->conf, bind->place);
    bind->tls_bind = tls_bind_new(config, global, proxy_certs(config), tls, bind->place);
    if (bind->tls_bind)
        arena_defer(config->arena, drop_bind, bind->tls_bind);
    return ok && bind->tls_bind;
}

// The addresses of one line are one bind to TLS: its certificates are loaded once.
static bool finish_binds(struct config *config, struct proxy_conf *proxy)
{
    bool ok = true;
    const struct bind_conf *last = NULL;
    for (struct bind_conf *bind = proxy->fe.binds; bind; last = bind, bind = bind->next) {
        if (last && same_line(&last->place, &bind->place))
            bind->tls_bind = last->tls_bind;
        else
            ok &= finish_bind(config, bind);
    }
    return ok;
}

bool proxy_tls_finish_sockets(struct config *config, struct global_conf *global)
{
    bool ok = true;
    for (struct stats_socket_conf *socket = global->stats_sockets; socket; socket = socket->next)
        ok &= finish_bind(config, &socket->bind);
    return ok;
}

static bool finish_server(struct config *config, struct server_conf *server)
{
    struct program_conf *program = proxy_program(config);
    const struct tls_global_conf *global = &program->global.tls;
    struct tls_target_conf *tls = &server->tls;
    const char *who = arena_printf(config->arena, "server '%s'", server->name);
    const char *name = arena_printf(config->arena, "%s/%s", server->backend->proxy->name, server->name);
    if (!tls->enabled)
        return check_authorities(config, &tls->conf, server->place);
    tls->place = server->place;
    tls_conf_merge(&tls->conf, &global->server_default);
    if (!tls->conf.verify)
        tls->conf.verify = global->server_verify_none ? TLS_VERIFY_NONE : TLS_VERIFY_REQUIRED;
    bool ok = tls->conf.verify == TLS_VERIFY_REQUIRED || check_authorities(config, &tls->conf, server->place);
    ok &= tls_conf_settle(config, &tls->conf, server->place, who, false);
    server->tls_target = tls_target_new(config, global, proxy_certs(config), tls, name);
    server->tls_built = server->tls_target;
    if (server->tls_target)
        arena_defer(config->arena, drop_target, server->tls_target);
    return ok && server->tls_target;
}

// A server in plain text whose default-server has TLS can be switched over by command (`set server ... ssl on`).
static bool finish_spare(struct config *config, struct server_conf *server)
{
    if (server->tls.enabled || !server->backend->default_server->tls.enabled)
        return finish_server(config, server);
    struct server_conf copy = *server;
    copy.tls.enabled = true;
    bool ok = finish_server(config, &copy);
    server->tls_built = copy.tls_target;
    return ok;
}

struct tls_target *proxy_tls_check_target(struct config *config, struct server_conf *server, struct slice alpn)
{
    struct server_conf copy = *server;
    copy.tls.enabled = true;
    if (alpn.ptr)
        copy.tls.conf.alpn = alpn;
    return finish_server(config, &copy) ? copy.tls_target : NULL;
}

bool proxy_tls_finish_server(struct config *config, struct server_conf *server)
{
    return finish_server(config, server);
}

bool proxy_tls_finish(struct config *config, struct proxy_conf *proxy)
{
    // For servers that come later, too.
    (void)proxy_certs(config);
    bool ok = finish_binds(config, proxy);
    for (struct server_conf *server = proxy->be.servers; server; server = server->next)
        ok &= finish_spare(config, server);
    return ok;
}

bool proxy_tls_check(struct config *config, const struct tls_global_conf *global)
{
    uint32_t lifetime_s = tls_shared_lifetime(global);
    // Certificates may come at run time where the configuration names none.
    proxy_certs(config);
    if (lifetime_s < global->ticket_lifetime_us / 1000000)
        config_diag_add(config->diag, CONFIG_WARNING, (struct config_place){ .file = NULL },
                        "tickets live for %u seconds, not for as long as tune.ssl.ticket-lifetime says: %s", lifetime_s,
                        lifetime_s == TLS_SHARED_MAX_LIFETIME_S
                            ? "TLS 1.3 allows 7 days"
                            : "the keys of so many rotations (tune.ssl.ticket-rotation) are not kept");
    if (global->rotation_us <= global->ticket_lifetime_us)
        return true;
    config_diag_add(config->diag, CONFIG_ERROR, (struct config_place){ .file = NULL },
                    "tune.ssl.ticket-rotation is longer than tune.ssl.ticket-lifetime: tickets would be sealed with a "
                    "key for longer than they live");
    return false;
}
