// SPDX-License-Identifier: Apache-2.0
// The actions that change lists: add-acl, del-acl, set-map, del-map. What they do is seen by the next rule here, and
// by all other processes soon after (table/change.h).
#include "base/check.h"
#include "expr/cond.h"
#include "expr/format.h"
#include "expr/list.h"
#include "rule/rule.h"
#include "table/change.h"

struct list_action {
    enum table_change_op op;
    struct slice list;
    const struct expr_format *key;
    const struct expr_format *value; // NULL: none
};

static const struct expr_format *parse_format(struct config *config, const struct rule *rule,
                                              const struct config_line *line, uint32_t index, const char *what)
{
    if (!config_arg_at(line, index) || expr_is_cond(line, index)) {
        config_error(config, line, index, "'%s' wants %s here", rule->action->name, what);
        return NULL;
    }
    return expr_format_parse(config, line, index, EXPR_FORMAT_TEXT, rule->when);
}

// The file is read here where nothing else of the configuration names it: then what it holds is of no use, but that it
// cannot be read is told.
static bool parse(struct config *config, struct rule *rule, const struct config_line *line, uint32_t *index,
                  enum table_change_op op, bool is_map)
{
    const char *word = rule->action->name;
    struct list_action *action = arena_alloc(config->arena, sizeof(*action));
    struct expr_list *list;
    if (!rule->parens.ptr || rule->parens.len == 0)
        return config_error(config, line, *index - 1, "'%s' wants the name of a %s in parentheses", word,
                            is_map ? "map" : "file of an ACL");
    const char *wrong = expr_list_load(&list, config, rule->parens, is_map);
    if (wrong)
        return config_error(config, line, *index - 1, "'%s': %s", word, wrong);
    action->op = op;
    action->list = slice_str(expr_list_name(list));
    action->key = parse_format(config, rule, line, (*index)++, "a key");
    if (!action->key)
        return false;
    if (is_map && op == TABLE_CHANGE_ENSURE) {
        action->value = parse_format(config, rule, line, (*index)++, "a value");
        if (!action->value)
            return false;
    }
    rule->data = action;
    return true;
}

static bool parse_add_acl(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                          uint32_t *next)
{
    *next = index;
    return parse(config, rule, line, next, TABLE_CHANGE_ENSURE, false);
}

static bool parse_del_acl(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                          uint32_t *next)
{
    *next = index;
    return parse(config, rule, line, next, TABLE_CHANGE_DEL, false);
}

static bool parse_set_map(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                          uint32_t *next)
{
    *next = index;
    return parse(config, rule, line, next, TABLE_CHANGE_ENSURE, true);
}

static bool parse_del_map(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                          uint32_t *next)
{
    *next = index;
    return parse(config, rule, line, next, TABLE_CHANGE_DEL, true);
}

// A change that cannot be made is counted (table_changes_counts) and the rules go on, as HAProxy's do.
static enum rule_verdict run(struct expr_subject *subject, const struct rule *rule)
{
    const struct list_action *action = rule->data;
    struct table_change change = { .op = action->op, .list = action->list, .value = slice_of("", 0) };
    change.key = expr_format_make(action->key, subject);
    if (action->value)
        change.value = expr_format_make(action->value, subject);
    // A file's line could hold neither an empty key nor a line feed.
    if (change.key.len && change.value.ptr && slice_find(change.key, '\n') == change.key.len)
        table_change_publish(&change, NULL, NULL);
    return RULE_NEXT;
}

#define RULESETS (RULE_HTTP_REQUEST | RULE_HTTP_RESPONSE | RULE_HTTP_AFTER_RESPONSE)

static const struct rule_action actions[] = {
    { .name = "add-acl",
      .flags = RULE_PARENS,
      .in = RULESETS,
      .parse = parse_add_acl,
      .run = run,
      .args = "(<file>) <key fmt>",
      .help = "Adds the key to the ACLs that were read from the file, unless it is there. All processes follow.",
      .good = "http-request add-acl(virt@acl) %[src] if FALSE",
      .bad = "http-request add-acl(virt@acl) if FALSE",
      .bad_says = "wants a key here" },
    { .name = "del-acl",
      .flags = RULE_PARENS,
      .in = RULESETS,
      .parse = parse_del_acl,
      .run = run,
      .args = "(<file>) <key fmt>",
      .help = "Takes the key out of the ACLs that were read from the file. All processes follow.",
      .good = "http-request del-acl(virt@acl) %[src] if FALSE",
      .bad = "http-request del-acl %[src]",
      .bad_says = "in parentheses" },
    { .name = "set-map",
      .flags = RULE_PARENS,
      .in = RULESETS,
      .parse = parse_set_map,
      .run = run,
      .args = "(<map>) <key fmt> <value fmt>",
      .help = "Gives the key that value in the map, adding it where it is not there. All processes follow.",
      .good = "http-request set-map(virt@help) %[src] %[path] if FALSE",
      .bad = "http-request set-map(virt@help) %[src] if FALSE",
      .bad_says = "wants a value here" },
    { .name = "del-map",
      .flags = RULE_PARENS,
      .in = RULESETS,
      .parse = parse_del_map,
      .run = run,
      .args = "(<map>) <key fmt>",
      .help = "Takes the key out of the map. All processes follow.",
      .good = "http-request del-map(virt@help) %[src] if FALSE",
      .bad = "http-request del-map() %[src]",
      .bad_says = "in parentheses" },
};
RULE_ACTIONS(actions);
