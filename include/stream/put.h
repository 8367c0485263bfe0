// SPDX-License-Identifier: Apache-2.0
// How fetches give their value. Private to the area.
#pragma once

#include <sys/socket.h>
#include "expr/fetch.h"
#include "transport/address.h"

// put_str gives a string; always true, as those below.
static inline bool put_str(struct expr_sample *out, struct slice str)
{
    *out = (struct expr_sample){ .type = EXPR_STR, .str = str };
    return true;
}

// put_bin gives bytes.
static inline bool put_bin(struct expr_sample *out, struct slice bytes)
{
    *out = (struct expr_sample){ .type = EXPR_BIN, .str = bytes };
    return true;
}

// put_int gives an integer.
static inline bool put_int(struct expr_sample *out, int64_t num)
{
    *out = (struct expr_sample){ .type = EXPR_INT, .num = num };
    return true;
}

// put_bool gives a boolean.
static inline bool put_bool(struct expr_sample *out, bool value)
{
    *out = (struct expr_sample){ .type = EXPR_BOOL, .boolean = value };
    return true;
}

// put_addr gives the address of `addr`; false where it is neither IPv4 nor IPv6.
static inline bool put_addr(struct expr_sample *out, const struct transport_address *addr)
{
    if (addr->family != AF_INET && addr->family != AF_INET6)
        return false;
    *out = (struct expr_sample){ .type = EXPR_ADDR, .addr = { .family = addr->family == AF_INET ? 4 : 6 } };
    memcpy(out->addr.bytes, addr->ip, addr->family == AF_INET ? 4 : 16);
    return true;
}
