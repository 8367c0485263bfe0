// SPDX-License-Identifier: Apache-2.0
#include <openssl/err.h>
#include <openssl/evp.h>
#include "base/check.h"
#include "tls/cert.h"
#include "tls/trust.h"
#include "bind_inner.h"
#include "cert_inner.h"
#include "conn_inner.h"
#include "target_inner.h"

// P-384 too, unlike on the listening side: an origin may know nothing else.
static const uint16_t default_groups[] = { SSL_CURVE_X25519, SSL_CURVE_SECP256R1, SSL_CURVE_SECP384R1 };

// The library's own list with Ed25519, which it leaves out, and without SHA-1.
static const uint16_t default_sigalgs[] = {
    SSL_SIGN_ECDSA_SECP256R1_SHA256, SSL_SIGN_RSA_PSS_RSAE_SHA256,
    SSL_SIGN_RSA_PKCS1_SHA256,       SSL_SIGN_ECDSA_SECP384R1_SHA384,
    SSL_SIGN_RSA_PSS_RSAE_SHA384,    SSL_SIGN_RSA_PKCS1_SHA384,
    SSL_SIGN_ECDSA_SECP521R1_SHA512, SSL_SIGN_RSA_PSS_RSAE_SHA512,
    SSL_SIGN_RSA_PKCS1_SHA512,       SSL_SIGN_ED25519,
};

static const struct tls_conf defaults = {
    .min_version = TLS_VERSION_12,
    .max_version = TLS_VERSION_13,
    .tickets = TLS_YES,
    .ciphers = TLS_CONF_CIPHERS,
    .groups = default_groups,
    .num_groups = NUM_ITEMS(default_groups),
    .sigalgs = default_sigalgs,
    .num_sigalgs = NUM_ITEMS(default_sigalgs),
};

static bool error_at(struct config *config, const struct tls_target_conf *conf, const struct tls_target *target,
                     const char *what)
{
    uint32_t code = ERR_get_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    config_diag_add(config->diag, CONFIG_ERROR, conf->place, "server '%s': %s%s%s", target->name, what,
                    reason ? ": " : "", reason ? reason : "");
    ERR_clear_error();
    return false;
}

static bool set_up_trust(struct config *config, struct tls_target *target, const struct tls_global_conf *global,
                         const struct tls_target_conf *said, const struct tls_conf *conf)
{
    bool verify = conf->verify == TLS_VERIFY_UNSAID ? !global->server_verify_none : conf->verify != TLS_VERIFY_NONE;
    SSL_CTX_set_custom_verify(target->ctx, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, tls_target_verify);
    if (!verify)
        return true;
    if (!conf->ca_file)
        return error_at(config, said, target,
                        "its certificate is to be verified, but no 'ca-file' says by whom it must be signed; give one "
                        "('ca-file @system-ca': those of the system), or say 'verify none' where the network to it is "
                        "trusted");
    target->trust = tls_trust_load(config, conf, global->ca_base, said->place);
    tls_trust_join(target->trust);
    return target->trust != NULL;
}

static bool set_up_cert(struct config *config, struct tls_target *target, struct tls_store *store,
                        const struct tls_target_conf *said)
{
    uint32_t num = 0;
    struct tls_cert **certs = said->crt ? tls_store_get(store, &num, said->crt, said->place) : NULL;
    if (!said->crt)
        return true;
    if (!certs || !num)
        return false;
    if (num > 1)
        return error_at(config, said, target, "'crt' names several certificates, and a server is shown one");
    return tls_target_show(target, certs[0]) || error_at(config, said, target, "cannot use its client certificate");
}

bool tls_target_show(struct tls_target *target, const struct tls_cert *cert)
{
    if (!SSL_CTX_set_chain_and_key(target->ctx, cert->chain, cert->num_chain, cert->key, NULL))
        return false;
    target->cert_name = cert->name;
    return true;
}

void tls_target_forget_all(struct tls_target *target)
{
    tls_sessions_fini(&target->sessions);
    tls_sessions_init(&target->sessions);
}

static bool set_up_protocol(SSL_CTX *ctx, const struct tls_conf *conf)
{
    int nids[TLS_GROUPS_MAX];
    size_t num = tls_bind_groups(nids, conf);
    if (conf->tickets == TLS_NO)
        SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    // `sigalgs` says what a server may sign with, and, without `client-sigalgs`, what we sign with where it asks us to.
    bool own = conf->client_sigalgs;
    if ((own || conf->sigalgs != default_sigalgs) &&
        !SSL_CTX_set_signing_algorithm_prefs(ctx, own ? conf->client_sigalgs : conf->sigalgs,
                                             own ? conf->num_client_sigalgs : conf->num_sigalgs))
        return false;
    if (conf->alpn.len && SSL_CTX_set_alpn_protos(ctx, (const uint8_t *)conf->alpn.ptr, (unsigned)conf->alpn.len) != 0)
        return false;
    return SSL_CTX_set_min_proto_version(ctx, conf->min_version) &&
           SSL_CTX_set_max_proto_version(ctx, conf->max_version) && SSL_CTX_set1_curves(ctx, nids, num) &&
           SSL_CTX_set_verify_algorithm_prefs(ctx, conf->sigalgs, conf->num_sigalgs) &&
           SSL_CTX_set_strict_cipher_list(ctx, conf->ciphers);
}

static void set_up_sessions(struct tls_target *target)
{
    target->keeps_sessions = true;
    SSL_CTX_set_session_cache_mode(target->ctx, SSL_SESS_CACHE_CLIENT);
    SSL_CTX_sess_set_new_cb(target->ctx, tls_target_session);
}

static bool build(struct config *config, struct tls_target *target, const struct tls_global_conf *global,
                  struct tls_store *store, const struct tls_target_conf *said)
{
    struct tls_conf conf = said->conf;
    tls_conf_merge(&conf, &global->server_default);
    tls_conf_merge(&conf, &defaults);
    if (conf.min_version > conf.max_version)
        return error_at(config, said, target, "the lowest version of TLS is above the highest one");
    target->ctx = SSL_CTX_new(TLS_with_buffers_method());
    if (!target->ctx || !set_up_protocol(target->ctx, &conf))
        return error_at(config, said, target, "cannot prepare TLS");
    if (global->keylog)
        tls_conn_keep_secrets(target->ctx);
    if (!said->no_reuse)
        set_up_sessions(target);
    bool trusts = set_up_trust(config, target, global, said, &conf);
    return set_up_cert(config, target, store, said) && trusts;
}

struct tls_target *tls_target_new(struct config *config, const struct tls_global_conf *global, struct tls_store *store,
                                  const struct tls_target_conf *conf, const char *name)
{
    struct tls_target *target = arena_alloc(config->arena, sizeof(*target));
    target->name = name;
    target->verify_host = conf->verify_host && *conf->verify_host ? conf->verify_host : NULL;
    tls_sessions_init(&target->sessions);
    target->store = store;
    target->next = store->targets;
    store->targets = target;
    if (build(config, target, global, store, conf))
        return target;
    tls_target_free(target);
    return NULL;
}

void tls_target_free(struct tls_target *target)
{
    if (!target || !target->store)
        return;
    for (struct tls_target **at = &target->store->targets; *at; at = &(*at)->next)
        if (*at == target) {
            *at = target->next;
            break;
        }
    target->store = NULL;
    tls_trust_leave(target->trust);
    target->trust = NULL;
    tls_sessions_fini(&target->sessions);
    SSL_CTX_free(target->ctx);
    target->ctx = NULL;
}
