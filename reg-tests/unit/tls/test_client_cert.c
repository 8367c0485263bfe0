// SPDX-License-Identifier: Apache-2.0
// Certificates of clients: who is asked, what is found, what the client is told, and what resumed sessions remember.
#include "pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <openssl/x509.h>

static struct tls_errors bit(int code)
{
    struct tls_errors errors = { 0 };
    errors.bits[code / 64] |= (uint64_t)1 << (code % 64);
    return errors;
}

// One shake of hands with the certificate `cert` (NULL: none); facts are left in `facts`, the alert is the result.
static int shake(const struct rig *rig, const char *sni, const char *cert, uint16_t version, struct tls_facts *facts)
{
    SSL_CTX *client = client_new();
    SSL_CTX_set_max_proto_version(client, version);
    if (cert)
        client_cert(client, cert);
    struct pair pair;
    pair_begin(&pair, rig, client, sni);
    bool ok = pair_run(&pair);
    int alert = pair.client_alert;
    *facts = pair.server.facts;
    if (ok)
        assert_int_equal(facts->error, 0);
    else if (alert < 0)
        fail_msg("no alert: %s", tls_conn_reason(&pair.server));
    pair_fini(&pair);
    SSL_CTX_free(client);
    return ok ? -1 : alert;
}

static const struct tls_conf *required(struct rig *rig)
{
    struct tls_conf *conf = arena_alloc(&rig->arena, sizeof(*conf));
    conf->verify = TLS_VERIFY_REQUIRED;
    conf->ca_file = arena_str(&rig->arena, cert_path("ca.pem"));
    return conf;
}

static const uint16_t versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

static void test_modes(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    struct tls_conf optional = *required(&rig);
    optional.verify = TLS_VERIFY_OPTIONAL;
    rig_entry(&rig, "a.pem", NULL, NULL);
    rig_entry(&rig, "a.pem", required(&rig), "required.test");
    rig_entry(&rig, "a.pem", &optional, "optional.test");
    assert_true(rig_bind(&rig));
    struct tls_facts facts;
    for (size_t i = 0; i < 2; i++) {
        bool is_13 = versions[i] == TLS1_3_VERSION;
        assert_int_equal(shake(&rig, "a.test", "client.pem", versions[i], &facts), -1);
        assert_false(facts.has_cert || facts.used_cert);
        assert_int_equal(shake(&rig, "optional.test", NULL, versions[i], &facts), -1);
        assert_false(facts.has_cert || facts.used_cert);
        assert_int_equal(shake(&rig, "optional.test", "client.pem", versions[i], &facts), -1);
        assert_true(facts.has_cert && facts.used_cert);
        assert_int_equal(facts.verify, X509_V_OK);
        assert_int_equal(shake(&rig, "required.test", "client.pem", versions[i], &facts), -1);
        assert_true(facts.has_cert && facts.used_cert);
        assert_int_equal(shake(&rig, "required.test", NULL, versions[i], &facts),
                         is_13 ? SSL_AD_CERTIFICATE_REQUIRED : SSL_AD_HANDSHAKE_FAILURE);
        // An unknown authority ends it, be it optional.
        assert_int_equal(shake(&rig, "optional.test", "client2.pem", versions[i], &facts), SSL_AD_UNKNOWN_CA);
        assert_int_equal(facts.crt_error, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
        assert_int_equal(shake(&rig, "required.test", "client2.pem", versions[i], &facts), SSL_AD_UNKNOWN_CA);
        assert_int_equal(shake(&rig, "required.test", "client-expired.pem", versions[i], &facts),
                         SSL_AD_CERTIFICATE_EXPIRED);
        assert_int_equal(facts.crt_error, X509_V_ERR_CERT_HAS_EXPIRED);
        assert_int_equal(facts.ca_error, 0);
        // A server's certificate is none for clients.
        assert_int_equal(shake(&rig, "required.test", "a.pem", versions[i], &facts), SSL_AD_UNSUPPORTED_CERTIFICATE);
        assert_int_equal(facts.crt_error, X509_V_ERR_INVALID_PURPOSE);
        assert_int_equal(shake(&rig, "required.test", "client-revoked.pem", versions[i], &facts), -1);
    }
    rig_fini(&rig);
}

static void test_revocation(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    struct tls_conf conf = *required(&rig);
    conf.crl_file = arena_str(&rig.arena, cert_path("crl.pem"));
    struct tls_conf ignoring = conf;
    ignoring.crt_ignore = bit(X509_V_ERR_CERT_REVOKED);
    rig_entry(&rig, "a.pem", &conf, NULL);
    rig_entry(&rig, "a.pem", &ignoring, "ignoring.test");
    assert_true(rig_bind(&rig));
    struct tls_facts facts;
    assert_int_equal(shake(&rig, "a.test", "client.pem", TLS1_3_VERSION, &facts), -1);
    assert_int_equal(shake(&rig, "a.test", "client-revoked.pem", TLS1_3_VERSION, &facts), SSL_AD_CERTIFICATE_REVOKED);
    assert_int_equal(facts.crt_error, X509_V_ERR_CERT_REVOKED);
    assert_int_equal(shake(&rig, "ignoring.test", "client-revoked.pem", TLS1_3_VERSION, &facts), -1);
    assert_int_equal(facts.crt_error, X509_V_ERR_CERT_REVOKED);
    assert_int_equal(facts.verify, X509_V_ERR_CERT_REVOKED);
    rig_fini(&rig);
}

static void test_ignored_errors(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    struct tls_conf expired = *required(&rig), all = expired, other = expired;
    expired.crt_ignore = bit(X509_V_ERR_CERT_HAS_EXPIRED);
    memset(&all.crt_ignore, 0xff, sizeof(all.crt_ignore));
    memset(&all.ca_ignore, 0xff, sizeof(all.ca_ignore));
    memset(&other.ca_ignore, 0xff, sizeof(other.ca_ignore));
    rig_entry(&rig, "a.pem", &expired, "expired.test");
    rig_entry(&rig, "a.pem", &all, "all.test");
    rig_entry(&rig, "a.pem", &other, "other.test");
    assert_true(rig_bind(&rig));
    struct tls_facts facts;
    assert_int_equal(shake(&rig, "expired.test", "client-expired.pem", TLS1_3_VERSION, &facts), -1);
    assert_int_equal(facts.crt_error, X509_V_ERR_CERT_HAS_EXPIRED);
    assert_true(facts.has_cert);
    assert_int_equal(shake(&rig, "expired.test", "client2.pem", TLS1_3_VERSION, &facts), SSL_AD_UNKNOWN_CA);
    assert_int_equal(shake(&rig, "all.test", "client2.pem", TLS1_3_VERSION, &facts), -1);
    assert_int_equal(facts.crt_error, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
    // What is ignored of the chain is not ignored of the certificate.
    assert_int_equal(shake(&rig, "other.test", "client2.pem", TLS1_3_VERSION, &facts), SSL_AD_UNKNOWN_CA);
    rig_fini(&rig);
}

static void test_names_sent(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    struct tls_conf both = *required(&rig);
    both.ca_verify_file = arena_str(&rig.arena, cert_path("ca2.pem"));
    rig_entry(&rig, "a.pem", &both, NULL);
    assert_true(rig_bind(&rig));
    const STACK_OF(CRYPTO_BUFFER) *names = tls_trust_names(rig.entries->trust);
    assert_int_equal(sk_CRYPTO_BUFFER_num(names), 1);
    const CRYPTO_BUFFER *name = sk_CRYPTO_BUFFER_value(names, 0);
    const uint8_t *der = CRYPTO_BUFFER_data(name);
    X509_NAME *subject = d2i_X509_NAME(NULL, &der, (long)CRYPTO_BUFFER_len(name));
    char text[64];
    assert_true(X509_NAME_get_text_by_NID(subject, NID_commonName, text, sizeof(text)) > 0);
    assert_string_equal(text, "test root");
    X509_NAME_free(subject);
    // Both are believed.
    struct tls_facts facts;
    assert_int_equal(shake(&rig, "a.test", "client.pem", TLS1_3_VERSION, &facts), -1);
    assert_int_equal(shake(&rig, "a.test", "client2.pem", TLS1_3_VERSION, &facts), -1);
    rig_fini(&rig);
}

static int asked_for; // names in the certificate request

static int on_request(SSL *ssl, void *arg)
{
    (void)arg;
    asked_for = (int)sk_X509_NAME_num(SSL_get_client_CA_list(ssl));
    return 1;
}

static void test_request(void **state)
{
    (void)state;
    static const uint16_t sha384[] = { SSL_SIGN_ECDSA_SECP384R1_SHA384, SSL_SIGN_RSA_PSS_RSAE_SHA384 };
    struct rig rig;
    rig_init(&rig);
    struct tls_conf picky = *required(&rig);
    picky.client_sigalgs = sha384;
    picky.num_client_sigalgs = 2;
    rig_entry(&rig, "a.pem", required(&rig), NULL);
    rig_entry(&rig, "a.pem", &picky, "picky.test");
    assert_true(rig_bind(&rig));
    SSL_CTX *client = client_new();
    client_cert(client, "client.pem");
    SSL_CTX_set_cert_cb(client, on_request, NULL);
    asked_for = -1;
    assert_true(pair_all(&rig, client, "a.test"));
    assert_int_equal(asked_for, 1);
    // A key on P-256 cannot sign with what this line allows.
    assert_false(pair_all(&rig, client, "picky.test"));
    SSL_CTX_free(client);
    rig_fini(&rig);
}

static SSL_SESSION *session;

static int on_session(SSL *ssl, SSL_SESSION *new_session)
{
    (void)ssl;
    SSL_SESSION_free(session);
    session = new_session;
    return 1;
}

// Offers the session of `from` to `to`, and says whether it was resumed.
static bool resumes(const struct rig *rig, const char *from, const char *to, const char *cert, uint16_t version,
                    struct tls_facts *facts)
{
    SSL_CTX *client = client_new();
    SSL_CTX_set_max_proto_version(client, version);
    SSL_CTX_set_session_cache_mode(client, SSL_SESS_CACHE_CLIENT);
    SSL_CTX_sess_set_new_cb(client, on_session);
    if (cert)
        client_cert(client, cert);
    assert_true(pair_all(rig, client, from));
    assert_non_null(session);
    struct pair pair;
    pair_begin(&pair, rig, client, to);
    SSL_set_session(pair.client, session);
    assert_true(pair_run(&pair));
    *facts = pair.server.facts;
    bool resumed = SSL_session_reused(pair.client);
    assert_int_equal(facts->resumed, resumed);
    assert_int_equal(tls_conn_cert(&pair.server, true, 0).len != 0, facts->used_cert);
    pair_fini(&pair);
    SSL_SESSION_free(session);
    session = NULL;
    SSL_CTX_free(client);
    return resumed;
}

static void test_resumption(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    struct tls_conf optional = *required(&rig), ignoring = optional, verifying = optional;
    optional.verify = TLS_VERIFY_OPTIONAL;
    memset(&ignoring.crt_ignore, 0xff, sizeof(ignoring.crt_ignore));
    verifying.ca_verify_file = arena_str(&rig.arena, cert_path("ca2.pem"));
    rig_entry(&rig, "a.pem", NULL, NULL);
    rig_entry(&rig, "a.pem", required(&rig), "required.test");
    rig_entry(&rig, "a.pem", &optional, "optional.test");
    rig_entry(&rig, "a.pem", &ignoring, "ignoring.test");
    rig_entry(&rig, "a.pem", &verifying, "verifying.test");
    rig_entry(&rig, "server.pem", NULL, "server.test");
    assert_true(rig_bind(&rig));
    struct tls_facts facts;
    static const char *const names[] = { "a.test", "required.test", "optional.test", "verifying.test", "server.test" };
    for (size_t v = 0; v < 2; v++) {
        for (size_t from = 0; from < NUM_ITEMS(names); from++)
            for (size_t to = 0; to < NUM_ITEMS(names); to++)
                if (resumes(&rig, names[from], names[to], "client.pem", versions[v], &facts) != (from == to))
                    fail_msg("a session of %s %s at %s", names[from], from == to ? "is none" : "is one", names[to]);
        assert_true(resumes(&rig, "required.test", "required.test", "client.pem", versions[v], &facts));
        assert_true(facts.used_cert);
        assert_false(facts.has_cert);
        assert_int_equal(facts.verify, 0);
        assert_true(resumes(&rig, "ignoring.test", "ignoring.test", "client-expired.pem", versions[v], &facts));
        assert_int_equal(facts.crt_error, X509_V_ERR_CERT_HAS_EXPIRED);
        assert_true(resumes(&rig, "a.test", "a.test", NULL, versions[v], &facts));
        assert_false(facts.used_cert);
    }
    rig_fini(&rig);
}

static void test_trust_is_its_contents(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    uint8_t digests[5][32];
    const char *both = arena_printf(&rig.arena, "%s", cert_path("ca.pem"));
    const char *other = arena_str(&rig.arena, cert_path("ca2.pem"));
    const char *crl = arena_str(&rig.arena, cert_path("crl.pem"));
    const struct tls_conf confs[] = {
        { .ca_file = both },
        { .ca_file = both, .ca_verify_file = other },
        { .ca_file = other, .ca_verify_file = both },
        { .ca_file = both, .crl_file = crl },
        { .ca_file = other },
    };
    const struct tls_trust *first = NULL;
    for (size_t i = 0; i < NUM_ITEMS(confs); i++) {
        const struct tls_trust *trust = tls_trust_load(&rig.config, &confs[i], NULL, (struct config_place){ 0 });
        assert_non_null(trust);
        first = first ? first : trust;
        assert_ptr_equal(tls_trust_load(&rig.config, &confs[i], NULL, (struct config_place){ 0 }), trust);
        tls_trust_digest(trust, digests[i]);
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(digests[i], digests[j], 32);
    }
    // Two files joined, in either order and with one twice, are one and the same.
    const char *parts[][3] = { { both, other, NULL }, { other, both, other } };
    uint8_t joined[2][32];
    for (size_t i = 0; i < 2; i++) {
        char path[] = "/tmp/trust.XXXXXX", command[2048];
        int file = mkstemp(path);
        assert_true(file >= 0);
        close(file);
        snprintf(command, sizeof(command), "cat %s %s %s >%s", parts[i][0], parts[i][1], parts[i][2] ? parts[i][2] : "",
                 path);
        assert_int_equal(system(command), 0);
        struct tls_conf conf = { .ca_file = path };
        const struct tls_trust *trust = tls_trust_load(&rig.config, &conf, NULL, (struct config_place){ 0 });
        assert_non_null(trust);
        assert_int_equal(sk_CRYPTO_BUFFER_num(tls_trust_names(trust)), 2);
        tls_trust_digest(trust, joined[i]);
        unlink(path);
    }
    assert_memory_equal(joined[0], joined[1], 32);
    rig_fini(&rig);
}

static void test_trust_from_elsewhere(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    // A base, and a file of the kind that is not looked for.
    char base[512];
    snprintf(base, sizeof(base), "%s", cert_path("ca.pem"));
    *strrchr(base, '/') = '\0';
    struct tls_conf relative = { .ca_file = "ca.pem" }, none = { .ca_file = "ca.key" };
    struct tls_conf no_crl = { .ca_file = "ca.pem", .crl_file = "ca.pem" };
    assert_non_null(tls_trust_load(&rig.config, &relative, base, (struct config_place){ 0 }));
    assert_null(tls_trust_load(&rig.config, &none, base, (struct config_place){ 0 }));
    assert_true(rig_message(&rig, "it holds no certificate"));
    assert_null(tls_trust_load(&rig.config, &no_crl, base, (struct config_place){ 0 }));
    assert_true(rig_message(&rig, "it holds no revocation list"));
    // A directory: what ends in .pem, .crt, .cer or .crl.
    struct tls_conf folder = { .ca_file = base };
    const struct tls_trust *trust = tls_trust_load(&rig.config, &folder, NULL, (struct config_place){ 0 });
    assert_non_null(trust);
    assert_true(sk_CRYPTO_BUFFER_num(tls_trust_names(trust)) > 5);
    rig_fini(&rig);
}

static void test_error_names(void **state)
{
    (void)state;
    assert_string_equal(tls_verify_error_name(0), "X509_V_OK");
    assert_string_equal(tls_verify_error_name(10), "X509_V_ERR_CERT_HAS_EXPIRED");
    assert_string_equal(tls_verify_error_text(10), "certificate has expired");
    assert_null(tls_verify_error_name(119));
    assert_int_equal(tls_verify_error_code(SLICE("X509_V_ERR_CERT_REVOKED")), 23);
    assert_int_equal(tls_verify_error_code(SLICE("X509_V_ERR_CERT_REVOKE")), -1);
    assert_int_equal(tls_verify_error_code(SLICE("")), -1);
    for (int code = 0; code < TLS_ERRORS_MAX; code++) {
        const char *name = tls_verify_error_name(code);
        if (name)
            assert_int_equal(tls_verify_error_code(slice_str(name)), code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_revocation),
        cmocka_unit_test(test_ignored_errors),
        cmocka_unit_test(test_names_sent),
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_resumption),
        cmocka_unit_test(test_trust_is_its_contents),
        cmocka_unit_test(test_trust_from_elsewhere),
        cmocka_unit_test(test_error_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
