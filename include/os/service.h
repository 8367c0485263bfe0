// SPDX-License-Identifier: Apache-2.0
// The master as a service of its machine: going to the background, the pid file, telling systemd, and signals as
// events. Master and keeper only; nothing here is used while traffic runs.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <signal.h>
#include <sys/types.h>

// os_daemon_start continues in a new process in a session of its own; the calling one stays and exits when the new one
// is ready (os_daemon_ready, status 0) or ends before (status 1). It returns in the new process alone, with the
// descriptor for os_daemon_ready, or -1 with errno in the calling one where no process could be made.
int os_daemon_start(void);

// os_daemon_ready lets the process that was started by the user exit with status 0; it closes `take_fd`.
void os_daemon_ready(int take_fd);

// os_daemon_detach turns standard input, output and error to /dev/null.
void os_daemon_detach(void);

// os_pidfile_check says whether `path` can be written or made; it changes nothing. False with errno.
bool os_pidfile_check(const char *path);

// os_pidfile_write makes `path` hold `pid` and a line end; false with errno.
bool os_pidfile_write(const char *path, pid_t pid);

// os_notify tells the service manager behind $NOTIFY_SOCKET, if there is one, the `state` ("READY=1\nMAINPID=5"). What
// fails is not reported: a manager that does not listen is no reason to stop. sd_notify(3).
void os_notify(const char *state);

// os_watchdog_us gives how often, in microseconds, the service manager wants to hear "WATCHDOG=1" of this process
// before it takes the service for dead; 0 where it does not. sd_watchdog_enabled(3).
uint64_t os_watchdog_us(void);

// os_service_leave is for a process forked by the one that the service manager knows: it closes the sockets that the
// manager gave (LISTEN_FDS, descriptors from 3 on) and forgets the variables by which it is addressed. It gives the
// number of sockets. sd_listen_fds(3).
int os_service_leave(void);

// os_signals_open blocks the `num` signals and gives a descriptor that tells of them (os_signals_next), close-on-exec
// and non-blocking; -1 with errno.
int os_signals_open(const int *signals, int num);

// os_signals_next gives the next signal that came and who sent it, or 0 when there is none.
int os_signals_next(int fd, pid_t *sender);

// os_signals_reset gives all signals their default action and unblocks them, but ignores the `num` ones given: the
// first thing in a forked process.
void os_signals_reset(const int *ignored, int num);

// os_signals_raise ends this process by `signal`, as if it had never been handled.
_Noreturn void os_signals_raise(int signal);
