// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include "expr/toy.h"
#include "expr/var.h"
#include "rule/rule.h"

// The toy's actions append their letter to `trace`.
static char trace[32];
static uint32_t waits;

static bool parse_say(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                      uint32_t *next)
{
    const struct config_arg *arg = config_arg_at(line, index);
    if (!arg)
        return config_error(config, line, index, "'say' wants a letter");
    rule->data = (void *)(uintptr_t)arg->str;
    *next = index + 1;
    return true;
}

static enum rule_verdict run_say(struct expr_subject *subject, const struct rule *rule)
{
    (void)subject;
    strcat(trace, rule->data);
    return RULE_NEXT;
}

static enum rule_verdict run_allow(struct expr_subject *subject, const struct rule *rule)
{
    (void)subject, (void)rule;
    return RULE_STOP;
}

static enum rule_verdict run_answer(struct expr_subject *subject, const struct rule *rule)
{
    (void)subject, (void)rule;
    return RULE_ANSWERED;
}

static enum rule_verdict run_wait(struct expr_subject *subject, const struct rule *rule)
{
    (void)subject, (void)rule;
    return waits-- ? RULE_WAIT : RULE_NEXT;
}

static const struct rule_action actions[] = {
    { .name = "say", .in = RULE_HTTP_REQUEST | RULE_HTTP_RESPONSE, .parse = parse_say, .run = run_say },
    { .name = "allow", .in = RULE_HTTP_REQUEST, .run = run_allow },
    { .name = "answer", .in = RULE_HTTP_REQUEST, .run = run_answer },
    { .name = "answer", .in = RULE_HTTP_RESPONSE, .run = run_allow },
    { .name = "wait", .in = RULE_HTTP_REQUEST, .run = run_wait },
};
RULE_ACTIONS(actions);

static const int echo_table = 7;
static const struct rule_service services[] = { { .name = "echo", .vtable = &echo_table },
                                                { .name = "status", .vtable = NULL } };
RULE_SERVICES(services);

static struct rule *parse(struct toy_config *toy, struct rule **list, const char *text)
{
    struct config_line line = toy_line(toy, text);
    return rule_parse(&toy->config, list, &line, 0, RULE_HTTP_REQUEST, &toy->acls, EXPR_AT_REQUEST_HEAD);
}

static void in_order(void **state)
{
    struct toy_config *toy = *state;
    struct toy subject = { .method = "GET", .path = "/a" };
    struct rule *list = NULL;
    toy_acl(toy, "acl a path_beg /a");
    assert_non_null(parse(toy, &list, "http-request say 1 if a"));
    assert_non_null(parse(toy, &list, "http-request say 2 unless a"));
    assert_non_null(parse(toy, &list, "http-request say 3"));
    const struct rule *allow = parse(toy, &list, "http-request allow if { path /b }");
    const struct rule *answer = parse(toy, &list, "http-request answer if METH_GET a");
    assert_non_null(parse(toy, &list, "http-request say 4"));
    const struct rule *stopped;
    assert_int_equal(rule_run_list(list, toy_subject(&subject), &stopped), RULE_ANSWERED);
    assert_ptr_equal(stopped, answer);
    assert_string_equal(trace, "13");
    subject.path = "/b";
    trace[0] = '\0';
    assert_int_equal(rule_run_list(list, toy_subject(&subject), &stopped), RULE_STOP);
    assert_ptr_equal(stopped, allow);
    assert_string_equal(trace, "23");
    subject.path = "/c";
    trace[0] = '\0';
    assert_int_equal(rule_run_list(list, toy_subject(&subject), NULL), RULE_NEXT);
    assert_string_equal(trace, "234");
    assert_int_equal(rule_run_list(NULL, toy_subject(&subject), &stopped), RULE_NEXT);
    assert_null(stopped);
}

static void resumed(void **state)
{
    struct toy_config *toy = *state;
    struct toy subject = { .method = "GET", .path = "/a" };
    struct rule *list = NULL;
    assert_non_null(parse(toy, &list, "http-request say 1"));
    const struct rule *wait = parse(toy, &list, "http-request wait if { path /a }");
    assert_non_null(parse(toy, &list, "http-request say 2"));
    const struct rule *stopped;
    waits = 2;
    assert_int_equal(rule_run_list(list, toy_subject(&subject), &stopped), RULE_WAIT);
    assert_ptr_equal(stopped, wait);
    subject.path = "/b"; // its condition is not asked again
    assert_int_equal(rule_resume_list(stopped, toy_subject(&subject), &stopped), RULE_WAIT);
    assert_ptr_equal(stopped, wait);
    assert_int_equal(rule_resume_list(stopped, toy_subject(&subject), &stopped), RULE_NEXT);
    assert_null(stopped);
    assert_string_equal(trace, "12");
}

// A condition that may change waits, asks again, and no longer once no more data comes.
static void open_conditions(void **state)
{
    struct toy_config *toy = *state;
    struct toy subject = { .method = "GET", .path = "/a" };
    struct rule *list = NULL;
    assert_non_null(parse(toy, &list, "http-request say 1"));
    const struct rule *wait = parse(toy, &list, "http-request say 2 if { toy_late 1 } or { path /b }");
    assert_non_null(parse(toy, &list, "http-request say 3 if FALSE { toy_late 1 }"));
    assert_non_null(parse(toy, &list, "http-request say 4 if TRUE || { toy_late 1 }"));
    const struct rule *last = parse(toy, &list, "http-request say 5 unless { toy_late 1 }");
    const struct rule *stopped;
    struct expr_subject *who = toy_subject(&subject);
    who->final = false;
    assert_int_equal(rule_run_list(list, who, &stopped), RULE_WAIT);
    assert_ptr_equal(stopped, wait);
    assert_false(who->acted);
    assert_int_equal(rule_resume_list(stopped, who, &stopped), RULE_WAIT);
    assert_ptr_equal(stopped, wait);
    assert_string_equal(trace, "1");
    subject.path = "/b"; // its condition is asked again
    assert_int_equal(rule_resume_list(stopped, who, &stopped), RULE_WAIT);
    assert_ptr_equal(stopped, last);
    assert_string_equal(trace, "124");
    who->final = true;
    assert_int_equal(rule_resume_list(stopped, who, &stopped), RULE_NEXT);
    assert_null(stopped);
    assert_string_equal(trace, "1245");
    // From the start, with all data there.
    trace[0] = '\0';
    subject.path = "/a";
    assert_int_equal(rule_run_list(list, who, &stopped), RULE_NEXT);
    assert_string_equal(trace, "145");
}

// What a rule makes in the scratch is given back, and a variable that one sets the next one sees.
static void variables(void **state)
{
    struct toy_config *toy = *state;
    struct toy subject = { .method = "GET", .path = "/abc" };
    struct rule *list = NULL;
    assert_non_null(parse(toy, &list, "http-request set-var(txn.a) path,toy_upper"));
    assert_non_null(parse(toy, &list, "http-request say 1 if { var(txn.a) -m str /ABC }"));
    assert_non_null(parse(toy, &list, "http-request set-var-fmt(txn.b,ifnotset) <%[var(txn.a)]>"));
    assert_non_null(parse(toy, &list, "http-request set-var-fmt(txn.b,ifnotset) wrong"));
    assert_non_null(parse(toy, &list, "http-request say 2 if { var(txn.b) -m str </ABC> }"));
    assert_non_null(parse(toy, &list, "http-request unset-var(txn.a)"));
    assert_non_null(parse(toy, &list, "http-request say 3 unless { var(txn.a) -m found }"));
    assert_non_null(parse(toy, &list, "http-request set-var(txn.b) var(txn.a)"));
    assert_non_null(parse(toy, &list, "http-request say 4 if { var(txn.b) -m found }"));
    struct expr_subject *who = toy_subject(&subject);
    who->process->vars = expr_var_pool_new(NULL);
    who->scopes = 1 << EXPR_SCOPE_TXN;
    assert_int_equal(rule_run_list(list, who, NULL), RULE_NEXT);
    assert_string_equal(trace, "1234");
    assert_int_equal(who->process->scratch.len, 0);
    expr_vars_end(who, EXPR_SCOPE_TXN);
    expr_var_pool_free(who->process->vars);
}

static void refused(void **state)
{
    static const struct {
        const char *text;
        const char *says;
        uint32_t column;
    } cases[] = {
        { "http-request", "'http-request' wants an action", 0 },
        { "http-request alow", "unknown action 'alow' in 'http-request'; did you mean 'allow'?", 14 },
        { "http-request set-var(txn.x)", "'set-var' wants an expression", 0 },
        { "http-request set-var(txn.x) int(1", "a ')' or a quote is missing", 29 },
        { "http-request set-var(txn.x) status", "is not available here", 29 },
        { "http-request set-var(txn.x int(1)", "a ')' is missing", 14 },
        { "http-request set-var(x) int(1)", "begins with its scope", 14 },
        { "http-request set-var(txn.a-b) int(1)", "made of letters, digits", 14 },
        { "http-request set-var(txn.) int(1)", "wants a name", 14 },
        { "http-request set-var(check.x) int(1)", "of this scope do not exist here", 14 },
        { "http-request set-var(txn.x,if) int(1)", "a condition is one of", 14 },
        { "http-request set-var(txn.x,ifset,ifset,ifset,ifset,ifset) int(1)", "at most four", 14 },
        { "http-request unset-var(txn.x,ifset)", "it takes one name alone", 14 },
        { "http-request cache-use x", "'http-request cache-use' is a HAProxy keyword", 14 },
        { "http-request set-status 200", "unknown action 'set-status' in 'http-request'", 14 },
        { "http-request say", "'say' wants a letter", 0 },
        { "http-request say 1 2", "unexpected '2' after 'say'", 20 },
        { "http-request allow when TRUE", "unexpected 'when' after 'allow'", 20 },
        { "http-request allow if nope", "unknown ACL 'nope'", 23 },
        { "http-request allow if { status 200 }", "is not available here", 25 },
    };
    struct toy_config *toy = *state;
    struct rule *list = NULL;
    for (size_t i = 0; i < NUM_ITEMS(cases); i++) {
        assert_null(parse(toy, &list, cases[i].text));
        uint32_t column;
        const char *message = toy_message(toy, &column);
        if (!strstr(message, cases[i].says))
            fail_msg("%s: %s", cases[i].text, message);
        if (cases[i].column && column != cases[i].column)
            fail_msg("%s: column %u", cases[i].text, column);
    }
    assert_null(list);
}

static void found_services(void **state)
{
    struct toy_config *toy = *state;
    assert_ptr_equal(rule_service_find("echo")->vtable, &echo_table);
    assert_null(rule_service_find("ech"));
    struct config_line line = toy_line(toy, "x ecko");
    assert_null(rule_service_parse(&toy->config, &line, 0));
    assert_non_null(strstr(toy_message(toy, NULL), "unknown service 'ecko'; did you mean 'echo'?"));
    line = toy_line(toy, "x");
    assert_null(rule_service_parse(&toy->config, &line, 0));
    assert_non_null(strstr(toy_message(toy, NULL), "missing service"));
}

static int setup(void **state)
{
    static struct toy_config toy;
    toy_init(&toy);
    rule_boot();
    trace[0] = '\0';
    *state = &toy;
    return 0;
}

static int teardown(void **state)
{
    toy_fini(*state);
    return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = { TEST(in_order),  TEST(resumed), TEST(open_conditions),
                                        TEST(variables), TEST(refused), TEST(found_services) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
