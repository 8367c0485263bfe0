// SPDX-License-Identifier: Apache-2.0
// What the files of trust share. For src/tls/trust*.c alone.
#pragma once

#include <openssl/pool.h>
#include <openssl/stack.h>
#include <openssl/x509.h>
#include "tls/trust.h"

// What a file is named for.
enum trust_kind { TRUST_CA, TRUST_CA_VERIFY, TRUST_CRL, TRUST_NUM_FILES };

// One certificate or list of a file.
struct trust_item {
    X509 *cert; // or
    X509_CRL *crl;
    uint8_t digest[32]; // SHA-256 of its encoding
};

// What a file, or a directory, holds. A commit puts other items in; whoever names the file has them then.
struct trust_file {
    struct trust_file *next;
    const struct arena *arena; // of the configuration that it was read for; NULL: made at run time
    char *path;
    bool is_crl; // of revocation lists: certificates in it do not count
    bool is_new; // made at run time, and not filled in yet
    struct trust_item *items;
    size_t num;
    size_t cap;
};

struct tls_trust {
    struct tls_trust *next;
    const struct arena *arena; // of the configuration that it was made for
    struct trust_file *files[TRUST_NUM_FILES];
    uint32_t num_users; // entries and targets
    X509_STORE *store;
    STACK_OF(CRYPTO_BUFFER) * names;
    uint8_t digest[32];
    uint64_t version; // counts how often it was made
};

// A file while it is read.
struct trust_reader {
    struct config *config;
    struct config_place place;
    struct trust_file *file;
};

// trust_read_path reads everything in the file or directory `path` into reader->file. False after reporting.
bool trust_read_path(struct trust_reader *reader, const char *path);

// trust_read_text likewise reads the PEM text `text`; it holds at least one certificate or list.
bool trust_read_text(struct trust_reader *reader, const char *path, struct slice text);

// trust_items_free frees what `file` holds.
void trust_items_free(struct trust_file *file);

// trust_files gives all files, in the order of their names.
struct trust_file *trust_files(void);

// trust_file_find gives the file of that name, NULL for none.
struct trust_file *trust_file_find(const char *path, bool is_crl);

// trust_file_new makes an empty one at run time.
struct trust_file *trust_file_new(const char *path, bool is_crl);

// trust_file_is_used says whether an entry or a target believes in it.
bool trust_file_is_used(const struct trust_file *file);

// trust_file_remove frees a file that is not used, and what was made of it.
void trust_file_remove(struct trust_file *file);

// trust_file_changed makes what `file` is part of anew. False, and nothing is changed, where memory is exhausted.
bool trust_file_changed(const struct trust_file *file);
