// SPDX-License-Identifier: Apache-2.0
// What the processes of a generation find in their environment about it, as HAProxy's do: `show env` shows it. Set by
// the keeper once the configuration is read; the environment belongs to the process.
#pragma once

#include <stdbool.h>
#include "proxy/conf.h"

// environment_tell_sockets sets HAPROXY_CLI to the addresses of the stats sockets, with semicolons between them, and,
// where the last of them is the master's, HAPROXY_MASTER_CLI to that. Configuration manual, section 2.3.
void environment_tell_sockets(const struct program_conf *program, bool has_master_socket);
