// SPDX-License-Identifier: Apache-2.0
// What the section of the states of servers looks like. Only src/backend/state.c includes this, and the tests' checker,
// which looks at the board from outside.
#pragma once

#include "backend/state.h"

enum { BACKEND_NUM_MARKS = 1024 };

// The words that mean all servers, and then one place for each object.
struct backend_states {
    _Atomic uint32_t epoch;
    _Atomic uint32_t num_marks;                // changes marked so far
    _Atomic uint64_t marks[BACKEND_NUM_MARKS]; // the latest of them: which one, counted from 1, and whose object
    struct backend_state servers[BOARD_MAX_OBJECTS];
};
