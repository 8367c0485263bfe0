// SPDX-License-Identifier: Apache-2.0
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/check.h"
#include "evil.h"
#include "os/memory.h"
#include "process/wire.h"

enum { EVIL_RELOADS = 12000, EVIL_LONG_LEN = 9000 };

static void say(int fd, uint64_t type, const void *data, size_t len, const int *fds, size_t num_fds)
{
    char room[EVIL_LONG_LEN + sizeof(type)];
    memcpy(room, &type, sizeof(type));
    if (len)
        memcpy(room + sizeof(type), data, len);
    while (os_pass_send(fd, room, sizeof(type) + len, fds, num_fds) == IO_AGAIN)
        usleep(100);
}

// A file that the master must not make.
static void say_open(int fd)
{
    struct wire_open open = { .is_socket = 0, .listen = { .kind = OS_LISTEN_UNIX } };
    struct sockaddr_un *un = (struct sockaddr_un *)&open.listen.address;
    un->sun_family = AF_UNIX;
    snprintf(un->sun_path, sizeof(un->sun_path), "/tmp/fairlead-test-evil-%d", (int)getpid());
    open.listen.address_len = sizeof(*un);
    say(fd, WIRE_OPEN, &open, sizeof(open), NULL, 0);
}

static void say_section(int fd)
{
    struct wire_section section = { .version = 1, .name = "evil" };
    int memory = memory_file_new("evil", 4096);
    say(fd, WIRE_SECTION, &section, sizeof(section), &memory, 1);
    close(memory);
}

static void say_as_another(int fd)
{
    pid_t pid = fork();
    if (pid == 0) {
        say(fd, WIRE_READY, NULL, 0, NULL, 0);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}

static void evil_say_on(int fd, const char *what)
{
    static const char nothing[EVIL_LONG_LEN];
    static const struct wire_plan plan = { .num_workers = 1 };
    // No such slot, number or process, each in a message that is well formed.
    struct wire_seat seat = { .slot = 0, .inc = 1, .pid = (int32_t)getppid() };
    if (strcmp(what, "unknown") == 0)
        say(fd, 999, NULL, 0, NULL, 0);
    else if (strcmp(what, "twice") == 0)
        say(fd, WIRE_READY, NULL, 0, NULL, 0);
    else if (strcmp(what, "short") == 0)
        say(fd, WIRE_READY, nothing, 4, NULL, 0);
    else if (strcmp(what, "wide") == 0)
        say(fd, (uint64_t)1 << 32 | WIRE_READY, NULL, 0, NULL, 0);
    else if (strcmp(what, "runt") == 0)
        (void)os_pass_send(fd, nothing, 3, NULL, 0);
    else if (strcmp(what, "long") == 0)
        say(fd, WIRE_READY, nothing, EVIL_LONG_LEN, NULL, 0);
    else if (strcmp(what, "descriptor") == 0)
        say(fd, WIRE_READY, NULL, 0, (const int[]){ 0 }, 1);
    else if (strcmp(what, "stranger") == 0)
        say_as_another(fd);
    else if (strcmp(what, "open") == 0)
        say_open(fd);
    else if (strcmp(what, "plan") == 0)
        say(fd, WIRE_PLAN, &plan, sizeof(plan), NULL, 0);
    else if (strcmp(what, "section") == 0)
        say_section(fd);
    else if (strcmp(what, "seat") == 0)
        say(fd, WIRE_SEAT, &seat, sizeof(seat), NULL, 0);
    else if (strcmp(what, "forked") == 0)
        say(fd, WIRE_FORKED, &seat, sizeof(seat), NULL, 0);
    else if (strcmp(what, "dead") == 0)
        say(fd, WIRE_DEAD, &seat, sizeof(seat), NULL, 0);
    for (uint32_t i = 0; strcmp(what, "reloads") == 0 && i < EVIL_RELOADS; i++)
        say(fd, WIRE_RELOAD, &(struct wire_reload){ .id = 7 }, sizeof(struct wire_reload), NULL, 0);
}

void evil_say(struct messages *line, const char *what)
{
    evil_say_on(line->source.fd, what);
}

static char evil_keeper_what[32];

// The only line that a keeper holds is its own: workers' ends go to them as they are forked.
void evil_keeper(const char *what)
{
    for (int fd = 3; fd < 1024; fd++) {
        int type = 0;
        socklen_t len = sizeof(type);
        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET) {
            evil_say_on(fd, what);
            return;
        }
    }
}

static void evil_keeper_now(int sig)
{
    (void)sig;
    evil_keeper(evil_keeper_what);
}

void evil_keeper_on(const char *what)
{
    snprintf(evil_keeper_what, sizeof(evil_keeper_what), "%s", what);
    signal(SIGUSR1, evil_keeper_now);
}
