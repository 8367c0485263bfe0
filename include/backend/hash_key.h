// SPDX-License-Identifier: Apache-2.0
// What `hash-type` makes of a key that a server is chosen by. Pure.
#pragma once

#include <stdint.h>
#include "base/slice.h"
#include "proxy/balance_conf.h"

// backend_hash_key gives the hash of `key` by the function of `conf`, and its avalanche.
uint32_t backend_hash_key(const struct balance_conf *conf, struct slice key);
