// SPDX-License-Identifier: Apache-2.0
// Certificates out of files: what is read, what lies beside, and what is said of everything that is wrong.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/pool.h>
#include <openssl/ssl.h>
#include "tls/reader.h"
#include "tls/entry.h"

static void test_one_file(void **state)
{
    (void)state;
    struct reader reader;
    reader_init(&reader);
    struct tls_cert *cert = reader_one(&reader, reader_file(&reader, "a.pem"));
    assert_int_equal(cert->key_type, TLS_KEY_ECDSA);
    assert_int_equal(cert->key_curve, 23);
    assert_int_equal(cert->num_chain, 2);
    assert_int_equal(cert->num_names, 2);
    assert_true(slice_equal(cert->names[0], SLICE("a.test")));
    assert_true(slice_equal(cert->names[1], SLICE("*.a.test")));
    assert_non_null(SSL_CTX_get0_privatekey(cert->ctx));
    assert_true(reader_one(&reader, reader_file(&reader, "a.pem")) == cert);
    struct tls_cert *rsa = reader_one(&reader, reader_file(&reader, "rsa.pem"));
    assert_int_equal(rsa->key_type, TLS_KEY_RSA);
    // One intermediate is one buffer.
    assert_true(rsa->chain[1] == cert->chain[1]);
    assert_int_equal(reader_one(&reader, reader_file(&reader, "ed25519.pem"))->key_type, TLS_KEY_ED25519);
    // As for HAProxy, what has expired is served.
    reader_one(&reader, reader_file(&reader, "expired.pem"));
    assert_int_equal(reader.diag.num_errors + reader.diag.num_warnings, 0);
    reader_fini(&reader);
}

static void test_forms(void **state)
{
    (void)state;
    struct reader reader;
    reader_init(&reader);
    reader_shell(&reader,
                 "openssl x509 -in $C/rsa.pem >only.crt; openssl pkey -in $C/rsa.pem >pkcs8.key;"
                 "openssl rsa -in pkcs8.key -traditional >old.key;"
                 "openssl pkey -in $C/a.pem | openssl ec >ec.key; openssl ecparam -name prime256v1 >ec.params;"
                 "cat pkcs8.key only.crt >first.pem; { echo words; cat only.crt old.key | sed s/$/\\\\r/; } >crlf.pem;"
                 "openssl x509 -in $C/a.pem -trustout -addtrust serverAuth >trusted;"
                 "cat ec.params trusted ec.key >ec.pem");
    assert_int_equal(reader_one(&reader, reader_path(&reader, "first.pem"))->num_chain, 1);
    assert_int_equal(reader_one(&reader, reader_path(&reader, "crlf.pem"))->key_type, TLS_KEY_RSA);
    assert_int_equal(reader_one(&reader, reader_path(&reader, "ec.pem"))->key_type, TLS_KEY_ECDSA);
    reader_fini(&reader);
}

static void test_names(void **state)
{
    (void)state;
    struct reader reader;
    reader_init(&reader);
    reader_shell(&reader, "openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-384 -subj "
                          "'/CN=Upper.Test/CN=second.test/O=x' -keyout k -out c -addext "
                          "'subjectAltName=DNS:SAN.test,DNS:second.test,IP:127.0.0.1' && cat c k >names.pem");
    struct tls_cert *cert = reader_one(&reader, reader_path(&reader, "names.pem"));
    assert_int_equal(cert->key_curve, 24);
    assert_int_equal(cert->num_names, 3);
    assert_true(slice_equal(cert->names[0], SLICE("san.test")));
    assert_true(slice_equal(cert->names[1], SLICE("second.test")));
    assert_true(slice_equal(cert->names[2], SLICE("upper.test")));
    reader_fini(&reader);
}

static void test_beside(void **state)
{
    (void)state;
    struct reader reader;
    reader_init(&reader);
    reader_shell(&reader, "openssl x509 -in $C/a.pem >x.crt; openssl pkey -in $C/a.pem >x.crt.key; cp x.crt.key x.key;"
                          "cp $C/a.ocsp x.crt.ocsp; cp x.crt y.crt; cp $C/a.ocsp y.ocsp; cp x.key y.key;"
                          "printf '\\0\\5\\0\\3abc' >x.crt.sctl; cp $C/inter.pem x.crt.issuer");
    struct tls_cert *cert = reader_one(&reader, reader_path(&reader, "x.crt"));
    assert_true(cert->ocsp.len > 0);
    assert_null(tls_cert_ocsp_check(cert));
    assert_int_equal(cert->sctl.len, 7);
    reader_refuses(&reader, reader_path(&reader, "y.crt"), "there is no '");
    reader_fini(&reader);

    reader_init(&reader);
    reader.conf.extra_del_ext = true;
    reader_shell(&reader, "openssl x509 -in $C/a.pem >y.crt; openssl pkey -in $C/a.pem >y.key; cp $C/a.ocsp y.ocsp");
    assert_true(reader_one(&reader, reader_path(&reader, "y.crt"))->ocsp.len > 0);
    reader_fini(&reader);

    reader_init(&reader);
    reader.conf.extra = 0;
    reader_shell(&reader, "cp $C/a.pem .; cp $C/a.ocsp a.pem.ocsp; cp $C/b.pem.* .; echo bad >a.pem.sctl;"
                          "openssl x509 -in $C/a.pem >x.crt; openssl pkey -in $C/a.pem >x.crt.key");
    assert_int_equal(reader_one(&reader, reader_path(&reader, "a.pem"))->ocsp.len, 0);
    reader_refuses(&reader, reader_path(&reader, "b.pem"), "No such file");
    reader_refuses(&reader, reader_path(&reader, "x.crt"), "no other file is named");
    reader_fini(&reader);
}

static void test_ocsp(void **state)
{
    (void)state;
    struct reader reader;
    reader_init(&reader);
    reader_shell(&reader, "cp $C/rsa.pem $C/a.pem .; cp $C/a.ocsp rsa.pem.ocsp; cp a.pem b.pem; echo bad >b.pem.ocsp;"
                          "cp a.pem c.pem; : >c.pem.ocsp; cp a.pem d.pem; printf '0\\003\\n\\001\\003' >d.pem.ocsp;"
                          "cp a.pem e.pem; head -c -40 $C/a.ocsp >e.pem.ocsp");
    static const struct {
        const char *name, *says;
    } wrong[] = {
        { "rsa.pem", "it is for another certificate" },
        { "b.pem", "it is no OCSP response in DER" },
        { "d.pem", "an error answer of the OCSP responder" },
        { "e.pem", "it is no OCSP response in DER" },
    };
    for (size_t i = 0; i < NUM_ITEMS(wrong); i++) {
        assert_int_equal(reader_one(&reader, reader_path(&reader, wrong[i].name))->ocsp.len, 0);
        assert_int_equal(reader.diag.num_warnings, i + 1);
        assert_non_null(strstr(reader.out.ptr, wrong[i].says));
    }
    reader_one(&reader, reader_path(&reader, "c.pem"));
    assert_int_equal(reader.diag.num_warnings, NUM_ITEMS(wrong));
    reader_fini(&reader);
}

static void test_directory(void **state)
{
    (void)state;
    struct reader reader;
    uint32_t num;
    reader_init(&reader);
    reader_shell(&reader, "mkdir -p d/sub empty; cp $C/b.pem.* $C/rsa.pem d; openssl x509 -in $C/a.pem >d/a;"
                          "openssl pkey -in $C/a.pem >d/a.key; cp $C/a.ocsp d/a.ocsp; echo x >d/.hidden;"
                          "echo x >d/sub/x; echo x >d/z.issuer");
    struct tls_cert **certs = reader_get(&reader, &num, reader_path(&reader, "d/"));
    assert_non_null(certs);
    assert_int_equal(num, 4);
    static const char *const order[] = { "d/a", "d/b.pem.ecdsa", "d/b.pem.rsa", "d/rsa.pem" };
    for (uint32_t i = 0; i < num; i++)
        assert_string_equal(certs[i]->name, reader_path(&reader, order[i]));
    assert_non_null(reader_get(&reader, &num, reader_path(&reader, "empty")));
    assert_int_equal(num, 0);
    // Each that is wrong is told.
    reader_shell(&reader, "echo x >d/1; : >d/2; ln -s nowhere d/3");
    uint32_t before = reader.diag.num_errors;
    assert_null(reader_get(&reader, &num, reader_path(&reader, "d")));
    assert_int_equal(reader.diag.num_errors, before + 3);
    reader_fini(&reader);
}

static void test_bundle(void **state)
{
    (void)state;
    struct reader reader;
    uint32_t num;
    reader_init(&reader);
    struct tls_cert **certs = reader_get(&reader, &num, reader_file(&reader, "b.pem"));
    assert_non_null(certs);
    assert_int_equal(num, 2);
    assert_int_equal(certs[0]->key_type, TLS_KEY_ECDSA);
    assert_int_equal(certs[1]->key_type, TLS_KEY_RSA);
    reader_shell(&reader, "cp $C/rsa.pem one.pem.rsa; echo x >bad.pem.rsa; cp $C/a.pem bad.pem.ecdsa; echo x >n.dsa");
    assert_string_equal(reader_one(&reader, reader_path(&reader, "one.pem"))->name,
                        reader_path(&reader, "one.pem.rsa"));
    reader_refuses(&reader, reader_path(&reader, "bad.pem"), "bad.pem.rsa': it holds no certificate");
    reader_refuses(&reader, reader_path(&reader, "n"), "No such file");
    reader_fini(&reader);
}

static void test_wrong(void **state)
{
    (void)state;
    struct reader reader;
    reader_init(&reader);
    reader_shell(&reader,
                 "X='openssl x509 -in '$C; K='openssl pkey -in '$C; : >empty.pem; echo garbage >garbage.pem;"
                 "($X/a.pem; $K/rsa.pem) >mismatch.pem; ($X/a.pem; $K/b.pem.ecdsa) >other.pem;"
                 "($X/a.pem; $K/a.pem -aes128 -passout pass:x) >encrypted.pem;"
                 "($X/rsa.pem; openssl rsa -in $C/rsa.pem -aes128 -passout pass:x -traditional) >older.pem;"
                 "$X/a.pem >keyless.pem; $K/a.pem >certless.pem; head -c 300 $C/a.pem >short.pem;"
                 "sed 's/^M/_/' $C/a.pem >digits.pem; ($X/a.pem; cat garbage.pem) >k.pem; cp garbage.pem k.pem.key;"
                 "(echo -----BEGIN CERTIFICATE-----; echo AAAA; echo -----END CERTIFICATE-----) >der.pem;"
                 "(echo -----BEGIN CERTIFICATE-----; echo -----END CERTIFICATE-----) >none.pem;"
                 "openssl ecparam -name secp256k1 -genkey >k1.key; openssl req -x509 -new -key k1.key -subj /CN=k"
                 " >k1.crt; cat k1.crt k1.key >k1.pem; cp $C/a.pem sct.pem; echo x >sct.pem.sctl;"
                 ":");
    static const struct {
        const char *name, *says;
    } wrong[] = {
        { "empty.pem", "it holds no certificate" },
        { "garbage.pem", "it holds no certificate" },
        { "mismatch.pem", "the private key does not belong to the certificate" },
        { "other.pem", "the private key does not belong to the certificate" },
        { "encrypted.pem", "it is encrypted" },
        { "older.pem", "it is encrypted" },
        { "keyless.pem", "it holds no private key" },
        { "certless.pem", "it holds no certificate" },
        { "short.pem", "a block does not end" },
        { "digits.pem", "a block is not in base64" },
        { "k.pem", "k.pem.key': it holds no private key" },
        { "der.pem", "a certificate in it is malformed" },
        { "none.pem", "a block is empty" },
        { "k1.pem", "its private key cannot be used" },
        { "sct.pem", "it is no list of SCTs" },
        { "absent.pem", "No such file" },
        { "@x/y", "there is no certificate '@x/y'" },
    };
    for (size_t i = 0; i < NUM_ITEMS(wrong); i++)
        reader_refuses(&reader, wrong[i].name[0] == '@' ? wrong[i].name : reader_path(&reader, wrong[i].name),
                       wrong[i].says);
    reader_fini(&reader);
}

static void test_chains(void **state)
{
    (void)state;
    struct reader reader;
    reader_init(&reader);
    reader_shell(&reader,
                 "mkdir ch; cp $C/inter.pem ch/1.pem; openssl x509 -in $C/a.pem >a.pem;"
                 "openssl pkey -in $C/a.pem >>a.pem; cat a.pem $C/ca.pem >root.pem; cp $C/selfsigned.pem s.pem");
    reader.conf.issuers_chain_path = reader_path(&reader, "ch");
    struct tls_cert *cert = reader_one(&reader, reader_path(&reader, "a.pem"));
    assert_true(cert->num_chain >= 2);
    assert_int_equal(reader_one(&reader, reader_path(&reader, "s.pem"))->num_chain, 1);
    assert_int_equal(reader_one(&reader, reader_path(&reader, "root.pem"))->num_chain, 2);
    reader_fini(&reader);

    reader_init(&reader);
    reader.conf.skip_self_issued = true;
    reader_shell(&reader, "openssl x509 -in $C/a.pem >a.pem; openssl pkey -in $C/a.pem >>a.pem; cat $C/ca.pem >>a.pem");
    assert_int_equal(reader_one(&reader, reader_path(&reader, "a.pem"))->num_chain, 1);
    // A certificate that signed itself is sent all the same.
    assert_int_equal(reader_one(&reader, reader_file(&reader, "selfsigned.pem"))->num_chain, 1);
    reader_fini(&reader);
}

static void test_defined(void **state)
{
    (void)state;
    struct reader reader;
    reader_init(&reader);
    reader_shell(&reader, "openssl x509 -in $C/a.pem >a.crt; openssl pkey -in $C/a.pem >k; echo bad >a.crt.sctl");
    const struct config_place place = { .file = "test.cfg", .line = 9 };
    struct tls_cert_files files = { .crt = reader_path(&reader, "a.crt"), .key = reader_path(&reader, "k") };
    assert_true(tls_store_define(reader.store, "@web/one", &files, place));
    assert_false(tls_store_define(reader.store, "@web/one", &files, place));
    assert_string_equal(reader_one(&reader, "@web/one")->name, "@web/one");
    files.key = reader_file(&reader, "rsa.pem");
    assert_true(tls_store_define(reader.store, "@/two", &files, place));
    reader_refuses(&reader, "@/two", "does not belong");
    // The key that is named beats the one in the certificate's file.
    files = (struct tls_cert_files){ .crt = reader_file(&reader, "a.pem"), .key = reader_file(&reader, "rsa.pem") };
    assert_true(tls_store_define(reader.store, "@/three", &files, place));
    reader_refuses(&reader, "@/three", "does not belong");
    reader_fini(&reader);
}

static bool list(struct reader *reader, struct tls_entry **entries, const char *text)
{
    const struct config_place place = { .file = "test.cfg", .line = 1 };
    const char *path = reader_write(reader, "list", text, strlen(text));
    *entries = NULL;
    bool ok = tls_crt_list_read(&reader->config, entries, reader->store, path, place);
    text_fini(&reader->out);
    config_diag_write(&reader->diag, &reader->out, CONFIG_DIAG);
    return ok;
}

static void test_list(void **state)
{
    (void)state;
    struct reader reader;
    struct tls_entry *entries;
    reader_init(&reader);
    reader_shell(&reader, "cp $C/a.pem $C/rsa.pem $C/b.pem.* .; openssl x509 -in $C/a.pem >only.crt");
    reader.conf.crt_base = reader.conf.key_base = reader.dir;
    assert_true(list(&reader, &entries,
                     "# a comment\n\n \t# another\r\n"
                     "a.pem\n\ta.pem[ocsp-update off]*.X.Test !y.x.test *\r\n"
                     "b.pem [ ] b.test\nonly.crt [key a.pem]\n"));
    const struct tls_entry *it = entries;
    assert_int_equal(it->num_filters, 0);
    assert_false(it->is_default);
    assert_int_equal(it->conf.place.line, 4);
    it = it->next;
    assert_int_equal(it->num_filters, 3);
    assert_string_equal(it->filters[0], "*.x.test");
    assert_string_equal(it->filters[1], "!y.x.test");
    assert_true(it->is_default && it->cert == entries->cert);
    it = it->next;
    assert_int_equal(it->cert->key_type, TLS_KEY_ECDSA);
    assert_int_equal(it->next->cert->key_type, TLS_KEY_RSA);
    assert_string_equal(it->next->filters[0], "b.test");
    assert_int_equal(it->next->next->cert->key_type, TLS_KEY_ECDSA);
    assert_null(it->next->next->next);

    static const struct {
        const char *text, *says;
    } wrong[] = {
        { "a.pem", "list:1: missing line feed" },
        { "[key x] a.pem\n", "list:1:1: a line begins with the name" },
        { "a.pem x [key y]\n", "list:1:9: options must stand before" },
        { "a.pem [key y\n", "list:1:13: the list of options is not closed" },
        { "a.pem x]\n", "list:1:8: ']' without" },
        { "a.pem [key [y]\n", "list:1:12: '[' within brackets" },
        { "a.pem [] []\n", "list:1:10: a line has one list" },
        { "\n\na.pem [bogus]\n", "list:3:8: unknown option 'bogus' of 'a.pem'" },
        { "a.pem [ocsp-update on]\n", "does not fetch OCSP responses" },
        { "a.pem [ocsp-update maybe]\n", "unknown state 'maybe'" },
        { "x.pem\ny.pem y.test\n", "list:2:1: '" },
        { "only.crt [key rsa.pem]\n", "is used with other files at line 7" },
    };
    for (size_t i = 0; i < NUM_ITEMS(wrong); i++) {
        if (list(&reader, &entries, wrong[i].text) || !strstr(reader.out.ptr, wrong[i].says))
            fail_msg("%s: %s", wrong[i].text, reader.out.ptr);
    }
    reader_fini(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_file), cmocka_unit_test(test_forms), cmocka_unit_test(test_names),
        cmocka_unit_test(test_beside),   cmocka_unit_test(test_ocsp),  cmocka_unit_test(test_directory),
        cmocka_unit_test(test_bundle),   cmocka_unit_test(test_wrong), cmocka_unit_test(test_chains),
        cmocka_unit_test(test_defined),  cmocka_unit_test(test_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
