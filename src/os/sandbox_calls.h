// SPDX-License-Identifier: Apache-2.0
// The system calls of the sandbox by number and name. Private to this area.
#pragma once

#include <stddef.h>
#include "os/sandbox.h"

// sandbox_calls gives the numbers of the calls that `role` may make whatever their arguments, the most frequent first,
// and how many they are. Nothing stands there twice.
const int *sandbox_calls(size_t *num, enum os_sandbox_role role);
