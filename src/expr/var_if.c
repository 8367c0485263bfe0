// SPDX-License-Identifier: Apache-2.0
// The conditions of set-var, and the fetch.
#include "base/check.h"
#include "expr/var.h"
#include "expr/fetch.h"

static const struct {
    const char *name;
    uint32_t bit;
} conditions[] = {
    { "ifexists", EXPR_VAR_IF_EXISTS }, { "ifnotexists", EXPR_VAR_IF_NOT_EXISTS },
    { "ifempty", EXPR_VAR_IF_EMPTY },   { "ifnotempty", EXPR_VAR_IF_NOT_EMPTY },
    { "ifset", EXPR_VAR_IF_SET },       { "ifnotset", EXPR_VAR_IF_NOT_SET },
    { "ifgt", EXPR_VAR_IF_GREATER },    { "iflt", EXPR_VAR_IF_LESS },
};

const char *expr_var_if_parse(uint32_t *out, struct slice word)
{
    for (size_t i = 0; i < NUM_ITEMS(conditions); i++)
        if (slice_equal(word, slice_str(conditions[i].name))) {
            *out |= conditions[i].bit;
            return NULL;
        }
    return "a condition is one of ifexists, ifnotexists, ifempty, ifnotempty, ifset, ifnotset, ifgt and iflt";
}

static bool conditions_hold(struct expr_subject *subject, const struct expr_var_ref *ref, uint32_t conds,
                            const struct expr_sample *value)
{
    bool scalar = value->type == EXPR_BOOL || value->type == EXPR_INT || value->type == EXPR_ADDR;
    bool empty = !scalar && value->str.len == 0;
    if ((conds & EXPR_VAR_IF_EMPTY && !empty) || (conds & EXPR_VAR_IF_NOT_EMPTY && empty))
        return false;
    bool exists = expr_var_exists(subject, ref);
    if ((conds & EXPR_VAR_IF_EXISTS && !exists) || (conds & EXPR_VAR_IF_NOT_EXISTS && exists))
        return false;
    if (!(conds & (EXPR_VAR_IF_SET | EXPR_VAR_IF_NOT_SET | EXPR_VAR_IF_GREATER | EXPR_VAR_IF_LESS)))
        return true;
    struct expr_sample held;
    bool set = expr_var_get(subject, ref, &held);
    if ((conds & EXPR_VAR_IF_SET && !set) || (conds & EXPR_VAR_IF_NOT_SET && set))
        return false;
    if (!set || held.type != EXPR_INT || value->type != EXPR_INT)
        return true;
    return !(conds & EXPR_VAR_IF_GREATER && held.num <= value->num) &&
           !(conds & EXPR_VAR_IF_LESS && held.num >= value->num);
}

bool expr_var_set_if(struct expr_subject *subject, const struct expr_var_ref *ref, uint32_t conds,
                     const struct expr_sample *value)
{
    uint32_t mark = expr_scratch_mark(&subject->process->scratch);
    bool holds = conds == 0 || conditions_hold(subject, ref, conds, value);
    expr_scratch_release(&subject->process->scratch, mark);
    return holds && expr_var_set(subject, ref, value);
}

static const char *prepare_var(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)num;
    struct expr_var_ref *ref = arena_alloc(config->arena, sizeof(*ref));
    args[0].data = ref;
    return expr_var_ref_parse(ref, args[0].str);
}

static bool fetch_var(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                      struct expr_walk *walk)
{
    (void)walk;
    if (expr_var_get(subject, args[0].data, out))
        return true;
    *out = (struct expr_sample){ .type = EXPR_STR, .str = args[1].str };
    return args[1].str.ptr != NULL;
}

static const struct expr_fetch rows[] = {
    { .name = "var",
      .args = "<name>[,<default>]",
      .min_args = 1,
      .max_args = 2,
      .out = EXPR_ANY,
      .when = EXPR_ALWAYS,
      .prepare = prepare_var,
      .fetch = fetch_var,
      .help = "The value of a variable, of the type it was set with, or where it has none the default as a string. To "
              "compare it, -m must say how.",
      .good = "var(txn.user,nobody) -m str root",
      .bad = "var(user)",
      .bad_says = "a variable's name begins with its scope" },
};
EXPR_FETCHES(rows);
