// SPDX-License-Identifier: Apache-2.0
// Last words: one record per incarnation on the board, which a process that crashes fills in (os/crash.h), as does one
// that hangs, when it is asked. Whoever waits for the dead reads it: the keeper, or the master where there is none. The
// section is made by the master before its first fork and adopted by the master after it.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/text.h"
#include "board/board.h"
#include "os/crash.h"

// last_words_prepare makes the section, or finds it, and opens what names are read from. Master, before the first fork;
// false with errno.
bool last_words_prepare(struct board *board);

// last_words_enter is called by a process once it has entered the board: from now on it leaves its last words when it
// dies of a fault and says what it is at when it is asked.
void last_words_enter(struct board *board, uint32_t inc, crash_describe_fn *describe, const void *owner);

// last_words_ask makes room for the answer of `inc`, which is asked what it is at by CRASH_ASK_SIGNAL right after.
void last_words_ask(struct board *board, uint32_t inc);

// last_words_asked says whether the answer is there.
bool last_words_asked(struct board *board, uint32_t inc);

// last_words_forget drops the answer of a process that goes on since.
void last_words_forget(struct board *board, uint32_t inc);

// last_words_watchdog remembers that `inc` is killed for its silence, for those who tell of its death.
void last_words_watchdog(struct board *board, uint32_t inc);

// Who died, and of what. `status` is that of waitpid.
struct last_words_death {
    uint32_t inc;
    pid_t pid;
    uint32_t generation;
    int status;
    bool orphan; // its keeper is gone
};

// last_words_role writes "worker 2", "the controller" or such of `inc` into `room` (32 bytes) and returns it.
const char *last_words_role(char *room, struct board *board, uint32_t inc);

// last_words_tell_death logs a death: name, pid, generation, signal or status, age, sessions, core, what it was at and
// its backtrace. Before board_incarnation_dead. The same lines are added to `also`, unless it is NULL.
void last_words_tell_death(struct board *board, const struct last_words_death *death, struct text *also);

// last_words_tell_lost logs what `inc`, which is gone and no child of ours, said at its end, if it said anything.
void last_words_tell_lost(struct board *board, uint32_t inc);

// last_words_tell_answer logs what a process that was asked is at, after `head`, which says who and why.
void last_words_tell_answer(struct board *board, uint32_t inc, const char *head);

// last_words_put_answer appends what `inc`, which was asked for its silence and has not gone on since, is at, and its
// backtrace: a line each after `indent`. Nothing where it was not asked, or does not answer.
void last_words_put_answer(struct text *out, struct board *board, uint32_t inc, const char *indent);
