// SPDX-License-Identifier: Apache-2.0
// Whom the checks of a server ask, which commands can change (`set server ... check-addr`, agent-addr and so on): for
// the files of src/check. Active controller only.
#pragma once

#include "base/slice.h"
#include "check/engine.h"

// check_target_question gives what the agent of `server` is sent first. Lent until the next change.
struct slice check_target_question(const struct server_conf *server);
