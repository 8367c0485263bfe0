// SPDX-License-Identifier: Apache-2.0
// What the files of trust share. For src/tls/trust*.c alone.
#pragma once

#include <openssl/pool.h>
#include <openssl/stack.h>
#include <openssl/x509.h>
#include "tls/trust.h"

// What a file is named for.
enum trust_file { TRUST_CA, TRUST_CA_VERIFY, TRUST_CRL, TRUST_NUM_FILES };

struct tls_trust {
    struct tls_trust *next;
    const struct arena *arena; // of the configuration that it was read for
    char *paths[TRUST_NUM_FILES];
    X509_STORE *store;
    STACK_OF(CRYPTO_BUFFER) * names;
    uint8_t digest[32];
};

// A trust while its files are read.
struct trust_reader {
    struct config *config;
    struct config_place place;
    struct tls_trust *trust;
    enum trust_file file;
    uint8_t (*digests)[33]; // of everything read: what it is, and its SHA-256
    size_t num;
    size_t cap;
};

// trust_read_path reads everything in the file or directory `path`. False after reporting.
bool trust_read_path(struct trust_reader *reader, const char *path);
