// SPDX-License-Identifier: Apache-2.0
// One connection towards a server: the name it asks for, the session it offers, what it believes.
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include "base/hash.h"
#include "tls/trust.h"
#include "conn_inner.h"
#include "target_inner.h"

uint32_t tls_target_hash(struct slice name)
{
    return hash_djb2(name);
}

bool tls_target_can_ask(struct slice name)
{
    return name.len <= TLSEXT_MAXLEN_host_name && slice_find(name, '\0') == name.len;
}

// RFC 6066 section 3 leaves addresses out: they are checked, not sent.
static bool is_address(const char *name)
{
    struct in6_addr address;
    return inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1;
}

static bool set_name(struct tls_conn *conn, struct slice name)
{
    conn->name_hash = tls_target_hash(name);
    if (!name.len)
        return true;
    conn->name = strndup(name.ptr, name.len);
    return conn->name && (is_address(conn->name) || SSL_set_tlsext_host_name(conn->ssl, conn->name));
}

static void offer_session(struct tls_conn *conn, struct slice name)
{
    const struct tls_target *target = conn->target;
    // Settings are const; what a worker keeps beside them is its own.
    struct tls_sessions *sessions = (struct tls_sessions *)&target->sessions;
    SSL_SESSION *session = target->keeps_sessions ? tls_sessions_get1(sessions, name, conn->name_hash) : NULL;
    if (session)
        SSL_set_session(conn->ssl, session);
    SSL_SESSION_free(session);
}

bool tls_conn_connect(struct tls_conn *conn, const struct tls_target *target, struct slice sni)
{
    *conn = (struct tls_conn){ .target = target };
    must(tls_target_can_ask(sni));
    SSL *ssl = conn->ssl = SSL_new(target->ctx);
    if (!ssl || !SSL_set_app_data(ssl, conn) || !set_name(conn, sni)) {
        tls_conn_fini(conn);
        ERR_clear_error();
        return false;
    }
    SSL_set_connect_state(ssl);
    SSL_set_shed_handshake_config(ssl, 1);
    offer_session(conn, sni);
    return true;
}

int tls_target_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls_conn *conn = tls_conn_of(ssl);
    struct tls_sessions *sessions = (struct tls_sessions *)&conn->target->sessions;
    return tls_sessions_take(sessions, slice_str(conn->name), conn->name_hash, session);
}

// The log tells which name the certificate is not for: the library knows no more than that it is not.
static void note_mismatch(struct tls_conn *conn, struct slice host)
{
    struct tls_target *target = (struct tls_target *)conn->target;
    snprintf(target->failure, sizeof(target->failure),
             "the server's certificate is refused: it is not for '%.*s' (%s, depth %u)",
             host.len < 100 ? (int)host.len : 100, host.ptr, tls_verify_error_name(conn->facts.verify),
             conn->facts.verify_depth);
    conn->failure = target->failure;
}

static bool is_mismatch(int code)
{
    return code == X509_V_ERR_HOSTNAME_MISMATCH || code == X509_V_ERR_IP_ADDRESS_MISMATCH;
}

// The name asked for is the one to be proven; where none is, the one the configuration gives. HAProxy manual, `verify`
// and `verifyhost` of a server.
enum ssl_verify_result_t tls_target_verify(SSL *ssl, uint8_t *alert)
{
    struct tls_conn *conn = tls_conn_of(ssl);
    const struct tls_target *target = conn->target;
    if (!target->trust)
        return ssl_verify_ok;
    struct tls_expect expect = { .is_server = true };
    expect.host = slice_str(conn->name ? conn->name : target->verify_host);
    struct tls_verdict verdict = tls_trust_check(target->trust, ssl, &expect);
    tls_conn_verdict(conn, &verdict);
    if (verdict.ok)
        return ssl_verify_ok;
    if (is_mismatch(verdict.last))
        note_mismatch(conn, expect.host);
    *alert = (uint8_t)SSL_alert_from_verify_result(verdict.last);
    return ssl_verify_invalid;
}

void tls_target_failed(const struct tls_conn *conn)
{
    const struct tls_target *target = conn->target;
    tls_sessions_forget((struct tls_sessions *)&target->sessions, slice_str(conn->name), conn->name_hash);
}
