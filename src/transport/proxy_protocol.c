// SPDX-License-Identifier: Apache-2.0
#include "transport/proxy_protocol.h"

#include <arpa/inet.h>

#include "base/check.h"
#include "base/hash.h"

static const struct slice v2_signature = { .ptr = "\r\n\r\n\0\r\nQUIT\n", .len = 12 };

enum { V2_HEAD_LEN = 16, V2_IN4_LEN = 12, V2_IN6_LEN = 36, V2_UNIX_LEN = 216, TLV_HEAD_LEN = 3, CRC_LEN = 4 };

static enum transport_proxy_parse bad(const char **reason, const char *why)
{
    *reason = why;
    return TRANSPORT_PROXY_BAD;
}

// ---- version 1 ------------------------------------------------------------------------------------------------------

// The start of an IPv4 address as far as it is there: no octet over 255, no needless zero, no fourth dot.
static bool v1_in4_may_become(struct slice text)
{
    unsigned octet = 0, digits = 0, dots = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '.') {
            if (digits == 0 || ++dots > 3)
                return false;
            octet = digits = 0;
            continue;
        }
        if (c < '0' || c > '9' || (digits > 0 && octet == 0))
            return false;
        octet = octet * 10 + (unsigned)(c - '0');
        digits++;
        if (octet > 255)
            return false;
    }
    return true;
}

// The characters of an IPv6 address; its structure is checked once the field is complete.
static bool v1_in6_may_become(struct slice text)
{
    if (text.len >= INET6_ADDRSTRLEN)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = slice_lower(text.ptr[i]);
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == ':' || c == '.'))
            return false;
    }
    return true;
}

static bool v1_port_may_become(struct slice text, uint16_t *port)
{
    unsigned value = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c < '0' || c > '9' || (i > 0 && value == 0))
            return false;
        value = value * 10 + (unsigned)(c - '0');
        if (value > 65535)
            return false;
    }
    *port = (uint16_t)value;
    return true;
}

static bool v1_address(union transport_proxy_address *into, struct slice text, int family)
{
    char copy[INET6_ADDRSTRLEN];
    if (text.len >= sizeof(copy) || memchr(text.ptr, 0, text.len))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    into->sa.sa_family = (sa_family_t)family;
    return family == AF_INET ? inet_pton(AF_INET, copy, &into->in4.sin_addr) == 1
                             : inet_pton(AF_INET6, copy, &into->in6.sin6_addr) == 1;
}

static void set_port(union transport_proxy_address *into, uint16_t port_be)
{
    if (into->sa.sa_family == AF_INET)
        into->in4.sin_port = port_be;
    else
        into->in6.sin6_port = port_be;
}

// One of the four fields. `complete` where what ends it was seen.
static bool v1_field(struct transport_proxy_info *info, struct slice field, unsigned number, int family, bool complete)
{
    union transport_proxy_address *address = number % 2 == 0 ? &info->src : &info->dst;
    if (number < 2) {
        bool may = family == AF_INET ? v1_in4_may_become(field) : v1_in6_may_become(field);
        return may && (!complete || v1_address(address, field, family));
    }
    uint16_t port;
    if (!v1_port_may_become(field, &port) || (complete && field.len == 0))
        return false;
    set_port(address, htons(port));
    return true;
}

// The rest of the line after "PROXY TCP4 " or "PROXY TCP6 ", without its CRLF where it is complete.
static enum transport_proxy_parse v1_fields(struct transport_proxy_info *info, const char **reason, struct slice rest,
                                            int family, bool whole_line)
{
    static const char *const wrong[] = { "PROXY v1: bad source address", "PROXY v1: bad destination address",
                                         "PROXY v1: bad source port", "PROXY v1: bad destination port" };
    for (unsigned number = 0; number < 4; number++) {
        size_t end = slice_find(rest, ' ');
        bool complete = number < 3 ? end < rest.len : whole_line;
        if (number == 3 && end < rest.len)
            return bad(reason, "PROXY v1: more than four fields");
        if (!v1_field(info, slice_of(rest.ptr, end), number, family, complete))
            return bad(reason, wrong[number]);
        if (!complete)
            return whole_line ? bad(reason, "PROXY v1: the line ends early") : TRANSPORT_PROXY_MORE;
        rest = slice_from(rest, end + 1);
    }
    return TRANSPORT_PROXY_DONE;
}

// Both slices agree as far as both go.
static bool agree(struct slice a, struct slice b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    return len == 0 || memcmp(a.ptr, b.ptr, len) == 0;
}

// UNKNOWN: whatever stands before the CRLF is ignored, but it must be set off from the word.
static enum transport_proxy_parse v1_unknown(struct transport_proxy_info *info, const char **reason, struct slice line,
                                             bool whole_line)
{
    struct slice word = SLICE("PROXY UNKNOWN");
    if (line.len > word.len && line.ptr[word.len] != ' ')
        return bad(reason, "PROXY v1: unknown protocol");
    if (!whole_line)
        return TRANSPORT_PROXY_MORE;
    if (line.len < word.len)
        return bad(reason, "PROXY v1: the line ends early");
    info->local = true;
    return TRANSPORT_PROXY_DONE;
}

static enum transport_proxy_parse v1_line(struct transport_proxy_info *info, const char **reason, struct slice line,
                                          bool whole_line)
{
    struct slice tcp4 = SLICE("PROXY TCP4 "), tcp6 = SLICE("PROXY TCP6 "), unknown = SLICE("PROXY UNKNOWN");
    if (slice_begins(line, tcp4))
        return v1_fields(info, reason, slice_from(line, tcp4.len), AF_INET, whole_line);
    if (slice_begins(line, tcp6))
        return v1_fields(info, reason, slice_from(line, tcp6.len), AF_INET6, whole_line);
    if (line.len > strlen("PROXY ") && agree(line, unknown))
        return v1_unknown(info, reason, line, whole_line);
    if (!agree(line, tcp4) && !agree(line, tcp6) && !agree(line, unknown))
        return bad(reason, "PROXY v1: unknown protocol");
    return whole_line ? bad(reason, "PROXY v1: the line ends early") : TRANSPORT_PROXY_MORE;
}

static enum transport_proxy_parse v1_read(struct transport_proxy_info *info, size_t *used, const char **reason,
                                          struct slice data)
{
    struct slice window = slice_of(data.ptr, data.len < TRANSPORT_PROXY_V1_MAX ? data.len : TRANSPORT_PROXY_V1_MAX);
    size_t cr = slice_find(window, '\r');
    if (slice_find(window, '\n') < cr)
        return bad(reason, "PROXY v1: LF without CR");
    if (cr >= TRANSPORT_PROXY_V1_MAX - 1)
        return bad(reason, "PROXY v1: the line is longer than 107 bytes");
    if (cr + 1 < window.len && window.ptr[cr + 1] != '\n')
        return bad(reason, "PROXY v1: CR without LF");
    info->version = 1;
    enum transport_proxy_parse done = v1_line(info, reason, slice_of(window.ptr, cr), cr < window.len);
    if (done != TRANSPORT_PROXY_DONE)
        return done;
    if (cr + 2 > window.len)
        return TRANSPORT_PROXY_MORE;
    *used = cr + 2;
    return TRANSPORT_PROXY_DONE;
}

// ---- version 2 ------------------------------------------------------------------------------------------------------

static uint16_t get_u16(const char *at)
{
    return (uint16_t)((unsigned char)at[0] << 8 | (unsigned char)at[1]);
}

static uint32_t get_u32(const char *at)
{
    return (uint32_t)get_u16(at) << 16 | get_u16(at + 2);
}

static size_t v2_addresses_len(unsigned family)
{
    static const size_t lens[] = { 0, V2_IN4_LEN, V2_IN6_LEN, V2_UNIX_LEN };
    return family < NUM_ITEMS(lens) ? lens[family] : 0;
}

static void v2_addresses(struct transport_proxy_info *info, unsigned family, const char *at)
{
    switch (family) {
    case 1:
        info->src.in4 = (struct sockaddr_in){ .sin_family = AF_INET };
        info->dst.in4 = (struct sockaddr_in){ .sin_family = AF_INET };
        memcpy(&info->src.in4.sin_addr, at, 4);
        memcpy(&info->dst.in4.sin_addr, at + 4, 4);
        memcpy(&info->src.in4.sin_port, at + 8, 2);
        memcpy(&info->dst.in4.sin_port, at + 10, 2);
        break;
    case 2:
        info->src.in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6 };
        info->dst.in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6 };
        memcpy(&info->src.in6.sin6_addr, at, 16);
        memcpy(&info->dst.in6.sin6_addr, at + 16, 16);
        memcpy(&info->src.in6.sin6_port, at + 32, 2);
        memcpy(&info->dst.in6.sin6_port, at + 34, 2);
        break;
    case 3:
        info->src.un = (struct sockaddr_un){ .sun_family = AF_UNIX };
        info->dst.un = (struct sockaddr_un){ .sun_family = AF_UNIX };
        memcpy(info->src.un.sun_path, at, 108);
        memcpy(info->dst.un.sun_path, at + 108, 108);
        break;
    }
}

// Lists the TLVs of `rest`, of which the first `have` bytes are there. `*crc` gets the CRC32c's value, empty without
// one.
static enum transport_proxy_parse v2_tlvs(struct transport_proxy_info *info, struct slice *crc, const char **reason,
                                          struct slice rest, size_t have)
{
    for (size_t at = 0; at < rest.len;) {
        if (rest.len - at < TLV_HEAD_LEN)
            return bad(reason, "PROXY v2: bytes left over after the last TLV");
        if (have < at + TLV_HEAD_LEN)
            return TRANSPORT_PROXY_MORE;
        uint8_t type = (uint8_t)rest.ptr[at];
        struct slice value = slice_of(rest.ptr + at + TLV_HEAD_LEN, get_u16(rest.ptr + at + 1));
        at += TLV_HEAD_LEN + value.len;
        if (at > rest.len)
            return bad(reason, "PROXY v2: a TLV is longer than the header");
        if (type == TRANSPORT_PROXY_TLV_UNIQUE_ID && value.len > TRANSPORT_PROXY_UNIQUE_ID_MAX)
            return bad(reason, "PROXY v2: a unique id of more than 128 bytes");
        if (type == TRANSPORT_PROXY_TLV_CRC32C) {
            if (value.len != CRC_LEN || crc->len)
                return bad(reason, "PROXY v2: a malformed or second CRC32c");
            *crc = value;
        }
        if (info->num_tlvs == TRANSPORT_PROXY_MAX_TLVS)
            return bad(reason, "PROXY v2: too many TLVs");
        info->tlvs[info->num_tlvs++] = (struct transport_proxy_tlv){ .type = type, .value = value };
    }
    return have < rest.len ? TRANSPORT_PROXY_MORE : TRANSPORT_PROXY_DONE;
}

// The checksum is that of the header with zeros in its own place.
static bool v2_crc_holds(struct slice header, struct slice crc)
{
    size_t before = (size_t)(crc.ptr - header.ptr);
    uint32_t sum = hash_crc32c(0, slice_of(header.ptr, before));
    sum = hash_crc32c(sum, slice_of("\0\0\0\0", CRC_LEN));
    sum = hash_crc32c(sum, slice_from(header, before + CRC_LEN));
    return sum == get_u32(crc.ptr);
}

// The body, after a head that is complete and sane. `total` is the length of the whole header.
static enum transport_proxy_parse v2_body(struct transport_proxy_info *info, size_t *used, const char **reason,
                                          struct slice data, size_t total)
{
    unsigned family = (unsigned char)data.ptr[13] >> 4;
    bool loose = info->local;
    size_t addresses = v2_addresses_len(family);
    if (total - V2_HEAD_LEN < addresses) {
        if (!loose)
            return bad(reason, "PROXY v2: too short for its addresses");
        addresses = total - V2_HEAD_LEN;
    }
    struct slice crc = { 0 };
    size_t skip = V2_HEAD_LEN + addresses;
    size_t have = data.len < total ? data.len : total;
    const char *why = NULL;
    enum transport_proxy_parse done =
        v2_tlvs(info, &crc, &why, slice_of(data.ptr + skip, total - skip), have > skip ? have - skip : 0);
    if (done == TRANSPORT_PROXY_BAD && !loose)
        return bad(reason, why);
    if (data.len < total)
        return TRANSPORT_PROXY_MORE;
    if (done == TRANSPORT_PROXY_BAD) {
        info->num_tlvs = 0;
        crc.len = 0;
    }
    if (crc.len && !v2_crc_holds(slice_of(data.ptr, total), crc))
        return bad(reason, "PROXY v2: wrong CRC32c");
    if (!info->local)
        v2_addresses(info, family, data.ptr + V2_HEAD_LEN);
    *used = total;
    return TRANSPORT_PROXY_DONE;
}

static enum transport_proxy_parse v2_read(struct transport_proxy_info *info, size_t *used, const char **reason,
                                          struct slice data)
{
    info->version = 2;
    if (data.len <= 12)
        return TRANSPORT_PROXY_MORE;
    unsigned command = (unsigned char)data.ptr[12];
    if (command >> 4 != 2)
        return bad(reason, "PROXY v2: unknown version");
    if ((command & 15) > 1)
        return bad(reason, "PROXY v2: unknown command");
    info->local = (command & 15) == 0;
    if (data.len <= 13)
        return TRANSPORT_PROXY_MORE;
    unsigned family = (unsigned char)data.ptr[13] >> 4, protocol = (unsigned char)data.ptr[13] & 15;
    if (!info->local && (family > 3 || protocol > 2))
        return bad(reason, "PROXY v2: unknown address family or protocol");
    if (family == 0 || protocol == 0)
        info->local = true;
    if (data.len < V2_HEAD_LEN)
        return TRANSPORT_PROXY_MORE;
    return v2_body(info, used, reason, data, V2_HEAD_LEN + (size_t)get_u16(data.ptr + 14));
}

static enum transport_proxy_parse read_any(struct transport_proxy_info *info, size_t *used, const char **reason,
                                           struct slice data)
{
    if (data.len == 0)
        return TRANSPORT_PROXY_MORE;
    if (agree(data, v2_signature))
        return v2_read(info, used, reason, data);
    if (agree(data, SLICE("PROXY ")))
        return v1_read(info, used, reason, data);
    return bad(reason, "no PROXY header");
}

enum transport_proxy_parse transport_proxy_read(struct transport_proxy_info *info, size_t *used, const char **reason,
                                                struct slice data)
{
    // Not *info = { 0 }: the TLV array is large and num_tlvs bounds it.
    info->local = false;
    info->version = 0;
    info->num_tlvs = 0;
    memset(&info->src, 0, sizeof(info->src));
    memset(&info->dst, 0, sizeof(info->dst));
    *used = 0;
    *reason = NULL;
    return read_any(info, used, reason, data);
}
