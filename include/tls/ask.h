// SPDX-License-Identifier: Apache-2.0
// More questions about a connection, for rules and logs: what its channel is bound to, how far a handshake came that
// failed, the library's errors in words. Used by workers; reads only.
#pragma once

#include <stddef.h>
#include "tls/conn.h"

enum { TLS_UNIQUE_MAX = 64, TLS_ERROR_TEXT_MAX = 160 };

// tls_conn_unique writes what is this connection's alone and known to both of its ends: tls-unique (RFC 5929
// section 3) below TLS 1.3, which has none, and tls-exporter (RFC 9266) there. It gives the length, 0 for none.
size_t tls_conn_unique(const struct tls_conn *conn, uint8_t out[TLS_UNIQUE_MAX]);

// tls_conn_version_seen gives the version in use, or, where it did not come to one, the highest that was offered; 0:
// nothing was.
uint16_t tls_conn_version_seen(const struct tls_conn *conn);

// tls_conn_cipher_seen gives the cipher in use, be it of a handshake that went no further; 0: none was chosen.
uint16_t tls_conn_cipher_seen(const struct tls_conn *conn);

// tls_error_text writes the library's text of the packed error `code`, and gives its length.
size_t tls_error_text(char out[TLS_ERROR_TEXT_MAX], uint32_t code);
