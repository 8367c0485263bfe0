// SPDX-License-Identifier: Apache-2.0
// Where a `log` line points to, in the form it has on the board: a datagram socket's address or a descriptor's number.
// Plain data, the same in every process.
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

enum log_address_kind { LOG_ADDRESS_DATAGRAM, LOG_ADDRESS_FD, LOG_ADDRESS_STREAM, LOG_ADDRESS_RING };

struct log_address {
    uint32_t kind; // enum log_address_kind
    int32_t fd;    // LOG_ADDRESS_FD
    uint32_t socket_len;
    union {
        struct sockaddr sa;
        struct sockaddr_in in4;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
        uint64_t words[16]; // all of it, for comparison; what the address leaves is zero
    } socket;               // LOG_ADDRESS_DATAGRAM, LOG_ADDRESS_STREAM; of LOG_ADDRESS_RING the name, in un.sun_path
};

enum { LOG_ADDRESS_ERROR_MAX = 256, LOG_ADDRESS_PORT = 514 };

// log_address_parse reads `text` in the forms of the `log` keyword: IPv4, IPv6 or a host name with an optional port
// (514), udp@, udp4@, udp6@, ipv4@ or ipv6@ before it, a path, unix@ or uxdg@ and a path, abns@ and abnsz@ names, fd@N,
// stdout, stderr, and for
// connections tcp@, tcp4@, tcp6@ and uxst@. False with a message in `error` (of LOG_ADDRESS_ERROR_MAX bytes) for
// anything else. Resolving a name may block; with `numeric` it is not tried.
bool log_address_parse(struct log_address *address, char *error, const char *text, bool numeric);
