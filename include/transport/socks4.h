// SPDX-License-Identifier: Apache-2.0
// SOCKS4: asking a proxy for a connection to an IPv4 address, before anything else goes over the connection to it. The
// codec is pure; transport_socks4_run moves its few bytes. Runs in workers, and in the controller for checks.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include "base/io.h"
#include "transport/address.h"
#include "transport/conn.h"

enum { TRANSPORT_SOCKS4_REQUEST_MAX = 32, TRANSPORT_SOCKS4_REPLY_LEN = 8 };

// How far the exchange is; all zero before it.
struct transport_socks4 {
    uint8_t sent;
    uint8_t got;
    uint8_t reply[TRANSPORT_SOCKS4_REPLY_LEN];
};

// transport_socks4_request writes the request for a connection to `to` and gives its length; 0 where that is no IPv4
// address (an IPv4 address within IPv6 will do).
size_t transport_socks4_request(uint8_t out[TRANSPORT_SOCKS4_REQUEST_MAX], const struct transport_address *to);

// transport_socks4_granted says whether the reply means that the connection stands.
bool transport_socks4_granted(const uint8_t reply[TRANSPORT_SOCKS4_REPLY_LEN]);

// transport_socks4_run goes on with the exchange on `conn`, which stands: IO_OK when the proxy has connected us to
// `to`, and from then on; IO_AGAIN to be called again after an event; IO_FAIL.
enum io transport_socks4_run(struct transport_conn *conn, struct transport_socks4 *state,
                             const struct transport_address *to);
