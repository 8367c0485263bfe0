// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/check.h"
#include "base/clock.h"
#include "base/sanitized.h"
#include "event/loop.h"

struct thing {
    struct event_loop *loop;
    struct event_timer timer;
    struct event_task task;
    struct event_source source;
    struct thing *victim; // taken out when this one is served
    unsigned num;
    uint64_t served_us;
    uint64_t again_us;
    uint32_t events;
};

static int set_up(void **state)
{
    struct event_loop *loop = calloc(1, sizeof(*loop));
    assert_true(event_loop_init(loop));
    loop->max_sleep_us = 1000;
    *state = loop;
    return 0;
}

static int tear_down(void **state)
{
    event_loop_fini(*state);
    free(*state);
    return 0;
}

static void fired(struct event_timer *timer)
{
    struct thing *thing = CONTAINER_OF(timer, struct thing, timer);
    thing->num++;
    thing->served_us = thing->loop->now_us;
    if (thing->victim)
        event_timer_del(thing->loop, &thing->victim->timer);
    if (thing->again_us)
        event_timer_set(thing->loop, timer, thing->loop->now_us + thing->again_us);
}

// Random deadlines, half of them moved or taken back: each fires once, not early, and in a turn after it is due.
static void test_timers_in_any_order(void **state)
{
    enum { NUM = 2000 };
    struct event_loop *loop = *state;
    struct thing *things = calloc(NUM, sizeof(*things));
    uint64_t start_us = loop->now_us;
    srandom(7);
    for (int i = 0; i < NUM; i++) {
        things[i].loop = loop;
        event_timer_init(&things[i].timer, fired);
        event_timer_set(loop, &things[i].timer, start_us + 1 + (uint64_t)random() % 50000);
    }
    for (int i = 0; i < NUM; i++) {
        if (i % 4 == 1)
            event_timer_set(loop, &things[i].timer, start_us + 1 + (uint64_t)random() % 60000);
        if (i % 4 == 2)
            event_timer_set(loop, &things[i].timer, 0);
        if (i % 8 == 3)
            event_timer_del(loop, &things[i].timer);
    }
    uint64_t due_us[NUM];
    for (int i = 0; i < NUM; i++)
        due_us[i] = things[i].timer.due_us;
    while (loop->now_us < start_us + 70000)
        event_loop_turn(loop);
    for (int i = 0; i < NUM; i++) {
        assert_int_equal(things[i].num, due_us[i] != 0);
        assert_true(!due_us[i] || things[i].served_us >= due_us[i]);
    }
    assert_int_equal(loop->num_timers, 0);
    free(things);
}

static void test_timer_pushed_back_fires_once(void **state)
{
    struct event_loop *loop = *state;
    struct thing thing = { .loop = loop };
    uint64_t start_us = loop->now_us;
    event_timer_init(&thing.timer, fired);
    event_timer_set(loop, &thing.timer, start_us + 2000);
    // Pushed back before it was due: the heap looks at the old time once and fires nothing.
    event_timer_set(loop, &thing.timer, start_us + 60000000);
    while (loop->now_us < start_us + 10000) {
        loop->max_sleep_us = 1000;
        event_loop_turn(loop);
    }
    assert_int_equal(thing.num, 0);
    uint64_t due_us = loop->now_us + 20000;
    event_timer_set(loop, &thing.timer, due_us);
    while (!thing.num && loop->now_us < start_us + 30000000)
        event_loop_turn(loop);
    assert_int_equal(thing.num, 1);
    assert_true(thing.served_us >= due_us);
}

static void test_timer_takes_out_another(void **state)
{
    struct event_loop *loop = *state;
    struct thing second = { .loop = loop };
    struct thing first = { .loop = loop, .victim = &second };
    event_timer_init(&first.timer, fired);
    event_timer_init(&second.timer, fired);
    event_timer_set(loop, &first.timer, loop->now_us + 1);
    event_timer_set(loop, &second.timer, loop->now_us + 2);
    usleep(2000);
    event_loop_turn(loop);
    event_loop_turn(loop);
    assert_int_equal(first.num, 1);
    assert_int_equal(second.num, 0);
}

static void ran(struct event_task *task)
{
    struct thing *thing = CONTAINER_OF(task, struct thing, task);
    thing->num++;
    if (thing->victim)
        event_task_cancel(&thing->victim->task);
    event_task_wake(thing->loop, task);
}

// What wakes itself runs once a turn; what is cancelled while the queue runs does not run.
// Timers that the heap has no room for fire all the same, and enter it once there is memory.
static void test_timers_without_memory(void **state)
{
    enum { NUM_HELD = 1 << 18, NUM = NUM_HELD + 1000 };
    struct event_loop *loop = *state;
    struct rlimit before, none = { .rlim_cur = 1 };
    if (BASE_SANITIZED || getrlimit(RLIMIT_AS, &before) < 0)
        skip();
    struct thing *things = calloc(NUM, sizeof(*things));
    none.rlim_max = before.rlim_max;
    for (int i = 0; i < NUM_HELD; i++) {
        things[i].loop = loop;
        event_timer_init(&things[i].timer, fired);
        event_timer_set(loop, &things[i].timer, loop->now_us + 3600000000);
    }
    assert_int_equal(loop->cap_timers, NUM_HELD);
    assert_int_equal(setrlimit(RLIMIT_AS, &none), 0);
    for (int i = NUM_HELD; i < NUM; i++) {
        things[i].loop = loop;
        event_timer_init(&things[i].timer, fired);
        event_timer_set(loop, &things[i].timer, loop->now_us + 3600000000);
    }
    bool is_outside = loop->outside != NULL;
    event_timer_set(loop, &things[NUM - 1].timer, 1);
    event_timer_set(loop, &things[NUM - 2].timer, 1);
    event_timer_set(loop, &things[NUM - 3].timer, 0);
    event_timer_del(loop, &things[NUM - 4].timer);
    things[NUM - 1].victim = &things[NUM - 5];
    event_loop_turn(loop);
    uint32_t held = loop->num_timers;
    setrlimit(RLIMIT_AS, &before);
    assert_true(is_outside);
    assert_int_equal(held, NUM_HELD);
    assert_int_equal(things[NUM - 1].num + things[NUM - 2].num, 2);
    assert_int_equal(things[NUM - 3].num + things[NUM - 4].num + things[NUM - 5].num, 0);
    event_timer_set(loop, &things[NUM - 6].timer, 1);
    event_loop_turn(loop);
    assert_null(loop->outside);
    assert_int_equal(things[NUM - 6].num, 1);
    assert_int_equal(loop->num_timers, NUM - 6);
    for (int i = 0; i < NUM; i++)
        event_timer_del(loop, &things[i].timer);
    assert_int_equal(loop->num_timers, 0);
    free(things);
}

static void test_tasks(void **state)
{
    struct event_loop *loop = *state;
    struct thing second = { .loop = loop };
    struct thing first = { .loop = loop, .victim = &second };
    event_task_init(&first.task, ran);
    event_task_init(&second.task, ran);
    event_task_wake(loop, &first.task);
    event_task_wake(loop, &first.task);
    event_task_wake(loop, &second.task);
    for (unsigned i = 1; i <= 5; i++) {
        event_loop_turn(loop);
        assert_int_equal(first.num, i);
    }
    assert_int_equal(second.num, 0);
    event_task_cancel(&first.task);
    event_task_cancel(&first.task);
    event_loop_turn(loop);
    assert_int_equal(first.num, 5);
}

static void source_ready(struct event_source *source, uint32_t events)
{
    struct thing *thing = CONTAINER_OF(source, struct thing, source);
    thing->num++;
    thing->events |= events;
    if (thing->victim && thing->victim->source.fd >= 0) {
        event_source_forget(thing->loop, &thing->victim->source);
        close(thing->victim->source.fd);
        thing->victim->source.fd = -1;
        thing->victim->victim = NULL;
    }
}

// Two descriptors are ready in one batch; whichever is served first closes the other, whose event must not come.
static void test_source_closes_its_neighbour(void **state)
{
    struct event_loop *loop = *state;
    struct thing things[2] = { { .loop = loop }, { .loop = loop } };
    int peer[2];
    for (int i = 0; i < 2; i++) {
        int pair[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        things[i].source = (struct event_source){ .fd = pair[0], .ready = source_ready };
        things[i].victim = &things[!i];
        peer[i] = pair[1];
        assert_true(event_source_add(loop, &things[i].source, EPOLLIN));
        assert_int_equal(write(peer[i], "x", 1), 1);
    }
    event_loop_turn(loop);
    event_loop_turn(loop);
    assert_int_equal(things[0].num + things[1].num, 1);
    for (int i = 0; i < 2; i++) {
        close(peer[i]);
        if (things[i].source.fd >= 0) {
            event_source_del(loop, &things[i].source);
            close(things[i].source.fd);
        }
    }
}

static void test_edges_and_levels(void **state)
{
    struct event_loop *loop = *state;
    for (unsigned level = 0; level < 2; level++) {
        struct thing thing = { .loop = loop };
        int pair[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        thing.source = (struct event_source){ .fd = pair[0], .ready = source_ready };
        assert_true((level ? event_source_add_level : event_source_add)(loop, &thing.source, EPOLLIN | EPOLLRDHUP));
        assert_int_equal(write(pair[1], "x", 1), 1);
        for (int i = 0; i < 3; i++)
            event_loop_turn(loop);
        assert_int_equal(thing.num, level ? 3 : 1);
        shutdown(pair[1], SHUT_WR);
        event_loop_turn(loop);
        assert_true(thing.events & EPOLLRDHUP);
        event_source_del(loop, &thing.source);
        unsigned num = thing.num;
        event_loop_turn(loop);
        assert_int_equal(thing.num, num);
        close(pair[0]);
        close(pair[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_timers_in_any_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_timer_pushed_back_fires_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_timer_takes_out_another, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_timers_without_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tasks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_source_closes_its_neighbour, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_edges_and_levels, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
