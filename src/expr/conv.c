// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include "base/check.h"
#include "expr/conv.h"

extern const struct expr_conv_table *const __start_expr_convs[] __attribute__((weak));
extern const struct expr_conv_table *const __stop_expr_convs[] __attribute__((weak));

// All rows in the order of their names; const once booted.
static const struct expr_conv **conv_rows;
static size_t conv_num;

static int compare(const void *a, const void *b)
{
    return strcmp((*(const struct expr_conv *const *)a)->name, (*(const struct expr_conv *const *)b)->name);
}

static const struct expr_conv *find(struct slice name)
{
    size_t low = 0, high = conv_num;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct slice other = slice_str(conv_rows[middle]->name);
        size_t len = name.len < other.len ? name.len : other.len;
        int order = len ? memcmp(name.ptr, other.ptr, len) : 0;
        if (order == 0 && name.len == other.len)
            return conv_rows[middle];
        if (order > 0 || (order == 0 && name.len > other.len))
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

void expr_convs_boot(void)
{
    if (conv_rows)
        return;
    for (const struct expr_conv_table *const *table = __start_expr_convs; table < __stop_expr_convs; table++)
        conv_num += (*table)->num;
    conv_rows = calloc(conv_num + 1, sizeof(struct expr_conv *));
    if (!conv_rows)
        check_out_of_memory((conv_num + 1) * sizeof(struct expr_conv *));
    size_t num = 0;
    for (const struct expr_conv_table *const *table = __start_expr_convs; table < __stop_expr_convs; table++)
        for (size_t i = 0; i < (*table)->num; i++)
            conv_rows[num++] = &(*table)->rows[i];
    qsort(conv_rows, num, sizeof(struct expr_conv *), compare);
    for (size_t i = 0; i < num; i++) {
        must(i == 0 || strcmp(conv_rows[i - 1]->name, conv_rows[i]->name) != 0);
        if (conv_rows[i]->of)
            must(find(slice_str(conv_rows[i]->of)));
        else
            must(conv_rows[i]->convert && conv_rows[i]->min_args <= conv_rows[i]->max_args);
    }
}

const struct expr_conv *expr_conv_find(struct slice name)
{
    const struct expr_conv *row = find(name);
    return row && row->of ? find(slice_str(row->of)) : row;
}

void expr_convs_each(void (*visit)(const struct expr_conv *row, void *arg), void *arg)
{
    for (size_t i = 0; i < conv_num; i++)
        visit(conv_rows[i], arg);
}
