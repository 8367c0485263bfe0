// SPDX-License-Identifier: Apache-2.0
// Converters that set, unset, append and compare variables, and choose.
#include "expr/conv.h"
#include "expr/operand.h"
#include "expr/var.h"

static const char *prepare_set(struct config *config, struct expr_arg *args, uint32_t num)
{
    uint32_t conds = 0;
    const char *wrong = expr_operand_variable(config, &args[0]);
    for (uint32_t i = 1; i < num && !wrong; i++)
        wrong = expr_var_if_parse(&conds, args[i].str);
    args[0].num = conds;
    return wrong;
}

static bool conv_set(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    const struct expr_var_ref *ref = args[0].data;
    if (!expr_var_set_if(subject, ref, (uint32_t)args[0].num, sample))
        return false;
    // Where the sample was a part of what the variable held, that is overwritten.
    if (ref->scope != EXPR_SCOPE_PROC)
        (void)expr_var_get(subject, ref, sample);
    return true;
}

static const char *prepare_name(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)num;
    return expr_operand_variable(config, &args[0]);
}

// What was unset stays readable until something is set.
static bool conv_unset(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)sample;
    expr_var_unset(subject, args[0].data);
    return true;
}

static bool join(struct expr_subject *subject, struct expr_sample *sample, const struct slice *parts, uint32_t num)
{
    size_t len = 0, at = 0;
    for (uint32_t i = 0; i < num; i++)
        len += parts[i].len;
    char *text = expr_scratch_take(&subject->process->scratch, len);
    if (!text)
        return false;
    for (uint32_t i = 0; i < num; i++) {
        if (parts[i].len)
            memcpy(text + at, parts[i].ptr, parts[i].len);
        at += parts[i].len;
    }
    *sample = (struct expr_sample){ .type = EXPR_STR, .str = slice_of(text, len) };
    return true;
}

static const char *prepare_concat(struct config *config, struct expr_arg *args, uint32_t num)
{
    return num > 1 && args[1].str.len ? expr_operand_variable(config, &args[1]) : NULL;
}

static bool conv_concat(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    struct slice parts[] = { sample->str, args[0].str, { 0 }, args[2].str };
    if (args[1].data)
        (void)expr_operand_text(subject, &parts[2], &args[1]);
    return join(subject, sample, parts, 4);
}

static const char *prepare_item(struct config *config, struct expr_arg *args, uint32_t num)
{
    if (num < 2 || (args[1].str.len == 0 && args[2].str.len == 0))
        return "a variable or a suffix is needed behind the delimiter";
    return prepare_concat(config, args, num);
}

static bool conv_item(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    struct slice parts[] = { sample->str, { 0 }, { 0 }, { 0 } };
    if (args[1].data)
        (void)expr_operand_text(subject, &parts[2], &args[1]);
    parts[3] = args[2].str;
    if (sample->str.len && (parts[2].len || parts[3].len))
        parts[1] = args[0].str;
    return join(subject, sample, parts, 4);
}

static bool conv_strcmp(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    struct slice a = sample->str, b;
    if (!expr_operand_text(subject, &b, &args[0]))
        return false;
    size_t len = a.len < b.len ? a.len : b.len, i = 0;
    while (i < len && a.ptr[i] == b.ptr[i])
        i++;
    int64_t order = i < len ? (uint8_t)a.ptr[i] - (uint8_t)b.ptr[i] : a.len == b.len ? 0 : a.len < b.len ? -1 : 1;
    *sample = (struct expr_sample){ .type = EXPR_INT, .num = order };
    return true;
}

// Looks at every byte wherever they differ.
static bool conv_secure(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    struct expr_sample held;
    if (!expr_var_get(subject, args[0].data, &held) || !expr_cast(&held, EXPR_BIN, &subject->process->scratch))
        return false;
    struct slice a = sample->str, b = held.str;
    volatile uint8_t differs = 0;
    for (size_t i = 0; a.len == b.len && i < a.len; i++)
        differs = (uint8_t)(differs | (uint8_t)(a.ptr[i] ^ b.ptr[i]));
    *sample = (struct expr_sample){ .type = EXPR_BOOL, .boolean = a.len == b.len && !differs };
    return true;
}

static bool conv_iif(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject;
    *sample = (struct expr_sample){ .type = EXPR_STR, .str = args[sample->boolean ? 0 : 1].str };
    return true;
}

static bool conv_length(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject, (void)args;
    *sample = (struct expr_sample){ .type = EXPR_INT, .num = (int64_t)sample->str.len };
    return true;
}

#define SCOPE_SAYS "a variable's name begins with its scope"

static const struct expr_conv rows[] = {
    { .name = "set-var",
      .args = "<name>[,<cond>...]",
      .min_args = 1,
      .max_args = 5,
      .in = EXPR_ANY,
      .out = EXPR_SAME,
      .prepare = prepare_set,
      .convert = conv_set,
      .help = "Gives a variable the value and passes it on. Conditions are those of the action set-var; where they do "
              "not hold there is no result.",
      .good = "str(abc),set-var(txn.a,ifnotset)",
      .gives = "abc",
      .bad = "str(abc),set-var(a)",
      .bad_says = SCOPE_SAYS },
    { .name = "unset-var",
      .args = "<name>",
      .min_args = 1,
      .max_args = 1,
      .in = EXPR_ANY,
      .out = EXPR_SAME,
      .prepare = prepare_name,
      .convert = conv_unset,
      .help = "Takes the value of a variable away and passes its own on.",
      .good = "str(abc),unset-var(txn.a)",
      .gives = "abc",
      .bad = "str(abc),unset-var(a)",
      .bad_says = SCOPE_SAYS },
    { .name = "concat",
      .args = "[<start>[,<var>[,<end>]]]",
      .max_args = 3,
      .in = EXPR_STR,
      .out = EXPR_STR,
      .prepare = prepare_concat,
      .convert = conv_concat,
      .help = "The text with <start>, the variable's value and <end> behind it, of which each may be empty.",
      .good = "str(abc),concat(<,,>)",
      .gives = "abc<>",
      .bad = "str(abc),concat(<,a,>)",
      .bad_says = SCOPE_SAYS },
    { .name = "add_item",
      .args = "<delim>[,<var>[,<suff>]]",
      .min_args = 1,
      .max_args = 3,
      .in = EXPR_STR,
      .out = EXPR_STR,
      .prepare = prepare_item,
      .convert = conv_item,
      .help =
          "The text with the variable's value and <suff> behind it, and <delim> between where neither side is empty. "
          "A variable without a value is empty.",
      .good = "str(a),add_item(\":\",,b)",
      .gives = "a:b",
      .bad = "str(a),add_item(:)",
      .bad_says = "a variable or a suffix is needed" },
    { .name = "strcmp",
      .args = "<var>",
      .min_args = 1,
      .max_args = 1,
      .in = EXPR_STR,
      .out = EXPR_INT,
      .prepare = prepare_name,
      .convert = conv_strcmp,
      .help =
          "Compares the text with the variable's: 0 where they are the same, less than 0 where it comes first, more "
          "where it comes last; nothing where the variable has no value.",
      .good = "str(abc),strcmp(txn.a)",
      .gives = "-",
      .bad = "str(abc),strcmp(a)",
      .bad_says = SCOPE_SAYS },
    { .name = "secure_memcmp",
      .args = "<var>",
      .min_args = 1,
      .max_args = 1,
      .in = EXPR_BIN,
      .out = EXPR_BOOL,
      .prepare = prepare_name,
      .convert = conv_secure,
      .help = "Whether the bytes are the variable's, in a time that depends on their number alone.",
      .good = "str(abc),secure_memcmp(txn.a)",
      .gives = "-",
      .bad = "str(abc),secure_memcmp(a)",
      .bad_says = SCOPE_SAYS },
    { .name = "iif",
      .args = "<true>,<false>",
      .min_args = 2,
      .max_args = 2,
      .in = EXPR_BOOL,
      .out = EXPR_STR,
      .convert = conv_iif,
      .help = "The first text where the value is true, else the second.",
      .good = "int(7),iif(https,http)",
      .gives = "https",
      .bad = "int(7),iif(https)",
      .bad_says = "takes (<true>,<false>)" },
    { .name = "length",
      .in = EXPR_STR,
      .out = EXPR_INT,
      .convert = conv_length,
      .help = "The number of bytes of the text.",
      .good = "str(abc),length",
      .gives = "3" },
};
EXPR_CONVERTERS(rows);
