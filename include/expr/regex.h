// SPDX-License-Identifier: Apache-2.0
// One regular expression, compiled by PCRE2 to machine code where the system lets it, and bounded in what one subject
// may cost: where a limit is reached (EXPR_REGEX_*), there is no match. It lives on the heap until it is freed, or
// goes with an arena. All expressions of a process share one stack and one place for results, so none is used by two
// threads at once. Matching allocates nothing, except that PCRE2 may take memory, within its limit, where it has no
// machine code.
#pragma once

#include <stdbool.h>
#include "base/arena.h"
#include "base/slice.h"

struct expr_regex;

enum { EXPR_MAX_GROUPS = 10 }; // the whole match, then the first nine pairs of parentheses

// Bounds on one regular expression on one subject: reaching one counts as no match.
#define EXPR_REGEX_MATCH_LIMIT    100000
#define EXPR_REGEX_DEPTH_LIMIT    10000
#define EXPR_REGEX_HEAP_LIMIT_KIB 1024

// What a match took of its subject, whose memory the slices point into.
struct expr_groups {
    uint32_t num;                        // how many of `group` are set; what is past them counts as empty
    struct slice group[EXPR_MAX_GROUPS]; // [0] is the whole match; ptr NULL: these parentheses took no part
};

// expr_regex_new compiles `text`; ASCII letters match in either case with `nocase`. NULL with `*error`, a message in
// `errors`.
struct expr_regex *expr_regex_new(struct arena *errors, const char **error, struct slice text, bool nocase);

// expr_regex_in is expr_regex_new for an expression that lives as long as `arena`, and is not to be freed.
struct expr_regex *expr_regex_in(struct arena *arena, const char **error, struct slice text, bool nocase);

// expr_regex_free frees it; NULL is nothing.
void expr_regex_free(struct expr_regex *regex);

// expr_regex_exec says whether `regex` matches somewhere in `subject`, and where in `*groups` (may be NULL).
bool expr_regex_exec(const struct expr_regex *regex, struct slice subject, struct expr_groups *groups);

// expr_regex_exec_from is expr_regex_exec from byte `from` of `subject` on: '^' does not match there, and what looks
// behind sees the bytes before. For replacing every match in turn.
bool expr_regex_exec_from(const struct expr_regex *regex, struct slice subject, size_t from,
                          struct expr_groups *groups);

// expr_regex_expand writes `format` to `dst`, "\0" to "\9" in it replaced by the groups, "\xHH" by the byte of that
// hexadecimal number, and a backslash before anything else left out. The length, or SIZE_MAX where `cap` bytes are not
// enough.
size_t expr_regex_expand(char *dst, size_t cap, struct slice format, const struct expr_groups *groups);
