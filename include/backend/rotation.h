// SPDX-License-Identifier: Apache-2.0
// The order in which roundrobin visits servers: a fixed list in which each stands as often as its weight says, spread
// as evenly as can be. All workers walk the same list from one position on the board. Built at boot, const afterwards.
#pragma once

#include "proxy/conf.h"

// backend_rotation_new gives the list (indexes of servers, to be freed with free) for the servers of `conf` that are
// `backup` or are not, and its length; servers of weight 0 are not in it. Weights are divided by their common divisor.
uint16_t *backend_rotation_new(uint32_t *len, const struct backend_conf *conf, bool backup);
