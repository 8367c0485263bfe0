// SPDX-License-Identifier: Apache-2.0
// Agent checks, for the files of src/check alone: a connection, perhaps a line sent, a line read
// (check/agent_answer.h), and what it says done to the server. Active controller only, on its loop.
#pragma once

#include "check/engine.h"

// check_agent_add makes `check`, which is zeroed, the agent check of `server`.
void check_agent_add(struct check *check, const struct server_conf *server);
