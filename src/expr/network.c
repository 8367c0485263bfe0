// SPDX-License-Identifier: Apache-2.0
#include "expr/network.h"

enum { KEY_LEN = 18 };

void expr_networks_init(struct expr_networks *nets, struct arena *arena)
{
    *nets = (struct expr_networks){ 0 };
    expr_set_init(&nets->set, arena, false, false);
}

static struct slice make_key(char key[KEY_LEN], const struct expr_addr *addr, uint32_t len)
{
    size_t size = addr->family == 4 ? 4 : 16;
    key[0] = (char)addr->family;
    key[1] = (char)len;
    for (size_t i = 0; i < size; i++) {
        uint32_t bits = len > 8 * i ? len - 8 * (uint32_t)i : 0;
        uint8_t mask = bits >= 8 ? 0xff : (uint8_t)(0xff00 >> bits);
        key[2 + i] = (char)(addr->bytes[i] & mask);
    }
    return slice_of(key, 2 + size);
}

// A dotted mask must be ones and then zeros.
static bool dotted_len(struct slice text, uint32_t *len)
{
    struct expr_addr mask;
    size_t dots = 0;
    for (size_t i = 0; i < text.len; i++)
        dots += text.ptr[i] == '.';
    if (dots != 3 || !expr_addr_parse(&mask, text) || mask.family != 4)
        return false;
    uint32_t bits =
        (uint32_t)mask.bytes[0] << 24 | (uint32_t)mask.bytes[1] << 16 | (uint32_t)mask.bytes[2] << 8 | mask.bytes[3];
    *len = bits == UINT32_MAX ? 32 : (uint32_t)__builtin_clz(~bits);
    return *len == 0 ? bits == 0 : bits == UINT32_MAX << (32 - *len);
}

const char *expr_networks_add(struct expr_networks *nets, struct slice text)
{
    struct expr_addr addr;
    size_t slash = slice_find(text, '/');
    if (!expr_addr_parse(&addr, slice_of(text.ptr, slash)))
        return "this is no IP address or network (host names are not resolved in patterns)";
    uint32_t len = addr.family == 4 ? 32 : 128;
    if (slash < text.len) {
        struct slice mask = slice_from(text, slash + 1);
        uint64_t num;
        if (slice_to_u64(mask, &num) && num <= len)
            len = (uint32_t)num;
        else if (addr.family == 6 || !dotted_len(mask, &len))
            return "invalid network mask";
    }
    char key[KEY_LEN];
    expr_set_add(&nets->set, make_key(key, &addr, len));
    nets->lens[addr.family == 6][len / 32] |= 1u << len % 32;
    return NULL;
}

static bool match_family(const struct expr_networks *nets, const struct expr_addr *addr)
{
    char key[KEY_LEN];
    const uint32_t *lens = nets->lens[addr->family == 6];
    for (uint32_t word = 0; word < 5; word++)
        for (uint32_t bits = lens[word]; bits; bits &= bits - 1)
            if (expr_set_has(&nets->set, make_key(key, addr, word * 32 + (uint32_t)__builtin_ctz(bits))))
                return true;
    return false;
}

// The IPv4 address in 2002:IPV4::, ::IPV4 or ::ffff:IPV4.
static bool v4_in_v6(const struct expr_addr *addr, struct expr_addr *v4)
{
    static const uint8_t zero[10];
    const uint8_t *b = addr->bytes;
    *v4 = (struct expr_addr){ .family = 4 };
    if (b[0] == 0x20 && b[1] == 0x02) {
        memcpy(v4->bytes, b + 2, 4);
        return true;
    }
    memcpy(v4->bytes, b + 12, 4);
    return memcmp(b, zero, 10) == 0 && b[10] == b[11] && (b[10] == 0 || b[10] == 0xff);
}

bool expr_networks_match(const struct expr_networks *nets, const struct expr_addr *addr)
{
    if (match_family(nets, addr))
        return true;
    struct expr_addr other;
    if (addr->family == 6)
        return v4_in_v6(addr, &other) && match_family(nets, &other);
    other = (struct expr_addr){ .family = 6, .bytes = { [10] = 0xff, [11] = 0xff } };
    memcpy(other.bytes + 12, addr->bytes, 4);
    return match_family(nets, &other);
}
