// SPDX-License-Identifier: Apache-2.0
// Fingerprints of ClientHellos: what kind of program a client is, told by what it offers. JA3 is Salesforce's, JA4
// FoxIO's; both leave out what clients throw in at random (GREASE, RFC 8701). Pure functions of a hello that was kept.
// Used by workers.
#pragma once

#include <stddef.h>
#include "base/slice.h"
#include "tls/conn.h"

// The runs of a hello.
enum tls_hello_run {
    TLS_HELLO_CIPHERS,
    TLS_HELLO_EXTENSIONS,
    TLS_HELLO_GROUPS,
    TLS_HELLO_FORMATS,
    TLS_HELLO_SIGALGS,
    TLS_HELLO_ALPN,
    TLS_HELLO_VERSIONS,
    TLS_NUM_HELLO_RUNS
};

// tls_hello_run gives one of them, as it came.
struct slice tls_hello_run(const struct tls_hello *hello, enum tls_hello_run run);

// tls_hello_is_grease says whether `value`, of a list of 16-bit numbers, is one of those that stand for nothing.
static inline bool tls_hello_is_grease(uint16_t value)
{
    return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

// tls_hello_cipher_name gives the name that OpenSSL has for the cipher `number`, be it one that this library has not
// got; NULL for an unknown one.
const char *tls_hello_cipher_name(uint16_t number);

// tls_ja3_text writes the text JA3 hashes, "771,4865-4866,0-10-11,29-23,0"; it gives the length, 0 where `cap` is too
// small.
size_t tls_ja3_text(char *out, size_t cap, const struct tls_hello *hello);

enum { TLS_JA3_LEN = 32, TLS_JA4_LEN = 36 };

// tls_ja3 writes the fingerprint: the MD5 of that text in hex.
void tls_ja3(char out[TLS_JA3_LEN], const struct tls_hello *hello);

// tls_ja4 writes the JA4 of a hello over TCP, "t13d1516h2_8daaf6152771_e5627efa2ab1".
void tls_ja4(char out[TLS_JA4_LEN], const struct tls_hello *hello);
