// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include <openssl/ssl.h>
#include "bind_inner.h"

struct slice tls_conn_sni(const struct tls_conn *conn)
{
    return slice_str(conn->ssl ? SSL_get_servername(conn->ssl, TLSEXT_NAMETYPE_host_name) : NULL);
}

struct slice tls_conn_alpn(const struct tls_conn *conn)
{
    const uint8_t *name = NULL;
    unsigned len = 0;
    if (conn->ssl)
        SSL_get0_alpn_selected(conn->ssl, &name, &len);
    return slice_of((const char *)name, len);
}

static struct slice buffer_slice(const CRYPTO_BUFFER *buffer)
{
    return slice_of((const char *)CRYPTO_BUFFER_data(buffer), CRYPTO_BUFFER_len(buffer));
}

struct slice tls_conn_cert(const struct tls_conn *conn, bool peer, uint32_t index)
{
    if (peer) {
        const STACK_OF(CRYPTO_BUFFER) *chain = conn->ssl ? SSL_get0_peer_certificates(conn->ssl) : NULL;
        return chain && index < sk_CRYPTO_BUFFER_num(chain) ? buffer_slice(sk_CRYPTO_BUFFER_value(chain, index))
                                                            : (struct slice){ 0 };
    }
    const struct tls_cert *cert = conn->cert;
    return cert && index < cert->num_chain ? buffer_slice(cert->chain[index]) : (struct slice){ 0 };
}

size_t tls_conn_session_id(const struct tls_conn *conn, uint8_t *out, size_t cap)
{
    const SSL_SESSION *session = conn->ssl ? SSL_get_session(conn->ssl) : NULL;
    unsigned len = 0;
    const uint8_t *id = session ? SSL_SESSION_get_id(session, &len) : NULL;
    if (len > cap)
        len = (unsigned)cap;
    if (len)
        memcpy(out, id, len);
    return len;
}

// The library answers a capacity of 0 with the whole length, which is no length that was written.
size_t tls_conn_random(const struct tls_conn *conn, bool of_client, uint8_t *out, size_t cap)
{
    if (!conn->ssl || !cap)
        return 0;
    return of_client ? SSL_get_client_random(conn->ssl, out, cap) : SSL_get_server_random(conn->ssl, out, cap);
}

size_t tls_conn_master_key(const struct tls_conn *conn, uint8_t *out, size_t cap)
{
    const SSL_SESSION *session = conn->ssl ? SSL_get_session(conn->ssl) : NULL;
    return session && cap ? SSL_SESSION_get_master_key(session, out, cap) : 0;
}
