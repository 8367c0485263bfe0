// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include "tls/ask.h"

size_t tls_conn_unique(const struct tls_conn *conn, uint8_t out[TLS_UNIQUE_MAX])
{
    static const char label[] = "EXPORTER-Channel-Binding";
    enum { EXPORTER_LEN = 32 };
    size_t len;
    if (!conn->ssl || !conn->facts.done)
        return 0;
    if (conn->facts.version < TLS1_3_VERSION)
        return SSL_get_tls_unique(conn->ssl, out, &len, TLS_UNIQUE_MAX) ? len : 0;
    return SSL_export_keying_material(conn->ssl, out, EXPORTER_LEN, label, sizeof(label) - 1, NULL, 0, 0) ? EXPORTER_LEN
                                                                                                          : 0;
}

uint16_t tls_conn_version_seen(const struct tls_conn *conn)
{
    return conn->facts.version ? conn->facts.version : conn->facts.offered;
}

uint16_t tls_conn_cipher_seen(const struct tls_conn *conn)
{
    if (conn->facts.cipher || !conn->ssl)
        return conn->facts.cipher;
    const SSL_CIPHER *cipher = SSL_get_current_cipher(conn->ssl);
    return cipher ? SSL_CIPHER_get_protocol_id(cipher) : 0;
}

size_t tls_error_text(char out[TLS_ERROR_TEXT_MAX], uint32_t code)
{
    ERR_error_string_n(code, out, TLS_ERROR_TEXT_MAX);
    return strlen(out);
}
