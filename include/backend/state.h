// SPDX-License-Identifier: Apache-2.0
// What servers are doing, as all processes of all generations see it: up, down, starting or draining, in or out of
// service by order, and with what weight. It stands on the board at each server's object number and outlives workers,
// controllers, reloads and upgrades. One process at a time writes it: the active controller (health checks, commands);
// a worker that has something to say of a server asks the controller (backend_state_ask). Everybody reads, without a
// lock: single words, atomically. A change is announced by numbers that go up, of the backend and of all, and by waking
// the workers, which derive their own tables from it (backend_turn).
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "board/board.h"
#include "event/loop.h"
#include "proxy/conf.h"

// Values of srv_op_state in HAProxy's management guide, "show servers state".
enum backend_op {
    BACKEND_OP_STOPPED,
    BACKEND_OP_STARTING, // up, and its weight grows (slowstart)
    BACKEND_OP_RUNNING,
    BACKEND_OP_STOPPING, // up, and wants no new clients: a check found a 404, or the agent said so
};

// Bits of srv_admin_state, there, too.
enum {
    BACKEND_ADMIN_MAINT = 0x01,           // by command
    BACKEND_ADMIN_MAINT_INHERITED = 0x02, // from the server it tracks
    BACKEND_ADMIN_MAINT_CONF = 0x04,      // BACKEND_ADMIN_MAINT began with `disabled`; alone it says nothing
    BACKEND_ADMIN_DRAIN = 0x08,           // by command, or by the agent
    BACKEND_ADMIN_DRAIN_INHERITED = 0x10,
    BACKEND_ADMIN_MAINT_RESOLUTION = 0x20, // its name has no address
    BACKEND_ADMIN_NAME_SET = 0x40,         // by command
    BACKEND_ADMIN_ANY_MAINT = 0x23,
    BACKEND_ADMIN_ANY_DRAIN = 0x18,
};

// Why all sessions on a server end.
enum backend_kill {
    BACKEND_KILL_COMMAND, // shutdown sessions server
    BACKEND_KILL_DOWN,    // on-marked-down shutdown-sessions
    BACKEND_KILL_UP,      // on-marked-up shutdown-backup-sessions, of another server
};

// What workers ask of the controller.
enum {
    BACKEND_ASK_MARK_DOWN = 1 << 0,  // on-error mark-down
    BACKEND_ASK_FAIL_CHECK = 1 << 1, // on-error fail-check
    BACKEND_ASK_SUDDEN = 1 << 2,     // on-error sudden-death
    BACKEND_ASK_FAST_CHECK = 1 << 3, // on-error fastinter
    BACKEND_ASK_OUTLIER = 1 << 4,    // its share of failed answers exceeds `share`
    BACKEND_ASK_ERRORS = 1 << 5,     // `error-limit` errors in a row; with one of the first four
};

// Bits of srv_check_state and srv_agent_state, there, too: check_flags and agent_flags.
enum {
    BACKEND_CHECK_INPROGRESS = 0x01,
    BACKEND_CHECK_CONFIGURED = 0x02,
    BACKEND_CHECK_ENABLED = 0x04, // else it rests, by `disable health` or `disable agent`
    BACKEND_CHECK_PAUSED = 0x08,  // while the server is in maintenance; health checks only
    BACKEND_CHECK_AGENT = 0x10,   // always there in agent_flags of a configured agent
};

enum { BACKEND_SHARE_SCALE = 16, BACKEND_STATE_TEXT = 96, BACKEND_STATES_VERSION = 4 };

#define BACKEND_STATES_SECTION "servers"

// Of one server; of a backend's object only `epoch` means something.
struct backend_state {
    _Atomic uint64_t owner;       // a hash of whose it is (backend_states_adopt); 0: nobody's
    _Atomic uint64_t address;     // and of where that server is
    _Atomic uint32_t is_fresh;    // it began with the generation that was adopted last
    _Atomic uint32_t epoch;       // goes up with each change
    _Atomic uint32_t status;      // enum backend_op, and from bit 8 on BACKEND_ADMIN_*: one load tells all
    _Atomic uint32_t weight;      // 0-256, as the configuration, a command or the agent said last
    _Atomic uint32_t weight_conf; // as the configuration said when `weight` was taken from it
    _Atomic uint32_t share;       // what it gets now: weight times BACKEND_SHARE_SCALE, or less while it starts slowly
    _Atomic uint32_t throttle;    // hundredths of its speed that it has while it starts slowly; 0: all
    _Atomic uint32_t maxconn;     // set at run time plus one; 0: as configured
    _Atomic uint32_t kills;       // changes when all sessions on it are to end; the low two bits: enum backend_kill
    _Atomic uint64_t kill_us;     // monotonic: when that was, those that began later may stay
    _Atomic uint32_t asked;       // BACKEND_ASK_*
    _Atomic uint64_t changed_us;  // time of day of the last change of its operational state
    _Atomic uint64_t starting_us; // monotonic: since when it starts slowly
    _Atomic uint64_t down_us;     // how long it was down, without the time since down_since_us
    _Atomic uint64_t down_since_us; // monotonic, 0: it is up
    _Atomic uint32_t num_downs;     // times it went down
    _Atomic uint32_t errors;        // consecutive ones seen by `observe`
    _Atomic uint32_t last_error;    // the latest of them, enum backend_seen (backend/observe.h)
    _Atomic uint32_t num_observed;  // times that `observe` was acted on
    _Atomic uint32_t num_ejects;    // times it was taken out by `observe` without checks, a quiet time resets it
    _Atomic uint64_t ejected_us;    // monotonic: until when it is out for that; 0: it is not
    _Atomic uint64_t observed[8];   // its answers of late, for `share`; see src/backend/observe.c
    // The health check's and the agent's, written by their areas; see check/check.h for values of *_status. Which
    // checks there are, and `rise` and `fall`, are told by setting *_flags, *_rise and *_fall when checks begin.
    _Atomic uint32_t health; // 0 to rise + fall - 1; below rise it is down
    _Atomic uint32_t check_rise;
    _Atomic uint32_t check_fall;
    _Atomic uint32_t check_status;
    _Atomic uint32_t check_code;
    _Atomic uint32_t check_ms;
    _Atomic uint32_t check_flags; // BACKEND_CHECK_*
    _Atomic uint32_t num_check_fails;
    _Atomic uint32_t agent_health;
    _Atomic uint32_t agent_rise;
    _Atomic uint32_t agent_fall;
    _Atomic uint32_t agent_status;
    _Atomic uint32_t agent_code;
    _Atomic uint32_t agent_ms;
    _Atomic uint64_t check_began_us; // monotonic: when the last check, and the agent's, began; 0: there was none
    _Atomic uint64_t agent_began_us;
    _Atomic uint32_t agent_flags;
    _Atomic uint32_t had_checks; // check_flags, and from bit 8 on agent_flags, of the controller before this one
    _Atomic uint32_t text_seq;   // odd while `check_text` and `agent_text` change
    char check_text[BACKEND_STATE_TEXT];
    char agent_text[BACKEND_STATE_TEXT];
} __attribute__((aligned(512)));

// backend_states_prepare finds the section on `board`, or makes it. In the keeper, before it forks. False with errno.
bool backend_states_prepare(struct board *board);

// backend_state_at gives the state at an object's number.
struct backend_state *backend_state_at(uint32_t object);

// backend_states_epoch goes up with any change of any server.
uint32_t backend_states_epoch(void);

// backend_states_epoch_at gives where that stands on the board, for those who look often.
const _Atomic uint32_t *backend_states_epoch_at(void);

// backend_states_adopt gives every server of `program` that has none yet its state as the configuration says; those
// that have one keep it. In the keeper, once objects have numbers: its generation may still fail, so that nothing of
// what the one before uses is touched.
void backend_states_adopt(const struct program_conf *program, struct board *board);

// backend_states_own says that the state of `server`, which is added at run time, is its own.
void backend_states_own(const struct server_conf *server);

// backend_states_disown says that the server at `object` was deleted: one of that name is a new one.
void backend_states_disown(uint32_t object);

// backend_states_reconcile makes states those of `program`: what the file changed (a weight, `disabled`, an address,
// which starts afresh) counts, servers that are gone leave none behind, and what a controller that was killed left
// half done is put right. In the controller, once it is the active one, before checks begin; nothing where it is said
// again.
void backend_states_reconcile(const struct program_conf *program, struct board *board);

// backend_states_close_queues lets waiters that take any server of `proxy` be served by those alone that balancing may
// choose (board_queue_close).
void backend_states_close_queues(struct board *board, const struct proxy_conf *proxy);

// backend_states_begin goes on with that once checks have begun (and set BACKEND_CHECK_CONFIGURED for each server they
// look after): a server nobody checks any more is not left down, checks that rest by command go on resting, and
// servers that start slowly get on with it, on `loop`. Once, in the active controller.
void backend_states_begin(const struct program_conf *program, struct board *board, struct event_loop *loop);

// backend_states_end leaves them to another controller.
void backend_states_end(void);

// backend_state_op gives the operational half of a status word.
static inline enum backend_op backend_state_op(uint32_t status)
{
    return (enum backend_op)(status & 0xff);
}

// backend_state_admin gives its other half: who orders maintenance or drain (BACKEND_ADMIN_*).
static inline uint32_t backend_state_admin(uint32_t status)
{
    return status >> 8;
}

// backend_state_status reads the status word, both halves as they were at one moment.
static inline uint32_t backend_state_status(const struct backend_state *state)
{
    return atomic_load_explicit(&state->status, memory_order_acquire);
}

// backend_status_is_up says whether who holds on to the server (cookie, stick table) may still be sent to it.
static inline bool backend_status_is_up(uint32_t status)
{
    return backend_state_op(status) != BACKEND_OP_STOPPED && !(backend_state_admin(status) & BACKEND_ADMIN_ANY_MAINT);
}

// backend_status_is_willing says whether newcomers may, too, if it has a weight.
static inline bool backend_status_is_willing(uint32_t status)
{
    return backend_status_is_up(status) && backend_state_op(status) != BACKEND_OP_STOPPING &&
           !(backend_state_admin(status) & BACKEND_ADMIN_ANY_DRAIN);
}

// The following change the state of `server` and announce it, where it is a change. Active controller only. They log
// nothing, and look at nothing else: changes go through backend/notice.h, which says why.

// backend_state_set makes its operational state `op` and its bits `admin`, at once. A server with slowstart that was
// down comes back as BACKEND_OP_STARTING.
bool backend_state_set(struct board *board, const struct server_conf *server, enum backend_op op, uint32_t admin);

// backend_state_set_weight makes its weight `weight`, 0 to 256.
bool backend_state_set_weight(struct board *board, const struct server_conf *server, uint32_t weight);

// backend_state_set_maxconn makes its maxconn `maxconn` for the time being.
bool backend_state_set_maxconn(struct board *board, const struct server_conf *server, uint32_t maxconn);

// backend_state_kill_sessions ends all that is open to `server`, in all workers of all generations.
void backend_state_kill_sessions(struct board *board, const struct server_conf *server, enum backend_kill why);

// backend_state_ask asks the controller for `what` (BACKEND_ASK_*) of `server`. Any process.
void backend_state_ask(struct board *board, const struct server_conf *server, uint32_t what);

// backend_state_speed makes a server that starts slowly have `percent` hundredths of its speed, or all from 100 on;
// true where that is a change, which the caller announces.
bool backend_state_speed(const struct server_conf *server, uint32_t percent);

// backend_state_repair puts right what a writer that was killed left half done.
void backend_state_repair(const struct server_conf *server);

// backend_state_renew makes the state of `server` what the configuration says, as if it were new.
void backend_state_renew(const struct server_conf *server);

// backend_state_begins_down says whether `server` is down until checks found it well: `init-state down` and fully-down.
bool backend_state_begins_down(const struct server_conf *server);

// backend_state_first_health gives the health that a server with checks begins with, at a start and when it leaves
// maintenance. HAProxy manual, "init-state".
uint32_t backend_state_first_health(const struct server_conf *server);

// backend_state_admin_of_file gives the bits that the configuration asks for.
uint32_t backend_state_admin_of_file(const struct server_conf *server);

// backend_state_mark, for each of many servers, and then backend_states_announce do what backend_state_announce does.
void backend_state_mark(const struct server_conf *server);

// backend_states_announce wakes the workers for all that was marked.
void backend_states_announce(struct board *board);

// backend_states_num_marks counts the marks so far, and goes round.
uint32_t backend_states_num_marks(void);

// backend_states_marked gives the object of the server that mark number `at`, counted from 0, is of; false where that
// is no longer known, or not yet: what changed is then seen by the epochs of servers alone.
bool backend_states_marked(uint32_t *object, uint32_t at);

// backend_state_announce says that something of `server` changed that workers derive tables from.
void backend_state_announce(struct board *board, const struct server_conf *server);

// backend_state_maxconn gives the limit of connections that holds now, 0: none.
uint32_t backend_state_maxconn(const struct server_conf *server);

// backend_state_full_maxconn gives it as it was configured or set, whatever minconn and slowstart make of it now.
uint32_t backend_state_full_maxconn(const struct server_conf *server);

// backend_waiters_may_leave says whether those who wait for one server of `proxy` go to another when it is down: with
// `option redispatch`, unless `option persist` holds them.
static inline bool backend_waiters_may_leave(const struct proxy_conf *proxy)
{
    return (proxy->options & PROXY_OPT_REDISPATCH) && !(proxy->options & PROXY_OPT_PERSIST);
}
