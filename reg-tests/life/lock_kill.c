// SPDX-License-Identifier: Apache-2.0
//
// lock_kill MASTER PID MS stops the process PID of the master MASTER again and again for up to MS milliseconds, until it
// stands still with a lock on the board, and kills it there. It prints the lock's number (see board/layout.h); nothing,
// with exit status 1, where the process never had one, or has ended.
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
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

// Waits until it has stopped; false where it is gone.
static bool has_stopped(int stat_fd)
{
    char text[256];
    for (int i = 0; i < 1000; i++) {
        ssize_t len = pread(stat_fd, text, sizeof(text) - 1, 0);
        if (len <= 0)
            return false;
        text[len] = '\0';
        const char *state = strrchr(text, ')');
        if (state && state[1] == ' ' && (state[2] == 'T' || state[2] == 'Z'))
            return state[2] == 'T';
    }
    return true;
}

int main(int argc, char **argv)
{
    char path[64];
    if (argc != 4) {
        fprintf(stderr, "usage: lock_kill MASTER PID MS\n");
        return 2;
    }
    int32_t pid = atoi(argv[2]);
    uint64_t end_us = now_us() + (uint64_t)atoi(argv[3]) * 1000;
    int fd = section_open(argv[1], "board/incarnations");
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    int stat_fd = open(path, O_RDONLY);
    uint32_t inc = fd >= 0 ? incarnation_of(fd, pid) : 0, lock = 0;
    while (inc && stat_fd >= 0 && pid > 0 && now_us() < end_us) {
        if (kill(pid, SIGSTOP) != 0 || !has_stopped(stat_fd))
            return 1;
        section_cell(&lock, fd, offsetof(struct board_incarnations, estates[inc].lock), sizeof(lock));
        if (lock) {
            kill(pid, SIGKILL);
            printf("%u\n", lock);
            return 0;
        }
        kill(pid, SIGCONT);
        usleep(50 + (unsigned)(now_us() % 200));
    }
    return 1;
}
