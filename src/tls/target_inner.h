// SPDX-License-Identifier: Apache-2.0
// What the files of a target share: the target itself, and the sessions a worker keeps for it. For src/tls/target*.c
// alone.
#pragma once

#include <openssl/ssl.h>
#include "base/list.h"
#include "tls/conn.h"
#include "tls/target.h"

// Most names that sessions are kept for, per server and worker, and most sessions of one name.
enum { TLS_SESSION_NAMES = 128, TLS_SESSION_BUCKETS = 64, TLS_SESSIONS_EACH = 2 };

struct tls_sessions {
    struct list names; // the latest used first
    struct list buckets[TLS_SESSION_BUCKETS];
    uint32_t num;
};

struct tls_target {
    struct tls_target *next; // of the store
    struct tls_store *store;
    const char *name;
    const char *cert_name;         // of the certificate it shows; NULL: none
    const char *verify_host;       // NULL: none
    const struct tls_trust *trust; // NULL: whatever the server shows is believed
    SSL_CTX *ctx;
    bool keeps_sessions;
    struct tls_sessions sessions; // of this process: empty in the keeper
    char failure[192];            // why the last certificate was refused, lent to its connection
};

// tls_sessions_init makes `sessions` empty; tls_sessions_fini frees all of them.
void tls_sessions_init(struct tls_sessions *sessions);
void tls_sessions_fini(struct tls_sessions *sessions);

// tls_sessions_get1 gives a session for `name`, which the caller frees; NULL: none. One that is to be used once is
// forgotten where there is another: a server's latest one is offered again rather than none, as what single use
// protects is a client that moves between networks.
SSL_SESSION *tls_sessions_get1(struct tls_sessions *sessions, struct slice name, uint32_t hash);

// tls_sessions_take keeps `session` as the latest of `name`, and drops those that are too many. False where memory is
// exhausted: it was not taken.
bool tls_sessions_take(struct tls_sessions *sessions, struct slice name, uint32_t hash, SSL_SESSION *session);

// tls_sessions_forget drops the sessions of `name`.
void tls_sessions_forget(struct tls_sessions *sessions, struct slice name, uint32_t hash);

// tls_target_show has connections show `cert` from now on. False where the library does not take it.
struct tls_cert;
bool tls_target_show(struct tls_target *target, const struct tls_cert *cert);

// tls_target_forget_all drops all sessions that this process keeps for it.
void tls_target_forget_all(struct tls_target *target);

// tls_target_verify is the library's callback that checks the server's chain.
enum ssl_verify_result_t tls_target_verify(SSL *ssl, uint8_t *alert);

// tls_target_session is the library's callback for a new session.
int tls_target_session(SSL *ssl, SSL_SESSION *session);
