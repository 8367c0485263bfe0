// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include "backend/limit.h"
#include "backend/state.h"
#include "base/clock.h"
#include "state_inner.h"

// Tests build a program that differs.
#ifndef BACKEND_STATES_LAYOUT
#define BACKEND_STATES_LAYOUT BACKEND_STATES_VERSION
#endif

// One board to a process.
static struct backend_states *states;

bool backend_states_prepare(struct board *board)
{
    bool fresh;
    backend_limit_prepare(board);
    states = board_section(board, &fresh, BACKEND_STATES_SECTION, BACKEND_STATES_LAYOUT, sizeof(*states));
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

const _Atomic uint32_t *backend_states_epoch_at(void)
{
    return &states->epoch;
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

void backend_states_announce(struct board *board)
{
    atomic_fetch_add(&states->epoch, 1);
    wake_all(board, BOARD_ROLE_WORKER);
}

// Last, so that who meets a mark that is not written yet finds the change by itself.
void backend_state_mark(const struct server_conf *server)
{
    atomic_fetch_add(&backend_state_at(server->object)->epoch, 1);
    atomic_fetch_add(&backend_state_at(server->backend->proxy->be_object)->epoch, 1);
    uint32_t num = atomic_fetch_add(&states->num_marks, 1);
    atomic_store(&states->marks[num % BACKEND_NUM_MARKS], (uint64_t)(num + 1) << 32 | server->object);
}

uint32_t backend_states_num_marks(void)
{
    return atomic_load(&states->num_marks);
}

bool backend_states_marked(uint32_t *object, uint32_t at)
{
    uint64_t mark = atomic_load(&states->marks[at % BACKEND_NUM_MARKS]);
    *object = (uint32_t)mark;
    return (uint32_t)(mark >> 32) == at + 1;
}

static bool may_choose(const struct server_conf *server, bool fails_open)
{
    const struct backend_state *state = backend_state_at(server->object);
    uint32_t status = load(&state->status);
    if (fails_open)
        return !(backend_state_admin(status) & BACKEND_ADMIN_ANY_MAINT);
    return backend_status_is_willing(status) && load(&state->share);
}

// Waiters that take any server are for those that balancing may choose now.
void backend_states_close_queues(struct board *board, const struct proxy_conf *proxy)
{
    bool fails_open = proxy->options & PROXY_OPT_FAIL_OPEN;
    bool any_active = false;
    bool any_backup = false;
    for (const struct server_conf *it = proxy->be.servers; it && !fails_open; it = it->next)
        any_active |= !it->backup && may_choose(it, false);
    for (const struct server_conf *it = proxy->be.servers; it; it = it->next) {
        bool open = may_choose(it, fails_open);
        if (it->backup && !fails_open) {
            bool in_turn = !any_backup || proxy->options & PROXY_OPT_ALL_BACKUPS;
            any_backup |= open;
            open &= !any_active && in_turn;
        }
        board_queue_close(board, it->object, !open);
    }
}

void backend_state_announce(struct board *board, const struct server_conf *server)
{
    backend_states_close_queues(board, server->backend->proxy);
    backend_state_mark(server);
    backend_states_announce(board);
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
    atomic_store(&state->kill_us, clock_mono_us());
    store(&state->kills, ((load(&state->kills) >> 2) + 1) << 2 | (uint32_t)why);
    backend_state_announce(board, server);
}

void backend_state_ask(struct board *board, const struct server_conf *server, uint32_t what)
{
    struct backend_state *state = backend_state_at(server->object);
    if ((atomic_fetch_or(&state->asked, what) & what) != what)
        wake_all(board, BOARD_ROLE_CONTROLLER);
}

uint32_t backend_state_full_maxconn(const struct server_conf *server)
{
    uint32_t set = load(&backend_state_at(server->object)->maxconn);
    return set ? set - 1 : server->maxconn;
}

uint32_t backend_state_maxconn(const struct server_conf *server)
{
    const struct backend_state *state = backend_state_at(server->object);
    uint32_t limit = backend_limit_ramp(server, backend_state_full_maxconn(server));
    uint32_t throttle = load(&state->throttle);
    if (!throttle || !limit)
        return limit;
    limit = (uint32_t)((uint64_t)limit * throttle / 100);
    return limit ? limit : 1;
}

bool backend_state_speed(const struct server_conf *server, uint32_t percent)
{
    struct backend_state *state = backend_state_at(server->object);
    uint32_t status = load(&state->status);
    if (backend_state_op(status) != BACKEND_OP_STARTING || percent <= load(&state->throttle))
        return false;
    if (percent >= 100)
        atomic_store_explicit(&state->status, BACKEND_OP_RUNNING | backend_state_admin(status) << 8,
                              memory_order_release);
    else
        store(&state->throttle, percent);
    set_share(state);
    return true;
}

void backend_state_repair(const struct server_conf *server)
{
    struct backend_state *state = backend_state_at(server->object);
    bool is_up = backend_status_is_up(load(&state->status));
    uint64_t since_us = atomic_load(&state->down_since_us);
    if (is_up && since_us)
        atomic_store(&state->down_since_us, 0);
    else if (!is_up && !since_us)
        atomic_store(&state->down_since_us, clock_mono_us());
    if (load(&state->text_seq) & 1)
        store(&state->text_seq, load(&state->text_seq) + 1);
    if (backend_state_op(load(&state->status)) == BACKEND_OP_STARTING && !load(&state->throttle))
        store(&state->throttle, 1);
    set_share(state);
}

uint32_t backend_state_admin_of_file(const struct server_conf *server)
{
    return (server->disabled ? BACKEND_ADMIN_MAINT | BACKEND_ADMIN_MAINT_CONF : 0) |
           (server->unresolved ? BACKEND_ADMIN_MAINT_RESOLUTION : 0);
}

// Field by field: workers of an older generation may be reading.
bool backend_state_begins_down(const struct server_conf *server)
{
    uint8_t state = server->probe.init_state;
    return server->check.enabled && (state == PROBE_INIT_DOWN || state == PROBE_INIT_FULLY_DOWN);
}

uint32_t backend_state_first_health(const struct server_conf *server)
{
    const struct check_server_conf *check = &server->check;
    switch (server->probe.init_state) {
    case PROBE_INIT_FULLY_UP:
        return check->rise + check->fall - 1;
    case PROBE_INIT_DOWN:
        return check->rise - 1;
    case PROBE_INIT_FULLY_DOWN:
        return 0;
    default:
        return check->rise;
    }
}

void backend_state_renew(const struct server_conf *server)
{
    struct backend_state *state = backend_state_at(server->object);
    uint32_t admin = backend_state_admin_of_file(server);
    bool is_up = !(admin & BACKEND_ADMIN_ANY_MAINT) && !backend_state_begins_down(server);
    store(&state->weight, server->weight);
    store(&state->weight_conf, server->weight);
    store(&state->throttle, 0);
    store(&state->share, server->weight * BACKEND_SHARE_SCALE);
    store(&state->maxconn, 0);
    store(&state->asked, 0);
    store(&state->num_downs, 0);
    store(&state->errors, 0);
    store(&state->num_ejects, 0);
    store(&state->num_observed, 0);
    atomic_store(&state->ejected_us, 0);
    for (size_t i = 0; i < NUM_ITEMS(state->observed); i++)
        atomic_store(&state->observed[i], 0);
    store(&state->health, is_up ? 2 : 0); // as for HAProxy, of a server without a check
    store(&state->check_status, 0);
    store(&state->check_code, 0);
    store(&state->check_ms, 0);
    store(&state->check_flags, 0);
    store(&state->check_rise, 0);
    store(&state->check_fall, 0);
    store(&state->num_check_fails, 0);
    store(&state->agent_health, 0);
    store(&state->agent_status, 0);
    store(&state->agent_code, 0);
    store(&state->agent_ms, 0);
    store(&state->agent_flags, 0);
    store(&state->agent_rise, 0);
    store(&state->agent_fall, 0);
    store(&state->had_checks, 0);
    state->check_text[0] = state->agent_text[0] = '\0';
    store(&state->text_seq, (load(&state->text_seq) | 1) + 1);
    atomic_store(&state->down_us, 0);
    atomic_store(&state->starting_us, 0);
    atomic_store(&state->down_since_us, is_up ? 0 : clock_mono_us());
    atomic_store(&state->changed_us, clock_wall_us());
    atomic_store_explicit(&state->status, (uint32_t)(is_up ? BACKEND_OP_RUNNING : BACKEND_OP_STOPPED) | admin << 8,
                          memory_order_release);
    store(&state->is_fresh, 1);
}
