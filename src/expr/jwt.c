// SPDX-License-Identifier: Apache-2.0
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include "base/check.h"
#include "expr/digest.h"
#include "expr/encode.h"
#include "expr/jwt.h"

struct expr_jwt_key {
    struct expr_jwt_key *next;
    EVP_PKEY *pkey;
    char *path;
};

// A token's secret may name any of them at run time, so they are kept by name; filled at boot alone.
static struct expr_jwt_key *keys;

// The longest signature that is looked at: RSA with 8192 bits.
enum { SIGNATURE_MAX = 1024 };

static const struct expr_jwt_algorithm algorithms[] = {
    { .name = "none", .kind = EXPR_JWT_NONE },
#define FAMILY(prefix, with)                                                                                           \
    { .name = prefix "256",                                                                                            \
      .kind = with,                                                                                                    \
      .digest = "sha256",                                                                                              \
      .nid = NID_sha256,                                                                                               \
      .curve = NID_X9_62_prime256v1,                                                                                   \
      .number_bytes = 32 },                                                                                            \
        { .name = prefix "384",                                                                                        \
          .kind = with,                                                                                                \
          .digest = "sha384",                                                                                          \
          .nid = NID_sha384,                                                                                           \
          .curve = NID_secp384r1,                                                                                      \
          .number_bytes = 48 },                                                                                        \
    {                                                                                                                  \
        .name = prefix "512", .kind = with, .digest = "sha512", .nid = NID_sha512, .curve = NID_secp521r1,             \
        .number_bytes = 66                                                                                             \
    }
    FAMILY("HS", EXPR_JWT_HMAC),
    FAMILY("RS", EXPR_JWT_RSA),
    FAMILY("ES", EXPR_JWT_ECDSA),
    FAMILY("PS", EXPR_JWT_PSS),
#undef FAMILY
};

const struct expr_jwt_algorithm *expr_jwt_algorithm_find(struct slice name)
{
    for (size_t i = 0; i < NUM_ITEMS(algorithms); i++)
        if (slice_equal(name, slice_str(algorithms[i].name)))
            return &algorithms[i];
    return NULL;
}

bool expr_jwt_split(struct expr_jwt *out, struct slice token)
{
    size_t first = slice_find(token, '.');
    struct slice rest = slice_from(token, first + 1);
    size_t second = slice_find(rest, '.');
    *out = (struct expr_jwt){ .header = slice_of(token.ptr, first), .payload = slice_of(rest.ptr, second) };
    if (first == token.len)
        return false;
    out->input = slice_of(token.ptr, first + 1 + second);
    out->signature = slice_from(rest, second + 1);
    return slice_find(out->signature, '.') == out->signature.len;
}

static EVP_PKEY *read_key(BIO *bio)
{
    EVP_PKEY *pkey = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    if (pkey)
        return pkey;
    RSA *rsa = BIO_reset(bio) == 0 ? PEM_read_bio_RSAPublicKey(bio, NULL, NULL, NULL) : NULL;
    pkey = rsa ? EVP_PKEY_new() : NULL;
    if (pkey && !EVP_PKEY_set1_RSA(pkey, rsa)) {
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }
    RSA_free(rsa);
    return pkey;
}

const struct expr_jwt_key *expr_jwt_key_find(struct slice path)
{
    for (const struct expr_jwt_key *key = keys; key; key = key->next)
        if (slice_equal(path, slice_str(key->path)))
            return key;
    return NULL;
}

const struct expr_jwt_key *expr_jwt_key_load(const char *path)
{
    struct expr_jwt_key *key = (struct expr_jwt_key *)expr_jwt_key_find(slice_str(path));
    BIO *bio = BIO_new_file(path, "r");
    EVP_PKEY *pkey = bio ? read_key(bio) : NULL;
    BIO_free(bio);
    // What was tried and failed must not stand there for whoever looks at the queue next.
    ERR_clear_error();
    if (!pkey)
        return NULL;
    if (!key) {
        key = calloc(1, sizeof(*key));
        char *copy = strdup(path);
        if (!key || !copy)
            check_out_of_memory(sizeof(*key) + strlen(path));
        *key = (struct expr_jwt_key){ .next = keys, .path = copy };
        keys = key;
    }
    EVP_PKEY_free(key->pkey);
    key->pkey = pkey;
    return key;
}

static enum expr_jwt_result verify_hmac(const struct expr_digest *digest, struct slice input, struct slice signature,
                                        struct slice secret)
{
    uint8_t mac[EXPR_DIGEST_MAX];
    if (!expr_digest_hmac(mac, digest, secret, input))
        return EXPR_JWT_NO_MEMORY;
    bool ok = signature.len == digest->len && CRYPTO_memcmp(mac, signature.ptr, digest->len) == 0;
    OPENSSL_cleanse(mac, sizeof(mac));
    return ok ? EXPR_JWT_OK : EXPR_JWT_BAD_SIGNATURE;
}

// r and s stand one after the other, each as long as the curve's numbers (RFC 7518 section 3.4).
static enum expr_jwt_result verify_ecdsa(const struct expr_jwt_algorithm *algorithm, const uint8_t *hash,
                                         size_t hash_len, struct slice signature, const EC_KEY *key)
{
    size_t half = algorithm->number_bytes;
    if (!key || EC_GROUP_get_curve_name(EC_KEY_get0_group(key)) != algorithm->curve || signature.len != half * 2)
        return EXPR_JWT_INVALID_TOKEN;
    ECDSA_SIG *sig = ECDSA_SIG_new();
    const uint8_t *at = (const uint8_t *)signature.ptr;
    BIGNUM *r = BN_bin2bn(at, half, NULL), *s = BN_bin2bn(at + half, half, NULL);
    enum expr_jwt_result result = EXPR_JWT_NO_MEMORY;
    if (!sig || !r || !s || !ECDSA_SIG_set0(sig, r, s)) {
        BN_free(r);
        BN_free(s);
    } else {
        result = ECDSA_do_verify(hash, hash_len, sig, key) == 1 ? EXPR_JWT_OK : EXPR_JWT_BAD_SIGNATURE;
    }
    ECDSA_SIG_free(sig);
    return result;
}

static enum expr_jwt_result verify_key(const struct expr_jwt_algorithm *algorithm, const struct expr_digest *digest,
                                       struct slice input, struct slice signature, EVP_PKEY *pkey)
{
    uint8_t hash[EXPR_DIGEST_MAX];
    const uint8_t *sig = (const uint8_t *)signature.ptr;
    expr_digest_make(hash, digest, input);
    if (algorithm->kind == EXPR_JWT_ECDSA)
        return verify_ecdsa(algorithm, hash, digest->len, signature, EVP_PKEY_get0_EC_KEY(pkey));
    RSA *rsa = EVP_PKEY_get0_RSA(pkey);
    if (!rsa)
        return EXPR_JWT_BAD_SIGNATURE;
    bool ok;
    if (algorithm->kind == EXPR_JWT_PSS)
        // The salt is as long as the digest (RFC 7518 section 3.5).
        ok = RSA_verify_pss_mgf1(rsa, hash, digest->len, digest->evp(), digest->evp(), digest->len, sig, signature.len);
    else
        ok = RSA_verify(algorithm->nid, hash, digest->len, sig, signature.len, rsa);
    return ok ? EXPR_JWT_OK : EXPR_JWT_BAD_SIGNATURE;
}

enum expr_jwt_result expr_jwt_verify(struct slice token, const struct expr_jwt_algorithm *algorithm,
                                     struct slice secret, const struct expr_jwt_key *key)
{
    struct expr_jwt jwt;
    char bytes[SIGNATURE_MAX];
    size_t len;
    if (!expr_jwt_split(&jwt, token))
        return EXPR_JWT_INVALID_TOKEN;
    if (algorithm->kind == EXPR_JWT_NONE)
        return jwt.signature.len ? EXPR_JWT_BAD_SIGNATURE : EXPR_JWT_OK;
    if (!jwt.signature.len || expr_base64_max(jwt.signature.len) > sizeof(bytes) ||
        !expr_base64_decode(bytes, &len, jwt.signature, EXPR_BASE64_URL))
        return EXPR_JWT_INVALID_TOKEN;
    const struct expr_digest *digest = expr_digest_find(slice_str(algorithm->digest));
    must(digest);
    if (algorithm->kind == EXPR_JWT_HMAC)
        return verify_hmac(digest, jwt.input, slice_of(bytes, len), secret);
    if (!key)
        return EXPR_JWT_UNKNOWN_KEY;
    enum expr_jwt_result result = verify_key(algorithm, digest, jwt.input, slice_of(bytes, len), key->pkey);
    ERR_clear_error();
    return result;
}
