// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "board/board.h"
#include "expr/var.h"
#include "table/proc_vars.h"

static struct board *board;
static struct table_proc_vars vars;
static char mem[65536];
static struct expr_scratch scratch = { .mem = mem, .cap = sizeof(mem) };

static bool put(const char *name, struct expr_sample sample)
{
    return vars.vars.set(vars.vars.arg, expr_var_id(slice_str(name)), slice_str(name), &sample);
}

static bool get(const char *name, struct expr_sample *out)
{
    return vars.vars.get(vars.vars.arg, out, expr_var_id(slice_str(name)), &scratch);
}

static struct expr_sample str(const char *text, size_t len)
{
    return (struct expr_sample){ .type = EXPR_STR, .str = slice_of(text, len) };
}

static void values(void **state)
{
    (void)state;
    struct expr_sample out;
    char text[TABLE_PROC_VAR_TEXT + 1];
    memset(text, 'x', sizeof(text));
    assert_false(get("a", &out));
    assert_true(put("a", (struct expr_sample){ .type = EXPR_INT, .num = -7 }));
    assert_true(get("a", &out));
    assert_true(out.type == EXPR_INT && out.num == -7);
    assert_true(put("b", (struct expr_sample){ .type = EXPR_BOOL, .boolean = true }));
    assert_true(get("b", &out) && out.type == EXPR_BOOL && out.boolean);
    struct expr_sample addr = { .type = EXPR_ADDR };
    assert_true(expr_addr_parse(&addr.addr, SLICE("2001:db8::1")));
    assert_true(put("b", addr));
    assert_true(get("b", &out) && out.type == EXPR_ADDR && !memcmp(&out.addr, &addr.addr, sizeof(addr.addr)));
    assert_true(put("a", str(text, 0)));
    assert_true(get("a", &out) && out.str.len == 0);
    assert_true(put("a", str(text, TABLE_PROC_VAR_TEXT)));
    assert_false(put("a", str(text, TABLE_PROC_VAR_TEXT + 1)));
    assert_true(get("a", &out) && out.str.len == TABLE_PROC_VAR_TEXT);
    assert_true(vars.vars.unset(vars.vars.arg, expr_var_id(SLICE("a"))));
    assert_true(vars.vars.unset(vars.vars.arg, expr_var_id(SLICE("nothing"))));
    assert_false(get("a", &out));
    expr_scratch_release(&scratch, 0);
}

static void visit(void *arg, const char *name, const struct expr_sample *value)
{
    if (strcmp(name, "b") == 0 && value->type == EXPR_ADDR)
        ++*(int *)arg;
    assert_string_not_equal(name, "a");
}

static void listed(void **state)
{
    (void)state;
    int num = 0;
    table_proc_vars_each(&vars, &scratch, visit, &num);
    assert_int_equal(num, 1);
    assert_int_equal(scratch.len, 0);
}

static void full(void **state)
{
    (void)state;
    struct board *other = board_new();
    struct table_proc_vars many;
    assert_true(table_proc_vars_init(&many, other));
    struct expr_sample one = { .type = EXPR_INT, .num = 1 };
    for (uint64_t id = 0; id < TABLE_PROC_VARS; id++)
        assert_true(many.vars.set(many.vars.arg, id * 977 + 5, SLICE("x"), &one));
    assert_false(many.vars.set(many.vars.arg, 1, SLICE("x"), &one));
    assert_true(many.vars.set(many.vars.arg, 5, SLICE("x"), &one));
    board_free(other);
}

// A writer's text is all of one letter and as long as that letter says.
static void write_forever(uint32_t inc)
{
    board_incarnation_enter(board, inc);
    char text[4000];
    for (uint32_t i = 0;; i++) {
        char c = (char)('a' + i % 26);
        memset(text, c, sizeof(text));
        put("shared", str(text, 100 * (size_t)(c - 'a' + 1)));
    }
}

// Readers see whole values however often writers are killed, and writers go on after them.
static void killed_writers(void **state)
{
    (void)state;
    for (int round = 0; round < 40; round++) {
        pid_t pids[2];
        uint32_t incs[2];
        for (int i = 0; i < 2; i++) {
            incs[i] = board_incarnation_take(board, BOARD_ROLE_WORKER, (uint32_t)i, 1);
            pids[i] = fork();
            if (pids[i] == 0)
                write_forever(incs[i]);
            assert_true(pids[i] > 0);
        }
        for (int i = 0; i < 2000; i++) {
            struct expr_sample out;
            if (get("shared", &out)) {
                assert_int_equal(out.str.len, 100 * (size_t)(out.str.ptr[0] - 'a' + 1));
                for (size_t at = 0; at < out.str.len; at++)
                    assert_int_equal(out.str.ptr[at], out.str.ptr[0]);
            }
            expr_scratch_release(&scratch, 0);
        }
        usleep(1000);
        for (int i = 0; i < 2; i++) {
            kill(pids[i], SIGKILL);
            assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
            board_incarnation_dead(board, incs[i]);
        }
        assert_true(put("shared", str(memset((char[100]){ 0 }, 'a', 100), 100)));
    }
}

static int setup(void **state)
{
    (void)state;
    board = board_new();
    return board && table_proc_vars_init(&vars, board) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    board_free(board);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(values), cmocka_unit_test(listed), cmocka_unit_test(full),
                                        cmocka_unit_test(killed_writers) };
    return cmocka_run_group_tests(tests, setup, teardown);
}
