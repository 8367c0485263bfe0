// SPDX-License-Identifier: Apache-2.0
// Processes that are no longer themselves break the rules of their lines to the master, each in every way there is: it
// does nothing of what they ask, tells who it was, and the service goes on with another in the place.
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/check.h"
#include "base/sanitized.h"
#include "os/process.h"
#include "box.h"

static void conf_write(const struct box *box, const char *more)
{
    box_conf(box, "workers 2\nport %d\nadmin %s\n%s\n", box->port, box->admin, more);
}

static void run_start(struct box *box, const char *more)
{
    box_make(box);
    conf_write(box, more);
    box_start(box, "-W");
    box_log_await(box, "Generation 1 is ready");
    // Generations are ready before all of their workers are. A keeper holds a line of its own alone when it has told of
    // the last one.
    box_log_await(box, "New worker 2");
}

// Answers come, and from a process that is not `not_pid`, in both slots.
static void still_serves(const struct box *box, int not_pid)
{
    unsigned seen = 0;
    for (int i = 0; i < BOX_WAIT_MS / 10 && seen != 3; i++) {
        struct box_reply answer;
        if (box_say(box, &answer, "x") && answer.pid != not_pid)
            seen |= 1U << answer.slot;
        box_pause(1);
    }
    assert_int_equal(seen, 3);
}

static void worker_breaks(const char *what, const char *told)
{
    struct box box;
    struct box_reply answer;
    char text[160];
    char path[64];
    run_start(&box, "");
    // The answer may be lost with the worker; then the master says which it was.
    snprintf(text, sizeof(text), "evil %s\n", what);
    int pid = box_say(&box, &answer, text) ? answer.pid : -1;
    snprintf(text, sizeof(text), "of generation 1 %s: it is no longer itself and is killed", told);
    box_log_await(&box, text);
    box_log_await(&box, "was killed by signal 9");
    still_serves(&box, pid);
    snprintf(path, sizeof(path), "/tmp/fairlead-test-evil-%d", pid);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_false(box_logged(&box, "Generation 2"));
    box_stop(&box, SIGTERM, 0, 0);
}

static void workers(void **state)
{
    (void)state;
    worker_breaks("unknown", "sent a message that is none of its own");
    worker_breaks("twice", "said twice that it is ready");
    worker_breaks("short", "sent a message of a wrong size");
    worker_breaks("wide", "sent what is no message");
    worker_breaks("runt", "sent what is no message");
    worker_breaks("long", "sent a message that is too long");
    worker_breaks("descriptor", "sent a message with a wrong number of descriptors");
    worker_breaks("stranger", "lets another process send its messages");
    worker_breaks("open", "sent a message that is none of its own");
    worker_breaks("plan", "sent a message that is none of its own");
    worker_breaks("section", "sent a message that is none of its own");
    worker_breaks("forked", "sent a message that is none of its own");
    worker_breaks("reloads", "sent a message that is none of its own");
}

static void admin_touch(const struct box *box)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    memcpy(un.sun_path, box->admin, sizeof(box->admin));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
    struct pollfd pfd = { .fd = fd, .events = POLLIN };
    poll(&pfd, 1, 1000);
    close(fd);
}

static void controller_breaks(const char *what, const char *told)
{
    struct box box;
    char text[160];
    snprintf(text, sizeof(text), "evil-controller %s", what);
    run_start(&box, text);
    admin_touch(&box);
    snprintf(text, sizeof(text), "of generation 1 %s: it is no longer itself and is killed", told);
    box_log_await(&box, text);
    still_serves(&box, -1);
    box_stop(&box, SIGTERM, 0, 0);
}

static void controllers(void **state)
{
    (void)state;
    controller_breaks("open", "sent a message that is none of its own");
    controller_breaks("twice", "said twice that it is ready");
    controller_breaks("reloads", "asks for reloads without end");
}

static pid_t keeper_of(const struct box *box)
{
    char path[64];
    int keeper = 0;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)box->master, (int)box->master);
    FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%d", &keeper) != 1)
        keeper = 0;
    if (file)
        fclose(file);
    return keeper;
}

static void keeper_breaks(const char *what, const char *told)
{
    struct box box;
    char text[160];
    snprintf(text, sizeof(text), "evil-keeper %s", what);
    run_start(&box, text);
    pid_t keeper = keeper_of(&box);
    if (!keeper) {
        box_stop(&box, SIGTERM, 0, 0);
        skip();
    }
    kill(keeper, SIGUSR1);
    snprintf(text, sizeof(text), "of generation 1 %s: it is no longer itself and is killed", told);
    box_log_await(&box, text);
    box_log_await(&box, "Generation 2 is ready");
    still_serves(&box, -1);
    snprintf(text, sizeof(text), "/tmp/fairlead-test-evil-%d", (int)keeper);
    assert_int_not_equal(access(text, F_OK), 0);
    box_stop(&box, SIGTERM, 0, 0);
}

static void keepers(void **state)
{
    (void)state;
    keeper_breaks("open", "asks for a socket although it serves");
    keeper_breaks("plan", "sent a second plan");
    keeper_breaks("section", "sends a section of the board although it serves");
    keeper_breaks("seat", "wants a line for a process that cannot be");
    keeper_breaks("forked", "forked a process that cannot be");
    keeper_breaks("dead", "waited for a process that it did not fork");
    keeper_breaks("reloads", "sent a message that is none of its own");
}

static void keeper_breaks_early(void **state)
{
    (void)state;
    static const char *const ways[] = { "open", "section", "seat", "forked", "dead", "unknown", "runt" };
    struct box box;
    run_start(&box, "");
    for (uint32_t i = 0; i < NUM_ITEMS(ways); i++) {
        char text[96];
        snprintf(text, sizeof(text), "evil-keeper-now %s", ways[i]);
        conf_write(&box, text);
        kill(box.master, SIGUSR2);
        snprintf(text, sizeof(text), "generation %u could not start; generation 1 goes on as before", i + 2);
        box_log_await(&box, text);
    }
    assert_true(box_logged(&box, "it is no longer itself and is killed"));
    still_serves(&box, -1);
    box_stop(&box, SIGTERM, 0, 0);
}

static void signals_reach_children_alone(void **state)
{
    (void)state;
    int line[2];
    int grandchild;
    assert_int_equal(pipe(line), 0);
    pid_t child = fork();
    if (child == 0) {
        pid_t pid = fork();
        if (pid == 0) {
            pause();
            _exit(0);
        }
        ssize_t ignored = write(line[1], &pid, sizeof(pid));
        (void)ignored;
        pause();
        _exit(0);
    }
    assert_int_equal(read(line[0], &grandchild, sizeof(grandchild)), sizeof(grandchild));
    assert_int_equal(os_process_parent(child), getpid());
    assert_int_equal(os_process_parent(grandchild), child);
    assert_true(os_process_signal(child, 0, 0));
    assert_true(os_process_signal(grandchild, child, 0));
    // Somebody else's, although it is there.
    assert_false(os_process_signal(grandchild, 0, 0));
    assert_int_equal(errno, EPERM);
    assert_false(os_process_signal(getppid(), 0, 0));
    assert_false(os_process_signal(1, 0, 0));
    assert_false(os_process_signal(0, 0, 0));
    assert_false(os_process_signal(-1, 0, 0));
    assert_true(os_process_signal(grandchild, child, SIGKILL));
    assert_true(os_process_signal(child, 0, SIGKILL));
    assert_int_equal(waitpid(child, NULL, 0), child);
    while (waitpid(-1, NULL, 0) > 0)
        continue;
    assert_false(os_process_signal(child, 0, 0));
    assert_int_equal(errno, ESRCH);
    close(line[0]);
    close(line[1]);
}

static void denied_call_is_told(void **state)
{
    (void)state;
    if (BASE_SANITIZED) // its leak checker would not work
        skip();
    struct box box;
    struct box_reply answer;
    char text[96];
    run_start(&box, "sandbox");
    assert_true(box_say(&box, &answer, "file\n"));
    snprintf(text, sizeof(text), "worker %u was denied system call open", answer.slot + 1);
    box_log_await(&box, text);
    snprintf(text, sizeof(text), "/proc/%d/status", answer.pid);
    FILE *file = fopen(text, "r");
    bool filtered = false;
    while (file && fgets(text, sizeof(text), file))
        filtered = filtered || strcmp(text, "Seccomp:\t2\n") == 0;
    if (file)
        fclose(file);
    assert_true(filtered);
    still_serves(&box, -1);
    box_stop(&box, SIGTERM, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(workers, box_sweep),
        cmocka_unit_test_teardown(controllers, box_sweep),
        cmocka_unit_test_teardown(keepers, box_sweep),
        cmocka_unit_test_teardown(keeper_breaks_early, box_sweep),
        cmocka_unit_test_teardown(signals_reach_children_alone, box_sweep),
        cmocka_unit_test_teardown(denied_call_is_told, box_sweep),
    };
    prctl(PR_SET_CHILD_SUBREAPER, 1L);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
