// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include "base/check.h"
#include "expr/fetch.h"

extern const struct expr_fetch_table *const __start_expr_fetches[] __attribute__((weak));
extern const struct expr_fetch_table *const __stop_expr_fetches[] __attribute__((weak));

// All rows in the order of their names; const once booted.
static const struct expr_fetch **fetch_rows;
static size_t fetch_num;

static int compare(const void *a, const void *b)
{
    return strcmp((*(const struct expr_fetch *const *)a)->name, (*(const struct expr_fetch *const *)b)->name);
}

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
    if (fetch_rows)
        return;
    for (const struct expr_fetch_table *const *table = __start_expr_fetches; table < __stop_expr_fetches; table++)
        fetch_num += (*table)->num;
    fetch_rows = calloc(fetch_num + 1, sizeof(struct expr_fetch *));
    if (!fetch_rows)
        check_out_of_memory((fetch_num + 1) * sizeof(struct expr_fetch *));
    size_t num = 0;
    for (const struct expr_fetch_table *const *table = __start_expr_fetches; table < __stop_expr_fetches; table++)
        for (size_t i = 0; i < (*table)->num; i++)
            fetch_rows[num++] = &(*table)->rows[i];
    qsort(fetch_rows, num, sizeof(struct expr_fetch *), compare);
    for (size_t i = 0; i < num; i++) {
        must(i == 0 || strcmp(fetch_rows[i - 1]->name, fetch_rows[i]->name) != 0);
        check_row(fetch_rows[i]);
    }
}

const struct expr_fetch *expr_fetch_find(struct slice name)
{
    must(fetch_rows);
    size_t low = 0, high = fetch_num;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct slice other = slice_str(fetch_rows[middle]->name);
        size_t len = name.len < other.len ? name.len : other.len;
        int order = len ? memcmp(name.ptr, other.ptr, len) : 0;
        if (order == 0 && name.len == other.len)
            return fetch_rows[middle];
        if (order > 0 || (order == 0 && name.len > other.len))
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct expr_fetch *expr_fetch_real(const struct expr_fetch *row)
{
    return row->of ? expr_fetch_find(slice_str(row->of)) : row;
}

void expr_fetches_each(void (*visit)(const struct expr_fetch *row, void *arg), void *arg)
{
    must(fetch_rows);
    for (size_t i = 0; i < fetch_num; i++)
        visit(fetch_rows[i], arg);
}
