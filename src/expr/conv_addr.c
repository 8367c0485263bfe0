// SPDX-License-Identifier: Apache-2.0
// Converters of addresses and of integers to their bytes.
#include <arpa/inet.h>
#include "expr/bytes.h"

// Reads a mask for addresses of `len` bytes: a number of bits, or an address whose set bits count.
static bool parse_mask(struct expr_addr *out, struct slice text, size_t len)
{
    uint64_t bits;
    char buf[INET6_ADDRSTRLEN];
    *out = (struct expr_addr){ .family = len == 4 ? 4 : 6 };
    if (slice_to_u64(text, &bits)) {
        if (bits > len * 8)
            return false;
        for (size_t i = 0; i < bits; i++)
            out->bytes[i / 8] |= (uint8_t)(0x80 >> i % 8);
        return true;
    }
    if (text.len >= sizeof(buf) || slice_find(text, '\0') < text.len)
        return false;
    memcpy(buf, text.ptr, text.len);
    buf[text.len] = '\0';
    return inet_pton(len == 4 ? AF_INET : AF_INET6, buf, out->bytes) == 1;
}

// args[0].data is the mask for IPv4, args[1].data that for IPv6 or NULL.
static const char *prepare_ipmask(struct config *config, struct expr_arg *args, uint32_t num)
{
    args[0].data = arena_alloc(config->arena, sizeof(struct expr_addr));
    if (!parse_mask(args[0].data, args[0].str, 4))
        return "the IPv4 mask is neither a number of up to 32 bits nor of the form 255.255.255.0";
    if (num < 2)
        return NULL;
    args[1].data = arena_alloc(config->arena, sizeof(struct expr_addr));
    if (!parse_mask(args[1].data, args[1].str, 16))
        return "the IPv6 mask is neither a number of up to 128 bits nor of the form ffff:ffff::";
    return NULL;
}

// An IPv4 address in an IPv6 one is masked, and given, as the former.
static bool conv_ipmask(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    (void)subject;
    struct expr_addr *addr = &sample->addr;
    if (addr->family == 6 && memcmp(addr->bytes, mapped, sizeof(mapped)) == 0) {
        struct expr_addr v4 = { .family = 4 };
        memcpy(v4.bytes, addr->bytes + sizeof(mapped), 4);
        *addr = v4;
    }
    const struct expr_addr *mask = args[addr->family == 4 ? 0 : 1].data;
    if (!mask)
        return false;
    for (size_t i = 0; i < sizeof(addr->bytes); i++)
        addr->bytes[i] &= mask->bytes[i];
    return true;
}

static bool conv_htonl(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)args;
    uint32_t value = htonl((uint32_t)sample->num);
    size_t room;
    char *out = expr_scratch_rest(&subject->process->scratch, &room);
    if (room < sizeof(value))
        return false;
    memcpy(out, &value, sizeof(value));
    return expr_sample_take(sample, &subject->process->scratch, EXPR_BIN, sizeof(value));
}

static const struct expr_conv rows[] = {
    { .name = "ipmask",
      .args = "<mask4>[,<mask6>]",
      .min_args = 1,
      .max_args = 2,
      .in = EXPR_ADDR,
      .out = EXPR_ADDR,
      .prepare = prepare_ipmask,
      .convert = conv_ipmask,
      .help = "The network an address is in. A mask is a number of bits or an address; without the second one an IPv6 "
              "address has no value.",
      .good = "str(10.1.2.3),ipmask(24,64)",
      .gives = "10.1.2.0",
      .bad = "str(10.1.2.3),ipmask(33)",
      .bad_says = "the IPv4 mask is neither" },
    { .name = "htonl",
      .in = EXPR_INT,
      .out = EXPR_BIN,
      .convert = conv_htonl,
      .help = "The low 32 bits of an integer as four bytes, the highest first.",
      .good = "int(1094861636),htonl",
      .gives = "ABCD",
      .bad = "int(1),htonl(2)",
      .bad_says = "takes no arguments" },
};
EXPR_CONVERTERS(rows);
