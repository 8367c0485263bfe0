// SPDX-License-Identifier: Apache-2.0
// Hashes that decide nothing about safety: checksums of headers, and the numbers that balancing and the converters
// spread keys by. Their values are part of the configuration's language: they equal those of HAProxy, bit by bit. Pure;
// any process uses them.
#pragma once

#include <stdint.h>
#include "base/slice.h"

// hash_crc32 gives the CRC32 of Ethernet, gzip and PNG (RFC 1952 section 8) of `data`, started with `crc` (0 at first),
// so that pieces may be added one after the other.
uint32_t hash_crc32(uint32_t crc, struct slice data);

// hash_crc32c gives the CRC32c (Castagnoli, RFC 3720 appendix B.4) of `data`, started with `crc` (0 at first). It uses
// the instruction for it where the processor has one.
uint32_t hash_crc32c(uint32_t crc, struct slice data);

// hash_crc32c_portable is hash_crc32c without the instruction; apart for its test.
uint32_t hash_crc32c_portable(uint32_t crc, struct slice data);

// hash_djb2 gives Bernstein's hash: times 33, plus the byte, from 5381.
uint32_t hash_djb2(struct slice data);

// hash_sdbm gives the hash of the sdbm database: times 65599, plus the byte, from 0.
uint32_t hash_sdbm(struct slice data);

// hash_wt6 gives the hash that HAProxy calls wt6.
uint32_t hash_wt6(struct slice data);

// hash_avalanche spreads every bit of `hash` over all of the result (HAProxy manual, "hash-type", avalanche).
uint32_t hash_avalanche(uint32_t hash);
