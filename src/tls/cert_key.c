// SPDX-License-Identifier: Apache-2.0
// Private keys: PKCS #8 (RFC 5958), and the older forms for RSA (RFC 8017) and elliptic curves (RFC 5915).
#include <openssl/bytestring.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/rsa.h>
#include "cert_inner.h"

static EVP_PKEY *parse_rsa(CBS *cbs)
{
    RSA *rsa = RSA_parse_private_key(cbs);
    EVP_PKEY *key = rsa ? EVP_PKEY_new() : NULL;
    if (key && EVP_PKEY_assign_RSA(key, rsa))
        return key;
    EVP_PKEY_free(key);
    RSA_free(rsa);
    return NULL;
}

static EVP_PKEY *parse_ec(CBS *cbs)
{
    EC_KEY *ec = EC_KEY_parse_private_key(cbs, NULL);
    EVP_PKEY *key = ec ? EVP_PKEY_new() : NULL;
    if (key && EVP_PKEY_assign_EC_KEY(key, ec))
        return key;
    EVP_PKEY_free(key);
    EC_KEY_free(ec);
    return NULL;
}

EVP_PKEY *cert_key_parse(const struct cert_pem_block *block, const char **error)
{
    EVP_PKEY *key = NULL;
    CBS cbs;
    CBS_init(&cbs, block->der, block->der_len);
    *error = NULL;
    if (!slice_ends(block->label, SLICE("PRIVATE KEY")))
        return NULL;
    if (block->encrypted || slice_equal(block->label, SLICE("ENCRYPTED PRIVATE KEY"))) {
        *error = "it is encrypted, and nobody is there to be asked for its passphrase: decrypt it with 'openssl pkey'";
        return NULL;
    }
    if (slice_equal(block->label, SLICE("DSA PRIVATE KEY"))) {
        *error = "it is a DSA key, which no client accepts any more";
        return NULL;
    }
    ERR_clear_error();
    if (slice_equal(block->label, SLICE("PRIVATE KEY")))
        key = EVP_parse_private_key(&cbs);
    else if (slice_equal(block->label, SLICE("RSA PRIVATE KEY")))
        key = parse_rsa(&cbs);
    else if (slice_equal(block->label, SLICE("EC PRIVATE KEY")))
        key = parse_ec(&cbs);
    if (!key) {
        const char *reason = ERR_reason_error_string(ERR_peek_last_error());
        *error = reason ? reason : "it is malformed, or of a kind that is not supported";
        ERR_clear_error();
    }
    return key;
}

static uint16_t curve_number(int nid)
{
    switch (nid) {
    case NID_X9_62_prime256v1:
        return 23;
    case NID_secp384r1:
        return 24;
    case NID_secp521r1:
        return 25;
    default:
        return 0;
    }
}

const char *cert_key_describe(struct tls_cert *cert)
{
    switch (EVP_PKEY_id(cert->key)) {
    case EVP_PKEY_RSA:
        cert->key_type = TLS_KEY_RSA;
        // Below 1024 bits no signature of TLS 1.3 fits, and anybody can factor it.
        return EVP_PKEY_bits(cert->key) >= 1024 ? NULL : "an RSA key of less than 1024 bits is not secure";
    case EVP_PKEY_EC:
        cert->key_type = TLS_KEY_ECDSA;
        cert->key_curve = curve_number(EC_GROUP_get_curve_name(EC_KEY_get0_group(EVP_PKEY_get0_EC_KEY(cert->key))));
        return cert->key_curve ? NULL : "the curve of its key is none that TLS 1.3 knows (P-256, P-384, P-521)";
    case EVP_PKEY_ED25519:
        cert->key_type = TLS_KEY_ED25519;
        return NULL;
    default:
        return "its key is neither RSA, ECDSA nor Ed25519";
    }
}
