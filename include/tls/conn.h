// SPDX-License-Identifier: Apache-2.0
// One TLS connection as the library sees it, without its bytes: who made it, what came of the handshake, and questions
// about both. transport/tls.h moves the bytes. Runs in workers; owned by the transport connection it belongs to.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/slice.h"

struct ssl_st;
struct tls_bind;
struct tls_cert;
struct tls_entry;
struct tls_target;
struct tls_secrets;

// A ClientHello as it came, for fingerprints: kept where a fetch asks for it (tls_global_conf.keep_hello).
struct tls_hello {
    bool cut;         // tune.ssl.capture-buffer-size is set, and was too small for all of it
    uint16_t version; // legacy_version
    uint16_t ciphers_len, extensions_len, groups_len, formats_len, sigalgs_len, alpn_len, versions_len;
    // Each run in that order, as on the wire without the length before it: numbers of two bytes, formats of one; of
    // extensions the types alone; of ALPN the names with a byte of length before each. What was not sent is empty.
    uint8_t data[];
};

// What came of the handshake; a plain struct, so that rules and logs need not ask the library.
struct tls_facts {
    uint16_t version; // wire number, 0: no handshake was completed
    uint16_t cipher;  // IANA number
    uint16_t group;   // of the key exchange, IANA number, 0: none
    uint16_t offered; // the highest version in the ClientHello, for the log of a failed handshake
    bool done;        // the handshake is over and well
    bool resumed;
    bool early;         // early data came and was accepted; while `early_pending` it may have been replayed
    bool early_pending; // the handshake is not over: what was read so far is early data
    bool has_cert;      // the peer sent a certificate in this connection
    bool used_cert;     // it has one, be it through a resumed session
    int16_t crt_error;  // X509_V_* (ssl_c_err), 0: none
    int16_t ca_error;
    uint8_t ca_depth;
    int16_t verify;       // the last of these errors, ignored or not (ssl_c_verify), 0: none
    uint8_t verify_depth; // where it was found
    uint32_t error;       // the library's packed error code of a handshake that failed (ssl_fc_err), 0: none
};

struct tls_conn {
    struct ssl_st *ssl;
    const struct tls_bind *bind;     // towards a client; or
    const struct tls_target *target; // towards a server
    const struct tls_entry *entry;   // that was chosen, NULL before, and towards servers; and
    const struct tls_cert *cert;     // its certificate as it was then
    struct tls_hello *hello;         // NULL: not kept
    struct tls_secrets *secrets;     // NULL: not kept (tune.ssl.keylog)
    const char *failure;             // why we refused, in words, where the library's own reason says less; or NULL
    struct tls_facts facts;
    bool early_offered; // early data came with the ClientHello
    bool early_refused; // ... and it may be a replay: its ticket was used for early data before
    char *name;         // towards servers: the name asked for, to be proven; NULL: none
    uint32_t name_hash; // of it: which connections may be exchanged for each other
};

// tls_conn_of gives the connection that `ssl` belongs to (it is the SSL's app data).
struct tls_conn *tls_conn_of(const struct ssl_st *ssl);

// tls_conn_accept makes conn->ssl for a client that came to `bind`; false where memory is exhausted.
bool tls_conn_accept(struct tls_conn *conn, const struct tls_bind *bind);

// tls_conn_connect makes conn->ssl for a connection to `target`, asking for the server name `sni` (empty: none) and
// offering the session this worker keeps for both, where there is one. False where memory is exhausted. The name is one
// that tls_target_can_ask (tls/target.h) allows.
bool tls_conn_connect(struct tls_conn *conn, const struct tls_target *target, struct slice sni);

// tls_conn_refuse_early has the handshake of `ssl` go on without its early data. For the ticket's opener, where the
// ticket was used for early data before (RFC 8446 section 8.1).
void tls_conn_refuse_early(struct ssl_st *ssl);

// tls_conn_done fills in the facts once the handshake is over, or has got as far as early data.
void tls_conn_done(struct tls_conn *conn);

// tls_conn_failed notes why the handshake failed: takes the library's error queue.
void tls_conn_failed(struct tls_conn *conn);

// tls_conn_fini frees what the connection holds.
void tls_conn_fini(struct tls_conn *conn);

// tls_conn_reason gives why the handshake failed, in words for a log line: "no shared cipher", "the client's
// certificate has expired (depth 0)", "the client does not trust our certificate (alert unknown_ca)". Never NULL.
const char *tls_conn_reason(const struct tls_conn *conn);

// tls_conn_sni gives the server name that was asked for, empty: none.
struct slice tls_conn_sni(const struct tls_conn *conn);

// tls_conn_alpn gives the protocol that was agreed on, empty: none.
struct slice tls_conn_alpn(const struct tls_conn *conn);

// tls_conn_cert gives the DER of a certificate: the peer's chain (`peer`), its leaf at index 0, or ours. Empty: none.
// For a session that was resumed, the certificate that was checked when it was made.
struct slice tls_conn_cert(const struct tls_conn *conn, bool peer, uint32_t index);

// tls_conn_session_id writes at most `cap` bytes of the session's ID and gives the length, 0 for none. With the two
// below it is what sniffers need to decrypt a capture.
size_t tls_conn_session_id(const struct tls_conn *conn, uint8_t *out, size_t cap);

// tls_conn_random likewise writes the random of one side's hello (RFC 8446 section 4.1.2).
size_t tls_conn_random(const struct tls_conn *conn, bool of_client, uint8_t *out, size_t cap);

// tls_conn_master_key likewise writes the session's master secret.
size_t tls_conn_master_key(const struct tls_conn *conn, uint8_t *out, size_t cap);

// The secrets of TLS 1.3, in the order of NSS's key log format.
enum tls_secret {
    TLS_SECRET_CLIENT_EARLY,
    TLS_SECRET_CLIENT_HANDSHAKE,
    TLS_SECRET_SERVER_HANDSHAKE,
    TLS_SECRET_CLIENT_TRAFFIC,
    TLS_SECRET_SERVER_TRAFFIC,
    TLS_SECRET_EXPORTER,
    TLS_SECRET_EARLY_EXPORTER,
    TLS_NUM_SECRETS
};

// tls_conn_secret gives a secret in hex, empty where it is not kept (tune.ssl.keylog) or there is none.
struct slice tls_conn_secret(const struct tls_conn *conn, enum tls_secret secret);

// tls_version_name gives "TLSv1.3" and so on, NULL for an unknown number.
const char *tls_version_name(uint16_t version);

// tls_cipher_name gives "TLS_AES_128_GCM_SHA256" or, below 1.3, OpenSSL's "ECDHE-RSA-AES128-GCM-SHA256"; NULL likewise.
const char *tls_cipher_name(uint16_t cipher);

// tls_cipher_bits gives the length of the cipher's key and, in `*used`, how much of it counts; in bits, 0 for unknown.
uint32_t tls_cipher_bits(uint16_t cipher, uint32_t *used);

// tls_group_name gives the group as OpenSSL names it ("X25519", "P-256"), NULL for an unknown number.
const char *tls_group_name(uint16_t group);
