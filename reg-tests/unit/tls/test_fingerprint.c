// SPDX-License-Identifier: Apache-2.0
// Fingerprints against the examples that their authors give.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/check.h"
#include "tls/fingerprint.h"

// A hello in words: numbers in hex with commas between, formats and names of protocols as bytes.
struct words {
    uint16_t version;
    const char *ciphers;
    const char *extensions;
    const char *groups;
    const char *formats;
    const char *sigalgs;
    const char *alpn; // the first one alone
    size_t alpn_len;
    const char *versions;
};

static uint16_t put(uint8_t **at, const char *text, int bytes)
{
    uint16_t len = 0;
    char *end = (char *)text;
    while (text && *end) {
        unsigned long number = strtoul(end, &end, 16);
        for (int i = bytes; i--; len++)
            *(*at)++ = (uint8_t)(number >> 8 * i);
        end += *end == ',';
    }
    return len;
}

static struct tls_hello *make(const struct words *words)
{
    struct tls_hello *hello = calloc(1, sizeof(*hello) + 1024);
    uint8_t *at = hello->data;
    hello->version = words->version;
    hello->ciphers_len = put(&at, words->ciphers, 2);
    hello->extensions_len = put(&at, words->extensions, 2);
    hello->groups_len = put(&at, words->groups, 2);
    hello->formats_len = put(&at, words->formats, 1);
    hello->sigalgs_len = put(&at, words->sigalgs, 2);
    if (words->alpn) {
        size_t len = words->alpn_len ? words->alpn_len : strlen(words->alpn);
        hello->alpn_len = (uint16_t)(len + 1);
        *at++ = (uint8_t)len;
        memcpy(at, words->alpn, len);
        at += len;
    }
    hello->versions_len = put(&at, words->versions, 2);
    return hello;
}

static void expect_ja3(const struct words *words, const char *text, const char *hash)
{
    struct tls_hello *hello = make(words);
    char got[512];
    size_t len = tls_ja3_text(got, sizeof(got), hello);
    assert_int_equal(len, strlen(text));
    assert_memory_equal(got, text, len);
    assert_int_equal(tls_ja3_text(got, len, hello), len);
    assert_int_equal(tls_ja3_text(got, len - 1, hello), 0);
    tls_ja3(got, hello);
    assert_memory_equal(got, hash, TLS_JA3_LEN);
    free(hello);
}

// The two examples of its description, and the second with GREASE everywhere.
static void test_ja3(void **state)
{
    (void)state;
    struct words words = { .version = 769,
                           .ciphers = "2f,35,5,a,c009,c00a,c013,c014,32,38,13,4",
                           .extensions = "0,a,b",
                           .groups = "17,18,19",
                           .formats = "0" };
    static const char text[] = "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0";
    expect_ja3(&words, text, "ada70206e40642a3e4461f35503241d5");
    words.ciphers = "0a0a,2f,35,5,a,c009,c00a,c013,c014,32,38,13,4,fafa";
    words.extensions = "1a1a,0,a,b,2a2a";
    words.groups = "3a3a,17,18,19";
    expect_ja3(&words, text, "ada70206e40642a3e4461f35503241d5");
    words = (struct words){ .version = 769, .ciphers = "4,5,a,9,64,62,3,6,13,12,63" };
    expect_ja3(&words, "769,4-5-10-9-100-98-3-6-19-18-99,,,", "de350869b8c85de67a350c8d186f11e6");
}

static void expect_ja4(const struct words *words, const char *wanted)
{
    struct tls_hello *hello = make(words);
    char got[TLS_JA4_LEN];
    tls_ja4(got, hello);
    if (memcmp(got, wanted, TLS_JA4_LEN) != 0)
        fail_msg("%.*s where %s was expected", TLS_JA4_LEN, got, wanted);
    free(hello);
}

static struct words browser(void)
{
    return (struct words){
        .version = 0x0303,
        .ciphers = "caca,1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035",
        .extensions = "7a7a,001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,0015,eaea",
        .sigalgs = "0403,0804,0401,0503,0805,0501,0806,0601",
        .alpn = "h2",
        .versions = "8a8a,0304,0303",
    };
}

// The examples of its description.
static void test_ja4(void **state)
{
    (void)state;
    struct words words = browser();
    expect_ja4(&words, "t13d1516h2_8daaf6152771_e5627efa2ab1");
    words.sigalgs = NULL;
    expect_ja4(&words, "t13d1516h2_8daaf6152771_6d807ffa2a79");
    words.alpn = "http/1.1";
    words.versions = NULL;
    expect_ja4(&words, "t12d1516h1_8daaf6152771_6d807ffa2a79");
    words = (struct words){ .version = 0x0301 };
    expect_ja4(&words, "t10i000000_000000000000_000000000000");
    words = (struct words){ .version = 0x1234, .ciphers = "1301", .extensions = "7a7a" };
    expect_ja4(&words, "t00i010000_0f2cb44170f4_000000000000");
}

static void test_ja4_alpn(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t len;
        const char *wanted;
    } cases[] = {
        { "\xab", 1, "ab" },
        { "\xab\xcd", 2, "ad" },
        { "0\xab", 2, "3b" },
        { "01\xab\xcd", 4, "3d" },
        { "0\xab\xcd"
          "1",
          4, "01" },
        { "x", 1, "xx" },
        { "\x1a\x1a", 2, "1a" },
    };
    for (size_t i = 0; i < NUM_ITEMS(cases); i++) {
        struct words words = browser();
        char wanted[TLS_JA4_LEN + 1];
        words.alpn = cases[i].name;
        words.alpn_len = cases[i].len;
        snprintf(wanted, sizeof(wanted), "t13d1516%s_8daaf6152771_e5627efa2ab1", cases[i].wanted);
        expect_ja4(&words, wanted);
    }
}

static void test_cipher_names(void **state)
{
    (void)state;
    assert_string_equal(tls_hello_cipher_name(0x1301), "TLS_AES_128_GCM_SHA256");
    assert_string_equal(tls_hello_cipher_name(0xc02b), "ECDHE-ECDSA-AES128-GCM-SHA256");
    assert_string_equal(tls_hello_cipher_name(0x00ff), "TLS_EMPTY_RENEGOTIATION_INFO_SCSV");
    assert_null(tls_hello_cipher_name(0x0a0a));
    assert_null(tls_hello_cipher_name(0xffff));
    assert_null(tls_hello_cipher_name(0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ja3),
        cmocka_unit_test(test_ja4),
        cmocka_unit_test(test_ja4_alpn),
        cmocka_unit_test(test_cipher_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
