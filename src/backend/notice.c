// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>
#include "backend/notice.h"
#include "base/clock.h"

enum { LINE_MAX_LEN = 1024 };

// One line about a server.
struct notice {
    struct board *board;
    const struct server_conf *server;
    uint32_t num_sessions; // on the server, and waiting for it, before it changed: workers are quick
    uint32_t num_waiting;
    char text[LINE_MAX_LEN];
    size_t len;
};

static __attribute__((format(printf, 2, 3))) void add(struct notice *notice, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(notice->text + notice->len, sizeof(notice->text) - notice->len, format, args);
    va_end(args);
    notice->len += len > 0 ? (size_t)len : 0;
    if (notice->len >= sizeof(notice->text))
        notice->len = sizeof(notice->text) - 1;
}

static void begin(struct notice *notice, struct board *board, const struct server_conf *server)
{
    notice->board = board;
    notice->server = server;
    notice->len = 0;
    notice->num_sessions = board_lane_sum(board, server->object);
    notice->num_waiting = board_queue_len(board, server->backend->proxy->be_object, server->object);
    add(notice, "%sServer %s/%s ", server->backup ? "Backup " : "", server->backend->proxy->name, server->name);
}

static void send_line(struct notice *notice, enum log_level level)
{
    log_show(LOG_LEVEL_WARNING, "%.*s", (int)notice->len, notice->text);
    log_send(notice->board, board_incarnation_self(notice->board), notice->server->backend->proxy->logs, level,
             clock_wall_us(), slice_of(notice->text, notice->len));
}

void backend_notice_say(struct board *board, const struct server_conf *server, enum log_level level, const char *format,
                        ...)
{
    struct notice notice = { .board = board, .server = server };
    va_list args;
    va_start(args, format);
    int len = vsnprintf(notice.text, sizeof(notice.text), format, args);
    va_end(args);
    notice.len = len < 0 ? 0 : (size_t)len < sizeof(notice.text) ? (size_t)len : sizeof(notice.text) - 1;
    send_line(&notice, level);
}

void backend_notice_count(struct backend_notice_count *out, const struct proxy_conf *proxy)
{
    bool all_backups = proxy->options & PROXY_OPT_ALL_BACKUPS;
    uint32_t active = 0;
    uint32_t backup = 0;
    *out = (struct backend_notice_count){ .num_servers = proxy->be.num_servers };
    for (const struct server_conf *server = proxy->be.servers; server; server = server->next) {
        const struct backend_state *state = backend_state_at(server->object);
        uint32_t status = backend_state_status(state);
        uint32_t share = atomic_load_explicit(&state->share, memory_order_relaxed);
        out->num_maint += (backend_state_admin(status) & BACKEND_ADMIN_ANY_MAINT) != 0;
        if (!backend_status_is_up(status))
            continue;
        out->num_up++;
        out->num_drain += !backend_status_is_willing(status);
        if (!backend_status_is_willing(status) || !share)
            continue;
        if (!server->backup)
            active += share;
        else if (all_backups || !out->num_backup)
            backup += share;
        out->num_backup += server->backup;
        out->num_active += !server->backup;
    }
    uint32_t shares = out->num_active ? active : backup;
    out->weight = (shares + BACKEND_SHARE_SCALE - 1) / BACKEND_SHARE_SCALE;
}

static uint32_t num_usable(const struct server_conf *server)
{
    struct backend_notice_count count;
    backend_notice_count(&count, server->backend->proxy);
    return count.num_active + count.num_backup;
}

static void tell_backend(struct board *board, const struct proxy_conf *proxy, enum log_level level, const char *text)
{
    char line[LINE_MAX_LEN];
    const char *kind = proxy->has_frontend ? "proxy" : "backend";
    int len = snprintf(line, sizeof(line), "%s %s %s", kind, proxy->name, text);
    log_show(level < LOG_LEVEL_ERR ? LOG_LEVEL_ALERT : LOG_LEVEL_WARNING, "%s '%s' %s", kind, proxy->name, text);
    log_send(board, board_incarnation_self(board), proxy->logs, level, clock_wall_us(),
             slice_of(line, len < LINE_MAX_LEN ? (size_t)len : LINE_MAX_LEN - 1));
}

// The backend's own times and alerts: whether it has a server at all.
static void follow_backend(struct board *board, const struct server_conf *server, uint32_t num_before)
{
    const struct proxy_conf *proxy = server->backend->proxy;
    struct backend_state *state = backend_state_at(proxy->be_object);
    uint32_t num_now = num_usable(server);
    uint64_t now_us = clock_mono_us();
    bool fails_open = proxy->options & PROXY_OPT_FAIL_OPEN;
    if (!num_before == !num_now)
        return;
    atomic_store(&state->changed_us, clock_wall_us());
    if (!num_now) {
        atomic_fetch_add(&state->num_downs, 1);
        atomic_store(&state->down_since_us, now_us);
        tell_backend(board, proxy, LOG_LEVEL_EMERG, "has no server available!");
        if (fails_open)
            tell_backend(board, proxy, LOG_LEVEL_ALERT,
                         "fails open: requests go to all servers that are not in maintenance.");
        return;
    }
    uint64_t since_us = atomic_exchange(&state->down_since_us, 0);
    if (since_us && since_us < now_us)
        atomic_fetch_add(&state->down_us, now_us - since_us);
    if (fails_open)
        tell_backend(board, proxy, LOG_LEVEL_NOTICE, "has a server again, and no longer fails open.");
}

static const char *on_backup(const struct backend_notice_count *count)
{
    return count->num_backup && !count->num_active ? " Running on backup." : "";
}

static void add_left(struct notice *notice)
{
    const struct proxy_conf *proxy = notice->server->backend->proxy;
    struct backend_notice_count count;
    uint32_t waiting = notice->num_waiting;
    bool leave = backend_waiters_may_leave(proxy);
    backend_notice_count(&count, proxy);
    add(notice, ". %u active and %u backup servers left.%s %u sessions active, %u requeued, %u remaining in queue.",
        count.num_active, count.num_backup, on_backup(&count), notice->num_sessions, leave ? waiting : 0,
        leave ? 0 : waiting);
}

// A server that comes back takes those who wait for any, as many as it has places.
static void add_online(struct notice *notice, bool takes)
{
    const struct proxy_conf *proxy = notice->server->backend->proxy;
    struct backend_notice_count count;
    uint32_t limit = backend_state_maxconn(notice->server);
    uint32_t held = notice->num_sessions;
    uint32_t waiting = board_queue_len(notice->board, proxy->be_object, 0);
    uint32_t own = notice->num_waiting;
    uint32_t others = waiting > own ? waiting - own : 0;
    if (limit)
        others = limit <= held ? 0 : limit - held < others ? limit - held : others;
    backend_notice_count(&count, proxy);
    add(notice, ". %u active and %u backup servers online.%s %u sessions requeued, %u total in queue.",
        count.num_active, count.num_backup, on_backup(&count), takes ? others : 0, own);
}

static void add_why(struct notice *notice, const struct server_conf *via, const char *why)
{
    if (via)
        add(notice, " via %s/%s", via->backend->proxy->name, via->name);
    if (why)
        add(notice, ", %s", why);
}

static void end_sessions(struct board *board, const struct server_conf *server, uint32_t status)
{
    if (!backend_status_is_up(status)) {
        if (server->down_kills)
            backend_state_kill_sessions(board, server, BACKEND_KILL_DOWN);
        return;
    }
    bool serves = backend_status_is_willing(status) &&
                  atomic_load_explicit(&backend_state_at(server->object)->share, memory_order_relaxed);
    if (!server->up_kills_backups || server->backup || !serves)
        return;
    for (const struct server_conf *it = server->backend->servers; it; it = it->next)
        if (it->backup)
            backend_state_kill_sessions(board, it, BACKEND_KILL_UP);
}

// Still draining: by order, or no longer by order but with the server it tracks.
static void say_remains(struct notice *notice, uint32_t admin, const struct server_conf *via)
{
    if (admin & BACKEND_ADMIN_DRAIN) {
        add(notice, "remains in forced drain mode.");
    } else {
        add(notice, "is leaving forced drain but remains in drain mode");
        add_why(notice, via ? via : notice->server->tracked, NULL);
        add(notice, ".");
    }
    send_line(notice, LOG_LEVEL_NOTICE);
}

static bool set_op(struct board *board, const struct server_conf *server, enum backend_op op, const char *why,
                   const struct server_conf *via)
{
    struct backend_state *state = backend_state_at(server->object);
    uint32_t status = backend_state_status(state);
    uint32_t admin = backend_state_admin(status);
    struct notice notice;
    if (op == BACKEND_OP_STARTING || (op == BACKEND_OP_RUNNING && backend_state_op(status) == BACKEND_OP_STARTING))
        op = backend_state_op(status) == BACKEND_OP_STARTING ? BACKEND_OP_STARTING : BACKEND_OP_RUNNING;
    uint32_t before = num_usable(server);
    begin(&notice, board, server);
    if (admin & BACKEND_ADMIN_ANY_MAINT || !backend_state_set(board, server, op, admin))
        return false;
    end_sessions(board, server, backend_state_status(state));
    add(&notice, op == BACKEND_OP_STOPPED ? "is DOWN" : op == BACKEND_OP_STOPPING ? "is stopping" : "is UP");
    add_why(&notice, via, why);
    if (op == BACKEND_OP_STOPPED)
        add_left(&notice);
    else
        add_online(&notice, op != BACKEND_OP_STOPPING);
    send_line(&notice,
              op == BACKEND_OP_STOPPED && backend_status_is_willing(status) ? LOG_LEVEL_ALERT : LOG_LEVEL_NOTICE);
    follow_backend(board, server, before);
    if (admin & BACKEND_ADMIN_ANY_DRAIN) {
        begin(&notice, board, server);
        say_remains(&notice, admin, via);
    }
    for (const struct server_conf *it = server->trackers; it; it = it->next_tracker)
        set_op(board, it, op, NULL, server);
    return true;
}

bool backend_notice_op(struct board *board, const struct server_conf *server, enum backend_op op, const char *why)
{
    return set_op(board, server, op, why, NULL);
}

// What a server is once it is out of maintenance.
static enum backend_op op_after(const struct server_conf *server)
{
    if (!server->tracked)
        return backend_state_begins_down(server) ? BACKEND_OP_STOPPED : BACKEND_OP_RUNNING;
    enum backend_op op = backend_state_op(backend_state_status(backend_state_at(server->tracked->object)));
    return op == BACKEND_OP_STARTING ? BACKEND_OP_RUNNING : op;
}

static void say_maint_begins(struct notice *notice, uint32_t was, const char *why, const struct server_conf *via)
{
    if (backend_state_op(was) == BACKEND_OP_STOPPED) {
        add(notice, "was DOWN and now enters maintenance");
        add_why(notice, via, why);
        add(notice, ".");
        send_line(notice, LOG_LEVEL_NOTICE);
        return;
    }
    add(notice, "is going DOWN for maintenance");
    add_why(notice, via, why);
    add_left(notice);
    send_line(notice, backend_status_is_willing(was) ? LOG_LEVEL_ALERT : LOG_LEVEL_NOTICE);
}

static void say_maint_ends(struct notice *notice, enum backend_op op, uint32_t was, uint32_t admin)
{
    const char *kind = was & BACKEND_ADMIN_MAINT ? "forced " : "";
    bool drains = admin & BACKEND_ADMIN_ANY_DRAIN;
    add(notice, "is %s/%s (leaving %smaintenance).", op == BACKEND_OP_STOPPED ? "DOWN" : "UP",
        drains ? "DRAIN" : "READY", kind);
    send_line(notice, LOG_LEVEL_NOTICE);
    if (!drains)
        return;
    begin(notice, notice->board, notice->server);
    say_remains(notice, admin, NULL);
}

static void say_maint_stays(struct notice *notice, uint32_t was, uint32_t admin)
{
    if (admin & BACKEND_ADMIN_MAINT) {
        add(notice, "remains in forced maintenance.");
    } else {
        add(notice, was & BACKEND_ADMIN_MAINT ? "is leaving forced maintenance but remains in maintenance"
                                              : "remains in maintenance");
        add_why(notice, admin & BACKEND_ADMIN_MAINT_INHERITED ? notice->server->tracked : NULL, NULL);
        add(notice, ".");
    }
    send_line(notice, LOG_LEVEL_NOTICE);
}

static void say_drain(struct notice *notice, enum backend_op op, uint32_t was, uint32_t admin, const char *why,
                      const struct server_conf *via)
{
    if (was & BACKEND_ADMIN_ANY_DRAIN && admin & BACKEND_ADMIN_ANY_DRAIN) {
        say_remains(notice, admin, via);
        return;
    }
    if (admin & BACKEND_ADMIN_ANY_DRAIN) {
        add(notice, "enters drain state");
        add_why(notice, via, why);
        if (op == BACKEND_OP_STOPPED)
            add_left(notice);
        else
            add_online(notice, false);
    } else {
        // HAProxy calls the inherited one so, too.
        add(notice, "is %s (leaving forced drain).", op == BACKEND_OP_STOPPED ? "DOWN" : "UP");
    }
    send_line(notice, LOG_LEVEL_NOTICE);
}

static void track_admin(struct board *board, const struct server_conf *server, uint32_t admin);

static bool set_admin(struct board *board, const struct server_conf *server, uint32_t set, uint32_t clear,
                      const char *why, const struct server_conf *via)
{
    struct backend_state *state = backend_state_at(server->object);
    uint32_t status = backend_state_status(state);
    uint32_t was = backend_state_admin(status);
    uint32_t admin = (was | set) & ~clear;
    enum backend_op op = backend_state_op(status);
    bool was_maint = was & BACKEND_ADMIN_ANY_MAINT;
    bool is_maint = admin & BACKEND_ADMIN_ANY_MAINT;
    uint32_t before = num_usable(server);
    struct notice notice;
    begin(&notice, board, server);
    enum backend_op next = is_maint ? BACKEND_OP_STOPPED : was_maint ? op_after(server) : op;
    if (!backend_state_set(board, server, next, admin))
        return false;
    if (was_maint && !is_maint)
        atomic_store(&state->health, backend_state_first_health(server));
    if (was_maint != is_maint)
        end_sessions(board, server, backend_state_status(state));
    if (!was_maint && is_maint)
        say_maint_begins(&notice, status, why, via);
    else if (was_maint && !is_maint)
        say_maint_ends(&notice, next, was, admin);
    else if (was & ~admin & BACKEND_ADMIN_ANY_MAINT)
        say_maint_stays(&notice, was, admin);
    else if (!is_maint && (was ^ admin) & BACKEND_ADMIN_ANY_DRAIN)
        say_drain(&notice, op, was, admin, why, via);
    follow_backend(board, server, before);
    for (const struct server_conf *it = server->trackers; it; it = it->next_tracker)
        track_admin(board, it, admin);
    return true;
}

static void track_admin(struct board *board, const struct server_conf *server, uint32_t admin)
{
    uint32_t set = 0;
    if (admin & BACKEND_ADMIN_ANY_MAINT)
        set = BACKEND_ADMIN_MAINT_INHERITED;
    else if (admin & BACKEND_ADMIN_ANY_DRAIN)
        set = BACKEND_ADMIN_DRAIN_INHERITED;
    set_admin(board, server, set, (BACKEND_ADMIN_MAINT_INHERITED | BACKEND_ADMIN_DRAIN_INHERITED) & ~set, NULL,
              server->tracked);
}

bool backend_notice_admin(struct board *board, const struct server_conf *server, uint32_t set, uint32_t clear,
                          const char *why)
{
    return set_admin(board, server, set, clear, why, NULL);
}

bool backend_notice_weight(struct board *board, const struct server_conf *server, uint32_t weight)
{
    uint32_t before = num_usable(server);
    if (!backend_state_set_weight(board, server, weight))
        return false;
    follow_backend(board, server, before);
    return true;
}
