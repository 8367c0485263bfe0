// SPDX-License-Identifier: Apache-2.0
// Addresses of names, looked up while the service runs: the controller asks the helper (check/external.h), which waits
// for the resolver in a child of its own, so that nobody else does. Active controller only.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "transport/address.h"

struct program_conf;

enum check_lookup {
    CHECK_LOOKUP_PENDING,
    CHECK_LOOKUP_FOUND,
    CHECK_LOOKUP_FAILED,
};

// check_lookup_begin has `name` looked up in `family` (AF_UNSPEC: any) and gives the number of the question; 0 where
// there is no helper, which is one only where a server of the configuration is named by a name, or the name is too
// long. What nobody asks for any more is forgotten.
uint64_t check_lookup_begin(const char *name, uint16_t family);

// check_lookup_take tells what became of it: an address without a port in `*addr`, or why there is none in `*error`.
// The helper gives up after five seconds; one that does not answer at all is not waited for much longer.
enum check_lookup check_lookup_take(struct transport_address *addr, const char **error, uint64_t number);
