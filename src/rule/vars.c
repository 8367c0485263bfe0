// SPDX-License-Identifier: Apache-2.0
// The actions on variables, of all rule sets.
#include "expr/cond.h"
#include "expr/expr.h"
#include "expr/format.h"
#include "expr/var.h"
#include "rule/rule.h"

enum { VARS_MAX_CONDS = 4 };

struct vars_action {
    struct expr_var_ref ref;
    uint32_t conds;
    struct expr expr;
    const struct expr_format *format; // of set-var-fmt
};

// What comes before there is a stream has no scopes of streams (manual, "set-var").
static bool scope_fits(uint32_t ruleset, enum expr_scope scope)
{
    if (ruleset & RULE_CHECK)
        return scope == EXPR_SCOPE_PROC || scope == EXPR_SCOPE_SESS || scope == EXPR_SCOPE_CHECK;
    return scope == EXPR_SCOPE_PROC || scope == EXPR_SCOPE_SESS ||
           (scope != EXPR_SCOPE_CHECK && !(ruleset & (RULE_TCP_CONNECTION | RULE_TCP_SESSION)));
}

// Reads "name[,cond...]" between the parentheses of the word before argument `index`.
static struct vars_action *parse_name(struct config *config, struct rule *rule, const struct config_line *line,
                                      uint32_t index, uint32_t max_conds)
{
    const char *word = rule->action->name;
    if (!rule->parens.ptr) {
        config_error(config, line, index - 1, "'%s' wants the name of a variable in parentheses", word);
        return NULL;
    }
    struct vars_action *action = arena_alloc(config->arena, sizeof(*action));
    size_t comma = slice_find(rule->parens, ',');
    struct slice rest = slice_from(rule->parens, comma);
    const char *wrong = expr_var_ref_parse(&action->ref, slice_of(rule->parens.ptr, comma));
    if (!wrong && !scope_fits(rule->ruleset, action->ref.scope))
        wrong = "variables of this scope do not exist here";
    for (uint32_t num = 0; !wrong && rest.len; num++) {
        rest = slice_from(rest, 1);
        comma = slice_find(rest, ',');
        wrong = num == max_conds ? max_conds ? "at most four conditions can be given" : "it takes one name alone"
                                 : expr_var_if_parse(&action->conds, slice_of(rest.ptr, comma));
        rest = slice_from(rest, comma);
    }
    if (wrong) {
        config_error(config, line, index - 1, "'%s': %s", word, wrong);
        return NULL;
    }
    rule->data = action;
    return action;
}

static bool parse_set(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                      uint32_t *next)
{
    struct vars_action *action = parse_name(config, rule, line, index, VARS_MAX_CONDS);
    *next = index + 1;
    if (!action)
        return false;
    if (!config_arg_at(line, index) || expr_is_cond(line, index))
        return config_error(config, line, index, "'%s' wants an expression", rule->action->name);
    return expr_parse(config, &action->expr, line, index) &&
           expr_check_when(config, line, index, &action->expr, rule->when);
}

static enum rule_verdict run_set(struct expr_subject *subject, const struct rule *rule)
{
    const struct vars_action *action = rule->data;
    struct expr_sample sample;
    if (expr_eval(&action->expr, subject, &sample))
        (void)expr_var_set_if(subject, &action->ref, action->conds, &sample);
    return RULE_NEXT;
}

static bool parse_set_fmt(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                          uint32_t *next)
{
    struct vars_action *action = parse_name(config, rule, line, index, VARS_MAX_CONDS);
    *next = index + 1;
    if (!action)
        return false;
    if (!config_arg_at(line, index) || expr_is_cond(line, index))
        return config_error(config, line, index, "'%s' wants a format", rule->action->name);
    action->format = expr_format_parse(config, line, index, EXPR_FORMAT_TEXT, rule->when);
    return action->format != NULL;
}

static enum rule_verdict run_set_fmt(struct expr_subject *subject, const struct rule *rule)
{
    const struct vars_action *action = rule->data;
    struct expr_sample sample = { .type = EXPR_STR, .str = expr_format_make(action->format, subject) };
    if (sample.str.ptr)
        (void)expr_var_set_if(subject, &action->ref, action->conds, &sample);
    return RULE_NEXT;
}

static bool parse_unset(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                        uint32_t *next)
{
    *next = index;
    return parse_name(config, rule, line, index, 0);
}

static enum rule_verdict run_unset(struct expr_subject *subject, const struct rule *rule)
{
    const struct vars_action *action = rule->data;
    expr_var_unset(subject, &action->ref);
    return RULE_NEXT;
}

enum {
    VARS_EVERYWHERE = RULE_TCP_CONNECTION | RULE_TCP_SESSION | RULE_TCP_CONTENT | RULE_TCP_RESPONSE |
                      RULE_HTTP_REQUEST | RULE_HTTP_RESPONSE | RULE_HTTP_AFTER_RESPONSE | RULE_CHECK
};

static const struct rule_action actions[] = {
    { .name = "set-var",
      .flags = RULE_PARENS,
      .in = VARS_EVERYWHERE,
      .parse = parse_set,
      .run = run_set,
      .args = "(<name>[,<cond>...]) <expression>",
      .help = "Gives a variable the value of an expression, which keeps its type; where the expression has none, "
              "nothing changes. With conditions it does so only where all hold: ifexists, ifnotexists (it was set "
              "before, or not), ifset, ifnotset (it has a value now, or not), ifempty, ifnotempty (the new value is an "
              "empty text, or not), ifgt, iflt (the value it has is greater or less than the new one, where both are "
              "integers).",
      .good = "http-request set-var(txn.path,ifnotset) path",
      .bad = "http-request set-var(path) path",
      .bad_says = "a variable's name begins with its scope" },
    { .name = "set-var-fmt",
      .flags = RULE_PARENS,
      .in = VARS_EVERYWHERE,
      .parse = parse_set_fmt,
      .run = run_set_fmt,
      .args = "(<name>[,<cond>...]) <format>",
      .help = "Gives a variable the text of a format string, under the same conditions as set-var.",
      .good = "http-request set-var-fmt(txn.from) %[src]:%[src_port]",
      .bad = "http-request set-var-fmt(txn.from)",
      .bad_says = "'set-var-fmt' wants a format" },
    { .name = "unset-var",
      .flags = RULE_PARENS,
      .in = VARS_EVERYWHERE,
      .parse = parse_unset,
      .run = run_unset,
      .args = "(<name>)",
      .help = "Takes the value of a variable away.",
      .good = "http-request unset-var(txn.path)",
      .bad = "http-request unset-var",
      .bad_says = "wants the name of a variable in parentheses" },
};
RULE_ACTIONS(actions);
