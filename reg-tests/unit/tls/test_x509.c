// SPDX-License-Identifier: Apache-2.0
// What is told of a certificate, for one with all that is odd in it: several values in one set, types without a name,
// bytes that names should not hold.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/x509v3.h>
#include "base/check.h"
#include "tls/x509.h"

struct made {
    uint8_t *der;
    struct tls_x509 cert;
};

static void add(X509_NAME *name, const char *type, const char *value, int len, int set)
{
    assert_true(X509_NAME_add_entry_by_txt(name, type, MBSTRING_UTF8, (const uint8_t *)value, len, -1, set));
}

static void add_names(X509 *x509)
{
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    static const char *const texts[] = { "DNS:a.test", "IP:127.0.0.1", "URI:http://a.test/", "email:me@a.test" };
    for (size_t i = 0; i < NUM_ITEMS(texts); i++) {
        char type[8];
        size_t colon = (size_t)(strchr(texts[i], ':') - texts[i]);
        memcpy(type, texts[i], colon);
        type[colon] = 0;
        CONF_VALUE value = { .name = type, .value = (char *)texts[i] + colon + 1 };
        GENERAL_NAME *name = v2i_GENERAL_NAME(NULL, NULL, &value);
        assert_non_null(name);
        assert_true(sk_GENERAL_NAME_push(names, name));
    }
    assert_true(X509_add1_ext_i2d(x509, NID_subject_alt_name, names, 0, 0));
    GENERAL_NAMES_free(names);
}

static void make(struct made *out, X509_NAME *subject, int64_t until, bool with_names)
{
    EC_KEY *ec = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    EVP_PKEY *key = EVP_PKEY_new();
    X509 *x509 = X509_new();
    assert_true(EC_KEY_generate_key(ec) && EVP_PKEY_set1_EC_KEY(key, ec));
    X509_set_version(x509, with_names ? X509_VERSION_3 : X509_VERSION_1);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509), 0x8a0102);
    ASN1_TIME_set_posix(X509_getm_notBefore(x509), 1700000000);
    ASN1_TIME_set_posix(X509_getm_notAfter(x509), until);
    X509_set_subject_name(x509, subject);
    X509_NAME *issuer = X509_NAME_new();
    add(issuer, "C", "FR", -1, 0);
    add(issuer, "CN", "root", -1, 0);
    X509_set_issuer_name(x509, issuer);
    X509_set_pubkey(x509, key);
    if (with_names)
        add_names(x509);
    assert_true(X509_sign(x509, key, EVP_sha256()));
    out->der = NULL;
    int len = i2d_X509(x509, &out->der);
    assert_true(len > 0);
    assert_true(tls_x509_read(&out->cert, slice_of((char *)out->der, (size_t)len)));
    // Whatever is cut off or broken is read to its end at most.
    for (int cut = 0; cut < len; cut++) {
        struct tls_x509 cert;
        char *part = malloc((size_t)cut + 1);
        memcpy(part, out->der, (size_t)cut);
        assert_false(tls_x509_read(&cert, slice_of(part, (size_t)cut)));
        free(part);
    }
    X509_NAME_free(issuer);
    X509_free(x509);
    EVP_PKEY_free(key);
    EC_KEY_free(ec);
}

static void made_fini(struct made *made)
{
    OPENSSL_free(made->der);
}

static void is(struct slice got, const char *wanted)
{
    if (!slice_equal(got, slice_str(wanted)))
        fail_msg("'%.*s' where '%s' was expected", (int)got.len, got.ptr ? got.ptr : "", wanted);
}

static void is_entry(struct slice name, const char *type, int64_t nth, const char *wanted)
{
    struct slice value;
    if (tls_x509_name_entry(&value, name, slice_str(type), nth))
        is(value, wanted ? wanted : "(none)");
    else if (wanted)
        fail_msg("no %s number %d", type, (int)nth);
}

static X509_NAME *odd_name(void)
{
    X509_NAME *name = X509_NAME_new();
    add(name, "C", "FR", -1, 0);
    add(name, "OU", "first", -1, 0);
    add(name, "O", "Ex, Inc", -1, -1);
    add(name, "OU", "second", -1, 0);
    add(name, "CN", "client1 \xc3\xa9", -1, 0);
    add(name, "1.2.3.4.5", "odd", -1, 0);
    add(name, "UID", "u1", -1, 0);
    return name;
}

static void test_fields(void **state)
{
    (void)state;
    struct made made;
    X509_NAME *name = odd_name();
    char text[256];
    make(&made, name, 1800000000, true);
    assert_int_equal(made.cert.version, 3);
    is(made.cert.serial, "\x8a\x01\x02");
    is(tls_x509_algorithm(made.cert.key), "id-ecPublicKey");
    is(tls_x509_algorithm(made.cert.signed_by), "ecdsa-with-SHA256");
    is(tls_x509_time(made.cert.not_before), "231114221320Z");
    is(tls_x509_time(made.cert.not_after), "270115080000Z");
    size_t len = tls_x509_alt_names(text, sizeof(text), &made.cert);
    is(slice_of(text, len), "DNS:a.test, IP Address:127.0.0.1, URI:http://a.test/, email:me@a.test");
    assert_int_equal(tls_x509_alt_names(text, len - 1, &made.cert), 0);
    made_fini(&made);
    X509_NAME_free(name);
}

static void test_plain(void **state)
{
    (void)state;
    struct made made;
    X509_NAME *name = X509_NAME_new();
    char text[64];
    // Beyond 2049 times have four digits for the year.
    make(&made, name, 2600000000, false);
    assert_int_equal(made.cert.version, 1);
    is(tls_x509_time(made.cert.not_after), "520522141320Z");
    assert_int_equal(tls_x509_alt_names(text, sizeof(text), &made.cert), 0);
    assert_int_equal(tls_x509_name(text, sizeof(text), made.cert.subject), 0);
    assert_int_equal(tls_x509_name_rfc2253(text, sizeof(text), made.cert.subject), 0);
    is(tls_x509_time(SLICE("30000101000000Z")), "");
    is(tls_x509_algorithm(SLICE("\x2a\x03")), "");
    made_fini(&made);
    X509_NAME_free(name);
}

static void test_names(void **state)
{
    (void)state;
    struct made made;
    X509_NAME *name = odd_name();
    char text[256];
    make(&made, name, 1800000000, true);
    struct slice subject = made.cert.subject;
    size_t len = tls_x509_name(text, sizeof(text), made.cert.issuer);
    is(slice_of(text, len), "/C=FR/CN=root");
    assert_int_equal(tls_x509_name(text, len - 1, made.cert.issuer), 0);
    assert_int_equal(tls_x509_name(text, len, made.cert.issuer), len);
    // In one set values stand in the order of their encodings.
    len = tls_x509_name(text, sizeof(text), subject);
    is(slice_of(text, len), "/C=FR/OU=first/O=Ex, Inc/OU=second/CN=client1 \xc3\xa9/1.2.3.4.5=odd/UID=u1");
    len = tls_x509_name_rfc2253(text, sizeof(text), subject);
    is(slice_of(text, len), "UID=u1,1.2.3.4.5=#0C036F6464,CN=client1 \\C3\\A9,OU=second,O=Ex\\, Inc+OU=first,C=FR");
    assert_int_equal(tls_x509_name_rfc2253(text, len - 1, subject), 0);
    is_entry(subject, "CN", 1, "client1 \xc3\xa9");
    is_entry(subject, "cn", 1, "client1 \xc3\xa9");
    is_entry(subject, "OU", 1, "first");
    is_entry(subject, "OU", 2, "second");
    is_entry(subject, "OU", -1, "second");
    is_entry(subject, "OU", -2, "first");
    is_entry(subject, "OU", 3, NULL);
    is_entry(subject, "OU", -3, NULL);
    is_entry(subject, "OU", 0, NULL);
    is_entry(subject, "OU", INT64_MIN, NULL);
    is_entry(subject, "OU", INT64_MAX, NULL);
    is_entry(subject, "O", 1, "Ex, Inc");
    is_entry(subject, "1.2.3.4.5", 1, "odd");
    is_entry(subject, "L", 1, NULL);
    made_fini(&made);
    X509_NAME_free(name);
}

// A name that a zero byte would cut short for whoever reads it is none.
static void test_zero(void **state)
{
    (void)state;
    struct made made;
    X509_NAME *name = X509_NAME_new();
    char text[256];
    add(name, "O", "fine", -1, 0);
    add(name, "CN", "good.test\0.evil.test", 20, 0);
    make(&made, name, 1800000000, true);
    assert_int_equal(tls_x509_name(text, sizeof(text), made.cert.subject), 0);
    assert_int_equal(tls_x509_name_rfc2253(text, sizeof(text), made.cert.subject), 0);
    is_entry(made.cert.subject, "CN", 1, NULL);
    is_entry(made.cert.subject, "O", 1, "fine");
    made_fini(&made);
    X509_NAME_free(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
