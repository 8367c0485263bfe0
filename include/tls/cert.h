// SPDX-License-Identifier: Apache-2.0
// Certificates: a chain, its key and what is sent with it, read once however many lines name the file. Loaded by the
// keeper while it is privileged; processes that carry traffic inherit them by fork and read no file. Keys live in
// memory that core dumps leave out (tls/heap.h) and are wiped when they are freed.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/slice.h"
#include "config/config.h"

struct ssl_ctx_st;
struct evp_pkey_st;
struct crypto_buffer_st;
struct tls_entry;

enum tls_key { TLS_KEY_RSA, TLS_KEY_ECDSA, TLS_KEY_ED25519 };

// What lies beside a certificate: `ssl-load-extra-files`.
enum {
    TLS_EXTRA_BUNDLE = 1 << 0, // .rsa .ecdsa
    TLS_EXTRA_SCTL = 1 << 1,
    TLS_EXTRA_OCSP = 1 << 2,
    TLS_EXTRA_ISSUER = 1 << 3,
    TLS_EXTRA_KEY = 1 << 4,
    TLS_EXTRA_ALL = TLS_EXTRA_BUNDLE | TLS_EXTRA_SCTL | TLS_EXTRA_OCSP | TLS_EXTRA_ISSUER | TLS_EXTRA_KEY,
};

// The files of one certificate (crt-store's load line); NULL: look beside it.
struct tls_cert_files {
    const char *crt;
    const char *key;
    const char *ocsp;
    const char *issuer;
    const char *sctl;
    const char *alias;
};

// One certificate as it was read or committed: it does not change. Who names its file finds the latest one; connections
// keep the one they were given, and with the last of those it is freed and wiped.
struct tls_cert {
    uint32_t refs;
    const char *name;                // as the configuration names it: a path, or "@store/alias"
    struct arena *own;               // where the members below live; NULL: in the configuration's arena
    struct crypto_buffer_st **chain; // the leaf first
    uint32_t num_chain;
    struct evp_pkey_st *key;
    uint8_t key_type;    // enum tls_key
    uint16_t key_curve;  // TLS_KEY_ECDSA: the group's IANA number
    struct slice ocsp;   // DER, empty: none
    struct slice sctl;   // RFC 6962 section 3.3, empty: none
    struct slice *names; // what it is found by: the DNS names of the SAN, and the CN; lower case
    uint32_t num_names;
    struct tls_entry *users;         // entries of binds whose certificate it is
    struct crypto_buffer_st *issuer; // of the file beside it; NULL: none was read
    char *ciphers;                   // that `ctx` has; NULL: none were set
    // The library's form: chain, key, OCSP response, SCTs and certificate compression; nothing else is set in it. A
    // connection gets them by SSL_set_SSL_CTX and everything else by SSL_set_* (tls/bind.h).
    struct ssl_ctx_st *ctx;
};

// Why `ocsp-update on` is refused, to be read after "is not supported:".
#define TLS_NO_OCSP_UPDATE                                                                                             \
    "fairlead does not fetch OCSP responses; have a job write the .ocsp file beside the certificate, then reload"

// Where certificates come from, for one configuration.
struct tls_store;

struct tls_store_conf {
    const char *crt_base;
    const char *key_base;
    const char *issuers_chain_path;
    uint32_t extra;        // TLS_EXTRA_*
    bool extra_del_ext;    // ssl-load-extra-del-ext: look for x.key beside x.crt
    bool skip_self_issued; // ssl-skip-self-issued-ca
    bool no_compression;   // chains are sent as they are, to clients that know zlib too
};

// tls_store_new makes an empty store in the arena of `config`; `conf` is borrowed.
struct tls_store *tls_store_new(struct config *config, const struct tls_store_conf *conf);

// tls_store_free frees what the library holds; NULL is accepted.
void tls_store_free(struct tls_store *store);

// tls_store_define enters a certificate of a crt-store section under `name` ("@store/alias" or its path). Nothing is
// read before it is used.
bool tls_store_define(struct tls_store *store, const char *name, const struct tls_cert_files *files,
                      struct config_place place);

// tls_store_get gives the certificates that `name` stands for: one, the bundle of key types beside it (name.rsa,
// name.ecdsa), or all files of a directory in the order of their names. Reads what was not read before. NULL after
// reporting to `config` at `place` what is wrong: every file that is, with the reason in words. `*num` is their number.
struct tls_cert **tls_store_get(struct tls_store *store, uint32_t *num, const char *name, struct config_place place);

// tls_store_lend has the store report to `config` from now on, and take memory from its arena. It closes the store: no
// file is read any more, neither of certificates nor of authorities; what is there is found.
void tls_store_lend(struct tls_store *store, struct config *config);

// tls_cert_get1 gives a reference. Of a constant one: what counts is no part of it.
const struct tls_cert *tls_cert_get1(const struct tls_cert *cert);

// tls_cert_release takes a reference back; the last one frees and wipes it. NULL is fine.
void tls_cert_release(const struct tls_cert *cert);

// tls_cert_ocsp_check says in words what is wrong with the stapled response, NULL for nothing: malformed, of another
// certificate, over.
const char *tls_cert_ocsp_check(const struct tls_cert *cert);
