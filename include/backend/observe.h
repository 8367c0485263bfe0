// SPDX-License-Identifier: Apache-2.0
// Passive observation (`observe`): what traffic tells of a server. Workers count errors in a row, and the share of
// failed answers of late, in the server's state on the board, all of them together; the one that finds a limit reached
// asks the controller, which decides (check/check.h). Nothing here for servers without `observe`, but one look at their
// settings. In workers, and the sums in the controller, too.
#pragma once

#include "backend/backend.h"

// What was seen of a server.
enum backend_seen {
    BACKEND_SEEN_CONNECTED, // a new connection stands
    BACKEND_SEEN_REFUSED,   // it could not be made
    BACKEND_SEEN_ANSWER,    // an answer in order
    BACKEND_SEEN_STATUS,    // one with a status that tells of a fault
    BACKEND_SEEN_BAD_HEAD,  // something that is no answer
    BACKEND_SEEN_CUT,       // the connection ended before the answer
    BACKEND_SEEN_LATE,      // no answer in time
    BACKEND_NUM_SEEN
};

// backend_seen_text gives what log lines call it.
const char *backend_seen_text(enum backend_seen seen);

// backend_seen_status tells an answer in order from one that is not: 100 to 499, 501 and 505 are. HAProxy manual,
// "observe".
static inline enum backend_seen backend_seen_status(uint16_t status)
{
    return (status >= 100 && status < 500) || status == 501 || status == 505 ? BACKEND_SEEN_ANSWER
                                                                             : BACKEND_SEEN_STATUS;
}

// backend_observe_count counts what was seen of a server with `observe`.
void backend_observe_count(struct server *server, enum backend_seen seen);

// backend_observe is called for everything that is seen of any server.
static inline void backend_observe(struct server *server, enum backend_seen seen)
{
    if (__builtin_expect(server->conf->probe.observe != PROBE_OBSERVE_NONE, 0))
        backend_observe_count(server, seen);
}

// Answers (connections, with layer4) within `share-window`.
struct backend_observed {
    uint32_t total;
    uint32_t failed;
};

// backend_observe_sum adds up what all workers saw of `server` until `now_us` (monotonic).
struct backend_observed backend_observe_sum(const struct server_conf *server, uint64_t now_us);

// backend_observe_is_outlier says whether more answers of `server` failed than its `share` allows, with at least three
// servers of the backend in use within the window; `*sum` is what was seen.
bool backend_observe_is_outlier(const struct server_conf *server, struct backend_observed *sum, uint64_t now_us);

// backend_observe_forget begins a new window: the server was acted on.
void backend_observe_forget(const struct server_conf *server);
