// SPDX-License-Identifier: Apache-2.0
// What the files of certificates share: PEM blocks, the parts of a certificate that we look at, and a certificate while
// its files are read. For src/tls/{store,cert*,crt_list}.c alone.
#pragma once

#include <time.h>
#include <openssl/base.h>
#include <openssl/bytestring.h>
#include "tls/cert.h"

// A file's bytes in the crypto library's heap (tls/heap.h), for they may hold a key.
struct cert_file {
    char *data;
    size_t len;
};

// cert_file_read reads `path` whole. False with the reason in words in `*error`.
bool cert_file_read(struct cert_file *file, const char **error, const char *path);
void cert_file_fini(struct cert_file *file);

// A text of PEM blocks (RFC 7468) while it is walked.
struct cert_pem {
    struct slice rest;
    const char *error; // of the block that ended the walk; NULL: the text ended
};

// One block. `der` is the library's heap's: cert_pem_block_fini frees it.
struct cert_pem_block {
    struct slice label;
    bool encrypted; // as its headers say (RFC 1421 section 4.6.1.1)
    uint8_t *der;
    size_t der_len;
};

// cert_pem_next decodes the next block of `pem`. False at the end, and at the first that is malformed. Text between
// blocks is skipped.
bool cert_pem_next(struct cert_pem *pem, struct cert_pem_block *block);
void cert_pem_block_fini(struct cert_pem_block *block);

// The parts of a certificate that we look at (RFC 5280 section 4.1), inside of its DER.
struct cert_parts {
    CBS serial;  // content of the INTEGER
    CBS issuer;  // Name, with its header
    CBS subject; // Name, with its header
    CBS key;     // SubjectPublicKeyInfo, with its header
    CBS san;     // GeneralNames' content, empty: none
    int64_t not_before;
    int64_t not_after;
};

// cert_parts_read finds them. False where `der` is no certificate.
bool cert_parts_read(struct cert_parts *parts, const uint8_t *der, size_t len);

// cert_parts_names gives the names a certificate is found by, in lower case, in `arena`: the DNS names of its SAN, then
// the CNs of its subject that are not among them.
uint32_t cert_parts_names(const struct cert_parts *parts, struct slice **names, struct arena *arena);

// cert_time_read reads an ASN.1 time of either form in seconds since 1970; `tag` says which.
bool cert_time_read(const CBS *time, CBS_ASN1_TAG tag, int64_t *seconds);

// A certificate while its files are read.
struct cert_reader {
    struct tls_store *store;
    struct tls_cert *cert;
    struct config_place place;
    struct crypto_buffer_st *issuer; // who signed it, where a file of that is there; or NULL
    bool explicit_files;             // from a crt-store: nothing is looked for beside it
};

// cert_error reports that `path` is wrong, for `what`, and returns false. With `reason` NULL, the library's last error
// is the reason, if it has one.
bool cert_error(const struct cert_reader *reader, const char *path, const char *what, const char *reason);

// cert_key_parse makes a key of a PEM block. NULL with the reason in `*error`; with neither, the block holds no key.
struct evp_pkey_st *cert_key_parse(const struct cert_pem_block *block, const char **error);

// cert_key_describe fills in the members of `cert` that say of which kind its key is. NULL, or what is wrong with it.
const char *cert_key_describe(struct tls_cert *cert);

// cert_read reads the files of a certificate. False after reporting what is wrong.
bool cert_read(struct cert_reader *reader, const struct tls_cert_files *files);

// cert_extras_read reads the OCSP response and the SCTs of a certificate whose chain is there.
bool cert_extras_read(struct cert_reader *reader, const struct tls_cert_files *files);

// cert_context_make makes cert->ctx. False after reporting.
bool cert_context_make(struct cert_reader *reader, const char *path);

// cert_compression_add has `ctx` send its chain compressed to clients that know zlib (RFC 8879).
bool cert_compression_add(struct ssl_ctx_st *ctx);

// cert_ocsp_check is tls_cert_ocsp_check with the issuer's certificate, where that is known.
const char *cert_ocsp_check(const struct tls_cert *cert, const struct crypto_buffer_st *issuer);

// cert_sctl_is_valid says whether `list` is a list of SCTs in the form of RFC 6962 section 3.3.
bool cert_sctl_is_valid(struct slice list);

// The store, for those who read for it.
struct cert_chain;
struct tls_store {
    struct config *config;
    const struct tls_store_conf *conf;
    struct crypto_buffer_pool_st *pool; // equal certificates share one buffer
    struct tls_cert *certs;             // all that were read
    struct store_item **items;          // by name, hashed
    uint32_t num_items;
    uint32_t cap_items;        // a power of two
    struct cert_chain *chains; // of issuers-chain-path
    bool chains_read;
};

// cert_chain_complete appends to a certificate without a chain the one that issuers-chain-path has for it.
bool cert_chain_complete(struct cert_reader *reader);
void cert_chains_free(struct tls_store *store);

// cert_store_get is tls_store_get for a name whose other files may be named too (a line of a crt-list).
struct tls_cert **cert_store_get(struct tls_store *store, uint32_t *num, const char *name,
                                 const struct tls_cert_files *files, struct config_place place);

// cert_beside gives the name of the file with the extension `ext` beside `path`.
const char *cert_beside(const struct tls_store *store, const char *path, const char *ext);
