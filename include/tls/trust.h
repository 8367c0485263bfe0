// SPDX-License-Identifier: Apache-2.0
// Whom we believe: authorities and revocation lists read from files, and the check of a peer's chain against them. One
// per set of files, shared by all that name it. Built by the keeper, const afterwards.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/slice.h"
#include "config/config.h"
#include "tls/conf.h"

struct ssl_st;
struct stack_st_CRYPTO_BUFFER;

struct tls_trust;

// tls_trust_load reads ca_file, ca_verify_file and crl_file of `conf` (a file, a directory, or "@system-ca"; relative
// names start at `ca_base`). NULL after reporting.
const struct tls_trust *tls_trust_load(struct config *config, const struct tls_conf *conf, const char *ca_base,
                                       struct config_place place);

// tls_trust_close has no file be read any more: what was loaded is found.
void tls_trust_close(void);

// tls_trust_join says that somebody believes in `trust` now; NULL is fine.
void tls_trust_join(const struct tls_trust *trust);

// tls_trust_leave says that it does so no longer; NULL is fine.
void tls_trust_leave(const struct tls_trust *trust);

// tls_trust_free_all frees every trust that was loaded for a configuration.
void tls_trust_free_all(void);

// tls_trust_digest gives a SHA-256 of what makes two trusts differ: contents, never names or order.
void tls_trust_digest(const struct tls_trust *trust, uint8_t digest[32]);

// tls_trust_version gives a number, from 1, that is another one whenever its digest may have changed.
uint64_t tls_trust_version(const struct tls_trust *trust);

// tls_trust_names gives the subjects of the authorities that a server sends to clients (DER), for SSL_set0_client_CAs.
const struct stack_st_CRYPTO_BUFFER *tls_trust_names(const struct tls_trust *trust);

// What a check found. Codes are X509_V_*.
struct tls_verdict {
    int16_t crt_error; // of the peer's own certificate, 0: none
    int16_t ca_error;  // of its chain, 0: none
    uint8_t ca_depth;  // where the first one was found
    int16_t last;      // the last one of both, which ended the check where it is not `ok`; 0: none
    uint8_t depth;     // where it was found
    bool ok;           // nothing that is not ignored
};

// What a chain is checked for.
struct tls_expect {
    bool is_server;    // the peer is a server, else a client
    struct slice host; // the name its certificate must be for, empty: any
    const struct tls_errors *ca_ignore;
    const struct tls_errors *crt_ignore;
};

// tls_trust_check checks the chain that the peer of `ssl` sent.
struct tls_verdict tls_trust_check(const struct tls_trust *trust, struct ssl_st *ssl, const struct tls_expect *expect);

// tls_trust_root writes the subject (Name, DER) of the authority that the chain of the client of `ssl` ends with, and
// gives its length; 0 where the chain is not to be believed or `cap` bytes have no room for it. It checks the chain
// anew.
size_t tls_trust_root(const struct tls_trust *trust, struct ssl_st *ssl, uint8_t *out, size_t cap);

// tls_verify_error_name gives the constant's name of X509_V_* `code` ("X509_V_ERR_CERT_HAS_EXPIRED"), NULL for an
// unknown one.
const char *tls_verify_error_name(int code);

// tls_verify_error_text gives it in words.
const char *tls_verify_error_text(int code);

// tls_verify_error_code finds the code of a name, -1 for none.
int tls_verify_error_code(struct slice name);
