// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include "base/check.h"
#include "expr/format.h"

extern const struct expr_alias_table *const __start_expr_aliases[] __attribute__((weak));
extern const struct expr_alias_table *const __stop_expr_aliases[] __attribute__((weak));

// All rows in the order of their names; const once booted.
static const struct expr_alias **alias_rows;
static size_t alias_num;

static int compare(const void *a, const void *b)
{
    return strcmp((*(const struct expr_alias *const *)a)->name, (*(const struct expr_alias *const *)b)->name);
}

void expr_aliases_boot(void)
{
    if (alias_rows)
        return;
    for (const struct expr_alias_table *const *table = __start_expr_aliases; table < __stop_expr_aliases; table++)
        alias_num += (*table)->num;
    alias_rows = calloc(alias_num + 1, sizeof(struct expr_alias *));
    if (!alias_rows)
        check_out_of_memory((alias_num + 1) * sizeof(struct expr_alias *));
    size_t num = 0;
    for (const struct expr_alias_table *const *table = __start_expr_aliases; table < __stop_expr_aliases; table++)
        for (size_t i = 0; i < (*table)->num; i++)
            alias_rows[num++] = &(*table)->rows[i];
    qsort(alias_rows, num, sizeof(struct expr_alias *), compare);
    for (size_t i = 0; i < num; i++) {
        must(alias_rows[i]->get && alias_rows[i]->when);
        must(i == 0 || strcmp(alias_rows[i - 1]->name, alias_rows[i]->name) != 0);
    }
}

const struct expr_alias *expr_alias_find(struct slice name)
{
    for (size_t i = 0; i < alias_num; i++)
        if (slice_equal(name, slice_str(alias_rows[i]->name)))
            return alias_rows[i];
    return NULL;
}

void expr_aliases_each(void (*visit)(const struct expr_alias *row, void *arg), void *arg)
{
    for (size_t i = 0; i < alias_num; i++)
        visit(alias_rows[i], arg);
}
