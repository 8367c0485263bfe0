// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"
#include "expr/conv.h"

extern const struct expr_table *const __start_expr_convs[] __attribute__((weak));
extern const struct expr_table *const __stop_expr_convs[] __attribute__((weak));

static struct expr_rows convs;

void expr_convs_boot(void)
{
    if (convs.rows)
        return;
    expr_rows_gather(&convs, __start_expr_convs, __stop_expr_convs, sizeof(struct expr_conv));
    for (size_t i = 0; i < convs.num; i++) {
        const struct expr_conv *row = convs.rows[i];
        if (row->of)
            must(expr_rows_find(&convs, slice_str(row->of)));
        else
            must(row->convert && row->min_args <= row->max_args);
    }
}

const struct expr_conv *expr_conv_find(struct slice name)
{
    const struct expr_conv *row = expr_rows_find(&convs, name);
    return row && row->of ? expr_rows_find(&convs, slice_str(row->of)) : row;
}

const char *expr_conv_nearest(struct config *config, const char *name)
{
    return expr_rows_nearest(&convs, config, name);
}

void expr_convs_each(void (*visit)(const struct expr_conv *row, void *arg), void *arg)
{
    for (size_t i = 0; i < convs.num; i++)
        visit(convs.rows[i], arg);
}
