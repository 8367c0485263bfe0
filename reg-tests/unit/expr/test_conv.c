// SPDX-License-Identifier: Apache-2.0
// The examples of every converter of this area: what the manual shows is what comes out.
#include <stdio.h>
#include "expr/toy.h"
#include "expr/var.h"

struct run {
    struct toy_config toy;
    uint32_t rows;
    uint32_t failed;
};

// "x" and the expression as one word, whatever it holds.
static struct config_line line_of(struct run *run, const char *text)
{
    struct config_line line = { .first = 1, .num_args = 2, .place = { .file = "toy", .line = 1, .text = text } };
    line.args = arena_alloc(&run->toy.arena, 2 * sizeof(*line.args));
    line.args[1] = (struct config_arg){ .str = text, .len = (uint32_t)strlen(text) };
    return line;
}

static struct expr_subject *subject_of(struct toy *toy)
{
    struct expr_subject *subject = toy_subject(toy);
    subject->process->vars = expr_var_pool_new(NULL);
    subject->scopes = 1 << EXPR_SCOPE_TXN;
    return subject;
}

static void check_value(struct run *run, const struct expr_conv *row, const struct expr *expr)
{
    struct toy toy = { 0 };
    struct expr_subject *subject = subject_of(&toy);
    struct slice got = expr_eval_str(expr, subject), want = slice_str(row->gives);
    bool none = !got.ptr;
    if (slice_equal(want, SLICE("-")) ? !none : none || !slice_equal(got, want)) {
        print_error("%s: %.*s, not %s\n", row->good, none ? 1 : (int)got.len, none ? "-" : got.ptr, row->gives);
        run->failed++;
    }
    expr_vars_end(subject, EXPR_SCOPE_TXN);
    expr_var_pool_free(subject->process->vars);
}

static void visit(const struct expr_conv *row, void *arg)
{
    struct run *run = arg;
    struct expr expr;
    if (strncmp(row->name, "toy_", 4) == 0)
        return;
    run->rows++;
    if (!row->help || (!row->of && (!row->good || (row->max_args && (!row->bad || !row->bad_says))))) {
        print_error("converter '%s' lacks its help or an example\n", row->name);
        run->failed++;
        return;
    }
    if (row->good) {
        struct config_line line = line_of(run, row->good);
        if (!expr_parse(&run->toy.config, &expr, &line, 0)) {
            print_error("%s: %s\n", row->good, toy_message(&run->toy, NULL));
            run->failed++;
        } else if (row->gives) {
            check_value(run, row, &expr);
        }
    }
    if (row->bad) {
        struct config_line line = line_of(run, row->bad);
        if (expr_parse(&run->toy.config, &expr, &line, 0) || !strstr(toy_message(&run->toy, NULL), row->bad_says)) {
            print_error("%s: '%s', not '%s'\n", row->bad, toy_message(&run->toy, NULL), row->bad_says);
            run->failed++;
        }
    }
}

static void examples(void **state)
{
    (void)state;
    static struct run run;
    toy_init(&run.toy);
    expr_convs_each(visit, &run);
    toy_fini(&run.toy);
    assert_true(run.rows > 20);
    assert_int_equal(run.failed, 0);
}

// What the examples cannot show: variables. txn.five is 5, txn.abc "abc", txn.none has none.
static void with_variables(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "int(5),add(txn.five)", "10" },
        { "int(5),add(txn.none)", "-" },
        { "int(5),add(txn.abc)", "5" },
        { "int(5),div(txn.none)", "-" },
        { "int(5),div(0)", "9223372036854775807" },
        { "int(5),mod(0)", "0" },
        { "int(-9223372036854775808),div(-1)", "9223372036854775807" },
        { "int(-9223372036854775808),mod(-1)", "0" },
        { "int(-9223372036854775808),neg", "9223372036854775807" },
        { "int(-9223372036854775808),sub(1)", "-9223372036854775808" },
        { "int(9223372036854775807),add(1)", "9223372036854775807" },
        { "int(-2),mul(9223372036854775807)", "-9223372036854775808" },
        { "int(1),sub(-9223372036854775808)", "9223372036854775807" },
        { "str(12abc),add(1)", "13" },
        { "str(abc),add(1)", "1" },
        { "str(),add(1)", "-" },
        { "str(-12x),add(1)", "-11" },
        { "str(99999999999999999999),add(0)", "9223372036854775807" },
        { "ipv4(1.2.3.4),add(1)", "16909061" },
        { "str(true),bool", "0" },
        { "str(abc),concat(<,txn.abc,>)", "abc<abc>" },
        { "str(abc),concat(,txn.none,)", "abc" },
        { "str(abc),concat(,txn.five)", "abc5" },
        { "str(abc),concat", "abc" },
        { "str(a),add_item(:,txn.abc)", "a:abc" },
        { "str(a),add_item(:,txn.abc,x)", "a:abcx" },
        { "str(a),add_item(:,txn.none,x)", "a:x" },
        { "str(),add_item(:,txn.abc)", "abc" },
        { "str(a),add_item(:,txn.none)", "a" },
        { "str(a),add_item(:,,x)", "a:x" },
        { "str(abc),strcmp(txn.abc)", "0" },
        { "str(ab),strcmp(txn.abc)", "-1" },
        { "str(abcd),strcmp(txn.abc)", "1" },
        { "str(abc),strcmp(txn.five)", "44" },
        { "str(abc),secure_memcmp(txn.abc)", "1" },
        { "str(abd),secure_memcmp(txn.abc)", "0" },
        { "int(5),secure_memcmp(txn.five)", "1" },
        { "str(x),set-var(txn.abc,ifempty)", "-" },
        { "str(x),set-var(txn.abc),concat(,txn.abc)", "xx" },
        { "var(txn.abc),set-var(txn.abc)", "abc" },
        { "var(txn.abc),unset-var(txn.abc)", "abc" },
        { "str(a),unset-var(txn.abc),concat(,txn.abc)", "a" },
        { "var(txn.none,x),length", "1" },
        { "var(txn.five),add(1)", "6" },
        { "bool(0),iif(a,b)", "b" },
    };
    static struct run run;
    run = (struct run){ 0 };
    toy_init(&run.toy);
    for (size_t i = 0; i < NUM_ITEMS(cases); i++) {
        struct config_line line = line_of(&run, cases[i][0]);
        struct toy toy = { 0 };
        struct expr expr;
        if (!expr_parse(&run.toy.config, &expr, &line, 0))
            fail_msg("%s: %s", cases[i][0], toy_message(&run.toy, NULL));
        struct expr_subject *subject = subject_of(&toy);
        struct expr_var_ref ref;
        assert_null(expr_var_ref_parse(&ref, SLICE("txn.five")));
        assert_true(expr_var_set(subject, &ref, &(struct expr_sample){ .type = EXPR_INT, .num = 5 }));
        assert_null(expr_var_ref_parse(&ref, SLICE("txn.abc")));
        assert_true(expr_var_set(subject, &ref, &(struct expr_sample){ .type = EXPR_STR, .str = SLICE("abc") }));
        struct slice got = expr_eval_str(&expr, subject);
        if (!slice_equal(got.ptr ? got : SLICE("-"), slice_str(cases[i][1])))
            fail_msg("%s: %.*s, not %s", cases[i][0], (int)got.len, got.ptr ? got.ptr : "", cases[i][1]);
        expr_vars_end(subject, EXPR_SCOPE_TXN);
        expr_var_pool_free(subject->process->vars);
    }
    toy_fini(&run.toy);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(examples), cmocka_unit_test(with_variables) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
