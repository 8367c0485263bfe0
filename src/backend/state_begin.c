// SPDX-License-Identifier: Apache-2.0
// How states pass from one generation, and one controller, to the next; and the clock of servers that start slowly.
#include <stdlib.h>
#include "backend/notice.h"
#include "backend/state.h"
#include "base/clock.h"
#include "base/hash.h"
#include "proxy/server_place.h"

enum { SLOWSTART_TICK_US = 100000 };

// One active controller to a process.
static struct {
    struct event_loop *loop;
    struct event_timer timer;
    struct board *board;
    const struct program_conf *program;
    uint32_t epoch; // of the states, when the servers that start slowly were last looked for
    bool any;       // there were some
} slow;

// As the file says: where commands moved it to is no other server.
static uint64_t address_of(const struct server_conf *server)
{
    const struct server_origin *origin = server->origin;
    const struct transport_address *addr = origin ? &origin->addr : &server->addr;
    const char *host = origin ? origin->host : server->host;
    if (host)
        return (uint64_t)hash_djb2(slice_str(host)) << 16 | addr->port;
    if (addr->family == AF_UNIX || addr->family == AF_UNSPEC)
        return server->addr_text ? hash_djb2(slice_str(server->addr_text)) : 0;
    return (uint64_t)hash_djb2(slice_of((const char *)addr->ip, sizeof(addr->ip))) << 16 | addr->port;
}

static void each_server(const struct program_conf *program, void (*visit)(const struct server_conf *server))
{
    for (const struct proxy_conf *proxy = program->proxies; proxy; proxy = proxy->next)
        for (const struct server_conf *server = proxy->be.servers; server; server = server->next)
            visit(server);
}

static void adopt(const struct server_conf *server)
{
    struct backend_state *state = backend_state_at(server->object);
    atomic_store(&state->is_fresh, 0);
    if (atomic_load(&state->owner) == proxy_place_owner(server))
        return;
    backend_state_renew(server);
    atomic_store(&state->address, address_of(server));
    atomic_store(&state->owner, proxy_place_owner(server));
}

void backend_states_own(const struct server_conf *server)
{
    struct backend_state *state = backend_state_at(server->object);
    atomic_store(&state->address, address_of(server));
    atomic_store(&state->owner, proxy_place_owner(server));
}

void backend_states_disown(uint32_t object)
{
    atomic_store(&backend_state_at(object)->owner, 0);
}

static void close_queues(struct board *board, const struct program_conf *program)
{
    for (const struct proxy_conf *proxy = program->proxies; proxy; proxy = proxy->next)
        backend_states_close_queues(board, proxy);
}

// A backend's own times begin with it.
static void adopt_backend(const struct proxy_conf *proxy)
{
    struct backend_state *state = backend_state_at(proxy->be_object);
    uint64_t owner = hash_djb2(slice_str(proxy->name)) | UINT64_C(1) << 63;
    if (atomic_load(&state->owner) == owner)
        return;
    atomic_store(&state->num_downs, 0);
    atomic_store(&state->down_us, 0);
    atomic_store(&state->down_since_us, 0);
    atomic_store(&state->changed_us, clock_wall_us());
    atomic_store(&state->owner, owner);
}

void backend_states_adopt(const struct program_conf *program, struct board *board)
{
    for (const struct proxy_conf *proxy = program->proxies; proxy; proxy = proxy->next)
        if (proxy->has_backend)
            adopt_backend(proxy);
    each_server(program, adopt);
    close_queues(board, program);
}

// The old one's `disabled` was there for as long as the file said so.
static uint32_t admin_after(const struct server_conf *server, uint32_t admin)
{
    uint32_t conf = BACKEND_ADMIN_MAINT | BACKEND_ADMIN_MAINT_CONF;
    if (server->disabled && !(admin & BACKEND_ADMIN_MAINT_CONF))
        admin |= conf;
    else if (!server->disabled && admin & BACKEND_ADMIN_MAINT_CONF)
        admin &= ~conf;
    admin &= ~(uint32_t)BACKEND_ADMIN_MAINT_RESOLUTION;
    if (!server->tracked)
        admin &= ~(uint32_t)(BACKEND_ADMIN_MAINT_INHERITED | BACKEND_ADMIN_DRAIN_INHERITED);
    return admin | (server->unresolved ? BACKEND_ADMIN_MAINT_RESOLUTION : 0);
}

static void reconcile(const struct server_conf *server)
{
    struct backend_state *state = backend_state_at(server->object);
    if (atomic_load(&state->owner) != proxy_place_owner(server) || atomic_load(&state->address) != address_of(server)) {
        backend_state_renew(server);
        atomic_store(&state->address, address_of(server));
        atomic_store(&state->owner, proxy_place_owner(server));
        return;
    }
    backend_state_repair(server);
    uint32_t status = backend_state_status(state);
    uint32_t admin = admin_after(server, backend_state_admin(status));
    enum backend_op op = backend_state_op(status);
    if (admin & BACKEND_ADMIN_ANY_MAINT)
        op = BACKEND_OP_STOPPED;
    else if (backend_state_admin(status) & BACKEND_ADMIN_ANY_MAINT)
        op = BACKEND_OP_RUNNING;
    if (atomic_load(&state->weight_conf) != server->weight) {
        atomic_store(&state->weight_conf, server->weight);
        backend_state_set_weight(slow.board, server, server->weight);
    }
    backend_state_set(slow.board, server, op, admin);
    uint32_t had = atomic_load(&state->check_flags) | atomic_load(&state->agent_flags) << 8;
    if (had)
        atomic_store(&state->had_checks, had);
    atomic_store(&state->check_flags, 0);
    atomic_store(&state->agent_flags, 0);
}

// A server that comes back after a generation without it is a new one.
static void forget_vanished(const struct program_conf *program, struct board *board)
{
    uint32_t limit = board_object_limit(board);
    uint8_t *known = calloc(limit + 1, 1);
    if (!known)
        return;
    for (const struct proxy_conf *proxy = program->proxies; proxy; proxy = proxy->next) {
        if (proxy->be_object < limit)
            known[proxy->be_object] = 1;
        for (const struct server_conf *server = proxy->be.servers; server; server = server->next)
            if (server->object < limit)
                known[server->object] = 1;
    }
    for (uint32_t object = 1; object < limit; object++)
        if (!known[object] && atomic_load(&backend_state_at(object)->owner))
            atomic_store(&backend_state_at(object)->owner, 0);
    free(known);
}

void backend_states_reconcile(const struct program_conf *program, struct board *board)
{
    if (slow.loop)
        return;
    slow.board = board;
    forget_vanished(program, board);
    each_server(program, reconcile);
    close_queues(board, program);
    backend_states_announce(board);
}

// As if every change of the server it tracks had reached it.
static void share_tracked(const struct server_conf *server, uint32_t status)
{
    const struct server_conf *root = server->tracked;
    while (root->tracked)
        root = root->tracked;
    uint32_t theirs = backend_state_status(backend_state_at(root->object));
    uint32_t admin = backend_state_admin(status);
    enum backend_op op =
        backend_state_op(theirs) == BACKEND_OP_STARTING ? BACKEND_OP_RUNNING : backend_state_op(theirs);
    admin &= ~(uint32_t)(BACKEND_ADMIN_MAINT_INHERITED | BACKEND_ADMIN_DRAIN_INHERITED);
    if (backend_state_admin(theirs) & BACKEND_ADMIN_ANY_MAINT)
        admin |= BACKEND_ADMIN_MAINT_INHERITED;
    else if (backend_state_admin(theirs) & BACKEND_ADMIN_ANY_DRAIN)
        admin |= BACKEND_ADMIN_DRAIN_INHERITED;
    if (admin & BACKEND_ADMIN_ANY_MAINT)
        op = BACKEND_OP_STOPPED;
    if (op != BACKEND_OP_RUNNING || backend_state_op(status) != BACKEND_OP_STARTING)
        backend_state_set(slow.board, server, op, admin);
}

static void settle(const struct server_conf *server)
{
    struct backend_state *state = backend_state_at(server->object);
    uint32_t had = atomic_exchange(&state->had_checks, 0);
    uint32_t check = atomic_load(&state->check_flags);
    uint32_t agent = atomic_load(&state->agent_flags);
    if (had & BACKEND_CHECK_CONFIGURED && !(had & BACKEND_CHECK_ENABLED))
        atomic_fetch_and(&state->check_flags, ~(uint32_t)BACKEND_CHECK_ENABLED);
    if (had >> 8 & BACKEND_CHECK_CONFIGURED && !(had >> 8 & BACKEND_CHECK_ENABLED))
        atomic_fetch_and(&state->agent_flags, ~(uint32_t)BACKEND_CHECK_ENABLED);
    uint32_t status = backend_state_status(state);
    if (server->tracked)
        share_tracked(server, status);
    bool checked = (check | agent) & BACKEND_CHECK_CONFIGURED || server->tracked;
    if (checked || !had || backend_state_admin(status) & BACKEND_ADMIN_ANY_MAINT)
        return;
    // Nobody would ever find it up again.
    atomic_store(&state->check_status, 0);
    atomic_store(&state->agent_status, 0);
    backend_state_set(slow.board, server, BACKEND_OP_RUNNING, backend_state_admin(status));
}

// A backend whose file leaves it no server is down from its start, and a file can bring it back.
static void settle_backend(const struct proxy_conf *proxy)
{
    struct backend_state *state = backend_state_at(proxy->be_object);
    struct backend_notice_count servers;
    backend_notice_count(&servers, proxy);
    bool is_up = !servers.num_servers || servers.num_active || servers.num_backup;
    uint64_t since_us = atomic_load(&state->down_since_us), now_us = clock_mono_us();
    if (is_up == !since_us)
        return;
    atomic_store(&state->down_since_us, is_up ? 0 : now_us);
    if (is_up && since_us < now_us)
        atomic_fetch_add(&state->down_us, now_us - since_us);
    atomic_store(&state->changed_us, clock_wall_us());
}

// The share grows with time, for all that start slowly in the same tick.
static bool grow(const struct server_conf *server)
{
    struct backend_state *state = backend_state_at(server->object);
    if (backend_state_op(backend_state_status(state)) != BACKEND_OP_STARTING)
        return false;
    uint64_t now_us = clock_mono_us();
    uint64_t since_us = atomic_load(&state->starting_us);
    uint64_t age_us = now_us > since_us ? now_us - since_us : 0;
    uint32_t percent =
        !server->slowstart_us || age_us >= server->slowstart_us ? 100 : (uint32_t)(age_us * 100 / server->slowstart_us);
    if (backend_state_speed(server, percent)) {
        backend_state_mark(server);
        slow.any = true;
    }
    return true;
}

static void slow_tick(struct event_timer *timer)
{
    uint32_t epoch = backend_states_epoch();
    event_timer_set(slow.loop, timer, slow.loop->now_us + SLOWSTART_TICK_US);
    if (!slow.any && epoch == slow.epoch)
        return;
    bool starting = false;
    slow.any = false;
    for (const struct proxy_conf *proxy = slow.program->proxies; proxy; proxy = proxy->next)
        for (const struct server_conf *server = proxy->be.servers; server; server = server->next)
            starting |= grow(server);
    if (slow.any)
        backend_states_announce(slow.board);
    slow.any = starting;
    slow.epoch = backend_states_epoch();
}

void backend_states_begin(const struct program_conf *program, struct board *board, struct event_loop *loop)
{
    if (slow.loop)
        return;
    slow.board = board;
    slow.program = program;
    slow.loop = loop;
    slow.any = true;
    each_server(program, settle);
    for (const struct proxy_conf *proxy = program->proxies; proxy; proxy = proxy->next)
        if (proxy->has_backend)
            settle_backend(proxy);
    event_timer_init(&slow.timer, slow_tick);
    event_timer_set(loop, &slow.timer, loop->now_us + SLOWSTART_TICK_US);
}

void backend_states_end(void)
{
    if (slow.loop)
        event_timer_del(slow.loop, &slow.timer);
    slow.loop = NULL;
}
