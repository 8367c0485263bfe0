// SPDX-License-Identifier: Apache-2.0
// Limits of connections, and states of frontends, as they are now: what the configuration says until a command changes
// it. Each process has its own copy, inherited by fork, and applies the same changes in the same order
// (board/change.h); they are of one generation, and a reload begins with what its files say. Read by workers before
// they accept, by controllers for their listings; nothing here waits.
#pragma once

#include "proxy/conf.h"

enum { PROXY_LIVE_NO_LIMIT = UINT32_MAX };

enum proxy_live_state {
    PROXY_LIVE_OPEN,
    PROXY_LIVE_PAUSED,  // its places were released, and may be taken again
    PROXY_LIVE_STOPPED, // for good
};

// Of the service as a whole. Rates are per second, 0 for no limit.
struct proxy_live {
    uint32_t maxconn;   // 0: no limit but that of the descriptors
    uint32_t conn_rate; // connections accepted
    uint32_t sess_rate; // sessions
    uint32_t tls_rate;  // TLS connections of clients
};

// What a change is about. Written to the journal: numbers keep their meaning.
enum proxy_live_what {
    PROXY_LIVE_MAXCONN = 1,
    PROXY_LIVE_CONN_RATE,
    PROXY_LIVE_SESS_RATE,
    PROXY_LIVE_TLS_RATE,
    PROXY_LIVE_FRONTEND_MAXCONN = 6,
    PROXY_LIVE_FRONTEND_STATE,
};

// proxy_live_begin starts with what `program` says, which this process works by from now on. In the keeper, before it
// forks.
void proxy_live_begin(const struct program_conf *program);

// proxy_live gives the limits of the service, for the program begun with.
const struct proxy_live *proxy_live(const struct program_conf *program);

// proxy_live_maxconn gives the most connections `frontend` takes: 0 is none, PROXY_LIVE_NO_LIMIT as many as come.
uint32_t proxy_live_maxconn(const struct program_conf *program, const struct proxy_conf *frontend);

// proxy_live_state says what became of the places `frontend` listens on.
enum proxy_live_state proxy_live_state(const struct program_conf *program, const struct proxy_conf *frontend);

// proxy_live_publish sets a value for all processes of this generation; `frontend` may be NULL where it is none's. It
// gives the change's number, 0 where the journal has no room.
uint64_t proxy_live_publish(enum proxy_live_what what, const struct proxy_conf *frontend, uint32_t value);
