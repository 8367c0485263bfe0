// SPDX-License-Identifier: Apache-2.0
// Certificates out of files: what is read, what lies beside, and what is said of everything that is wrong.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <openssl/ssl.h>
#include "tls/entry.h"
#include "tls/reader.h"

static void test_one_file(void **state)
{
    (void)state;
    struct reader reader;
    reader_init(&reader);
    struct tls_cert *cert = reader_one(&reader, reader_file(&reader, "a.pem"));
    assert_int_equal(cert->key_type, TLS_KEY_ECDSA);
    assert_int_equal(cert->key_curve, 23);
    assert_int_equal(cert->num_chain, 2);
    assert_true(cert->num_names >= 2);
    assert_true(slice_equal(cert->names[0], SLICE("a.test")));
    assert_true(slice_equal(cert->names[1], SLICE("*.a.test")));
    assert_non_null(cert->ctx);
    assert_non_null(SSL_CTX_get0_privatekey(cert->ctx));
    assert_true(reader_one(&reader, reader_file(&reader, "a.pem")) == cert);
    assert_int_equal(reader_one(&reader, reader_file(&reader, "rsa.pem"))->key_type, TLS_KEY_RSA);
    assert_int_equal(reader_one(&reader, reader_file(&reader, "ed25519.pem"))->key_type, TLS_KEY_ED25519);
    reader_fini(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
