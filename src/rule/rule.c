// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "config/word.h"
#include "expr/cond.h"
#include "rule/rule.h"

extern const struct rule_action_table *const __start_rule_actions[] __attribute__((weak));
extern const struct rule_action_table *const __stop_rule_actions[] __attribute__((weak));
extern const struct rule_service_table *const __start_rule_services[] __attribute__((weak));
extern const struct rule_service_table *const __stop_rule_services[] __attribute__((weak));

// All rows in the order of their names; const once booted.
static const struct rule_action **action_rows;
static size_t action_num;

static int compare(const void *a, const void *b)
{
    return strcmp((*(const struct rule_action *const *)a)->name, (*(const struct rule_action *const *)b)->name);
}

static void check_services(void)
{
    for (const struct rule_service_table *const *table = __start_rule_services; table < __stop_rule_services; table++)
        for (size_t i = 0; i < (*table)->num; i++)
            must(rule_service_find((*table)->rows[i].name) == &(*table)->rows[i]);
}

void rule_boot(void)
{
    if (action_rows)
        return;
    for (const struct rule_action_table *const *table = __start_rule_actions; table < __stop_rule_actions; table++)
        action_num += (*table)->num;
    action_rows = calloc(action_num + 1, sizeof(struct rule_action *));
    if (!action_rows)
        check_out_of_memory((action_num + 1) * sizeof(struct rule_action *));
    size_t num = 0;
    for (const struct rule_action_table *const *table = __start_rule_actions; table < __stop_rule_actions; table++)
        for (size_t i = 0; i < (*table)->num; i++)
            action_rows[num++] = &(*table)->rows[i];
    qsort(action_rows, num, sizeof(struct rule_action *), compare);
    for (size_t i = 0; i < num; i++) {
        must(action_rows[i]->in && action_rows[i]->run);
        for (size_t j = i; j-- > 0 && strcmp(action_rows[j]->name, action_rows[i]->name) == 0;)
            must(!(action_rows[j]->in & action_rows[i]->in));
    }
    check_services();
}

void rule_actions_each(void (*visit)(const struct rule_action *action, void *arg), void *arg)
{
    must(action_rows);
    for (size_t i = 0; i < action_num; i++)
        visit(action_rows[i], arg);
}

const char *rule_set_name(uint32_t ruleset)
{
    switch (ruleset) {
    case RULE_TCP_CONNECTION:
        return "tcp-request connection";
    case RULE_TCP_SESSION:
        return "tcp-request session";
    case RULE_TCP_CONTENT:
        return "tcp-request content";
    case RULE_TCP_RESPONSE:
        return "tcp-response content";
    case RULE_HTTP_REQUEST:
        return "http-request";
    case RULE_HTTP_RESPONSE:
        return "http-response";
    case RULE_CHECK:
        return "check";
    default:
        must(ruleset == RULE_HTTP_AFTER_RESPONSE);
        return "http-after-response";
    }
}

static bool report_unknown(struct config *config, const struct config_line *line, uint32_t index, const char *name,
                           uint32_t ruleset)
{
    const char *set = rule_set_name(ruleset);
    const char *full = arena_printf(config->arena, "%s %.*s", set, (int)strcspn(name, "("), name);
    const char *reason = config_refuse_reason(full, CONFIG_IN_PROXY);
    if (reason)
        return config_error(config, line, index, "'%s' %s", full, reason);
    const char **known = arena_alloc(config->arena, (action_num + 1) * sizeof(*known));
    size_t num = 0;
    for (size_t i = 0; i < action_num; i++)
        if (action_rows[i]->in & ruleset)
            known[num++] = action_rows[i]->name;
    const char *nearest = config_nearest(name, known, num);
    return config_error(config, line, index, "unknown action '%s' in '%s'%s%s%s", name, set,
                        nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

// What of `word` must be the name of a row: of one that takes parentheses what stands before them, of one with a number
// what stands before its digits.
static struct slice name_in(const char *word, uint32_t flags)
{
    struct slice name = slice_str(word);
    if (flags & RULE_PARENS)
        name.len = slice_find(name, '(');
    else if (flags & RULE_NUMBER)
        while (name.len && name.ptr[name.len - 1] >= '0' && name.ptr[name.len - 1] <= '9')
            name.len--;
    return name;
}

static const struct rule_action *find_action(const char *word, uint32_t ruleset)
{
    for (size_t i = 0; i < action_num; i++)
        if (action_rows[i]->in & ruleset &&
            slice_equal(slice_str(action_rows[i]->name), name_in(word, action_rows[i]->flags)))
            return action_rows[i];
    return NULL;
}

static bool find_parens(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index)
{
    const struct config_arg *arg = config_arg_at(line, index);
    struct slice rest = slice_from(slice_of(arg->str, arg->len), strlen(rule->action->name));
    if (rule->action->flags & RULE_NUMBER)
        rule->parens = rest;
    if (!(rule->action->flags & RULE_PARENS) || rest.len == 0)
        return true;
    if (rest.ptr[rest.len - 1] != ')')
        return config_error(config, line, index, "a ')' is missing at the end of '%s'", arg->str);
    rule->parens = slice_of(arena_copy(config->arena, rest.ptr + 1, rest.len - 2), rest.len - 2);
    return true;
}

struct rule *rule_parse(struct config *config, struct rule **list, const struct config_line *line, uint32_t index,
                        uint32_t ruleset, struct expr_acl *const *scope, uint32_t when)
{
    must(action_rows);
    const struct config_arg *arg = config_arg_at(line, index);
    if (!arg) {
        config_error(config, line, index, "'%s' wants an action", rule_set_name(ruleset));
        return NULL;
    }
    const struct rule_action *action = find_action(arg->str, ruleset);
    if (!action) {
        report_unknown(config, line, index, arg->str, ruleset);
        return NULL;
    }
    struct rule *rule = arena_alloc(config->arena, sizeof(*rule));
    *rule = (struct rule){ .action = action, .ruleset = ruleset, .when = when, .place = line->place };
    uint32_t next = index + 1;
    if (!find_parens(config, rule, line, index))
        return NULL;
    if (action->parse && !action->parse(config, rule, line, index + 1, &next))
        return NULL;
    must(next > index);
    if (expr_is_cond(line, next)) {
        rule->cond = expr_cond_parse(config, line, next, scope, when);
        if (!rule->cond)
            return NULL;
    } else if ((arg = config_arg_at(line, next))) {
        config_error(config, line, next, "unexpected '%s' after '%s': only a condition, 'if' or 'unless', may follow",
                     arg->str, action->name);
        return NULL;
    }
    while (*list)
        list = &(*list)->next;
    *list = rule;
    return rule;
}

// Asks the condition and runs the action, or the action alone.
static enum rule_verdict run_rule(const struct rule *rule, struct expr_subject *subject, bool ask)
{
    struct expr_scratch *scratch = &subject->process->scratch;
    uint32_t mark = expr_scratch_mark(scratch);
    enum expr_truth truth = ask ? expr_cond_test(rule->cond, subject) : EXPR_YES;
    enum rule_verdict verdict = truth == EXPR_WAIT ? RULE_WAIT : RULE_NEXT;
    subject->acted = truth == EXPR_YES;
    if (truth == EXPR_YES)
        verdict = rule->action->run(subject, rule);
    if (truth == EXPR_YES && rule->action->flags & RULE_FINAL && verdict != RULE_WAIT && verdict != RULE_NEXT)
        subject->last_rule = &rule->place;
    expr_scratch_release(scratch, mark);
    return verdict;
}

static enum rule_verdict run_from(const struct rule *rule, bool ask, struct expr_subject *subject,
                                  const struct rule **stopped_at)
{
    enum rule_verdict verdict = RULE_NEXT;
    for (; rule; rule = rule->next, ask = true) {
        verdict = run_rule(rule, subject, ask);
        if (verdict != RULE_NEXT)
            break;
    }
    if (stopped_at)
        *stopped_at = rule;
    return verdict;
}

enum rule_verdict rule_resume_list(const struct rule *rule, struct expr_subject *subject,
                                   const struct rule **stopped_at)
{
    return run_from(rule, !subject->acted, subject, stopped_at);
}

enum rule_verdict rule_resume(const struct rule *rule, struct expr_subject *subject)
{
    return run_rule(rule, subject, !subject->acted);
}

enum rule_verdict rule_run_list(const struct rule *list, struct expr_subject *subject, const struct rule **stopped_at)
{
    return run_from(list, true, subject, stopped_at);
}

const struct rule_service *rule_service_find(const char *name)
{
    for (const struct rule_service_table *const *table = __start_rule_services; table < __stop_rule_services; table++)
        for (size_t i = 0; i < (*table)->num; i++)
            if (strcmp((*table)->rows[i].name, name) == 0)
                return &(*table)->rows[i];
    return NULL;
}

void rule_services_each(void (*visit)(const struct rule_service *service, void *arg), void *arg)
{
    for (const struct rule_service_table *const *table = __start_rule_services; table < __stop_rule_services; table++)
        for (size_t i = 0; i < (*table)->num; i++)
            if (!(*table)->rows[i].is_internal)
                visit(&(*table)->rows[i], arg);
}

const struct rule_service *rule_service_parse(struct config *config, const struct config_line *line, uint32_t index)
{
    const struct config_arg *arg = config_arg_at(line, index);
    const struct rule_service *found = arg ? rule_service_find(arg->str) : NULL;
    if (found && !found->is_internal)
        return found;
    size_t num = 0;
    for (const struct rule_service_table *const *table = __start_rule_services; table < __stop_rule_services; table++)
        num += (*table)->num;
    const char **known = arena_alloc(config->arena, (num + 1) * sizeof(*known));
    num = 0;
    for (const struct rule_service_table *const *table = __start_rule_services; table < __stop_rule_services; table++)
        for (size_t i = 0; i < (*table)->num; i++)
            if (!(*table)->rows[i].is_internal)
                known[num++] = (*table)->rows[i].name;
    config_error_unknown(config, line, index, "service", known, num);
    return NULL;
}
