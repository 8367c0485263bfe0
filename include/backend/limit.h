// SPDX-License-Identifier: Apache-2.0
// How many connections a server may have, where that depends on how busy its backend is (minconn, fullconn): a function
// of what the board counts, the same in every process, kept nowhere.
#pragma once

#include "board/board.h"
#include "proxy/conf.h"

// backend_limit_prepare says which board counts. In the keeper, before it forks.
void backend_limit_prepare(struct board *board);

// backend_limit_ramp gives what is left of the limit `maxconn` of `server` with the sessions that its backend now has:
// at least minconn, and all of it from fullconn sessions on.
uint32_t backend_limit_ramp(const struct server_conf *server, uint32_t maxconn);
