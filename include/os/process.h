// SPDX-License-Identifier: Apache-2.0
// Other processes, by number. A number that another process told may be anybody's by now, or by intent: what is done to
// it is done only where the kernel says whose child it is.
#pragma once

#include <stdbool.h>
#include <sys/types.h>

// os_process_parent gives the parent of process `pid`; 0 where there is no such process, and -1 where the kernel does
// not say (no /proc).
pid_t os_process_parent(pid_t pid);

// os_process_state gives the letter of what process `pid` is doing (proc(5): 'R', 'S', 'D', 'T', 'Z' and so on), and
// '?' where the kernel does not say.
char os_process_state(pid_t pid);

// os_process_signal sends `sig` to `pid` where that is a child of `parent` or of this process, and to no other even if
// the number changes hands meanwhile. Where the kernel does not say who is whose child it is believed. False with
// errno: ESRCH where it is gone, EPERM where it is somebody else's.
bool os_process_signal(pid_t pid, pid_t parent, int sig);
