// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include "base/check.h"
#include "config/config.h"
#include "expr/rows.h"

static const char *name_of(const void *row)
{
    return *(const char *const *)row;
}

static int compare(const void *a, const void *b)
{
    return strcmp(name_of(*(const void *const *)a), name_of(*(const void *const *)b));
}

void expr_rows_gather(struct expr_rows *out, const struct expr_table *const *start,
                      const struct expr_table *const *stop, size_t row_len)
{
    size_t num = 0;
    for (const struct expr_table *const *table = start; table < stop; table++)
        num += (*table)->num;
    out->rows = calloc(num + 1, sizeof(*out->rows));
    if (!out->rows)
        check_out_of_memory((num + 1) * sizeof(*out->rows));
    for (const struct expr_table *const *table = start; table < stop; table++)
        for (size_t i = 0; i < (*table)->num; i++)
            out->rows[out->num++] = (const char *)(*table)->rows + i * row_len;
    qsort(out->rows, num, sizeof(*out->rows), compare);
    for (size_t i = 1; i < num; i++)
        must(strcmp(name_of(out->rows[i - 1]), name_of(out->rows[i])) != 0);
}

const void *expr_rows_find(const struct expr_rows *rows, struct slice name)
{
    size_t low = 0, high = rows->num;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct slice other = slice_str(name_of(rows->rows[middle]));
        size_t len = name.len < other.len ? name.len : other.len;
        int order = len ? memcmp(name.ptr, other.ptr, len) : 0;
        if (order == 0 && name.len == other.len)
            return rows->rows[middle];
        if (order > 0 || (order == 0 && name.len > other.len))
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const char *expr_rows_nearest(const struct expr_rows *rows, struct config *config, const char *name)
{
    const char **known = arena_alloc(config->arena, (rows->num + 1) * sizeof(*known));
    for (size_t i = 0; i < rows->num; i++)
        known[i] = name_of(rows->rows[i]);
    return config_nearest(name, known, rows->num);
}
