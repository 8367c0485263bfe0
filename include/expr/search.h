// SPDX-License-Identifier: Apache-2.0
// Strings looked for anywhere in a subject: -m sub, and -m dir and dom, which want delimiters (or an end) on both
// sides. Private to this area.
#pragma once

#include <stdbool.h>
#include "base/slice.h"
#include "expr/fetch.h"

// expr_search_delimiters gives the delimiters of DIR and DOM, NULL for SUB.
const char *expr_search_delimiters(enum expr_match match);

// expr_search_trim takes `delimiters` off both ends of `text`; NULL, or what is wrong with it.
const char *expr_search_trim(struct slice *text, const char *delimiters);

// expr_search_match says whether `text` (in lower case, with `nocase`) is found in `str`; with `delimiters` (not NULL),
// between two of them.
bool expr_search_match(struct slice text, bool nocase, const char *delimiters, struct slice str);
