// SPDX-License-Identifier: Apache-2.0
#include "expr/conv.h"
#include "expr/operand.h"
#include "expr/var.h"

static bool read_int(struct slice text, int64_t *out)
{
    bool negative = text.len && text.ptr[0] == '-';
    uint64_t value;
    if (!slice_to_u64(slice_from(text, negative || (text.len && text.ptr[0] == '+')), &value) ||
        value > (uint64_t)INT64_MAX + negative)
        return false;
    *out = (int64_t)(negative ? 0 - value : value);
    return true;
}

const char *expr_operand_variable(struct config *config, struct expr_arg *arg)
{
    struct expr_var_ref *ref = arena_alloc(config->arena, sizeof(*ref));
    arg->data = ref;
    return expr_var_ref_parse(ref, arg->str);
}

const char *expr_operand_prepare(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)num;
    if (read_int(args[0].str, &args[0].num))
        return NULL;
    const char *wrong = expr_operand_variable(config, &args[0]);
    return wrong && slice_find(args[0].str, '.') == args[0].str.len ? "it is an integer or a variable's name" : wrong;
}

bool expr_operand_int(struct expr_subject *subject, int64_t *out, const struct expr_arg *arg)
{
    struct expr_sample sample;
    if (!arg->data) {
        *out = arg->num;
        return true;
    }
    if (!expr_var_get(subject, arg->data, &sample) || !expr_cast(&sample, EXPR_INT, &subject->process->scratch))
        return false;
    *out = sample.num;
    return true;
}

bool expr_operand_text(struct expr_subject *subject, struct slice *out, const struct expr_arg *arg)
{
    struct expr_sample sample;
    if (!expr_var_get(subject, arg->data, &sample) || !expr_cast(&sample, EXPR_STR, &subject->process->scratch))
        return false;
    *out = sample.str;
    return true;
}
