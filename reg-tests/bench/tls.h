// SPDX-License-Identifier: Apache-2.0
//
// The client's TLS: handshakes that are surely full or ask to be resumed, of one version, with ECDSA or RSA
// certificates and X25519 first. It checks no certificate, for it measures; tests that check them use other clients.
// One struct tls per process keeps the latest session, which all new connections offer; used by client.c alone.
#ifndef BENCH_TLS_H
#define BENCH_TLS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct ssl_st;
struct tls;

enum tls_resume {
    TLS_FULL,    // never offers a session
    TLS_TICKETS, // offers the latest session
    TLS_IDS,     // likewise, without asking for tickets: TLS 1.2 with session IDs
};

// tls_new makes a context for one TLS version, "1.2" or "1.3", that asks for the server name `name`. Exits on failure.
struct tls *tls_new(const char *version, enum tls_resume resume, const char *name);
void tls_free(struct tls *tls);

// tls_has_session says whether a session was received: until then, connections can only make full handshakes.
bool tls_has_session(const struct tls *tls);

// tls_open makes the TLS side of the connected socket `fd`, or exits where memory is exhausted. tls_close says
// close_notify, and frees it; the descriptor stays.
struct ssl_st *tls_open(struct tls *tls, int fd);
void tls_close(struct ssl_st *ssl);

// tls_handshake goes on with the handshake: 1 when it is done, 0 to wait for input, -1 when it failed.
int tls_handshake(struct tls *tls, struct ssl_st *ssl);

// tls_recv and tls_send are recv and send on a TLS connection; an end without close_notify is ECONNRESET.
ssize_t tls_recv(struct ssl_st *ssl, void *data, size_t size);
ssize_t tls_send(struct ssl_st *ssl, const void *data, size_t len);

// tls_report prints members of a JSON object: how many handshakes were done and resumed, how many offered a session
// that was not resumed, the suite and the group of the last one, and the library's reason for the last failure.
void tls_report(const struct tls *tls, FILE *file);

#endif
