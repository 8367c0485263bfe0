// SPDX-License-Identifier: Apache-2.0
// JSON Web Tokens in the compact form (RFC 7515 section 7.1): their parts, and whether their signature holds. Keys are
// read at boot and const afterwards; every process of the generation inherits them. What a token claims is not looked
// at here.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/slice.h"

struct expr_jwt_key; // a public key

// The numbers are those of the HAProxy manual, "jwt_verify".
enum expr_jwt_result {
    EXPR_JWT_BAD_SIGNATURE = 0,
    EXPR_JWT_OK = 1,
    EXPR_JWT_UNKNOWN_ALGORITHM = -1,
    EXPR_JWT_UNMANAGED_ALGORITHM = -2,
    EXPR_JWT_INVALID_TOKEN = -3,
    EXPR_JWT_NO_MEMORY = -4,
    EXPR_JWT_UNKNOWN_KEY = -5,
};

enum expr_jwt_kind { EXPR_JWT_NONE, EXPR_JWT_HMAC, EXPR_JWT_RSA, EXPR_JWT_ECDSA, EXPR_JWT_PSS };

// An algorithm of RFC 7518 section 3.1.
struct expr_jwt_algorithm {
    char name[6];
    uint8_t kind;         // enum expr_jwt_kind
    const char *digest;   // "sha256"; NULL for "none"
    int nid;              // of the digest, and
    int curve;            // of the curve that goes with it (ECDSA)
    uint8_t number_bytes; // of r and of s (ECDSA)
};

// The three parts of a token, still in base64url.
struct expr_jwt {
    struct slice header;
    struct slice payload;
    struct slice signature;
    struct slice input; // header.payload, what is signed
};

// expr_jwt_split finds the parts of `token`, any of which may be empty; false where there are not three. As for HAProxy
// the last may be missing with its dot: it is empty then.
bool expr_jwt_split(struct expr_jwt *out, struct slice token);

// expr_jwt_algorithm_find gives the algorithm called `name` ("RS256", case counts), or NULL.
const struct expr_jwt_algorithm *expr_jwt_algorithm_find(struct slice name);

// expr_jwt_key_load reads the public key in the file `path`, PEM as SubjectPublicKeyInfo ("BEGIN PUBLIC KEY") or
// PKCS#1 ("BEGIN RSA PUBLIC KEY"), and keeps it under that name. NULL where there is no such file or key. Boot only.
const struct expr_jwt_key *expr_jwt_key_load(const char *path);

// expr_jwt_key_find gives the key that was loaded from `path`, or NULL.
const struct expr_jwt_key *expr_jwt_key_find(struct slice path);

// expr_jwt_verify checks the signature of `token` by `algorithm`: with `secret` for HMAC, with `key` (may be NULL) for
// all others. Signatures are compared in constant time where a secret is involved.
enum expr_jwt_result expr_jwt_verify(struct slice token, const struct expr_jwt_algorithm *algorithm,
                                     struct slice secret, const struct expr_jwt_key *key);
