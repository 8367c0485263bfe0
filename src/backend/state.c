// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include "backend/state.h"
#include "base/clock.h"
#include "base/hash.h"

// The words that mean all servers, and then one place for each object.
struct states {
    _Atomic uint32_t epoch;
    struct backend_state servers[BOARD_MAX_OBJECTS];
};

// One board to a process.
static struct states *states;

bool backend_states_prepare(struct board *board)
{
    bool fresh;
    states = board_section(board, &fresh, BACKEND_STATES_SECTION, BACKEND_STATES_VERSION, sizeof(*states));
    return states != NULL;
}

struct backend_state *backend_state_at(uint32_t object)
{
    return &states->servers[object < BOARD_MAX_OBJECTS ? object : 0];
}

uint32_t backend_states_epoch(void)
{
    return atomic_load_explicit(&states->epoch, memory_order_acquire);
}

static void store(_Atomic uint32_t *cell, uint32_t value)
{
    atomic_store_explicit(cell, value, memory_order_relaxed);
}

static uint32_t load(const _Atomic uint32_t *cell)
{
    return atomic_load_explicit(cell, memory_order_relaxed);
}

static void wake_all(struct board *board, enum board_role role)
{
    uint32_t limit = board_incarnation_limit(board);
    for (uint32_t inc = 1; inc < limit; inc++) {
        const struct board_incarnation *record = board_incarnation_at(board, inc);
        if (atomic_load(&record->state) == 1 && atomic_load(&record->role) == role)
            board_wake(board, inc);
    }
}

void backend_state_announce(struct board *board, const struct server_conf *server)
{
    atomic_fetch_add(&backend_state_at(server->object)->epoch, 1);
    atomic_fetch_add(&backend_state_at(server->backend->proxy->be_object)->epoch, 1);
    atomic_fetch_add(&states->epoch, 1);
    wake_all(board, BOARD_ROLE_WORKER);
}

// What it gets of its weight: not nothing, however slowly it starts, as some checks count on seeing traffic.
static void set_share(struct backend_state *state)
{
    uint32_t whole = load(&state->weight) * BACKEND_SHARE_SCALE;
    uint32_t share = whole;
    if (backend_state_op(load(&state->status)) == BACKEND_OP_STARTING)
        share = (whole * load(&state->throttle) + 99) / 100;
    else
        store(&state->throttle, 0);
    store(&state->share, share);
}

static void set_status(struct backend_state *state, enum backend_op op, uint32_t admin)
{
    uint32_t status = (uint32_t)op | admin << 8;
    uint64_t now_us = clock_mono_us();
    bool was_up = backend_status_is_up(load(&state->status));
    bool is_up = backend_status_is_up(status);
    if (was_up && !is_up) {
        atomic_store(&state->down_since_us, now_us);
        store(&state->num_downs, load(&state->num_downs) + 1);
    } else if (!was_up && is_up) {
        uint64_t since_us = atomic_load(&state->down_since_us);
        if (since_us)
            atomic_store(&state->down_us, atomic_load(&state->down_us) + (now_us - since_us));
        atomic_store(&state->down_since_us, 0);
    }
    atomic_store(&state->changed_us, clock_wall_us());
    atomic_store_explicit(&state->status, status, memory_order_release);
}

bool backend_state_set(struct board *board, const struct server_conf *server, enum backend_op op, uint32_t admin)
{
    struct backend_state *state = backend_state_at(server->object);
    uint32_t status = backend_state_status(state);
    if (op == BACKEND_OP_RUNNING && server->slowstart_us && backend_state_op(status) == BACKEND_OP_STOPPED)
        op = BACKEND_OP_STARTING;
    if (status == ((uint32_t)op | admin << 8))
        return false;
    if (op == BACKEND_OP_STARTING && backend_state_op(status) != BACKEND_OP_STARTING) {
        atomic_store(&state->starting_us, clock_mono_us());
        store(&state->throttle, 1);
    }
    set_status(state, op, admin);
    set_share(state);
    backend_state_announce(board, server);
    return true;
}

bool backend_state_set_op(struct board *board, const struct server_conf *server, enum backend_op op)
{
    return backend_state_set(board, server, op,
                             backend_state_admin(backend_state_status(backend_state_at(server->object))));
}

bool backend_state_set_admin(struct board *board, const struct server_conf *server, uint32_t add, uint32_t remove)
{
    uint32_t status = backend_state_status(backend_state_at(server->object));
    return backend_state_set(board, server, backend_state_op(status), (backend_state_admin(status) | add) & ~remove);
}

bool backend_state_set_weight(struct board *board, const struct server_conf *server, uint32_t weight)
{
    struct backend_state *state = backend_state_at(server->object);
    if (load(&state->weight) == weight)
        return false;
    store(&state->weight, weight);
    set_share(state);
    backend_state_announce(board, server);
    return true;
}

bool backend_state_set_maxconn(struct board *board, const struct server_conf *server, uint32_t maxconn)
{
    struct backend_state *state = backend_state_at(server->object);
    if (load(&state->maxconn) == maxconn + 1)
        return false;
    store(&state->maxconn, maxconn + 1);
    backend_state_announce(board, server);
    return true;
}

void backend_state_kill_sessions(struct board *board, const struct server_conf *server, enum backend_kill why)
{
    struct backend_state *state = backend_state_at(server->object);
    store(&state->kills, ((load(&state->kills) >> 2) + 1) << 2 | (uint32_t)why);
    backend_state_announce(board, server);
}

void backend_state_ask(struct board *board, const struct server_conf *server, uint32_t what)
{
    struct backend_state *state = backend_state_at(server->object);
    if ((atomic_fetch_or(&state->asked, what) & what) != what)
        wake_all(board, BOARD_ROLE_CONTROLLER);
}

uint32_t backend_state_maxconn(const struct server_conf *server)
{
    const struct backend_state *state = backend_state_at(server->object);
    uint32_t set = load(&state->maxconn);
    uint32_t limit = set ? set - 1 : server->maxconn;
    uint32_t throttle = load(&state->throttle);
    if (!throttle || !limit)
        return limit;
    limit = (uint32_t)((uint64_t)limit * throttle / 100);
    return limit ? limit : 1;
}

// Numbers of objects are given again: the name says whose state this is.
static uint64_t owner_of(const struct server_conf *server)
{
    const struct transport_address *addr = &server->addr;
    uint64_t hash = hash_djb2(slice_str(server->backend->proxy->name));
    hash = hash << 32 | hash_djb2(slice_str(server->name));
    hash ^= (uint64_t)hash_djb2(slice_of((const char *)addr->ip, sizeof(addr->ip))) << 16 | addr->port;
    return hash | 1;
}

static uint32_t admin_of_file(const struct server_conf *server)
{
    return (server->disabled ? BACKEND_ADMIN_MAINT | BACKEND_ADMIN_MAINT_CONF : 0) |
           (server->unresolved ? BACKEND_ADMIN_MAINT_RESOLUTION : 0);
}

static void start_afresh(struct backend_state *state, const struct server_conf *server)
{
    uint32_t admin = admin_of_file(server);
    enum backend_op op = admin & BACKEND_ADMIN_ANY_MAINT ? BACKEND_OP_STOPPED : BACKEND_OP_RUNNING;
    uint32_t epoch = load(&state->epoch);
    memset((void *)state, 0, sizeof(*state));
    store(&state->epoch, epoch + 1);
    store(&state->weight, server->weight);
    store(&state->weight_conf, server->weight);
    store(&state->status, (uint32_t)op | admin << 8);
    atomic_store(&state->changed_us, clock_wall_us());
    set_share(state);
}

void backend_states_adopt(const struct program_conf *program)
{
    for (const struct proxy_conf *proxy = program->proxies; proxy; proxy = proxy->next)
        for (const struct server_conf *server = proxy->be.servers; server; server = server->next) {
            struct backend_state *state = backend_state_at(server->object);
            uint64_t owner = owner_of(server);
            if (atomic_load(&state->owner) == owner)
                continue;
            start_afresh(state, server);
            atomic_store(&state->owner, owner);
        }
}

static void reconcile(const struct server_conf *server, struct board *board)
{
    struct backend_state *state = backend_state_at(server->object);
    uint32_t status = backend_state_status(state);
    uint32_t admin = backend_state_admin(status);
    enum backend_op op = backend_state_op(status);
    if (server->disabled && !(admin & BACKEND_ADMIN_MAINT_CONF))
        admin |= BACKEND_ADMIN_MAINT | BACKEND_ADMIN_MAINT_CONF;
    if (!server->disabled && admin & BACKEND_ADMIN_MAINT_CONF)
        admin &= ~(uint32_t)(BACKEND_ADMIN_MAINT | BACKEND_ADMIN_MAINT_CONF);
    admin &= ~(uint32_t)BACKEND_ADMIN_MAINT_RESOLUTION;
    admin |= server->unresolved ? BACKEND_ADMIN_MAINT_RESOLUTION : 0;
    if (admin & BACKEND_ADMIN_ANY_MAINT)
        op = BACKEND_OP_STOPPED;
    else if (backend_state_admin(status) & BACKEND_ADMIN_ANY_MAINT)
        op = BACKEND_OP_RUNNING;
    if (load(&state->weight_conf) != server->weight) {
        store(&state->weight_conf, server->weight);
        backend_state_set_weight(board, server, server->weight);
    }
    backend_state_set(board, server, op, admin);
}

void backend_states_reconcile(const struct program_conf *program, struct board *board)
{
    for (const struct proxy_conf *proxy = program->proxies; proxy; proxy = proxy->next)
        for (const struct server_conf *server = proxy->be.servers; server; server = server->next)
            reconcile(server, board);
}
