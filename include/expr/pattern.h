// SPDX-License-Identifier: Apache-2.0
// Pattern sets: what samples are compared with. A set has one matching method and any number of patterns. That of the
// values on a line of the configuration is filled while it is read and goes with the configuration's arena; once it is
// sealed, what it matches changes only as a list does (expr/list.h), its own or those it joined. Exact strings are
// found by hash, prefixes, suffixes and networks in a tree, however many there are; substrings and regular expressions
// are tried in turn. Matching allocates nothing (but see expr/regex.h).
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "expr/fetch.h"
#include "expr/regex.h"

struct expr_patterns;

// expr_match_name gives the word of -m for `match`: "found", "str", ...
const char *expr_match_name(enum expr_match match);

// expr_match_find gives the method whose -m word is `name`, or EXPR_MATCH_DEFAULT where there is none.
enum expr_match expr_match_find(struct slice name);

// expr_match_default gives the method that samples of `type` are compared with where none is named, or
// EXPR_MATCH_DEFAULT where one must be.
enum expr_match expr_match_default(enum expr_type type);

// expr_match_is_number says whether `match` compares numbers: it takes ranges and the orders eq, ge, gt, le and lt.
bool expr_match_is_number(enum expr_match match);

// expr_match_allows says whether samples of `type` can be compared by `match` (the matrix of section 7.1).
bool expr_match_allows(enum expr_match match, enum expr_type type);

// expr_patterns_new makes an empty set of the method `match` (not EXPR_MATCH_DEFAULT) in `arena`.
struct expr_patterns *expr_patterns_new(struct arena *arena, enum expr_match match);

// expr_patterns_add adds the pattern `text`, which is copied. `nocase`: ASCII letters match in either case. Numbers and
// lengths take "7", "3:9", ":9" and "3:", versions likewise "3.1". NULL, or what is wrong with it (in the arena or
// static).
const char *expr_patterns_add(struct expr_patterns *set, struct slice text, bool nocase);

// expr_patterns_add_op adds a comparison with one number: `op` is eq, ge, gt, le or lt.
const char *expr_patterns_add_op(struct expr_patterns *set, struct slice op, struct slice text);

// expr_patterns_join makes `set` match what `other`, of the same method, does as well: for the lists of -f. `other`
// must live as long, and is not copied: it may change.
void expr_patterns_join(struct expr_patterns *set, const struct expr_patterns *other);

// expr_patterns_seal ends the adding.
void expr_patterns_seal(struct expr_patterns *set);

// expr_patterns_num gives how many different patterns `set` holds.
uint32_t expr_patterns_num(const struct expr_patterns *set);

// expr_patterns_match says whether `sample` matches one of `set`, which is sealed.
bool expr_patterns_match(const struct expr_patterns *set, const struct expr_sample *sample);

// expr_patterns_find gives the value of the entry that `sample` matches (the first of the file where several do, but
// for prefixes and networks the longest); false where none does. The value of a set that is no map is empty.
// For a regular expression `*groups` (may be NULL) gets what its parentheses took, for "\\1" in a value.
bool expr_patterns_find(const struct expr_patterns *set, const struct expr_sample *sample, struct slice *value,
                        struct expr_groups *groups);
