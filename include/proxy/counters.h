// SPDX-License-Identifier: Apache-2.0
// What the plain counters and shared gauges of each object on the board mean. Frontends, backends and servers use the
// same numbers; a counter that has no meaning for a kind stays 0. Written by workers, read by the controller.
#pragma once

#include <stdatomic.h>
#include <stdint.h>
#include "board/board.h"

enum proxy_counter {
    // What an ordinary request counts stands together: a cache line holds eight.
    PROXY_COUNT_SESSIONS,  // sessions, handshakes done and rules passed (frontends), streams given to it (backends...)
    PROXY_COUNT_REQUESTS,  // HTTP requests
    PROXY_COUNT_BYTES_IN,  // bytes from clients
    PROXY_COUNT_BYTES_OUT, // bytes to clients
    PROXY_COUNT_REUSES,    // servers: requests sent on a pooled connection
    PROXY_COUNT_LB_TOTAL,  // times balancing picked it, rather than a rule, a cookie, a table or the queue
    PROXY_COUNT_1XX,
    PROXY_COUNT_2XX,
    PROXY_COUNT_3XX,
    PROXY_COUNT_4XX,
    PROXY_COUNT_5XX,
    PROXY_COUNT_OTHER_STATUS, // requests that ended without an answer, too
    PROXY_COUNT_CONNECTIONS,  // frontends: connections accepted
    PROXY_COUNT_CONNECTS,     // servers: connection attempts
    PROXY_COUNT_SESS_HTTP1,   // frontends: sessions that speak HTTP/1
    PROXY_COUNT_REQ_HTTP1,    // frontends: requests of HTTP/1, be they none in the end
    PROXY_COUNT_DENIED_REQ,
    PROXY_COUNT_DENIED_RESP,
    PROXY_COUNT_REQ_ERRORS,  // frontends: bad, early ended or late requests; their bodies where rules wait for them
    PROXY_COUNT_CONN_ERRORS, // attempts to reach a server that failed for good
    PROXY_COUNT_RESP_ERRORS, // bad or cut answers, servers that reset a tunnel
    PROXY_COUNT_RETRIES,
    PROXY_COUNT_REDISPATCHES,
    PROXY_COUNT_CLIENT_ABORTS,
    PROXY_COUNT_SERVER_ABORTS,
    PROXY_COUNT_POOL_DEAD,    // servers: pooled connections dropped because the server had closed them
    PROXY_COUNT_POOL_RETRIES, // requests sent again because a reused connection had died
    PROXY_COUNT_TUNNELS,      // tunnels opened: tcp mode, WebSocket and other upgrades, CONNECT
    PROXY_COUNT_INTERNAL_ERRORS,
    PROXY_COUNT_LOGS,            // frontends: log lines of streams
    PROXY_COUNT_DENIED_CONN,     // frontends: by tcp-request connection
    PROXY_COUNT_DENIED_SESS,     // frontends: by tcp-request session
    PROXY_COUNT_NO_SERVER,       // backends: requests that found no server to go to
    PROXY_COUNT_RETRY_CONNECT,   // attempts repeated because connecting failed or took too long
    PROXY_COUNT_RETRY_EMPTY,     // because the connection ended before an answer
    PROXY_COUNT_RETRY_JUNK,      // because the answer was none of HTTP
    PROXY_COUNT_RETRY_TIMEOUT,   // because none came in time
    PROXY_COUNT_RETRY_STATUS,    // because of its status
    PROXY_COUNT_RETRY_UNREAD,    // because a reused connection had died and nothing of the request was acknowledged
    PROXY_COUNT_SESS_OTHER,      // frontends: sessions that are none of HTTP
    PROXY_COUNT_REQ_OTHER,       // frontends: what sessions that are none of HTTP asked for, once each
    PROXY_COUNT_REQ_BAD,         // of the request errors: malformed or too long
    PROXY_COUNT_REQ_LATE,        // of the request errors: not complete in time
    PROXY_COUNT_REQ_CUT,         // of the request errors: the client left before it was complete
    PROXY_COUNT_GLITCHES,        // requests whose head breaks HTTP's rules, refused or not, and handshakes likewise
    PROXY_COUNT_INTERCEPTED,     // frontends: requests answered here, by a rule, a service or the monitor
    PROXY_COUNT_REWRITES_FAILED, // rules that could not change a head as they should
    PROXY_COUNT_TLS_FULL,    // complete handshakes that began a session: of frontends with clients, else with servers
    PROXY_COUNT_TLS_RESUMED, // those that took up an earlier session; all complete ones are the two together
    PROXY_COUNT_TLS_FAILED,  // handshakes that failed
    PROXY_COUNT_SPLICED_IN,  // bytes that came from clients (backends: from servers) and left through pipes, uncopied
    PROXY_COUNT_SPLICED_OUT, // bytes sent to clients (backends: to servers) through pipes
    PROXY_NUM_COUNTERS,
    // These go down, too: what this process has now (BOARD_LEVELS). Their sum is what all have.
    PROXY_COUNT_OPEN_TUNNELS = (int)BOARD_LEVEL - 1,
    PROXY_COUNT_IDLE = (int)BOARD_LEVEL, // servers: idle connections
};

_Static_assert((int)PROXY_NUM_COUNTERS <= (int)BOARD_LEVELS, "the counters and the levels each have their cell");

// The kinds of frontends on the board (board_counter_total): in one requests are counted, in the other connections. One
// that changes its mode starts afresh.
#define PROXY_KIND_HTTP "f/"
#define PROXY_KIND_TCP  "t/"

// Cells of board_gauges. A rate takes three.
enum proxy_gauge {
    PROXY_GAUGE_ROTATION,     // roundrobin: the next place in the rotation
    PROXY_GAUGE_MAX_SESSIONS, // most sessions at once (smax)
    PROXY_GAUGE_SESSION_RATE = 2,
    PROXY_GAUGE_REQUEST_RATE = 5,
    PROXY_GAUGE_SESSION_RATE_MAX = 8,
    PROXY_GAUGE_REQUEST_RATE_MAX = 9,
    PROXY_GAUGE_QUEUE_MAX = 10,
    PROXY_GAUGE_LAST_SESSION = 11, // wall clock, seconds
    PROXY_GAUGE_CONN_RATE = 12,
    PROXY_GAUGE_CONN_RATE_MAX = 15,
    PROXY_GAUGE_SOURCE_PORT = PROXY_GAUGE_CONN_RATE, // of a server: ports taken of its source's range
    PROXY_GAUGE_AVERAGES = 16,                       // by enum proxy_time: proxy_average_add (proxy/histogram.h)
    PROXY_GAUGE_LONGEST = 20,                        // by enum proxy_time: the longest ever, microseconds
    PROXY_GAUGE_ADMIT_RATE = 24, // of a frontend with rate-limit sessions: connections that its rules let in
    PROXY_GAUGE_TUNNELS_MAX = BOARD_GAUGES - 1, // most tunnels open at once: of the sum of PROXY_COUNT_OPEN_TUNNELS
};

// Times of requests that have an average and a maximum: those of the first histograms.
enum proxy_time { PROXY_TIME_QUEUE, PROXY_TIME_CONNECT, PROXY_TIME_RESPONSE, PROXY_TIME_TOTAL, PROXY_NUM_TIMES };

// proxy_gauge_raise makes the maximum in `gauge` at least `value`; a load where it is already.
static inline void proxy_gauge_raise(_Atomic uint64_t *gauge, uint64_t value)
{
    uint64_t seen = atomic_load_explicit(gauge, memory_order_relaxed);
    while (value > seen &&
           !atomic_compare_exchange_weak_explicit(gauge, &seen, value, memory_order_relaxed, memory_order_relaxed))
        continue;
}
