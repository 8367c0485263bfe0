// SPDX-License-Identifier: Apache-2.0
// A set of IPv4 and IPv6 networks: one hash look-up for each prefix length that occurs. Private to this area.
#pragma once

#include <stdbool.h>
#include "expr/sample.h"
#include "expr/set.h"

struct expr_networks {
    struct expr_set set; // members: family, prefix length, masked bytes
    uint32_t lens[2][5]; // bitmaps of the prefix lengths (0-128) that occur, IPv4 and IPv6
};

// expr_networks_init makes `nets` empty.
void expr_networks_init(struct expr_networks *nets, struct arena *arena);

// expr_networks_add adds an address or a network ("10.0.0.0/8", "10.0.0.0/255.0.0.0", "fd00::/8"); NULL, or what is
// wrong.
const char *expr_networks_add(struct expr_networks *nets, struct slice text);

// expr_networks_match says whether `addr` is in one of `nets`, IPv4 in IPv6 as section 7.1.6 of the manual has it.
bool expr_networks_match(const struct expr_networks *nets, const struct expr_addr *addr);
