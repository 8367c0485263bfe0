// SPDX-License-Identifier: Apache-2.0
#include "expr/encode.h"
#include "expr/secret.h"

struct expr_var_ref *expr_arg_variable(struct config *config, const struct expr_arg *arg)
{
    struct expr_var_ref ref;
    if (expr_var_ref_parse(&ref, arg->str))
        return NULL;
    struct expr_var_ref *copy = arena_alloc(config->arena, sizeof(*copy));
    *copy = ref;
    return copy;
}

bool expr_arg_text(struct expr_subject *subject, struct slice *out, const struct expr_arg *arg)
{
    struct expr_sample value;
    *out = arg->str;
    if (!arg->data)
        return true;
    if (!expr_var_get(subject, arg->data, &value) || !expr_cast(&value, EXPR_STR, &subject->process->scratch))
        return false;
    *out = value.str;
    return true;
}

const char *expr_secret_prepare(struct config *config, struct expr_arg *arg)
{
    arg->data = expr_arg_variable(config, arg);
    if (arg->data)
        return NULL;
    char *bytes = arena_alloc(config->arena, expr_base64_max(arg->str.len) + 1);
    size_t len;
    // What stands there may be secret: the message does not repeat it.
    if (!expr_base64_decode(bytes, &len, arg->str, EXPR_BASE64))
        return "expected base64 or the name of a variable";
    arg->str = slice_of(bytes, len);
    return NULL;
}

bool expr_secret_get(struct expr_subject *subject, struct slice *out, const struct expr_arg *arg)
{
    struct slice text;
    if (!expr_arg_text(subject, &text, arg))
        return false;
    *out = text;
    if (!arg->data)
        return true;
    char *bytes = expr_scratch_take(&subject->process->scratch, expr_base64_max(text.len));
    if (!bytes || !expr_base64_decode(bytes, &out->len, text, EXPR_BASE64))
        return false;
    out->ptr = bytes;
    return true;
}
