// SPDX-License-Identifier: Apache-2.0
// The controller's side of external checks, for the files of src/check alone: it asks the helper (check/external.h).
// Active controller only.
#pragma once

#include "check/engine.h"
#include "check/external.h"

// check_ops_external asks the helper to run the program of the check's proxy.
extern const struct check_ops check_ops_external;

// check_external_begin hears what the helper says over `fd`, which it borrows; -1: there is no helper.
void check_external_begin(int fd);

// check_external_end stops hearing it.
void check_external_end(void);

// check_external_send asks the helper; false where there is none, or it has too much to do.
bool check_external_send(const struct external_ask *ask);

// check_lookup_answered is what it said of a question with EXTERNAL_LOOKUP.
void check_lookup_answered(const struct external_answer *answer);
