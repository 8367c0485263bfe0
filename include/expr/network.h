// SPDX-License-Identifier: Apache-2.0
// IPv4 and IPv6 networks, found by the longest prefix: a tree over whole bytes, whose spots hold a small bitmap of the
// networks that end within the next byte. Private to this area.
#pragma once

#include <stdbool.h>
#include "expr/sample.h"
#include "expr/tree.h"

struct expr_network {
    struct expr_addr addr; // bits behind `len` do not count
    uint32_t len;
};

struct expr_networks {
    struct expr_tree trees[2]; // IPv4, IPv6
};

// expr_network_parse reads an address or a network ("10.0.0.0/8", "10.0.0.0/255.0.0.0", "fd00::/8"); NULL, or what is
// wrong.
const char *expr_network_parse(struct expr_network *out, struct slice text);

// expr_networks_init makes `nets` empty.
void expr_networks_init(struct expr_networks *nets);

// expr_networks_fini_some frees what it has, not the entries, in steps as expr_tree_fini_some does.
bool expr_networks_fini_some(struct expr_networks *nets, uint32_t *budget);

// expr_networks_add adds `entry` under `net`; false where there are entries of the same network, which it joins.
bool expr_networks_add(struct expr_networks *nets, const struct expr_network *net, struct expr_entry *entry);

// expr_networks_del takes `entry` out, which is there under `net`; true where it was the last one.
bool expr_networks_del(struct expr_networks *nets, const struct expr_network *net, const struct expr_entry *entry);

// expr_networks_find gives the entries of the longest network that `addr` is in, 0 for none. IPv4 in IPv6 as section
// 7.1.6 of the manual has it.
expr_spot expr_networks_find(const struct expr_networks *nets, const struct expr_addr *addr);
