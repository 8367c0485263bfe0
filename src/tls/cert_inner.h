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

// cert_read_text reads the PEM text of a chain and its key, or of a key alone; reader->cert has room for 100
// certificates. False after reporting what is wrong; nothing may be in it.
bool cert_read_text(struct cert_reader *reader, const char *path, struct slice text, bool is_key);

// cert_extras_read reads the OCSP response and the SCTs of a certificate whose chain is there.
bool cert_extras_read(struct cert_reader *reader, const struct tls_cert_files *files);

// cert_context_make makes cert->ctx. False after reporting.
bool cert_context_make(struct cert_reader *reader, const char *path);

// cert_compression_add has `ctx` send its chain compressed to clients that know zlib (RFC 8879).
bool cert_compression_add(struct ssl_ctx_st *ctx);

// cert_ocsp_is_response says whether `der` has the outer form of an OCSP response, whatever it answers. RFC 6960,
// section 4.2.1.
bool cert_ocsp_is_response(struct slice der);

// The serial numbers that a response answers for; they are lent by it.
struct cert_ocsp_serials {
    CBS serials[8];
    uint32_t num;
    bool any; // there are more, or it says nothing that can be read: each certificate has to be looked at
};
void cert_ocsp_serials_read(struct cert_ocsp_serials *out, struct slice der);

// cert_ocsp_serials_hold says whether the response may be for `cert`: a look at the first bytes of the certificate that
// spares all the others of ten thousand a check.
bool cert_ocsp_serials_hold(const struct cert_ocsp_serials *serials, const struct tls_cert *cert);

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
    struct store_item **items;          // by name, hashed
    uint32_t num_items;
    uint32_t cap_items;        // a power of two
    struct cert_chain *chains; // of issuers-chain-path
    bool chains_read;
    bool is_closed;         // no file is read any more
    struct tls_bind *binds; // those that were built with it, and
    struct tls_target *targets;
    struct tls_crt_list *lists; // crt-lists and directories, in the order they were read
};

// A name and the certificate behind it.
struct store_item {
    const char *name;
    struct tls_cert_files files;
    struct config_place place;
    struct tls_cert *cert; // NULL: not read yet, or wrong, or empty
    bool explicit_files;
    bool failed;  // it was reported
    bool is_heap; // made at run time: freed when it is deleted
};

// cert_store_find gives the item of that very name, NULL for none.
struct store_item *cert_store_find(const struct tls_store *store, const char *name);

// cert_store_enter makes an item at run time; there is none of that name.
struct store_item *cert_store_enter(struct tls_store *store, const char *name);

// cert_store_remove forgets an item; nobody uses it.
void cert_store_remove(struct tls_store *store, struct store_item *item);

// cert_store_live gives the store of this process, the latest that was made; NULL for none.
struct tls_store *cert_store_live(void);

// cert_chain_complete appends to a certificate without a chain the one that issuers-chain-path has for it.
bool cert_chain_complete(struct cert_reader *reader);
void cert_chains_free(struct tls_store *store);

// cert_store_get is tls_store_get for a name whose other files may be named too (a line of a crt-list).
struct tls_cert **cert_store_get(struct tls_store *store, uint32_t *num, const char *name,
                                 const struct tls_cert_files *files, struct config_place place);

// A crt-list, or a directory of certificates, as commands see it: lines whose entries stand in binds (tls/entry.h).
struct tls_crt_line {
    struct tls_crt_line *next;
    uint32_t number;  // in its file; 0 in a directory
    const char *name; // of its certificate
    const char *rest; // options in brackets and filters, as they stood there, one blank between
    char text[];
};

struct tls_crt_list {
    struct tls_crt_list *next;
    struct tls_crt_line *lines;
    struct tls_crt_line **last;
    struct tls_crt_line *latest; // the first of the number that was looked up, or added; NULL: none
    uint32_t last_number;
    bool is_directory;
    char name[];
};

// crt_list_find gives the list of that name, NULL for none.
struct tls_crt_list *crt_list_find(const struct tls_store *store, const char *name);

// crt_list_enter makes one; NULL where it is there already.
struct tls_crt_list *crt_list_enter(struct tls_store *store, const char *name, bool is_directory);
void crt_lists_free(struct tls_store *store);

// crt_list_add appends a line. crt_list_at gives that of a number and a certificate, as which a line that names a
// bundle stands for several; crt_list_of the first of a certificate; NULL for none. crt_list_cut removes one.
struct tls_crt_line *crt_list_add(struct tls_crt_list *list, uint32_t number, struct slice name, struct slice rest);
struct tls_crt_line *crt_list_at(struct tls_crt_list *list, uint32_t number, const char *name);
struct tls_crt_line *crt_list_of(const struct tls_crt_list *list, const char *name);
void crt_list_cut(struct tls_crt_list *list, struct tls_crt_line *line);

// crt_list_line_read makes the entries of line number place.line of `list`, `text`, at `*end`, which moves on, and
// enters the line where it is not there yet. False after reporting.
struct tls_entry;
bool crt_list_line_read(struct config *config, struct tls_entry ***end, struct tls_store *store,
                        struct tls_crt_list *list, struct config_place place, struct slice text);

// cert_beside gives the name of the file with the extension `ext` beside `path`.
const char *cert_beside(const struct tls_store *store, const char *path, const char *ext);
