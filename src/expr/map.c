// SPDX-License-Identifier: Apache-2.0
// The converters map, map_<match> and map_<match>_<output> (manual section 7.3.1): the value, or the key, of the entry
// of a list that the sample matches.
#include "base/check.h"
#include "expr/conv.h"
#include "expr/handle.h"
#include "expr/list_file.h"

// What stands behind the first argument once it is prepared.
struct map {
    struct expr_patterns *patterns;
    bool has_default;
    struct expr_sample value; // of the default
};

static const char *read_default(struct map *map, struct slice text, enum expr_type out)
{
    struct expr_sample str = { .type = EXPR_STR, .str = text };
    map->has_default = true;
    map->value.type = out;
    if (out == EXPR_INT)
        return expr_list_value_int(text, &map->value.num) ? NULL : "its default value is no integer";
    if (out == EXPR_ADDR)
        return expr_sample_addr(&str, &map->value.addr) ? NULL : "its default value is no IP address";
    map->value.str = text;
    return NULL;
}

static const char *prepare(struct config *config, struct expr_arg *args, uint32_t num, enum expr_match match,
                           enum expr_type out)
{
    struct map *map = arena_alloc(config->arena, sizeof(*map));
    struct expr_list *list;
    const char *wrong = num > 1 && args[1].str.len ? read_default(map, args[1].str, out) : NULL;
    if (!wrong)
        wrong = expr_list_load(&list, config, args[0].str, true);
    if (!wrong)
        map->patterns = expr_list_index(list, &wrong, config, match, false);
    if (!wrong)
        expr_list_used(list, true, config->word);
    if (!wrong && out != EXPR_STR)
        wrong = expr_list_want_values(list, config, out);
    args[0].data = map;
    return wrong;
}

static bool give_default(const struct map *map, struct expr_sample *sample)
{
    if (map->has_default)
        *sample = map->value;
    return map->has_default;
}

static const struct expr_entry *find(const struct map *map, const struct expr_sample *sample)
{
    return expr_handle_find(map->patterns, sample, NULL);
}

static bool convert_str(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject;
    const struct expr_entry *entry = find(args[0].data, sample);
    if (!entry)
        return give_default(args[0].data, sample);
    *sample = (struct expr_sample){ .type = EXPR_STR, .str = expr_entry_value(entry) };
    return true;
}

static bool convert_int(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject;
    const struct expr_entry *entry = find(args[0].data, sample);
    if (!entry)
        return give_default(args[0].data, sample);
    sample->type = EXPR_INT;
    return expr_list_value_int(expr_entry_value(entry), &sample->num);
}

static bool convert_ip(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject;
    const struct expr_entry *entry = find(args[0].data, sample);
    if (!entry)
        return give_default(args[0].data, sample);
    struct expr_sample value = { .type = EXPR_STR, .str = expr_entry_value(entry) };
    sample->type = EXPR_ADDR;
    return expr_sample_addr(&value, &sample->addr);
}

static bool convert_key(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject;
    const struct expr_entry *entry = find(args[0].data, sample);
    if (!entry)
        return false;
    *sample = (struct expr_sample){ .type = EXPR_STR, .str = expr_entry_key(entry) };
    return true;
}

static bool convert_regm(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    struct expr_scratch *scratch = &subject->process->scratch;
    const struct map *map = args[0].data;
    struct expr_groups groups = { 0 };
    const struct expr_entry *entry = expr_handle_find(map->patterns, sample, &groups);
    if (!entry)
        return give_default(map, sample);
    size_t cap;
    char *dst = expr_scratch_rest(scratch, &cap);
    size_t len = expr_regex_expand(dst, cap, expr_entry_value(entry), &groups);
    if (len == SIZE_MAX)
        return false;
    *sample = (struct expr_sample){ .type = EXPR_STR, .str = slice_of(expr_scratch_take(scratch, len), len) };
    return true;
}

#define PREPARE(match, MATCH)                                                                                          \
    static const char *prepare_##match(struct config *config, struct expr_arg *args, uint32_t num)                     \
    {                                                                                                                  \
        return prepare(config, args, num, EXPR_MATCH_##MATCH, EXPR_STR);                                               \
    }                                                                                                                  \
    static const char *prepare_##match##_int(struct config *config, struct expr_arg *args, uint32_t num)               \
    {                                                                                                                  \
        return prepare(config, args, num, EXPR_MATCH_##MATCH, EXPR_INT);                                               \
    }                                                                                                                  \
    static const char *prepare_##match##_ip(struct config *config, struct expr_arg *args, uint32_t num)                \
    {                                                                                                                  \
        return prepare(config, args, num, EXPR_MATCH_##MATCH, EXPR_ADDR);                                              \
    }
PREPARE(str, STR)
PREPARE(beg, BEG)
PREPARE(end, END)
PREPARE(sub, SUB)
PREPARE(dir, DIR)
PREPARE(dom, DOM)
PREPARE(reg, REG)
PREPARE(int, INT)
PREPARE(ip, IP)

#define ARGS "<map>[,<default>]"

// The four outputs of one way to match; `is` begins their help, `takes` is the type of what is looked up.
#define ROWS(match, takes, is, fetch)                                                                                  \
    { .name = "map_" #match,                                                                                           \
      .args = ARGS,                                                                                                    \
      .min_args = 1,                                                                                                   \
      .max_args = 2,                                                                                                   \
      .in = takes,                                                                                                     \
      .out = EXPR_STR,                                                                                                 \
      .prepare = prepare_##match,                                                                                      \
      .convert = convert_str,                                                                                          \
      .help = "The value of the entry " is ", as a string; else the default value.",                                   \
      .good = fetch ",map_" #match "(virt@help,none)",                                                                 \
      .gives = "none",                                                                                                 \
      .bad = fetch ",map_" #match "(virt@help,a,b)",                                                                   \
      .bad_says = "takes (" ARGS ")" },                                                                                \
        { .name = "map_" #match "_int",                                                                                \
          .args = ARGS,                                                                                                \
          .min_args = 1,                                                                                               \
          .max_args = 2,                                                                                               \
          .in = takes,                                                                                                 \
          .out = EXPR_INT,                                                                                             \
          .prepare = prepare_##match##_int,                                                                            \
          .convert = convert_int,                                                                                      \
          .help = "The value of the entry " is ", an integer; else the default value.",                                \
          .good = fetch ",map_" #match "_int(virt@help,7)",                                                            \
          .gives = "7",                                                                                                \
          .bad = fetch ",map_" #match "_int(virt@help,x)",                                                             \
          .bad_says = "no integer" },                                                                                  \
        { .name = "map_" #match "_ip",                                                                                 \
          .args = ARGS,                                                                                                \
          .min_args = 1,                                                                                               \
          .max_args = 2,                                                                                               \
          .in = takes,                                                                                                 \
          .out = EXPR_ADDR,                                                                                            \
          .prepare = prepare_##match##_ip,                                                                             \
          .convert = convert_ip,                                                                                       \
          .help = "The value of the entry " is ", an IP address; else the default value.",                             \
          .good = fetch ",map_" #match "_ip(virt@help,10.0.0.1)",                                                      \
          .gives = "10.0.0.1",                                                                                         \
          .bad = fetch ",map_" #match "_ip(virt@help,x)",                                                              \
          .bad_says = "no IP address" },                                                                               \
    {                                                                                                                  \
        .name = "map_" #match "_key", .args = "<map>", .min_args = 1, .max_args = 1, .in = takes, .out = EXPR_STR,     \
        .prepare = prepare_##match, .convert = convert_key,                                                            \
        .help = "The key of the entry " is ", as it stands in the file.",                                              \
        .good = fetch ",map_" #match "_key(virt@help)", .gives = "-", .bad = fetch ",map_" #match "_key",              \
        .bad_says = "takes (<map>)"                                                                                    \
    }

// clang-format off
static const struct expr_conv converters[] = {
    { .name = "map", .of = "map_str", .help = "Another name for map_str." },
    ROWS(str, EXPR_STR, "that is the sample", "str(a)"),
    ROWS(beg, EXPR_STR, "that the sample begins with (the longest)", "str(a)"),
    ROWS(end, EXPR_STR, "that the sample ends with (the first of the file)", "str(a)"),
    ROWS(sub, EXPR_STR, "that the sample contains (the first of the file)", "str(a)"),
    ROWS(dir, EXPR_STR, "that the sample contains between slashes (the first of the file)", "str(a)"),
    ROWS(dom, EXPR_STR, "that the sample contains between dots (the first of the file)", "str(a)"),
    ROWS(reg, EXPR_STR, "whose regular expression the sample matches (the first of the file)", "str(a)"),
    ROWS(int, EXPR_INT, "whose number or range the sample is in (the first of the file)", "int(1)"),
    ROWS(ip, EXPR_ADDR, "whose network the sample is in (the longest)", "ipv4(10.0.0.2)"),
    { .name = "map_regm",
      .args = ARGS,
      .min_args = 1,
      .max_args = 2,
      .in = EXPR_STR,
      .out = EXPR_STR,
      .prepare = prepare_reg,
      .convert = convert_regm,
      .help = "The value of the entry whose regular expression the sample matches (the first of the file), where \"\\1\" "
              "and its kin stand for what its parentheses matched; else the default value.",
      .good = "str(a),map_regm(virt@help,none)",
      .gives = "none",
      .bad = "str(a),map_regm",
      .bad_says = "takes (" ARGS ")" },
};
// clang-format on
EXPR_CONVERTERS(converters);
