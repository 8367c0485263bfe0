// SPDX-License-Identifier: Apache-2.0
// Addresses as a configuration writes them, for bind lines, server lines, sources and stats sockets: HAProxy manual
// section 11. Used while a configuration is read; resolving a host name may block.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "config/config.h"
#include "os/listen.h"
#include "transport/address.h"

// What an address has where a port may stand.
enum proxy_port {
    PROXY_PORT_NONE,   // nothing
    PROXY_PORT_ONE,    // "80"
    PROXY_PORT_RANGE,  // "80-90"
    PROXY_PORT_OFFSET, // "+80", "-80"
};

// An address taken apart.
struct proxy_address {
    struct transport_address addr; // family AF_UNSPEC: `host` is a name, or any address where `host` is NULL
    uint16_t want;                 // the family that a prefix or the address itself asks for, AF_UNSPEC for any
    const char *host;              // a name that is not resolved yet, or NULL
    bool is_any;                   // "*", "" or an all-zero address
    bool is_abstract;              // abns@ or abnsz@: addr.path begins with '@'
    bool is_exact;                 // abnsz@: the name ends where it ends
    bool is_fd;                    // fd@N
    int32_t fd;
    enum proxy_port port_kind;
    int32_t port; // or offset; 0 for none
    int32_t last_port;
};

// proxy_address_parse takes `text` apart, a part of argument `index` of `line` which errors are reported at: IPv4, IPv6
// with or without brackets, "*", a host name, each with what may be a port; ipv4@, ipv6@, tcp@, tcp4@, tcp6@ before one
// of these; unix@ or a path; abns@, abnsz@; fd@N. "${NAME}" stands for the variable. False after reporting an error.
bool proxy_address_parse(struct config *config, struct proxy_address *out, const struct config_line *line,
                         uint32_t index, struct slice text);

// proxy_address_lookup gives the first address of the host name `name` in the family `want` (AF_UNSPEC: any) in `addr`,
// which keeps its port. It asks libc and may block, unless `config` forbids that. False with the reason in `*error`.
bool proxy_address_lookup(const struct config *config, struct transport_address *addr, const char **error,
                          const char *name, uint16_t want);

// proxy_address_listen reads `text`, one address of a bind line, into `spec` and the ports from `*first` to `*last`
// (both 0 for an address without ports). False after reporting an error.
bool proxy_address_listen(struct config *config, struct os_listen *spec, uint16_t *first, uint16_t *last,
                          const struct config_line *line, uint32_t index, struct slice text);

// proxy_address_source reads argument `index`, an address to connect from ("192.0.2.1", "192.0.2.1:1234"), into `addr`,
// and the last port of a range ("192.0.2.1:1234-1240") into `*last_port`, 0 where there is none; NULL refuses ranges.
// False after reporting an error.
bool proxy_address_source(struct config *config, struct transport_address *addr, uint16_t *last_port,
                          const struct config_line *line, uint32_t index);

// proxy_network_parse reads `text`, an IPv4 or IPv6 address with a prefix length ("10.0.0.0/8"), an IPv4 mask
// ("10.0.0.0/255.0.0.0") or nothing behind it, into `net`. NULL, or what is wrong, to be read after the text itself.
const char *proxy_network_parse(struct transport_network *net, const char *text);
