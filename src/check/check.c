// SPDX-License-Identifier: Apache-2.0
// All checks: when each begins, and who is asked for whom.
#include <stdlib.h>
#include <string.h>
#include "backend/server_change.h"
#include "check/agent.h"
#include "check/external_ops.h"
#include "check/observed.h"
#include "check/run.h"
#include "log/log.h"
#include "check/trace.h"
#include "transport/tls.h"

struct checks checks;

enum { SCRATCH_BUFS = 4, KEPT_BUFS = 64 };

struct check *check_of(const struct server_conf *server, enum check_kind kind)
{
    return checks.loop && server->object < checks.num_objects ? checks.by_object[kind][server->object] : NULL;
}

// HAProxy manual, `inter`: what is wholly up or down is asked at its own pace, what is on its way at `fastinter`.
static uint64_t pace(const struct check *check)
{
    uint32_t health = check_health(check);
    if (health == check->rise + check->fall - 1)
        return check->inter_us;
    if (!health && backend_state_op(backend_state_status(check->state)) == BACKEND_OP_STOPPED)
        return check->downinter_us ? check->downinter_us : check->inter_us;
    return check->fastinter_us ? check->fastinter_us : check->inter_us;
}

uint64_t check_interval(const struct check *check)
{
    uint64_t interval_us = pace(check);
    uint64_t range_us = interval_us * checks.conf->global.spread_checks / 100;
    uint64_t delay_us = interval_us - range_us;
    if (range_us)
        delay_us += expr_process_random(&checks.expr) % (2 * range_us + 1);
    return delay_us ? delay_us : 1;
}

void check_begin_soon(struct check *check, uint64_t delay_us)
{
    uint64_t due_us = checks.loop->now_us + delay_us + 1;
    if (!check->running && (!check->timer.due_us || check->timer.due_us > due_us))
        event_timer_set(checks.loop, &check->timer, due_us);
}

_Atomic uint32_t *check_flags(const struct check *check)
{
    return check->kind == CHECK_AGENT ? &check->state->agent_flags : &check->state->check_flags;
}

// Servers in maintenance, and those whose checks rest by command, are left alone. An agent that ordered the one has to
// be heard to end it.
static bool is_paused(const struct check *check)
{
    bool is_maint = backend_state_admin(backend_state_status(check->state)) & BACKEND_ADMIN_ANY_MAINT;
    return (is_maint && check->kind == CHECK_HEALTH) || !(atomic_load(check_flags(check)) & BACKEND_CHECK_ENABLED);
}

static _Atomic uint64_t *began_cell(const struct check *check)
{
    return check->kind == CHECK_AGENT ? &check->state->agent_began_us : &check->state->check_began_us;
}

static void fire(struct event_timer *timer)
{
    struct check *check = CONTAINER_OF(timer, struct check, timer);
    if (check->running) {
        check->ops->timeout(check);
        return;
    }
    if (is_paused(check)) {
        event_timer_set(checks.loop, timer, checks.loop->now_us + check_interval(check));
        return;
    }
    check->running = true;
    check->began_us = clock_mono_us();
    atomic_store(began_cell(check), check->began_us);
    atomic_fetch_or(check_flags(check), (uint32_t)BACKEND_CHECK_INPROGRESS);
    if (trace_is_on(TRACE_CHECK))
        check_trace(check, NULL);
    check->ops->begin(check);
}

// Down for another reason than its health: its agent said so, or its traffic did.
static bool is_held(const struct check *check)
{
    const struct backend_state *state = check->state;
    return atomic_load(&state->ejected_us) ||
           (check->server->probe.agent && atomic_load(&state->agent_status) && !atomic_load(&state->agent_health));
}

// One that was never checked begins as the file says. One that was goes on where it is, within the limits of a file
// that may have changed.
static void settle_health(const struct check *check)
{
    _Atomic uint32_t *result = check->kind == CHECK_AGENT ? &check->state->agent_status : &check->state->check_status;
    uint32_t health = check_health(check), best = check->rise + check->fall - 1;
    uint32_t status = backend_state_status(check->state);
    bool is_down = !(backend_state_admin(status) & BACKEND_ADMIN_ANY_MAINT) &&
                   backend_state_op(status) == BACKEND_OP_STOPPED && !is_held(check);
    if (atomic_load(result) == CHECK_UNKNOWN) {
        uint32_t first = check->kind == CHECK_AGENT ? check->rise : backend_state_first_health(check->server);
        check_set_health(check, is_down && first >= check->rise && check->kind == CHECK_HEALTH ? 0 : first);
        atomic_store(result, CHECK_INI);
    } else if (check->kind == CHECK_HEALTH && is_down && health >= check->rise) {
        check_set_health(check, check->rise - 1);
    } else if (check->kind == CHECK_HEALTH && !is_down && health < check->rise) {
        check_set_health(check, check->rise);
    } else if (health > best) {
        check_set_health(check, best);
    }
}

static void enter(struct check *check)
{
    checks.by_object[check->kind][check->server->object] = check;
    event_timer_init(&check->timer, fire);
    settle_health(check);
}

static bool make_room(uint32_t num)
{
    struct check **all = num < checks.room ? checks.all : realloc(checks.all, (num + 1) * sizeof(struct check *));
    if (!all)
        return false;
    checks.room = num < checks.room ? checks.room : num + 1;
    checks.all = all;
    return true;
}

// Each where it stays: its timer is in the loop's lists.
static struct check *check_new(void)
{
    struct check *check = make_room(checks.num + 1) ? calloc(1, sizeof(*check)) : NULL;
    if (check)
        checks.all[checks.num++] = check;
    return check;
}

static bool add(const struct server_conf *server)
{
    const struct check_server_conf *conf = &server->check;
    struct check *check = check_new();
    if (!check)
        return false;
    *check = (struct check){ .server = server, .proxy = server->backend->proxy };
    check->state = backend_state_at(server->object);
    check->ops = check->proxy->external.enabled ? &check_ops_external : &check_ops_steps;
    check->steps = conf->steps ? conf->steps : check->proxy->be.check.steps;
    check->inter_us = conf->inter_us;
    check->fastinter_us = conf->fastinter_us;
    check->downinter_us = conf->downinter_us;
    check->rise = conf->rise;
    check->fall = conf->fall;
    check->kind = CHECK_HEALTH;
    atomic_store(&check->state->check_rise, check->rise);
    atomic_store(&check->state->check_fall, check->fall);
    atomic_store(&check->state->check_flags, BACKEND_CHECK_CONFIGURED | BACKEND_CHECK_ENABLED);
    enter(check);
    return true;
}

static bool add_agent(const struct server_conf *server)
{
    struct check *check = check_new();
    if (!check)
        return false;
    check_agent_add(check, server);
    enter(check);
    return true;
}

static bool make_all(const struct program_conf *conf)
{
    for (const struct proxy_conf *proxy = conf->proxies; proxy; proxy = proxy->next)
        for (const struct server_conf *server = proxy->disabled ? NULL : proxy->be.servers; server;
             server = server->next) {
            checks.num += server->check.enabled + server->probe.agent;
            if (server->object >= checks.num_objects)
                checks.num_objects = server->object + 1;
        }
    for (int kind = 0; kind < CHECK_NUM_KINDS; kind++)
        checks.by_object[kind] = calloc(checks.num_objects + 1, sizeof(struct check *));
    if (!make_room(checks.num) || !checks.by_object[CHECK_HEALTH] || !checks.by_object[CHECK_AGENT])
        return false;
    checks.num = 0;
    for (const struct proxy_conf *proxy = conf->proxies; proxy; proxy = proxy->next)
        for (const struct server_conf *server = proxy->disabled ? NULL : proxy->be.servers; server;
             server = server->next) {
            if (server->check.enabled && !add(server))
                return false;
            if (server->probe.agent && !add_agent(server))
                return false;
        }
    return true;
}

// When a check is due that another controller began last: nobody is asked more often, or less, for a reload. Those that
// came due meanwhile begin soon. False where there was none, or it is long ago.
static bool due_after(uint64_t *due_us, const struct check *check, uint32_t place)
{
    enum { SOON_SHARE = 10 };
    uint64_t began_us = atomic_load(began_cell(check)), pace_us = pace(check), now_us = checks.loop->now_us;
    if (!began_us || began_us > now_us || now_us - began_us > 2 * pace_us)
        return false;
    *due_us = began_us + pace_us > now_us ? began_us + pace_us : now_us + 1 + pace_us / SOON_SHARE * place / checks.num;
    return true;
}

// The first checks are spread over the shortest interval, or max-spread-checks, in an order that chance gives: servers
// that stand side by side in the file are often one machine.
static void schedule_first(void)
{
    uint64_t shortest_us = UINT64_MAX, most_us = checks.conf->global.max_spread_checks_us;
    uint32_t *order = calloc(checks.num + 1, sizeof(*order));
    for (uint32_t i = 0; i < checks.num; i++) {
        uint64_t pace_us = pace(checks.all[i]);
        shortest_us = pace_us < shortest_us ? pace_us : shortest_us;
    }
    for (uint32_t i = 0; order && i < checks.num; i++) {
        uint32_t other = (uint32_t)(expr_process_random(&checks.expr) % (i + 1));
        order[i] = order[other];
        order[other] = i;
    }
    for (uint32_t i = 0; i < checks.num; i++) {
        struct check *check = checks.all[order ? order[i] : i];
        uint64_t within_us = pace(check) > shortest_us ? pace(check) : shortest_us;
        if (most_us && within_us > most_us)
            within_us = most_us;
        uint64_t due_us = checks.loop->now_us + 1 + within_us * i / checks.num;
        (void)due_after(&due_us, check, i);
        event_timer_set(checks.loop, &check->timer, due_us);
    }
    free(order);
}

static void end(struct check *check)
{
    if (!check->server)
        return;
    if (check->running)
        check->ops->drop(check);
    event_timer_del(checks.loop, &check->timer);
}

// ---- servers that come and go -------------------------------------------------------------------------------------

static bool index_grow(uint32_t object)
{
    uint32_t num = object + 1;
    if (object < checks.num_objects)
        return true;
    for (int kind = 0; kind < CHECK_NUM_KINDS; kind++) {
        struct check **by_object = realloc(checks.by_object[kind], (num + 1) * sizeof(struct check *));
        if (!by_object)
            return false;
        memset(by_object + checks.num_objects, 0, (num + 1 - checks.num_objects) * sizeof(struct check *));
        checks.by_object[kind] = by_object;
    }
    checks.num_objects = num;
    return true;
}

// What is added begins at rest, until `enable health` and `enable agent`.
static void begin_at_rest(const struct server_conf *server, enum check_kind kind, uint32_t had)
{
    struct check *check = check_of(server, kind);
    if (!check)
        return;
    if (!(had & BACKEND_CHECK_CONFIGURED) || !(had & BACKEND_CHECK_ENABLED))
        atomic_fetch_and(check_flags(check), ~(uint32_t)BACKEND_CHECK_ENABLED);
    event_timer_set(checks.loop, &check->timer, checks.loop->now_us + check_interval(check));
}

static void added(struct backend_watch *watch, struct server_conf *server)
{
    struct backend_state *state = backend_state_at(server->object);
    uint32_t health = atomic_load(&state->check_flags), agent = atomic_load(&state->agent_flags);
    (void)watch;
    bool ok = index_grow(server->object);
    ok = ok && (!server->check.enabled || add(server));
    ok = ok && (!server->probe.agent || add_agent(server));
    if (!ok)
        log_say(LOG_LEVEL_ALERT, "no checks of server %s/%s: out of memory", server->backend->proxy->name,
                server->name);
    begin_at_rest(server, CHECK_HEALTH, health);
    begin_at_rest(server, CHECK_AGENT, agent);
    check_observed_add(server);
}

static void removed(struct backend_watch *watch, struct server_conf *server)
{
    (void)watch;
    check_observed_remove(server);
    for (uint32_t i = checks.num; i-- > 0;) {
        struct check *check = checks.all[i];
        if (check->server != server)
            continue;
        end(check);
        checks.by_object[check->kind][server->object] = NULL;
        checks.all[i] = checks.all[--checks.num];
        free(check);
    }
}

static struct backend_watch watch = { .added = added, .removed = removed };

bool check_begin(const struct check_start *start)
{
    const struct global_conf *global = &start->conf->global;
    if (checks.loop)
        return true;
    checks = (struct checks){ .loop = start->loop, .conf = start->conf, .board = start->board, .inc = start->inc };
    buf_pool_init(&checks.bufs, global->bufsize, KEPT_BUFS);
    size_t cap = SCRATCH_BUFS * global->bufsize;
    checks.expr = (struct expr_process){ .scratch = { .mem = malloc(cap), .cap = (uint32_t)cap },
                                         .now_us = &checks.loop->now_us,
                                         .wall_us = &checks.loop->wall_us,
                                         .start_us = checks.loop->now_us,
                                         .vars = expr_var_pool_new(&global->var_limits) };
    expr_process_begin(&checks.expr);
    if (table_proc_vars_init(&checks.proc_vars, checks.board))
        checks.expr.proc_vars = &checks.proc_vars.vars;
    if (!checks.expr.scratch.mem || !checks.expr.vars || !make_all(start->conf) || !check_observed_begin()) {
        check_end();
        return false;
    }
    check_external_begin(start->helper_fd);
    backend_watch_begin(&watch);
    schedule_first();
    return true;
}

void check_woken(void)
{
    check_observed_woken();
}

void check_resume(const struct server_conf *server)
{
    for (int kind = 0; kind < CHECK_NUM_KINDS; kind++)
        if (check_of(server, (enum check_kind)kind))
            check_begin_soon(check_of(server, (enum check_kind)kind), 0);
}

void check_end(void)
{
    backend_watch_end(&watch);
    for (uint32_t i = 0; checks.all && i < checks.num; i++) {
        end(checks.all[i]);
        free(checks.all[i]);
    }
    check_observed_end();
    check_external_end();
    check_runs_free();
    transport_tls_ctx_free(checks.tls);
    expr_var_pool_free(checks.expr.vars);
    free(checks.expr.scratch.mem);
    if (checks.loop)
        buf_pool_fini(&checks.bufs);
    free(checks.by_object[CHECK_HEALTH]);
    free(checks.by_object[CHECK_AGENT]);
    free(checks.all);
    checks = (struct checks){ 0 };
}
