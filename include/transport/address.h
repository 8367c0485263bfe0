// SPDX-License-Identifier: Apache-2.0
// Addresses as the balancer keeps them: 20 bytes for IPv4 and IPv6, a path for unix sockets. Conversions from and to
// the kernel's forms, and text. Pure.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include "base/slice.h"

struct transport_address {
    uint16_t family;  // AF_UNSPEC, AF_INET, AF_INET6 or AF_UNIX
    uint16_t port;    // host order
    uint8_t ip[16];   // network order; IPv4 in the first four
    const char *path; // AF_UNIX: borrowed, '@' first for an abstract name; NULL where it is not known
};

struct transport_network {
    struct transport_network *next;
    uint16_t family;
    uint8_t prefix_len;
    uint8_t ip[16];
};

enum { TRANSPORT_ADDRESS_TEXT_MAX = 64 };

// transport_address_from_sockaddr reads what the kernel gave.
void transport_address_from_sockaddr(struct transport_address *addr, const struct sockaddr *sa, socklen_t len);

// transport_address_to_sockaddr writes the kernel's form to `storage` and returns its length; 0 where `addr` has none.
socklen_t transport_address_to_sockaddr(const struct transport_address *addr, struct sockaddr_storage *storage);

// transport_address_ip_text writes the address without its port to `out` (room: TRANSPORT_ADDRESS_TEXT_MAX) and returns
// the length: "192.0.2.1", "2001:db8::1", "unix" or "-".
size_t transport_address_ip_text(const struct transport_address *addr, char *out);

// transport_address_text is transport_address_ip_text with ":port".
size_t transport_address_text(const struct transport_address *addr, char *out);

// transport_address_parse_ip reads a numeric IPv4 or IPv6 address without port.
bool transport_address_parse_ip(struct transport_address *addr, const char *text);

// transport_network_has says whether `addr` lies within `network`; an IPv4-mapped IPv6 address matches IPv4 networks.
bool transport_network_has(const struct transport_network *network, const struct transport_address *addr);
