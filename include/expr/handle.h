// SPDX-License-Identifier: Apache-2.0
// The pattern sets of lists: handles that stay the same while the index behind them is exchanged. Private to this area.
#pragma once

#include "expr/index.h"
#include "expr/pattern.h"

// expr_handle_new makes a set without patterns.
struct expr_patterns *expr_handle_new(enum expr_match match);

// expr_handle_free frees it, but for one that expr_patterns_new made; its index belongs to the list. NULL is nothing.
void expr_handle_free(struct expr_patterns *handle);

// expr_handle_take gives the entries that were added to `set` so far, in their order, and the index over them; what
// fills it from now on is expr_handle_set.
struct expr_index *expr_handle_take(struct expr_patterns *set, struct expr_entry **first, bool nocase);

// expr_handle_set puts `index`, of the same method, behind it; NULL for none. `sole` is its only entry, or NULL where
// it has others: to be told again whenever that changes.
void expr_handle_set(struct expr_patterns *handle, bool nocase, struct expr_index *index,
                     const struct expr_entry *sole);

// expr_handle_find gives the entry that `sample` matches, or NULL; not for FOUND and BOOL.
const struct expr_entry *expr_handle_find(const struct expr_patterns *set, const struct expr_sample *sample,
                                          struct expr_groups *groups);
