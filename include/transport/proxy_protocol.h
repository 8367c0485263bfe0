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

enum {
    TRANSPORT_PROXY_V1_MAX = 107,
    TRANSPORT_PROXY_V2_MAX = 16 + 65535,
    TRANSPORT_PROXY_MAX_TLVS = 32,
    TRANSPORT_PROXY_UNIQUE_ID_MAX = 128
};

union transport_proxy_address {
    struct sockaddr sa;
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
};

// Types of TLVs (section 2.2).
enum {
    TRANSPORT_PROXY_TLV_ALPN = 0x01,
    TRANSPORT_PROXY_TLV_AUTHORITY = 0x02,
    TRANSPORT_PROXY_TLV_CRC32C = 0x03,
    TRANSPORT_PROXY_TLV_NOOP = 0x04,
    TRANSPORT_PROXY_TLV_UNIQUE_ID = 0x05,
    TRANSPORT_PROXY_TLV_SSL = 0x20,
    TRANSPORT_PROXY_TLV_SSL_VERSION = 0x21, // within TRANSPORT_PROXY_TLV_SSL, as are the next four
    TRANSPORT_PROXY_TLV_SSL_CN = 0x22,
    TRANSPORT_PROXY_TLV_SSL_CIPHER = 0x23,
    TRANSPORT_PROXY_TLV_SSL_SIG_ALG = 0x24,
    TRANSPORT_PROXY_TLV_SSL_KEY_ALG = 0x25,
    TRANSPORT_PROXY_TLV_NETNS = 0x30
};

struct transport_proxy_tlv {
    uint8_t type;
    struct slice value; // into the bytes that were parsed
};

struct transport_proxy_info {
    bool local; // LOCAL command, UNKNOWN or UNSPEC: use the connection's own addresses
    uint8_t version;
    union transport_proxy_address src; // sa_family AF_UNSPEC when not known
    union transport_proxy_address dst; // sun_path of a unix address may fill its array without a NUL
    struct transport_proxy_tlv tlvs[TRANSPORT_PROXY_MAX_TLVS]; // the TLVs within an SSL TLV are not listed
    uint32_t num_tlvs;
};

enum transport_proxy_parse { TRANSPORT_PROXY_DONE, TRANSPORT_PROXY_MORE, TRANSPORT_PROXY_BAD };

// transport_proxy_read parses a header at the start of `data`; `*used` is its length on TRANSPORT_PROXY_DONE, 0
// otherwise. Both versions are recognised, by the specification's section 2; a CRC32c TLV is verified.
// TRANSPORT_PROXY_MORE is the answer only while more bytes could still make a valid header (an IPv6 address in text is
// judged as a whole). On TRANSPORT_PROXY_BAD `*reason` says why, for the log; it is NULL otherwise. A header of more
// than TRANSPORT_PROXY_MAX_TLVS TLVs is refused. What follows the addresses of a LOCAL or UNSPEC header is listed if it
// consists of TLVs and skipped if it does not.
enum transport_proxy_parse transport_proxy_read(struct transport_proxy_info *info, size_t *used, const char **reason,
                                                struct slice data);

// What the SSL TLV says of the client's connection (section 2.2.6).
enum {
    TRANSPORT_PROXY_CLIENT_SSL = 0x01,
    TRANSPORT_PROXY_CLIENT_CERT_CONN = 0x02,
    TRANSPORT_PROXY_CLIENT_CERT_SESS = 0x04
};

struct transport_proxy_ssl {
    uint8_t client;       // TRANSPORT_PROXY_CLIENT_*
    uint32_t verify;      // 0: no certificate, or nothing is wrong with it; else X509_V_*
    struct slice version; // those that are empty are left out
    struct slice cn;
    struct slice key_alg;
    struct slice sig_alg;
    struct slice cipher;
};

// What a header to a server shall hold (server options send-proxy, send-proxy-v2 and proxy-v2-options).
struct transport_proxy_write {
    uint8_t version; // 1 or 2
    bool local;      // no client behind it, such as a health check: UNKNOWN or LOCAL
    bool crc32c;
    const union transport_proxy_address *src; // NULL for unknown
    const union transport_proxy_address *dst;
    const struct transport_proxy_ssl *ssl;  // NULL: no such TLV
    struct slice alpn;                      // of the client's connection, empty: no such TLV
    struct slice unique_id;                 // empty: no such TLV; at most TRANSPORT_PROXY_UNIQUE_ID_MAX bytes
    struct slice authority;                 // likewise, without that bound
    const struct transport_proxy_tlv *tlvs; // further ones, in order; CRC32c among them is left out, it would not hold
    uint32_t num_tlvs;
};

// transport_proxy_build writes the header to `dst` and returns its length, 0 where `cap` is too small or a TLV or all
// of them are too long for the protocol. Addresses of two different families, IPv4 and IPv6, are sent as IPv6
// (v4-mapped). Addresses that are not known or that the version cannot express are sent as UNKNOWN or UNSPEC.
size_t transport_proxy_build(char *dst, size_t cap, const struct transport_proxy_write *what);
