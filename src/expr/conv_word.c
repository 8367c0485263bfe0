// SPDX-License-Identifier: Apache-2.0
// Converters that pick a part of a text by the characters that separate its parts.
#include "expr/bytes.h"

// The index is args[0].num, the separators args[1].data, the count args[2].num.
static const char *prepare_parts(struct config *config, struct expr_arg *args, uint32_t num)
{
    if (!slice_to_i64(args[0].str, &args[0].num) || args[0].num == 0)
        return "its index counts from 1, or backwards from -1";
    if (args[1].str.len == 0)
        return "it needs characters that separate";
    args[1].data = expr_bytes_new(config->arena, args[1].str);
    args[2].num = 1;
    if (num == 3 && (!slice_to_i64(args[2].str, &args[2].num) || args[2].num < 0))
        return "its count is a number, or 0 for all that remain";
    return NULL;
}

// A walk from one end of a text towards the other; `at` bytes are behind it.
struct walk {
    struct slice text;
    const struct expr_bytes *separators;
    bool backward;
    size_t at;
};

static bool at_separator(const struct walk *walk)
{
    size_t at = walk->backward ? walk->text.len - 1 - walk->at : walk->at;
    return expr_bytes_has(walk->separators, walk->text.ptr[at]);
}

static bool skip(struct walk *walk, bool separators)
{
    size_t before = walk->at;
    while (walk->at < walk->text.len && at_separator(walk) == separators)
        walk->at++;
    return walk->at > before;
}

static struct walk walk_from_end(const struct expr_sample *sample, const struct expr_arg *args)
{
    return (struct walk){ .text = sample->str, .separators = args[1].data, .backward = args[0].num < 0 };
}

static uint64_t distance(const struct expr_arg *args)
{
    return args[0].num < 0 ? -(uint64_t)args[0].num : (uint64_t)args[0].num;
}

// Makes `sample` what the walk passed since it stood at `start`.
static bool cut(struct expr_sample *sample, const struct walk *walk, size_t start)
{
    size_t first = walk->backward ? walk->text.len - walk->at : start;
    sample->str = slice_of(walk->text.ptr + first, walk->at - start);
    return true;
}

static bool conv_field(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject;
    struct walk walk = walk_from_end(sample, args);
    for (uint64_t i = 1; i < distance(args); i++) {
        skip(&walk, false);
        if (walk.at++ >= walk.text.len)
            return false;
    }
    size_t start = walk.at;
    skip(&walk, false);
    for (int64_t i = args[2].num; walk.at < walk.text.len && i != 1; i -= i > 0) {
        walk.at++;
        skip(&walk, false);
    }
    return cut(sample, &walk, start);
}

// A word that is not there is the empty text, not none. Where fewer follow than are asked for, all of the rest is
// given, the delimiters at its end with it.
static bool conv_word(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject;
    struct walk walk = walk_from_end(sample, args);
    skip(&walk, true);
    for (uint64_t i = 1; i < distance(args) && walk.at < walk.text.len; i++) {
        skip(&walk, false);
        skip(&walk, true);
    }
    size_t start = walk.at;
    for (int64_t i = args[2].num; skip(&walk, false) && i != 1; i -= i > 0)
        skip(&walk, true);
    return cut(sample, &walk, start);
}

static const char *prepare_param(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)config;
    if (args[0].str.len == 0)
        return "the name of a parameter is expected";
    if (num == 2 && args[1].str.len != 1)
        return "its delimiter is one character";
    args[1].num = num == 2 ? args[1].str.ptr[0] : '&';
    return NULL;
}

static bool conv_param(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject;
    struct slice rest = sample->str;
    while (rest.len) {
        struct slice one = slice_of(rest.ptr, slice_find(rest, (char)args[1].num));
        rest = slice_from(rest, one.len + 1);
        size_t equals = slice_find(one, '=');
        if (slice_equal(slice_of(one.ptr, equals), args[0].str)) {
            sample->str = slice_from(one, equals + 1);
            return true;
        }
    }
    return false;
}

static const struct expr_conv rows[] = {
    { .name = "field",
      .args = "<index>,<delimiters>[,<count>]",
      .min_args = 2,
      .max_args = 3,
      .in = EXPR_STR,
      .out = EXPR_STR,
      .prepare = prepare_parts,
      .convert = conv_field,
      .help =
          "The field at an index from 1, or from -1 backwards, among those that any of the delimiters separate; with "
          "a count that many, with 0 all from there on.",
      .good = "str(f1_f2_f3__f5),field(-2,_,3)",
      .gives = "f2_f3_",
      .bad = "str(a),field(0,_)",
      .bad_says = "its index counts from 1" },
    { .name = "word",
      .args = "<index>,<delimiters>[,<count>]",
      .min_args = 2,
      .max_args = 3,
      .in = EXPR_STR,
      .out = EXPR_STR,
      .prepare = prepare_parts,
      .convert = conv_word,
      .help =
          "Like field, but delimiters that follow each other count as one, and those at the ends as none. A word that "
          "is not there is empty.",
      .good = "str(f1_f2_f3__f5),word(3,_,2)",
      .gives = "f3__f5",
      .bad = "str(a),word(1,)",
      .bad_says = "it needs characters that separate" },
    { .name = "param",
      .args = "<name>[,<delim>]",
      .min_args = 1,
      .max_args = 2,
      .in = EXPR_STR,
      .out = EXPR_STR,
      .prepare = prepare_param,
      .convert = conv_param,
      .help = "The value of the first parameter of that name in a text such as \"a=1&b=2\", empty where it has no '='. "
              "Nothing is decoded.",
      .good = "str(a=1;b=2;c=4),param(b,;)",
      .gives = "2",
      .bad = "str(a=1),param(a,&&)",
      .bad_says = "its delimiter is one character" },
};
EXPR_CONVERTERS(rows);
