// SPDX-License-Identifier: Apache-2.0
// Fetches that need no subject.
#include "expr/fetch.h"

static bool fetch_true(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                       struct expr_walk *walk)
{
    (void)subject, (void)args, (void)walk;
    *out = (struct expr_sample){ .type = EXPR_BOOL, .boolean = true };
    return true;
}

static bool fetch_false(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                        struct expr_walk *walk)
{
    (void)subject, (void)args, (void)walk;
    *out = (struct expr_sample){ .type = EXPR_BOOL, .boolean = false };
    return true;
}

static const char *prepare_bool(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)config, (void)num;
    struct slice str = args[0].str;
    args[0].num = slice_equal(str, SLICE("1")) || slice_equal_nocase(str, SLICE("true"));
    if (!args[0].num && !slice_equal(str, SLICE("0")) && !slice_equal_nocase(str, SLICE("false")))
        return "its argument is true, false, 1 or 0";
    return NULL;
}

static bool fetch_bool(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                       struct expr_walk *walk)
{
    (void)subject, (void)walk;
    *out = (struct expr_sample){ .type = EXPR_BOOL, .boolean = args[0].num };
    return true;
}

static const char *prepare_int(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)config, (void)num;
    struct slice str = args[0].str;
    bool negative = str.len && str.ptr[0] == '-';
    uint64_t value;
    if (!slice_to_u64(slice_from(str, negative), &value) || value > (uint64_t)INT64_MAX + negative)
        return "its argument is a 64-bit integer";
    args[0].num = (int64_t)(negative ? 0 - value : value);
    return NULL;
}

static bool fetch_int(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                      struct expr_walk *walk)
{
    (void)subject, (void)walk;
    *out = (struct expr_sample){ .type = EXPR_INT, .num = args[0].num };
    return true;
}

static bool fetch_str(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                      struct expr_walk *walk)
{
    (void)subject, (void)walk;
    *out = (struct expr_sample){ .type = EXPR_STR, .str = args[0].str };
    return true;
}

static bool fetch_meth(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                       struct expr_walk *walk)
{
    (void)subject, (void)walk;
    *out = (struct expr_sample){ .type = EXPR_METHOD, .str = args[0].str };
    return true;
}

static const char *prepare_bin(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)num;
    struct slice hex = args[0].str;
    char *bytes = arena_alloc(config->arena, hex.len / 2 + 1);
    for (size_t i = 0; i + 1 < hex.len; i += 2) {
        int high = slice_hex_digit(hex.ptr[i]), low = slice_hex_digit(hex.ptr[i + 1]);
        if (high < 0 || low < 0)
            return "its argument is made of hexadecimal digits";
        bytes[i / 2] = (char)(high << 4 | low);
    }
    args[0].str = slice_of(bytes, hex.len / 2);
    return hex.len % 2 ? "its argument has an even number of hexadecimal digits" : NULL;
}

static bool fetch_bin(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                      struct expr_walk *walk)
{
    (void)subject, (void)walk;
    *out = (struct expr_sample){ .type = EXPR_BIN, .str = args[0].str };
    return true;
}

static const char *prepare_addr(struct config *config, struct expr_arg *args, uint8_t family)
{
    struct expr_addr *addr = arena_alloc(config->arena, sizeof(*addr));
    args[0].data = addr;
    if (!expr_addr_parse(addr, args[0].str) || addr->family != family)
        return family == 4 ? "its argument is an IPv4 address" : "its argument is an IPv6 address";
    return NULL;
}

static const char *prepare_ipv4(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)num;
    return prepare_addr(config, args, 4);
}

static const char *prepare_ipv6(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)num;
    return prepare_addr(config, args, 6);
}

static bool fetch_addr(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                       struct expr_walk *walk)
{
    (void)subject, (void)walk;
    *out = (struct expr_sample){ .type = EXPR_ADDR, .addr = *(const struct expr_addr *)args[0].data };
    return true;
}

#define CONSTANT(word, form, type, check, function, text, example, wrong, says)                                        \
    {                                                                                                                  \
        .name = word, .args = form, .min_args = 1, .max_args = 1, .out = type, .when = EXPR_ALWAYS, .prepare = check,  \
        .fetch = function, .help = text, .good = example, .bad = wrong, .bad_says = says                               \
    }

static const struct expr_fetch rows[] = {
    { .name = "always_true",
      .out = EXPR_BOOL,
      .when = EXPR_ALWAYS,
      .fetch = fetch_true,
      .help = "Always true.",
      .good = "always_true" },
    { .name = "always_false",
      .out = EXPR_BOOL,
      .when = EXPR_ALWAYS,
      .fetch = fetch_false,
      .help = "Always false.",
      .good = "always_false" },
    CONSTANT("bin", "<hex>", EXPR_BIN, prepare_bin, fetch_bin, "The bytes whose hexadecimal digits are its argument.",
             "bin(00ff) -m len 2", "bin(0)", "an even number of hexadecimal digits"),
    CONSTANT("bool", "<bool>", EXPR_BOOL, prepare_bool, fetch_bool,
             "The boolean that its argument says: true, false, 1 or 0.", "bool(true)", "bool(yes)",
             "true, false, 1 or 0"),
    CONSTANT("int", "<integer>", EXPR_INT, prepare_int, fetch_int, "The integer that its argument says.", "int(5) ge 3",
             "int(x)", "64-bit integer"),
    CONSTANT("ipv4", "<ipv4>", EXPR_ADDR, prepare_ipv4, fetch_addr, "The IPv4 address that its argument says.",
             "ipv4(192.0.2.1) 192.0.2.0/24", "ipv4(::1)", "an IPv4 address"),
    CONSTANT("ipv6", "<ipv6>", EXPR_ADDR, prepare_ipv6, fetch_addr, "The IPv6 address that its argument says.",
             "ipv6(2001:db8::1) 2001:db8::/32", "ipv6(1.2.3.4)", "an IPv6 address"),
    CONSTANT("meth", "<method>", EXPR_METHOD, NULL, fetch_meth, "The method that its argument says.", "meth(GET) GET",
             "meth(GET,POST)", "takes (<method>)"),
    CONSTANT("str", "<string>", EXPR_STR, NULL, fetch_str, "The text that its argument is.", "str(abc) -m beg a",
             "str(a,b)", "takes (<string>)"),
};
EXPR_FETCHES(rows);
