// SPDX-License-Identifier: Apache-2.0
// The helper that runs programs: one process without threads, which waits with poll. Each program leads a process group
// of its own, so that what it started ends with it.
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/check.h"
#include "base/clock.h"
#include "check/external.h"
#include "os/service.h"
#include "proxy/conf.h"

enum { NUM_JOBS = 1024, LINK_FD = 3, ENV_LEN = 512 };

struct job {
    uint64_t id;
    uint64_t due_us;
    pid_t pid; // and process group; 0: this place is free
    int error; // read end of a pipe that says why nothing could be run
    bool is_lookup; // the pipe says what was found
    bool timed_out;
};

struct helper {
    const struct program_conf *conf;
    int signals;
    struct job jobs[NUM_JOBS];
};

static void send_answer(const struct external_answer *answer)
{
    // A controller that does not read for so long that this fills the socket is one that has ended.
    (void)send(LINK_FD, answer, sizeof(*answer), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void answer(uint64_t id, enum external_end end, int value)
{
    send_answer(&(const struct external_answer){ .id = id, .end = end, .value = value });
}

// Servers come and go while the helper runs, and it hears nothing of it: what it is told of one counts. Which program
// is run is the backend's, as the file has it.
static const struct proxy_conf *find_backend(const struct program_conf *conf, uint32_t object)
{
    const struct proxy_conf *proxy = conf->proxies;
    while (proxy && (proxy->disabled || !proxy->has_backend || proxy->be_object != object))
        proxy = proxy->next;
    return proxy && proxy->external.command ? proxy : NULL;
}

// Address and port, as words of the command line are made of them and of nothing.
struct where {
    char addr[128];
    char port[8];
};

static void of_address(struct where *where, const struct transport_address *addr)
{
    *where = (struct where){ 0 };
    if (!addr)
        return;
    if (addr->family == AF_UNIX) {
        snprintf(where->addr, sizeof(where->addr), "%s", addr->path);
        return;
    }
    where->addr[transport_address_ip_text(addr, where->addr)] = '\0';
    if (addr->port)
        snprintf(where->port, sizeof(where->port), "%u", addr->port);
}

static void of_listener(struct where *where, const struct proxy_conf *proxy)
{
    *where = (struct where){ 0 };
    for (const struct bind_conf *bind = proxy->fe.binds; bind; bind = bind->next) {
        struct transport_address addr;
        if (bind->listen.kind != OS_LISTEN_TCP && bind->listen.kind != OS_LISTEN_UNIX)
            continue;
        transport_address_from_sockaddr(&addr, (const struct sockaddr *)&bind->listen.address,
                                        bind->listen.address_len);
        of_address(where, &addr);
        return;
    }
}

static const char *or_unused(const char *text)
{
    return text[0] ? text : "NOT_USED";
}

static void tell_number(const char *name, uint32_t number)
{
    char text[16];
    snprintf(text, sizeof(text), "%u", number);
    setenv(name, text, 1);
}

static void environment_make(const struct program_conf *conf, const struct proxy_conf *proxy,
                             const struct external_ask *ask, const struct where *proxy_at, const struct where *at)
{
    const char *path = proxy->external.path;
    if (!conf->global.external_keeps_env)
        clearenv();
    if (path || !conf->global.external_keeps_env)
        setenv("PATH", path ? path : "", 1);
    setenv("HAPROXY_PROXY_NAME", proxy->name, 1);
    tell_number("HAPROXY_PROXY_ID", proxy->id);
    setenv("HAPROXY_PROXY_ADDR", proxy_at->addr, 1);
    setenv("HAPROXY_PROXY_PORT", proxy_at->port, 1);
    setenv("HAPROXY_SERVER_NAME", ask->name, 1);
    tell_number("HAPROXY_SERVER_ID", ask->server_id);
    setenv("HAPROXY_SERVER_ADDR", at->addr, 1);
    setenv("HAPROXY_SERVER_PORT", at->port, 1);
    tell_number("HAPROXY_SERVER_CURCONN", ask->num_conns);
    tell_number("HAPROXY_SERVER_MAXCONN", ask->maxconn);
    setenv("HAPROXY_SERVER_SSL", ask->has_tls ? "1" : "0", 1);
    setenv("HAPROXY_SERVER_PROTO", proxy->mode == PROXY_MODE_HTTP ? "h1" : "tcp", 1);
}

// The address that is told; a path is the configuration's: what a message says of one is somebody else's memory.
static const struct transport_address *address_of(const struct proxy_conf *proxy, const struct external_ask *ask)
{
    if (ask->addr.family != AF_UNIX)
        return &ask->addr;
    for (const struct server_conf *it = proxy->be.servers; it; it = it->next)
        if (it->object == ask->object && strcmp(it->name, ask->name) == 0)
            return &it->addr;
    return NULL;
}

static _Noreturn void become(const struct program_conf *conf, const struct proxy_conf *proxy,
                             const struct external_ask *ask, int error_fd, pid_t helper)
{
    struct where proxy_at, at;
    const char *command = proxy->external.command;
    setpgid(0, 0);
    // Who is killed without a chance to kill takes its programs along.
    prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL);
    if (getppid() != helper)
        _exit(255);
    os_signals_reset(NULL, 0);
    of_listener(&proxy_at, proxy);
    of_address(&at, address_of(proxy, ask));
    environment_make(conf, proxy, ask, &proxy_at, &at);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0)
        (void)dup2(null, STDIN_FILENO);
    else
        close(STDIN_FILENO);
    char *const args[] = { (char *)command,
                           (char *)or_unused(proxy_at.addr),
                           (char *)or_unused(proxy_at.port),
                           (char *)or_unused(at.addr),
                           (char *)or_unused(at.port),
                           NULL };
    execvp(command, args);
    int error = errno;
    ssize_t ignored = write(error_fd, &error, sizeof(error));
    (void)ignored;
    _exit(255);
}

static _Noreturn void look_up(const struct external_ask *ask, int answer_fd, pid_t helper)
{
    struct external_answer found = { .id = ask->id, .end = EXTERNAL_UNKNOWN };
    struct addrinfo hints = { .ai_family = ask->addr.family, .ai_socktype = SOCK_STREAM }, *list = NULL;
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL);
    if (getppid() != helper)
        _exit(255);
    os_signals_reset(NULL, 0);
    found.value = getaddrinfo(ask->name, NULL, &hints, &list);
    for (const struct addrinfo *it = found.value ? NULL : list; it && found.end != EXTERNAL_FOUND; it = it->ai_next) {
        if (it->ai_family != AF_INET && it->ai_family != AF_INET6)
            continue;
        transport_address_from_sockaddr(&found.addr, it->ai_addr, it->ai_addrlen);
        found.end = EXTERNAL_FOUND;
    }
    ssize_t ignored = write(answer_fd, &found, sizeof(found));
    (void)ignored;
    _exit(0);
}

static void job_begin(struct helper *helper, const struct external_ask *ask)
{
    const struct proxy_conf *proxy = find_backend(helper->conf, ask->backend);
    struct job *job = helper->jobs;
    int pipe_fds[2];
    while (job < helper->jobs + NUM_JOBS && job->pid)
        job++;
    bool is_lookup = ask->object == EXTERNAL_LOOKUP;
    bool is_known = is_lookup || proxy;
    if (!is_known || job == helper->jobs + NUM_JOBS) {
        answer(ask->id, EXTERNAL_NOT_RUN, is_known ? EAGAIN : ENOENT);
        return;
    }
    if (pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) < 0) {
        answer(ask->id, EXTERNAL_NOT_RUN, errno);
        return;
    }
    pid_t self = getpid();
    pid_t pid = fork();
    if (pid == 0 && is_lookup)
        look_up(ask, pipe_fds[1], self);
    if (pid == 0)
        become(helper->conf, proxy, ask, pipe_fds[1], self);
    int error = errno;
    close(pipe_fds[1]);
    if (pid < 0) {
        close(pipe_fds[0]);
        answer(ask->id, EXTERNAL_NOT_RUN, error);
        return;
    }
    // On both sides, as nobody knows which of them runs first.
    setpgid(pid, pid);
    *job = (struct job){ .id = ask->id,
                         .due_us = clock_mono_us() + ask->limit_us,
                         .pid = pid,
                         .error = pipe_fds[0],
                         .is_lookup = is_lookup };
}

static void job_ended(struct helper *helper, pid_t pid, int status)
{
    int error;
    struct external_answer found;
    struct job *job = helper->jobs;
    while (job < helper->jobs + NUM_JOBS && job->pid != pid)
        job++;
    if (job == helper->jobs + NUM_JOBS)
        return;
    if (job->timed_out)
        answer(job->id, EXTERNAL_TIMED_OUT, 0);
    else if (job->is_lookup && read(job->error, &found, sizeof(found)) == (ssize_t)sizeof(found))
        send_answer(&found);
    else if (!job->is_lookup && read(job->error, &error, sizeof(error)) == (ssize_t)sizeof(error))
        answer(job->id, EXTERNAL_NOT_RUN, error);
    else if (WIFEXITED(status))
        answer(job->id, EXTERNAL_EXITED, WEXITSTATUS(status));
    else
        answer(job->id, EXTERNAL_KILLED, WTERMSIG(status));
    close(job->error);
    job->pid = 0;
}

static _Noreturn void finish(struct helper *helper)
{
    for (int i = 0; i < NUM_JOBS; i++)
        if (helper->jobs[i].pid)
            kill(-helper->jobs[i].pid, SIGKILL);
    _exit(0);
}

static pid_t next_ended(void)
{
    siginfo_t info = { .si_pid = 0 };
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 ? info.si_pid : 0;
}

static void look_at_signals(struct helper *helper)
{
    pid_t sender, pid;
    int sig, status;
    while ((sig = os_signals_next(helper->signals, &sender)))
        if (sig == SIGTERM)
            finish(helper);
    while ((pid = next_ended()) > 0) {
        // What it left behind in its group would pile up. The number is its own until it is waited for.
        kill(-pid, SIGKILL);
        if (waitpid(pid, &status, 0) == pid)
            job_ended(helper, pid, status);
    }
}

static void look_at_link(struct helper *helper)
{
    struct external_ask ask;
    for (;;) {
        ssize_t len = recv(LINK_FD, &ask, sizeof(ask), MSG_DONTWAIT);
        ask.name[sizeof(ask.name) - 1] = '\0';
        if (len == (ssize_t)sizeof(ask))
            job_begin(helper, &ask);
        else if (len == 0 || (len < 0 && errno != EINTR && errno != EAGAIN))
            finish(helper);
        else if (len < 0 && errno == EAGAIN)
            return;
    }
}

// Ends what is late; gives how long nothing is, in ms, -1 for ever.
static int look_at_clock(struct helper *helper)
{
    uint64_t now_us = clock_mono_us(), next_us = UINT64_MAX;
    for (int i = 0; i < NUM_JOBS; i++) {
        struct job *job = &helper->jobs[i];
        if (!job->pid || job->timed_out)
            continue;
        if (job->due_us <= now_us) {
            job->timed_out = true;
            kill(-job->pid, SIGKILL);
        } else if (job->due_us < next_us) {
            next_us = job->due_us;
        }
    }
    return next_us == UINT64_MAX ? -1 : (int)((next_us - now_us) / 1000 + 1);
}

_Noreturn void external_serve(const struct program_conf *conf, int fd)
{
    static const int own_signals[] = { SIGCHLD, SIGTERM };
    static struct helper helper;
    helper.conf = conf;
    // Nothing that the keeper has open is for the programs, and the board least of all.
    if (fd != LINK_FD)
        (void)dup3(fd, LINK_FD, O_CLOEXEC);
    else
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    (void)close_range(LINK_FD + 1, ~0U, 0);
    helper.signals = os_signals_open(own_signals, NUM_ITEMS(own_signals));
    if (helper.signals < 0)
        _exit(1);
    answer(0, EXTERNAL_BEGUN_ANEW, 0);
    for (;;) {
        struct pollfd polls[] = { { .fd = LINK_FD, .events = POLLIN }, { .fd = helper.signals, .events = POLLIN } };
        (void)poll(polls, NUM_ITEMS(polls), look_at_clock(&helper));
        look_at_signals(&helper);
        look_at_link(&helper);
    }
}
