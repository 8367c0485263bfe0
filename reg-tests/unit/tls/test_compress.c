// SPDX-License-Identifier: Apache-2.0
// What is sent with a certificate, seen by a client: the chain compressed, once for all connections, and SCTs.
#include "pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <openssl/pool.h>
#include <zlib.h>

static int num_inflated;
static size_t len_deflated, len_inflated;
static uLong crc_deflated;

static int inflate_chain(SSL *ssl, CRYPTO_BUFFER **out, size_t out_len, const uint8_t *in, size_t in_len)
{
    (void)ssl;
    uint8_t *room;
    uLongf len = out_len;
    *out = CRYPTO_BUFFER_alloc(&room, out_len);
    num_inflated++;
    len_deflated = in_len;
    len_inflated = out_len;
    crc_deflated = crc32(0, in, (uInt)in_len);
    return *out && uncompress(room, &len, in, in_len) == Z_OK && len == out_len;
}

static void test_compression(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig_entry(&rig, "rsa.pem", NULL, NULL);
    rig_entry(&rig, "a.pem", NULL, NULL);
    assert_true(rig_bind(&rig));
    SSL_CTX *client = client_new();
    assert_true(SSL_CTX_add_cert_compression_alg(client, TLSEXT_cert_compression_zlib, NULL, inflate_chain));
    // Full handshakes: no session is kept by this client.
    size_t len[2];
    uLong crc[2];
    for (int round = 0; round < 3; round++) {
        static const char *const names[] = { "rsa.test", "a.test" };
        for (size_t i = 0; i < 2; i++) {
            num_inflated = 0;
            assert_true(pair_all(&rig, client, names[i]));
            assert_int_equal(num_inflated, 1);
            assert_true(len_deflated < len_inflated);
            if (round) {
                assert_int_equal(len_deflated, len[i]);
                assert_int_equal(crc_deflated, crc[i]);
            }
            len[i] = len_deflated;
            crc[i] = crc_deflated;
        }
        assert_int_not_equal(crc[0], crc[1]);
    }
    // One that wants the OCSP response and SCTs too gets another message, each in its turn.
    SSL_CTX_enable_ocsp_stapling(client);
    assert_true(pair_all(&rig, client, "a.test"));
    SSL_CTX_free(client);
    rig_fini(&rig);
}

static void test_no_compression(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig.global.store.no_compression = true;
    rig_entry(&rig, "a.pem", NULL, NULL);
    assert_true(rig_bind(&rig));
    SSL_CTX *client = client_new();
    assert_true(SSL_CTX_add_cert_compression_alg(client, TLSEXT_cert_compression_zlib, NULL, inflate_chain));
    num_inflated = 0;
    assert_true(pair_all(&rig, client, "a.test"));
    assert_int_equal(num_inflated, 0);
    SSL_CTX_free(client);
    rig_fini(&rig);
}

static void seen_by(SSL_CTX *client, const struct rig *rig, size_t *sct, size_t *ocsp)
{
    struct pair pair;
    const uint8_t *data;
    pair_begin(&pair, rig, client, "a.test");
    assert_true(pair_run(&pair));
    SSL_get0_signed_cert_timestamp_list(pair.client, &data, sct);
    SSL_get0_ocsp_response(pair.client, &data, ocsp);
    pair_fini(&pair);
}

static void test_stapled(void **state)
{
    (void)state;
    struct rig rig;
    char dir[] = "/tmp/fairlead_stapled_XXXXXX", command[512];
    assert_non_null(mkdtemp(dir));
    snprintf(command, sizeof(command), "cp '%s' %s/x && cp '%s' %s/x.ocsp && printf '\\0\\5\\0\\3abc' >%s/x.sctl",
             cert_path("a.pem"), dir, cert_path("a.ocsp"), dir, dir);
    assert_int_equal(system(command), 0);
    rig_init(&rig);
    rig.global.store.extra = TLS_EXTRA_ALL;
    uint32_t num;
    struct tls_cert **certs =
        tls_store_get(rig.store, &num, arena_printf(&rig.arena, "%s/x", dir), (struct config_place){ 0 });
    assert_non_null(certs);
    rig.entries = arena_alloc(&rig.arena, sizeof(*rig.entries));
    rig.entries->cert = certs[0];
    assert_true(rig_bind(&rig));
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        SSL_CTX *client = client_new();
        size_t sct, ocsp;
        assert_true(SSL_CTX_set_max_proto_version(client, (uint16_t)version));
        seen_by(client, &rig, &sct, &ocsp);
        assert_int_equal(sct + ocsp, 0);
        SSL_CTX_enable_signed_cert_timestamps(client);
        SSL_CTX_enable_ocsp_stapling(client);
        seen_by(client, &rig, &sct, &ocsp);
        assert_int_equal(sct, 7);
        assert_true(ocsp > 100);
        SSL_CTX_free(client);
    }
    rig_fini(&rig);
    snprintf(command, sizeof(command), "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compression),
        cmocka_unit_test(test_no_compression),
        cmocka_unit_test(test_stapled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
