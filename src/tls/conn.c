// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/ssl.h>
#include "bind_inner.h"

struct tls_conn *tls_conn_of(const struct ssl_st *ssl)
{
    return SSL_get_app_data(ssl);
}

bool tls_conn_accept(struct tls_conn *conn, const struct tls_bind *bind)
{
    *conn = (struct tls_conn){ .bind = bind };
    SSL *ssl = conn->ssl = SSL_new(bind->ctx);
    if (!ssl || !SSL_set_app_data(ssl, conn)) {
        tls_conn_fini(conn);
        ERR_clear_error();
        return false;
    }
    SSL_set_accept_state(ssl);
    SSL_set_shed_handshake_config(ssl, 1);
    return true;
}

void tls_conn_refuse_early(struct ssl_st *ssl)
{
    tls_conn_of(ssl)->early_refused = true;
    SSL_set_early_data_enabled(ssl, 0);
}

void tls_conn_verdict(struct tls_conn *conn, const struct tls_verdict *verdict)
{
    struct tls_facts *facts = &conn->facts;
    facts->crt_error = verdict->crt_error;
    facts->ca_error = verdict->ca_error;
    facts->ca_depth = verdict->ca_depth;
    facts->verify = verdict->last;
    facts->verify_depth = verdict->depth;
}

// A session that is resumed brings its certificate and not what was found wrong with it. Nothing was, unless something
// may be: then it is checked anew.
static void recheck(struct tls_conn *conn)
{
    const struct tls_entry *entry = conn->entry;
    if (!entry || !entry->trust ||
        (!tls_errors_any(&entry->conf.ca_ignore) && !tls_errors_any(&entry->conf.crt_ignore)))
        return;
    struct tls_expect expect = { .ca_ignore = &entry->conf.ca_ignore, .crt_ignore = &entry->conf.crt_ignore };
    struct tls_verdict verdict = tls_trust_check(entry->trust, conn->ssl, &expect);
    tls_conn_verdict(conn, &verdict);
}

void tls_conn_done(struct tls_conn *conn)
{
    const SSL *ssl = conn->ssl;
    struct tls_facts *facts = &conn->facts;
    const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
    const STACK_OF(CRYPTO_BUFFER) *peer = SSL_get0_peer_certificates(ssl);
    bool first = !facts->version; // and not after early data
    facts->version = (uint16_t)SSL_version(ssl);
    facts->cipher = cipher ? SSL_CIPHER_get_protocol_id(cipher) : 0;
    facts->group = SSL_get_curve_id(ssl);
    facts->resumed = SSL_session_reused(ssl);
    facts->early_pending = SSL_in_early_data(ssl);
    facts->early = SSL_early_data_accepted(ssl);
    facts->done = !SSL_in_init(ssl);
    facts->used_cert = peer && sk_CRYPTO_BUFFER_num(peer);
    facts->has_cert = facts->used_cert && !facts->resumed;
    if (first && facts->used_cert && facts->resumed)
        recheck(conn);
}

void tls_conn_failed(struct tls_conn *conn)
{
    uint32_t code = ERR_peek_error();
    if (!conn->facts.error)
        conn->facts.error = code;
    ERR_clear_error();
}

void tls_conn_fini(struct tls_conn *conn)
{
    SSL_free(conn->ssl);
    tls_cert_release(conn->cert);
    tls_entry_release(conn->entry);
    free(conn->hello);
    free(conn->name);
    OPENSSL_free(conn->secrets);
    conn->ssl = NULL;
    conn->cert = NULL;
    conn->entry = NULL;
    conn->hello = NULL;
    conn->secrets = NULL;
    conn->name = NULL;
}
