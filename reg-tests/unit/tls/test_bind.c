// SPDX-License-Identifier: Apache-2.0
// What an entry sets really holds, though its certificate is put into a connection that began with another's settings.
#include "pair.h"

#include <string.h>
#include <openssl/err.h>

static const uint16_t only_p384[] = { SSL_CURVE_SECP384R1 };

// Shakes hands with each client context given and asks for `sni`.
static struct tls_facts facts_of(const struct rig *rig, SSL_CTX *client, const char *sni)
{
    struct pair pair;
    pair_begin(&pair, rig, client, sni);
    if (!pair_run(&pair))
        fail_msg("%s: %s (client's alert %d)", sni ? sni : "no name", tls_conn_reason(&pair.server), pair.client_alert);
    struct tls_facts facts = pair.server.facts;
    assert_true(facts.done);
    pair_fini(&pair);
    return facts;
}

// ... and it fails, with `reason` in what we say and `alert` for the client.
static void expect_failure(const struct rig *rig, SSL_CTX *client, const char *sni, int alert, const char *reason)
{
    struct pair pair;
    pair_begin(&pair, rig, client, sni);
    if (pair_run(&pair))
        fail_msg("%s: it worked", sni ? sni : "no name");
    if (!strstr(tls_conn_reason(&pair.server), reason))
        fail_msg("'%s' is not in '%s'", reason, tls_conn_reason(&pair.server));
    assert_int_equal(pair.client_alert, alert);
    assert_int_not_equal(pair.server.facts.error, 0);
    pair_fini(&pair);
}

static void test_defaults(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig_entry(&rig, "a.pem", NULL, NULL);
    assert_true(rig_bind(&rig));
    SSL_CTX *client = client_new();
    struct tls_facts facts = facts_of(&rig, client, "a.test");
    assert_int_equal(facts.version, TLS_VERSION_13);
    assert_int_equal(facts.group, SSL_CURVE_X25519);
    assert_int_equal(facts.offered, TLS_VERSION_13);
    assert_false(facts.resumed || facts.early || facts.has_cert || facts.used_cert);
    SSL_CTX_set_max_proto_version(client, TLS1_2_VERSION);
    facts = facts_of(&rig, client, "a.test");
    assert_int_equal(facts.version, TLS_VERSION_12);
    assert_string_equal(tls_cipher_name(facts.cipher), "ECDHE-ECDSA-AES128-GCM-SHA256");
    SSL_CTX_set_min_proto_version(client, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(client, TLS1_1_VERSION);
    expect_failure(&rig, client, "a.test", SSL_AD_PROTOCOL_VERSION,
                   "the client offers TLSv1.1 at most, and TLSv1.2 is the least allowed");
    SSL_CTX_free(client);
    client = client_new();
    SSL_CTX_set_max_proto_version(client, TLS1_2_VERSION);
    assert_true(SSL_CTX_set_strict_cipher_list(client, "ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA"));
    expect_failure(&rig, client, "a.test", SSL_AD_HANDSHAKE_FAILURE, "no shared cipher");
    SSL_CTX_free(client);
    rig_fini(&rig);
}

static void test_versions_of_an_entry(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig_entry(&rig, "a.pem", NULL, NULL);
    rig_entry(&rig, "server.pem", &(struct tls_conf){ .max_version = TLS_VERSION_12 }, "max.test");
    rig_entry(&rig, "server.pem", &(struct tls_conf){ .min_version = TLS_VERSION_13 }, "min.test");
    rig_entry(&rig, "server.pem",
              &(struct tls_conf){ .min_version = TLS_VERSION_10, .ciphers = "ECDHE-ECDSA-AES128-SHA" }, "old.test");
    assert_true(rig_bind(&rig));
    SSL_CTX *client = client_new(), *old = client_new();
    SSL_CTX_set_min_proto_version(old, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(old, TLS1_VERSION);
    assert_int_equal(facts_of(&rig, client, "max.test").version, TLS_VERSION_12);
    assert_int_equal(facts_of(&rig, client, "min.test").version, TLS_VERSION_13);
    assert_int_equal(facts_of(&rig, client, "a.test").version, TLS_VERSION_13);
    assert_int_equal(facts_of(&rig, old, "old.test").version, TLS_VERSION_10);
    expect_failure(&rig, old, "a.test", SSL_AD_PROTOCOL_VERSION, "TLSv1 at most");
    SSL_CTX_set_max_proto_version(client, TLS1_2_VERSION);
    expect_failure(&rig, client, "min.test", SSL_AD_PROTOCOL_VERSION, "TLSv1.3 is the least allowed");
    SSL_CTX_free(client);
    SSL_CTX_free(old);
    rig_fini(&rig);
}

static void test_ciphers_of_an_entry(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    struct tls_conf strong = { .ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384" };
    rig_entry(&rig, "a.pem", NULL, NULL);
    rig_entry(&rig, "a.pem", &strong, "strong.test");
    rig_entry(&rig, "server.pem", &(struct tls_conf){ .client_ciphers = TLS_YES }, "client.test");
    assert_true(rig_bind(&rig));
    SSL_CTX *client = client_new();
    SSL_CTX_set_max_proto_version(client, TLS1_2_VERSION);
    assert_string_equal(tls_cipher_name(facts_of(&rig, client, "strong.test").cipher), strong.ciphers);
    assert_true(SSL_CTX_set_strict_cipher_list(client, "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256"));
    assert_string_equal(tls_cipher_name(facts_of(&rig, client, "a.test").cipher), "ECDHE-ECDSA-AES128-GCM-SHA256");
    assert_string_equal(tls_cipher_name(facts_of(&rig, client, "client.test").cipher), strong.ciphers);
    assert_true(SSL_CTX_set_strict_cipher_list(client, "ECDHE-ECDSA-AES128-GCM-SHA256"));
    expect_failure(&rig, client, "strong.test", SSL_AD_HANDSHAKE_FAILURE, "no shared cipher");
    SSL_CTX_free(client);
    rig_fini(&rig);
}

static void test_groups_of_an_entry(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig_entry(&rig, "a.pem", NULL, NULL);
    rig_entry(&rig, "server.pem", &(struct tls_conf){ .groups = only_p384, .num_groups = 1 }, "p384.test");
    assert_true(rig_bind(&rig));
    SSL_CTX *client = client_new();
    assert_int_equal(facts_of(&rig, client, "p384.test").group, SSL_CURVE_SECP384R1);
    assert_int_equal(facts_of(&rig, client, "a.test").group, SSL_CURVE_X25519);
    assert_true(SSL_CTX_set1_curves_list(client, "X25519"));
    expect_failure(&rig, client, "p384.test", SSL_AD_HANDSHAKE_FAILURE, "no shared curve");
    SSL_CTX_set_max_proto_version(client, TLS1_2_VERSION);
    expect_failure(&rig, client, "p384.test", SSL_AD_HANDSHAKE_FAILURE, "no shared cipher");
    SSL_CTX_free(client);
    rig_fini(&rig);
}

static uint16_t server_signed_with(const struct rig *rig, SSL_CTX *client, const char *sni)
{
    struct pair pair;
    pair_begin(&pair, rig, client, sni);
    assert_true(pair_run(&pair));
    uint16_t algorithm = SSL_get_peer_signature_algorithm(pair.client);
    pair_fini(&pair);
    return algorithm;
}

static void test_sigalgs_of_an_entry(void **state)
{
    (void)state;
    static const uint16_t sha512[] = { SSL_SIGN_RSA_PSS_RSAE_SHA512, SSL_SIGN_RSA_PKCS1_SHA512 };
    struct rig rig;
    rig_init(&rig);
    rig_entry(&rig, "rsa.pem", NULL, NULL);
    rig_entry(&rig, "rsa.pem", &(struct tls_conf){ .sigalgs = sha512, .num_sigalgs = 2 }, "sha512.test");
    assert_true(rig_bind(&rig));
    SSL_CTX *client = client_new();
    assert_int_equal(server_signed_with(&rig, client, "rsa.test"), SSL_SIGN_RSA_PSS_RSAE_SHA256);
    assert_int_equal(server_signed_with(&rig, client, "sha512.test"), SSL_SIGN_RSA_PSS_RSAE_SHA512);
    assert_true(SSL_CTX_set_verify_algorithm_prefs(client, (const uint16_t[]){ SSL_SIGN_RSA_PSS_RSAE_SHA256 }, 1));
    expect_failure(&rig, client, "sha512.test", SSL_AD_HANDSHAKE_FAILURE, "no shared signature algorithm");
    SSL_CTX_free(client);
    rig_fini(&rig);
}

static void test_alpn_of_an_entry(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig_entry(&rig, "a.pem", NULL, NULL);
    rig_entry(&rig, "a.pem", &(struct tls_conf){ .alpn = SLICE("\x08http/1.1\x08http/1.0") }, "http.test");
    assert_true(rig_bind(&rig));
    SSL_CTX *client = client_new();
    static const uint8_t offer[] = "\x02h2\x08http/1.0\x08http/1.1", none[] = "\x02h2";
    const struct {
        const char *sni, *agreed;
        const uint8_t *offer;
        unsigned len;
    } cases[] = {
        { "a.test", "", offer, sizeof(offer) - 1 },
        { "http.test", "http/1.1", offer, sizeof(offer) - 1 },
        { "http.test", "", none, sizeof(none) - 1 },
    };
    for (size_t i = 0; i < NUM_ITEMS(cases); i++) {
        struct pair pair;
        pair_begin(&pair, &rig, client, cases[i].sni);
        assert_int_equal(SSL_set_alpn_protos(pair.client, cases[i].offer, cases[i].len), 0);
        assert_true(pair_run(&pair));
        assert_true(slice_equal(tls_conn_alpn(&pair.server), slice_str(cases[i].agreed)));
        pair_fini(&pair);
    }
    SSL_CTX_free(client);
    rig_fini(&rig);
}

static int tickets_seen;

static int on_session(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    tickets_seen += SSL_SESSION_has_ticket(session);
    return 0;
}

static void test_tickets_of_an_entry(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig_entry(&rig, "a.pem", NULL, NULL);
    rig_entry(&rig, "a.pem", &(struct tls_conf){ .tickets = TLS_NO }, "none.test");
    assert_true(rig_bind(&rig));
    SSL_CTX *client = client_new();
    SSL_CTX_set_session_cache_mode(client, SSL_SESS_CACHE_CLIENT);
    SSL_CTX_sess_set_new_cb(client, on_session);
    for (uint16_t version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        SSL_CTX_set_max_proto_version(client, version);
        tickets_seen = 0;
        assert_true(pair_all(&rig, client, "a.test"));
        assert_int_equal(tickets_seen, 1);
        assert_true(pair_all(&rig, client, "none.test"));
        assert_int_equal(tickets_seen, 1);
    }
    SSL_CTX_free(client);
    rig_fini(&rig);
}

static void test_names(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig_entry(&rig, "a.pem", NULL, NULL);
    rig_entry(&rig, "rsa.pem", NULL, NULL);
    assert_true(rig_bind(&rig));
    SSL_CTX *client = client_new();
    struct pair pair;
    const char *const names[][2] = {
        { "a.test", "a.pem" }, { "rsa.test", "rsa.pem" }, { "no.test", "a.pem" }, { NULL, "a.pem" }
    };
    for (size_t i = 0; i < NUM_ITEMS(names); i++) {
        pair_begin(&pair, &rig, client, names[i][0]);
        assert_true(pair_run(&pair));
        assert_string_equal(strrchr(pair.server.entry->cert->name, '/') + 1, names[i][1]);
        assert_true(slice_equal(tls_conn_sni(&pair.server), slice_str(names[i][0])));
        assert_int_equal(tls_conn_cert(&pair.server, false, 0).len,
                         CRYPTO_BUFFER_len(sk_CRYPTO_BUFFER_value(SSL_get0_peer_certificates(pair.client), 0)));
        assert_int_not_equal(tls_conn_cert(&pair.server, false, 1).len, 0);
        assert_int_equal(tls_conn_cert(&pair.server, false, 2).len, 0);
        assert_int_equal(tls_conn_cert(&pair.server, true, 0).len, 0);
        pair_fini(&pair);
    }
    rig.conf.strict_sni = true;
    assert_true(pair_all(&rig, client, "rsa.test"));
    expect_failure(&rig, client, "no.test", SSL_AD_UNRECOGNIZED_NAME, "no certificate is for the name");
    expect_failure(&rig, client, NULL, SSL_AD_UNRECOGNIZED_NAME, "asked for no name");
    SSL_CTX_free(client);
    rig_fini(&rig);
}

static uint8_t key_served(const struct rig *rig, SSL_CTX *client)
{
    struct pair pair;
    pair_begin(&pair, rig, client, "b.test");
    assert_true(pair_run(&pair));
    uint8_t type = pair.server.entry->cert->key_type;
    pair_fini(&pair);
    return type;
}

static void test_key_types(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig_entry(&rig, "b.pem.rsa", NULL, NULL);
    rig_entry(&rig, "b.pem.ecdsa", NULL, NULL);
    assert_true(rig_bind(&rig));
    static const uint16_t rsa[] = { SSL_SIGN_RSA_PSS_RSAE_SHA256, SSL_SIGN_RSA_PKCS1_SHA256 };
    static const uint16_t p384[] = { SSL_SIGN_RSA_PSS_RSAE_SHA256, SSL_SIGN_ECDSA_SECP384R1_SHA384 };
    SSL_CTX *client = client_new();
    for (uint16_t version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        SSL_CTX_set_max_proto_version(client, version);
        assert_int_equal(key_served(&rig, client), TLS_KEY_ECDSA);
    }
    SSL_CTX_set_max_proto_version(client, TLS1_2_VERSION);
    assert_true(SSL_CTX_set_strict_cipher_list(client, "ECDHE-RSA-AES128-GCM-SHA256"));
    assert_int_equal(key_served(&rig, client), TLS_KEY_RSA);
    SSL_CTX_free(client);
    client = client_new();
    assert_true(SSL_CTX_set_verify_algorithm_prefs(client, rsa, 2));
    assert_int_equal(key_served(&rig, client), TLS_KEY_RSA);
    // In TLS 1.3 the key's curve must be among them, too.
    assert_true(SSL_CTX_set_verify_algorithm_prefs(client, p384, 2));
    assert_int_equal(key_served(&rig, client), TLS_KEY_RSA);
    SSL_CTX_free(client);
    rig_fini(&rig);
}

static void test_hello(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig.global.keep_hello = true;
    rig.global.capture_len = 512;
    rig.global.keylog = true;
    rig_entry(&rig, "a.pem", NULL, NULL);
    assert_true(rig_bind(&rig));
    SSL_CTX *client = client_new();
    SSL_CTX_set_min_proto_version(client, TLS1_2_VERSION);
    struct pair pair;
    pair_begin(&pair, &rig, client, "a.test");
    assert_true(pair_run(&pair));
    const struct tls_hello *hello = pair.server.hello;
    assert_non_null(hello);
    assert_int_equal(hello->version, TLS_VERSION_12);
    const uint8_t *at = hello->data;
    assert_memory_equal(at, "\x13\x01\x13\x02\x13\x03", 6);
    at += hello->ciphers_len + hello->extensions_len;
    assert_int_equal(hello->groups_len, 6);
    assert_memory_equal(at, "\x00\x1d\x00\x17\x00\x18", 6);
    at += hello->groups_len;
    assert_int_equal(hello->formats_len, 1);
    assert_int_equal(*at, 0);
    at += hello->formats_len + hello->sigalgs_len + hello->alpn_len;
    assert_int_equal(hello->versions_len, 4);
    assert_memory_equal(at, "\x03\x04\x03\x03", 4);
    assert_int_equal(tls_conn_secret(&pair.server, TLS_SECRET_CLIENT_TRAFFIC).len, 64);
    assert_int_equal(tls_conn_secret(&pair.server, TLS_SECRET_SERVER_HANDSHAKE).len, 64);
    assert_int_equal(tls_conn_secret(&pair.server, TLS_SECRET_EXPORTER).len, 64);
    assert_int_equal(tls_conn_secret(&pair.server, TLS_SECRET_CLIENT_EARLY).len, 0);
    uint8_t mine[32], theirs[32];
    assert_int_equal(tls_conn_random(&pair.server, true, mine, sizeof(mine)), 32);
    assert_int_equal(SSL_get_client_random(pair.client, theirs, sizeof(theirs)), 32);
    assert_memory_equal(mine, theirs, 32);
    pair_fini(&pair);
    for (rig.global.capture_len = 1; rig.global.capture_len < 200; rig.global.capture_len++) {
        pair_begin(&pair, &rig, client, "a.test");
        assert_true(pair_run(&pair));
        hello = pair.server.hello;
        assert_in_range(hello->ciphers_len + hello->extensions_len + hello->groups_len + hello->formats_len +
                            hello->sigalgs_len + hello->alpn_len + hello->versions_len,
                        0, rig.global.capture_len);
        assert_int_equal(hello->ciphers_len % 2 + hello->extensions_len % 2 + hello->groups_len % 2, 0);
        pair_fini(&pair);
    }
    SSL_CTX_free(client);
    rig_fini(&rig);
}

static void test_not_tls(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig_entry(&rig, "a.pem", NULL, NULL);
    assert_true(rig_bind(&rig));
    static const struct {
        const char *bytes, *reason;
    } cases[] = {
        { "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", "the client sent plain HTTP to a port that speaks TLS" },
        { "CONNECT a.test:443 HTTP/1.1\r\n\r\n", "plain CONNECT" },
        { "SSH-2.0-OpenSSH_9.2\r\n", "the client does not speak TLS" },
        { "", "the client closed the connection before the handshake was over" },
    };
    for (size_t i = 0; i < NUM_ITEMS(cases); i++) {
        struct tls_conn conn;
        assert_true(tls_conn_accept(&conn, rig.bind));
        BIO *in = BIO_new_mem_buf(cases[i].bytes, (int)strlen(cases[i].bytes));
        SSL_set_bio(conn.ssl, in, BIO_new(BIO_s_mem()));
        ERR_clear_error();
        assert_int_not_equal(SSL_do_handshake(conn.ssl), 1);
        tls_conn_failed(&conn);
        if (!strstr(tls_conn_reason(&conn), cases[i].reason))
            fail_msg("'%s'", tls_conn_reason(&conn));
        tls_conn_fini(&conn);
    }
    rig_fini(&rig);
}

static void test_bad_configurations(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    assert_false(rig_bind(&rig));
    assert_true(rig_message(&rig, "no certificate is given: say which with 'crt'"));
    rig_entry(&rig, "a.pem", &(struct tls_conf){ .verify = TLS_VERIFY_REQUIRED }, NULL);
    rig_entry(&rig, "a.pem", &(struct tls_conf){ .verify = TLS_VERIFY_OPTIONAL, .ca_file = "/nowhere" }, "b.test");
    rig_entry(&rig, "a.pem", &(struct tls_conf){ .max_version = TLS_VERSION_11 }, "c.test");
    assert_false(rig_bind(&rig));
    assert_true(rig_message(&rig, "'verify required' needs a 'ca-file'"));
    assert_true(rig_message(&rig, "'/nowhere': No such file or directory"));
    assert_true(rig_message(&rig, "the lowest version of TLS is above the highest one"));
    rig_fini(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_versions_of_an_entry),
        cmocka_unit_test(test_ciphers_of_an_entry),
        cmocka_unit_test(test_groups_of_an_entry),
        cmocka_unit_test(test_sigalgs_of_an_entry),
        cmocka_unit_test(test_alpn_of_an_entry),
        cmocka_unit_test(test_tickets_of_an_entry),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_key_types),
        cmocka_unit_test(test_hello),
        cmocka_unit_test(test_not_tls),
        cmocka_unit_test(test_bad_configurations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
