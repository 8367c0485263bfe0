// SPDX-License-Identifier: Apache-2.0
#include "admin/stat.h"

void admin_stat_walk_init(struct admin_stat_walk *walk, const struct program_conf *conf)
{
    *walk = (struct admin_stat_walk){
        .iid = ADMIN_STAT_ALL, .types = ADMIN_STAT_ALL, .sid = ADMIN_STAT_ALL, .proxy = conf->proxies
    };
}

static bool server_is_shown(const struct admin_stat_walk *walk, const struct server_conf *server)
{
    if (walk->sid != ADMIN_STAT_ALL && walk->sid != server->id)
        return false;
    uint32_t status = backend_state_status(backend_state_at(server->object));
    if (walk->no_maint && backend_state_admin(status) & BACKEND_ADMIN_ANY_MAINT)
        return false;
    return !walk->only_up || backend_status_is_up(status);
}

static bool proxy_is_shown(const struct admin_stat_walk *walk, const struct proxy_conf *proxy)
{
    return !proxy->disabled && (walk->iid == ADMIN_STAT_ALL || walk->iid == proxy->id) &&
           (!walk->shows || walk->shows(walk->arg, proxy));
}

// The number chooses among servers and listeners; who wants those alone says so by the type.
static bool part_is_shown(const struct admin_stat_walk *walk, int64_t type)
{
    return walk->types == ADMIN_STAT_ALL || (walk->types & type);
}

// A server may be deleted while the walk stands at it: who says so keeps it for the time.
static void stand_at(struct admin_stat_walk *walk, const struct server_conf *server)
{
    struct server_conf *before = (struct server_conf *)walk->server, *now = (struct server_conf *)server;
    walk->server = server;
    if (!walk->holds)
        return;
    if (now)
        now->holds++;
    if (before)
        before->holds--;
}

void admin_stat_walk_end(struct admin_stat_walk *walk)
{
    stand_at(walk, NULL);
    walk->proxy = NULL;
}

static bool next_server(struct admin_stat_row *row, struct admin_stat_walk *walk, const struct admin_stat_ctx *ctx)
{
    while (walk->server) {
        const struct server_conf *server = walk->server;
        stand_at(walk, server->next);
        if (!server_is_shown(walk, server))
            continue;
        walk->row_server = server;
        admin_stat_server(row, ctx, walk->proxy, server);
        return true;
    }
    return false;
}

static bool next_listener(struct admin_stat_row *row, struct admin_stat_walk *walk, const struct admin_stat_ctx *ctx)
{
    while (walk->bind) {
        const struct bind_conf *bind = walk->bind;
        walk->bind = bind->next;
        if (walk->sid != ADMIN_STAT_ALL && walk->sid != bind->id)
            continue;
        admin_stat_listener(row, ctx, bind);
        return true;
    }
    return false;
}

bool admin_stat_next(struct admin_stat_row *row, struct admin_stat_walk *walk, const struct admin_stat_ctx *ctx)
{
    walk->row_server = NULL;
    while (walk->proxy) {
        const struct proxy_conf *proxy = walk->proxy;
        bool shown = proxy_is_shown(walk, proxy);
        walk->row_proxy = proxy;
        switch (walk->part) {
        case ADMIN_STAT_PART_FRONTEND:
            walk->part = ADMIN_STAT_PART_LISTENERS;
            walk->bind = proxy->fe.binds;
            if (shown && proxy->has_frontend && part_is_shown(walk, ADMIN_STAT_FRONTENDS)) {
                admin_stat_frontend(row, ctx, proxy);
                return true;
            }
            break;
        case ADMIN_STAT_PART_LISTENERS:
            if (shown && proxy->options & PROXY_OPT_SOCKET_STATS && part_is_shown(walk, ADMIN_STAT_LISTENERS) &&
                next_listener(row, walk, ctx))
                return true;
            walk->part = ADMIN_STAT_PART_SERVERS;
            stand_at(walk, proxy->be.servers);
            break;
        case ADMIN_STAT_PART_SERVERS:
            if (shown && proxy->has_backend && part_is_shown(walk, ADMIN_STAT_SERVERS) && next_server(row, walk, ctx))
                return true;
            walk->part = ADMIN_STAT_PART_BACKEND;
            break;
        case ADMIN_STAT_PART_BACKEND:
            walk->part = ADMIN_STAT_PART_FRONTEND;
            walk->proxy = proxy->next;
            if (shown && proxy->has_backend && part_is_shown(walk, ADMIN_STAT_BACKENDS)) {
                admin_stat_backend(row, ctx, proxy);
                return true;
            }
            break;
        }
    }
    return false;
}
