// SPDX-License-Identifier: Apache-2.0
#include "expr/conv.h"
#include "expr/operand.h"
#include "expr/var.h"

const char *expr_operand_variable(struct config *config, struct expr_arg *arg)
{
    struct expr_var_ref *ref = arena_alloc(config->arena, sizeof(*ref));
    arg->data = ref;
    return expr_var_ref_parse(ref, arg->str);
}

const char *expr_operand_read(struct config *config, struct expr_arg *arg)
{
    if (slice_to_i64(arg->str, &arg->num))
        return NULL;
    const char *wrong = expr_operand_variable(config, arg);
    return wrong && slice_find(arg->str, '.') == arg->str.len ? "it is an integer or a variable's name" : wrong;
}

const char *expr_operand_prepare(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)num;
    return expr_operand_read(config, &args[0]);
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
