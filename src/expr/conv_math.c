// SPDX-License-Identifier: Apache-2.0
// Converters that calculate. Results that do not fit 64 bits are held to the nearest that does.
#include "expr/conv.h"
#include "expr/operand.h"

static int64_t held(bool negative)
{
    return negative ? INT64_MIN : INT64_MAX;
}

static int64_t add(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? held(a < 0) : sum;
}

static int64_t sub(int64_t a, int64_t b)
{
    int64_t difference;
    return __builtin_sub_overflow(a, b, &difference) ? held(a < 0) : difference;
}

static int64_t mul(int64_t a, int64_t b)
{
    int64_t product;
    return __builtin_mul_overflow(a, b, &product) ? held((a < 0) != (b < 0)) : product;
}

// By zero: the greatest there is. The least by -1 is one more than that.
static int64_t divide(int64_t a, int64_t b)
{
    if (b == 0 || (a == INT64_MIN && b == -1))
        return INT64_MAX;
    return a / b;
}

static int64_t mod(int64_t a, int64_t b)
{
    return b == 0 || b == -1 ? 0 : a % b;
}

#define CONVERTER(name, expression)                                                                                    \
    static bool conv_##name(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)     \
    {                                                                                                                  \
        int64_t a = sample->num, b;                                                                                    \
        if (!expr_operand_int(subject, &b, &args[0]))                                                                  \
            return false;                                                                                              \
        sample->num = (expression);                                                                                    \
        return true;                                                                                                   \
    }

CONVERTER(add, add(a, b))
CONVERTER(sub, sub(a, b))
CONVERTER(mul, mul(a, b))
CONVERTER(div, divide(a, b))
CONVERTER(mod, mod(a, b))
CONVERTER(and, a &b)
CONVERTER(or, a | b)
CONVERTER(xor, a ^ b)

static bool conv_neg(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject, (void)args;
    sample->num = sub(0, sample->num);
    return true;
}

static bool conv_cpl(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject, (void)args;
    sample->num = ~sample->num;
    return true;
}

static bool say(struct expr_sample *sample, bool truth)
{
    *sample = (struct expr_sample){ .type = EXPR_BOOL, .boolean = truth };
    return true;
}

static bool conv_odd(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject, (void)args;
    return say(sample, sample->num & 1);
}

static bool conv_even(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject, (void)args;
    return say(sample, !(sample->num & 1));
}

static bool conv_bool(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject, (void)args;
    return say(sample, sample->num != 0);
}

static bool conv_not(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject, (void)args;
    return say(sample, sample->num == 0);
}

#define OPERATION(word, function, text, example, result)                                                               \
    {                                                                                                                  \
        .name = word, .args = "<value>", .min_args = 1, .max_args = 1, .in = EXPR_INT, .out = EXPR_INT,                \
        .prepare = expr_operand_prepare, .convert = function, .help = text, .good = example, .gives = result,          \
        .bad = "int(1)," word "(x)", .bad_says = "it is an integer or a variable's name"                               \
    }

#define UNARY(word, type, function, text, example, result)                                                             \
    {                                                                                                                  \
        .name = word, .in = EXPR_INT, .out = type, .convert = function, .help = text, .good = example, .gives = result \
    }

#define OR_VARIABLE " <value> is an integer or a variable's name; where that has no integer there is no result."

static const struct expr_conv rows[] = {
    OPERATION("add", conv_add, "The integer plus <value>, held to 64 bits." OR_VARIABLE, "int(5),add(-7)", "-2"),
    OPERATION("sub", conv_sub, "The integer minus <value>, held to 64 bits." OR_VARIABLE, "int(5),sub(7)", "-2"),
    OPERATION("mul", conv_mul, "The integer times <value>, held to 64 bits." OR_VARIABLE,
              "int(5),mul(9223372036854775807)", "9223372036854775807"),
    OPERATION("div", conv_div, "The integer divided by <value>; by zero it is 9223372036854775807." OR_VARIABLE,
              "int(-7),div(2)", "-3"),
    OPERATION("mod", conv_mod, "What dividing the integer by <value> leaves; by zero nothing." OR_VARIABLE,
              "int(7),mod(4)", "3"),
    OPERATION("and", conv_and, "The bits that both the integer and <value> have." OR_VARIABLE, "int(12),and(10)", "8"),
    OPERATION("or", conv_or, "The bits that the integer or <value> has." OR_VARIABLE, "int(12),or(10)", "14"),
    OPERATION("xor", conv_xor, "The bits that either the integer or <value> has." OR_VARIABLE, "int(12),xor(10)", "6"),
    UNARY("neg", EXPR_INT, conv_neg, "The integer with the other sign.", "int(5),neg", "-5"),
    UNARY("cpl", EXPR_INT, conv_cpl, "The integer with all bits turned over.", "int(5),cpl", "-6"),
    UNARY("odd", EXPR_BOOL, conv_odd, "Whether the integer is odd.", "int(-3),odd", "1"),
    UNARY("even", EXPR_BOOL, conv_even, "Whether the integer is even.", "int(-3),even", "0"),
    UNARY("bool", EXPR_BOOL, conv_bool, "Whether the integer is not 0.", "int(7),bool", "1"),
    UNARY("not", EXPR_BOOL, conv_not, "Whether the integer is 0.", "int(7),not", "0"),
};
EXPR_CONVERTERS(rows);
