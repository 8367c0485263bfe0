// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include "base/clock.h"
#include "tls/bind.h"
#include "conn_inner.h"
#include "shared_inner.h"

bool tls_ticket_seal(const struct tls_key_ready *key, uint8_t *out, size_t *out_len, size_t cap, const uint8_t *in,
                     size_t in_len, uint64_t origin)
{
    uint8_t *nonce = out + TLS_KEY_NAME_LEN, *box = out + TLS_TICKET_HEAD_LEN;
    size_t len = in_len + TLS_TICKET_ORIGIN_LEN;
    if (cap < TLS_TICKET_OVERHEAD || in_len > cap - TLS_TICKET_OVERHEAD)
        return false;
    memmove(box + TLS_TICKET_ORIGIN_LEN, in, in_len);
    memcpy(box, &origin, TLS_TICKET_ORIGIN_LEN);
    memcpy(out, key->name, TLS_KEY_NAME_LEN);
    if (!RAND_bytes(nonce, TLS_TICKET_NONCE_LEN) ||
        !EVP_AEAD_CTX_seal(&key->aead, box, out_len, cap - TLS_TICKET_HEAD_LEN, nonce, TLS_TICKET_NONCE_LEN, box, len,
                           out, TLS_KEY_NAME_LEN))
        return false;
    *out_len += TLS_TICKET_HEAD_LEN;
    return true;
}

bool tls_ticket_open(const struct tls_key_ready *key, uint8_t *out, size_t *out_len, uint64_t *origin, size_t cap,
                     const uint8_t *in, size_t in_len)
{
    if (in_len < TLS_TICKET_OVERHEAD || memcmp(in, key->name, TLS_KEY_NAME_LEN) != 0 ||
        !EVP_AEAD_CTX_open(&key->aead, out, out_len, cap, in + TLS_KEY_NAME_LEN, TLS_TICKET_NONCE_LEN,
                           in + TLS_TICKET_HEAD_LEN, in_len - TLS_TICKET_HEAD_LEN, in, TLS_KEY_NAME_LEN)) {
        ERR_clear_error();
        return false;
    }
    *out_len -= TLS_TICKET_ORIGIN_LEN;
    memcpy(origin, out, TLS_TICKET_ORIGIN_LEN);
    memmove(out, out + TLS_TICKET_ORIGIN_LEN, *out_len);
    return true;
}

// The library asks by connection; its context may be another than the bind's by now.
static const struct tls_ticket_file *file_of(const SSL *ssl)
{
    const struct tls_conn *conn = tls_conn_of(ssl);
    return conn && conn->bind ? tls_shared_file_of(tls_bind_context(conn->bind)) : NULL;
}

static uint64_t origin_here(void)
{
    struct tls_strikes *strikes = tls_shared_of_process()->strikes;
    return strikes ? atomic_load_explicit(&strikes->origin, memory_order_relaxed) : 0;
}

static size_t max_overhead(SSL *ssl)
{
    (void)ssl;
    return TLS_TICKET_OVERHEAD;
}

static int seal(SSL *ssl, uint8_t *out, size_t *out_len, size_t cap, const uint8_t *in, size_t in_len)
{
    const struct tls_ticket_file *file = file_of(ssl);
    const struct tls_key_ready *key =
        file ? tls_ticket_file_sealing(file) : tls_keyring_sealing(&tls_shared_of_process()->ring, clock_wall_us());
    if (key && tls_ticket_seal(key, out, out_len, cap, in, in_len, origin_here()))
        return 1;
    // A client must get a ticket once it was promised one, but need not be able to use it.
    if (cap < TLS_KEY_NAME_LEN)
        return 0;
    memset(out, 0, TLS_KEY_NAME_LEN);
    *out_len = TLS_KEY_NAME_LEN;
    return 1;
}

// Early data is taken once for each ticket, and only where all its uses are seen.
static void watch_early(SSL *ssl, uint64_t origin, const uint8_t *ticket, size_t len)
{
    const struct tls_conn *conn = tls_conn_of(ssl);
    struct tls_strikes *strikes = tls_shared_of_process()->strikes;
    if (!conn || !conn->early_offered)
        return;
    if (!strikes || origin != origin_here() ||
        !tls_strike_first(strikes, ticket + len - TLS_TICKET_TAG_LEN, clock_mono_us() / 1000000))
        tls_conn_refuse_early(ssl);
}

static enum ssl_ticket_aead_result_t open_ticket(SSL *ssl, uint8_t *out, size_t *out_len, size_t cap, const uint8_t *in,
                                                 size_t in_len)
{
    uint64_t origin;
    if (in_len < TLS_TICKET_OVERHEAD)
        return ssl_ticket_aead_ignore_ticket;
    const struct tls_ticket_file *file = file_of(ssl);
    const struct tls_key_ready *key =
        file ? tls_ticket_file_find(file, in) : tls_keyring_find(&tls_shared_of_process()->ring, in);
    if (!key || !tls_ticket_open(key, out, out_len, &origin, cap, in, in_len))
        return ssl_ticket_aead_ignore_ticket;
    watch_early(ssl, origin, in, in_len);
    return ssl_ticket_aead_success;
}

const struct ssl_ticket_aead_method_st *tls_ticket_methods(void)
{
    static const SSL_TICKET_AEAD_METHOD methods = { .max_overhead = max_overhead, .seal = seal, .open = open_ticket };
    return &methods;
}
