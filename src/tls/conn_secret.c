// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include <openssl/mem.h>
#include "base/check.h"
#include "conn_inner.h"

// The longest is that of SHA-384.
enum { HEX_MAX = 2 * 48 };

struct tls_secrets {
    uint8_t len[TLS_NUM_SECRETS];
    char hex[TLS_NUM_SECRETS][HEX_MAX];
};

// In the order of enum tls_secret. That of early exporters is never told by this library.
static const char *const labels[] = {
    "CLIENT_EARLY_TRAFFIC_SECRET", "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET",
    "CLIENT_TRAFFIC_SECRET_0",     "SERVER_TRAFFIC_SECRET_0",         "EXPORTER_SECRET",
    "EARLY_EXPORTER_SECRET",
};

static void keep(struct tls_conn *conn, size_t which, struct slice hex)
{
    if (!conn->secrets && (conn->secrets = OPENSSL_malloc(sizeof(*conn->secrets))))
        memset(conn->secrets->len, 0, sizeof(conn->secrets->len));
    struct tls_secrets *secrets = conn->secrets;
    if (!secrets || hex.len > HEX_MAX)
        return;
    memcpy(secrets->hex[which], hex.ptr, hex.len);
    secrets->len[which] = (uint8_t)hex.len;
}

// A line of NSS's key log: label, random of the client, secret.
static void on_keylog(const SSL *ssl, const char *text)
{
    struct slice line = slice_str(text);
    struct slice label = slice_of(line.ptr, slice_find(line, ' '));
    struct slice random = slice_from(line, label.len + 1);
    struct slice hex = slice_from(random, slice_find(random, ' ') + 1);
    for (size_t i = 0; i < NUM_ITEMS(labels); i++)
        if (slice_equal(label, slice_str(labels[i])))
            keep(tls_conn_of(ssl), i, hex);
}

void tls_conn_keep_secrets(SSL_CTX *ctx)
{
    SSL_CTX_set_keylog_callback(ctx, on_keylog);
}

struct slice tls_conn_secret(const struct tls_conn *conn, enum tls_secret secret)
{
    const struct tls_secrets *secrets = conn->secrets;
    return secrets ? slice_of(secrets->hex[secret], secrets->len[secret]) : (struct slice){ 0 };
}
