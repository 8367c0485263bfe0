// SPDX-License-Identifier: Apache-2.0
// Variables (manual section 2.8): named samples that rules keep for later rules, per connection (sess), exchange (txn),
// request (req), answer (res), check, or for the whole service (proc). Names are hashed to ids while the configuration
// is read. A store is a short list of values from a pool of the process; their text is copied. What all variables of a
// process may take is bounded (tune.vars.*-max-size).
#pragma once

#include "config/config.h"
#include "expr/sample.h"
#include "expr/subject.h"

struct expr_var_ref {
    uint64_t id; // of the name without its scope
    enum expr_scope scope;
    struct slice name; // "txn.user", whole, as written
};

// expr_var_ref_parse reads "scope.name" (letters, digits, '.' and '_'). NULL, or what is wrong with it.
const char *expr_var_ref_parse(struct expr_var_ref *out, struct slice text);

// expr_var_id gives the id of a name (without its scope).
uint64_t expr_var_id(struct slice name);

struct expr_var_limits {
    uint64_t total; // bytes, 0: none; tune.vars.global-max-size
    uint64_t scope[EXPR_NUM_SCOPES];
};

// expr_var_pool_new makes the pool of a process; NULL where memory is exhausted.
struct expr_var_pool *expr_var_pool_new(const struct expr_var_limits *limits);

// expr_var_pool_free frees it, and the text of all variables in it. NULL is ignored.
void expr_var_pool_free(struct expr_var_pool *pool);

// expr_var_get puts the variable's value into `out`, by reference (proc: in the scratch); false where it has none.
bool expr_var_get(struct expr_subject *subject, const struct expr_var_ref *ref, struct expr_sample *out);

// expr_var_set gives it a value, which is copied; false where a limit or memory forbids it, or this subject has no such
// scope.
bool expr_var_set(struct expr_subject *subject, const struct expr_var_ref *ref, const struct expr_sample *value);

// expr_var_exists says whether it was ever set, which one of proc always was.
bool expr_var_exists(struct expr_subject *subject, const struct expr_var_ref *ref);

// Conditions of set-var.
enum {
    EXPR_VAR_IF_EXISTS = 1 << 0,
    EXPR_VAR_IF_NOT_EXISTS = 1 << 1,
    EXPR_VAR_IF_EMPTY = 1 << 2, // the new value, a text
    EXPR_VAR_IF_NOT_EMPTY = 1 << 3,
    EXPR_VAR_IF_SET = 1 << 4,
    EXPR_VAR_IF_NOT_SET = 1 << 5,
    EXPR_VAR_IF_GREATER = 1 << 6, // the value held is greater than the new one, or one of them is no integer
    EXPR_VAR_IF_LESS = 1 << 7,
};

// expr_var_if_parse adds the bit of the condition `word` ("ifset") to `*out`. NULL, or what is wrong with it.
const char *expr_var_if_parse(uint32_t *out, struct slice word);

// expr_var_set_if is expr_var_set where the conditions `conds` (EXPR_VAR_IF_* bits) all hold; false otherwise.
bool expr_var_set_if(struct expr_subject *subject, const struct expr_var_ref *ref, uint32_t conds,
                     const struct expr_sample *value);

// expr_var_unset takes its value away.
void expr_var_unset(struct expr_subject *subject, const struct expr_var_ref *ref);

// expr_vars_end drops all variables of `scope`: the exchange, request or connection is over.
void expr_vars_end(struct expr_subject *subject, enum expr_scope scope);
