// SPDX-License-Identifier: Apache-2.0
#include "expr/toy.h"
#include "expr/var.h"

static struct expr_var_ref ref_of(const char *name)
{
    struct expr_var_ref ref;
    const char *wrong = expr_var_ref_parse(&ref, slice_str(name));
    if (wrong)
        fail_msg("%s: %s", name, wrong);
    return ref;
}

static struct expr_subject *subject_new(const struct expr_var_limits *limits)
{
    static struct toy toy;
    struct expr_subject *subject = toy_subject(&toy);
    subject->process->vars = expr_var_pool_new(limits);
    subject->scopes = 1 << EXPR_SCOPE_SESS | 1 << EXPR_SCOPE_TXN | 1 << EXPR_SCOPE_REQ | 1 << EXPR_SCOPE_RES;
    return subject;
}

static void subject_free(struct expr_subject *subject)
{
    for (int scope = EXPR_SCOPE_SESS; scope < EXPR_NUM_SCOPES; scope++)
        expr_vars_end(subject, (enum expr_scope)scope);
    expr_var_pool_free(subject->process->vars);
}

static bool set_str(struct expr_subject *subject, const char *name, struct slice value)
{
    struct expr_var_ref ref = ref_of(name);
    return expr_var_set(subject, &ref, &(struct expr_sample){ .type = EXPR_STR, .str = value });
}

static bool get(struct expr_subject *subject, const char *name, struct expr_sample *out)
{
    struct expr_var_ref ref = ref_of(name);
    return expr_var_get(subject, &ref, out);
}

static void names(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "", "txn", "txn.", "tx.a", "txn.a-b", "txn.a b", "a", ".a", "ptxn.a", "psess.a"
    };
    struct expr_var_ref ref;
    for (size_t i = 0; i < NUM_ITEMS(wrong); i++)
        assert_non_null(expr_var_ref_parse(&ref, slice_str(wrong[i])));
    assert_int_equal(ref_of("res.a_B.9").scope, EXPR_SCOPE_RES);
    assert_int_equal(ref_of("res.a").id, ref_of("txn.a").id);
    assert_true(ref_of("res.a").id != ref_of("res.b").id);
}

static void kept(void **state)
{
    (void)state;
    struct expr_subject *subject = subject_new(NULL);
    struct expr_sample sample;
    char text[2000];
    memset(text, 'x', sizeof(text));
    assert_false(get(subject, "txn.a", &sample));
    // Every length from nothing to a block of its own and back, over a text that is its own source.
    for (size_t len = 0; len < sizeof(text); len += 37) {
        text[0] = (char)('a' + len % 26);
        assert_true(set_str(subject, "txn.a", slice_of(text, len)));
        assert_true(get(subject, "txn.a", &sample));
        assert_int_equal(sample.type, EXPR_STR);
        assert_true(slice_equal(sample.str, slice_of(text, len)));
        assert_true(set_str(subject, "txn.a", slice_from(sample.str, len / 2)));
        assert_true(get(subject, "txn.a", &sample));
        assert_true(slice_equal(sample.str, slice_of(text + len / 2, len - len / 2)));
    }
    struct expr_var_ref a = ref_of("txn.a");
    assert_true(expr_var_set(subject, &a, &(struct expr_sample){ .type = EXPR_INT, .num = -3 }));
    assert_true(get(subject, "txn.a", &sample));
    assert_int_equal(sample.type, EXPR_INT);
    assert_int_equal(sample.num, -3);
    assert_false(get(subject, "res.a", &sample));
    assert_false(set_str(subject, "check.a", SLICE("x"))); // no such scope here
    assert_false(set_str(subject, "proc.a", SLICE("x")));
    expr_var_unset(subject, &a);
    assert_false(get(subject, "txn.a", &sample));
    assert_true(expr_var_exists(subject, &a));
    for (int i = 0; i < 500; i++)
        assert_true(set_str(subject, (char[]){ 'r', 'e', 'q', '.', (char)('a' + i % 26), (char)('a' + i / 26), 0 },
                            slice_of(text, (size_t)i)));
    assert_true(get(subject, "req.bb", &sample));
    assert_int_equal(sample.str.len, 27);
    expr_vars_end(subject, EXPR_SCOPE_REQ);
    assert_false(get(subject, "req.bb", &sample));
    subject_free(subject);
}

static void limits(void **state)
{
    (void)state;
    char text[1000];
    memset(text, 'x', sizeof(text));
    struct slice hundred = slice_of(text, 100);
    struct expr_var_limits bounds = {
        .scope = { [EXPR_SCOPE_SESS] = 1000, [EXPR_SCOPE_TXN] = 600, [EXPR_SCOPE_REQ] = 400, [EXPR_SCOPE_RES] = 400 }
    };
    struct expr_subject *subject = subject_new(&bounds);
    assert_true(set_str(subject, "req.a", hundred)); // 164 each
    assert_true(set_str(subject, "req.b", hundred));
    assert_false(set_str(subject, "req.c", hundred));
    assert_true(set_str(subject, "req.b", slice_of(text, 50))); // less is always right
    assert_true(set_str(subject, "req.b", hundred));
    assert_true(set_str(subject, "res.a", hundred));
    assert_false(set_str(subject, "res.b", hundred)); // 656 of txn
    assert_false(set_str(subject, "txn.a", hundred));
    assert_true(set_str(subject, "sess.a", slice_of(text, 400)));
    assert_false(set_str(subject, "sess.b", slice_of(text, 0)));
    expr_vars_end(subject, EXPR_SCOPE_REQ);
    assert_true(set_str(subject, "txn.a", hundred));
    subject_free(subject);
    bounds = (struct expr_var_limits){ .total = 300 };
    subject = subject_new(&bounds);
    assert_true(set_str(subject, "txn.a", hundred));
    assert_false(set_str(subject, "sess.a", hundred));
    expr_vars_end(subject, EXPR_SCOPE_TXN);
    assert_true(set_str(subject, "sess.a", hundred));
    subject_free(subject);
}

static void set_conditions(void **state)
{
    (void)state;
    // What the variable holds before ('-': never set, 'u': unset), the conditions, the new value, whether it is set.
    static const struct {
        const char *held, *conds, *value;
        bool want;
    } cases[] = {
        { "-", "ifexists", "1", false },   { "u", "ifexists", "1", true },     { "5", "ifexists", "1", true },
        { "-", "ifnotexists", "1", true }, { "u", "ifnotexists", "1", false }, { "-", "ifset", "1", false },
        { "u", "ifset", "1", false },      { "5", "ifset", "1", true },        { "-", "ifnotset", "1", true },
        { "u", "ifnotset", "1", true },    { "5", "ifnotset", "1", false },    { "5", "ifempty", "1", false },
        { "5", "ifempty", "", true },      { "5", "ifempty", "a", false },     { "5", "ifnotempty", "", false },
        { "5", "ifnotempty", "a", true },  { "5", "ifnotempty", "0", true },   { "5", "ifgt", "4", true },
        { "5", "ifgt", "5", false },       { "5", "ifgt", "6", false },        { "5", "iflt", "6", true },
        { "5", "iflt", "5", false },       { "5", "iflt", "a", true },         { "a", "ifgt", "5", true },
        { "-", "ifgt", "5", true },        { "5", "ifset,ifgt", "4", true },   { "-", "ifset,ifgt", "4", false },
    };
    for (size_t i = 0; i < NUM_ITEMS(cases); i++) {
        struct expr_subject *subject = subject_new(NULL);
        struct expr_var_ref ref = ref_of("txn.v");
        struct expr_sample values[2] = { { 0 } };
        const char *texts[2] = { cases[i].held, cases[i].value };
        for (int n = 0; n < 2; n++) {
            values[n] = (struct expr_sample){ .type = EXPR_STR, .str = slice_str(texts[n]) };
            if (texts[n][0] >= '0' && texts[n][0] <= '9')
                values[n] = (struct expr_sample){ .type = EXPR_INT, .num = texts[n][0] - '0' };
        }
        if (cases[i].held[0] != '-')
            assert_true(expr_var_set(subject, &ref, &values[0]));
        if (cases[i].held[0] == 'u')
            expr_var_unset(subject, &ref);
        uint32_t conds = 0;
        struct slice rest = slice_str(cases[i].conds);
        for (size_t len; rest.len; rest = slice_from(rest, len + 1)) {
            len = slice_find(rest, ',');
            assert_null(expr_var_if_parse(&conds, slice_of(rest.ptr, len)));
        }
        if (expr_var_set_if(subject, &ref, conds, &values[1]) != cases[i].want)
            fail_msg("%s %s %s: not %d", cases[i].held, cases[i].conds, cases[i].value, cases[i].want);
        subject_free(subject);
    }
    uint32_t conds = 0;
    assert_non_null(expr_var_if_parse(&conds, SLICE("if")));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(names), cmocka_unit_test(kept), cmocka_unit_test(limits),
                                        cmocka_unit_test(set_conditions) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
