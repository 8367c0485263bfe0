// SPDX-License-Identifier: Apache-2.0
// The sandbox, entered by a child of the test for each case: what serves passes, all else fails and is told once.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "os/sandbox.h"

enum { EXIT_GOOD = 0, EXIT_NO_FILTER = 77 };

#define EXPECT(what)                                                                                                   \
    do {                                                                                                               \
        if (!(what)) {                                                                                                 \
            dprintf(2, "line %d: %s (errno %d)\n", __LINE__, #what, errno);                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

#define DENIED(call) EXPECT((errno = 0, (long)(call) == -1 && errno == EPERM))

static int status_of(void (*run)(void), enum os_sandbox_role role)
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        alarm(20);
        if (!os_sandbox_enter(role))
            _exit(EXIT_NO_FILTER);
        run();
        _exit(EXIT_GOOD);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_FILTER)
        skip();
    return status;
}

static void runs(void (*run)(void), enum os_sandbox_role role)
{
    int status = status_of(run, role);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), EXIT_GOOD);
}

static void serve(void)
{
    struct os_sandbox_denial denial;
    struct rlimit limit;
    char text[64];
    int fds[2];
    void *memory[64];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT(fd >= 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    EXPECT(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &(int){ 1 }, sizeof(int)) == 0);
    EXPECT(close(fd) == 0);
    for (int i = 0; i < 64; i++)
        EXPECT((memory[i] = malloc((size_t)1 << (i % 22))) != NULL);
    for (int i = 0; i < 64; i++)
        free(memory[i]);
    EXPECT(pipe2(fds, O_NONBLOCK) == 0 && splice(fds[0], NULL, fds[1], NULL, 1, SPLICE_F_NONBLOCK) < 0);
    EXPECT(errno == EINVAL || errno == EAGAIN);
    EXPECT(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    EXPECT(snprintf(text, sizeof(text), "%d %d\n", (int)getpid(), (int)getppid()) > 0);
    EXPECT(signal(SIGUSR1, SIG_IGN) != SIG_ERR && raise(SIGUSR1) == 0);
    EXPECT(!os_sandbox_denied(&denial));
}

static void worker_serves(void **state)
{
    (void)state;
    runs(serve, OS_SANDBOX_WORKER);
}

static void denials(void)
{
    struct os_sandbox_denial denial;
    char *argv[] = { NULL };
    uint32_t num = 0;
    bool seen_execve = false;
    DENIED(execve("/bin/true", argv, argv));
    DENIED(execve("/bin/true", argv, argv));
    DENIED(kill(getppid(), SIGTERM));
    DENIED(syscall(SYS_tgkill, getppid(), getppid(), SIGTERM));
    DENIED(fcntl(0, F_SETOWN, getppid()));
    DENIED(socket(AF_NETLINK, SOCK_RAW, 0));
    DENIED(setuid(0));
    DENIED(chroot("/"));
    DENIED(syscall(SYS_prlimit64, getppid(), RLIMIT_CORE, NULL, NULL));
    DENIED(unlinkat(AT_FDCWD, "/no/such/file", 0));
    DENIED(syscall(SYS_bpf, 0, NULL, 0));
    while (os_sandbox_denied(&denial)) {
        num++;
        seen_execve = seen_execve || (denial.number == SYS_execve && strcmp(denial.name, "execve") == 0);
        EXPECT(denial.place[0] != '\0' && strcmp(denial.name, "?") != 0);
    }
    // Each of ten calls is told once.
    EXPECT(num == 10 && seen_execve);
    DENIED(execve("/bin/true", argv, argv));
    EXPECT(!os_sandbox_denied(&denial));
}

static void worker_is_denied(void **state)
{
    (void)state;
    runs(denials, OS_SANDBOX_WORKER);
}

static void more_denials(void)
{
    DENIED(open("/etc/passwd", O_RDONLY));
    DENIED(fork());
    DENIED(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
    DENIED(prctl(PR_SET_DUMPABLE, 1L));
}

static void worker_is_denied_files_and_forks(void **state)
{
    (void)state;
    runs(more_denials, OS_SANDBOX_WORKER);
}

static void new_code(void)
{
    struct os_sandbox_denial denial;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    EXPECT(mmap(NULL, page, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    // Refused in silence: whoever wants to compile an expression goes on without.
    EXPECT(errno == EACCES && !os_sandbox_denied(&denial));
    void *data = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(data != MAP_FAILED);
    EXPECT(mprotect(data, page, PROT_READ) == 0);
    DENIED(mprotect(data, page, PROT_READ | PROT_EXEC));
    EXPECT(os_sandbox_denied(&denial) && strcmp(denial.name, "mprotect") == 0);
}

static void no_new_code(void **state)
{
    (void)state;
    runs(new_code, OS_SANDBOX_WORKER);
    runs(new_code, OS_SANDBOX_CONTROLLER);
}

static void control(void)
{
    struct os_sandbox_denial denial;
    EXPECT(kill(getppid(), 0) == 0);
    // The descriptor that keeps the admin socket reachable is made again and again.
    EXPECT(eventfd(0, EFD_CLOEXEC) >= 0);
    EXPECT(!os_sandbox_denied(&denial));
    DENIED(kill(getppid(), SIGTERM));
    EXPECT(os_sandbox_denied(&denial) && denial.number == SYS_kill);
}

static void controller_asks_who_lives_and_keeps_a_spare(void **state)
{
    (void)state;
    runs(control, OS_SANDBOX_CONTROLLER);
}

static void die(void)
{
    abort();
}

static void it_can_abort(void **state)
{
    (void)state;
    int status = status_of(die, OS_SANDBOX_WORKER);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void signal_of_another(void)
{
    raise(SIGSYS);
}

static void the_signal_alone_still_ends_it(void **state)
{
    (void)state;
    int status = status_of(signal_of_another, OS_SANDBOX_WORKER);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
}

#ifdef __x86_64__
static void other_abi(void)
{
    syscall(0x40000000 | SYS_getpid);
}
#endif

static void the_other_abi_ends_it(void **state)
{
    (void)state;
#ifdef __x86_64__
    int status = status_of(other_abi, OS_SANDBOX_WORKER);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
#else
    skip();
#endif
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(os_sandbox_name(SYS_openat), "openat");
    assert_string_equal(os_sandbox_name(-1), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worker_serves),
        cmocka_unit_test(worker_is_denied),
        cmocka_unit_test(worker_is_denied_files_and_forks),
        cmocka_unit_test(no_new_code),
        cmocka_unit_test(controller_asks_who_lives_and_keeps_a_spare),
        cmocka_unit_test(it_can_abort),
        cmocka_unit_test(the_signal_alone_still_ends_it),
        cmocka_unit_test(the_other_abi_ends_it),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
