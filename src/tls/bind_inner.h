// SPDX-License-Identifier: Apache-2.0
// What the files of a bind share: the bind itself and the steps of choosing for a ClientHello. For src/tls/bind*.c and
// src/tls/conn*.c alone.
#pragma once

#include <openssl/ssl.h>
#include "tls/bind.h"
#include "tls/conn.h"
#include "conn_inner.h"

struct tls_crt_list;
struct tls_store;

struct tls_bind {
    struct tls_bind *next; // of the store
    struct tls_store *store;
    const struct tls_bind_conf *said;
    const struct tls_global_conf *global;
    struct tls_conf base; // what an entry has that says nothing: set in `ctx`
    struct tls_entry *entries;
    struct tls_entry **end; // of the list
    struct tls_names *names;
    SSL_CTX *ctx;
};

// tls_bind_of is tls_bind_new for entries that were read: each has its certificate and what its own line says.
struct tls_bind *tls_bind_of(struct config *config, const struct tls_global_conf *global, struct tls_store *store,
                             const struct tls_bind_conf *conf, struct tls_entry *entries, struct config_place place);

// tls_bind_complete_entry gives an entry what its bind says where it says nothing, and loads whom it believes. False
// after reporting.
bool tls_bind_complete_entry(struct config *config, struct tls_bind *bind, struct tls_entry *entry);

// tls_bind_own appends an entry that is complete to those of the bind, and to the users of its certificate.
void tls_bind_own(struct tls_bind *bind, struct tls_entry *entry);

// tls_bind_disown takes it out again. Neither changes the look-up of names.
void tls_bind_disown(struct tls_entry *entry);

// tls_bind_prepare_cert sets in the certificate's context what binds need there. False where that fails.
bool tls_bind_prepare_cert(struct tls_cert *cert, const char *ciphers, bool keylog);

// tls_bind_directory gives the directory that `source` stands for, NULL where it is none.
const struct tls_crt_list *tls_bind_directory(const struct tls_store *store, const struct tls_source *source);

// Most groups that a configuration may list.
enum { TLS_GROUPS_MAX = 16 };

// tls_bind_groups writes the library's numbers of the groups of `conf` to `nids` and gives how many it knows.
size_t tls_bind_groups(int nids[TLS_GROUPS_MAX], const struct tls_conf *conf);

// tls_bind_options gives the SSL_OP_* that `conf` stands for, of those in TLS_BIND_OPTIONS.
uint32_t tls_bind_options(const struct tls_conf *conf);
#define TLS_BIND_OPTIONS (SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE)

// tls_bind_select is the library's select-certificate callback.
enum ssl_select_cert_result_t tls_bind_select(const SSL_CLIENT_HELLO *hello);

// tls_bind_alpn is the library's callback that chooses a protocol.
int tls_bind_alpn(SSL *ssl, const uint8_t **out, uint8_t *out_len, const uint8_t *in, unsigned in_len, void *arg);

// tls_bind_verify is the library's callback that checks a client's certificate.
enum ssl_verify_result_t tls_bind_verify(SSL *ssl, uint8_t *alert);

// tls_bind_chosen is the library's callback once a session and early data were decided on.
int tls_bind_chosen(const SSL_CLIENT_HELLO *hello);
