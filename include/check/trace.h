// SPDX-License-Identifier: Apache-2.0
// What traces (board/trace.h) tell of checks. Runs in the controller. Private to the area.
#pragma once

#include "board/trace.h"
#include "check/engine.h"

// check_trace reports that a check begins, or, with `result`, what came of it; where that is traced.
void check_trace(const struct check *check, const struct check_result *result) __attribute__((cold));
