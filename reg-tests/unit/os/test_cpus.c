// SPDX-License-Identifier: Apache-2.0
// Lists of processors, and being confined to some.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "os/cpus.h"

static void test_lists(void **state)
{
    (void)state;
    struct os_cpus cpus = { 0 };
    assert_true(os_cpus_read(&cpus, "0-3,8"));
    assert_true(os_cpus_read(&cpus, "65\n"));
    assert_int_equal(os_cpus_num(&cpus), 6);
    assert_true(os_cpus_has(&cpus, 8) && os_cpus_has(&cpus, 65) && !os_cpus_has(&cpus, 4));
    assert_int_equal(os_cpus_nth(&cpus, 0), 0);
    assert_int_equal(os_cpus_nth(&cpus, 4), 8);
    assert_int_equal(os_cpus_nth(&cpus, 5), 65);
    assert_int_equal(os_cpus_nth(&cpus, 6), OS_CPUS_MAX);

    struct os_cpus open = { 0 };
    assert_true(os_cpus_read(&open, "1000-"));
    assert_int_equal(os_cpus_num(&open), OS_CPUS_MAX - 1000);
    struct os_cpus turned = { 0 };
    assert_true(os_cpus_read(&turned, "5-4"));
    assert_int_equal(os_cpus_num(&turned), 2);
    static const char *const bad[] = { "", "x", "1,", ",1", "1-x", "1--2", "1024", "0-1024", "-1", "1 2", " 1", "1-,x",
                                       "99999999999999999999" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct os_cpus none = { 0 };
        assert_false(os_cpus_read(&none, bad[i]));
    }
}

static void test_sets(void **state)
{
    (void)state;
    struct os_cpus some = { 0 }, others = { 0 };
    assert_true(os_cpus_read(&some, "0-9"));
    assert_true(os_cpus_read(&others, "5-20"));
    os_cpus_keep(&some, &others);
    assert_int_equal(os_cpus_num(&some), 5);
    os_cpus_drop(&others, &some);
    assert_int_equal(os_cpus_nth(&others, 0), 10);
}

static void test_confine(void **state)
{
    (void)state;
    struct os_cpus now, online, one = { 0 }, none = { 0 };
    os_cpus_now(&now);
    os_cpus_online(&online);
    assert_true(os_cpus_num(&now) > 0 && os_cpus_num(&online) >= os_cpus_num(&now));
    os_cpus_add(&one, os_cpus_nth(&now, 0));
    pid_t pid = fork();
    if (pid == 0) {
        struct os_cpus then;
        bool done = os_cpus_confine(&one);
        os_cpus_now(&then);
        _exit(done && memcmp(&one, &then, sizeof(one)) == 0 && !os_cpus_confine(&none) ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    os_cpus_of_node(&none, 1000);
    assert_int_equal(os_cpus_num(&none), 0);
    os_cpus_of_thread(&none, 0);
    assert_true(os_cpus_num(&none) > 0 && os_cpus_num(&none) <= os_cpus_num(&online));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_sets),
        cmocka_unit_test(test_confine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
