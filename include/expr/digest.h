// SPDX-License-Identifier: Apache-2.0
// Message digests by the names that OpenSSL has for them, as far as BoringSSL has them. Private to this area; any
// process uses them. Making one allocates nothing; a HMAC allocates its state and frees it.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/slice.h"

struct env_md_st; // EVP_MD

enum { EXPR_DIGEST_MAX = 64 };

struct expr_digest {
    const char *name; // lower-case
    uint8_t len;      // of the digest
    uint8_t *(*make)(const uint8_t *data, size_t len, uint8_t *out);
    const struct env_md_st *(*evp)(void);
};

// expr_digest_find gives the digest called `name` ("sha256", "SHA2-256"), whatever its case, or NULL.
const struct expr_digest *expr_digest_find(struct slice name);

// expr_digest_make writes digest->len bytes, the digest of `data`, to `out`.
void expr_digest_make(uint8_t out[EXPR_DIGEST_MAX], const struct expr_digest *digest, struct slice data);

// expr_digest_hmac writes digest->len bytes, the HMAC (RFC 2104) of `data` under `key`, to `out`; false where memory is
// exhausted.
bool expr_digest_hmac(uint8_t out[EXPR_DIGEST_MAX], const struct expr_digest *digest, struct slice key,
                      struct slice data);
