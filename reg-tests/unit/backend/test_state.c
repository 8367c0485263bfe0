// SPDX-License-Identifier: Apache-2.0
// Servers' states on the board: what passes from one generation and one controller to the next, and what is left of a
// writer that is killed.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include "backend/notice.h"
#include "base/clock.h"

struct rig {
    struct board *board;
    struct program_conf program;
    struct proxy_conf proxy;
    struct server_conf servers[3];
};

static struct rig rig;

static struct backend_state *state_of(uint32_t index)
{
    return backend_state_at(rig.servers[index].object);
}

static enum backend_op op_of(uint32_t index)
{
    return backend_state_op(backend_state_status(state_of(index)));
}

static uint32_t admin_of(uint32_t index)
{
    return backend_state_admin(backend_state_status(state_of(index)));
}

static int setup(void **context)
{
    static const char *const names[] = { "s1", "s2", "s3" };
    static const char *const objects[] = { "s/be/s1", "s/be/s2", "s/be/s3" };
    (void)context;
    rig = (struct rig){ .board = board_new() };
    assert_non_null(rig.board);
    uint32_t inc = board_incarnation_take(rig.board, BOARD_ROLE_CONTROLLER, 0, 1);
    assert_true(board_incarnation_enter(rig.board, inc));
    rig.program.proxies = &rig.proxy;
    rig.program.num_proxies = 1;
    rig.proxy =
        (struct proxy_conf){ .name = "be", .id = 1, .has_backend = true, .be_object = board_object(rig.board, "b/be") };
    rig.proxy.be = (struct backend_conf){ .proxy = &rig.proxy, .servers = rig.servers, .num_servers = 3 };
    for (uint32_t i = 0; i < 3; i++)
        rig.servers[i] = (struct server_conf){ .name = names[i],
                                               .backend = &rig.proxy.be,
                                               .weight = 10,
                                               .index = i,
                                               .next = i < 2 ? &rig.servers[i + 1] : NULL,
                                               .object = board_object(rig.board, objects[i]),
                                               .addr = { .family = AF_INET, .port = (uint16_t)(80 + i) } };
    assert_true(backend_states_prepare(rig.board));
    backend_states_adopt(&rig.program, rig.board);
    return 0;
}

static int teardown(void **context)
{
    (void)context;
    backend_states_end();
    board_free(rig.board);
    return 0;
}

static void test_changes(void **context)
{
    struct backend_notice_count count;
    (void)context;
    uint32_t epoch = backend_states_epoch();
    assert_int_equal(op_of(0), BACKEND_OP_RUNNING);
    assert_true(backend_notice_op(rig.board, &rig.servers[0], BACKEND_OP_STOPPED, "reason: a test"));
    assert_false(backend_notice_op(rig.board, &rig.servers[0], BACKEND_OP_STOPPED, NULL));
    assert_true(backend_notice_admin(rig.board, &rig.servers[1], BACKEND_ADMIN_DRAIN, 0, NULL));
    assert_true(backend_notice_weight(rig.board, &rig.servers[2], 0));
    backend_notice_count(&count, &rig.proxy);
    assert_int_equal(count.num_up, 2);
    assert_int_equal(count.num_active, 0);
    assert_int_equal(atomic_load(&backend_state_at(rig.proxy.be_object)->num_downs), 1);
    assert_true(backend_states_epoch() - epoch >= 3);
    // In maintenance it is down whatever checks say, and comes out of it up.
    assert_true(backend_notice_admin(rig.board, &rig.servers[0], BACKEND_ADMIN_MAINT, 0, NULL));
    assert_false(backend_notice_op(rig.board, &rig.servers[0], BACKEND_OP_RUNNING, NULL));
    assert_true(backend_notice_admin(rig.board, &rig.servers[0], 0, BACKEND_ADMIN_MAINT, NULL));
    assert_int_equal(op_of(0), BACKEND_OP_RUNNING);
}

static void test_tracking(void **context)
{
    (void)context;
    rig.servers[1].tracked = &rig.servers[0];
    rig.servers[0].trackers = &rig.servers[1];
    backend_notice_op(rig.board, &rig.servers[0], BACKEND_OP_STOPPED, NULL);
    assert_int_equal(op_of(1), BACKEND_OP_STOPPED);
    backend_notice_admin(rig.board, &rig.servers[0], BACKEND_ADMIN_MAINT, 0, NULL);
    assert_int_equal(admin_of(1), BACKEND_ADMIN_MAINT_INHERITED);
    backend_notice_admin(rig.board, &rig.servers[0], BACKEND_ADMIN_DRAIN, BACKEND_ADMIN_MAINT, NULL);
    assert_int_equal(admin_of(1), BACKEND_ADMIN_DRAIN_INHERITED);
    assert_int_equal(op_of(1), BACKEND_OP_RUNNING);
    backend_notice_admin(rig.board, &rig.servers[0], 0, BACKEND_ADMIN_DRAIN, NULL);
    assert_int_equal(admin_of(1), 0);
}

static void test_reload(void **context)
{
    (void)context;
    backend_notice_admin(rig.board, &rig.servers[0], BACKEND_ADMIN_MAINT, 0, NULL);
    backend_notice_weight(rig.board, &rig.servers[1], 3);
    backend_notice_op(rig.board, &rig.servers[2], BACKEND_OP_STOPPED, NULL);
    backend_states_adopt(&rig.program, rig.board);
    backend_states_reconcile(&rig.program, rig.board);
    assert_int_equal(admin_of(0), BACKEND_ADMIN_MAINT);
    assert_int_equal(atomic_load(&state_of(1)->weight), 3);
    assert_int_equal(op_of(2), BACKEND_OP_STOPPED);
    // The file changes a weight, an address, and says that one is disabled.
    rig.servers[1].weight = 20;
    rig.servers[2].addr.port = 99;
    backend_states_adopt(&rig.program, rig.board);
    assert_int_equal(op_of(2), BACKEND_OP_STOPPED); // the generation before may go on
    backend_states_reconcile(&rig.program, rig.board);
    assert_int_equal(atomic_load(&state_of(1)->weight), 20);
    assert_int_equal(op_of(2), BACKEND_OP_RUNNING);
    rig.servers[1].disabled = true;
    backend_states_reconcile(&rig.program, rig.board);
    assert_int_equal(admin_of(1), BACKEND_ADMIN_MAINT | BACKEND_ADMIN_MAINT_CONF);
    rig.servers[1].disabled = false;
    backend_states_reconcile(&rig.program, rig.board);
    assert_int_equal(admin_of(1), 0);
    assert_int_equal(op_of(1), BACKEND_OP_RUNNING);
}

static void test_number_given_again(void **context)
{
    (void)context;
    backend_notice_admin(rig.board, &rig.servers[0], BACKEND_ADMIN_MAINT, 0, NULL);
    rig.servers[0].name = "other";
    backend_states_adopt(&rig.program, rig.board);
    assert_int_equal(admin_of(0), 0);
    // One that is gone for a generation leaves nothing behind.
    backend_notice_admin(rig.board, &rig.servers[2], BACKEND_ADMIN_MAINT, 0, NULL);
    rig.servers[1].next = NULL;
    backend_states_reconcile(&rig.program, rig.board);
    rig.servers[1].next = &rig.servers[2];
    backend_states_adopt(&rig.program, rig.board);
    assert_int_equal(admin_of(2), 0);
}

static void test_checks_that_are_gone(void **context)
{
    struct event_loop loop;
    (void)context;
    assert_true(event_loop_init(&loop));
    for (uint32_t i = 0; i < 2; i++) {
        atomic_store(&state_of(i)->check_flags, BACKEND_CHECK_CONFIGURED | BACKEND_CHECK_ENABLED);
        backend_notice_op(rig.board, &rig.servers[i], BACKEND_OP_STOPPED, NULL);
    }
    atomic_store(&state_of(2)->check_flags, BACKEND_CHECK_CONFIGURED); // it rests
    backend_states_reconcile(&rig.program, rig.board);
    atomic_store(&state_of(1)->check_flags, BACKEND_CHECK_CONFIGURED | BACKEND_CHECK_ENABLED);
    atomic_store(&state_of(2)->check_flags, BACKEND_CHECK_CONFIGURED | BACKEND_CHECK_ENABLED);
    backend_states_begin(&rig.program, rig.board, &loop);
    assert_int_equal(op_of(0), BACKEND_OP_RUNNING);
    assert_int_equal(op_of(1), BACKEND_OP_STOPPED);
    assert_int_equal(atomic_load(&state_of(2)->check_flags), BACKEND_CHECK_CONFIGURED);
    backend_states_end();
    event_loop_fini(&loop);
}

static void test_slowstart(void **context)
{
    (void)context;
    rig.servers[0].slowstart_us = 1000000;
    rig.servers[0].maxconn = 50;
    backend_notice_op(rig.board, &rig.servers[0], BACKEND_OP_STOPPED, NULL);
    backend_notice_op(rig.board, &rig.servers[0], BACKEND_OP_RUNNING, NULL);
    assert_int_equal(op_of(0), BACKEND_OP_STARTING);
    assert_int_equal(atomic_load(&state_of(0)->share), 2); // a hundredth of 160, rounded up
    assert_int_equal(backend_state_maxconn(&rig.servers[0]), 1);
    assert_true(backend_state_speed(&rig.servers[0], 50));
    assert_false(backend_state_speed(&rig.servers[0], 40));
    assert_int_equal(atomic_load(&state_of(0)->share), 80);
    assert_int_equal(backend_state_maxconn(&rig.servers[0]), 25);
    assert_true(backend_state_speed(&rig.servers[0], 100));
    assert_int_equal(op_of(0), BACKEND_OP_RUNNING);
    assert_int_equal(atomic_load(&state_of(0)->share), 160);
    assert_int_equal(backend_state_maxconn(&rig.servers[0]), 50);
}

static _Noreturn void write_for_ever(void)
{
    uint32_t inc = board_incarnation_take(rig.board, BOARD_ROLE_CONTROLLER, 0, 1);
    if (!board_incarnation_enter(rig.board, inc))
        _exit(1);
    rig.servers[0].slowstart_us = 1000000;
    for (uint32_t i = 0;; i++) {
        uint32_t admin = i % 7 == 0 ? BACKEND_ADMIN_MAINT : i % 5 == 0 ? BACKEND_ADMIN_DRAIN : 0;
        backend_state_set(rig.board, &rig.servers[0],
                          admin == BACKEND_ADMIN_MAINT || i % 3 == 0 ? BACKEND_OP_STOPPED : BACKEND_OP_RUNNING, admin);
        backend_state_set_weight(rig.board, &rig.servers[0], i % 257);
        backend_state_speed(&rig.servers[0], i % 101);
    }
}

// Whatever it was doing: what the next controller finds fits together again.
static void test_killed_writer(void **context)
{
    enum { KILLS = 200 };
    (void)context;
    for (uint32_t i = 0; i < KILLS; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            write_for_ever();
        usleep(200 + (useconds_t)(i * 37 % 900));
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        for (uint32_t inc = 2; inc < board_incarnation_limit(rig.board); inc++)
            if (atomic_load(&board_incarnation_at(rig.board, inc)->state) == 1)
                board_incarnation_dead(rig.board, inc);
        backend_states_reconcile(&rig.program, rig.board);
        const struct backend_state *state = state_of(0);
        uint32_t status = backend_state_status(state);
        assert_int_equal(!backend_status_is_up(status), atomic_load(&state->down_since_us) != 0);
        assert_int_equal(atomic_load(&state->text_seq) & 1, 0);
        uint32_t whole = atomic_load(&state->weight) * BACKEND_SHARE_SCALE;
        if (backend_state_op(status) == BACKEND_OP_STARTING)
            assert_in_range(atomic_load(&state->throttle), 1, 100);
        else
            assert_int_equal(atomic_load(&state->share), whole);
        assert_in_range(atomic_load(&state->weight), 0, 256);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tracking, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reload, setup, teardown),
        cmocka_unit_test_setup_teardown(test_number_given_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_checks_that_are_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slowstart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed_writer, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
