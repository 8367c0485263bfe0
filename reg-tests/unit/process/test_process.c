// SPDX-License-Identifier: Apache-2.0
// The processes with a toy program behind them: boot, crash, hang, reload, stop, and nothing left behind.
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/clock.h"
#include "box.h"

static void boot_and_answer(void **state)
{
    (void)state;
    struct box box;
    struct box_reply answer;
    bool seen[3] = { false };
    box_up(&box, 3);
    for (int i = 0; i < 60; i++) {
        assert_true(box_ask(&box, &answer));
        assert_true(answer.slot < 3 && answer.generation == 1);
        seen[answer.slot] = true;
    }
    assert_true(seen[0] && seen[1] && seen[2]);
    int pid = 0;
    FILE *file = fopen(box.pidfile, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%d", &pid), 1);
    fclose(file);
    assert_int_equal(pid, box.master);
    box_stop(&box, SIGINT, 130, 0);
}

static void statuses(void **state)
{
    (void)state;
    struct box box;
    box_up(&box, 1);
    box_stop(&box, SIGTERM, 0, 0);
    box_make(&box);
    box_conf(&box, "workers 1\nport %d\n", box.port);
    box_start(&box, "-d");
    box_log_await(&box, "Generation 1 is ready");
    kill(box.master, SIGQUIT);
    kill(box.master, SIGTTOU);
    kill(box.master, SIGTTIN);
    box_stop(&box, SIGTERM, 0, SIGTERM);
}

static void killed_worker_is_replaced(void **state)
{
    (void)state;
    struct box box;
    struct box_reply answer;
    box_up(&box, 2);
    for (int round = 0; round < 5; round++) {
        assert_true(box_ask(&box, &answer));
        unsigned slot = answer.slot;
        int pid = answer.pid;
        kill(pid, SIGKILL);
        bool back = false;
        uint64_t end_us = clock_mono_us() + 20000000;
        // No connect is refused or left alone meanwhile; one that the dead worker had accepted may break.
        while (!back && clock_mono_us() < end_us) {
            int fd = box_connect(box.port);
            assert_true(fd >= 0);
            assert_int_equal(write(fd, "x\n", 2), 2);
            if (box_answer(fd, &answer))
                back = answer.slot == slot && answer.pid != pid;
        }
        assert_true(back);
    }
    assert_true(box_logged(&box, "was killed by signal 9"));
    box_stop(&box, SIGTERM, 0, 0);
}

static void stopped_worker_is_avoided(void **state)
{
    (void)state;
    struct box box;
    struct box_reply first;
    struct box_reply answer;
    box_up(&box, 2);
    assert_true(box_ask(&box, &first));
    kill(first.pid, SIGSTOP);
    for (int i = 0; i < 40; i++) {
        uint64_t start_us = clock_mono_us();
        assert_true(box_ask(&box, &answer));
        assert_int_not_equal(answer.pid, first.pid);
        assert_true(clock_mono_us() - start_us < 5000000);
    }
    box_log_await(&box, "has not answered");
    kill(first.pid, SIGCONT);
    box_log_await(&box, "answers again and gets new");
    bool back = false;
    for (int i = 0; i < 200 && !back; i++) {
        assert_true(box_ask(&box, &answer));
        back = answer.pid == first.pid;
    }
    assert_true(back);
    box_stop(&box, SIGTERM, 0, 0);
}

static void reload_good_and_bad(void **state)
{
    (void)state;
    struct box box;
    struct box_reply answer;
    box_up(&box, 2);
    int held = box_connect(box.port);
    assert_int_equal(write(held, "hold\n", 5), 5);
    box_pause(50);
    kill(box.master, SIGUSR2);
    box_log_await(&box, "Generation 2 is ready");
    assert_true(box_ask(&box, &answer));
    assert_int_equal(answer.generation, 2);
    // What was open stays with the generation that accepted it.
    assert_int_equal(write(held, "go\n", 3), 3);
    assert_true(box_answer(held, &answer));
    assert_int_equal(answer.generation, 1);
    box_conf(&box, "workers 2\nport %d\nadmin %s\nbad word\n", box.port, box.admin);
    kill(box.master, SIGHUP);
    box_log_await(&box, "generation 2 goes on as before");
    assert_true(box_logged(&box, "toy: unknown word: bad word"));
    assert_true(box_ask(&box, &answer));
    assert_int_equal(answer.generation, 2);
    // A worker that cannot start is a reason to stay, too.
    box_conf(&box, "workers 2\nport %d\nadmin %s\ncrash 1\n", box.port, box.admin);
    kill(box.master, SIGHUP);
    box_log_await(&box, "generation 4 could not start");
    assert_true(box_ask(&box, &answer));
    assert_int_equal(answer.generation, 2);
    box_stop(&box, SIGUSR1, 0, 0);
}

static void reload_by_admin(void **state)
{
    (void)state;
    struct box box;
    char text[512];
    box_up(&box, 1);
    for (int round = 0; round < 3; round++) {
        if (round == 2)
            box_conf(&box, "nonsense\n");
        text[0] = '\0';
        for (int i = 0; i < 10 && !text[0]; i++)
            box_admin_ask(&box, text, sizeof(text));
        if (round < 2)
            assert_string_equal(text, "yes\n");
        else
            assert_non_null(strstr(text, "nonsense"));
    }
    box_stop(&box, SIGTERM, 0, 0);
}

static void reloads_queue(void **state)
{
    (void)state;
    struct box box;
    struct box_reply answer;
    box_up(&box, 2);
    for (int i = 0; i < 3; i++) {
        kill(box.master, SIGUSR2);
        box_pause(1);
    }
    box_log_await(&box, "Generation 3 is ready");
    assert_true(box_ask(&box, &answer));
    box_stop(&box, SIGTERM, 0, 0);
}

static void reload_under_load(void **state)
{
    (void)state;
    struct box box;
    struct box_reply answer;
    char path[64];
    box_up(&box, 2);
    pid_t client = fork();
    if (client == 0) {
        for (int i = 0; i < 3000; i++)
            if (!box_ask(&box, &answer))
                _exit(1);
        _exit(0);
    }
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)box.master);
    uint32_t fds = 0;
    for (int i = 0; i < 20; i++) {
        char text[64];
        int workers = i % 3 + 1; // slots come and go
        box_conf(&box, "workers %d\nport %d\nadmin %s\n", i == 19 ? 2 : workers, box.port, box.admin);
        kill(box.master, SIGUSR2);
        snprintf(text, sizeof(text), "Generation %d is ready", i + 2);
        box_log_await(&box, text);
        if (i == 1)
            fds = box_count_entries(path);
    }
    int status = box_status(client);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    box_pause(1500);
    // At generation 3 there were two workers and perhaps an old generation: never more now.
    assert_true(box_count_entries(path) <= fds);
    box_stop(&box, SIGTERM, 0, 0);
}

static void soft_stop_finishes(void **state)
{
    (void)state;
    struct box box;
    struct box_reply answer;
    box_up(&box, 2);
    int held = box_connect(box.port);
    assert_int_equal(write(held, "hold\n", 5), 5);
    box_pause(50);
    kill(box.master, SIGUSR1);
    bool refused = false;
    for (int i = 0; i < 300 && !refused; i++) {
        int fd = box_connect(box.port);
        refused = fd < 0;
        close(fd);
        box_pause(10);
    }
    assert_true(refused);
    assert_int_equal(waitpid(box.master, NULL, WNOHANG), 0);
    assert_int_equal(write(held, "go\n", 3), 3);
    assert_true(box_answer(held, &answer));
    box_stop(&box, 0, 0, 0);
}

static void hard_stop_after(void **state)
{
    (void)state;
    struct box box;
    box_make(&box);
    box_conf(&box, "workers 2\nport %d\nhard-stop 300\n", box.port);
    box_start(&box, "-W");
    box_log_await(&box, "Generation 1 is ready");
    int held = box_connect(box.port);
    assert_int_equal(write(held, "hold\n", 5), 5);
    box_pause(50);
    box_stop(&box, SIGUSR1, 0, 0);
    close(held);
}

static void taken_port_is_told(void **state)
{
    (void)state;
    struct box box;
    struct box other;
    box_up(&box, 1);
    box_make(&other);
    box_conf(&other, "workers 1\nport %d\n", box.port);
    box_start(&other, "-W");
    int status = box_status(other.master);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    char text[64];
    snprintf(text, sizeof(text), "[127.0.0.1:%d]: Address already in use", box.port);
    assert_true(box_logged(&other, text));
    box_stop(&box, SIGTERM, 0, 0);
}

static void keeper_is_replaced(void **state)
{
    (void)state;
    struct box box;
    struct box_reply answer;
    char path[64];
    int keeper = 0;
    box_up(&box, 2);
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)box.master, (int)box.master);
    FILE *file = fopen(path, "r");
    if (file) {
        if (fscanf(file, "%d", &keeper) != 1)
            keeper = 0;
        fclose(file);
    }
    if (keeper == 0) {
        box_stop(&box, SIGTERM, 0, 0);
        skip();
    }
    kill(keeper, SIGKILL);
    box_log_await(&box, "Generation 2 is ready");
    assert_true(box_ask(&box, &answer));
    assert_int_equal(answer.generation, 2);
    box_stop(&box, SIGTERM, 0, 0);
}

static void lost_master_leaves_nobody(void **state)
{
    (void)state;
    struct box box;
    box_up(&box, 2);
    box_stop(&box, SIGKILL, 0, SIGKILL);
}

static void background(void **state)
{
    (void)state;
    struct box box;
    struct box_reply answer;
    int pid = 0;
    for (int by_word = 0; by_word < 2; by_word++) {
        box_make(&box);
        box_conf(&box, "workers 1\nport %d\n%s\n", box.port, by_word ? "daemon" : "");
        box_start(&box, by_word ? "-W" : "-D");
        int status = box_status(box.master);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert_true(box_ask(&box, &answer));
        FILE *file = fopen(box.pidfile, "r");
        assert_non_null(file);
        assert_int_equal(fscanf(file, "%d", &pid), 1);
        fclose(file);
        assert_int_not_equal(pid, box.master);
        kill(pid, SIGUSR1);
        box_nothing_left();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(boot_and_answer, box_sweep),
        cmocka_unit_test_teardown(statuses, box_sweep),
        cmocka_unit_test_teardown(killed_worker_is_replaced, box_sweep),
        cmocka_unit_test_teardown(stopped_worker_is_avoided, box_sweep),
        cmocka_unit_test_teardown(reload_good_and_bad, box_sweep),
        cmocka_unit_test_teardown(reload_by_admin, box_sweep),
        cmocka_unit_test_teardown(reloads_queue, box_sweep),
        cmocka_unit_test_teardown(reload_under_load, box_sweep),
        cmocka_unit_test_teardown(soft_stop_finishes, box_sweep),
        cmocka_unit_test_teardown(hard_stop_after, box_sweep),
        cmocka_unit_test_teardown(taken_port_is_told, box_sweep),
        cmocka_unit_test_teardown(keeper_is_replaced, box_sweep),
        cmocka_unit_test_teardown(lost_master_leaves_nobody, box_sweep),
        cmocka_unit_test_teardown(background, box_sweep),
    };
    prctl(PR_SET_CHILD_SUBREAPER, 1L);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
