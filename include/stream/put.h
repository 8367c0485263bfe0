// SPDX-License-Identifier: Apache-2.0
// How fetches give an address. Private to the area.
#pragma once

#include <string.h>
#include <sys/socket.h>
#include "expr/put.h"
#include "transport/address.h"

// put_addr gives the address of `addr`; false where it is neither IPv4 nor IPv6.
static inline bool put_addr(struct expr_sample *out, const struct transport_address *addr)
{
    if (addr->family != AF_INET && addr->family != AF_INET6)
        return false;
    *out = (struct expr_sample){ .type = EXPR_ADDR, .addr = { .family = addr->family == AF_INET ? 4 : 6 } };
    memcpy(out->addr.bytes, addr->ip, addr->family == AF_INET ? 4 : 16);
    return true;
}
