// SPDX-License-Identifier: Apache-2.0
// The inside of ACLs: tests and lists of them. Private to this area; see expr/cond.h for what others use.
#pragma once

#include "expr/cond.h"
#include "expr/expr.h"
#include "expr/pattern.h"

// One line of an ACL: a fetch and what its values are compared with.
struct expr_test {
    struct expr_test *next;
    struct expr expr;
    enum expr_match match;
    struct expr_patterns *patterns;
};

// expr_test_parse reads "fetch [flags] [operator] [value...]" from argument `index` of `line` up to, without, argument
// `end`. NULL after reporting an error.
struct expr_test *expr_test_parse(struct config *config, const struct config_line *line, uint32_t index, uint32_t end);

// expr_test_run says whether a value of the fetch matches: EXPR_WAIT where none does yet and more data may change that,
// unless subject->final.
enum expr_truth expr_test_run(const struct expr_test *test, struct expr_subject *subject);

// expr_acl_new makes an ACL without lines.
struct expr_acl *expr_acl_new(struct config *config, const char *name, struct config_place place);

// expr_acl_append adds a line to `acl`.
void expr_acl_append(struct expr_acl *acl, struct expr_test *test);

// expr_acl_find gives the ACL of `list` named `name`, or NULL.
struct expr_acl *expr_acl_find(struct expr_acl *list, const char *name);

// expr_acl_test says whether a line of `acl` matches: EXPR_WAIT where none does yet and more data may change that,
// unless subject->final.
enum expr_truth expr_acl_test(const struct expr_acl *acl, struct expr_subject *subject);

// expr_acl_test_depth is expr_acl_test for a fetch or converter that names an ACL, where it must not be taken for
// granted that its fetches are available: it answers EXPR_NO for one that is not, and when ACLs name each other too
// deep.
enum expr_truth expr_acl_test_depth(const struct expr_acl *acl, struct expr_subject *subject);

// expr_truth_not negates one of three values: what is open stays so.
static inline enum expr_truth expr_truth_not(enum expr_truth truth)
{
    return truth == EXPR_WAIT ? EXPR_WAIT : truth == EXPR_YES ? EXPR_NO : EXPR_YES;
}

// expr_truth_or says whether one of two holds: what is open stays so unless the other decides.
static inline enum expr_truth expr_truth_or(enum expr_truth a, enum expr_truth b)
{
    return a == EXPR_YES || b == EXPR_YES ? EXPR_YES : a == EXPR_WAIT ? a : b;
}

// expr_predefined_parse gives the predefined ACL `name` (manual section 7.4), which argument `index` of `line` asks
// for.
// `*found` says whether there is one; NULL after reporting what it lacks.
struct expr_acl *expr_predefined_parse(struct config *config, bool *found, const struct config_line *line,
                                       uint32_t index, const char *name);

// expr_predefined_name gives the name of the predefined ACL number `i`, or NULL past the last.
const char *expr_predefined_name(size_t i);
