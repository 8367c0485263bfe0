// SPDX-License-Identifier: Apache-2.0
// Orders in which servers take turns by weight. Pure: weights in, an order out, the same in every worker.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { BACKEND_ROTATION_MAX = 1 << 14 }; // longest order that is written out

// backend_weights_reduce divides the `num` weights in `out` by what they have in common and gives their sum.
uint64_t backend_weights_reduce(uint32_t *out, const uint32_t *weights, uint32_t num);

// backend_rotation_new gives an order of the servers whose reduced `weights` (by index, 0: none) add up to `total`:
// each as often as its weight says, its turns spread evenly. NULL where `total` is 0. The caller frees it.
uint16_t *backend_rotation_new(const uint32_t *weights, uint32_t num, uint32_t total);

// backend_map_new gives the map that hashes of `hash-type map-based` look their server up in, likewise.
uint16_t *backend_map_new(const uint32_t *weights, uint32_t num, uint32_t total);
