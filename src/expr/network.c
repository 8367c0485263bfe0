// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include "base/check.h"
#include "expr/network.h"

// Networks that end within one byte, 0 to 7 bits of it: a bit for each that is there, 1 << length from (1 << length) -
// 1 on, and their entries in that order. A network of whole bytes alone needs none of this: the spot is its entries'.
struct inner {
    uint64_t bits[4];
    uint8_t lens; // which lengths there are
    uint32_t num;
    expr_spot spots[];
};

static inline struct inner *inner_of(expr_spot spot)
{
    return spot & EXPR_SPOT_OWN ? (struct inner *)(spot & ~(expr_spot)EXPR_SPOT_OWN) : NULL;
}

static inline uint32_t inner_bit(uint32_t len, uint8_t byte)
{
    return (1u << len) - 1 + ((uint32_t)byte >> (8 - len));
}

static inline bool inner_has(const struct inner *inner, uint32_t bit)
{
    return inner->bits[bit >> 6] >> (bit & 63) & 1;
}

static inline uint32_t inner_rank(const struct inner *inner, uint32_t bit)
{
    int rank = __builtin_popcountll(inner->bits[bit >> 6] & ((UINT64_C(1) << (bit & 63)) - 1));
    for (uint32_t i = 0; i < bit >> 6; i++)
        rank += __builtin_popcountll(inner->bits[i]);
    return (uint32_t)rank;
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

const char *expr_network_parse(struct expr_network *out, struct slice text)
{
    size_t slash = slice_find(text, '/');
    if (!expr_addr_parse_short(&out->addr, slice_of(text.ptr, slash)))
        return "this is no IP address or network (host names are not resolved in patterns)";
    out->len = out->addr.family == 4 ? 32 : 128;
    if (slash == text.len)
        return NULL;
    struct slice mask = slice_from(text, slash + 1);
    uint64_t num;
    if (slice_to_u64(mask, &num) && num <= out->len)
        out->len = (uint32_t)num;
    else if (out->addr.family == 6 || !dotted_len(mask, &out->len))
        return "invalid network mask";
    return NULL;
}

void expr_networks_init(struct expr_networks *nets)
{
    for (int i = 0; i < 2; i++)
        expr_tree_init(&nets->trees[i], false, false);
}

static void spot_fini(expr_spot spot)
{
    struct inner *inner = inner_of(spot);
    if (!inner) {
        expr_spot_fini(spot);
        return;
    }
    for (uint32_t i = 0; i < inner->num; i++)
        expr_spot_fini(inner->spots[i]);
    free(inner);
}

bool expr_networks_fini_some(struct expr_networks *nets, uint32_t *budget)
{
    return expr_tree_fini_some(&nets->trees[0], spot_fini, budget) &&
           expr_tree_fini_some(&nets->trees[1], spot_fini, budget);
}

// The place of the network that ends `bits` bits after the spot, made where there is none.
static expr_spot *inner_place(expr_spot *spot, uint32_t bits, uint8_t byte)
{
    struct inner *inner = inner_of(*spot);
    if (!inner) {
        if (bits == 0)
            return spot;
        inner = expr_memory(NULL, sizeof(*inner) + sizeof(expr_spot));
        *inner = (struct inner){ .num = *spot != 0, .lens = *spot != 0, .bits = { *spot != 0 } };
        inner->spots[0] = *spot;
    }
    uint32_t bit = inner_bit(bits, byte), rank = inner_rank(inner, bit);
    if (!inner_has(inner, bit)) {
        inner = expr_memory(inner, sizeof(*inner) + (inner->num + 1) * sizeof(expr_spot));
        memmove(&inner->spots[rank + 1], &inner->spots[rank], (inner->num - rank) * sizeof(expr_spot));
        inner->spots[rank] = 0;
        inner->num++;
        inner->bits[bit >> 6] |= UINT64_C(1) << (bit & 63);
        inner->lens |= (uint8_t)(1u << bits);
    }
    *spot = (expr_spot)inner | EXPR_SPOT_OWN;
    return &inner->spots[rank];
}

static void inner_remove(expr_spot *spot, uint32_t bits, uint8_t byte)
{
    struct inner *inner = inner_of(*spot);
    if (!inner)
        return;
    uint32_t bit = inner_bit(bits, byte), rank = inner_rank(inner, bit);
    inner->num--;
    memmove(&inner->spots[rank], &inner->spots[rank + 1], (inner->num - rank) * sizeof(expr_spot));
    inner->bits[bit >> 6] &= ~(UINT64_C(1) << (bit & 63));
    bool left = false;
    for (uint32_t at = (1u << bits) - 1; at < (2u << bits) - 1; at++)
        left |= inner_has(inner, at);
    if (!left)
        inner->lens &= (uint8_t) ~(1u << bits);
    // Back to the plain form where nothing but the network of whole bytes is left.
    if ((inner->lens & ~1u) == 0) {
        *spot = inner->num ? inner->spots[0] : 0;
        free(inner);
    }
}

static struct slice whole_bytes(const struct expr_network *net)
{
    return slice_of((const char *)net->addr.bytes, net->len / 8);
}

static uint8_t part_byte(const struct expr_network *net)
{
    return net->len % 8 ? net->addr.bytes[net->len / 8] : 0;
}

bool expr_networks_add(struct expr_networks *nets, const struct expr_network *net, struct expr_entry *entry)
{
    struct expr_tree *tree = &nets->trees[net->addr.family == 6];
    expr_spot *place = inner_place(expr_tree_spot(tree, whole_bytes(net)), net->len % 8, part_byte(net));
    bool is_new = !*place;
    expr_spot_add(place, entry);
    return is_new;
}

bool expr_networks_del(struct expr_networks *nets, const struct expr_network *net, const struct expr_entry *entry)
{
    struct expr_tree *tree = &nets->trees[net->addr.family == 6];
    expr_spot *spot = expr_tree_find(tree, whole_bytes(net));
    must(spot);
    expr_spot *place = inner_place(spot, net->len % 8, part_byte(net));
    expr_spot_del(place, entry);
    if (*place)
        return false;
    inner_remove(spot, net->len % 8, part_byte(net));
    if (!*spot)
        expr_tree_remove(tree, whole_bytes(net));
    return true;
}

// Of the networks at a spot the longest that `next` is in.
static expr_spot pick(expr_spot spot, int next)
{
    const struct inner *inner = inner_of(spot);
    if (!inner)
        return spot;
    for (uint32_t lens = next < 0 ? inner->lens & 1u : inner->lens; lens;) {
        uint32_t len = 31 - (uint32_t)__builtin_clz(lens), bit = inner_bit(len, next < 0 ? 0 : (uint8_t)next);
        if (inner_has(inner, bit))
            return inner->spots[inner_rank(inner, bit)];
        lens &= ~(1u << len);
    }
    return 0;
}

static expr_spot find_family(const struct expr_networks *nets, const struct expr_addr *addr)
{
    return expr_tree_pick(&nets->trees[addr->family == 6],
                          slice_of((const char *)addr->bytes, addr->family == 4 ? 4 : 16), pick);
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

expr_spot expr_networks_find(const struct expr_networks *nets, const struct expr_addr *addr)
{
    struct expr_addr other;
    expr_spot found = find_family(nets, addr);
    if (found)
        return found;
    if (addr->family == 6)
        return v4_in_v6(addr, &other) ? find_family(nets, &other) : 0;
    if (!nets->trees[1].root)
        return 0;
    other = (struct expr_addr){ .family = 6, .bytes = { [10] = 0xff, [11] = 0xff } };
    memcpy(other.bytes + 12, addr->bytes, 4);
    return find_family(nets, &other);
}
