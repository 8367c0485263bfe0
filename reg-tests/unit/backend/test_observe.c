// SPDX-License-Identifier: Apache-2.0
// What is counted of traffic: rows of errors, windows that slide, outliers; and all of it by several processes at once.
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "backend/observe.h"
#include "base/check.h"
#include "event/loop.h"

enum { NUM_SERVERS = 4, WINDOW_US = 8000000 };

struct fixture {
    struct event_loop loop;
    struct backend_ctx ctx;
    struct backend backend;
    struct proxy_conf proxy;
    struct server_conf confs[NUM_SERVERS];
    struct server servers[NUM_SERVERS];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    board_program_version("1.2.3");
    f->ctx.board = board_new();
    assert_non_null(f->ctx.board);
    f->ctx.loop = &f->loop;
    f->loop.now_us = 1000000000;
    f->backend.ctx = &f->ctx;
    f->backend.conf = &f->proxy;
    f->proxy.name = "be";
    f->proxy.be.proxy = &f->proxy;
    f->proxy.be.servers = f->confs;
    f->proxy.be.num_servers = NUM_SERVERS;
    assert_true(backend_states_prepare(f->ctx.board));
    for (uint32_t i = 0; i < NUM_SERVERS; i++) {
        struct server_conf *conf = &f->confs[i];
        *conf = (struct server_conf){ .next = i + 1 < NUM_SERVERS ? conf + 1 : NULL,
                                      .backend = &f->proxy.be,
                                      .name = "s",
                                      .object = i + 1,
                                      .weight = 1,
                                      .probe = { .observe = PROBE_OBSERVE_LAYER7,
                                                 .error_limit = 3,
                                                 .share = 50,
                                                 .share_min = 10,
                                                 .share_window_us = WINDOW_US } };
        backend_state_renew(conf);
        f->servers[i] =
            (struct server){ .conf = conf, .state = backend_state_at(conf->object), .backend = &f->backend };
    }
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    board_free(f->ctx.board);
    free(f);
    return 0;
}

static uint32_t asked(struct server *server)
{
    return atomic_exchange(&server->state->asked, 0);
}

static void see(struct server *server, enum backend_seen seen, uint32_t times)
{
    while (times--)
        backend_observe(server, seen);
}

static void test_rows(void **state)
{
    struct fixture *f = *state;
    struct server *server = &f->servers[0];
    see(server, BACKEND_SEEN_STATUS, 2);
    see(server, BACKEND_SEEN_ANSWER, 1);
    see(server, BACKEND_SEEN_CUT, 2);
    assert_int_equal(asked(server), 0);
    // A connection that stands says nothing of answers.
    see(server, BACKEND_SEEN_CONNECTED, 1);
    see(server, BACKEND_SEEN_LATE, 1);
    assert_int_equal(asked(server), BACKEND_ASK_FAIL_CHECK | BACKEND_ASK_ERRORS);
    assert_int_equal(atomic_load(&server->state->last_error), BACKEND_SEEN_LATE);
    assert_int_equal(atomic_load(&server->state->errors), 0);
}

static void test_layer4(void **state)
{
    struct fixture *f = *state;
    struct server *server = &f->servers[0];
    f->confs[0].probe.observe = PROBE_OBSERVE_LAYER4;
    f->confs[0].probe.on_error = PROBE_ON_ERROR_MARK_DOWN;
    see(server, BACKEND_SEEN_STATUS, 10);
    see(server, BACKEND_SEEN_CUT, 10);
    see(server, BACKEND_SEEN_REFUSED, 2);
    see(server, BACKEND_SEEN_CONNECTED, 1);
    see(server, BACKEND_SEEN_REFUSED, 2);
    assert_int_equal(asked(server), 0);
    see(server, BACKEND_SEEN_REFUSED, 1);
    assert_int_equal(asked(server), BACKEND_ASK_MARK_DOWN | BACKEND_ASK_ERRORS);
}

static void test_statuses(void **state)
{
    static const uint16_t good[] = { 100, 200, 301, 404, 499, 501, 505 }, bad[] = { 500, 502, 503, 504, 506, 600 };
    (void)state;
    for (size_t i = 0; i < NUM_ITEMS(good); i++)
        assert_int_equal(backend_seen_status(good[i]), BACKEND_SEEN_ANSWER);
    for (size_t i = 0; i < NUM_ITEMS(bad); i++)
        assert_int_equal(backend_seen_status(bad[i]), BACKEND_SEEN_STATUS);
}

static void test_window(void **state)
{
    struct fixture *f = *state;
    struct server *server = &f->servers[0];
    uint64_t start_us = f->loop.now_us;
    for (uint32_t i = 0; i < 100; i++) {
        f->loop.now_us = start_us + i * (uint64_t)WINDOW_US / 100;
        see(server, i % 4 ? BACKEND_SEEN_ANSWER : BACKEND_SEEN_STATUS, 1);
    }
    struct backend_observed sum = backend_observe_sum(server->conf, f->loop.now_us);
    assert_in_range(sum.total, 87, 100);
    assert_in_range(sum.failed, sum.total / 4 - 1, sum.total / 4 + 1);
    sum = backend_observe_sum(server->conf, f->loop.now_us + WINDOW_US / 2);
    assert_in_range(sum.total, 36, 64);
    sum = backend_observe_sum(server->conf, f->loop.now_us + WINDOW_US);
    assert_int_equal(sum.total, 0);
    backend_observe_forget(server->conf);
    assert_int_equal(backend_observe_sum(server->conf, f->loop.now_us).total, 0);
}

static void test_outlier(void **state)
{
    struct fixture *f = *state;
    struct server *server = &f->servers[0];
    struct backend_observed sum;
    f->confs[0].probe.error_limit = 1000;
    see(server, BACKEND_SEEN_STATUS, 9);
    see(&f->servers[1], BACKEND_SEEN_ANSWER, 1);
    // Too few answers, and then too few servers with any.
    assert_false(backend_observe_is_outlier(server->conf, &sum, f->loop.now_us));
    see(server, BACKEND_SEEN_STATUS, 3);
    assert_false(backend_observe_is_outlier(server->conf, &sum, f->loop.now_us));
    assert_int_equal(asked(server), 0);
    see(&f->servers[2], BACKEND_SEEN_ANSWER, 1);
    assert_true(backend_observe_is_outlier(server->conf, &sum, f->loop.now_us));
    assert_true(sum.total == 12 && sum.failed == 12);
    see(server, BACKEND_SEEN_STATUS, 1);
    assert_int_equal(asked(server), BACKEND_ASK_OUTLIER);
    // Half is not more than half.
    see(server, BACKEND_SEEN_ANSWER, 13);
    assert_false(backend_observe_is_outlier(server->conf, &sum, f->loop.now_us));
}

static void test_processes(void **state)
{
    enum { NUM_PROCESSES = 4, EACH = 20000, LIMIT = 7 };
    struct fixture *f = *state;
    f->confs[0].probe.error_limit = LIMIT;
    f->confs[0].probe.share = 99;
    for (int i = 0; i < NUM_PROCESSES; i++) {
        if (fork() == 0) {
            see(&f->servers[0], BACKEND_SEEN_STATUS, EACH);
            _exit(0);
        }
    }
    for (int i = 0; i < NUM_PROCESSES; i++)
        assert_true(wait(NULL) > 0);
    struct backend_observed sum = backend_observe_sum(&f->confs[0], f->loop.now_us);
    assert_int_equal(sum.total, NUM_PROCESSES * EACH);
    assert_int_equal(sum.failed, NUM_PROCESSES * EACH);
    assert_int_equal(atomic_load(&f->servers[0].state->errors), NUM_PROCESSES * EACH % LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_layer4, setup, teardown),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test_setup_teardown(test_window, setup, teardown),
        cmocka_unit_test_setup_teardown(test_outlier, setup, teardown),
        cmocka_unit_test_setup_teardown(test_processes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
