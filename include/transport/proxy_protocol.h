// SPDX-License-Identifier: Apache-2.0
// The PROXY protocol, versions 1 and 2: reading the header that a balancer before us sent, and writing one to a server.
// Pure codec: bytes in, addresses out, no I/O. Strict: what is not a valid header is refused, never guessed at. The
// specification is reference/proxy-protocol.txt of HAProxy's documentation.
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "base/slice.h"

enum { TRANSPORT_PROXY_V1_MAX = 107, TRANSPORT_PROXY_V2_MAX = 16 + 65535, TRANSPORT_PROXY_MAX_TLVS = 32 };

union transport_address {
    struct sockaddr sa;
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
};

struct transport_proxy_tlv {
    uint8_t type;
    struct slice value; // into the bytes that were parsed
};

struct transport_proxy_info {
    bool local; // LOCAL command or UNKNOWN: use the connection's own addresses
    uint8_t version;
    union transport_address src; // sa_family AF_UNSPEC when not known
    union transport_address dst;
    struct transport_proxy_tlv tlvs[TRANSPORT_PROXY_MAX_TLVS]; // the TLVs within an SSL TLV are not listed
    uint32_t num_tlvs;
};

enum transport_proxy_parse { TRANSPORT_PROXY_DONE, TRANSPORT_PROXY_MORE, TRANSPORT_PROXY_BAD };

// transport_proxy_read parses a header at the start of `data`; `*used` is its length on TRANSPORT_PROXY_DONE. Both
// versions are recognised; a CRC32c TLV is verified. On TRANSPORT_PROXY_BAD `*reason` says why, for the log.
enum transport_proxy_parse transport_proxy_read(struct transport_proxy_info *info, size_t *used, const char **reason,
                                                struct slice data);

// What a header to a server shall hold (server options send-proxy, send-proxy-v2 and proxy-v2-options).
struct transport_proxy_write {
    uint8_t version; // 1 or 2
    bool local;      // no client behind it, such as a health check: UNKNOWN or LOCAL
    bool crc32c;
    const union transport_address *src; // NULL for unknown
    const union transport_address *dst;
    struct slice unique_id; // empty: no such TLV
    struct slice authority; // likewise
    const struct transport_proxy_tlv *tlvs; // further ones, in order
    uint32_t num_tlvs;
};

// transport_proxy_build writes the header to `dst` and returns its length, 0 where `cap` is too small. Addresses of two
// different families are sent as IPv6 (v4-mapped), as the specification asks.
size_t transport_proxy_build(char *dst, size_t cap, const struct transport_proxy_write *what);

// transport_crc32c gives the CRC32c (Castagnoli, RFC 3720 appendix B.4) of `data`, started with `crc` (0 at first). It
// uses the processor's instruction where there is one.
uint32_t transport_crc32c(uint32_t crc, struct slice data);
