// SPDX-License-Identifier: Apache-2.0
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
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/check.h"
#include "base/clock.h"
#include "box.h"
#include "toy.h"

void box_pause(int ms)
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

void box_conf(const struct box *box, const char *format, ...)
{
    va_list args;
    FILE *file = fopen(box->conf, "w");
    assert_non_null(file);
    va_start(args, format);
    vfprintf(file, format, args);
    va_end(args);
    fclose(file);
}

void box_make(struct box *box)
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

void box_start(struct box *box, const char *flag)
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

static const char *log_read(const struct box *box)
{
    static char data[1 << 18];
    int fd = open(box->log, O_RDONLY);
    ssize_t len = fd < 0 ? 0 : read(fd, data, sizeof(data) - 1);
    close(fd);
    data[len > 0 ? len : 0] = '\0';
    return data;
}

bool box_logged(const struct box *box, const char *text)
{
    return strstr(log_read(box), text) != NULL;
}

void box_log_await(const struct box *box, const char *text)
{
    for (int i = 0; i < BOX_WAIT_MS / 10; i++) {
        if (box_logged(box, text))
            return;
        box_pause(10);
    }
    fail_msg("not in the log: %s; it is:\n%s", text, log_read(box));
}

int box_connect(int port)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    in.sin_port = htons((uint16_t)port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval patience = { .tv_sec = 10 };
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0)
        return fd;
    close(fd);
    return -1;
}

bool box_answer(int fd, struct box_reply *answer)
{
    char text[128];
    ssize_t len = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[len > 0 ? len : 0] = '\0';
    return sscanf(text, "%u %d %u", &answer->slot, &answer->pid, &answer->generation) == 3;
}

bool box_say(const struct box *box, struct box_reply *answer, const char *what)
{
    int fd = box_connect(box->port);
    if (fd < 0)
        return false;
    if (send(fd, what, strlen(what), MSG_NOSIGNAL) < 0) {
        close(fd);
        return false;
    }
    return box_answer(fd, answer);
}

bool box_ask(const struct box *box, struct box_reply *answer)
{
    return box_say(box, answer, "x\n");
}

int box_status(pid_t pid)
{
    int status;
    for (int i = 0; i < BOX_WAIT_MS / 10; i++) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return status;
        box_pause(10);
    }
    kill(pid, SIGKILL);
    fail_msg("process %d did not end", (int)pid);
    return -1;
}

uint32_t box_count_entries(const char *path)
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
void box_nothing_left(void)
{
    for (int i = 0; i < BOX_WAIT_MS / 10; i++) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);
        if (pid < 0 && errno == ECHILD)
            return;
        if (pid == 0)
            box_pause(10);
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

void box_stop(struct box *box, int sig, int want_exit, int want_signal)
{
    kill(box->master, sig);
    int status = box_status(box->master);
    if (want_signal)
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == want_signal);
    else
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == want_exit);
    box_nothing_left();
    assert_int_equal(nftw(box->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

void box_up(struct box *box, int workers)
{
    box_make(box);
    box_conf(box, "workers %d\nport %d\nadmin %s\n", workers, box->port, box->admin);
    box_start(box, "-W");
    box_log_await(box, "Generation 1 is ready");
}

// A test that failed leaves its program behind, which must not fail the next one.
int box_sweep(void **state)
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
        box_pause(10);
    }
    return 0;
}

void box_admin_ask(const struct box *box, char *text, size_t cap)
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
