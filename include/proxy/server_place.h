// SPDX-License-Identifier: Apache-2.0
// Where a server is, and where its checks go, as commands said last: one plain record, written to the journal and to
// the board, and applied by each process to its own copy of the settings. It knows nothing of either. What no command
// changed is not in it: that is as the file says.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "proxy/conf.h"

enum { PROXY_PLACE_HOST = 256, PROXY_PLACE_SEND = 512, PROXY_PLACE_VERSION = 1 };

enum {
    PROXY_PLACE_MOVED = 1 << 0,  // it has another address or port than the file says
    PROXY_PLACE_MAPPED = 1 << 1, // its port follows the client's
    PROXY_PLACE_NAMED = 1 << 2,  // `host` is the name that its address was looked up from
    PROXY_PLACE_TLS = 1 << 3,    // `ssl on`, or
    PROXY_PLACE_PLAIN = 1 << 4,  // `ssl off`, was said
    PROXY_PLACE_SENDS = 1 << 5,  // `agent_send` counts
};

struct proxy_place_reach {
    uint16_t family; // AF_INET or AF_INET6; AF_UNSPEC: as the file says
    uint16_t port;   // 0: likewise
    uint8_t ip[16];
};

struct proxy_place {
    uint64_t owner; // proxy_place_owner of the server; 0: nobody's
    uint64_t file;  // proxy_place_file of what the file says
    uint32_t flags; // PROXY_PLACE_*
    int32_t port_offset;
    struct proxy_place_reach server; // with PROXY_PLACE_MOVED
    struct proxy_place_reach health;
    struct proxy_place_reach agent;
    char host[PROXY_PLACE_HOST];
    char agent_send[PROXY_PLACE_SEND];
};

// proxy_place_owner gives a hash of the names of `server` and its backend, never 0.
uint64_t proxy_place_owner(const struct server_conf *server);

// proxy_place_file gives a hash of what the file says of where `server` is and its checks go, whatever commands said.
uint64_t proxy_place_file(const struct server_conf *server);

// proxy_place_get makes `*out` say what commands have said of `server` so far.
void proxy_place_get(struct proxy_place *out, const struct server_conf *server);

// proxy_place_set makes `server` be where `place` says, and else where the file says; true where new connections go
// elsewhere now, or by other means. Memory for what the file said is taken from `arena`, once.
bool proxy_place_set(struct server_conf *server, const struct proxy_place *place, struct arena *arena);

// proxy_place_text writes where `addr` points to as "127.0.0.1" or "::1" into `out` (room TRANSPORT_ADDRESS_TEXT_MAX).
void proxy_place_text(char *out, const struct transport_address *addr);
