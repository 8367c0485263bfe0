// SPDX-License-Identifier: Apache-2.0
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/nid.h>
#include "base/check.h"
#include "tls/shared.h"
#include "tls/trust.h"
#include "bind_inner.h"
#include "cert_inner.h"

static const uint16_t default_groups[] = { SSL_CURVE_X25519, SSL_CURVE_SECP256R1 };

static const struct tls_conf defaults = {
    .min_version = TLS_VERSION_12,
    .max_version = TLS_VERSION_13,
    .verify = TLS_VERIFY_NONE,
    .tickets = TLS_YES,
    .early_data = TLS_NO,
    .client_ciphers = TLS_NO,
    .ciphers = TLS_CONF_CIPHERS,
    .groups = default_groups,
    .num_groups = NUM_ITEMS(default_groups),
};

size_t tls_bind_groups(int nids[TLS_GROUPS_MAX], const struct tls_conf *conf)
{
    size_t num = 0;
    for (size_t i = 0; i < conf->num_groups && num < TLS_GROUPS_MAX; i++) {
        int nid = tls_group_nid(conf->groups[i]);
        if (nid != NID_undef)
            nids[num++] = nid;
    }
    return num;
}

uint32_t tls_bind_options(const struct tls_conf *conf)
{
    return (conf->tickets == TLS_NO ? SSL_OP_NO_TICKET : 0) |
           (conf->client_ciphers == TLS_YES ? 0 : SSL_OP_CIPHER_SERVER_PREFERENCE);
}

static bool error_at(struct config *config, struct config_place place, const char *what)
{
    uint32_t code = ERR_get_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    config_diag_add(config->diag, CONFIG_ERROR, place, "%s%s%s", what, reason ? ": " : "", reason ? reason : "");
    ERR_clear_error();
    return false;
}

// b.pem.rsa and b.pem.ecdsa are one certificate to whoever wrote the line.
static bool same_bundle(const struct tls_cert *a, const struct tls_cert *b)
{
    static const char *const types[] = { ".rsa", ".ecdsa" };
    struct slice names[2] = { slice_str(a->name), slice_str(b->name) };
    for (size_t i = 0; i < 2; i++) {
        size_t before = names[i].len;
        for (size_t t = 0; t < NUM_ITEMS(types) && names[i].len == before; t++)
            if (slice_ends(names[i], slice_str(types[t])))
                names[i].len -= strlen(types[t]);
        if (names[i].len == before)
            return false;
    }
    return slice_equal(names[0], names[1]);
}

// The first certificate is a default, be there others that say so, unless it says so itself (HAProxy manual,
// `default-crt`).
static void mark_default(struct tls_entry *entries)
{
    if (entries && entries->is_default)
        return;
    for (struct tls_entry *entry = entries; entry; entry = entry->next)
        if (entry == entries || same_bundle(entries->cert, entry->cert))
            entry->is_default = true;
}

// The directory that a source names, NULL where it is none; as the store found it, below crt-base.
const struct tls_crt_list *tls_bind_directory(const struct tls_store *store, const struct tls_source *source)
{
    char name[PATH_MAX];
    const char *base = source->name[0] == '/' ? NULL : store->conf->crt_base;
    int len = snprintf(name, sizeof(name), "%s%s%s", base ? base : "", base ? "/" : "", source->name);
    while (len > 1 && (size_t)len < sizeof(name) && name[len - 1] == '/')
        name[--len] = '\0';
    const struct tls_crt_list *list = crt_list_find(store, name);
    return list && list->is_directory ? list : NULL;
}

static bool read_certs(struct config *config, struct tls_entry ***end, struct tls_store *store,
                       const struct tls_source *source)
{
    uint32_t num = 0;
    struct tls_cert **certs = tls_store_get(store, &num, source->name, source->place);
    if (!certs)
        return false;
    const struct tls_crt_list *directory = tls_bind_directory(store, source);
    const struct tls_crt_line *line = directory ? directory->lines : NULL;
    for (uint32_t i = 0; i < num; i++) {
        struct tls_entry *entry = arena_alloc(config->arena, sizeof(*entry));
        entry->refs = 1;
        entry->cert = certs[i];
        // Both are in the order of the directory.
        while (line && strcmp(line->name, certs[i]->name) != 0)
            line = line->next;
        entry->line = line;
        entry->is_default = source->kind == TLS_SOURCE_DEFAULT;
        **end = entry;
        *end = &entry->next;
    }
    return true;
}

static bool read_sources(struct config *config, struct tls_entry **entries, struct tls_store *store,
                         const struct tls_bind_conf *conf)
{
    bool ok = true;
    struct tls_entry **end = entries;
    for (const struct tls_source *source = conf->sources; source; source = source->next) {
        if (source->kind != TLS_SOURCE_LIST) {
            ok &= read_certs(config, &end, store, source);
            continue;
        }
        ok &= tls_crt_list_read(config, end, store, source->name, source->place);
        while (*end)
            end = &(*end)->next;
    }
    return ok;
}

// What stands in a certificate's context is seen by connections of every bind that uses it, so it holds what is the
// same for all, and the ciphers of the first: to parse a cipher string costs more than the rest of the choice, so a
// connection does it only where its entry wants others.
bool tls_bind_prepare_cert(struct tls_cert *cert, const char *ciphers, bool keylog)
{
    SSL_CTX *ctx = cert->ctx;
    SSL_CTX_set_alpn_select_cb(ctx, tls_bind_alpn, NULL);
    SSL_CTX_set_dos_protection_cb(ctx, tls_bind_chosen);
    if (keylog)
        tls_conn_keep_secrets(ctx);
    if (cert->ciphers)
        return true;
    cert->ciphers = strdup(ciphers);
    return cert->ciphers && SSL_CTX_set_strict_cipher_list(ctx, ciphers);
}

static bool load_trust(struct config *config, const struct tls_bind *bind, struct tls_entry *entry,
                       struct config_place place)
{
    const struct tls_conf *conf = &entry->conf;
    if (conf->verify == TLS_VERIFY_NONE)
        return true;
    if (!conf->ca_file && !conf->ca_verify_file) {
        config_diag_add(config->diag, CONFIG_ERROR, place,
                        "'verify %s' needs a 'ca-file' to verify the certificates of clients with",
                        conf->verify == TLS_VERIFY_REQUIRED ? "required" : "optional");
        return false;
    }
    entry->trust = tls_trust_load(config, conf, bind->global->ca_base, place);
    tls_trust_join(entry->trust);
    return entry->trust;
}

void tls_bind_own(struct tls_bind *bind, struct tls_entry *entry)
{
    entry->bind = bind;
    entry->next = NULL;
    entry->at = bind->end;
    *bind->end = entry;
    bind->end = &entry->next;
    entry->next_user = entry->cert->users;
    entry->user_at = &entry->cert->users;
    if (entry->next_user)
        entry->next_user->user_at = &entry->next_user;
    entry->cert->users = entry;
}

void tls_bind_disown(struct tls_entry *entry)
{
    struct tls_bind *bind = entry->bind;
    *entry->at = entry->next;
    if (entry->next)
        entry->next->at = entry->at;
    else
        bind->end = entry->at;
    *entry->user_at = entry->next_user;
    if (entry->next_user)
        entry->next_user->user_at = entry->user_at;
    entry->next = entry->next_user = NULL;
    entry->bind = NULL;
}

bool tls_bind_complete_entry(struct config *config, struct tls_bind *bind, struct tls_entry *entry)
{
    struct config_place place = entry->conf.place.file ? entry->conf.place : bind->base.place;
    tls_conf_merge(&entry->conf, &bind->base);
    if (entry->conf.min_version > entry->conf.max_version)
        return error_at(config, place, "the lowest version of TLS is above the highest one");
    if (!tls_bind_prepare_cert(entry->cert, entry->conf.ciphers, bind->global->keylog))
        return error_at(config, place, "cannot set the ciphers");
    if (!load_trust(config, bind, entry, place))
        return false;
    (void)tls_entry_context(entry);
    return true;
}

static bool make_context(struct tls_bind *bind, const struct tls_ticket_file *file)
{
    const struct tls_conf *base = &bind->base;
    SSL_CTX *ctx = bind->ctx = SSL_CTX_new(TLS_with_buffers_method());
    if (!ctx)
        return false;
    int nids[TLS_GROUPS_MAX];
    size_t num = tls_bind_groups(nids, base);
    SSL_CTX_set_options(ctx, tls_bind_options(base));
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_select_certificate_cb(ctx, tls_bind_select);
    return SSL_CTX_set_min_proto_version(ctx, base->min_version) &&
           SSL_CTX_set_max_proto_version(ctx, base->max_version) && SSL_CTX_set1_curves(ctx, nids, num) &&
           SSL_CTX_set_strict_cipher_list(ctx, base->ciphers) && tls_shared_serve(ctx, bind->global, file);
}

static bool build(struct config *config, struct tls_bind *bind, struct config_place place)
{
    bool ok = true;
    const struct tls_ticket_file *file = NULL;
    if (!bind->entries) {
        config_diag_add(config->diag, bind->said->strict_sni ? CONFIG_WARNING : CONFIG_ERROR, place,
                        "no certificate is given%s: say which with 'crt'",
                        bind->said->strict_sni ? ", so that every handshake fails" : "");
        ok = bind->said->strict_sni;
    }
    if (bind->said->ticket_file && !(file = tls_ticket_file_read(config, bind->said->ticket_file, place)))
        ok = false;
    for (struct tls_entry *entry = bind->entries; entry; entry = entry->next)
        if (!tls_bind_complete_entry(config, bind, entry))
            ok = false;
    if (!ok)
        return false;
    mark_default(bind->entries);
    bind->names = tls_names_new(bind->entries);
    struct tls_entry *entries = bind->entries;
    bind->entries = NULL;
    bind->end = &bind->entries;
    while (entries) {
        struct tls_entry *entry = entries;
        entries = entry->next;
        tls_bind_own(bind, entry);
    }
    return make_context(bind, file) || error_at(config, place, "cannot prepare TLS");
}

struct tls_bind *tls_bind_of(struct config *config, const struct tls_global_conf *global, struct tls_store *store,
                             const struct tls_bind_conf *conf, struct tls_entry *entries, struct config_place place)
{
    struct tls_bind *bind = arena_alloc(config->arena, sizeof(*bind));
    bind->said = conf;
    bind->global = global;
    bind->entries = entries;
    bind->base = conf->conf;
    tls_conf_merge(&bind->base, &global->bind_default);
    tls_conf_merge(&bind->base, &defaults);
    bind->base.place = place;
    bind->store = store;
    bind->next = store->binds;
    store->binds = bind;
    if (build(config, bind, place))
        return bind;
    tls_bind_free(bind);
    return NULL;
}

struct tls_bind *tls_bind_new(struct config *config, const struct tls_global_conf *global, struct tls_store *store,
                              const struct tls_bind_conf *conf, struct config_place place)
{
    struct tls_entry *entries = NULL;
    return read_sources(config, &entries, store, conf) ? tls_bind_of(config, global, store, conf, entries, place)
                                                       : NULL;
}

void tls_bind_free(struct tls_bind *bind)
{
    if (!bind || !bind->store)
        return;
    for (struct tls_bind **at = &bind->store->binds; *at; at = &(*at)->next)
        if (*at == bind) {
            *at = bind->next;
            break;
        }
    bind->store = NULL;
    while (bind->entries) {
        struct tls_entry *entry = bind->entries;
        if (entry->bind)
            tls_bind_disown(entry);
        else
            bind->entries = entry->next;
        tls_entry_release(entry);
    }
    tls_names_free(bind->names);
    SSL_CTX_free(bind->ctx);
    bind->names = NULL;
    bind->ctx = NULL;
}

struct ssl_ctx_st *tls_bind_context(const struct tls_bind *bind)
{
    return bind->ctx;
}
