// SPDX-License-Identifier: Apache-2.0
// What a process may do once it serves: the last step of a worker's or controller's start shuts it in (os/sandbox.h),
// and each turn tells what it was denied meanwhile. Private to this area.
#pragma once

#include <stdbool.h>
#include "os/sandbox.h"
#include "process/program.h"

// rights_confine leaves this process nothing but the system calls of `role`, where the settings want that. Where the
// kernel cannot, it goes on as it is, and says so if it `tells`.
void rights_confine(const struct process_settings *settings, enum os_sandbox_role role, bool tells);

// rights_denials_tell logs each system call that this process, `name`, was denied since the last call. Once a turn, and
// at its end.
void rights_denials_tell(const char *name);
