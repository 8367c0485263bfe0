// SPDX-License-Identifier: Apache-2.0
#include "transport/proxy_protocol.h"

#include <arpa/inet.h>
#include <stdio.h>
#include "base/hash.h"

// Where the next byte goes; `failed` once something did not fit.
struct out {
    char *at;
    size_t len;
    size_t cap;
    bool failed;
};

static void put(struct out *out, const void *data, size_t len)
{
    if (out->failed || len > out->cap - out->len) {
        out->failed = true;
        return;
    }
    if (len)
        memcpy(out->at + out->len, data, len);
    out->len += len;
}

static void put_u8(struct out *out, unsigned value)
{
    put(out, &(uint8_t){ (uint8_t)value }, 1);
}

static void put_u16(struct out *out, unsigned value)
{
    put(out, (uint8_t[]){ (uint8_t)(value >> 8), (uint8_t)value }, 2);
}

static void put_tlv(struct out *out, uint8_t type, struct slice value)
{
    if (value.len > UINT16_MAX) {
        out->failed = true;
        return;
    }
    put_u8(out, type);
    put_u16(out, (unsigned)value.len);
    put(out, value.ptr, value.len);
}

static void map_to_in6(union transport_proxy_address *into, const union transport_proxy_address *from)
{
    if (from->sa.sa_family == AF_INET6) {
        into->in6 = from->in6;
        return;
    }
    into->in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = from->in4.sin_port };
    memset(into->in6.sin6_addr.s6_addr + 10, 0xff, 2);
    memcpy(into->in6.sin6_addr.s6_addr + 12, &from->in4.sin_addr, 4);
}

static bool is_internet(const union transport_proxy_address *address)
{
    return address->sa.sa_family == AF_INET || address->sa.sa_family == AF_INET6;
}

// Brings both addresses to one family and names it; AF_UNSPEC where there is none they can share.
static int common_family(union transport_proxy_address *src, union transport_proxy_address *dst,
                         const struct transport_proxy_write *what)
{
    if (what->local || !what->src || !what->dst)
        return AF_UNSPEC;
    *src = *what->src;
    *dst = *what->dst;
    if (src->sa.sa_family == dst->sa.sa_family)
        return is_internet(src) || src->sa.sa_family == AF_UNIX ? src->sa.sa_family : AF_UNSPEC;
    if (!is_internet(src) || !is_internet(dst))
        return AF_UNSPEC;
    map_to_in6(src, what->src);
    map_to_in6(dst, what->dst);
    return AF_INET6;
}

static void build_v1(struct out *out, const struct transport_proxy_write *what)
{
    union transport_proxy_address src, dst;
    char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN], line[TRANSPORT_PROXY_V1_MAX + 1];
    int len;
    switch (common_family(&src, &dst, what)) {
    case AF_INET:
        inet_ntop(AF_INET, &src.in4.sin_addr, from, sizeof(from));
        inet_ntop(AF_INET, &dst.in4.sin_addr, to, sizeof(to));
        len = snprintf(line, sizeof(line), "PROXY TCP4 %s %s %u %u\r\n", from, to, ntohs(src.in4.sin_port),
                       ntohs(dst.in4.sin_port));
        break;
    case AF_INET6:
        inet_ntop(AF_INET6, &src.in6.sin6_addr, from, sizeof(from));
        inet_ntop(AF_INET6, &dst.in6.sin6_addr, to, sizeof(to));
        len = snprintf(line, sizeof(line), "PROXY TCP6 %s %s %u %u\r\n", from, to, ntohs(src.in6.sin6_port),
                       ntohs(dst.in6.sin6_port));
        break;
    default:
        len = snprintf(line, sizeof(line), "PROXY UNKNOWN\r\n");
        break;
    }
    put(out, line, (size_t)len);
}

static void put_v2_addresses(struct out *out, const struct transport_proxy_write *what)
{
    union transport_proxy_address src, dst;
    int family = common_family(&src, &dst, what);
    put_u8(out, what->local ? 0x20 : 0x21);
    switch (family) {
    case AF_INET:
        put_u8(out, 0x11);
        put_u16(out, 0);
        put(out, &src.in4.sin_addr, 4);
        put(out, &dst.in4.sin_addr, 4);
        put(out, &src.in4.sin_port, 2);
        put(out, &dst.in4.sin_port, 2);
        break;
    case AF_INET6:
        put_u8(out, 0x21);
        put_u16(out, 0);
        put(out, &src.in6.sin6_addr, 16);
        put(out, &dst.in6.sin6_addr, 16);
        put(out, &src.in6.sin6_port, 2);
        put(out, &dst.in6.sin6_port, 2);
        break;
    case AF_UNIX:
        put_u8(out, 0x31);
        put_u16(out, 0);
        put(out, src.un.sun_path, 108);
        put(out, dst.un.sun_path, 108);
        break;
    default:
        put_u8(out, 0x00);
        put_u16(out, 0);
        break;
    }
}

static void put_text(struct out *out, uint8_t type, struct slice value)
{
    if (value.len)
        put_tlv(out, type, value);
}

static void put_ssl(struct out *out, const struct transport_proxy_ssl *ssl)
{
    put_u8(out, TRANSPORT_PROXY_TLV_SSL);
    size_t len_at = out->len;
    put_u16(out, 0);
    put_u8(out, ssl->client);
    put_u16(out, ssl->verify >> 16);
    put_u16(out, ssl->verify & UINT16_MAX);
    put_text(out, TRANSPORT_PROXY_TLV_SSL_VERSION, ssl->version);
    put_text(out, TRANSPORT_PROXY_TLV_SSL_CN, ssl->cn);
    put_text(out, TRANSPORT_PROXY_TLV_SSL_KEY_ALG, ssl->key_alg);
    put_text(out, TRANSPORT_PROXY_TLV_SSL_SIG_ALG, ssl->sig_alg);
    put_text(out, TRANSPORT_PROXY_TLV_SSL_CIPHER, ssl->cipher);
    size_t len = out->len - len_at - 2;
    if (out->failed || len > UINT16_MAX) {
        out->failed = true;
        return;
    }
    out->at[len_at] = (char)(len >> 8);
    out->at[len_at + 1] = (char)len;
}

static void build_v2(struct out *out, const struct transport_proxy_write *what)
{
    size_t crc_at = 0;
    put(out, "\r\n\r\n\0\r\nQUIT\n", 12);
    put_v2_addresses(out, what);
    if (what->crc32c) {
        put_tlv(out, TRANSPORT_PROXY_TLV_CRC32C, slice_of("\0\0\0\0", 4));
        crc_at = out->len - 4;
    }
    put_text(out, TRANSPORT_PROXY_TLV_ALPN, what->alpn);
    put_text(out, TRANSPORT_PROXY_TLV_AUTHORITY, what->authority);
    if (what->unique_id.len > TRANSPORT_PROXY_UNIQUE_ID_MAX)
        out->failed = true;
    put_text(out, TRANSPORT_PROXY_TLV_UNIQUE_ID, what->unique_id);
    if (what->ssl)
        put_ssl(out, what->ssl);
    for (uint32_t i = 0; i < what->num_tlvs; i++)
        if (what->tlvs[i].type != TRANSPORT_PROXY_TLV_CRC32C)
            put_tlv(out, what->tlvs[i].type, what->tlvs[i].value);
    if (out->failed || out->len > TRANSPORT_PROXY_V2_MAX) {
        out->failed = true;
        return;
    }
    uint16_t body_len = htons((uint16_t)(out->len - 16));
    memcpy(out->at + 14, &body_len, 2);
    if (what->crc32c) {
        uint32_t crc = htonl(hash_crc32c(0, slice_of(out->at, out->len)));
        memcpy(out->at + crc_at, &crc, 4);
    }
}

size_t transport_proxy_build(char *dst, size_t cap, const struct transport_proxy_write *what)
{
    struct out out = { .at = dst, .cap = cap };
    if (what->version == 1)
        build_v1(&out, what);
    else
        build_v2(&out, what);
    return out.failed ? 0 : out.len;
}
