// SPDX-License-Identifier: Apache-2.0
// A box for tests of the processes: a directory of its own, a configuration of the toy program, its log, and a master
// that runs in it as a child of the test. The test is the subreaper of all of its processes.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { BOX_WAIT_MS = 20000 };

struct box {
    char dir[64];
    char conf[96];
    char admin[96];
    char log[96];
    char pidfile[96];
    int port;
    pid_t master;
};

struct box_reply {
    unsigned slot;
    int pid;
    unsigned generation;
};

void box_pause(int ms);

// box_conf writes the configuration.
void box_conf(const struct box *box, const char *format, ...) __attribute__((format(printf, 2, 3)));

// box_make makes the directory and finds a port; box_start starts a master with one flag, "" for none; box_up does both
// with `workers` workers and waits until they serve.
void box_make(struct box *box);
void box_start(struct box *box, const char *flag);
void box_up(struct box *box, int workers);

// box_stop sends `sig` to the master and checks how it ends, and that nothing is left of it; then the box is gone.
void box_stop(struct box *box, int sig, int want_exit, int want_signal);

bool box_logged(const struct box *box, const char *text);

// box_log_await fails the test where `text` does not come.
void box_log_await(const struct box *box, const char *text);

// box_connect gives a connection, or -1 after three seconds.
int box_connect(int port);

// box_answer reads the answer of a connection and closes it; box_say is a whole request, and box_ask one that says
// nothing in particular.
bool box_answer(int fd, struct box_reply *answer);
bool box_say(const struct box *box, struct box_reply *answer, const char *what);
bool box_ask(const struct box *box, struct box_reply *answer);

// box_status waits for the end of `pid`.
int box_status(pid_t pid);

uint32_t box_count_entries(const char *path);

// box_nothing_left waits until no process of the program is left.
void box_nothing_left(void);

// box_sweep kills what a test left behind: for a teardown.
int box_sweep(void **state);

// box_admin_ask is one wish at the admin socket for a reload; `text` (room `cap`) is the answer, "" where the old
// controller took it just before it ended.
void box_admin_ask(const struct box *box, char *text, size_t cap);
