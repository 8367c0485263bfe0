// SPDX-License-Identifier: Apache-2.0
#include <sys/syscall.h>
#include "base/check.h"
#include "sandbox_calls.h"

// What both roles do: their sockets and descriptors, memory, the clock, and their end.
// clang-format off
#define CALLS_OF_ALL \
    SYS_recvfrom, SYS_sendto, SYS_epoll_ctl, SYS_read, SYS_write, SYS_writev, SYS_readv, SYS_sendmsg, SYS_recvmsg, \
    SYS_accept4, SYS_close, SYS_connect, SYS_bind, SYS_shutdown, SYS_setsockopt, SYS_getsockopt, SYS_getsockname, \
    SYS_getpeername, SYS_epoll_pwait, \
    /* The C library's allocator. Executable memory is refused apart. */ \
    SYS_munmap, SYS_mremap, SYS_brk, SYS_madvise, \
    /* Random numbers, the clock where the vDSO has none, locks of the C library. */ \
    SYS_getrandom, SYS_clock_gettime, SYS_gettimeofday, SYS_clock_nanosleep, SYS_nanosleep, SYS_futex, \
    SYS_sched_yield, SYS_restart_syscall, \
    /* Who it is, and its end, in order or not. */ \
    SYS_getpid, SYS_getppid, SYS_gettid, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sigaltstack, \
    SYS_exit, SYS_exit_group, \
    /* Streams of the C library ask what they write to. */ \
    SYS_fstat

#ifdef SYS_epoll_wait // processors of old have two names for some calls
#define CALLS_OF_OLD SYS_epoll_wait, SYS_poll, SYS_time,
#else
#define CALLS_OF_OLD
#endif

static const int worker_calls[] = {
    CALLS_OF_OLD CALLS_OF_ALL,
    SYS_splice, SYS_pipe2,
};

// It sends the log of all, to files and terminals too.
static const int controller_calls[] = {
    CALLS_OF_OLD CALLS_OF_ALL,
    SYS_sendmmsg, SYS_ppoll, SYS_getrusage, SYS_uname, SYS_sched_getaffinity,
    /* The descriptor it keeps for the admin socket is made anew after each use. */
    SYS_eventfd2,
};
// clang-format on

const int *sandbox_calls(size_t *num, enum os_sandbox_role role)
{
    *num = role == OS_SANDBOX_WORKER ? NUM_ITEMS(worker_calls) : NUM_ITEMS(controller_calls);
    return role == OS_SANDBOX_WORKER ? worker_calls : controller_calls;
}

#define NAME(call) { SYS_##call, #call }

// Those that a process might be denied, by mistake or because it is no longer itself.
static const struct {
    int number;
    const char *name;
} names[] = {
#ifdef SYS_open
    NAME(open),
    NAME(stat),
    NAME(lstat),
    NAME(access),
    NAME(readlink),
    NAME(unlink),
    NAME(rename),
    NAME(mkdir),
    NAME(rmdir),
    NAME(link),
    NAME(symlink),
    NAME(creat),
    NAME(chmod),
    NAME(chown),
    NAME(lchown),
    NAME(fork),
    NAME(vfork),
    NAME(pipe),
    NAME(dup2),
    NAME(poll),
    NAME(select),
    NAME(pause),
    NAME(alarm),
    NAME(epoll_wait),
    NAME(epoll_create),
    NAME(eventfd),
    NAME(signalfd),
    NAME(inotify_init),
    NAME(getdents),
    NAME(getpgrp),
    NAME(arch_prctl),
    NAME(modify_ldt),
    NAME(ioperm),
    NAME(iopl),
    NAME(mknod),
    NAME(time),
    NAME(utimes),
#endif
#ifdef SYS_clone3
    NAME(clone3),
#endif
#ifdef SYS_openat2
    NAME(openat2),
#endif
#ifdef SYS_faccessat2
    NAME(faccessat2),
#endif
#ifdef SYS_pidfd_open
    NAME(pidfd_open),
#endif
#ifdef SYS_pidfd_getfd
    NAME(pidfd_getfd),
#endif
#ifdef SYS_pidfd_send_signal
    NAME(pidfd_send_signal),
#endif
#ifdef SYS_io_uring_setup
    NAME(io_uring_setup),
    NAME(io_uring_enter),
    NAME(io_uring_register),
#endif
#ifdef SYS_close_range
    NAME(close_range),
#endif
#ifdef SYS_epoll_pwait2
    NAME(epoll_pwait2),
#endif
#ifdef SYS_rseq
    NAME(rseq),
#endif
    NAME(openat),
    NAME(newfstatat),
    NAME(statx),
    NAME(fstat),
    NAME(faccessat),
    NAME(readlinkat),
    NAME(unlinkat),
    NAME(renameat),
    NAME(renameat2),
    NAME(mkdirat),
    NAME(linkat),
    NAME(symlinkat),
    NAME(mknodat),
    NAME(fchmod),
    NAME(fchmodat),
    NAME(fchown),
    NAME(fchownat),
    NAME(utimensat),
    NAME(truncate),
    NAME(ftruncate),
    NAME(fallocate),
    NAME(chdir),
    NAME(fchdir),
    NAME(getcwd),
    NAME(chroot),
    NAME(umask),
    NAME(mount),
    NAME(umount2),
    NAME(pivot_root),
    NAME(statfs),
    NAME(fstatfs),
    NAME(execve),
    NAME(execveat),
    NAME(clone),
    NAME(unshare),
    NAME(setns),
    NAME(ptrace),
    NAME(process_vm_readv),
    NAME(process_vm_writev),
    NAME(kcmp),
    NAME(bpf),
    NAME(perf_event_open),
    NAME(userfaultfd),
    NAME(kexec_load),
    NAME(init_module),
    NAME(finit_module),
    NAME(delete_module),
    NAME(reboot),
    NAME(swapon),
    NAME(swapoff),
    NAME(open_by_handle_at),
    NAME(name_to_handle_at),
    NAME(add_key),
    NAME(request_key),
    NAME(keyctl),
    NAME(setuid),
    NAME(setgid),
    NAME(setreuid),
    NAME(setregid),
    NAME(setresuid),
    NAME(setresgid),
    NAME(setgroups),
    NAME(setfsuid),
    NAME(setfsgid),
    NAME(setsid),
    NAME(setpgid),
    NAME(capget),
    NAME(capset),
    NAME(prctl),
    NAME(seccomp),
    NAME(personality),
    NAME(kill),
    NAME(tkill),
    NAME(tgkill),
    NAME(rt_sigqueueinfo),
    NAME(rt_tgsigqueueinfo),
    NAME(rt_sigpending),
    NAME(rt_sigsuspend),
    NAME(rt_sigtimedwait),
    NAME(wait4),
    NAME(waitid),
    NAME(mmap),
    NAME(mprotect),
    NAME(msync),
    NAME(mlock),
    NAME(mlockall),
    NAME(mincore),
    NAME(membarrier),
    NAME(memfd_create),
    NAME(shmget),
    NAME(shmat),
    NAME(socket),
    NAME(socketpair),
    NAME(listen),
    NAME(accept),
    NAME(sendmmsg),
    NAME(recvmmsg),
    NAME(sendfile),
    NAME(splice),
    NAME(tee),
    NAME(vmsplice),
    NAME(pipe2),
    NAME(dup),
    NAME(dup3),
    NAME(fcntl),
    NAME(flock),
    NAME(ioctl),
    NAME(lseek),
    NAME(pread64),
    NAME(pwrite64),
    NAME(preadv),
    NAME(pwritev),
    NAME(fsync),
    NAME(fdatasync),
    NAME(getdents64),
    NAME(inotify_init1),
    NAME(epoll_create1),
    NAME(eventfd2),
    NAME(signalfd4),
    NAME(timerfd_create),
    NAME(timerfd_settime),
    NAME(timer_create),
    NAME(setitimer),
    NAME(pselect6),
    NAME(ppoll),
    NAME(getuid),
    NAME(geteuid),
    NAME(getgid),
    NAME(getegid),
    NAME(getpgid),
    NAME(getsid),
    NAME(getrusage),
    NAME(getrlimit),
    NAME(setrlimit),
    NAME(prlimit64),
    NAME(getpriority),
    NAME(setpriority),
    NAME(sched_setaffinity),
    NAME(sched_getaffinity),
    NAME(sched_setscheduler),
    NAME(sysinfo),
    NAME(syslog),
    NAME(times),
    NAME(uname),
    NAME(clock_settime),
    NAME(settimeofday),
    NAME(adjtimex),
    NAME(clock_getres),
    NAME(set_robust_list),
};

const char *os_sandbox_name(int number)
{
    for (size_t i = 0; i < NUM_ITEMS(names); i++)
        if (names[i].number == number)
            return names[i].name;
    return "?";
}
