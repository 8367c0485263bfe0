// SPDX-License-Identifier: Apache-2.0
// What the processes of a generation find in their environment about it, as HAProxy's do: `show env` shows it. Set by
// the keeper once the configuration is read; the environment belongs to the process.
#pragma once

#include <stdint.h>
#include "proxy/conf.h"

// environment_tell_sockets sets HAPROXY_CLI to the addresses of the stats sockets, with semicolons between them, and,
// where the last `num_masters` of them are the master's, HAPROXY_MASTER_CLI to those. Configuration manual,
// section 2.3.
void environment_tell_sockets(const struct program_conf *program, uint32_t num_masters);
