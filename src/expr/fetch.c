// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"
#include "expr/fetch.h"

extern const struct expr_table *const __start_expr_fetches[] __attribute__((weak));
extern const struct expr_table *const __stop_expr_fetches[] __attribute__((weak));

static struct expr_rows fetches;

static void check_row(const struct expr_fetch *row)
{
    if (row->of) {
        const struct expr_fetch *real = expr_fetch_find(slice_str(row->of));
        must(real && !real->of);
        return;
    }
    must(row->fetch && row->when && row->min_args <= row->max_args);
}

void expr_fetches_boot(void)
{
    if (fetches.rows)
        return;
    expr_rows_gather(&fetches, __start_expr_fetches, __stop_expr_fetches, sizeof(struct expr_fetch));
    for (size_t i = 0; i < fetches.num; i++)
        check_row(fetches.rows[i]);
}

const struct expr_fetch *expr_fetch_find(struct slice name)
{
    must(fetches.rows);
    return expr_rows_find(&fetches, name);
}

const char *expr_fetch_nearest(struct config *config, const char *name)
{
    return expr_rows_nearest(&fetches, config, name);
}

const struct expr_fetch *expr_fetch_real(const struct expr_fetch *row)
{
    return row->of ? expr_fetch_find(slice_str(row->of)) : row;
}

void expr_fetches_each(void (*visit)(const struct expr_fetch *row, void *arg), void *arg)
{
    must(fetches.rows);
    for (size_t i = 0; i < fetches.num; i++)
        visit(fetches.rows[i], arg);
}
