// SPDX-License-Identifier: Apache-2.0
// What a process says when it crashes, or when it is asked what it is at: a signal handler writes it into memory that
// somebody else reads. The memory is shared and its owner outlives the process (process/last_words.h). Handlers take no
// lock and no memory and call only what may be called there; what they read may be damaged, and a fault while they read
// ends the reading, not the record. Every process but the tests' own.
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>

enum { CRASH_FRAMES = 48, CRASH_DOING_LEN = 256, CRASH_CHECK_LEN = 192 };

// The signal that asks: one that nobody else uses here, and that a process without a handler ignores.
enum { CRASH_ASK_SIGNAL = SIGURG };

enum crash_state {
    CRASH_NOTHING, // was said
    CRASH_WRITING, // or not all of it: the process ended, or hangs, while it wrote
    CRASH_ASKED,   // it was asked, and went on
    CRASH_DIED,    // by `signal`
};

// What was said. The reader trusts none of it (crash_words_take): the writer may be damaged, or somebody else by now.
struct crash_words {
    _Atomic uint32_t state; // enum crash_state
    int32_t signal;
    int32_t sender;   // the process that sent the signal, 0 where the kernel did for what the process had done
    uint64_t address; // that was touched, for faults
    uint64_t program; // which one it was (symbols_program)
    uint64_t image;   // where it stood in the memory of the writer
    uint32_t num_frames;
    uint32_t num_sure;             // of them; the others lie on the stack beyond code that nothing is known of
    uint64_t frames[CRASH_FRAMES]; // innermost first; all but the first are the places calls return to
    char doing[CRASH_DOING_LEN];   // what it was at; "" where it was at nothing
    char check[CRASH_CHECK_LEN];   // the check that failed (base/check.h), ""
};

// crash_describe_fn writes what the process is at into `room` (`cap` bytes), in the signal handler.
typedef void crash_describe_fn(const void *owner, char *room, size_t cap);

// crash_handle installs the handlers for SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT, which write `words` and let the
// process die by the same signal, and for CRASH_ASK_SIGNAL, which writes `words` and goes on. `describe` may be NULL.
// Once in each process, after its fork; calling it again changes whom it writes to. In builds with AddressSanitizer
// faults are left to that.
void crash_handle(struct crash_words *words, crash_describe_fn *describe, const void *owner);

// crash_words_take copies what was said so far into `copy`, within its bounds and with its texts ended.
void crash_words_take(struct crash_words *copy, const struct crash_words *words);

// crash_image gives where this program stands in the memory of this process.
uint64_t crash_image(void);
