// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/check.h"
#include "os/service.h"

enum { SERVICE_FIRST_SOCKET = 3, SERVICE_MAX_SOCKETS = 4096 };

static _Noreturn void daemon_await(int fd)
{
    char ready = 0;
    ssize_t got;
    do
        got = read(fd, &ready, 1);
    while (got < 0 && errno == EINTR);
    _exit(got == 1 ? 0 : 1);
}

int os_daemon_start(void)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return -1;
    pid_t pid = fork();
    if (pid < 0) {
        int saved = errno;
        close(fds[0]);
        close(fds[1]);
        errno = saved;
        return -1;
    }
    if (pid > 0) {
        close(fds[1]);
        daemon_await(fds[0]);
    }
    close(fds[0]);
    setsid();
    return fds[1];
}

void os_daemon_ready(int take_fd)
{
    ssize_t ignored = write(take_fd, "1", 1);
    (void)ignored;
    close(take_fd);
}

void os_daemon_detach(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    for (int std = 0; std <= 2; std++)
        if (fd != std)
            dup2(fd, std);
    if (fd > 2)
        close(fd);
}

static int pidfile_open(const char *path, int more)
{
    return open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | more, 0644);
}

bool os_pidfile_check(const char *path)
{
    int fd = pidfile_open(path, O_CREAT | O_EXCL);
    // Whoever fails for another reason leaves nothing behind.
    if (fd >= 0)
        unlink(path);
    else if (errno == EEXIST)
        fd = pidfile_open(path, 0);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

bool os_pidfile_write(const char *path, pid_t pid)
{
    char text[24];
    int len = snprintf(text, sizeof(text), "%d\n", (int)pid);
    int fd = pidfile_open(path, O_CREAT | O_TRUNC);
    if (fd < 0)
        return false;
    bool written = write(fd, text, (size_t)len) == len;
    int saved = errno;
    close(fd);
    errno = saved;
    return written;
}

void os_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    size_t len = path ? strlen(path) : 0;
    if ((path && path[0] != '/' && path[0] != '@') || len < 2 || len >= sizeof(to.sun_path))
        return;
    memcpy(to.sun_path, path, len);
    if (path[0] == '@')
        to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    ssize_t ignored = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&to,
                             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
    (void)ignored;
    close(fd);
}

static uint64_t variable(const char *name)
{
    const char *text = getenv(name);
    char *end;
    if (!text || *text < '0' || *text > '9')
        return 0;
    uint64_t value = strtoull(text, &end, 10);
    return *end ? 0 : value;
}

uint64_t os_watchdog_us(void)
{
    bool for_another = getenv("WATCHDOG_PID") && variable("WATCHDOG_PID") != (uint64_t)getpid();
    return for_another ? 0 : variable("WATCHDOG_USEC");
}

int os_service_leave(void)
{
    static const char *const names[] = { "LISTEN_FDS",    "LISTEN_PID",   "LISTEN_FDNAMES",
                                         "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC" };
    uint64_t num = variable("LISTEN_PID") == (uint64_t)getppid() ? variable("LISTEN_FDS") : 0;
    num = num < SERVICE_MAX_SOCKETS ? num : SERVICE_MAX_SOCKETS;
    for (uint64_t i = 0; i < num; i++)
        close(SERVICE_FIRST_SOCKET + (int)i);
    for (size_t i = 0; i < NUM_ITEMS(names); i++)
        unsetenv(names[i]);
    return (int)num;
}

int os_signals_open(const int *signals, int num)
{
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < num; i++)
        sigaddset(&set, signals[i]);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -1;
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int os_signals_next(int fd, pid_t *sender)
{
    struct signalfd_siginfo info;
    if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return 0;
    *sender = (pid_t)info.ssi_pid;
    return (int)info.ssi_signo;
}

void os_signals_reset(const int *ignored, int num)
{
    sigset_t none;
    sigemptyset(&none);
    for (int sig = 1; sig < NSIG; sig++)
        signal(sig, SIG_DFL);
    for (int i = 0; i < num; i++)
        signal(ignored[i], SIG_IGN);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

_Noreturn void os_signals_raise(int sig)
{
    os_signals_reset(NULL, 0);
    raise(sig);
    _exit(128 + sig);
}
