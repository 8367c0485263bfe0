// SPDX-License-Identifier: Apache-2.0
// Conditions of the command `wait` (management guide, section 9.3): rows of tables beside the code that knows them, as
// commands are. Private to the area; used in the controller.
#pragma once

#include "admin/command.h"

enum admin_wait_verdict {
    ADMIN_WAIT_NOT_YET,
    ADMIN_WAIT_MET,
    ADMIN_WAIT_NEVER, // it was answered why
};

struct admin_wait_condition {
    const char *name; // "srv-removable"
    const char *args; // how its arguments look, or NULL
    const char *help;
    uint8_t num_args;
    // look says how it stands, and is asked again a few milliseconds later where it is not met yet. Arguments are
    // args[0] to args[num_args - 1]. It answers through `call` only what ends the waiting.
    enum admin_wait_verdict (*look)(struct admin_call *call, const char *const *args);
};

// admin_wait_read reads a time with or without a unit ("10", "10ms", "2s"); one without counts in `unit_us`. False
// where it is none, or has more than INT32_MAX units.
bool admin_wait_read(uint64_t *delay_us, struct slice text, uint64_t unit_us);

// ADMIN_WAIT_CONDITION registers the struct admin_wait_condition `condition`. One per file.
#define ADMIN_WAIT_CONDITION(condition)                                                                                \
    static const struct admin_wait_condition *const admin_wait_ptr __attribute__((used, section("admin_waits"))) =     \
        &(condition)
