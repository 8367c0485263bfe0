// SPDX-License-Identifier: Apache-2.0
// Processes that are no longer themselves break the rules of their lines to the master, each in every way there is: it
// does nothing of what they ask, tells who it was, and the service goes on with another in the place.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
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
#include "toy.h"

enum { WAIT_MS = 20000, STEP_MS = 10 };

struct run {
    char dir[40];
    char conf[64];
    char admin[64];
    char log[64];
    int port;
    pid_t master;
};

struct answer {
    unsigned slot;
    int pid;
    unsigned generation;
};

static void pause_ms(int ms)
{
    poll(NULL, 0, ms);
}

static int port_free(void)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(in);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
    close(fd);
    return ntohs(in.sin_port);
}

static void conf_write(const struct run *run, const char *more)
{
    FILE *file = fopen(run->conf, "w");
    assert_non_null(file);
    fprintf(file, "workers 2\nport %d\nadmin %s\n%s\n", run->port, run->admin, more);
    fclose(file);
}

static bool log_has(const struct run *run, const char *text)
{
    static char data[1 << 18];
    int fd = open(run->log, O_RDONLY);
    ssize_t len = fd < 0 ? 0 : read(fd, data, sizeof(data) - 1);
    close(fd);
    data[len > 0 ? len : 0] = '\0';
    return strstr(data, text) != NULL;
}

static void log_await(const struct run *run, const char *text)
{
    for (int i = 0; i < WAIT_MS / STEP_MS; i++) {
        if (log_has(run, text))
            return;
        pause_ms(STEP_MS);
    }
    fail_msg("not in the log: %s", text);
}

static void run_start(struct run *run, const char *more)
{
    char *argv[] = { (char[]){ "fairlead" }, (char[]){ "-W" }, (char[]){ "-f" }, run->conf, NULL };
    memset(run, 0, sizeof(*run));
    snprintf(run->dir, sizeof(run->dir), "/tmp/fairlead-lines-XXXXXX");
    assert_non_null(mkdtemp(run->dir));
    snprintf(run->conf, sizeof(run->conf), "%s/conf", run->dir);
    snprintf(run->admin, sizeof(run->admin), "%s/admin", run->dir);
    snprintf(run->log, sizeof(run->log), "%s/log", run->dir);
    run->port = port_free();
    conf_write(run, more);
    run->master = fork();
    assert_true(run->master >= 0);
    if (run->master == 0) {
        int fd = open(run->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(fd, 1);
        dup2(fd, 2);
        close(fd);
        setpgid(0, 0);
        _exit(process_main(&toy_program, 4, argv));
    }
    log_await(run, "Generation 1 is ready");
}

static void run_stop(struct run *run)
{
    int status;
    kill(run->master, SIGTERM);
    assert_int_equal(waitpid(run->master, &status, 0), run->master);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    // Every process of the run has this test for its ancestor and reaper.
    for (int i = 0; i < WAIT_MS / STEP_MS; i++) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);
        if (pid < 0 && errno == ECHILD)
            break;
        assert_true(pid >= 0 && i + 1 < WAIT_MS / STEP_MS);
        if (pid == 0)
            pause_ms(STEP_MS);
    }
    unlink(run->conf);
    unlink(run->log);
    unlink(run->admin);
    rmdir(run->dir);
}

static bool ask(const struct run *run, struct answer *answer, const char *what)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct timeval patience = { .tv_sec = 10 };
    char text[128];
    in.sin_port = htons((uint16_t)run->port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    bool sent = connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0 && send(fd, what, strlen(what), MSG_NOSIGNAL) > 0;
    ssize_t len = sent ? read(fd, text, sizeof(text) - 1) : 0;
    close(fd);
    text[len > 0 ? len : 0] = '\0';
    return sscanf(text, "%u %d %u", &answer->slot, &answer->pid, &answer->generation) == 3;
}

// Answers come, and from a process that is not `not_pid`, in both slots.
static void still_serves(const struct run *run, int not_pid)
{
    unsigned seen = 0;
    for (int i = 0; i < WAIT_MS / STEP_MS && seen != 3; i++) {
        struct answer answer;
        if (ask(run, &answer, "x") && answer.pid != not_pid)
            seen |= 1U << answer.slot;
        pause_ms(1);
    }
    assert_int_equal(seen, 3);
}

static void worker_breaks(const char *what, const char *told)
{
    struct run run;
    struct answer answer;
    char text[160];
    char path[64];
    run_start(&run, "");
    // The answer may be lost with the worker; then the master says which it was.
    snprintf(text, sizeof(text), "evil %s\n", what);
    int pid = ask(&run, &answer, text) ? answer.pid : -1;
    snprintf(text, sizeof(text), "of generation 1 %s: it is no longer itself and is killed", told);
    log_await(&run, text);
    log_await(&run, "was killed by signal 9");
    still_serves(&run, pid);
    snprintf(path, sizeof(path), "/tmp/fairlead-test-evil-%d", pid);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_false(log_has(&run, "Generation 2"));
    run_stop(&run);
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

static void admin_touch(const struct run *run)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    memcpy(un.sun_path, run->admin, sizeof(run->admin));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
    struct pollfd pfd = { .fd = fd, .events = POLLIN };
    poll(&pfd, 1, 1000);
    close(fd);
}

static void controller_breaks(const char *what, const char *told)
{
    struct run run;
    char text[160];
    snprintf(text, sizeof(text), "evil-controller %s", what);
    run_start(&run, text);
    admin_touch(&run);
    snprintf(text, sizeof(text), "of generation 1 %s: it is no longer itself and is killed", told);
    log_await(&run, text);
    still_serves(&run, -1);
    run_stop(&run);
}

static void controllers(void **state)
{
    (void)state;
    controller_breaks("open", "sent a message that is none of its own");
    controller_breaks("twice", "said twice that it is ready");
    controller_breaks("reloads", "asks for reloads without end");
}

static pid_t keeper_of(const struct run *run)
{
    char path[64];
    int keeper = 0;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)run->master, (int)run->master);
    FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%d", &keeper) != 1)
        keeper = 0;
    if (file)
        fclose(file);
    return keeper;
}

static void keeper_breaks(const char *what, const char *told)
{
    struct run run;
    char text[160];
    snprintf(text, sizeof(text), "evil-keeper %s", what);
    run_start(&run, text);
    pid_t keeper = keeper_of(&run);
    if (!keeper) {
        run_stop(&run);
        skip();
    }
    kill(keeper, SIGUSR1);
    snprintf(text, sizeof(text), "of generation 1 %s: it is no longer itself and is killed", told);
    log_await(&run, text);
    log_await(&run, "Generation 2 is ready");
    still_serves(&run, -1);
    snprintf(text, sizeof(text), "/tmp/fairlead-test-evil-%d", (int)keeper);
    assert_int_not_equal(access(text, F_OK), 0);
    run_stop(&run);
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
    struct run run;
    run_start(&run, "");
    for (uint32_t i = 0; i < NUM_ITEMS(ways); i++) {
        char text[96];
        snprintf(text, sizeof(text), "evil-keeper-now %s", ways[i]);
        conf_write(&run, text);
        kill(run.master, SIGUSR2);
        snprintf(text, sizeof(text), "generation %u could not start; generation 1 goes on as before", i + 2);
        log_await(&run, text);
    }
    assert_true(log_has(&run, "it is no longer itself and is killed"));
    still_serves(&run, -1);
    run_stop(&run);
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
    struct run run;
    struct answer answer;
    char text[96];
    run_start(&run, "sandbox");
    assert_true(ask(&run, &answer, "file\n"));
    snprintf(text, sizeof(text), "worker %u was denied system call open", answer.slot + 1);
    log_await(&run, text);
    snprintf(text, sizeof(text), "/proc/%d/status", answer.pid);
    FILE *file = fopen(text, "r");
    bool filtered = false;
    while (file && fgets(text, sizeof(text), file))
        filtered = filtered || strcmp(text, "Seccomp:\t2\n") == 0;
    if (file)
        fclose(file);
    assert_true(filtered);
    still_serves(&run, -1);
    run_stop(&run);
}

// A test that failed leaves its processes behind, which must not fail the next one.
static int sweep(void **state)
{
    (void)state;
    for (int round = 0; round < 100; round++) {
        char path[64];
        int pid;
        snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
        FILE *file = fopen(path, "r");
        while (file && fscanf(file, "%d", &pid) == 1)
            kill(pid, SIGKILL);
        if (file)
            fclose(file);
        while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
            continue;
        if (pid < 0)
            break;
        pause_ms(STEP_MS);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(workers, sweep),
        cmocka_unit_test_teardown(controllers, sweep),
        cmocka_unit_test_teardown(keepers, sweep),
        cmocka_unit_test_teardown(keeper_breaks_early, sweep),
        cmocka_unit_test_teardown(signals_reach_children_alone, sweep),
        cmocka_unit_test_teardown(denied_call_is_told, sweep),
    };
    prctl(PR_SET_CHILD_SUBREAPER, 1L);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
