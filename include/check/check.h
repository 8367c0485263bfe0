// SPDX-License-Identifier: Apache-2.0
// Health checks: the active controller asks each server that has `check`, `agent-check` or `track` how it is, and
// writes the answer to the server's state on the board (backend/state.h). One check is a list of steps (connect, send,
// expect,
// ...): the protocols of `option httpchk`, mysql-check and so on are such lists, made when the configuration is read.
// What workers see of a server (`observe`) reaches it as BACKEND_ASK_*. Never in a process that carries traffic.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "proxy/check_conf.h"

struct board;
struct event_loop;
struct program_conf;
struct server_conf;
struct transport_address;

// check_status_name gives the short name ("L4OK").
const char *check_status_name(enum check_status status);

// check_status_text gives the long one ("Layer4 check passed").
const char *check_status_text(enum check_status status);

// check_status_has_code says whether a code is told with it: of what an answer was read for.
bool check_status_has_code(enum check_status status);

struct check_start {
    struct event_loop *loop;
    const struct program_conf *conf;
    struct board *board;
    uint32_t inc;
    int helper_fd; // to the helper that runs external checks (check/external.h), -1: there is none
};

// check_begin starts all checks of the configuration, each at its own moment. Once, in the active controller. False
// where memory is exhausted.
bool check_begin(const struct check_start *start);

// check_target_health gives the address and port that its health check asks in place of those of `server`, by the file
// or by a command: without a family, or with port 0, there are none.
void check_target_health(struct transport_address *addr, const struct server_conf *server);

// check_target_agent gives those of its agent check.
void check_target_agent(struct transport_address *addr, const struct server_conf *server);

// check_resume begins the checks of `server` soon, which rested.
void check_resume(const struct server_conf *server);

// check_woken looks after what workers ask for.
void check_woken(void);

// check_end ends them: another controller goes on.
void check_end(void);
