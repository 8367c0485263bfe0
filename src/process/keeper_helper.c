// SPDX-License-Identifier: Apache-2.0
// The keeper's helper, which runs programs for the controller. Both ends of the socket between them stay open here: one
// that is forked again takes the place of the one before, and a controller likewise, without the other noticing more
// than that what was under way is lost.
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/clock.h"
#include "log/log.h"
#include "os/identity.h"
#include "os/service.h"
#include "process/signals.h"
#include "keeper.h"

enum { HELPER_PAUSE_US = 1000000 }; // between two forks, where the first did not live for longer

static _Noreturn void child_run(struct keeper *keeper, pid_t parent)
{
    process_signals_child();
    // It ends in order when its keeper is gone.
    prctl(PR_SET_PDEATHSIG, (unsigned long)SIGTERM);
    if (getppid() != parent)
        _exit(1);
    os_title_set("fairlead: helper gen %u", keeper->start.generation);
    if (keeper->start.background)
        os_daemon_detach();
    keeper->start.program->helper->run(keeper->conf, keeper->helper.its_end);
    _exit(1);
}

static void helper_fork(struct keeper *keeper)
{
    struct keeper_helper *helper = &keeper->helper;
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        child_run(keeper, parent);
    helper->forked_us = clock_mono_us();
    if (pid < 0) {
        log_say(LOG_LEVEL_ALERT, "cannot fork the helper: %s", strerror(errno));
        event_timer_set(&keeper->loop, &helper->again, helper->forked_us + HELPER_PAUSE_US);
        return;
    }
    helper->pid = pid;
    if (keeper->active || !keeper->start.options->quiet)
        log_say(LOG_LEVEL_NOTICE, "New helper (%d) of generation %u forked", (int)pid, keeper->start.generation);
}

static void fork_due(struct event_timer *timer)
{
    helper_fork(CONTAINER_OF(timer, struct keeper, helper.again));
}

void keeper_helper_start(struct keeper *keeper)
{
    const struct process_helper *vtable = keeper->start.program->helper;
    int ends[2];
    if (!vtable || !vtable->is_wanted(keeper->conf))
        return;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
        keeper_fail(keeper, "no socket for the helper\n");
    keeper->helper.our_end = ends[0];
    keeper->helper.its_end = ends[1];
    event_timer_init(&keeper->helper.again, fork_due);
    helper_fork(keeper);
}

bool keeper_helper_ended(struct keeper *keeper, pid_t pid)
{
    struct keeper_helper *helper = &keeper->helper;
    if (!helper->pid || pid != helper->pid)
        return false;
    helper->pid = 0;
    if (keeper->stopping)
        return true;
    log_say(
        LOG_LEVEL_ALERT,
        "the helper (%d) of generation %u, which runs external checks and looks up names, ended: it is started again",
        (int)pid, keeper->start.generation);
    uint64_t earliest_us = helper->forked_us + HELPER_PAUSE_US, now_us = clock_mono_us();
    event_timer_set(&keeper->loop, &helper->again, earliest_us > now_us ? earliest_us : now_us + 1);
    return true;
}

void keeper_helper_stop(struct keeper *keeper)
{
    if (keeper->helper.pid)
        kill(keeper->helper.pid, SIGTERM);
    if (keeper->helper.our_end)
        event_timer_set(&keeper->loop, &keeper->helper.again, 0);
}
