// SPDX-License-Identifier: Apache-2.0
// Words of TLS: what they leave in struct tls_conf, what is warned of, what is refused; policies and how they merge.
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/ssl.h>
#include "base/check.h"
#include "config/line.h"
#include "tls/conf.h"

// One reading; what it says is one text.
struct reading {
    struct arena arena;
    struct config_diag diag;
    struct config config;
    struct config_arg arg;
    struct config_line line;
    struct text out;
    struct tls_conf conf;
};

static void reading_begin(struct reading *reading, const char *word)
{
    *reading = (struct reading){ .arg = { .str = word, .len = (uint32_t)strlen(word), .column = 1 } };
    arena_init(&reading->arena);
    config_diag_init(&reading->diag, &reading->arena);
    config_init(&reading->config, &reading->arena, &reading->diag, NULL);
    reading->line = (struct config_line){ .place = { .file = "test", .line = 1, .column = 1, .text = word },
                                          .args = &reading->arg,
                                          .num_args = 1 };
}

static void reading_end(struct reading *reading)
{
    text_fini(&reading->out);
    config_fini(&reading->config);
    arena_fini(&reading->arena);
}

static bool says(struct reading *reading, const char *what)
{
    text_fini(&reading->out);
    text_init(&reading->out);
    config_diag_write(&reading->diag, &reading->out, CONFIG_NOTICE);
    return reading->out.ptr && strstr(reading->out.ptr, what);
}

static void expect_said(struct reading *reading, const char *what)
{
    if (!says(reading, what))
        fail_msg("'%s': '%s' is not in: %s", reading->arg.str, what, reading->out.ptr ? reading->out.ptr : "nothing");
}

// `expected` NULL: refused. `said` NULL: without a word.
static void check_ciphers(const char *word, const char *expected, const char *said)
{
    struct reading reading;
    reading_begin(&reading, word);
    bool ok = tls_conf_ciphers(&reading.config, &reading.conf, &reading.line, 0);
    assert_int_equal(ok, expected != NULL);
    if (expected)
        assert_string_equal(reading.conf.ciphers, expected);
    assert_int_equal(reading.diag.num_errors + reading.diag.num_warnings, said ? 1 : 0);
    if (said)
        expect_said(&reading, said);
    reading_end(&reading);
}

#define GCM_128 "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
#define GCM_256 "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
#define CHACHA  "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define SHA_128 "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA"
#define SHA_256 "ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA"

static void test_ciphers(void **state)
{
    (void)state;
    check_ciphers(GCM_128, GCM_128, NULL);
    // What is asked for first is preferred, whatever the library likes.
    check_ciphers("ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256",
                  "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256", NULL);
    check_ciphers("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256", NULL);
    check_ciphers("AES128-SHA AES256-SHA,AES128-SHA", "AES128-SHA:AES256-SHA", NULL);
    check_ciphers("DES-CBC3-SHA", "DES-CBC3-SHA", NULL);
    // Suites of TLS 1.3 need not be said and are no loss.
    check_ciphers("TLS_AES_128_GCM_SHA256:AES128-SHA", "AES128-SHA", NULL);
    check_ciphers("TLS_AES_128_GCM_SHA256", NULL, "no ciphers remain");
}

static void test_cipher_words(void **state)
{
    (void)state;
    check_ciphers("ECDHE+AESGCM:!aNULL:!MD5:!DSS", GCM_128 ":" GCM_256, NULL);
    check_ciphers("kEECDH+CHACHA20:EECDH+AES128+AESGCM", CHACHA ":" GCM_128, NULL);
    check_ciphers("AES128+RSA:@STRENGTH", "AES128-GCM-SHA256:AES128-SHA", NULL);
    check_ciphers("AESGCM:!kRSA:!ECDSA", "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384", NULL);
    check_ciphers("kRSA:-SHA1", "AES128-GCM-SHA256:AES256-GCM-SHA384", NULL);
    check_ciphers("kRSA:!SHA1:SHA1+ECDHE+aRSA", "AES128-GCM-SHA256:AES256-GCM-SHA384", "left out: SHA1+ECDHE+aRSA");
    check_ciphers("AES128-SHA:AES256-SHA:+AES128-SHA", "AES256-SHA:AES128-SHA", NULL);
    check_ciphers("AES128-SHA:AES256-SHA:@STRENGTH", "AES256-SHA:AES128-SHA", NULL);
    check_ciphers("HIGH:!SHA1:!kRSA:!CHACHA20", GCM_128 ":" GCM_256, NULL);
    check_ciphers("DEFAULT:!SHA1:!kRSA:!AES", CHACHA, NULL);
    check_ciphers("3DES", "DES-CBC3-SHA", NULL);
    check_ciphers("RSA+SHA1:!3DES", "AES128-SHA:AES256-SHA", NULL);
    // The client chooses within brackets.
    check_ciphers("[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]:AES128-SHA",
                  "[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]:AES128-SHA", NULL);
}

static void test_cipher_losses(void **state)
{
    (void)state;
    check_ciphers(GCM_128 ":DHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-SHA384:@SECLEVEL=1", GCM_128,
                  "left out: DHE-RSA-AES128-GCM-SHA256, ECDHE-RSA-AES256-SHA384, @SECLEVEL=1");
    check_ciphers("AES128-SHA:DHE:CAMELLIA", "AES128-SHA", "left out: DHE, CAMELLIA");
    check_ciphers("RC4-MD5:FOO", NULL, "none of these ciphers: RC4-MD5, FOO");
    // What was never there is no loss where it is taken out, unless nobody knows what was meant.
    check_ciphers("AES128-SHA:!DHE-RSA-AES128-SHA:!SRP:-PSK:!kEDH", "AES128-SHA", NULL);
    check_ciphers("AES128-SHA:!anull", "AES128-SHA", "left out: !anull");
    check_ciphers("", NULL, "no ciphers remain");
    check_ciphers("AES128-SHA:!AES128-SHA", NULL, "no ciphers remain");
    check_ciphers("::!:+:-:@", NULL, "none of these ciphers");
}

static void check_suites(const char *word, bool accepted, const char *said)
{
    struct reading reading;
    reading_begin(&reading, word);
    assert_int_equal(tls_conf_suites(&reading.config, &reading.line, 0), accepted);
    assert_int_equal(reading.diag.num_errors + reading.diag.num_warnings, said ? 1 : 0);
    if (said)
        expect_said(&reading, said);
    reading_end(&reading);
}

static void test_suites(void **state)
{
    (void)state;
    check_suites("TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256", true, NULL);
    check_suites("TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256", true, NULL);
    check_suites("TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_CCM_SHA256",
                 true, "left out: TLS_AES_128_CCM_SHA256");
    check_suites("TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256", false,
                 "TLS_AES_256_GCM_SHA384 is not in the list");
    check_suites("", false, "TLS_AES_128_GCM_SHA256 is not in the list");
}

static void check_groups(const char *word, const uint16_t *expected, uint8_t num, const char *said)
{
    struct reading reading;
    reading_begin(&reading, word);
    assert_int_equal(tls_conf_groups(&reading.config, &reading.conf, &reading.line, 0), num > 0);
    assert_int_equal(reading.conf.num_groups, num);
    if (num)
        assert_memory_equal(reading.conf.groups, expected, num * sizeof(*expected));
    assert_int_equal(reading.diag.num_errors + reading.diag.num_warnings, said ? 1 : 0);
    if (said)
        expect_said(&reading, said);
    reading_end(&reading);
}

static void test_groups(void **state)
{
    (void)state;
    const uint16_t both[] = { SSL_CURVE_X25519, SSL_CURVE_SECP256R1 };
    const uint16_t nist[] = { SSL_CURVE_SECP521R1, SSL_CURVE_SECP384R1 };
    check_groups("X25519:P-256", both, 2, NULL);
    check_groups("x25519:secp256r1:prime256v1:P-256", both, 2, NULL);
    check_groups("secp521r1:P-384", nist, 2, NULL);
    check_groups("X448:X25519:ffdhe2048:P-256", both, 2, "left out: X448, ffdhe2048");
    check_groups("brainpoolP256r1", NULL, 0, "none of these curves: brainpoolP256r1");
    check_groups("", NULL, 0, "no curves remain");
}

static void test_sigalgs(void **state)
{
    (void)state;
    const uint16_t expected[] = { SSL_SIGN_ECDSA_SECP256R1_SHA256, SSL_SIGN_RSA_PSS_RSAE_SHA256, SSL_SIGN_ED25519 };
    struct reading reading;
    const uint16_t *algs = NULL;
    uint8_t num = 0;
    reading_begin(&reading, "ECDSA+SHA256:RSA-PSS+SHA256:ecdsa_secp256r1_sha256:ed25519:ed448:RSA+SHA224");
    assert_true(tls_conf_sigalgs(&reading.config, &algs, &num, &reading.line, 0));
    assert_int_equal(num, NUM_ITEMS(expected));
    assert_memory_equal(algs, expected, sizeof(expected));
    expect_said(&reading, "left out: ed448, RSA+SHA224");
    reading_end(&reading);
    reading_begin(&reading, "DSA+SHA1");
    assert_false(tls_conf_sigalgs(&reading.config, &algs, &num, &reading.line, 0));
    reading_end(&reading);
}

static void check_alpn(const char *word, struct slice wire, bool warns)
{
    struct reading reading;
    reading_begin(&reading, word);
    assert_true(tls_conf_alpn(&reading.config, &reading.conf, &reading.line, 0));
    assert_true(slice_equal(reading.conf.alpn, wire));
    assert_non_null(reading.conf.alpn.ptr);
    assert_int_equal(reading.diag.num_warnings, warns);
    reading_end(&reading);
}

static void test_alpn(void **state)
{
    (void)state;
    check_alpn("http/1.1,http/1.0", SLICE("\x08http/1.1\x08http/1.0"), false);
    check_alpn("h2,http/1.1", SLICE("\x08http/1.1"), true);
    check_alpn("http/1.1,,", SLICE("\x08http/1.1"), false);
    check_alpn("h2", SLICE(""), true);
    struct reading reading;
    char name[300];
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    reading_begin(&reading, name);
    assert_false(tls_conf_alpn(&reading.config, &reading.conf, &reading.line, 0));
    reading_end(&reading);
}

static void test_errors(void **state)
{
    (void)state;
    struct reading reading;
    struct tls_errors errors = { { 0 } };
    reading_begin(&reading, "10,X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,94");
    assert_true(tls_conf_errors(&reading.config, &errors, &reading.line, 0));
    assert_true(tls_errors_has(&errors, 10) && tls_errors_has(&errors, 18) && tls_errors_has(&errors, 94));
    assert_false(tls_errors_has(&errors, 9) || tls_errors_has(&errors, 11) || tls_errors_has(&errors, -1));
    reading_end(&reading);
    const char *const wrong[] = { "0", "128", "-1", "expired", "10,x", "all,10", "" };
    for (size_t i = 0; i < NUM_ITEMS(wrong); i++) {
        reading_begin(&reading, wrong[i]);
        assert_false(tls_conf_errors(&reading.config, &errors, &reading.line, 0));
        reading_end(&reading);
    }
    reading_begin(&reading, "all");
    assert_true(tls_conf_errors(&reading.config, &errors, &reading.line, 0));
    assert_true(tls_errors_has(&errors, 1) && tls_errors_has(&errors, TLS_ERRORS_MAX - 1));
    reading_end(&reading);
}

static uint8_t no(uint16_t version)
{
    return (uint8_t)(1 << (version - TLS_VERSION_SSL3));
}

// min 0: refused.
static void check_settled(struct tls_conf conf, uint16_t min, uint16_t max, bool is_bind, unsigned warnings)
{
    struct reading reading;
    reading_begin(&reading, "test");
    assert_int_equal(tls_conf_settle(&reading.config, &conf, reading.line.place, "bind", is_bind), min != 0);
    if (min) {
        assert_int_equal(conf.min_version, min);
        assert_int_equal(conf.max_version, max);
        // Below TLS 1.2 there are suites that can be spoken.
        assert_int_equal(conf.ciphers && strstr(conf.ciphers, "ECDHE-RSA-AES128-SHA"), min < TLS_VERSION_12);
    }
    assert_int_equal(reading.diag.num_warnings, warnings);
    reading_end(&reading);
}

// What HAProxy makes of the same words.
static void test_versions(void **state)
{
    (void)state;
    enum { V10 = TLS_VERSION_10, V11, V12, V13 };
    check_settled((struct tls_conf){ 0 }, V12, V13, true, 0);
    check_settled((struct tls_conf){ .min_version = TLS_VERSION_SSL3 }, V10, V13, true, 0);
    check_settled((struct tls_conf){ .min_version = V10, .max_version = V10 }, V10, V10, true, 0);
    check_settled((struct tls_conf){ .max_version = V11 }, V11, V11, true, 1);
    check_settled((struct tls_conf){ .max_version = V11 }, V11, V11, false, 0);
    check_settled((struct tls_conf){ .max_version = V12 }, V12, V12, true, 0);
    check_settled((struct tls_conf){ .min_version = V13, .max_version = V12 }, 0, 0, true, 0);
    check_settled((struct tls_conf){ .min_version = TLS_VERSION_SSL3, .max_version = TLS_VERSION_SSL3 }, 0, 0, true, 0);
    check_settled((struct tls_conf){ .no_versions = no(V12) }, V13, V13, true, 0);
    check_settled((struct tls_conf){ .no_versions = no(V13) | no(V10) }, V12, V12, true, 0);
    check_settled((struct tls_conf){ .no_versions = no(V12) | no(V13) }, 0, 0, true, 0);
    check_settled((struct tls_conf){ .no_versions = no(V12), .min_version = V11 }, V11, V13, true, 1);
}

static void read_policy(struct reading *reading, const char *name)
{
    reading_begin(reading, name);
    if (!tls_conf_policy(&reading->config, &reading->conf, &reading->line, 0))
        fail_msg("%s: %s", name, says(reading, "") ? reading->out.ptr : "");
}

static void check_policy(const char *name, uint16_t min, uint16_t max, const char *ciphers, const char *said)
{
    struct reading reading;
    char full[96];
    snprintf(full, sizeof(full), "ELBSecurityPolicy-%s", name);
    read_policy(&reading, full);
    const struct tls_policy *policy = reading.conf.policy;
    assert_non_null(policy);
    assert_true(tls_conf_settle(&reading.config, &reading.conf, reading.line.place, "bind", true));
    assert_int_equal(reading.conf.min_version, min);
    assert_int_equal(reading.conf.max_version, max);
    assert_string_equal(reading.conf.ciphers, ciphers);
    assert_int_equal(reading.diag.num_warnings, said ? 1 : 0);
    if (said)
        expect_said(&reading, said);
    reading_end(&reading);
    read_policy(&reading, name);
    reading_end(&reading);
}

#define RSA_EXT1 "AES128-GCM-SHA256:AES256-GCM-SHA384"
#define RSA_EXT2 "AES128-GCM-SHA256:AES128-SHA:AES256-GCM-SHA384:AES256-SHA"
#define FS       GCM_128 ":" SHA_128 ":" GCM_256 ":ECDHE-RSA-AES256-SHA:ECDHE-ECDSA-AES256-SHA"
#define LOST_FS                                                                                                        \
    "left out: ECDHE-ECDSA-AES128-SHA256, ECDHE-RSA-AES128-SHA256, ECDHE-ECDSA-AES256-SHA384, ECDHE-RSA-AES256-SHA384"
#define LOST_RSA LOST_FS ", AES128-SHA256, AES256-SHA256"

static void test_aws(void **state)
{
    (void)state;
    enum { V10 = TLS_VERSION_10, V11, V12, V13 };
    check_policy("TLS13-1-3-2021-06", V13, V13, GCM_128 ":" GCM_256, NULL);
    check_policy("TLS13-1-2-Res-2021-06", V12, V13, GCM_128 ":" GCM_256, NULL);
    check_policy("TLS13-1-2-2021-06", V12, V13, GCM_128 ":" GCM_256, LOST_FS);
    check_policy("TLS13-1-2-Ext1-2021-06", V12, V13, GCM_128 ":" GCM_256 ":" RSA_EXT1, LOST_RSA);
    check_policy("TLS13-1-2-Ext2-2021-06", V12, V13, FS ":" RSA_EXT2, LOST_RSA);
    check_policy("TLS13-1-1-2021-06", V11, V13, FS ":" RSA_EXT2, LOST_RSA);
    check_policy("TLS13-1-0-2021-06", V10, V13, FS ":" RSA_EXT2, LOST_RSA);
    check_policy("FS-1-2-Res-2020-10", V12, V12, GCM_128 ":" GCM_256, NULL);
    check_policy("FS-1-2-Res-2019-08", V12, V12, GCM_128 ":" GCM_256, LOST_FS);
    check_policy("FS-1-2-2019-08", V12, V12, FS, LOST_FS);
    check_policy("FS-1-1-2019-08", V11, V12, FS, LOST_FS);
    check_policy("FS-2018-06", V10, V12, FS, LOST_FS);
    check_policy("TLS-1-2-Ext-2018-06", V12, V12, FS ":" RSA_EXT2, LOST_RSA);
    check_policy("TLS-1-2-2017-01", V12, V12, GCM_128 ":" GCM_256 ":" RSA_EXT1, LOST_RSA);
    check_policy("TLS-1-1-2017-01", V11, V12, FS ":" RSA_EXT2, LOST_RSA);
    check_policy("TLS-1-0-2015-04", V10, V12, FS ":" RSA_EXT2 ":DES-CBC3-SHA", LOST_RSA);
    check_policy("2016-08", V10, V12, FS ":" RSA_EXT2, LOST_RSA);
    check_policy("2015-05", V10, V12, FS ":" RSA_EXT2, LOST_RSA);
    check_policy("TLS13-1-2-Res-PQ-2025-09", V12, V13, GCM_128 ":" GCM_256, "left out: SecP256r1MLKEM768");
    check_policy("mozilla-modern", V13, V13, GCM_128 ":" GCM_256, NULL);
    check_policy("mozilla-intermediate", V12, V13, GCM_128 ":" GCM_256 ":" CHACHA,
                 "left out: DHE-RSA-AES128-GCM-SHA256, DHE-RSA-AES256-GCM-SHA384, DHE-RSA-CHACHA20-POLY1305");
}

static void test_refused_policies(void **state)
{
    (void)state;
    struct reading reading;
    reading_begin(&reading, "ELBSecurityPolicy-TLS13-1-2-FIPS-2023-04");
    assert_false(tls_conf_policy(&reading.config, &reading.conf, &reading.line, 0));
    expect_said(&reading, "TLS_CHACHA20_POLY1305_SHA256");
    reading_end(&reading);
    reading_begin(&reading, "TLS13-1-2-Ext3-2021-06");
    assert_false(tls_conf_policy(&reading.config, &reading.conf, &reading.line, 0));
    expect_said(&reading, "did you mean");
    reading_end(&reading);
}

static void test_policy_and_words(void **state)
{
    (void)state;
    struct reading reading;
    // A word beats the policy of its own place, and another place's policy beats a wider place's words.
    read_policy(&reading, "mozilla-intermediate");
    struct tls_conf narrow = reading.conf, wide = { .ciphers = "AES128-SHA", .min_version = TLS_VERSION_10 };
    narrow.max_version = TLS_VERSION_12;
    tls_conf_merge(&narrow, &wide);
    assert_int_equal(narrow.min_version, TLS_VERSION_12);
    assert_int_equal(narrow.max_version, TLS_VERSION_12);
    assert_string_equal(narrow.ciphers, GCM_128 ":" GCM_256 ":" CHACHA);
    assert_int_equal(narrow.client_ciphers, TLS_YES);
    assert_int_equal(narrow.num_groups, 3);
    // A narrower place's word beats a wider place's policy.
    struct tls_conf word = { .ciphers = "AES128-SHA", .client_ciphers = TLS_NO };
    tls_conf_merge(&word, &reading.conf);
    assert_true(tls_conf_settle(&reading.config, &word, reading.line.place, "bind", true));
    assert_string_equal(word.ciphers, "AES128-SHA");
    assert_int_equal(word.min_version, TLS_VERSION_12);
    assert_int_equal(word.max_version, TLS_VERSION_13);
    assert_int_equal(word.client_ciphers, TLS_NO);
    // A version taken out of a policy's range.
    struct tls_conf less = reading.conf;
    less.no_versions = no(TLS_VERSION_13);
    assert_true(tls_conf_settle(&reading.config, &less, reading.line.place, "bind", true));
    assert_int_equal(less.min_version, TLS_VERSION_12);
    assert_int_equal(less.max_version, TLS_VERSION_12);
    struct tls_conf none = reading.conf;
    none.no_versions = no(TLS_VERSION_13) | no(TLS_VERSION_12);
    assert_false(tls_conf_settle(&reading.config, &none, reading.line.place, "bind", true));
    reading_end(&reading);
}

static void test_merge(void **state)
{
    (void)state;
    static const uint16_t numbers[] = { 1, 2 };
    struct tls_conf wide = { .verify = TLS_VERIFY_OPTIONAL,
                             .tickets = TLS_NO,
                             .ca_file = "wide",
                             .groups = numbers,
                             .num_groups = 2,
                             .alpn = SLICE("\x01x"),
                             .ca_ignore = { { 2 } },
                             .no_versions = 4 };
    struct tls_conf conf = { .verify = TLS_VERIFY_NONE, .alpn = SLICE(""), .crt_ignore = { { 8 } }, .no_versions = 1 };
    tls_conf_merge(&conf, &wide);
    assert_int_equal(conf.verify, TLS_VERIFY_NONE);
    assert_int_equal(conf.tickets, TLS_NO);
    assert_string_equal(conf.ca_file, "wide");
    assert_int_equal(conf.num_groups, 2);
    assert_int_equal(conf.alpn.len, 0); // "none" was said
    assert_true(tls_errors_has(&conf.ca_ignore, 1));
    assert_true(tls_errors_has(&conf.crt_ignore, 3));
    assert_int_equal(conf.no_versions, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ciphers),
        cmocka_unit_test(test_cipher_words),
        cmocka_unit_test(test_cipher_losses),
        cmocka_unit_test(test_suites),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_sigalgs),
        cmocka_unit_test(test_alpn),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_aws),
        cmocka_unit_test(test_refused_policies),
        cmocka_unit_test(test_policy_and_words),
        cmocka_unit_test(test_merge),
    };
    return cmocka_run_group_tests_name("words of TLS", tests, NULL, NULL);
}
