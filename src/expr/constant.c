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
    uint64_t value;
    bool negative = str.len && str.ptr[0] == '-';
    if (!slice_to_u64(slice_from(str, negative), &value) || value > INT64_MAX)
        return "its argument is a 64-bit integer";
    args[0].num = negative ? -(int64_t)value : (int64_t)value;
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
    { .name = "bool",
      .args = "<bool>",
      .min_args = 1,
      .max_args = 1,
      .out = EXPR_BOOL,
      .when = EXPR_ALWAYS,
      .prepare = prepare_bool,
      .fetch = fetch_bool,
      .help = "The boolean that its argument says: true, false, 1 or 0.",
      .good = "bool(true)" },
    { .name = "int",
      .args = "<integer>",
      .min_args = 1,
      .max_args = 1,
      .out = EXPR_INT,
      .when = EXPR_ALWAYS,
      .prepare = prepare_int,
      .fetch = fetch_int,
      .help = "The integer that its argument says.",
      .good = "int(5) ge 3" },
    { .name = "str",
      .args = "<string>",
      .min_args = 1,
      .max_args = 1,
      .out = EXPR_STR,
      .when = EXPR_ALWAYS,
      .fetch = fetch_str,
      .help = "Its argument.",
      .good = "str(abc) -m beg a" },
};
EXPR_FETCHES(rows);
