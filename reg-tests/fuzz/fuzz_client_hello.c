// SPDX-License-Identifier: Apache-2.0
// What we read of a ClientHello for ourselves: the input is the handshake message, its header left out.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include "base/check.h"
#include "tls/hello_inner.h"

static size_t sum(const struct tls_hello *hello)
{
    return (size_t)hello->ciphers_len + hello->extensions_len + hello->groups_len + hello->formats_len +
           hello->sigalgs_len + hello->alpn_len + hello->versions_len;
}

// Every byte that is kept is read, so that the sanitizers see one that is not there.
static void capture(const SSL_CLIENT_HELLO *client, size_t cap)
{
    struct tls_hello *hello = tls_hello_capture(client, cap);
    must(hello && sum(hello) <= cap && hello->version == client->version);
    must(hello->ciphers_len % 2 == 0 && hello->extensions_len % 2 == 0 && hello->groups_len % 2 == 0);
    must(hello->ciphers_len <= client->cipher_suites_len);
    must(memcmp(hello->data, client->cipher_suites, hello->ciphers_len) == 0);
    volatile uint8_t all = 0;
    for (size_t i = 0; i < sum(hello); i++)
        all = all ^ hello->data[i];
    free(hello);
}

static enum ssl_select_cert_result_t on_hello(const SSL_CLIENT_HELLO *client)
{
    static const size_t caps[] = { 0, 1, 2, 3, 50, 99, 1000, 16384, 1 << 20 };
    struct tls_hello_view view;
    tls_hello_look(&view, client);
    must(!(view.can_13 & ~(TLS_CAN_RSA | TLS_CAN_ECDSA | TLS_CAN_ED25519)));
    for (size_t i = 0; i < NUM_ITEMS(caps); i++)
        capture(client, caps[i]);
    return ssl_select_cert_error;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static SSL_CTX *ctx;
    static uint8_t record[9 + 16000];
    if (!ctx) {
        ctx = SSL_CTX_new(TLS_with_buffers_method());
        must(ctx);
        SSL_CTX_set_select_certificate_cb(ctx, on_hello);
    }
    if (len > sizeof(record) - 9)
        return -1;
    const uint8_t head[9] = {
        22, 3, 1, (uint8_t)((len + 4) >> 8), (uint8_t)(len + 4), 1, 0, (uint8_t)(len >> 8), (uint8_t)len
    };
    memcpy(record, head, sizeof(head));
    memcpy(record + sizeof(head), data, len);
    SSL *ssl = SSL_new(ctx);
    must(ssl);
    SSL_set_accept_state(ssl);
    SSL_set_bio(ssl, BIO_new_mem_buf(record, (int)(len + sizeof(head))), BIO_new(BIO_s_mem()));
    SSL_do_handshake(ssl);
    SSL_free(ssl);
    ERR_clear_error();
    return 0;
}
