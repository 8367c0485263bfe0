// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"
#include "expr/format.h"

extern const struct expr_table *const __start_expr_aliases[] __attribute__((weak));
extern const struct expr_table *const __stop_expr_aliases[] __attribute__((weak));

static struct expr_rows aliases;

void expr_aliases_boot(void)
{
    if (aliases.rows)
        return;
    expr_rows_gather(&aliases, __start_expr_aliases, __stop_expr_aliases, sizeof(struct expr_alias));
    for (size_t i = 0; i < aliases.num; i++) {
        const struct expr_alias *row = aliases.rows[i];
        must(row->get && row->when);
    }
}

const struct expr_alias *expr_alias_find(struct slice name)
{
    must(aliases.rows);
    return expr_rows_find(&aliases, name);
}

void expr_aliases_each(void (*visit)(const struct expr_alias *row, void *arg), void *arg)
{
    for (size_t i = 0; i < aliases.num; i++)
        visit(aliases.rows[i], arg);
}
