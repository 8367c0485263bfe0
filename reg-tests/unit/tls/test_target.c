// SPDX-License-Identifier: Apache-2.0
// TLS towards a server of the same library, in memory: what is believed, which names are asked for, what is resumed.
#include "pair.h"

#include <stdio.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include "tls/target_inner.h"

struct origin {
    struct rig rig;
    struct tls_target_conf conf;
    struct tls_target *target;
    SSL_CTX *ctx;
};

static void origin_init(struct origin *origin, const char *cert)
{
    memset(origin, 0, sizeof(*origin));
    rig_init(&origin->rig);
    origin->ctx = SSL_CTX_new(TLS_method());
    assert_non_null(origin->ctx);
    assert_true(SSL_CTX_use_certificate_chain_file(origin->ctx, cert_path(cert)));
    assert_true(SSL_CTX_use_PrivateKey_file(origin->ctx, cert_path(cert), SSL_FILETYPE_PEM));
    assert_true(SSL_CTX_set_session_id_context(origin->ctx, (const uint8_t *)"o", 1));
    origin->conf.enabled = true;
    origin->conf.conf.ca_file = arena_str(&origin->rig.arena, cert_path("ca.pem"));
    origin->conf.conf.verify = TLS_VERIFY_REQUIRED;
}

static bool origin_build(struct origin *origin)
{
    origin->target = tls_target_new(&origin->rig.config, &origin->rig.global, origin->rig.store, &origin->conf, "be/s");
    return origin->target;
}

static void origin_fini(struct origin *origin)
{
    tls_target_free(origin->target);
    SSL_CTX_free(origin->ctx);
    rig_fini(&origin->rig);
}

// Shakes hands and passes a byte each way, which brings the tickets of TLS 1.3.
static bool shake(struct tls_conn *conn, SSL *server)
{
    char byte = 'x';
    bool client_done = false, server_done = false;
    for (int i = 0; i < 20 && !(client_done && server_done); i++) {
        int got = SSL_do_handshake(conn->ssl);
        client_done = client_done || got == 1;
        if (got != 1 && SSL_get_error(conn->ssl, got) == SSL_ERROR_SSL) {
            tls_conn_failed(conn);
            return false;
        }
        server_done = server_done || SSL_do_handshake(server) == 1;
        ERR_clear_error();
    }
    if (!client_done || !server_done)
        return false;
    tls_conn_done(conn);
    return SSL_write(server, &byte, 1) == 1 && SSL_read(conn->ssl, &byte, 1) == 1;
}

// Connects once; `*conn` is to be freed.
static bool connect_to(struct origin *origin, struct tls_conn *conn, const char *name)
{
    BIO *near, *far;
    assert_true(BIO_new_bio_pair(&near, 64 * 1024, &far, 64 * 1024));
    assert_true(tls_conn_connect(conn, origin->target, slice_str(name)));
    SSL *server = SSL_new(origin->ctx);
    assert_non_null(server);
    SSL_set_accept_state(server);
    SSL_set_bio(conn->ssl, near, near);
    SSL_set_bio(server, far, far);
    bool well = shake(conn, server);
    SSL_free(server);
    return well;
}

// -1: the handshake fails; else whether it resumed.
static int resumes(struct origin *origin, const char *name)
{
    struct tls_conn conn;
    int result = connect_to(origin, &conn, name) ? conn.facts.resumed : -1;
    tls_conn_fini(&conn);
    return result;
}

static void expect_reason(struct origin *origin, const char *name, int code, const char *reason)
{
    struct tls_conn conn;
    assert_false(connect_to(origin, &conn, name));
    assert_int_equal(conn.facts.verify, code);
    assert_non_null(strstr(tls_conn_reason(&conn), reason));
    tls_conn_fini(&conn);
}

static void test_name(void **state)
{
    struct origin origin;
    (void)state;
    origin_init(&origin, "server.pem");
    origin.conf.verify_host = "other.test";
    assert_true(origin_build(&origin));
    assert_int_equal(resumes(&origin, "origin.test"), 0);
    assert_int_equal(resumes(&origin, "ORIGIN.test"), 0);
    assert_int_equal(resumes(&origin, "127.0.0.1"), 0);
    expect_reason(&origin, "127.0.0.2", X509_V_ERR_IP_ADDRESS_MISMATCH, "it is not for '127.0.0.2'");
    expect_reason(&origin, "a.test", X509_V_ERR_HOSTNAME_MISMATCH, "it is not for 'a.test'");
    // Without a name to ask for, verifyhost counts.
    expect_reason(&origin, "", X509_V_ERR_HOSTNAME_MISMATCH, "it is not for 'other.test'");
    origin_fini(&origin);
}

static void test_addresses_are_not_sent(void **state)
{
    struct origin origin;
    struct tls_conn conn;
    static const char *const addresses[] = { "127.0.0.1", "::1", "fe80::1", "1.2.3.4" };
    (void)state;
    origin_init(&origin, "server.pem");
    assert_true(origin_build(&origin));
    for (size_t i = 0; i < NUM_ITEMS(addresses); i++) {
        assert_true(tls_conn_connect(&conn, origin.target, slice_str(addresses[i])));
        assert_int_equal(tls_conn_sni(&conn).len, 0);
        assert_string_equal(conn.name, addresses[i]);
        tls_conn_fini(&conn);
    }
    char name[300];
    memset(name, 'a', sizeof(name));
    assert_true(tls_target_can_ask(slice_of(name, 255)));
    assert_false(tls_target_can_ask(slice_of(name, 256)));
    assert_false(tls_target_can_ask(slice_of("a\0b", 3)));
    origin_fini(&origin);
}

static void test_chain(void **state)
{
    struct origin origin;
    (void)state;
    origin_init(&origin, "expired.pem");
    assert_true(origin_build(&origin));
    expect_reason(&origin, "expired.test", X509_V_ERR_CERT_HAS_EXPIRED, "expired");
    origin_fini(&origin);
    origin_init(&origin, "server.pem");
    origin.conf.conf.ca_file = arena_str(&origin.rig.arena, cert_path("ca2.pem"));
    assert_true(origin_build(&origin));
    assert_int_equal(resumes(&origin, "origin.test"), -1);
    origin_fini(&origin);
}

static void test_verify_none(void **state)
{
    struct origin origin;
    (void)state;
    origin_init(&origin, "expired.pem");
    origin.conf.conf.verify = TLS_VERIFY_NONE;
    assert_true(origin_build(&origin));
    assert_int_equal(resumes(&origin, "any.test"), 0);
    origin_fini(&origin);
    // Verification is on unless something says otherwise, and then it needs to know against what.
    origin_init(&origin, "server.pem");
    origin.conf.conf = (struct tls_conf){ 0 };
    assert_false(origin_build(&origin));
    assert_true(rig_message(&origin.rig, "no 'ca-file'"));
    origin.rig.global.server_verify_none = true;
    assert_true(origin_build(&origin));
    origin_fini(&origin);
}

static void resume_with(uint16_t version)
{
    struct origin origin;
    origin_init(&origin, "server.pem");
    origin.conf.conf.max_version = version;
    assert_true(origin_build(&origin));
    assert_int_equal(resumes(&origin, "origin.test"), 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(resumes(&origin, "origin.test"), 1);
    // Another name is another session, and so is none.
    assert_int_equal(resumes(&origin, "localhost"), 0);
    assert_int_equal(resumes(&origin, ""), 0);
    assert_int_equal(resumes(&origin, "localhost"), 1);
    assert_int_equal(resumes(&origin, ""), 1);
    origin_fini(&origin);
}

static void test_resume(void **state)
{
    (void)state;
    resume_with(TLS_VERSION_13);
    resume_with(TLS_VERSION_12);
}

static void test_no_reuse(void **state)
{
    struct origin origin;
    (void)state;
    origin_init(&origin, "server.pem");
    origin.conf.no_reuse = true;
    assert_true(origin_build(&origin));
    assert_int_equal(resumes(&origin, "origin.test"), 0);
    assert_int_equal(resumes(&origin, "origin.test"), 0);
    assert_int_equal(origin.target->sessions.num, 0);
    origin_fini(&origin);
}

// A session that may be why a handshake failed is not offered again.
static void test_failed_is_forgotten(void **state)
{
    struct origin origin;
    struct tls_conn conn;
    (void)state;
    origin_init(&origin, "server.pem");
    assert_true(origin_build(&origin));
    assert_true(connect_to(&origin, &conn, "origin.test"));
    assert_int_equal(origin.target->sessions.num, 1);
    tls_target_failed(&conn);
    assert_int_equal(origin.target->sessions.num, 0);
    tls_conn_fini(&conn);
    assert_int_equal(resumes(&origin, "origin.test"), 0);
    origin_fini(&origin);
}

static void test_sessions_are_bounded(void **state)
{
    struct origin origin;
    char name[32];
    (void)state;
    origin_init(&origin, "a.pem");
    assert_true(origin_build(&origin));
    for (int i = 0; i < TLS_SESSION_NAMES + 10; i++) {
        snprintf(name, sizeof(name), "n%d.a.test", i);
        assert_int_equal(resumes(&origin, name), 0);
    }
    assert_int_equal(origin.target->sessions.num, TLS_SESSION_NAMES);
    assert_int_equal(resumes(&origin, "n9.a.test"), 0);
    assert_int_equal(resumes(&origin, name), 1);
    assert_int_equal(resumes(&origin, "n50.a.test"), 1);
    origin_fini(&origin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_name),
        cmocka_unit_test(test_addresses_are_not_sent),
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_verify_none),
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_no_reuse),
        cmocka_unit_test(test_failed_is_forgotten),
        cmocka_unit_test(test_sessions_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
