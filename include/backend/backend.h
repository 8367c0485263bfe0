// SPDX-License-Identifier: Apache-2.0
// Backends and servers at run time, in one worker: what they are doing now, the pool of idle connections, balancing,
// and the queue. Truth that workers share (a server's connections, the rotation, the queue) is on the board; here are
// only this worker's own objects. Owned by the worker, used by its only thread.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "backend/server_change.h"
#include "backend/state.h"
#include "base/list.h"
#include "board/board.h"
#include "mux/h1.h"
#include "proxy/conf.h"
#include "proxy/counters.h"
#include "transport/socks4.h"

struct backend;
struct backend_balance;

#define BACKEND_LOADS_SECTION "server-loads"

// What the backends of a worker share.
struct backend_ctx {
    struct event_loop *loop;
    struct board *board;
    uint32_t inc; // the worker's incarnation
    struct mux_ctx *mux;
    const struct global_conf *global;
    struct event_timer purge_timer;
    const struct backend_guests *guests;
    struct backend **backends; // by proxy_conf.index; NULL where a proxy has no backend
    uint32_t num_backends;
    bool stopping;             // softly: idle connections are purged soon
    uint32_t num_closing;      // connections ended by us whose places are not free yet, of all servers
    uint32_t epoch;            // of the states of servers, as far as backend_turn has seen them
    uint32_t marks;            // of the marks there, likewise
    struct server **by_object; // servers by their numbers on the board and by those of their pools; NULL elsewhere
    uint32_t num_objects;
    const _Atomic uint32_t *states_epoch; // what that is now, on the board
    const _Atomic uint32_t *asked;        // and what others want of this worker's pool, 0: nothing
    uint32_t slot;                        // the worker's place among those of its generation
    uint32_t noise;                       // for jitter
    struct backend_watch watch;           // of changes of servers
    struct server *gone;                  // deleted ones that something is still open to
    struct http_field *ping_fields;       // room for the head of an answer to a ping; NULL: none was sent yet
};

// Those of a server's streams and tunnels that were on it when all sessions on it were to end. They end a few a turn.
struct backend_leave {
    struct list streams;
    struct list tunnels;
    struct event_task task; // theirs who bring struct backend_guests, as is the rest
    uint64_t since_us;      // monotonic: those that began later may stay
    uint8_t why;            // enum backend_kill
};

struct server {
    const struct server_conf *conf;
    struct backend_state *state; // on the board
    struct backend *backend;
    uint64_t *counters;
    _Atomic uint64_t *gauges;
    bool has_plain_key;  // its connections differ by nothing but what rules mark them with
    struct list streams; // of the streams that are on it or wait for it, and of its tunnels: theirs to enter and leave
    struct list tunnels;
    struct backend_leave leave;
    uint32_t epoch; // of its state, as far as backend_turn has seen it
    uint32_t kills; // likewise
    bool was_up;
    uint64_t *pool_counters; // enum backend_pool_counter, see backend/pool.h
    struct list idle;        // struct backend_conn.link: those anyone may have, the latest used first
    struct list plain;       // struct backend_conn.key_link: those among them whose key is empty, likewise
    struct list *by_key;     // the others, in BACKEND_KEY_BUCKETS lists; made with the first of them
    struct list own;         // idle ones that each belong to one client
    struct list opening;     // being opened ahead of requests
    struct list pinging;     // idle ones that wait for the answer to a ping
    struct list closing;     // ended by us; the server has not closed them yet
    struct list waits;       // struct backend_wait
    uint32_t num_idle;
    uint32_t num_used; // connections that carry a request
    uint32_t
        num_spare;     // that are open without one, and can be closed when they are wanted: idle, own, opening, pinging
    uint32_t num_safe; // of the idle ones, those that were used again before
    uint32_t num_opening;
    uint32_t num_pinging;
    uint32_t num_closing;
    uint32_t num_waits;
    uint32_t peak_used; // most of them at once in this purge period and in the one before
    uint32_t last_peak;
    uint32_t min_idle; // fewest idle ones since the last purge: that many were not needed
    uint64_t purge_due_us;
    uint64_t exchange_us;   // how long a connection is gone when it is lent, a floating mean; 0: not known yet
    uint32_t warm_share;    // connections that this worker keeps open (pool-min-conn)
    uint32_t warm_failures; // in a row
    bool warm_was_due;
    bool is_over;          // more connections were open than maxconn allows, when it was last changed
    uint64_t warm_died_us; // when the server last closed one that it had only just let in
    struct event_timer warm_timer;
    struct server *next_gone; // of those that are deleted, and since when it is
    uint64_t gone_us;
    uint64_t tls_said_us; // when the log was told of a handshake that failed, why, and how many were not told since
    uint32_t tls_said;
    uint32_t tls_unsaid;
};

enum { BACKEND_KEY_BUCKETS = 64 };

// What a server's streams and tunnels do when it has no place for them; the area of streams brings it.
struct backend_guests {
    void (*kill)(struct server *server, enum backend_kill why); // end all that are on it, in this turn and later ones
    void (*requeue)(struct server *server);                     // those that wait for it look for another
};

struct backend {
    const struct proxy_conf *conf;
    struct backend_ctx *ctx;
    const struct backend_state *state; // on the board, of all its servers: only `epoch`
    struct server **servers;           // by server_conf.index; they come and go (backend/server_change.h)
    uint32_t num_servers;
    bool has_backups;
    bool is_plain; // nothing but its algorithm chooses servers, and that looks at nothing of the request
    uint64_t *counters;
    _Atomic uint64_t *gauges;
    uint32_t epoch;        // of its servers' states, as far as backend_turn has seen them
    uint32_t next_closed;  // where backend_pick_closed goes on
    const char *no_server; // why there was no server for a request, when the log was last told, and when that was
    uint64_t no_server_us;
    uint32_t num_unsaid;
    struct backend_balance *balance; // what choices look up, derived from the states of servers
};

// What rules want on the packets of one connection.
struct backend_marks {
    uint32_t mark;
    uint8_t tos;
    bool has_mark;
    bool has_tos;
};

// What makes two connections to one server differ, as far as it is not the same for all of them.
struct backend_key {
    struct slice name;           // the TLS server name asked for, where that depends on the request; empty: none
    struct slice header;         // the PROXY header it begins with
    struct transport_address to; // where it leads, where that follows the client; else AF_UNSPEC
    struct backend_marks marks;
    uint32_t hash; // of all that by backend_key_seal; 0: there is nothing of it
};

enum backend_conn_state {
    BACKEND_CONN_USED,    // a stream's
    BACKEND_CONN_IDLE,    // in the pool
    BACKEND_CONN_OWN,     // idle, of one client
    BACKEND_CONN_OPENING, // ahead of requests
    BACKEND_CONN_PINGING,
    BACKEND_CONN_CLOSING,
};

// What only connections have that differ by a key, or lead through a proxy.
struct backend_way {
    struct backend_key key;         // its name stands in the TLS connection, its header behind this struct
    struct transport_address to;    // where it leads, which is behind `socks4` where the server has that
    struct transport_socks4 socks4; // how far that is
    char header[];
};

// A connection to a server, in use by a stream or idle in the pool. `h1.stream.user` belongs to the stream while in
// use.
struct backend_conn {
    struct mux_h1 h1;
    struct list link;     // in the list of its state, but for one in use
    struct list key_link; // in server->plain or server->by_key while idle
    struct server *server;
    struct event_timer timer;        // of opening, pinging and closing; while idle, of the next ping
    uint64_t since_us;               // when it was lent, or became idle
    struct backend_way *way;         // NULL: it has no key, and leads straight to the server
    uint32_t key_hash;               // way->key.hash, or 0
    uint32_t num_uses;               // requests sent on it
    uint32_t moves;                  // server_conf.moves when it was opened
    uint8_t state;                   // enum backend_conn_state
    bool is_private;                 // belongs to one client for good (a PROXY header, NTLM, Negotiate)
    const struct tls_target *target; // what its TLS is of, NULL: plain; whatever the server has become since
    void **owner;                    // where a session keeps its private idle connection, or NULL
};

// Somebody of this worker who waits for a connection that is in use to come back. `ready` is called when one may have
// and must not take it at once; the entry is off the list then.
struct backend_wait {
    struct list link;
    void (*ready)(struct backend_wait *wait);
};

// backend_ctx_init makes the run-time objects for all backends of `program`.
void backend_ctx_init(struct backend_ctx *ctx, const struct program_conf *program, struct event_loop *loop,
                      struct board *board, uint32_t inc, struct mux_ctx *mux);

// backend_ctx_host says who hears when servers have no place for their streams and tunnels.
void backend_ctx_host(struct backend_ctx *ctx, const struct backend_guests *guests);

// backend_follow follows what happened to servers since the last call.
void backend_follow(struct backend_ctx *ctx);

// backend_turn does so once each turn of the loop; two loads where nothing did.
static inline void backend_turn(struct backend_ctx *ctx)
{
    if (UNLIKELY(atomic_load_explicit(ctx->asked, memory_order_relaxed) ||
                 atomic_load_explicit(ctx->states_epoch, memory_order_relaxed) != ctx->epoch))
        backend_follow(ctx);
}

// backend_server_at gives the server whose number on the board, or its pool's, is `object`; NULL where it is none of
// this generation's.
static inline struct server *backend_server_at(const struct backend_ctx *ctx, uint32_t object)
{
    return object < ctx->num_objects ? ctx->by_object[object] : NULL;
}

// backend_loads_prepare finds the table of connections per server on `board`, or makes it. In the keeper, before it
// forks. False with errno.
bool backend_loads_prepare(struct board *board);

// backend_ctx_fini closes idle connections and frees all.
void backend_ctx_fini(struct backend_ctx *ctx);

// backend_ctx_stop closes the connections that are idle at a soft stop: the servers may want their places for the next
// generation. Those that last requests come to use are kept for the others as long as they are wanted, which is soon
// over; a client's own stay its own.
void backend_ctx_stop(struct backend_ctx *ctx);

// ---- balancing --------------------------------------------------------------------------------------------------

// What a request says about where it wants to go.
struct backend_ask {
    const struct server *avoid; // the one that just failed, or NULL
    uint32_t hash;              // of what the algorithm looks at
    bool has_hash;              // false: it is not in this request, which goes round robin
};

// backend_pick chooses a server by the backend's algorithm among those that are open and not `ask->avoid`,
// or NULL. roundrobin is one rotation for all workers; leastconn counts the connections of all workers. Where the
// choice has no room for one more connection `*full` is true and the caller queues: for that server where a hash of the
// request led to it (backend_pick_insists), else for any, since servers at their maxconn are passed over while another
// has room.
struct server *backend_pick(struct backend *backend, bool *full, const struct backend_ask *ask);

// backend_pick_closed chooses in turn among all servers that are not in maintenance, whatever else is known of them
// (`option fail-open`); NULL where there is none.
struct server *backend_pick_closed(struct backend *backend, bool *full);
// backend_pick_insists says whether a request that was asked for with `ask` waits for the server that was chosen alone.
static inline bool backend_pick_insists(const struct backend *backend, const struct backend_ask *ask)
{
    return ask->has_hash && proxy_balance_is_hash(&backend->conf->be.balance);
}

// backend_ctx_offer offers every free place of every server to those who wait in the queues, after this process was
// passed over as asleep (board_queue_awake).
void backend_ctx_offer(struct backend_ctx *ctx);

// backend_server_is_usable says whether `server` may be sent traffic at all, be it only of those who hold on to it.
static inline bool backend_server_is_usable(const struct server *server)
{
    return backend_status_is_up(backend_state_status(server->state));
}

// backend_server_is_open says whether balancing may choose `server`.
static inline bool backend_server_is_open(const struct server *server)
{
    return backend_status_is_willing(backend_state_status(server->state)) &&
           atomic_load_explicit(&server->state->share, memory_order_relaxed) > 0;
}

// backend_server_maxconn gives the limit of connections of `server` that holds now, 0: none. As backend_state_maxconn,
// but where there is no limit that takes two loads.
static inline uint32_t backend_server_maxconn(const struct server *server)
{
    uint32_t set = atomic_load_explicit(&server->state->maxconn, memory_order_relaxed);
    if (LIKELY(!(set ? set - 1 : server->conf->maxconn)))
        return 0;
    return backend_state_maxconn(server->conf);
}

// ---- a backend's open sessions ----------------------------------------------------------------------------------

// backend_session_begin counts one more session as open in `backend`, among those of all workers. There is no limit.
void backend_session_begin(struct backend *backend);

// backend_session_end counts one fewer. Where the session held a slot of a server, that is given back first.
void backend_session_end(struct backend *backend);

// ---- a server's slots ---------------------------------------------------------------------------------------------

// backend_slot_take takes one of `server`'s connection slots (maxconn over all workers); false when none is free or
// others wait before us.
bool backend_slot_take(struct server *server, bool waited);

// backend_slot_give gives the slot back and wakes who waits for it, in whatever worker.
void backend_slot_give(struct server *server);

// ---- connections and the pool ------------------------------------------------------------------------------------

// Which connections will do.
enum backend_lend {
    BACKEND_LEND_ANY,
    BACKEND_LEND_PROVEN, // it was used again before, or never used: the first requests of clients (http-reuse
                         // aggressive)
    BACKEND_LEND_FRESH,  // it was never used
};

// backend_key_seal computes key->hash from the rest.
void backend_key_seal(struct backend_key *key);

// backend_pool_get lends an idle connection to `server` of that key; those found dead are dropped. With `probe` the
// kernel is asked first, for requests that could not be sent twice. NULL: open one.
struct backend_conn *backend_pool_get(struct server *server, const struct backend_key *key, enum backend_lend lend,
                                      bool probe);

// backend_pool_patience gives for how long it is better to wait for a connection of this worker to come back than to
// open another, in us; 0: it is not. With pool-min-conn, while other workers have idle ones.
uint64_t backend_pool_patience(const struct server *server);

// backend_wait_begin has `wait` told when a connection to `server` came back.
void backend_wait_begin(struct server *server, struct backend_wait *wait);

// backend_wait_end ends that; harmless where it is over.
void backend_wait_end(struct server *server, struct backend_wait *wait);

// backend_pool_put keeps a connection whose exchange is complete for the next request: in the pool, or, where it is one
// client's alone, at `*owner` (NULL: nowhere). It is closed where it may not be kept, and no more are kept than were
// lately in use at once: a client's own connections would otherwise pile up unused.
void backend_pool_put(struct backend_conn *conn, void **owner);

// backend_pool_get_own lends the connection kept at `*owner` if it leads to `server`, has that key and stands; NULL
// otherwise.
struct backend_conn *backend_pool_get_own(struct server *server, void **owner, const struct backend_key *key);

// backend_pool_drop_own closes the connection kept at `*owner`, if any.
void backend_pool_drop_own(void **owner);

// backend_room_take takes a place among the open connections to `server`, idle ones included: no more than its maxconn
// over all workers and generations, and nobody overtakes those who wait for one (`waited`: we did). False where there
// is none: the caller waits for one in the queue of the server's pool object and asks for it (backend_spare_ask).
bool backend_room_take(struct server *server, bool waited);

// backend_room_give gives a place back that came to nothing.
void backend_room_give(struct server *server);

// backend_room_offer passes the places that are free to those who wait for one, here or elsewhere.
void backend_room_offer(struct server *server);

// backend_spare_ask has a connection to `server` closed that carries no request, for the sake of one who waits for its
// place: one of this worker, or else of another, which is woken; of all others, where `all`.
void backend_spare_ask(struct server *server, bool all);

// backend_pool_prepare makes the section on `board` through which workers ask each other. In the keeper, before it
// forks. False with errno.
bool backend_pool_prepare(struct board *board);

#define BACKEND_POOL_SECTION "pool"

// backend_pool_died is told that a worker died, before its lanes are cleared (board_incarnation_dead). In the keeper.
void backend_pool_died(void);

// backend_pool_make_room closes all idle connections of all servers, when descriptors are exhausted.
void backend_pool_make_room(struct backend_ctx *ctx);

// backend_follows_client says whether where to connect depends on where the client did: backend_connect then needs that
// address, which costs a system call to know.
bool backend_follows_client(const struct server *server);

// backend_address gives where a connection to `server` goes; `client_dst` as for backend_connect.
struct transport_address backend_address(const struct server *server, const struct transport_address *client_dst);

// backend_link fills in what the lines of `server` and its backend say of the sockets that lead there: how->to, set by
// the caller, becomes the proxy on the way where there is one.
void backend_link(struct transport_connect *how, const struct server *server);

// backend_connect opens a new connection to `server` for which the caller holds a place (backend_room_take), which it
// takes over. `client_dst` is where the client connected to, needed only where backend_follows_client says so. NULL
// with errno where it fails at once; the place is given back then.
struct backend_conn *backend_connect(struct server *server, const struct transport_address *client_dst,
                                     const struct backend_key *key);

// backend_conn_close closes and frees `conn`, in use or idle. Where the server has a maxconn its place is free once the
// server has closed it too, or after a second; a tenth of one where it was told by a reset.
void backend_conn_close(struct backend_conn *conn, bool reset);

// ---- counting -----------------------------------------------------------------------------------------------------

// backend_count adds to a counter of this worker for a backend or server.
static inline void backend_count(uint64_t *counters, enum proxy_counter which, uint64_t add)
{
    board_counter_count(&counters[which], add);
}
