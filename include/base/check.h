// SPDX-License-Identifier: Apache-2.0
// Checks that are always on. `must()` marks what cannot happen whatever the traffic or the configuration says; a
// failure is a bug of ours, says where it is and ends the process, which its keeper then replaces. It is never used
// for input, for system calls that may fail in service, or for memory in traffic.
#pragma once

#include <stddef.h>

// What failed, kept for whoever tells of the process's end; `expr` is NULL while nothing did.
struct check_failure {
    const char *expr;
    const char *file;
    int line;
};

// check_failure gives the check that failed in this process. Safe in a signal handler.
const struct check_failure *check_failure(void);

// check_failed prints `expr`, `file` and `line` to standard error and aborts the process.
_Noreturn void check_failed(const char *expr, const char *file, int line);

// check_out_of_memory says that `len` bytes could not be had at boot and exits with status 1.
_Noreturn void check_out_of_memory(size_t len);

#define must(expr) ((expr) ? (void)0 : check_failed(#expr, __FILE__, __LINE__))

#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#define NUM_ITEMS(array) (sizeof(array) / sizeof((array)[0]))

// CONTAINER_OF gives the object of type `type` whose member `member` stands at `ptr`.
#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
