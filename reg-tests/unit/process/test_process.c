// SPDX-License-Identifier: Apache-2.0
// The processes with a toy program behind them: boot, crash, hang, reload, stop, and nothing left behind.
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
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
#include "base/clock.h"
#include "toy.h"

enum { WAIT_MS = 10000 };

struct box {
    char dir[64];
    char conf[96];
    char admin[96];
    char log[96];
    char pidfile[96];
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

__attribute__((format(printf, 2, 3))) static void conf_write(const struct box *box, const char *format, ...)
{
    va_list args;
    FILE *file = fopen(box->conf, "w");
    assert_non_null(file);
    va_start(args, format);
    vfprintf(file, format, args);
    va_end(args);
    fclose(file);
}

static void box_make(struct box *box)
{
    memset(box, 0, sizeof(*box));
    snprintf(box->dir, sizeof(box->dir), "/tmp/fairlead-test-XXXXXX");
    assert_non_null(mkdtemp(box->dir));
    snprintf(box->conf, sizeof(box->conf), "%s/conf", box->dir);
    snprintf(box->admin, sizeof(box->admin), "%s/admin", box->dir);
    snprintf(box->log, sizeof(box->log), "%s/log", box->dir);
    snprintf(box->pidfile, sizeof(box->pidfile), "%s/pid", box->dir);
    box->port = port_free();
}

static void box_start(struct box *box, const char *flag)
{
    char last[16];
    char *argv[] = { (char[]){ "fairlead" }, (char[]){ "-f" }, box->conf, (char[]){ "-p" }, box->pidfile, last, NULL };
    snprintf(last, sizeof(last), "%s", flag);
    box->master = fork();
    assert_true(box->master >= 0);
    if (box->master == 0) {
        int fd = open(box->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(fd, 1);
        dup2(fd, 2);
        close(fd);
        for (int sig = 1; sig < NSIG; sig++)
            signal(sig, SIG_DFL);
        setpgid(0, 0);
        _exit(process_main(&toy_program, *flag ? 6 : 5, argv));
    }
}

static bool log_has(const struct box *box, const char *text)
{
    char data[65536];
    int fd = open(box->log, O_RDONLY);
    ssize_t len = fd < 0 ? 0 : read(fd, data, sizeof(data) - 1);
    close(fd);
    data[len > 0 ? len : 0] = '\0';
    return strstr(data, text) != NULL;
}

static void log_await(const struct box *box, const char *text)
{
    for (int i = 0; i < WAIT_MS / 10; i++) {
        if (log_has(box, text))
            return;
        pause_ms(10);
    }
    fail_msg("not in the log: %s", text);
}

static int connect_to(int port)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    in.sin_port = htons((uint16_t)port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval patience = { .tv_sec = 3 };
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool read_answer(int fd, struct answer *answer)
{
    char text[128];
    ssize_t len = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[len > 0 ? len : 0] = '\0';
    return sscanf(text, "%u %d %u", &answer->slot, &answer->pid, &answer->generation) == 3;
}

static bool ask(const struct box *box, struct answer *answer)
{
    int fd = connect_to(box->port);
    if (fd < 0)
        return false;
    if (write(fd, "x\n", 2) != 2) {
        close(fd);
        return false;
    }
    return read_answer(fd, answer);
}

static int status_await(pid_t pid)
{
    int status;
    for (int i = 0; i < WAIT_MS / 10; i++) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return status;
        pause_ms(10);
    }
    kill(pid, SIGKILL);
    fail_msg("process %d did not end", (int)pid);
    return -1;
}

static uint32_t entries_count(const char *path)
{
    uint32_t num = 0;
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        num += entry->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return num;
}

// Every process of the program has this test as its ancestor and subreaper: when all are gone there is no child left.
static void nothing_left(void)
{
    for (int i = 0; i < WAIT_MS / 10; i++) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);
        if (pid < 0 && errno == ECHILD)
            return;
        if (pid == 0)
            pause_ms(10);
    }
    fail_msg("a process was left behind");
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *at)
{
    (void)about;
    (void)kind;
    (void)at;
    return remove(path);
}

static void box_stop(struct box *box, int sig, int want_exit, int want_signal)
{
    kill(box->master, sig);
    int status = status_await(box->master);
    if (want_signal)
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == want_signal);
    else
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == want_exit);
    nothing_left();
    assert_int_equal(nftw(box->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void box_up(struct box *box, int workers)
{
    box_make(box);
    conf_write(box, "workers %d\nport %d\nadmin %s\n", workers, box->port, box->admin);
    box_start(box, "-W");
    log_await(box, "Generation 1 is ready");
}

static void boot_and_answer(void **state)
{
    (void)state;
    struct box box;
    struct answer answer;
    bool seen[3] = { false };
    box_up(&box, 3);
    for (int i = 0; i < 60; i++) {
        assert_true(ask(&box, &answer));
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
    conf_write(&box, "workers 1\nport %d\n", box.port);
    box_start(&box, "-d");
    log_await(&box, "Generation 1 is ready");
    kill(box.master, SIGQUIT);
    kill(box.master, SIGTTOU);
    kill(box.master, SIGTTIN);
    box_stop(&box, SIGTERM, 0, SIGTERM);
}

static void killed_worker_is_replaced(void **state)
{
    (void)state;
    struct box box;
    struct answer answer;
    box_up(&box, 2);
    for (int round = 0; round < 5; round++) {
        assert_true(ask(&box, &answer));
        unsigned slot = answer.slot;
        int pid = answer.pid;
        kill(pid, SIGKILL);
        bool back = false;
        uint64_t end_us = clock_mono_us() + 3000000;
        // No connect is refused or left alone meanwhile; one that the dead worker had accepted may break.
        while (!back && clock_mono_us() < end_us) {
            int fd = connect_to(box.port);
            assert_true(fd >= 0);
            assert_int_equal(write(fd, "x\n", 2), 2);
            if (read_answer(fd, &answer))
                back = answer.slot == slot && answer.pid != pid;
        }
        assert_true(back);
    }
    assert_true(log_has(&box, "was killed by signal 9"));
    box_stop(&box, SIGTERM, 0, 0);
}

static void stopped_worker_is_avoided(void **state)
{
    (void)state;
    struct box box;
    struct answer first;
    struct answer answer;
    box_up(&box, 2);
    assert_true(ask(&box, &first));
    kill(first.pid, SIGSTOP);
    for (int i = 0; i < 40; i++) {
        uint64_t start_us = clock_mono_us();
        assert_true(ask(&box, &answer));
        assert_int_not_equal(answer.pid, first.pid);
        assert_true(clock_mono_us() - start_us < 1000000);
    }
    log_await(&box, "has not answered");
    kill(first.pid, SIGCONT);
    log_await(&box, "answers again and gets new");
    bool back = false;
    for (int i = 0; i < 200 && !back; i++) {
        assert_true(ask(&box, &answer));
        back = answer.pid == first.pid;
    }
    assert_true(back);
    box_stop(&box, SIGTERM, 0, 0);
}

static void reload_good_and_bad(void **state)
{
    (void)state;
    struct box box;
    struct answer answer;
    box_up(&box, 2);
    int held = connect_to(box.port);
    assert_int_equal(write(held, "hold\n", 5), 5);
    pause_ms(50);
    kill(box.master, SIGUSR2);
    log_await(&box, "Generation 2 is ready");
    assert_true(ask(&box, &answer));
    assert_int_equal(answer.generation, 2);
    // What was open stays with the generation that accepted it.
    assert_int_equal(write(held, "go\n", 3), 3);
    assert_true(read_answer(held, &answer));
    assert_int_equal(answer.generation, 1);
    conf_write(&box, "workers 2\nport %d\nadmin %s\nbad word\n", box.port, box.admin);
    kill(box.master, SIGHUP);
    log_await(&box, "generation 2 goes on as before");
    assert_true(log_has(&box, "toy: unknown word: bad word"));
    assert_true(ask(&box, &answer));
    assert_int_equal(answer.generation, 2);
    // A worker that cannot start is a reason to stay, too.
    conf_write(&box, "workers 2\nport %d\nadmin %s\ncrash 1\n", box.port, box.admin);
    kill(box.master, SIGHUP);
    log_await(&box, "generation 4 could not start");
    assert_true(ask(&box, &answer));
    assert_int_equal(answer.generation, 2);
    box_stop(&box, SIGUSR1, 0, 0);
}

// One wish at the admin socket; `text` is the answer, "" where the old controller took it just before it ended.
static void admin_ask(const struct box *box, char *text, size_t cap)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    struct timeval patience = { .tv_sec = 5 };
    memcpy(un.sun_path, box->admin, sizeof(box->admin));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
    ssize_t len = read(fd, text, cap - 1);
    text[len > 0 ? len : 0] = '\0';
    close(fd);
}

static void reload_by_admin(void **state)
{
    (void)state;
    struct box box;
    char text[512];
    box_up(&box, 1);
    for (int round = 0; round < 3; round++) {
        if (round == 2)
            conf_write(&box, "nonsense\n");
        text[0] = '\0';
        for (int i = 0; i < 10 && !text[0]; i++)
            admin_ask(&box, text, sizeof(text));
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
    struct answer answer;
    box_up(&box, 2);
    for (int i = 0; i < 3; i++) {
        kill(box.master, SIGUSR2);
        pause_ms(1);
    }
    log_await(&box, "Generation 3 is ready");
    assert_true(ask(&box, &answer));
    box_stop(&box, SIGTERM, 0, 0);
}

static void reload_under_load(void **state)
{
    (void)state;
    struct box box;
    struct answer answer;
    char path[64];
    box_up(&box, 2);
    pid_t client = fork();
    if (client == 0) {
        for (int i = 0; i < 3000; i++)
            if (!ask(&box, &answer))
                _exit(1);
        _exit(0);
    }
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)box.master);
    uint32_t fds = 0;
    for (int i = 0; i < 20; i++) {
        char text[64];
        int workers = i % 3 + 1; // slots come and go
        conf_write(&box, "workers %d\nport %d\nadmin %s\n", i == 19 ? 2 : workers, box.port, box.admin);
        kill(box.master, SIGUSR2);
        snprintf(text, sizeof(text), "Generation %d is ready", i + 2);
        log_await(&box, text);
        if (i == 1)
            fds = entries_count(path);
    }
    int status = status_await(client);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    pause_ms(1500);
    // At generation 3 there were two workers and perhaps an old generation: never more now.
    assert_true(entries_count(path) <= fds);
    box_stop(&box, SIGTERM, 0, 0);
}

static void soft_stop_finishes(void **state)
{
    (void)state;
    struct box box;
    struct answer answer;
    box_up(&box, 2);
    int held = connect_to(box.port);
    assert_int_equal(write(held, "hold\n", 5), 5);
    pause_ms(50);
    kill(box.master, SIGUSR1);
    bool refused = false;
    for (int i = 0; i < 300 && !refused; i++) {
        int fd = connect_to(box.port);
        refused = fd < 0;
        close(fd);
        pause_ms(10);
    }
    assert_true(refused);
    assert_int_equal(waitpid(box.master, NULL, WNOHANG), 0);
    assert_int_equal(write(held, "go\n", 3), 3);
    assert_true(read_answer(held, &answer));
    box_stop(&box, 0, 0, 0);
}

static void hard_stop_after(void **state)
{
    (void)state;
    struct box box;
    box_make(&box);
    conf_write(&box, "workers 2\nport %d\nhard-stop 300\n", box.port);
    box_start(&box, "-W");
    log_await(&box, "Generation 1 is ready");
    int held = connect_to(box.port);
    assert_int_equal(write(held, "hold\n", 5), 5);
    pause_ms(50);
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
    conf_write(&other, "workers 1\nport %d\n", box.port);
    box_start(&other, "-W");
    int status = status_await(other.master);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    char text[64];
    snprintf(text, sizeof(text), "[127.0.0.1:%d]: Address already in use", box.port);
    assert_true(log_has(&other, text));
    box_stop(&box, SIGTERM, 0, 0);
}

static void keeper_is_replaced(void **state)
{
    (void)state;
    struct box box;
    struct answer answer;
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
    log_await(&box, "Generation 2 is ready");
    assert_true(ask(&box, &answer));
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
    struct answer answer;
    int pid = 0;
    for (int by_word = 0; by_word < 2; by_word++) {
        box_make(&box);
        conf_write(&box, "workers 1\nport %d\n%s\n", box.port, by_word ? "daemon" : "");
        box_start(&box, by_word ? "-W" : "-D");
        int status = status_await(box.master);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert_true(ask(&box, &answer));
        FILE *file = fopen(box.pidfile, "r");
        assert_non_null(file);
        assert_int_equal(fscanf(file, "%d", &pid), 1);
        fclose(file);
        assert_int_not_equal(pid, box.master);
        kill(pid, SIGUSR1);
        nothing_left();
    }
}

// A test that failed leaves its program behind, which must not fail the next one.
static int sweep(void **state)
{
    (void)state;
    char path[64];
    int pid;
    for (int round = 0; round < 50; round++) {
        snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
        FILE *file = fopen(path, "r");
        while (file && fscanf(file, "%d", &pid) == 1)
            kill(pid, SIGKILL);
        if (file)
            fclose(file);
        while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
            continue;
        if (pid < 0)
            return 0;
        pause_ms(10);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(boot_and_answer, sweep),
        cmocka_unit_test_teardown(statuses, sweep),
        cmocka_unit_test_teardown(killed_worker_is_replaced, sweep),
        cmocka_unit_test_teardown(stopped_worker_is_avoided, sweep),
        cmocka_unit_test_teardown(reload_good_and_bad, sweep),
        cmocka_unit_test_teardown(reload_by_admin, sweep),
        cmocka_unit_test_teardown(reloads_queue, sweep),
        cmocka_unit_test_teardown(reload_under_load, sweep),
        cmocka_unit_test_teardown(soft_stop_finishes, sweep),
        cmocka_unit_test_teardown(hard_stop_after, sweep),
        cmocka_unit_test_teardown(taken_port_is_told, sweep),
        cmocka_unit_test_teardown(keeper_is_replaced, sweep),
        cmocka_unit_test_teardown(lost_master_leaves_nobody, sweep),
        cmocka_unit_test_teardown(background, sweep),
    };
    prctl(PR_SET_CHILD_SUBREAPER, 1L);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
