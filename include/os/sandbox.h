// SPDX-License-Identifier: Apache-2.0
// The sandbox: a seccomp filter that leaves a process the system calls it serves with, and no other. What is not on its
// list fails with EPERM and is noted, for the process to tell in its next turn: nothing of it opens files, starts
// programs, signals other processes or maps memory that can be executed. A worker or controller enters it once, when
// all is prepared, and never leaves it; keeper and master have none, as they fork and open. Needs no right.
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum os_sandbox_role { OS_SANDBOX_WORKER, OS_SANDBOX_CONTROLLER };

enum { OS_SANDBOX_PLACE_LEN = 128 };

// A system call that was denied.
struct os_sandbox_denial {
    int number;
    const char *name;                 // "openat", or "?" for a call too rare to have its name here
    char place[OS_SANDBOX_PLACE_LEN]; // who made it: "libc.so.6+0xf3a12", or an address
};

// os_sandbox_enter confines this process, and whatever it might start, to the calls of `role`, for ever. It handles
// SIGSYS from then on. False with errno where the kernel or the processor's architecture has no such filter; nothing
// has changed then.
bool os_sandbox_enter(enum os_sandbox_role role);

// os_sandbox_has_denials says whether there is a denial that was not told yet: one load.
bool os_sandbox_has_denials(void);

// os_sandbox_denied gives the next denial that was not told yet; each system call is told once in a process's life.
bool os_sandbox_denied(struct os_sandbox_denial *denial);

// os_sandbox_name gives the name of the system call `number`, or "?".
const char *os_sandbox_name(int number);
