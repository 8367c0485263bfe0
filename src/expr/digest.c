// SPDX-License-Identifier: Apache-2.0
#include <openssl/hmac.h>
#include <openssl/md5.h>
#include <openssl/sha.h>
#include "base/check.h"
#include "expr/digest.h"

static uint8_t *md5_sha1(const uint8_t *data, size_t len, uint8_t *out)
{
    MD5(data, len, out);
    SHA1(data, len, out + MD5_DIGEST_LENGTH);
    return out;
}

static const struct expr_digest digests[] = {
    { "md5", MD5_DIGEST_LENGTH, MD5, EVP_md5 },
    { "sha1", SHA_DIGEST_LENGTH, SHA1, EVP_sha1 },
    { "sha224", SHA224_DIGEST_LENGTH, SHA224, EVP_sha224 },
    { "sha256", SHA256_DIGEST_LENGTH, SHA256, EVP_sha256 },
    { "sha384", SHA384_DIGEST_LENGTH, SHA384, EVP_sha384 },
    { "sha512", SHA512_DIGEST_LENGTH, SHA512, EVP_sha512 },
    { "sha512-256", SHA512_256_DIGEST_LENGTH, SHA512_256, EVP_sha512_256 },
    { "md5-sha1", MD5_DIGEST_LENGTH + SHA_DIGEST_LENGTH, md5_sha1, EVP_md5_sha1 },
};

// OpenSSL's other names for them.
static const struct {
    const char *name;
    const char *of;
} others[] = {
    { "sha-1", "sha1" },
    { "sha-224", "sha224" },
    { "sha-256", "sha256" },
    { "sha-384", "sha384" },
    { "sha-512", "sha512" },
    { "sha2-224", "sha224" },
    { "sha2-256", "sha256" },
    { "sha2-384", "sha384" },
    { "sha2-512", "sha512" },
    { "sha2-512/256", "sha512-256" },
    { "sha-512/256", "sha512-256" },
    { "rsa-md5", "md5" },
    { "rsa-sha1", "sha1" },
    { "rsa-sha224", "sha224" },
    { "rsa-sha256", "sha256" },
    { "rsa-sha384", "sha384" },
    { "rsa-sha512", "sha512" },
    { "ssl3-md5", "md5" },
    { "ssl3-sha1", "sha1" },
    { "rsa-sha512/256", "sha512-256" },
};

const struct expr_digest *expr_digest_find(struct slice name)
{
    for (size_t i = 0; i < NUM_ITEMS(others); i++)
        if (slice_equal_nocase(name, slice_str(others[i].name)))
            name = slice_str(others[i].of);
    for (size_t i = 0; i < NUM_ITEMS(digests); i++)
        if (slice_equal_nocase(name, slice_str(digests[i].name)))
            return &digests[i];
    return NULL;
}

void expr_digest_make(uint8_t out[EXPR_DIGEST_MAX], const struct expr_digest *digest, struct slice data)
{
    digest->make((const uint8_t *)data.ptr, data.len, out);
}

bool expr_digest_hmac(uint8_t out[EXPR_DIGEST_MAX], const struct expr_digest *digest, struct slice key,
                      struct slice data)
{
    unsigned len;
    // A key of no bytes must not be NULL.
    const void *bytes = key.len ? key.ptr : "";
    return HMAC(digest->evp(), bytes, key.len, (const uint8_t *)data.ptr, data.len, out, &len) && len == digest->len;
}
