// SPDX-License-Identifier: Apache-2.0
#include "transport/proxy_protocol.h"

// The polynomial 0x1edc6f41 with its bits reversed.
#define CRC32C_POLY(c) (((c) >> 1) ^ (0x82f63b78u & (0u - ((c)&1))))

// Sixteen entries, one per nibble: a header is short, and a table of 1 KiB would cost more cache than it saves time.
static uint32_t crc32c_table(uint32_t crc, const unsigned char *at, size_t len)
{
    static const uint32_t nibbles[16] = {
#define ENTRY(n) CRC32C_POLY(CRC32C_POLY(CRC32C_POLY(CRC32C_POLY((uint32_t)(n)))))
        ENTRY(0), ENTRY(1), ENTRY(2),  ENTRY(3),  ENTRY(4),  ENTRY(5),  ENTRY(6),  ENTRY(7),
        ENTRY(8), ENTRY(9), ENTRY(10), ENTRY(11), ENTRY(12), ENTRY(13), ENTRY(14), ENTRY(15),
#undef ENTRY
    };
    for (; len; at++, len--) {
        crc = (crc >> 4) ^ nibbles[(crc ^ *at) & 15];
        crc = (crc >> 4) ^ nibbles[(crc ^ (*at >> 4)) & 15];
    }
    return crc;
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

uint32_t transport_crc32c_portable(uint32_t crc, struct slice data)
{
    return ~crc32c_table(~crc, (const unsigned char *)data.ptr, data.len);
}

uint32_t transport_crc32c(uint32_t crc, struct slice data)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return ~crc32c_sse42(~crc, (const unsigned char *)data.ptr, data.len);
#endif
    return transport_crc32c_portable(crc, data);
}
