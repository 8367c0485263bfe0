// SPDX-License-Identifier: Apache-2.0
// What a process may do once it serves: which capabilities a configuration cannot do without, and the last step of a
// worker's or controller's start, which shuts it in (os/sandbox.h); each turn then tells what it was denied. Private to
// this area.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "os/sandbox.h"
#include "process/program.h"

struct program_conf;

// rights_needed gives the capabilities (OS_CAP_...) that workers need for what the configuration says, those that
// 'setcap' names apart: as few as will do.
uint64_t rights_needed(const struct program_conf *program);

// rights_confine leaves this process nothing but the system calls of `role`, where the settings want that. Where the
// kernel cannot, it goes on as it is, and says so if it `tells`.
void rights_confine(const struct process_settings *settings, enum os_sandbox_role role, bool tells);

// rights_denials_tell logs each system call that this process, `name`, was denied since the last call. Once a turn, and
// at its end.
void rights_denials_tell(const char *name);
