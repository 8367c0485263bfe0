// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"
#include "log/log.h"
#include "os/memory.h"
#include "os/service.h"
#include "process/command.h"
#include "process/signals.h"
#include "upgrade_state.h"
#include "upgrade_answer.h"

enum {
    UPGRADE_PATIENCE_US = 30000000, // for a check
    UPGRADE_OUTPUT_LEN = 1 << 17,
    UPGRADE_MAX_TRIES = 5, // a file that changes again while it is looked at
};

static const char *running_text(const struct master *master, char *room, size_t cap)
{
    if (master->active)
        snprintf(room, cap, "generation %u goes on as before", master->active->number);
    else
        snprintf(room, cap, "nothing else changes");
    return room;
}

// `said` is what the other program printed, or NULL.
static void refused(struct master *master, const char *said, const char *why)
{
    struct text more;
    char room[64];
    text_init(&more);
    text_printf(&more, "%s%s", said ? said : "", said && *said && said[strlen(said) - 1] != '\n' ? "\n" : "");
    if (more.len)
        fputs(more.ptr, stderr);
    log_say_text(LOG_LEVEL_ALERT, more.ptr);
    text_printf(&more, "cannot upgrade to the program at '%s': %s\n", master->image->path, why);
    log_say(LOG_LEVEL_ALERT, "cannot upgrade to the program at '%s': %s; %s", master->image->path, why,
            running_text(master, room, sizeof(room)));
    reload_ended(master, NULL, false, more.failed ? why : more.ptr);
    text_fini(&more);
}

static void forget(struct upgrade *upgrade)
{
    if (upgrade->state_fd >= 0)
        close(upgrade->state_fd);
    if (upgrade->output_fd >= 0)
        close(upgrade->output_fd);
    if (upgrade->answer_fd >= 0)
        close(upgrade->answer_fd);
    upgrade->state_fd = upgrade->output_fd = upgrade->answer_fd = -1;
    upgrade->check = 0;
}

static int state_file(struct master *master, int board_fd)
{
    struct text state;
    text_init(&state);
    upgrade_state_save(&state, master, board_fd);
    int fd = -1;
    if (state.failed)
        errno = ENOMEM;
    else
        fd = memory_file_of("upgrade-state", state.ptr, state.len);
    text_fini(&state);
    return fd;
}

static _Noreturn void check_become(struct master *master)
{
    const struct upgrade *upgrade = &master->upgrade;
    process_signals_child();
    prctl(PR_SET_PDEATHSIG, (long)SIGKILL);
    int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    bool ready = null_fd >= 0 && dup2(null_fd, STDIN_FILENO) >= 0 && dup2(upgrade->output_fd, STDOUT_FILENO) >= 0 &&
                 dup2(upgrade->output_fd, STDERR_FILENO) >= 0 && board_keep(master->board, true) >= 0 &&
                 memory_file_keep(upgrade->state_fd, true) && memory_file_keep(upgrade->answer_fd, true);
    if (ready)
        image_execute(master->image, IMAGE_CHECK, upgrade->state_fd, upgrade->answer_fd);
    dprintf(STDERR_FILENO, "cannot execute '%s': %s\n", master->image->path, strerror(errno));
    _exit(UPGRADE_NOT_EXECUTED);
}

static bool check_fork(struct master *master)
{
    struct upgrade *upgrade = &master->upgrade;
    int board_fd = board_keep(master->board, false);
    upgrade->state_fd = board_fd >= 0 ? state_file(master, board_fd) : -1;
    upgrade->output_fd = memory_file_bounded("upgrade-output", UPGRADE_OUTPUT_LEN);
    upgrade->answer_fd = memory_file_bounded("upgrade-answer", sizeof(struct upgrade_answer));
    if (upgrade->state_fd < 0 || upgrade->output_fd < 0 || upgrade->answer_fd < 0)
        return false;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        check_become(master);
    if (pid < 0)
        return false;
    upgrade->check = pid;
    upgrade->due_us = clock_mono_us() + UPGRADE_PATIENCE_US;
    upgrade->is_late = false;
    return true;
}

static void check_begin(struct master *master, const struct image_file *file)
{
    master->upgrade.file = *file;
    log_say(LOG_LEVEL_NOTICE, "Upgrading: another program stands at '%s', and is looked at", master->image->path);
    if (check_fork(master))
        return;
    char why[128];
    snprintf(why, sizeof(why), "no process could be made to look at it: %s", strerror(errno));
    forget(&master->upgrade);
    refused(master, NULL, why);
}

bool upgrade_start(struct master *master)
{
    struct image_file file;
    struct upgrade *upgrade = &master->upgrade;
    upgrade->state_fd = upgrade->output_fd = upgrade->answer_fd = -1;
    upgrade->num_tries = 0;
    if (!master->image->path || !master->was_ready)
        return false;
    if (!image_file_look(master->image, &file)) {
        log_say(LOG_LEVEL_WARNING, "the program's file '%s' cannot be found (%s): this program goes on",
                master->image->path, strerror(errno));
        return false;
    }
    if (image_file_same(&file, &master->image->file))
        return false;
    check_begin(master, &file);
    return true;
}

static void output_read(struct text *said, int fd)
{
    char room[4096];
    ssize_t got;
    off_t at = 0;
    // What was not written is zeros.
    while ((got = pread(fd, room, sizeof(room), at)) > 0) {
        size_t len = strnlen(room, (size_t)got);
        text_add(said, room, len);
        at += got;
        if (len < (size_t)got)
            break;
    }
}

static bool answer_read(struct upgrade_answer *answer, int fd)
{
    bool whole = pread(fd, answer, sizeof(*answer), 0) == (ssize_t)sizeof(*answer);
    answer->version[sizeof(answer->version) - 1] = '\0';
    answer->afresh[sizeof(answer->afresh) - 1] = '\0';
    return whole && answer->magic == UPGRADE_ANSWER_MAGIC;
}

static void descriptors_take_back(struct master *master)
{
    upgrade_state_descriptors_keep(master, false);
    (void)board_keep(master->board, false);
}

// From here on another program is this process, or everything is as before.
static void go(struct master *master)
{
    char why[128];
    int board_fd = board_keep(master->board, true);
    bool kept = board_fd >= 0 && upgrade_state_descriptors_keep(master, true);
    int fd = kept ? state_file(master, board_fd) : -1;
    if (fd >= 0 && memory_file_keep(fd, true)) {
        fflush(NULL);
        image_execute(master->image, IMAGE_GO_ON, fd, -1);
    }
    snprintf(why, sizeof(why), "it cannot be executed: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    descriptors_take_back(master);
    refused(master, NULL, why);
}

static void passed(struct master *master, const struct upgrade_answer *answer)
{
    struct image_file file;
    if (!image_file_look(master->image, &file)) {
        refused(master, NULL, strerror(errno));
    } else if (!image_file_same(&file, &master->upgrade.file)) {
        if (++master->upgrade.num_tries < UPGRADE_MAX_TRIES)
            check_begin(master, &file);
        else
            refused(master, NULL, "the file changes all the time");
    } else {
        log_say(LOG_LEVEL_NOTICE, "Upgrading: fairlead %s takes the place of %s", answer->version, version_text());
        if (answer->afresh[0])
            log_say(LOG_LEVEL_WARNING, "Upgrading: it cannot read these sections of the board, which start afresh: %s",
                    answer->afresh);
        go(master);
    }
}

static void end_tell(char *why, size_t cap, const struct upgrade *upgrade, int status, bool answered)
{
    if (upgrade->is_late)
        snprintf(why, cap, "it took longer than %d s to look at the configuration", UPGRADE_PATIENCE_US / 1000000);
    else if (WIFSIGNALED(status))
        snprintf(why, cap, "it was killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) == UPGRADE_NOT_EXECUTED)
        snprintf(why, cap, "it cannot be executed");
    else if (WEXITSTATUS(status))
        snprintf(why, cap, "it exited with status %d%s", WEXITSTATUS(status),
                 answered ? "" : " and did not say that it could go on");
    else
        snprintf(why, cap, "it is no program that could go on in this one's place");
}

bool upgrade_reaped(struct master *master, pid_t pid, int status)
{
    struct upgrade *upgrade = &master->upgrade;
    struct upgrade_answer answer;
    struct text said;
    char why[160];
    if (!upgrade->check || pid != upgrade->check)
        return false;
    text_init(&said);
    output_read(&said, upgrade->output_fd);
    bool answered = answer_read(&answer, upgrade->answer_fd);
    bool good = answered && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    end_tell(why, sizeof(why), upgrade, status, answered);
    forget(upgrade);
    if (good)
        passed(master, &answer);
    else
        refused(master, said.ptr, why);
    text_fini(&said);
    return true;
}

void upgrade_tick(struct master *master)
{
    struct upgrade *upgrade = &master->upgrade;
    if (!upgrade->check || upgrade->is_late || clock_mono_us() < upgrade->due_us)
        return;
    upgrade->is_late = true;
    kill(upgrade->check, SIGKILL);
}

void upgrade_cancel(struct master *master)
{
    if (!master->upgrade.check)
        return;
    kill(master->upgrade.check, SIGKILL);
    forget(&master->upgrade);
}
