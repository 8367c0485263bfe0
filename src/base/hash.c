// SPDX-License-Identifier: Apache-2.0
#include "base/hash.h"

uint32_t hash_djb2(struct slice data)
{
    uint32_t hash = 5381;
    for (size_t i = 0; i < data.len; i++)
        hash = hash * 33 + (uint8_t)data.ptr[i];
    return hash;
}

uint32_t hash_sdbm(struct slice data)
{
    uint32_t hash = 0;
    for (size_t i = 0; i < data.len; i++)
        hash = hash * 65599 + (uint8_t)data.ptr[i];
    return hash;
}

static uint32_t rotate(uint32_t value, uint32_t by)
{
    return value << by | value >> (-by & 31);
}

uint32_t hash_wt6(struct slice data)
{
    uint32_t left = 0xa53c965a, right = 0x5ca6953a;
    uint32_t by_left = 6, by_right = 18;
    for (size_t i = 0; i < data.len; i++) {
        uint32_t byte = (uint8_t)data.ptr[i];
        uint32_t new_right = rotate(~(left ^ byte), by_right);
        left = rotate(~(right + byte), by_left);
        right = new_right;
        uint32_t mix = (left >> 16 ^ right) & 0xffff;
        by_left = mix & 31;
        by_right = mix >> 11;
    }
    return left ^ right;
}

uint32_t hash_avalanche(uint32_t hash)
{
    // Bob Jenkins' mixing of 32 bits in six shifts, then a multiplication by a prime for the lowest ones.
    hash = (hash + 0x7ed55d16) + (hash << 12);
    hash = (hash ^ 0xc761c23c) ^ (hash >> 19);
    hash = (hash + 0x165667b1) + (hash << 5);
    hash = (hash + 0xd3a2646c) ^ (hash << 9);
    hash = (hash + 0xfd7046c5) + (hash << 3);
    hash = (hash ^ 0xb55a4f09) ^ (hash >> 16);
    return hash * 3221225473u;
}
