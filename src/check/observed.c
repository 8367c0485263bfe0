// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include "backend/notice.h"
#include "backend/observe.h"
#include "check/observed.h"

enum { MAX_DOUBLINGS = 4, JITTER_PERCENT = 10, SAY_US = 10000000, WHY_LEN = 256 };

struct observed {
    struct event_timer timer; // when it comes back
    const struct server_conf *server;
    struct backend_state *state;
    uint64_t wait_us; // how long it was out the last time
    uint64_t back_us; // when it came back, 0: not since this process began
    uint64_t said_us; // when it was last told that it may not be taken out
    bool by_checks;   // taken out, and for checks to bring back
};

static struct {
    struct observed **all;
    uint32_t num;
} observed;

static bool is_down(const struct observed *it)
{
    uint32_t status = backend_state_status(it->state);
    return backend_state_op(status) == BACKEND_OP_STOPPED;
}

static bool is_out(struct observed *it)
{
    it->by_checks = it->by_checks && is_down(it);
    return it->by_checks || atomic_load(&it->state->ejected_us);
}

// Never more than half of a backend's servers: that so many fail tells more of the requests, or of what all servers
// need, than of each.
static bool may_eject(struct observed *candidate)
{
    const struct backend_conf *backend = candidate->server->backend;
    uint32_t num_out = 0;
    for (uint32_t i = 0; i < observed.num; i++)
        num_out += observed.all[i]->server->backend == backend && is_out(observed.all[i]);
    if ((num_out + 1) * 2 <= backend->num_servers)
        return true;
    if (!candidate->said_us || checks.loop->now_us - candidate->said_us > SAY_US) {
        candidate->said_us = checks.loop->now_us;
        backend_notice_say(checks.board, candidate->server, LOG_LEVEL_WARNING,
                           "Server %s/%s stays in service although it fails: %u of %u servers are out for that already",
                           backend->proxy->name, candidate->server->name, num_out, backend->num_servers);
    }
    return false;
}

static void come_back(struct event_timer *timer)
{
    struct observed *it = CONTAINER_OF(timer, struct observed, timer);
    const struct check *agent = check_of(it->server, CHECK_AGENT);
    char why[WHY_LEN];
    atomic_store(&it->state->ejected_us, 0);
    atomic_store(&it->state->errors, 0);
    backend_observe_forget(it->server);
    it->back_us = checks.loop->now_us;
    snprintf(why, sizeof(why), "after %llums out of service", (unsigned long long)(it->wait_us / 1000));
    if (!agent || check_health(agent) >= agent->rise)
        backend_notice_op(checks.board, it->server, BACKEND_OP_RUNNING, why);
}

static void eject(struct observed *it, const char *info)
{
    const struct probe_conf *conf = &it->server->probe;
    uint64_t now_us = checks.loop->now_us;
    uint32_t num = atomic_load(&it->state->num_ejects);
    char why[WHY_LEN];
    // Whoever did well for twice as long as it was out begins anew.
    if (it->back_us && now_us - it->back_us > 2 * it->wait_us)
        num = 0;
    uint64_t wait_us = conf->eject_us << (num < MAX_DOUBLINGS ? num : MAX_DOUBLINGS);
    uint64_t tenth_us = wait_us * JITTER_PERCENT / 100;
    it->wait_us = wait_us - tenth_us + expr_process_random(&checks.expr) % (2 * tenth_us + 1);
    atomic_store(&it->state->num_ejects, num + 1);
    atomic_store(&it->state->ejected_us, now_us + it->wait_us);
    event_timer_set(checks.loop, &it->timer, now_us + it->wait_us);
    snprintf(why, sizeof(why), "reason: Health analyze, info: \"%s\", out of service for %llums", info,
             (unsigned long long)(it->wait_us / 1000));
    backend_notice_op(checks.board, it->server, BACKEND_OP_STOPPED, why);
}

// HAProxy manual, "on-error". What was found counts as a failed check, even while one is under way.
static void fail_check(struct check *check, const char *info)
{
    switch (check->server->probe.on_error) {
    case PROBE_ON_ERROR_FASTINTER:
        break;
    case PROBE_ON_ERROR_SUDDEN_DEATH:
        if (check_health(check) > check->rise + 1)
            check_set_health(check, check->rise + 1);
        check_note(check, CHECK_HANA, 0, info, -1);
        break;
    case PROBE_ON_ERROR_MARK_DOWN:
        if (check_health(check) > check->rise)
            check_set_health(check, check->rise);
        check_note(check, CHECK_HANA, 0, info, -1);
        break;
    default:
        check_note(check, CHECK_HANA, 0, info, -1);
        break;
    }
    check_begin_soon(check, check->fastinter_us ? check->fastinter_us : check->inter_us);
}

// False where nothing was done.
static bool act(struct observed *it, const char *info, bool bounded)
{
    struct check *check = check_of(it->server, CHECK_HEALTH);
    const struct probe_conf *conf = &it->server->probe;
    uint32_t admin = backend_state_admin(backend_state_status(it->state));
    if (admin & BACKEND_ADMIN_ANY_MAINT || is_down(it))
        return false;
    if (!check && (!conf->eject_us || conf->on_error == PROBE_ON_ERROR_FASTINTER))
        return false;
    if ((bounded || !check) && !may_eject(it))
        return false;
    atomic_fetch_add(&it->state->num_observed, 1);
    if (!check) {
        eject(it, info);
        return true;
    }
    fail_check(check, info);
    it->by_checks = is_down(it);
    return true;
}

static void look(struct observed *it)
{
    char info[WHY_LEN / 2];
    uint32_t asked = atomic_load_explicit(&it->state->asked, memory_order_relaxed);
    const struct probe_conf *conf = &it->server->probe;
    struct backend_observed sum;
    if (!asked)
        return;
    asked = atomic_exchange(&it->state->asked, 0);
    if (asked & BACKEND_ASK_ERRORS) {
        snprintf(info, sizeof(info), "Detected %u consecutive errors, last one was: %s", conf->error_limit,
                 backend_seen_text((enum backend_seen)atomic_load(&it->state->last_error)));
        (void)act(it, info, false);
    }
    if (asked & BACKEND_ASK_OUTLIER && backend_observe_is_outlier(it->server, &sum, checks.loop->now_us)) {
        snprintf(info, sizeof(info), "%u of %u failed within %llums (%u%%, more than %u%%)", sum.failed, sum.total,
                 (unsigned long long)(conf->share_window_us / 1000), (uint32_t)((uint64_t)sum.failed * 100 / sum.total),
                 conf->share);
        if (act(it, info, true))
            backend_observe_forget(it->server);
    }
}

void check_observed_woken(void)
{
    for (uint32_t i = 0; i < observed.num; i++)
        look(observed.all[i]);
}

// A server that is out and is not watched any more, or is watched by checks now, has nobody else to bring it back.
static void release(const struct server_conf *server)
{
    struct backend_state *state = backend_state_at(server->object);
    if (!atomic_exchange(&state->ejected_us, 0))
        return;
    if (!check_of(server, CHECK_HEALTH))
        backend_notice_op(checks.board, server, BACKEND_OP_RUNNING, "as 'observe' has no say any more");
}

static bool add(const struct server_conf *server)
{
    struct observed **all = realloc(observed.all, (observed.num + 1) * sizeof(struct observed *));
    struct observed *it = all ? calloc(1, sizeof(*it)) : NULL;
    observed.all = all ? all : observed.all;
    if (!it)
        return false;
    observed.all[observed.num++] = it;
    uint64_t due_us = atomic_load(&backend_state_at(server->object)->ejected_us);
    *it = (struct observed){ .server = server, .state = backend_state_at(server->object) };
    event_timer_init(&it->timer, come_back);
    if (!due_us)
        return true;
    it->wait_us = server->probe.eject_us;
    event_timer_set(checks.loop, &it->timer, due_us > checks.loop->now_us ? due_us : checks.loop->now_us + 1);
    return true;
}

bool check_observed_begin(void)
{
    for (const struct proxy_conf *proxy = checks.conf->proxies; proxy; proxy = proxy->next) {
        for (const struct server_conf *it = proxy->disabled ? NULL : proxy->be.servers; it; it = it->next) {
            if (it->probe.observe == PROBE_OBSERVE_NONE || check_of(it, CHECK_HEALTH) || !it->probe.eject_us)
                release(it);
            if (it->probe.observe != PROBE_OBSERVE_NONE && !add(it))
                return false;
        }
    }
    check_observed_woken();
    return true;
}

void check_observed_add(const struct server_conf *server)
{
    if (server->probe.observe != PROBE_OBSERVE_NONE && !add(server))
        log_say(LOG_LEVEL_ALERT, "'observe' of server %s/%s has no effect: out of memory", server->backend->proxy->name,
                server->name);
}

void check_observed_remove(const struct server_conf *server)
{
    for (uint32_t i = observed.num; i-- > 0;) {
        struct observed *it = observed.all[i];
        if (it->server != server)
            continue;
        event_timer_del(checks.loop, &it->timer);
        observed.all[i] = observed.all[--observed.num];
        free(it);
    }
}

void check_observed_end(void)
{
    for (uint32_t i = 0; i < observed.num; i++) {
        event_timer_del(checks.loop, &observed.all[i]->timer);
        free(observed.all[i]);
    }
    free(observed.all);
    observed.all = NULL;
    observed.num = 0;
}
