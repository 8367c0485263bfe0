// SPDX-License-Identifier: Apache-2.0
// A bind and a client of the same library that shake hands in memory.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/ssl.h>
#include "base/check.h"
#include "board/board.h"
#include "tls/bind.h"
#include "tls/conn.h"
#include "tls/entry.h"
#include "tls/shared.h"
#include "tls/trust.h"

// What a bind is made in.
struct rig {
    struct arena arena;
    struct config_diag diag;
    struct config config;
    struct tls_global_conf global;
    struct tls_store *store;
    struct tls_bind_conf conf;
    struct tls_entry *entries;
    struct tls_bind *bind;
    struct board *board;
};

void rig_init(struct rig *rig);
void rig_fini(struct rig *rig);

// cert_path gives the path of a file of reg-tests/certs; valid until the fourth call from now.
const char *cert_path(const char *file);

// rig_entry adds the certificate `file` with what `conf` says (NULL: nothing) and serves it for the name `filter`
// (NULL: its own).
struct tls_entry *rig_entry(struct rig *rig, const char *file, const struct tls_conf *conf, const char *filter);

// rig_bind makes the bind and says whether that went well.
bool rig_bind(struct rig *rig);

// rig_message says whether a message of the configuration holds `text`.
bool rig_message(const struct rig *rig, const char *text);

struct pair {
    struct tls_conn server;
    SSL *client;
    int client_alert; // that the client got, -1: none
    bool client_done;
    bool server_done;
};

// client_new makes the context of a client that trusts everybody; client_cert gives it a certificate.
SSL_CTX *client_new(void);
void client_cert(SSL_CTX *ctx, const char *file);

// pair_begin prepares a connection, pair_run shakes hands, and both sides then exchange a few bytes; true where both
// are well. pair_fini frees it all.
void pair_begin(struct pair *pair, const struct rig *rig, SSL_CTX *client, const char *sni);
bool pair_run(struct pair *pair);
void pair_fini(struct pair *pair);

// pair_all is the three in one, for those who want to know but whether it works.
bool pair_all(const struct rig *rig, SSL_CTX *client, const char *sni);
