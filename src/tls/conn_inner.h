// SPDX-License-Identifier: Apache-2.0
// What both kinds of connections share, towards clients and towards servers. For src/tls alone.
#pragma once

#include <openssl/ssl.h>
#include "tls/conn.h"
#include "tls/trust.h"

// tls_conn_keep_secrets has connections of `ctx` keep their secrets; for contexts of binds, of targets and of
// certificates.
void tls_conn_keep_secrets(SSL_CTX *ctx);

// tls_conn_verdict notes in the facts what a check of the peer's chain found.
void tls_conn_verdict(struct tls_conn *conn, const struct tls_verdict *verdict);

// tls_group_nid gives the library's number of the group with IANA number `group`, NID_undef for an unknown one.
int tls_group_nid(uint16_t group);
