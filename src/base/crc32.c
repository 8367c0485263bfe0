// SPDX-License-Identifier: Apache-2.0
#include "base/hash.h"

// One bit of a byte-wise CRC with the polynomial `poly`, its bits reversed.
#define STEP(poly, c)  (((c) >> 1) ^ ((poly) & (0u - ((c)&1))))
#define ENTRY(poly, n) STEP(poly, STEP(poly, STEP(poly, STEP(poly, (uint32_t)(n)))))

// Sixteen entries, one per nibble: keys and headers are short, and a table of 1 KiB would cost more cache than it saves
// time.
#define NIBBLES(poly)                                                                                                  \
    {                                                                                                                  \
        ENTRY(poly, 0), ENTRY(poly, 1), ENTRY(poly, 2), ENTRY(poly, 3), ENTRY(poly, 4), ENTRY(poly, 5),                \
            ENTRY(poly, 6), ENTRY(poly, 7), ENTRY(poly, 8), ENTRY(poly, 9), ENTRY(poly, 10), ENTRY(poly, 11),          \
            ENTRY(poly, 12), ENTRY(poly, 13), ENTRY(poly, 14), ENTRY(poly, 15)                                         \
    }

// 0x04c11db7 and 0x1edc6f41 with their bits reversed.
static const uint32_t crc32_nibbles[16] = NIBBLES(0xedb88320u);
static const uint32_t crc32c_nibbles[16] = NIBBLES(0x82f63b78u);

static uint32_t by_table(const uint32_t nibbles[16], uint32_t crc, struct slice data)
{
    for (size_t i = 0; i < data.len; i++) {
        uint32_t byte = (uint8_t)data.ptr[i];
        crc = (crc >> 4) ^ nibbles[(crc ^ byte) & 15];
        crc = (crc >> 4) ^ nibbles[(crc ^ (byte >> 4)) & 15];
    }
    return crc;
}

uint32_t hash_crc32(uint32_t crc, struct slice data)
{
    return ~by_table(crc32_nibbles, ~crc, data);
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const unsigned char *at, size_t len)
{
    uint64_t wide = crc;
    for (; len >= 8; at += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    crc = (uint32_t)wide;
    for (; len; at++, len--)
        crc = __builtin_ia32_crc32qi(crc, *at);
    return crc;
}
#endif

uint32_t hash_crc32c_portable(uint32_t crc, struct slice data)
{
    return ~by_table(crc32c_nibbles, ~crc, data);
}

uint32_t hash_crc32c(uint32_t crc, struct slice data)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return ~crc32c_sse42(~crc, (const unsigned char *)data.ptr, data.len);
#endif
    return hash_crc32c_portable(crc, data);
}
