// SPDX-License-Identifier: Apache-2.0
// Rows that stand in tables beside the code they describe (fetches, converters, aliases), gathered by the linker and
// put in the order of their names at boot. The rows of one kind are structs whose first member is their name, a const
// char pointer; those who declare a kind see to its type. Const after boot.
#pragma once

#include <stddef.h>
#include "base/slice.h"

struct config;

// What one file registers.
struct expr_table {
    const void *rows;
    size_t num;
};

struct expr_rows {
    const void **rows; // NULL before boot
    size_t num;
};

// EXPR_TABLE registers `table`, an array of `type`, in the linker section `kind`. One of a kind per file.
#define EXPR_TABLE(kind, type, table)                                                                                  \
    _Static_assert(__builtin_types_compatible_p(__typeof__((table)[0]), type) && offsetof(type, name) == 0,            \
                   "rows of another kind");                                                                            \
    static const struct expr_table kind##_here = { (table), sizeof(table) / sizeof((table)[0]) };                      \
    static const struct expr_table *const kind##_ptr __attribute__((used, section(#kind))) = &kind##_here

// expr_rows_gather puts the rows of all tables from `start` to `stop`, each `row_len` bytes long, in order. Two of one
// name are a bug of ours: must().
void expr_rows_gather(struct expr_rows *out, const struct expr_table *const *start,
                      const struct expr_table *const *stop, size_t row_len);

// expr_rows_find gives the row named `name`, or NULL.
const void *expr_rows_find(const struct expr_rows *rows, struct slice name);

// expr_rows_nearest gives the name nearest to `name`, or NULL where none is near enough to be meant.
const char *expr_rows_nearest(const struct expr_rows *rows, struct config *config, const char *name);
