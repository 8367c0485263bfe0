// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "tls.h"
#include "net.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

struct tls {
    SSL_CTX *ctx;
    enum tls_resume resume;
    const char *name;
    SSL_SESSION *latest;
    uint64_t num_handshakes, num_resumed, num_unresumed;
    const char *cipher, *group;
    char failure[128];
};

static enum ssl_verify_result_t verify_nothing(SSL *ssl, uint8_t *alert)
{
    (void)ssl;
    (void)alert;
    return ssl_verify_ok;
}

static int session_keep(SSL *ssl, SSL_SESSION *session)
{
    struct tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    if (tls->resume == TLS_FULL || !SSL_SESSION_is_resumable(session))
        return 0;
    SSL_SESSION_free(tls->latest);
    tls->latest = session;
    return 1;
}

struct tls *tls_new(const char *version, enum tls_resume resume, const char *name)
{
    static const int groups[] = { NID_X25519, NID_X9_62_prime256v1 };
    struct tls *tls = calloc(1, sizeof(*tls));
    uint16_t number = strcmp(version, "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;

    if (tls == NULL || (tls->ctx = SSL_CTX_new(TLS_with_buffers_method())) == NULL)
        net_die("malloc");
    tls->resume = resume;
    tls->name = name;
    SSL_CTX_set_app_data(tls->ctx, tls);
    SSL_CTX_set_custom_verify(tls->ctx, SSL_VERIFY_PEER, verify_nothing);
    SSL_CTX_set_session_cache_mode(tls->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(tls->ctx, session_keep);
    if (resume == TLS_IDS)
        SSL_CTX_set_options(tls->ctx, SSL_OP_NO_TICKET);
    if (!SSL_CTX_set_min_proto_version(tls->ctx, number) || !SSL_CTX_set_max_proto_version(tls->ctx, number) ||
        !SSL_CTX_set1_curves(tls->ctx, groups, sizeof(groups) / sizeof(*groups)) ||
        !SSL_CTX_set_strict_cipher_list(tls->ctx, "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"))
        net_die("the TLS library refuses our settings");
    return tls;
}

void tls_free(struct tls *tls)
{
    if (tls == NULL)
        return;
    SSL_SESSION_free(tls->latest);
    SSL_CTX_free(tls->ctx);
    free(tls);
}

bool tls_has_session(const struct tls *tls)
{
    return tls->resume == TLS_FULL || tls->latest != NULL;
}

struct ssl_st *tls_open(struct tls *tls, int fd)
{
    SSL *ssl = SSL_new(tls->ctx);

    if (ssl == NULL || !SSL_set_fd(ssl, fd) || !SSL_set_tlsext_host_name(ssl, tls->name))
        net_die("malloc");
    SSL_set_shed_handshake_config(ssl, 1);
    if (tls->latest != NULL && !SSL_set_session(ssl, tls->latest))
        net_die("malloc");
    SSL_set_connect_state(ssl);
    return ssl;
}

void tls_close(struct ssl_st *ssl)
{
    if (SSL_is_init_finished(ssl))
        SSL_shutdown(ssl);
    ERR_clear_error();
    SSL_free(ssl);
}

int tls_handshake(struct tls *tls, struct ssl_st *ssl)
{
    bool offered = tls->latest != NULL;
    int result = SSL_do_handshake(ssl);

    if (result == 1) {
        tls->num_handshakes++;
        tls->num_resumed += SSL_session_reused(ssl) != 0;
        tls->num_unresumed += offered && !SSL_session_reused(ssl);
        tls->cipher = SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl));
        tls->group = SSL_get_curve_name(SSL_get_curve_id(ssl));
        return 1;
    }
    if (SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ)
        return 0;
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    snprintf(tls->failure, sizeof(tls->failure), "%s", reason != NULL ? reason : "the connection ended");
    ERR_clear_error();
    return -1;
}

// As much as there is: a call of SSL_read ends with a record.
ssize_t tls_recv(struct ssl_st *ssl, void *data, size_t size)
{
    size_t len = 0;

    while (size - len >= SSL3_RT_MAX_PLAIN_LENGTH || len == 0) {
        int got = SSL_read(ssl, (char *)data + len, (int)(size - len));
        int error = SSL_get_error(ssl, got);

        if (got > 0) {
            len += (size_t)got;
            continue;
        }
        ERR_clear_error();
        if (len > 0 || error == SSL_ERROR_ZERO_RETURN)
            break;
        errno = error == SSL_ERROR_WANT_READ ? EAGAIN : ECONNRESET;
        return -1;
    }
    return (ssize_t)len;
}

ssize_t tls_send(struct ssl_st *ssl, const void *data, size_t len)
{
    int sent = SSL_write(ssl, data, (int)len);

    if (sent > 0)
        return sent;
    ERR_clear_error();
    errno = ECONNRESET;
    return -1;
}

void tls_report(const struct tls *tls, FILE *file)
{
    fprintf(file, ", \"handshakes\": %llu, \"resumed\": %llu, \"unresumed\": %llu",
            (unsigned long long)tls->num_handshakes, (unsigned long long)tls->num_resumed,
            (unsigned long long)tls->num_unresumed);
    fprintf(file, ", \"cipher\": \"%s\", \"group\": \"%s\", \"tls_failure\": \"%s\"", tls->cipher ? tls->cipher : "",
            tls->group ? tls->group : "", tls->failure);
}
