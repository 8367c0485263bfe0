// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include "expr/number.h"

const char *expr_arg_number(struct config *config, struct expr_arg *arg, int64_t min, int64_t max)
{
    if (!slice_to_i64(arg->str, &arg->num))
        return arena_printf(config->arena, "expected a number, not '%.*s'", (int)arg->str.len, arg->str.ptr);
    if (arg->num < min || arg->num > max)
        return arena_printf(config->arena, "expected a number from %" PRId64 " to %" PRId64 ", not %" PRId64, min, max,
                            arg->num);
    return NULL;
}

const char *expr_prepare_numbers(struct config *config, struct expr_arg *args, uint32_t num)
{
    const char *wrong = NULL;
    for (uint32_t i = 0; i < num && !wrong; i++)
        if (args[i].str.len)
            wrong = expr_arg_number(config, &args[i], INT64_MIN, INT64_MAX);
    return wrong;
}
