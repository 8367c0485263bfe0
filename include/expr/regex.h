// SPDX-License-Identifier: Apache-2.0
// Regular expressions of one pattern set, compiled by PCRE2 to machine code where the system lets it, and bounded in
// what one subject may cost. Private to this area. Compiled code lives until the process ends, the rest in the arena.
#pragma once

#include <stdbool.h>
#include "base/arena.h"
#include "base/slice.h"

struct expr_regexes;

// expr_regexes_new makes an empty list in `arena`.
struct expr_regexes *expr_regexes_new(struct arena *arena);

// expr_regexes_add compiles `text` and appends it; NULL, or what is wrong with it.
const char *expr_regexes_add(struct expr_regexes *list, struct slice text, bool nocase);

// expr_regexes_seal ends the adding.
void expr_regexes_seal(struct expr_regexes *list);

// expr_regexes_match says whether one of `list` matches somewhere in `str`.
bool expr_regexes_match(const struct expr_regexes *list, struct slice str);
