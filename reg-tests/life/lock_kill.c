// SPDX-License-Identifier: Apache-2.0
//
// lock_kill MASTER PID MS SEED watches the process PID of the master MASTER for up to MS milliseconds, until it takes a
// lock on the board, and kills it some instructions later, at random, or just before it gives it back. It prints the
// lock's number (see board/layout.h) and how many instructions that were; nothing, with exit status 1, where the process
// never took one, or has ended. Where the processor cannot be told to watch a word it goes instruction by instruction.
#define _GNU_SOURCE
#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "board_look.h"

static uint64_t now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

static uint32_t incarnation_of(int fd, int32_t pid)
{
    for (uint32_t inc = 1; inc < BOARD_MAX_INCARNATIONS; inc++) {
        struct board_incarnation record;
        section_cell(&record, fd, offsetof(struct board_incarnations, records[inc]), sizeof(record));
        if (record.state == BOARD_STATE_LIVE && record.pid == pid)
            return inc;
    }
    return 0;
}

static void on_alarm(int number)
{
    (void)number;
}

// Waits for the stop after a step, where it may be asleep in a call; false where there is none before the alarm. The
// signal that it stopped for, if any, is to go with the next step.
static bool wait_for_stop(int *number, pid_t pid)
{
    int status = 0;
    if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status))
        return false;
    bool is_event = status >> 16 || WSTOPSIG(status) == SIGTRAP;
    *number = is_event ? 0 : WSTOPSIG(status);
    return true;
}

// How many instructions with a lock it gets: most are over within some hundred, a repair takes thousands.
static uint32_t some_steps(unsigned *seed)
{
    return (uint32_t)rand_r(seed) % (1u << rand_r(seed) % 8);
}

// Lets the processor stop it whenever it has written the word that says which lock it holds.
static bool watch(pid_t pid, uint32_t inc)
{
#if defined(__x86_64__)
    enum { ENABLE = 1, ON_WRITE = 1 << 16, FOUR_BYTES = 3 << 18 };
    char path[64], line[512];
    unsigned long start = 0;
    snprintf(path, sizeof(path), "/proc/%d/maps", pid);
    FILE *maps = fopen(path, "r");
    while (maps && fgets(line, sizeof(line), maps))
        if (strstr(line, "/memfd:board/incarnations ") && !start)
            start = strtoul(line, NULL, 16);
    if (maps)
        fclose(maps);
    start += offsetof(struct board_incarnations, estates[inc].lock);
    return ptrace(PTRACE_POKEUSER, pid, (void *)offsetof(struct user, u_debugreg[0]), (void *)start) == 0 &&
           ptrace(PTRACE_POKEUSER, pid, (void *)offsetof(struct user, u_debugreg[7]),
                  (void *)(ENABLE | ON_WRITE | FOUR_BYTES)) == 0;
#else
    (void)pid;
    (void)inc;
    return false;
#endif
}

static void alarm_in(long time_ms)
{
    // Again and again, should the first come just before a wait.
    struct itimerval alarms = { { 0, 50000 }, { time_ms / 1000, time_ms % 1000 * 1000 } };
    struct sigaction action = { .sa_handler = on_alarm };
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &alarms, NULL);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: lock_kill MASTER PID MS SEED\n");
        return 2;
    }
    pid_t pid = atoi(argv[2]);
    uint64_t end_us = now_us() + (uint64_t)atol(argv[3]) * 1000;
    unsigned seed = (unsigned)atoi(argv[4]);
    int fd = section_open(argv[1], "board/incarnations"), number = 0;
    uint32_t inc = fd >= 0 ? incarnation_of(fd, pid) : 0, lock = 0, held = 0, most = some_steps(&seed);
    alarm_in(atol(argv[3]));
    if (!inc || ptrace(PTRACE_SEIZE, pid, NULL, NULL) != 0 || ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) != 0 ||
        !wait_for_stop(&number, pid))
        return 1;
    bool is_watched = watch(pid, inc);
    do {
        section_cell(&lock, fd, offsetof(struct board_incarnations, estates[inc].lock), sizeof(lock));
        if (lock && held++ >= most) {
            kill(pid, SIGKILL);
            waitpid(pid, NULL, __WALL);
            printf("%u %u\n", lock, held);
            return 0;
        }
        // One that was shorter than that: the next one, as far as this one was followed.
        if (!lock && held) {
            most = most < held ? most : held - 1;
            held = 0;
        }
        if (ptrace(is_watched && !lock ? PTRACE_CONT : PTRACE_SINGLESTEP, pid, NULL, (void *)(intptr_t)number) != 0)
            return 1;
    } while (wait_for_stop(&number, pid) && now_us() < end_us);
    return 1;
}
