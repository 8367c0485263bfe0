// SPDX-License-Identifier: Apache-2.0
// The PROXY header that a connection to a server begins with: whom it is for, and what is known of that client's TLS.
#include <stdio.h>
#include <openssl/evp.h>
#include "stream/act.h"
#include "stream/log.h"
#include "stream/steps.h"
#include "tls/conn.h"
#include "tls/entry.h"
#include "tls/x509.h"
#include "transport/proxy_protocol.h"

// "RSA2048", "EC256", as HAProxy writes them.
static struct slice key_name(char *out, size_t cap, const struct tls_conn *tls)
{
    static const char *const types[] = { [TLS_KEY_RSA] = "RSA", [TLS_KEY_ECDSA] = "EC", [TLS_KEY_ED25519] = "ED" };
    const struct tls_cert *cert = tls->cert;
    if (!cert || !cert->key)
        return (struct slice){ 0 };
    int len = snprintf(out, cap, "%s%d", types[cert->key_type], EVP_PKEY_bits(cert->key));
    return slice_of(out, len > 0 && (size_t)len < cap ? (size_t)len : 0);
}

static struct slice sig_name(const struct tls_conn *tls)
{
    struct tls_x509 cert;
    return tls_x509_read(&cert, tls_conn_cert(tls, false, 0)) ? tls_x509_algorithm(cert.signed_by)
                                                              : (struct slice){ 0 };
}

static struct slice common_name(const struct tls_conn *tls)
{
    struct tls_x509 cert;
    struct slice name = { 0 };
    if (!tls->facts.used_cert || !tls_x509_read(&cert, tls_conn_cert(tls, true, 0)) ||
        !tls_x509_name_entry(&name, cert.subject, SLICE("CN"), 1))
        return (struct slice){ 0 };
    return name;
}

static void tell_tls(struct transport_proxy_ssl *ssl, char *key, size_t key_cap, const struct tls_conn *tls,
                     uint32_t options)
{
    *ssl = (struct transport_proxy_ssl){ 0 };
    if (!tls)
        return;
    ssl->client = TRANSPORT_PROXY_CLIENT_SSL;
    ssl->version = slice_str(tls_version_name(tls->facts.version));
    if (tls->facts.used_cert) {
        ssl->client |= TRANSPORT_PROXY_CLIENT_CERT_SESS;
        ssl->client |= tls->facts.has_cert ? TRANSPORT_PROXY_CLIENT_CERT_CONN : 0;
        ssl->verify = (uint32_t)tls->facts.verify;
    }
    if (options & PROXY_V2_CERT_CN)
        ssl->cn = common_name(tls);
    if (options & PROXY_V2_CERT_KEY)
        ssl->key_alg = key_name(key, key_cap, tls);
    if (options & PROXY_V2_CERT_SIG)
        ssl->sig_alg = sig_name(tls);
    if (options & PROXY_V2_CIPHER)
        ssl->cipher = slice_str(tls_cipher_name(tls->facts.cipher));
}

size_t stream_proxy_header(struct stream *stream, char *out, size_t cap)
{
    const struct server_conf *conf = stream->server->conf;
    const struct tls_conn *tls = stream->session->tls;
    struct sockaddr_storage src;
    struct sockaddr_storage dst;
    struct transport_proxy_ssl ssl;
    char key[32];
    struct transport_proxy_write what = {
        .version = conf->send_proxy == PROXY_SEND_PROXY_V1 ? 1 : 2,
        .crc32c = (conf->proxy_v2_options & PROXY_V2_CRC32C) != 0,
    };
    if (transport_address_to_sockaddr(stream_src(stream), &src))
        what.src = (union transport_proxy_address *)&src;
    if (transport_address_to_sockaddr(stream_dst(stream), &dst))
        what.dst = (union transport_proxy_address *)&dst;
    if (tls)
        what.alpn = tls_conn_alpn(tls);
    if (tls && conf->proxy_v2_options & PROXY_V2_AUTHORITY)
        what.authority = tls_conn_sni(tls);
    if (conf->proxy_v2_options & PROXY_V2_UNIQUE_ID)
        what.unique_id = stream_unique_id(stream);
    if (what.unique_id.len > TRANSPORT_PROXY_UNIQUE_ID_MAX)
        what.unique_id.len = TRANSPORT_PROXY_UNIQUE_ID_MAX;
    if (conf->proxy_v2_options & PROXY_V2_SSL) {
        tell_tls(&ssl, key, sizeof(key), tls, conf->proxy_v2_options);
        what.ssl = &ssl;
    }
    return transport_proxy_build(out, cap, &what);
}
