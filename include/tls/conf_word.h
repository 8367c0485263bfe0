// SPDX-License-Identifier: Apache-2.0
// Words of TLS that may stand in several places: on a bind line, on a line of a crt-list, on a server line, in the
// global section as a default for all of them. Each has one parse function, here, which finds its struct tls_conf, or
// the member of one, at object + word->into; the places' own tables say where that is. Runs in the keeper and for -c.
#pragma once

#include "config/word.h"
#include "tls/conf.h"

// Of these `into` is the struct tls_conf.
config_parse_fn tls_word_ciphers;
config_parse_fn tls_word_suites;
config_parse_fn tls_word_groups;
config_parse_fn tls_word_alpn;
config_parse_fn tls_word_no_alpn;
config_parse_fn tls_word_policy;
config_parse_fn tls_word_sigalgs;        // tls_word_sigalgs reads what we sign with
config_parse_fn tls_word_client_sigalgs; // tls_word_client_sigalgs reads what the peer may sign with
config_parse_fn tls_word_force;          // tls_word_force takes word->value for the only version
config_parse_fn tls_word_without;        // tls_word_without takes version word->value out
config_parse_fn tls_word_verify;         // tls_word_verify knows "optional" where word->value is 1

// Of these it is the member.
config_parse_fn tls_word_version; // tls_word_version stores a uint16_t
config_parse_fn tls_word_errors;  // tls_word_errors stores a struct tls_errors
config_parse_fn tls_word_switch;  // tls_word_switch stores word->value in a uint8_t (enum tls_switch)

// Rows of the places' tables: `list` is where the word stands, `at` the offset of the struct tls_conf.
#define TLS_ROW(word, list, offset, function, shape, text, example, wrong, says)                                       \
    {                                                                                                                  \
        .name = word, .in = list, .min_args = 1, .max_args = 1, .parse = function, .into = offset, .args = shape,      \
        .help = text, .good = word " " example, .bad = word " " wrong, .bad_says = says                                \
    }
#define TLS_ROW_CIPHERS(word, list, at, text)                                                                          \
    TLS_ROW(word, list, at, tls_word_ciphers, "<ciphers>", text,                                                       \
            "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:!aNULL", "RC4-MD5:DHE-RSA-AES128-SHA",          \
            "none of these ciphers")
#define TLS_ROW_SUITES(word, list, at, text)                                                                           \
    TLS_ROW(word, list, at, tls_word_suites, "<suites>", text,                                                         \
            "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256",    \
            "BoringSSL fixes the suites")
#define TLS_ROW_GROUPS(word, list, at, text)                                                                           \
    TLS_ROW(word, list, at, tls_word_groups, "<curves>", text, "X25519:P-256", "ffdhe2048", "none of these curves")
#define TLS_ROW_SIGALGS(word, list, at, function, text)                                                                \
    TLS_ROW(word, list, at, function, "<algorithms>", text, "ECDSA+SHA256:rsa_pss_rsae_sha256", "DSA+SHA1",            \
            "none of these signature algorithms")
#define TLS_ROW_ALPN(list, at, text)                                                                                   \
    TLS_ROW("alpn", list, at, tls_word_alpn, "<protocols>", text, "http/1.1,http/1.0", "''", "are missing")
#define TLS_ROW_POLICY(word, list, at, text)                                                                           \
    TLS_ROW(word, list, at, tls_word_policy, "<name>", text, "mozilla-intermediate", "mozilla-ancient",                \
            "unknown policy")
#define TLS_ROW_FILE(word, list, at, member, text, example)                                                            \
    TLS_ROW(word, list, (at) + offsetof(struct tls_conf, member), config_word_str, "<file>", text, example, "''",      \
            "not empty")
#define TLS_ROW_ERRORS(word, list, at, member, text)                                                                   \
    TLS_ROW(word, list, (at) + offsetof(struct tls_conf, member), tls_word_errors, "{ all | <error>[,<error>]... }",   \
            text, "X509_V_ERR_CERT_HAS_EXPIRED,18", "expired", "is no error")
#define TLS_ROW_VERSION(word, list, at, member, text)                                                                  \
    TLS_ROW(word, list, (at) + offsetof(struct tls_conf, member), tls_word_version,                                    \
            "{ SSLv3 | TLSv1.0 | TLSv1.1 | TLSv1.2 | TLSv1.3 }", text, "TLSv1.2", "TLSv1.4", "unknown version of TLS")

// Words without an argument.
#define TLS_ROW_BARE(word, list, offset, function, number, text)                                                       \
    {                                                                                                                  \
        .name = word, .in = list, .parse = function, .into = offset, .value = number, .args = "", .help = text,        \
        .good = word, .bad = word " yes", .bad_says = "unknown option 'yes'"                                           \
    }
#define TLS_ROW_SWITCH(word, list, at, member, state, text)                                                            \
    TLS_ROW_BARE(word, list, (at) + offsetof(struct tls_conf, member), tls_word_switch, state, text)

// The words about versions, for a bind line, a server line and the two lists of defaults.
#define TLS_ROWS_VERSIONS(list, at)                                                                                    \
    TLS_ROW_VERSION("ssl-min-ver", list, at, min_version,                                                              \
                    "The lowest version that is spoken; the default is TLSv1.2. Below that, and without 'ciphers', "   \
                    "ECDHE suites with CBC and SHA-1 are spoken too. The library does not speak SSLv3: TLSv1.0 is "    \
                    "then the lowest."),                                                                               \
        TLS_ROW_VERSION("ssl-max-ver", list, at, max_version,                                                          \
                        "The highest version that is spoken; the default is TLSv1.3."),                                \
        TLS_ROW_BARE("force-sslv3", list, at, tls_word_force, TLS_VERSION_SSL3,                                        \
                     "SSLv3 alone, which the library does not speak: an error, as no version is left."),               \
        TLS_ROW_BARE("force-tlsv10", list, at, tls_word_force, TLS_VERSION_10,                                         \
                     "TLS 1.0 alone; 'ssl-min-ver' and 'ssl-max-ver' say the same."),                                  \
        TLS_ROW_BARE("force-tlsv11", list, at, tls_word_force, TLS_VERSION_11, "TLS 1.1 alone."),                      \
        TLS_ROW_BARE("force-tlsv12", list, at, tls_word_force, TLS_VERSION_12, "TLS 1.2 alone."),                      \
        TLS_ROW_BARE("force-tlsv13", list, at, tls_word_force, TLS_VERSION_13, "TLS 1.3 alone."),                      \
        TLS_ROW_BARE("no-sslv3", list, at, tls_word_without, TLS_VERSION_SSL3, "Not SSLv3, which is never spoken."),   \
        TLS_ROW_BARE("no-tlsv10", list, at, tls_word_without, TLS_VERSION_10,                                          \
                     "Not TLS 1.0. Like the other no-tlsv1x words without effect beside 'ssl-min-ver' and "            \
                     "'ssl-max-ver', which say it better."),                                                           \
        TLS_ROW_BARE("no-tlsv11", list, at, tls_word_without, TLS_VERSION_11, "Not TLS 1.1."),                         \
        TLS_ROW_BARE("no-tlsv12", list, at, tls_word_without, TLS_VERSION_12, "Not TLS 1.2."),                         \
        TLS_ROW_BARE("no-tlsv13", list, at, tls_word_without, TLS_VERSION_13, "Not TLS 1.3.")
