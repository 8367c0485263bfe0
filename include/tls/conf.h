// SPDX-License-Identifier: Apache-2.0
// What a configuration says of TLS: for a bind line, for one line of a crt-list, for a server. A member that is zero or
// NULL was not said; tls_conf_merge lays a narrower one over a wider one. Written while the keeper reads the
// configuration, const afterwards, in the configuration's arena. No BoringSSL object stands here, no state.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/slice.h"
#include "config/config.h"

// Wire numbers of protocol versions (RFC 8446 section 4.2.1); 0: not said.
enum { TLS_VERSION_10 = 0x0301, TLS_VERSION_11 = 0x0302, TLS_VERSION_12 = 0x0303, TLS_VERSION_13 = 0x0304 };

// SSLv3 is read, so that files that name it load; the library does not speak it.
enum { TLS_VERSION_SSL3 = 0x0300 };

enum tls_verify { TLS_VERIFY_UNSAID, TLS_VERIFY_NONE, TLS_VERIFY_OPTIONAL, TLS_VERIFY_REQUIRED };

enum tls_switch { TLS_UNSAID, TLS_NO, TLS_YES };

// X509_V_ERR_* codes that do not end a handshake (crt-ignore-err, ca-ignore-err): a bit each.
enum { TLS_ERRORS_MAX = 128 };
struct tls_errors {
    uint64_t bits[TLS_ERRORS_MAX / 64];
};

// The ciphers of TLS 1.2 where nothing is said of them, on both sides: forward secrecy and AEAD alone. AES-128 first:
// it is the cheapest, and no weaker in practice.
#define TLS_CONF_CIPHERS                                                                                               \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"                         \
    "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"

struct tls_policy;

struct tls_conf {
    uint16_t min_version;
    uint16_t max_version;
    uint8_t no_versions;    // no-sslv3, no-tlsv1x: a bit per minor version, 1 << (version & 0xff)
    uint8_t verify;         // enum tls_verify
    uint8_t tickets;        // enum tls_switch: no-tls-tickets is TLS_NO
    uint8_t early_data;     // allow-0rtt is TLS_YES
    uint8_t client_ciphers; // prefer-client-ciphers is TLS_YES
    uint8_t ca_names;       // no-ca-names is TLS_NO: clients are not told whom we believe
    uint8_t num_groups;
    uint8_t num_sigalgs;
    uint8_t num_client_sigalgs;
    const char *ciphers;     // TLS 1.2 and below, BoringSSL's names alone, ':' between: what remains of what was said
    const uint16_t *groups;  // IANA numbers (RFC 8446 section 4.2.7), the preferred first
    const uint16_t *sigalgs; // SignatureScheme numbers that we sign with
    const uint16_t *client_sigalgs; // that the peer may sign with
    struct slice alpn;              // in wire form (RFC 7301 section 3.1), empty: none; `ptr` NULL: not said
    const char *ca_file;            // a path, or "@system-ca"
    const char *ca_verify_file;     // checks, but its names are not sent to clients
    const char *crl_file;
    struct tls_errors ca_ignore;
    struct tls_errors crt_ignore;
    struct config_place place;
    const struct tls_policy *policy; // ssl-policy: holds for what no word says
};

// tls_conf_merge completes `conf` with what `wider` says and it does not.
void tls_conf_merge(struct tls_conf *conf, const struct tls_conf *wider);

// tls_conf_settle makes a lowest and a highest version of all that `conf`, merged with what is wider, says of versions,
// after what its policy says where no word does. Where nothing is said the lowest is TLS 1.2; with a lower one, and
// nothing said of ciphers, those that it can speak are added. It warns, as HAProxy
// does, where words are ambiguous (for a bind), without effect, or leave a hole; `who` ("bind", "server 'a'") is for
// messages. False after reporting that no version is left.
bool tls_conf_settle(struct config *config, struct tls_conf *conf, struct config_place place, const char *who,
                     bool is_bind);

// The readers below report at argument `index` of `line`; false after an error. All take one argument as it stands.

// tls_conf_ciphers reads an OpenSSL cipher string into `conf->ciphers`. Names that this library does not know give one
// warning that lists them, and an error where none remains.
bool tls_conf_ciphers(struct config *config, struct tls_conf *conf, const struct config_line *line, uint32_t index);

// tls_conf_suites reads the suites of TLS 1.3, which the library fixes: all three or it is an error that says so.
bool tls_conf_suites(struct config *config, const struct config_line *line, uint32_t index);

// tls_conf_groups reads curves (`curves`, `ecdhe`), likewise: secp256r1, prime256v1 and P-256 are one.
bool tls_conf_groups(struct config *config, struct tls_conf *conf, const struct config_line *line, uint32_t index);

// tls_conf_sigalgs reads signature algorithms in OpenSSL's two forms (ECDSA+SHA256, ecdsa_secp256r1_sha256) into
// `*algs` and `*num`.
bool tls_conf_sigalgs(struct config *config, const uint16_t **algs, uint8_t *num, const struct config_line *line,
                      uint32_t index);

// tls_conf_alpn reads "http/1.1,http/1.0". h2 is left out with a warning until it is served.
bool tls_conf_alpn(struct config *config, struct tls_conf *conf, const struct config_line *line, uint32_t index);

// tls_conf_version reads "SSLv3", "TLSv1.0" to "TLSv1.3".
bool tls_conf_version(struct config *config, uint16_t *version, const struct config_line *line, uint32_t index);

// tls_conf_errors reads "all", numbers and X509_V_ERR_* names with commas between.
bool tls_conf_errors(struct config *config, struct tls_errors *errors, const struct config_line *line, uint32_t index);

// tls_conf_policy lays the versions, suites and groups of a named policy (ssl-policy) into `conf`; a suite that the
// library lacks is a warning with its name.
bool tls_conf_policy(struct config *config, struct tls_conf *conf, const struct config_line *line, uint32_t index);

// tls_errors_any says whether any code is among `errors`.
static inline bool tls_errors_any(const struct tls_errors *errors)
{
    uint64_t any = 0;
    for (size_t i = 0; i < TLS_ERRORS_MAX / 64; i++)
        any |= errors->bits[i];
    return any;
}

// tls_errors_has says whether X509_V_* `code` is among `errors`.
static inline bool tls_errors_has(const struct tls_errors *errors, int code)
{
    return code >= 0 && code < TLS_ERRORS_MAX && errors->bits[code / 64] >> (code % 64) & 1;
}
