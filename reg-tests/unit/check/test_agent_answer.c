// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "check/agent_answer.h"

static struct agent_answer read_line(const char *text)
{
    struct agent_answer answer;
    agent_answer_read(&answer, slice_str(text));
    return answer;
}

static void assert_text(struct slice got, const char *expected)
{
    assert_true(slice_equal(got, slice_str(expected)));
}

static void test_lines(void **state)
{
    struct slice line;
    (void)state;
    assert_false(agent_answer_line(&line, SLICE("")));
    assert_false(agent_answer_line(&line, SLICE("up")));
    assert_true(agent_answer_line(&line, SLICE("up\n")));
    assert_text(line, "up");
    assert_true(agent_answer_line(&line, SLICE("up\r\nmore\n")));
    assert_text(line, "up");
    assert_true(agent_answer_line(&line, SLICE("up\nmore\r\n")));
    assert_text(line, "up");
    assert_true(agent_answer_line(&line, SLICE("\n")));
    assert_text(line, "");
}

static void test_operating_state(void **state)
{
    static const char *const downs[] = { "down", "fail", "stopped", "DOWN", "up down", "down#why", "stopped # why" };
    (void)state;
    assert_int_equal(read_line("").op, AGENT_OP_NONE);
    assert_int_equal(read_line("75% ready").op, AGENT_OP_NONE);
    assert_int_equal(read_line("Up").op, AGENT_OP_UP);
    assert_int_equal(read_line("down up").op, AGENT_OP_UP);
    for (size_t i = 0; i < sizeof(downs) / sizeof(downs[0]); i++)
        assert_int_equal(read_line(downs[i]).op, AGENT_OP_DOWN);
    struct agent_answer answer = read_line("ready,fail#disk is full, up 30%");
    assert_int_equal(answer.op, AGENT_OP_DOWN);
    assert_int_equal(answer.admin, AGENT_ADMIN_READY);
    assert_text(answer.word, "fail");
    assert_text(answer.reason, "disk is full, up 30%");
    assert_false(answer.has_weight);
    assert_int_equal(answer.wrong.len, 0);
}

static void test_reasons(void **state)
{
    (void)state;
    struct agent_answer answer = read_line("up # all is well");
    assert_int_equal(answer.op, AGENT_OP_UP);
    assert_text(answer.reason, "all is well");
    answer = read_line("up#glued");
    assert_int_equal(answer.op, AGENT_OP_NONE);
    assert_text(answer.wrong, "up");
    answer = read_line("stopped#");
    assert_int_equal(answer.op, AGENT_OP_DOWN);
    assert_int_equal(answer.reason.len, 0);
    answer = read_line("# nothing else");
    assert_int_equal(answer.op, AGENT_OP_NONE);
    assert_text(answer.reason, "nothing else");
}

static void test_administrative_state(void **state)
{
    (void)state;
    assert_int_equal(read_line("ready").admin, AGENT_ADMIN_READY);
    assert_int_equal(read_line("Drain 75%").admin, AGENT_ADMIN_DRAIN);
    assert_int_equal(read_line("up,MAINT").admin, AGENT_ADMIN_MAINT);
    assert_int_equal(read_line("drain ready").admin, AGENT_ADMIN_READY);
    assert_int_equal(read_line("drained").admin, AGENT_ADMIN_NONE);
}

static void assert_weight(const char *text, uint32_t configured, uint32_t expected)
{
    struct agent_answer answer = read_line(text);
    assert_true(answer.has_weight);
    assert_int_equal(agent_answer_weight(&answer, configured), expected);
    assert_int_equal(answer.wrong.len, 0);
}

static void test_weights(void **state)
{
    static const char *const bad[] = { "50",       "%",       "-5%",      "+5%",       "50%%",
                                       "x50%",     "weight:", "weight:%", "weight:-1", "weight:257",
                                       "weight:x", "5.5%",    "0x10%",    "weight: 5", "99999999999999999999%" };
    (void)state;
    assert_weight("50%", 100, 50);
    assert_weight("0%", 100, 0);
    assert_weight("200%", 100, 200);
    assert_weight("500%", 100, 256);
    assert_weight("2147483647%", 256, 256);
    assert_weight("5%", 10, 0);
    assert_weight("weight:30", 100, 30);
    assert_weight("Weight:30%", 10, 3);
    assert_weight("weight:256", 1, 256);
    assert_weight("weight:0", 1, 0);
    assert_weight("10% weight:20", 100, 20);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct agent_answer answer = read_line(bad[i]);
        assert_false(answer.has_weight);
        assert_int_not_equal(answer.wrong.len, 0);
    }
}

static void test_maxconn(void **state)
{
    static const char *const bad[] = { "maxconn:", "maxconn:x", "maxconn:-1", "maxconn:4294967296", "maxconn:5%" };
    (void)state;
    struct agent_answer answer = read_line("up,50%\tmaxconn:7");
    assert_true(answer.has_maxconn && answer.has_weight && answer.op == AGENT_OP_UP);
    assert_int_equal(answer.maxconn, 7);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        answer = read_line(bad[i]);
        assert_false(answer.has_maxconn);
        assert_text(answer.wrong, bad[i]);
    }
}

static void test_unknown_words(void **state)
{
    (void)state;
    struct agent_answer answer = read_line("100% foo bar up");
    assert_int_equal(answer.op, AGENT_OP_UP);
    assert_true(answer.has_weight);
    assert_text(answer.wrong, "foo");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),         cmocka_unit_test(test_operating_state),
        cmocka_unit_test(test_reasons),       cmocka_unit_test(test_administrative_state),
        cmocka_unit_test(test_weights),       cmocka_unit_test(test_maxconn),
        cmocka_unit_test(test_unknown_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
