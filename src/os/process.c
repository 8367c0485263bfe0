// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "os/process.h"

// False with errno where there is nothing to read.
static bool stat_read(char *state, pid_t *parent, pid_t pid)
{
    char path[32];
    char text[512];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t len = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[len > 0 ? len : 0] = '\0';
    // The name, in brackets, may hold anything.
    const char *name_end = strrchr(text, ')');
    errno = ESRCH;
    return name_end && sscanf(name_end, ") %c %d", state, parent) == 2;
}

pid_t os_process_parent(pid_t pid)
{
    char state;
    pid_t parent;
    if (stat_read(&state, &parent, pid))
        return parent;
    return errno == ESRCH || (errno == ENOENT && access("/proc/self/stat", F_OK) == 0) ? 0 : -1;
}

char os_process_state(pid_t pid)
{
    char state;
    pid_t parent;
    return stat_read(&state, &parent, pid) ? state : '?';
}

// A number stands for the same process as long as a descriptor for it is open; before Linux 5.3 there is none.
static int hold(pid_t pid)
{
#ifdef SYS_pidfd_open
    return (int)syscall(SYS_pidfd_open, pid, 0);
#else
    (void)pid;
    errno = ENOSYS;
    return -1;
#endif
}

static int held_signal(int fd, pid_t pid, int sig)
{
#ifdef SYS_pidfd_send_signal
    if (fd >= 0)
        return (int)syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0);
#endif
    (void)fd;
    return kill(pid, sig);
}

bool os_process_signal(pid_t pid, pid_t parent, int sig)
{
    if (pid <= 1) {
        errno = ESRCH;
        return false;
    }
    int fd = hold(pid);
    if (fd < 0 && errno == ESRCH)
        return false;
    pid_t its = os_process_parent(pid);
    bool ours = its < 0 || its == getpid() || (parent > 0 && its == parent);
    bool done = ours && held_signal(fd, pid, sig) == 0;
    int saved = done ? 0 : ours ? errno : its == 0 ? ESRCH : EPERM;
    if (fd >= 0)
        close(fd);
    errno = saved;
    return done;
}
