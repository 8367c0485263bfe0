// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <openssl/err.h>
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

void tls_conn_done(struct tls_conn *conn)
{
    const SSL *ssl = conn->ssl;
    struct tls_facts *facts = &conn->facts;
    const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
    const STACK_OF(CRYPTO_BUFFER) *peer = SSL_get0_peer_certificates(ssl);
    facts->version = (uint16_t)SSL_version(ssl);
    facts->cipher = cipher ? SSL_CIPHER_get_protocol_id(cipher) : 0;
    facts->group = SSL_get_curve_id(ssl);
    facts->resumed = SSL_session_reused(ssl);
    facts->early_pending = SSL_in_early_data(ssl);
    facts->early = SSL_early_data_accepted(ssl);
    facts->done = !SSL_in_init(ssl);
    facts->used_cert = peer && sk_CRYPTO_BUFFER_num(peer);
    facts->has_cert = facts->used_cert && !facts->resumed;
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
    free(conn->hello);
    free(conn->name);
    conn->ssl = NULL;
    conn->hello = NULL;
    conn->name = NULL;
}
