// SPDX-License-Identifier: Apache-2.0
// Inquiries: what only a worker knows (its streams, its descriptors, its pools), asked for by a controller. A question
// stands on the board with room for the answer, a ring that the worker fills a little at a time between its turns of
// traffic, and goes on filling as the controller reads. Neither waits for the other, and each notices when the other
// dies. Each kind of question is a row beside the code that answers it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/text.h"

struct board;

enum {
    BOARD_INQUIRIES = 64, // under way at once
    BOARD_INQUIRY_QUESTION = 1024,
    BOARD_INQUIRY_ROOM = 64 * 1024,
};

enum board_inquiry_type {
    BOARD_INQUIRY_SESSIONS = 1, // show sess
    BOARD_INQUIRY_SHUTDOWN,     // shutdown session
    BOARD_INQUIRY_DESCRIPTORS,  // show fd
    BOARD_INQUIRY_ACTIVITY,     // show activity
    BOARD_INQUIRY_POOLS,        // show pools
    BOARD_INQUIRY_TASKS,        // show tasks, show profiling
    BOARD_INQUIRY_VARIABLES,
    BOARD_INQUIRY_CERTIFICATES,
};

// ---- the one who asks ---------------------------------------------------------------------------------------------

// board_inquiry_ask asks process `inc` and gives the inquiry's number, 0 where too many are under way or that process
// is none of the living. `question` (`len` bytes, at most BOARD_INQUIRY_QUESTION) means what the type says.
uint32_t board_inquiry_ask(struct board *board, uint32_t inc, enum board_inquiry_type type, const void *question,
                           size_t len);

// board_inquiry_read appends to `out` what of the answer has come, and gives the number of bytes.
size_t board_inquiry_read(struct board *board, uint32_t inquiry, struct text *out);

enum board_inquiry_state {
    BOARD_INQUIRY_RUNS,
    BOARD_INQUIRY_DONE, // the answer is complete, and was read
    BOARD_INQUIRY_GONE, // the process ended before it had answered
};

// board_inquiry_look says how far the answer is.
enum board_inquiry_state board_inquiry_look(struct board *board, uint32_t inquiry);

// board_inquiry_end gives the number back, whether it was answered or not.
void board_inquiry_end(struct board *board, uint32_t inquiry);

// board_inquiries_forget is called when process `inc` was found dead: who answers it, or asked it, looks up.
void board_inquiries_forget(struct board *board, uint32_t inc);

// ---- the one who is asked -----------------------------------------------------------------------------------------

// One inquiry being answered. What it writes leaves as there is room: `run` is called again once `out` is empty.
struct board_inquiry {
    const void *question; // aligned for any type; its end is followed by a NUL
    size_t question_len;
    void *owner; // of board_inquiries_run
    struct board *board;
    uint32_t inc;
    uint32_t turn; // 0 for the first call, then one more each
    void *state;   // the kind's own between calls
    struct text out;
};

struct board_inquiry_kind {
    enum board_inquiry_type type;
    bool (*run)(struct board_inquiry *inquiry); // a small piece of work (some 50 us); false: the answer is complete
    void (*end)(struct board_inquiry *inquiry); // gives `state` back, however it ended; NULL: free()
};

// BOARD_INQUIRY registers `kind`, the name of a struct board_inquiry_kind.
#define BOARD_INQUIRY(kind)                                                                                            \
    static const struct board_inquiry_kind *const kind##_inquiry __attribute__((used, section("board_inquiries"))) =   \
        &(kind)

// board_inquiries_run works on the inquiries of process `inc` for about BOARD_INQUIRY_TURN_US. To be called each turn
// of the loop and after a wake-up; one load where nobody asks. It wakes the process for another turn where there is
// more to do now.
void board_inquiries_run(struct board *board, uint32_t inc, void *owner);

enum { BOARD_INQUIRY_TURN_US = 500 };
