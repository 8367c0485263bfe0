// SPDX-License-Identifier: Apache-2.0
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include "base/check.h"
#include "sandbox_calls.h"

#if defined(__x86_64__)
#define SANDBOX_ARCH           AUDIT_ARCH_X86_64
#define SANDBOX_RESULT(uc)     ((uc)->uc_mcontext.gregs[REG_RAX])
#define SANDBOX_OTHER_ABI_FROM 0x40000000 // x32
#elif defined(__aarch64__)
#define SANDBOX_ARCH       AUDIT_ARCH_AARCH64
#define SANDBOX_RESULT(uc) ((uc)->uc_mcontext.regs[0])
#endif

#ifndef SYS_SECCOMP // of the kernel's headers, which do not go together with the C library's
#define SYS_SECCOMP 1
#endif

enum {
    SANDBOX_MAX_CODE = 400,
    SANDBOX_MAX_NUMBER = 1024, // calls from there on are told as one
    SANDBOX_MAX_WAITING = 16,
};

// What the handler of the signal leaves for the next turn.
static struct {
    atomic_uint num_waiting;
    bool noted[SANDBOX_MAX_NUMBER];
    struct {
        int number;
        void *at;
    } waiting[SANDBOX_MAX_WAITING];
} sandbox;

bool os_sandbox_has_denials(void)
{
    return UNLIKELY(atomic_load_explicit(&sandbox.num_waiting, memory_order_relaxed) != 0);
}

bool os_sandbox_denied(struct os_sandbox_denial *denial)
{
    uint32_t num = atomic_load_explicit(&sandbox.num_waiting, memory_order_relaxed);
    if (!num)
        return false;
    void *at = sandbox.waiting[num - 1].at;
    denial->number = sandbox.waiting[num - 1].number;
    atomic_store_explicit(&sandbox.num_waiting, num - 1, memory_order_relaxed);
    denial->name = os_sandbox_name(denial->number);
    Dl_info info;
    const char *file = dladdr(at, &info) && info.dli_fname ? strrchr(info.dli_fname, '/') : NULL;
    if (file)
        snprintf(denial->place, sizeof(denial->place), "%s+0x%zx", file + 1,
                 (size_t)((const char *)at - (const char *)info.dli_fbase));
    else
        snprintf(denial->place, sizeof(denial->place), "%p", at);
    return true;
}

#ifndef SANDBOX_ARCH

bool os_sandbox_enter(enum os_sandbox_role role)
{
    (void)role;
    errno = ENOSYS;
    return false;
}

#else

// The call returns to whoever made it as one that was not permitted.
static void denied(int sig, siginfo_t *info, void *context)
{
    if (info->si_code != SYS_SECCOMP) {
        signal(sig, SIG_DFL);
        raise(sig);
        return;
    }
    uint32_t number = (uint32_t)info->si_syscall;
    uint32_t place = number < SANDBOX_MAX_NUMBER ? number : SANDBOX_MAX_NUMBER - 1;
    uint32_t num = atomic_load_explicit(&sandbox.num_waiting, memory_order_relaxed);
    SANDBOX_RESULT((ucontext_t *)context) = -EPERM;
    if (sandbox.noted[place] || num == SANDBOX_MAX_WAITING)
        return;
    sandbox.noted[place] = true;
    sandbox.waiting[num].number = info->si_syscall;
    sandbox.waiting[num].at = info->si_call_addr;
    atomic_store_explicit(&sandbox.num_waiting, num + 1, memory_order_relaxed);
}

struct program {
    struct sock_filter code[SANDBOX_MAX_CODE];
    uint16_t len;
};

static void add(struct program *program, struct sock_filter instruction)
{
    must(program->len < SANDBOX_MAX_CODE);
    program->code[program->len++] = instruction;
}

static void add_end(struct program *program, uint32_t action)
{
    add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

static void add_load(struct program *program, size_t offset)
{
    add(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

// Ends with `action` where the value at hand is `value`.
static void add_case(struct program *program, uint32_t value, uint32_t action)
{
    add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
    add_end(program, action);
}

// The kernel takes what these look at for 32 bits, the low ones, which both processors store first.
static void add_argument(struct program *program, uint32_t number)
{
    add_load(program, offsetof(struct seccomp_data, args) + number * sizeof(uint64_t));
}

// The call `number` with one of the `num` values for its argument; with any other it is denied.
static void add_values(struct program *program, int number, uint32_t argument, const uint32_t *values, size_t num)
{
    add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, (uint8_t)(2 + 2 * num)));
    add_argument(program, argument);
    for (size_t i = 0; i < num; i++)
        add_case(program, values[i], SECCOMP_RET_ALLOW);
    add_end(program, SECCOMP_RET_TRAP);
}

// Memory is data or code, never both: no new code, neither by a new mapping nor by turning data into it. It is refused
// in silence where regular expressions that were added at run time would like to be compiled: they are interpreted.
static void add_no_code(struct program *program, int number, uint32_t action)
{
    add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 4));
    add_argument(program, 2);
    add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1));
    add_end(program, action);
    add_end(program, SECCOMP_RET_ALLOW);
}

static void program_make(struct program *program, enum os_sandbox_role role)
{
    static const uint32_t families[] = { AF_UNIX, AF_INET, AF_INET6 };
    // None of those that make the kernel send signals to others.
    static const uint32_t commands[] = { F_GETFL,         F_SETFL,      F_GETFD,      F_SETFD,    F_DUPFD,
                                         F_DUPFD_CLOEXEC, F_SETPIPE_SZ, F_GETPIPE_SZ, F_GET_SEALS };
    static const uint32_t requests[] = { TCGETS, FIONREAD };
    static const uint32_t nothing[] = { 0 };
    static const uint32_t by_number[] = { AT_EMPTY_PATH };
    const uint32_t self[] = { (uint32_t)getpid() };
    size_t num;
    const int *calls = sandbox_calls(&num, role);
    add_load(program, offsetof(struct seccomp_data, arch));
    add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SANDBOX_ARCH, 1, 0));
    add_end(program, SECCOMP_RET_KILL_PROCESS);
    add_load(program, offsetof(struct seccomp_data, nr));
#ifdef SANDBOX_OTHER_ABI_FROM
    add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, SANDBOX_OTHER_ABI_FROM, 0, 1));
    add_end(program, SECCOMP_RET_KILL_PROCESS);
#endif
    // The kernel (5.11) knows by a bit which calls pass whatever their arguments; earlier ones walk down this list.
    for (size_t i = 0; i < num; i++)
        add_case(program, (uint32_t)calls[i], SECCOMP_RET_ALLOW);
    add_values(program, SYS_socket, 0, families, NUM_ITEMS(families));
    add_no_code(program, SYS_mmap, SECCOMP_RET_ERRNO | EACCES);
    add_no_code(program, SYS_mprotect, SECCOMP_RET_TRAP);
    add_values(program, SYS_fcntl, 1, commands, NUM_ITEMS(commands));
    add_values(program, SYS_ioctl, 1, requests, NUM_ITEMS(requests));
    // The C library's fstat(3), of a descriptor.
    add_values(program, SYS_newfstatat, 3, by_number, 1);
    // It may ask for its own limits, and end itself: abort(3).
    add_values(program, SYS_prlimit64, 0, nothing, 1);
    add_values(program, SYS_tgkill, 0, self, 1);
    // Whether another controller still lives, which drains the log.
    if (role == OS_SANDBOX_CONTROLLER)
        add_values(program, SYS_kill, 1, nothing, 1);
    add_end(program, SECCOMP_RET_TRAP);
}

static bool filter_set(const struct program *program)
{
    const struct sock_fprog prog = { .len = program->len, .filter = (struct sock_filter *)(uintptr_t)program->code };
    // Without the flag, kernels before 5.16 slow the whole process down for the sake of what it might run.
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &prog) == 0)
        return true;
    return errno == EINVAL && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == 0;
}

bool os_sandbox_enter(enum os_sandbox_role role)
{
    struct program program = { .len = 0 };
    struct sigaction before;
    struct sigaction action = { .sa_sigaction = denied, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART };
    program_make(&program, role);
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGSYS, &action, &before) < 0)
        return false;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) == 0 && filter_set(&program))
        return true;
    int saved = errno;
    sigaction(SIGSYS, &before, NULL);
    errno = saved;
    return false;
}

#endif
