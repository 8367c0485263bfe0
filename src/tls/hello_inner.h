// SPDX-License-Identifier: Apache-2.0
// Reading a ClientHello (RFC 8446 section 4.1.2) that the library has already taken apart into its fields.
#pragma once

#include <openssl/ssl.h>
#include "tls/conn.h"
#include "tls/entry.h"

// Curves of ECDSA keys whose signatures the client can check in TLS 1.3.
enum { TLS_VIEW_P256 = 1 << 0, TLS_VIEW_P384 = 1 << 1, TLS_VIEW_P521 = 1 << 2 };

// What the choice of a certificate needs of a ClientHello.
struct tls_hello_view {
    uint16_t version;  // the highest that is offered
    uint8_t can_13;    // TLS_CAN_* in TLS 1.3: of its signature algorithms
    uint8_t can_12;    // TLS_CAN_* below: of its ciphers, too
    uint8_t curves_13; // TLS_VIEW_*
    bool early_data;   // it comes with early data
    bool likes_chacha; // the first cipher is ChaCha20: it has no instructions for AES
};

// tls_hello_look fills in `view`; what is malformed is taken for absent, for the library refuses it later.
void tls_hello_look(struct tls_hello_view *view, const SSL_CLIENT_HELLO *hello);

// tls_hello_capture gives a copy of what fingerprints are made of, with at most `cap` bytes of data: runs that do not
// fit are cut, the last ones first. NULL where memory is exhausted; to be freed with free().
struct tls_hello *tls_hello_capture(const SSL_CLIENT_HELLO *hello, size_t cap);
