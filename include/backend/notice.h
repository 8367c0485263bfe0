// SPDX-License-Identifier: Apache-2.0
// A server changes, and the world is told: its state goes on the board (backend/state.h), the servers that track it
// follow, sessions that are not to stay on it are ended, and the backend's log and standard error hear of it in
// HAProxy's words. Health checks, agents and admin commands change servers through here and nowhere else. In the active
// controller only; it never waits.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "backend/state.h"
#include "log/log.h"

// backend_notice_op makes the operational state of `server` `op`: "is DOWN", "is stopping" or "is UP". With
// BACKEND_OP_RUNNING a server that was down and has slowstart starts slowly. `why` is what follows in the line, such as
// `reason: Layer4 timeout, check duration: 2001ms` or `changed from CLI`; NULL for nothing (a line of `option
// log-health-checks` has told it). A server in maintenance keeps its state: nobody checks it. False, and nothing is
// said, where nothing changed.
bool backend_notice_op(struct board *board, const struct server_conf *server, enum backend_op op, const char *why);

// backend_notice_admin sets the bits `set` (BACKEND_ADMIN_*) and takes `clear` away: into and out of maintenance and
// drain. A server in maintenance is down; one that leaves it is up, with a health that the next failed check ends, or
// is what the server it tracks is. `why` as above. False where nothing changed.
bool backend_notice_admin(struct board *board, const struct server_conf *server, uint32_t set, uint32_t clear,
                          const char *why);

// backend_notice_weight makes the weight of `server` `weight`, 0 to 256; it says so where that leaves its backend
// without a server, or ends that.
bool backend_notice_weight(struct board *board, const struct server_conf *server, uint32_t weight);

// backend_notice_say writes a line about `server` to its backend's log, and as a warning to standard error. For what
// changes nothing: the results of single checks.
void backend_notice_say(struct board *board, const struct server_conf *server, enum log_level level, const char *format,
                        ...) __attribute__((format(printf, 4, 5)));

// What a backend has now.
struct backend_notice_count {
    uint32_t num_servers;
    uint32_t num_up;     // neither down nor in maintenance
    uint32_t num_maint;  // in maintenance
    uint32_t num_drain;  // up, and draining
    uint32_t num_active; // servers that balancing may choose, no backups
    uint32_t num_backup; // backups that it may choose
    uint32_t weight;     // of those that newcomers go to: the active ones, else the first backup, or all of them
};

// backend_notice_count counts the servers of `proxy` by what they are doing. Any process.
void backend_notice_count(struct backend_notice_count *out, const struct proxy_conf *proxy);
