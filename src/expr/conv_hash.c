// SPDX-License-Identifier: Apache-2.0
// Converters that make a number of a key. None of them is of use against an attacker.
#define XXH_INLINE_ALL
#define XXH_NO_STREAM
#include <xxhash.h>
#include "base/hash.h"
#include "expr/conv.h"
#include "expr/number.h"

static bool put(struct expr_sample *sample, uint32_t hash, const struct expr_arg *args)
{
    *sample = (struct expr_sample){ .type = EXPR_INT, .num = args[0].num ? hash_avalanche(hash) : hash };
    return true;
}

static bool convert_crc32(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject;
    return put(sample, hash_crc32(0, sample->str), args);
}

static bool convert_crc32c(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject;
    return put(sample, hash_crc32c(0, sample->str), args);
}

static bool convert_djb2(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject;
    return put(sample, hash_djb2(sample->str), args);
}

static bool convert_sdbm(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject;
    return put(sample, hash_sdbm(sample->str), args);
}

static bool convert_wt6(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject;
    return put(sample, hash_wt6(sample->str), args);
}

static bool put_num(struct expr_sample *sample, int64_t num)
{
    *sample = (struct expr_sample){ .type = EXPR_INT, .num = num };
    return true;
}

static bool convert_xxh32(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject;
    return put_num(sample, XXH32(sample->str.ptr, sample->str.len, (uint32_t)args[0].num));
}

static bool convert_xxh64(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject;
    return put_num(sample, (int64_t)XXH64(sample->str.ptr, sample->str.len, (uint64_t)args[0].num));
}

static bool convert_xxh3(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject;
    uint64_t seed = (uint64_t)args[0].num;
    return put_num(sample, (int64_t)XXH3_64bits_withSeed(sample->str.ptr, sample->str.len, seed));
}

#define HASH(argument)                                                                                                 \
    .args = "[<" argument ">]", .max_args = 1, .in = EXPR_BIN, .out = EXPR_INT, .prepare = expr_prepare_numbers

static const struct expr_conv converters[] = {
    { .name = "crc32",
      HASH("avalanche"),
      .convert = convert_crc32,
      .help = "The CRC32 of Ethernet, gzip and PNG, 32 bits; spread over all of them with an argument other than 0.",
      .good = "str(hello),crc32",
      .gives = "907060870",
      .bad = "str(hello),crc32(x)",
      .bad_says = "expected a number" },
    { .name = "crc32c",
      HASH("avalanche"),
      .convert = convert_crc32c,
      .help = "The CRC32c (Castagnoli), 32 bits; spread over all of them with an argument other than 0.",
      .good = "str(hello),crc32c(1)",
      .gives = "2290590055",
      .bad = "str(hello),crc32c(1,2)",
      .bad_says = "takes ([<avalanche>])" },
    { .name = "djb2",
      HASH("avalanche"),
      .convert = convert_djb2,
      .help = "The DJB2 hash, 32 bits; spread over all of them with an argument other than 0.",
      .good = "str(hello),djb2(1)",
      .gives = "1119739105",
      .bad = "str(hello),djb2(yes)",
      .bad_says = "expected a number" },
    { .name = "sdbm",
      HASH("avalanche"),
      .convert = convert_sdbm,
      .help = "The SDBM hash, 32 bits; spread over all of them with an argument other than 0.",
      .good = "str(hello),sdbm",
      .gives = "684824882",
      .bad = "str(hello),sdbm(yes)",
      .bad_says = "expected a number" },
    { .name = "wt6",
      HASH("avalanche"),
      .convert = convert_wt6,
      .help = "The WT6 hash, 32 bits; spread over all of them with an argument other than 0.",
      .good = "str(hello),wt6",
      .gives = "3538347703",
      .bad = "str(hello),wt6(yes)",
      .bad_says = "expected a number" },
    { .name = "xxh32",
      HASH("seed"),
      .convert = convert_xxh32,
      .help = "XXHash, 32 bits, from the seed given (0).",
      .good = "str(hello),xxh32(5)",
      .gives = "3191799670",
      .bad = "str(hello),xxh32(x)",
      .bad_says = "expected a number" },
    { .name = "xxh64",
      HASH("seed"),
      .convert = convert_xxh64,
      .help = "XXHash, 64 bits as a signed number, from the seed given (0).",
      .good = "str(hello),xxh64",
      .gives = "2794345569481354659",
      .bad = "str(hello),xxh64(x)",
      .bad_says = "expected a number" },
    { .name = "xxh3",
      HASH("seed"),
      .convert = convert_xxh3,
      .help = "XXH3, 64 bits as a signed number, from the seed given (0).",
      .good = "str(hello),xxh3(5)",
      .gives = "-5040988036188159185",
      .bad = "str(hello),xxh3(x)",
      .bad_says = "expected a number" },
};
EXPR_CONVERTERS(converters);
