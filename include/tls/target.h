// SPDX-License-Identifier: Apache-2.0
// TLS towards one server: what it must prove, what we offer, and the sessions that are resumed with it. The settings
// are built by the keeper and const; each worker keeps its own latest session per server name.
#pragma once

#include "tls/bind.h"

// What a server line says.
struct tls_target_conf {
    bool enabled;            // `ssl`
    bool no_reuse;           // no-ssl-reuse: sessions are not resumed
    struct tls_conf conf;    // verify, versions, ciphers, ca-file, crl-file, alpn, ...
    const char *crt;         // client certificate
    const char *verify_host; // verifyhost
    struct config_place place;
};

struct tls_conn;
struct tls_target;

// tls_target_new builds what `conf` says; `name` ("backend/server") is for messages. Verification is on unless the file
// says otherwise. NULL after reporting.
struct tls_target *tls_target_new(struct config *config, const struct tls_global_conf *global, struct tls_store *store,
                                  const struct tls_target_conf *conf, const char *name);

// tls_target_free frees what the library holds, and this process's sessions. NULL is fine.
void tls_target_free(struct tls_target *target);

// tls_target_can_ask says whether `name` can be asked for in a handshake at all: it is no longer than 255 bytes and
// holds no NUL.
bool tls_target_can_ask(struct slice name);

// tls_target_hash gives tls_conn.name_hash for `name`.
uint32_t tls_target_hash(struct slice name);

// tls_target_failed forgets the sessions for the name that `conn` asked for, whose handshake failed: they may be why.
void tls_target_failed(const struct tls_conn *conn);
