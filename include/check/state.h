// SPDX-License-Identifier: Apache-2.0
// X-Haproxy-Server-State: what a server that is asked how it is, is told of how it is seen. Private to src/check.
#pragma once

#include "base/buf.h"
#include "check/engine.h"

// check_state_field adds the field to `out`; false where there is no room. HAProxy manual, `http-check send-state`.
bool check_state_field(const struct check *check, struct buf *out);
