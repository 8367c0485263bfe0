// SPDX-License-Identifier: Apache-2.0
// Processes that die and processes that hang: what the log says of them, who replaces them and who serves meanwhile.
#include <signal.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/check.h"
#include "base/clock.h"
#include "base/sanitized.h"
#include "os/crash.h"
#include "box.h"

// Says a word to a worker; true where an answer came.
static bool say(const struct box *box, const char *word, struct box_reply *answer)
{
    int fd = box_connect(box->port);
    assert_true(fd >= 0);
    assert_int_equal(send(fd, word, strlen(word), MSG_NOSIGNAL), strlen(word));
    return box_answer(fd, answer);
}

static int keeper_of(pid_t master)
{
    char path[64];
    int pid = 0;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)master, (int)master);
    FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%d", &pid) != 1)
        pid = 0;
    if (file)
        fclose(file);
    return pid;
}

static void a_crash_is_told(void **state)
{
    (void)state;
    struct box box;
    struct box_reply answer;
    box_up(&box, 2);
    assert_false(say(&box, "crash\n", &answer));
    if (!BASE_SANITIZED) {
        box_log_await(&box, "was killed by signal 11 (Segmentation fault) at address 0x8, uptime ");
        box_log_await(&box, "was at: the word 'crash'");
        box_log_await(&box, ":   #0 ");
        box_log_await(&box, " event_loop_turn+0x");
        box_log_await(&box, "addr2line");
    }
    assert_true(box_ask(&box, &answer));
    assert_false(say(&box, "must\n", &answer));
    box_log_await(&box, "was killed by signal 6 (Aborted)");
    box_log_await(&box, "this check failed, which is a bug: memcmp(word, \"must\", 4) != 0 at ");
    assert_true(box_ask(&box, &answer));
    box_stop(&box, SIGTERM, 0, 0);
}

static void a_loop_is_ended(void **state)
{
    (void)state;
    struct box box;
    struct box_reply answer;
    box_make(&box);
    box_conf(&box, "workers 2\nport %d\nwatchdog 500 1000\n", box.port);
    box_start(&box, "-W");
    box_log_await(&box, "Generation 1 is ready");
    int fd = box_connect(box.port);
    assert_int_equal(write(fd, "loop\n", 5), 5);
    box_log_await(&box, "of generation 1 has been stuck for ");
    box_log_await(&box, "s, at: the word 'loop'");
    box_log_await(&box, "and is ended");
    box_log_await(&box, "was killed by signal 6 (Aborted)");
    box_log_await(&box, ", killed by the watchdog");
    assert_true(box_ask(&box, &answer));
    close(fd);
    box_stop(&box, SIGTERM, 0, 0);
}

static void who_takes_no_signal_is_ended(void **state)
{
    (void)state;
    struct box box;
    struct box_reply answer;
    struct box_reply again;
    box_make(&box);
    box_conf(&box, "workers 1\nport %d\nwatchdog 300 600\n", box.port);
    box_start(&box, "-W");
    box_log_await(&box, "Generation 1 is ready");
    assert_true(box_ask(&box, &answer));
    kill(answer.pid, SIGSTOP);
    box_log_await(&box, "stopped by a signal (state T)");
    box_log_await(&box, "was killed by signal 9 (Killed)");
    box_log_await(&box, ", killed by the watchdog");
    bool served = false;
    for (int i = 0; i < 50 && !served; i++)
        served = box_ask(&box, &again);
    assert_true(served && again.pid != answer.pid);
    // Its successor is not it.
    box_pause(300);
    assert_false(box_logged(&box, "goes on after"));
    box_stop(&box, SIGTERM, 0, 0);
}

static void a_short_stop_is_forgiven(void **state)
{
    (void)state;
    struct box box;
    struct box_reply answer;
    struct box_reply again;
    box_make(&box);
    box_conf(&box, "workers 1\nport %d\nwatchdog 300 5000\n", box.port);
    box_start(&box, "-W");
    box_log_await(&box, "Generation 1 is ready");
    assert_true(box_ask(&box, &answer));
    kill(answer.pid, SIGSTOP);
    box_log_await(&box, "has been stuck for");
    kill(answer.pid, SIGCONT);
    box_log_await(&box, "goes on after");
    assert_true(box_ask(&box, &again));
    assert_int_equal(again.pid, answer.pid);
    // A master that was stopped itself knows nothing of others.
    kill(box.master, SIGSTOP);
    kill(answer.pid, SIGSTOP);
    box_pause(1000);
    kill(answer.pid, SIGCONT);
    kill(box.master, SIGCONT);
    box_pause(300);
    assert_true(box_ask(&box, &again));
    assert_int_equal(again.pid, answer.pid);
    box_stop(&box, SIGTERM, 0, 0);
}

static void who_keeps_dying_waits(void **state)
{
    (void)state;
    struct box box;
    struct box_reply answer;
    box_up(&box, 1);
    for (int i = 0; i < 5; i++) {
        bool served = false;
        for (int tries = 0; tries < 50 && !served; tries++)
            served = box_ask(&box, &answer);
        assert_true(served);
        kill(answer.pid, SIGKILL);
    }
    box_log_await(&box, "keeps dying (5 times in the last minute): it is started again in 1 s");
    box_log_await(&box, "no worker of generation 1 is left");
    bool served = false;
    for (int tries = 0; tries < 50 && !served; tries++)
        served = box_ask(&box, &answer);
    assert_true(served);
    kill(answer.pid, SIGKILL);
    box_log_await(&box, "it is started again in 2 s");
    box_stop(&box, SIGTERM, 0, 0);
}

static void an_orphan_is_told(void **state)
{
    (void)state;
    struct box box;
    struct box_reply answer;
    box_up(&box, 2);
    int keeper = keeper_of(box.master);
    if (!keeper) {
        box_stop(&box, SIGTERM, 0, 0);
        skip();
    }
    // The generation after it cannot start: this one goes on without its keeper.
    box_conf(&box, "workers 2\nport %d\nadmin %s\nbad word\n", box.port, box.admin);
    kill(keeper, SIGKILL);
    box_log_await(&box, "keeper (");
    box_log_await(&box, "generation 1 goes on without its keeper");
    assert_true(box_ask(&box, &answer));
    assert_int_equal(answer.generation, 1);
    kill(answer.pid, SIGKILL);
    box_log_await(&box, "of generation 1, which has no keeper, was killed by signal 9");
    for (int i = 0; i < 20; i++) {
        assert_true(box_ask(&box, &answer));
        assert_int_equal(answer.generation, 1);
    }
    box_conf(&box, "workers 2\nport %d\nadmin %s\n", box.port, box.admin);
    box_log_await(&box, " is ready: 2 workers");
    bool new = false;
    for (int i = 0; i < 500 && !new; i++) {
        assert_true(box_ask(&box, &answer));
        new = answer.generation > 1;
        box_pause(10);
    }
    assert_true(new);
    box_stop(&box, SIGTERM, 0, 0);
}

static void a_frozen_keeper_is_ended(void **state)
{
    (void)state;
    struct box box;
    struct box_reply answer;
    box_up(&box, 2);
    int keeper = keeper_of(box.master);
    if (!keeper) {
        box_stop(&box, SIGTERM, 0, 0);
        skip();
    }
    assert_true(box_ask(&box, &answer));
    kill(keeper, SIGSTOP);
    kill(answer.pid, SIGKILL);
    box_log_await(&box, "does not see that its process");
    box_log_await(&box, "which has no keeper, was killed by signal 9");
    box_log_await(&box, "Generation 2 is ready");
    assert_true(box_ask(&box, &answer));
    box_stop(&box, SIGTERM, 0, 0);
}

static void start_that_crashes_is_told(void **state)
{
    (void)state;
    struct box box;
    struct box_reply answer;
    char text[8192];
    box_up(&box, 2);
    box_conf(&box, "workers 2\nport %d\nadmin %s\ncrash 1\n", box.port, box.admin);
    box_admin_ask(&box, text, sizeof(text));
    assert_non_null(strstr(text, "was killed by signal 6"));
    assert_non_null(strstr(text, "toy_start"));
    assert_true(box_ask(&box, &answer));
    assert_int_equal(answer.generation, 1);
    box_stop(&box, SIGTERM, 0, 0);
}

static void alone_without_master(void **state)
{
    (void)state;
    struct box box;
    struct box_reply answer;
    struct box_reply other;
    box_make(&box);
    box_conf(&box, "workers 2\nport %d\nalone\n", box.port);
    box_start(&box, "-W");
    box_log_await(&box, "Generation 1 is ready");
    int keeper = keeper_of(box.master);
    kill(box.master, SIGKILL);
    box_status(box.master);
    box_log_await(&box, "goes on alone");
    for (int i = 0; i < 20; i++)
        assert_true(box_ask(&box, &answer));
    kill(answer.pid, SIGKILL);
    box_log_await(&box, "was killed by signal 9");
    for (int i = 0; i < 20; i++) {
        assert_true(box_ask(&box, &other));
        assert_int_not_equal(other.slot, answer.slot);
    }
    if (!keeper) {
        kill(other.pid, SIGKILL);
        box_log_await(&box, "no worker is left");
    } else {
        kill(keeper, SIGUSR1);
    }
    box_nothing_left();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_crash_is_told, box_sweep),
        cmocka_unit_test_teardown(a_loop_is_ended, box_sweep),
        cmocka_unit_test_teardown(who_takes_no_signal_is_ended, box_sweep),
        cmocka_unit_test_teardown(a_short_stop_is_forgiven, box_sweep),
        cmocka_unit_test_teardown(who_keeps_dying_waits, box_sweep),
        cmocka_unit_test_teardown(an_orphan_is_told, box_sweep),
        cmocka_unit_test_teardown(a_frozen_keeper_is_ended, box_sweep),
        cmocka_unit_test_teardown(start_that_crashes_is_told, box_sweep),
        cmocka_unit_test_teardown(alone_without_master, box_sweep),
    };
    prctl(PR_SET_CHILD_SUBREAPER, 1L);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
