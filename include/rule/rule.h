// SPDX-License-Identifier: Apache-2.0
// Rules: `http-request ACTION ... [if|unless COND]` and its kin, as lists that are run in the order of the file.
// Actions are rows of tables that stand beside the code that acts, gathered by the linker like configuration words;
// this area knows none of them. Rules are compiled while the configuration is read, live in its arena and are const
// afterwards; a rule keeps no state, so a list may be run for any number of subjects at once.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "config/config.h"
#include "expr/subject.h"

struct expr_acl;
struct expr_cond;
struct rule;
struct rule_action;

// Rule sets.
enum {
    RULE_TCP_CONNECTION = 1 << 0,      // tcp-request connection
    RULE_TCP_SESSION = 1 << 1,         // tcp-request session
    RULE_TCP_CONTENT = 1 << 2,         // tcp-request content
    RULE_TCP_RESPONSE = 1 << 3,        // tcp-response content
    RULE_HTTP_REQUEST = 1 << 4,        // http-request
    RULE_HTTP_RESPONSE = 1 << 5,       // http-response
    RULE_HTTP_AFTER_RESPONSE = 1 << 6, // http-after-response
    RULE_CHECK = 1 << 7,               // tcp-check and http-check: variables alone
};

enum rule_verdict {
    RULE_NEXT,     // go on with the next rule; of a list: all were run
    RULE_STOP,     // no further rule of this list
    RULE_ANSWERED, // the subject has its answer
    RULE_CLOSE,    // the connection ends without one
    RULE_WAIT,     // run this rule again later, see rule_resume_list
    RULE_ERROR,    // the action failed: the stream ends (500, or 502 for an answer)
};

// rule_parse_fn reads the arguments of `rule->action` from argument `index` of `line` on, keeps what it makes of them
// in `rule->data`, and sets `*next` to the first argument that is not its own. It reports its own errors; false on one.
typedef bool rule_parse_fn(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                           uint32_t *next);

typedef enum rule_verdict rule_run_fn(struct expr_subject *subject, const struct rule *rule);

// What a row may ask of rule_parse and rule_run_list.
enum {
    RULE_FINAL = 1 << 0,       // it ends its list for good: remembered as the last rule (last_rule_line)
    RULE_DENIES = 1 << 2,      // what it answers or closes was refused: counted and logged as such
    RULE_NEEDS_ADMIN = 1 << 3, // it needs CAP_NET_ADMIN, which workers of root keep where some rule does
    RULE_PARENS = 1 << 1, // its name is followed by parentheses: "set-var(txn.a)"; the text in them is rule->parens
    RULE_NUMBER = 1 << 4, // its name ends with a number: "track-sc0"; its digits are rule->parens
    RULE_ERRS = 1 << 5,   // what it answers a request with counts as an error of the client
};

struct rule_action {
    const char *name;     // "return"
    uint32_t flags;       // RULE_FINAL, RULE_PARENS
    uint32_t in;          // RULE_* bits
    rule_parse_fn *parse; // NULL: it takes no arguments
    rule_run_fn *run;
    const char *args; // how they look in the manual
    const char *help;
    const char *good; // a line that must be accepted: "http-request allow if TRUE"
    const char *bad;  // one that must be refused
    const char *bad_says;
};

struct rule {
    struct rule *next;
    const struct rule_action *action;
    const struct expr_cond *cond; // NULL: always
    void *data;                   // the action's
    struct slice parens;          // RULE_PARENS: what stood between the parentheses, NUL-terminated; ptr NULL without
    uint32_t ruleset;             // the one bit it was parsed for
    uint32_t when;                // the moment (EXPR_AT_*) it is run at; set before the action's arguments are parsed
    struct config_place place;
};

struct rule_action_table {
    const struct rule_action *rows;
    size_t num;
};

// RULE_ACTIONS registers the array `table` of struct rule_action. One per file.
#define RULE_ACTIONS(table)                                                                                            \
    static const struct rule_action_table rule_actions_here = { (table), sizeof(table) / sizeof((table)[0]) };         \
    static const struct rule_action_table *const rule_actions_ptr __attribute__((used, section("rule_actions"))) =     \
        &rule_actions_here

// rule_boot gathers all actions and services; to be called once before a configuration is read. Two rows of one name in
// one rule set are a bug of ours: must().
void rule_boot(void);

// rule_actions_each calls `visit` with every action in the order of names; for the manual and its tests.
void rule_actions_each(void (*visit)(const struct rule_action *action, void *arg), void *arg);

// rule_set_name gives the words a rule of the rule set `ruleset` begins with: "http-request".
const char *rule_set_name(uint32_t ruleset);

// rule_parse reads a rule whose action is argument `index` of `line` and appends it to `*list`. Its condition may name
// the ACLs of `*scope` and is evaluated at the moment `when` (EXPR_AT_*). NULL after reporting an error.
struct rule *rule_parse(struct config *config, struct rule **list, const struct config_line *line, uint32_t index,
                        uint32_t ruleset, struct expr_acl *const *scope, uint32_t when);

// rule_run_list runs the rules of `list` whose condition holds for `subject`, in order, until one gives anything but
// RULE_NEXT; that rule goes to `*stopped_at` (NULL for none; the pointer itself may be NULL). A condition that needs
// data still to come gives RULE_WAIT, unless subject->final. What rules make in the scratch is released after each.
enum rule_verdict rule_run_list(const struct rule *list, struct expr_subject *subject, const struct rule **stopped_at);

// rule_resume_list goes on from `rule`, which gave RULE_WAIT: where its action did (subject->acted) that is run again
// without asking the condition, else the condition is asked again; then the rules after it as rule_run_list does.
enum rule_verdict rule_resume_list(const struct rule *rule, struct expr_subject *subject,
                                   const struct rule **stopped_at);

// rule_resume does so with `rule` alone.
enum rule_verdict rule_resume(const struct rule *rule, struct expr_subject *subject);

// A service answers requests inside of the process (`http-request use-service NAME`): status page, metrics, echo.
// Registered by the area that has it; the table of functions is known to it and to the one that calls, not here.
struct rule_service {
    const char *name;
    const void *vtable;
    const char *help;
    bool is_internal; // no rule names it: another word does
};

struct rule_service_table {
    const struct rule_service *rows;
    size_t num;
};

// RULE_SERVICES registers the array `table` of struct rule_service. One per file.
#define RULE_SERVICES(table)                                                                                           \
    static const struct rule_service_table rule_services_here = { (table), sizeof(table) / sizeof((table)[0]) };       \
    static const struct rule_service_table *const rule_services_ptr __attribute__((used, section("rule_services"))) =  \
        &rule_services_here

// rule_service_find gives the service named `name`, or NULL.
const struct rule_service *rule_service_find(const char *name);

// rule_services_each calls `visit` with every service that a rule may name; for the manual and its tests.
void rule_services_each(void (*visit)(const struct rule_service *service, void *arg), void *arg);

// rule_service_parse gives the service that argument `index` of `line` names, or NULL after reporting that there is
// none.
const struct rule_service *rule_service_parse(struct config *config, const struct config_line *line, uint32_t index);
