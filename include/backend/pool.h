// SPDX-License-Identifier: Apache-2.0
// The parts of the pool of one worker, between the files that it is made of, and what it leaves on the board: at each
// server's pool object stand its open connections (the lanes), who waits for the place of one (the queue), and
// counters. Owned by the worker; the admin commands read the board's part.
#pragma once

#include "backend/backend.h"

// Plain counters of server_conf.pool_object.
enum backend_pool_counter {
    BACKEND_POOL_OPENED,       // connections opened, all of them
    BACKEND_POOL_HANDSHAKES,   // and TLS handshakes begun
    BACKEND_POOL_WARMED,       // opened ahead of requests, and ready
    BACKEND_POOL_WARM_FAILED,  // or not
    BACKEND_POOL_PINGS,        // pings that were answered
    BACKEND_POOL_PINGS_FAILED, // and those that were not, or made the server close
    BACKEND_POOL_ROOM_WAITS,   // requests that waited for another connection to be closed
    BACKEND_POOL_GIVEN_UP,     // idle connections that were closed for them
    BACKEND_POOL_PATIENCE,     // requests that waited for a connection of their worker and got one
    BACKEND_POOL_NUM_COUNTERS,
    BACKEND_POOL_LEVEL = (int)BOARD_LEVEL, // what this process has now: see backend_pool_level
};

enum { BACKEND_LEVEL_BITS = 21 };

// backend_pool_level puts three numbers of a process into one cell, which may be summed over processes as it is.
static inline uint64_t backend_pool_level(uint64_t spare, uint64_t safe, uint64_t peak)
{
    return spare | safe << BACKEND_LEVEL_BITS | peak << 2 * BACKEND_LEVEL_BITS;
}

// backend_level_spare gives server.num_spare.
static inline uint32_t backend_level_spare(uint64_t level)
{
    return (uint32_t)(level & ((1U << BACKEND_LEVEL_BITS) - 1));
}

// backend_level_safe gives the idle connections that were used again before.
static inline uint32_t backend_level_safe(uint64_t level)
{
    return (uint32_t)(level >> BACKEND_LEVEL_BITS & ((1U << BACKEND_LEVEL_BITS) - 1));
}

// backend_level_peak gives the most connections in use at once, lately.
static inline uint32_t backend_level_peak(uint64_t level)
{
    return (uint32_t)(level >> 2 * BACKEND_LEVEL_BITS);
}

// backend_pool_count counts one more of `which`.
static inline void backend_pool_count(struct server *server, enum backend_pool_counter which)
{
    board_counter_count(&server->pool_counters[which], 1);
}

// backend_warm_share gives how many connections to the server, whose maxconn (0: none) is now that, the worker `slot`
// of `num_workers` keeps open, as long as the server takes requests.
uint32_t backend_warm_share(const struct server_conf *conf, uint32_t maxconn, uint32_t num_workers, uint32_t slot);

// backend_warm_is_due says whether they are wanted now: the server may be chosen, and is no backup that nobody needs.
bool backend_warm_is_due(const struct server_conf *conf);

// backend_warm_need gives how many this worker keeps now.
uint32_t backend_warm_need(const struct server *server);

// backend_warm_follow takes over a maxconn that was set at run time.
void backend_warm_follow(struct server *server);

// backend_warm_init prepares that, and begins to open them.
void backend_warm_init(struct server *server);

// backend_warm_died is told that the server closed `conn` while it was idle: one that it had only just let in counts as
// refused.
void backend_warm_died(const struct backend_conn *conn);

// backend_warm_kick looks soon whether some are missing.
void backend_warm_kick(struct server *server);

// backend_ping_arm has `conn`, which is idle now, pinged when it was unused for long enough.
void backend_ping_arm(struct backend_conn *conn);

// backend_ping_begin sends the ping; the connection is off the pool until its answer.
void backend_ping_begin(struct backend_conn *conn);

// backend_pool_publish tells the board how many connections of which kind there are.
void backend_pool_publish(struct server *server);

// backend_conn_move puts `conn` into the lists of `state`, and counts it there.
void backend_conn_move(struct backend_conn *conn, enum backend_conn_state state);

// backend_conn_lend moves one to those in use, most often an idle one of the pool.
void backend_conn_lend(struct backend_conn *conn);

// backend_conn_rest moves one into the pool, most often one that was in use.
void backend_conn_rest(struct backend_conn *conn);

// backend_conn_ended says whether an idle connection is over; a look at what is known, which for TLS may read.
bool backend_conn_ended(struct backend_conn *conn);

// backend_conn_drop closes `conn` at once and frees it, with a RST where `reset`.
void backend_conn_drop(struct backend_conn *conn, bool reset);

// backend_pool_add puts `conn`, whose messages are complete, among those anyone may have.
void backend_pool_add(struct backend_conn *conn);

// backend_pool_dead counts and closes a connection that the server ended while it was idle.
void backend_pool_dead(struct backend_conn *conn);

// backend_spare_close closes one that carries no request, the least useful first; false where there is none.
bool backend_spare_close(struct server *server);

// backend_spare_turn does what other workers asked of this one. Once each turn; one load where there is nothing.
void backend_spare_turn(struct backend_ctx *ctx);

// backend_spare_asked gives the word by which others ask `inc` to close connections; 0 stands for nothing.
const _Atomic uint32_t *backend_spare_asked(uint32_t inc);

// backend_room_is_shut says that no place of the server is given away for a moment, as a worker died.
bool backend_room_is_shut(const struct server *server);

// backend_room_is_awaited answers backend_room_wanted for a server that has a maxconn.
bool backend_room_is_awaited(const struct server *server);

// backend_room_wanted says whether anybody waits for a place; to be asked after num_spare went up.
static inline bool backend_room_wanted(const struct server *server)
{
    return UNLIKELY(backend_server_maxconn(server)) && backend_room_is_awaited(server);
}

// backend_jitter_us gives a time around `us`, from three quarters to five quarters of it.
uint64_t backend_jitter_us(struct backend_ctx *ctx, uint64_t us);

// backend_purge_fire is what ctx->purge_timer does: it closes connections that were not needed.
void backend_purge_fire(struct event_timer *timer);

// backend_pool_follow does what a change of the state of `server`, or of another of its backend, means: idle
// connections to one that must not be used any more are closed, what is always kept is opened, and places passed on
// that are free.
void backend_pool_follow(struct server *server);

// backend_pool_is_over says whether more connections to the server are open than its maxconn, which was lowered,
// allows; server->is_over is set to that.
bool backend_pool_is_over(struct server *server);

// backend_pool_leave closes what is idle, of all servers.
void backend_pool_leave(struct backend_ctx *ctx);

// backend_server_new makes the run-time object of `conf` in this worker; it does not enter it into backend->servers.
struct server *backend_server_new(struct backend *backend, const struct server_conf *conf);

// backend_server_settle works out what depends on where the server is.
void backend_server_settle(struct server *server);

// backend_follow_changes has the worker follow changes of servers (backend/server_change.h) from now on.
void backend_follow_changes(struct backend_ctx *ctx);

// backend_follow_end ends that, and what is left of deleted servers.
void backend_follow_end(struct backend_ctx *ctx);

// backend_pool_move closes what is idle, as the server is elsewhere now; what is in use goes when it comes back.
void backend_pool_move(struct server *server);

// backend_pool_end closes all that is not in use, for good.
void backend_pool_end(struct server *server);
