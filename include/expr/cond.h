// SPDX-License-Identifier: Apache-2.0
// ACLs and conditions (HAProxy manual sections 7.1 and 7.2): `acl NAME fetch ...` lines, and what follows `if` and
// `unless`. Compiled while the configuration is read into its arena, const afterwards but for the values on the lines,
// which are lists (expr/list.h) and may change as those do. The subject is whatever the
// fetches expect; nothing here looks into it.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "config/config.h"
#include "expr/subject.h"

struct expr_test;

// An ACL: all lines of one name, tried in the order of the file until one matches.
struct expr_acl {
    struct expr_acl *next;
    const char *name;        // NULL for an anonymous one
    struct expr_test *first; // the lines
    struct expr_test **last;
    uint32_t used_at; // EXPR_AT_* bits of the conditions that name it, for lines that come later
    struct config_place place;
};

struct expr_cond;

// expr_acl_parse reads `acl NAME fetch [flags] [operator] [value...]`, whose NAME is argument `index` of `line`, into
// the ACL of that name in `*list`, which is added where it is new. NULL after reporting an error.
struct expr_acl *expr_acl_parse(struct config *config, struct expr_acl **list, const struct config_line *line,
                                uint32_t index);

// expr_cond_parse reads the condition whose `if` or `unless` is argument `index`, to the end of the line. ACL names are
// looked up in `*scope`, then among the predefined ones. `when` is the moment (EXPR_AT_*) it will be evaluated at; each
// fetch must be available then. NULL after reporting an error.
const struct expr_cond *expr_cond_parse(struct config *config, const struct config_line *line, uint32_t index,
                                        struct expr_acl *const *scope, uint32_t when);

// expr_cond_true says whether the condition holds for `subject` (for `unless`: whether it does not). NULL always holds.
bool expr_cond_true(const struct expr_cond *cond, struct expr_subject *subject);

// Whether a condition holds where data is still coming in.
enum expr_truth { EXPR_NO, EXPR_YES, EXPR_WAIT };

// expr_cond_test is expr_cond_true for moments at which more data may come: EXPR_WAIT where that could change the
// answer, unless subject->final.
enum expr_truth expr_cond_test(const struct expr_cond *cond, struct expr_subject *subject);

// expr_is_cond says whether argument `index` of `line` is `if` or `unless`.
bool expr_is_cond(const struct config_line *line, uint32_t index);
