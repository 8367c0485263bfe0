// SPDX-License-Identifier: Apache-2.0
// What comes with a certificate reaches the clients that ask for it, though the connection began without it: the OCSP
// response, SCTs, and the compressed form of the chain.
#include "pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

// A list of one SCT of version 1 (RFC 6962 section 3.2), which nobody signed.
static const uint8_t sctl[] = "\x00\x33\x00\x31\x00"
                              "0123456789abcdef0123456789abcdef"
                              "\x00\x00\x01\x80\x00\x00\x00\x00\x00\x00\x04\x03\x00\x02xy";

static char folder[] = "/tmp/stapled.XXXXXX";

static void copy(const char *from, const char *to)
{
    char command[1200];
    snprintf(command, sizeof(command), "cp %s %s/%s", cert_path(from), folder, to);
    assert_int_equal(system(command), 0);
}

static int make_folder(void **state)
{
    (void)state;
    char path[128];
    assert_non_null(mkdtemp(folder));
    copy("a.pem", "a.pem");
    copy("a.ocsp", "a.pem.ocsp");
    copy("rsa.pem", "rsa.pem");
    snprintf(path, sizeof(path), "%s/a.pem.sctl", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(sctl, 1, sizeof(sctl) - 1, file), sizeof(sctl) - 1);
    return fclose(file);
}

static int drop_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command);
}

static void serve_folder(struct rig *rig)
{
    rig_init(rig);
    rig->global.store.extra = TLS_EXTRA_ALL;
    rig->global.cert_compression = true;
    static const char *const files[] = { "rsa.pem", "a.pem" };
    struct tls_entry **end = &rig->entries;
    for (size_t i = 0; i < NUM_ITEMS(files); i++) {
        uint32_t num = 0;
        const char *path = arena_printf(&rig->arena, "%s/%s", folder, files[i]);
        struct tls_cert **certs = tls_store_get(rig->store, &num, path, (struct config_place){ 0 });
        assert_int_equal(num, 1);
        struct tls_entry *entry = *end = arena_alloc(&rig->arena, sizeof(*entry));
        entry->cert = certs[0];
        end = &entry->next;
    }
    assert_true(rig_bind(rig));
}

static void test_stapled(void **state)
{
    (void)state;
    struct rig rig;
    serve_folder(&rig);
    for (uint16_t version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++)
        for (int asks = 0; asks < 2; asks++)
            for (int other = 0; other < 2; other++) {
                SSL_CTX *client = client_new();
                struct pair pair;
                const uint8_t *ocsp, *scts;
                size_t ocsp_len, scts_len;
                SSL_CTX_set_max_proto_version(client, version);
                if (asks) {
                    SSL_CTX_enable_ocsp_stapling(client);
                    SSL_CTX_enable_signed_cert_timestamps(client);
                }
                pair_begin(&pair, &rig, client, other ? "rsa.test" : "x.a.test");
                assert_true(pair_run(&pair));
                SSL_get0_ocsp_response(pair.client, &ocsp, &ocsp_len);
                SSL_get0_signed_cert_timestamp_list(pair.client, &scts, &scts_len);
                bool wanted = asks && !other;
                assert_int_equal(ocsp_len != 0, wanted);
                assert_int_equal(scts_len, wanted ? sizeof(sctl) - 1 : 0);
                if (wanted)
                    assert_memory_equal(scts, sctl, scts_len);
                pair_fini(&pair);
                SSL_CTX_free(client);
            }
    rig_fini(&rig);
}

static int decompressions;

static int inflate_chain(SSL *ssl, CRYPTO_BUFFER **out, size_t out_len, const uint8_t *in, size_t in_len)
{
    (void)ssl;
    uint8_t *data;
    uLongf len = out_len;
    *out = CRYPTO_BUFFER_alloc(&data, out_len);
    decompressions++;
    return *out && uncompress(data, &len, in, in_len) == Z_OK && len == out_len;
}

static void test_compressed(void **state)
{
    (void)state;
    struct rig rig;
    serve_folder(&rig);
    SSL_CTX *client = client_new();
    assert_true(SSL_CTX_add_cert_compression_alg(client, TLSEXT_cert_compression_zlib, NULL, inflate_chain));
    static const char *const names[] = { "a.test", "rsa.test" };
    for (size_t i = 0; i < 6; i++) {
        struct pair pair;
        pair_begin(&pair, &rig, client, names[i % 2]);
        assert_true(pair_run(&pair));
        assert_int_equal(decompressions, i + 1);
        struct slice leaf = tls_conn_cert(&pair.server, false, 0);
        const CRYPTO_BUFFER *got = sk_CRYPTO_BUFFER_value(SSL_get0_peer_certificates(pair.client), 0);
        assert_int_equal(CRYPTO_BUFFER_len(got), leaf.len);
        assert_memory_equal(CRYPTO_BUFFER_data(got), leaf.ptr, leaf.len);
        pair_fini(&pair);
    }
    SSL_CTX_free(client);
    rig_fini(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_stapled), cmocka_unit_test(test_compressed) };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
