// SPDX-License-Identifier: Apache-2.0
// Strings looked for anywhere in a subject: -m sub, and -m dir and dom, which want delimiters (or an end) on both
// sides. Private to this area.
#pragma once

#include <stdbool.h>
#include "base/arena.h"
#include "base/slice.h"
#include "expr/fetch.h"

struct expr_search;

struct expr_searches {
    struct arena *arena;
    struct expr_search *first;
    const char *delimiters; // NULL for -m sub
};

// expr_searches_init makes `list` empty; `match` is SUB, DIR or DOM.
void expr_searches_init(struct expr_searches *list, struct arena *arena, enum expr_match match);

// expr_searches_add adds a copy of `text`; NULL, or what is wrong with it.
const char *expr_searches_add(struct expr_searches *list, struct slice text, bool nocase);

// expr_searches_match says whether one of `list` is found in `str`.
bool expr_searches_match(const struct expr_searches *list, struct slice str);
