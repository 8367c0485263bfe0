// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include "backend/backend.h"
#include "transport/tls.h"

static void forget_idle(struct backend_conn *conn)
{
    struct server *server = conn->server;
    if (conn->owner) {
        *conn->owner = NULL;
        conn->owner = NULL;
        return;
    }
    if (list_is_empty(&conn->link))
        return;
    list_remove(&conn->link);
    list_remove(&conn->name_link);
    server->num_idle--;
    if (server->num_idle < server->min_idle)
        server->min_idle = server->num_idle;
    server->counters[PROXY_COUNT_IDLE] = server->num_idle;
}

static void use_begin(struct backend_conn *conn)
{
    struct server *server = conn->server;
    conn->in_use = true;
    if (++server->num_used > server->peak_used)
        server->peak_used = server->num_used;
}

static void use_end(struct backend_conn *conn)
{
    if (!conn->in_use)
        return;
    conn->in_use = false;
    conn->server->num_used--;
}

void backend_conn_close(struct backend_conn *conn, bool reset)
{
    if (!conn)
        return;
    use_end(conn);
    forget_idle(conn);
    mux_h1_close(&conn->h1, reset || conn->server->backend->conf->options & PROXY_OPT_NO_LINGER);
    free(conn);
}

// Whatever an idle connection has to say, it is its end: FIN, an error, or bytes nobody asked for. But below TLS's
// bytes there are messages of TLS itself: session tickets come when the server likes, and are taken.
static bool has_ended(struct backend_conn *conn)
{
    struct transport_conn *transport = &conn->h1.conn;
    if (transport->near_end)
        return true;
    return transport->can_read && !(transport->tls && transport_conn_is_alive(transport));
}

static void idle_event(struct mux_stream *stream)
{
    struct backend_conn *conn = CONTAINER_OF(mux_h1_of(stream), struct backend_conn, h1);
    if (!has_ended(conn))
        return;
    backend_count(conn->server->counters, PROXY_COUNT_POOL_DEAD, 1);
    backend_conn_close(conn, false);
}

static bool asked_for(const struct backend_conn *conn, struct slice name, uint32_t hash)
{
    const struct tls_conn *tls = transport_tls_of(&conn->h1.conn);
    return tls && tls->name_hash == hash && slice_equal(slice_str(tls->name), name);
}

// Lends an idle connection, or drops it where it is found dead.
static bool lend(struct backend_conn *conn, bool probe)
{
    if (has_ended(conn) || (probe && !transport_conn_is_alive(&conn->h1.conn))) {
        backend_count(conn->server->counters, PROXY_COUNT_POOL_DEAD, 1);
        backend_conn_close(conn, false);
        return false;
    }
    forget_idle(conn);
    mux_h1_next(&conn->h1);
    use_begin(conn);
    return true;
}

static struct backend_conn *get_named(struct server *server, struct slice name, bool proven, bool probe)
{
    uint32_t hash = tls_target_hash(name);
    LIST_EACH(conn, &server->by_name[hash % BACKEND_NAME_BUCKETS], struct backend_conn, name_link)
    {
        if ((!proven || conn->num_uses >= 2) && asked_for(conn, name, hash) && lend(conn, probe))
            return conn;
    }
    return NULL;
}

struct backend_conn *backend_pool_get(struct server *server, struct slice name, bool proven, bool probe)
{
    if (server->by_name)
        return get_named(server, name, proven, probe);
    LIST_EACH(conn, &server->idle, struct backend_conn, link)
    {
        if ((!proven || conn->num_uses >= 2) && lend(conn, probe))
            return conn;
    }
    return NULL;
}

struct backend_conn *backend_pool_get_own(struct server *server, void **owner, struct slice name)
{
    struct backend_conn *conn = *owner;
    if (!conn || conn->server != server || (server->by_name && !asked_for(conn, name, tls_target_hash(name))))
        return NULL;
    return lend(conn, true) ? conn : NULL;
}

void backend_pool_drop_own(void **owner)
{
    backend_conn_close(*owner, false);
}

static bool is_one_clients(const struct backend_conn *conn)
{
    return conn->is_private || conn->server->backend->conf->be.reuse == PROXY_REUSE_NEVER;
}

static bool may_keep(const struct backend_conn *conn)
{
    const struct server *server = conn->server;
    const struct server_conf *conf = server->conf;
    if (!mux_h1_can_reuse(&conn->h1))
        return false;
    if (conf->max_reuse && conn->num_uses >= conf->max_reuse)
        return false;
    return is_one_clients(conn) || conf->pool_max_conn != 0;
}

// No more are kept than were lately in use at once. Where they differ by name, the one that was idle for longest makes
// room: the names asked for now are those that will be asked for next.
static bool has_room(struct server *server)
{
    uint32_t peak = server->peak_used > server->last_peak ? server->peak_used : server->last_peak;
    int32_t max = server->conf->pool_max_conn;
    bool full = server->num_idle + server->num_used >= peak || (max > 0 && server->num_idle >= (uint32_t)max);
    if (full && server->by_name && server->num_idle) {
        backend_conn_close(CONTAINER_OF(server->idle.prev, struct backend_conn, link), false);
        return true;
    }
    return !full;
}

// A read that got all it asked for, as the last one of a spliced body does, leaves open whether there is more.
static bool is_quiet(struct backend_conn *conn)
{
    return !conn->h1.conn.can_read || transport_conn_is_alive(&conn->h1.conn);
}

void backend_pool_put(struct backend_conn *conn, void **owner)
{
    struct server *server = conn->server;
    struct backend_ctx *ctx = server->backend->ctx;
    use_end(conn);
    if (!may_keep(conn) || !is_quiet(conn) || (is_one_clients(conn) && !owner)) {
        backend_conn_close(conn, false);
        return;
    }
    mux_h1_next(&conn->h1);
    conn->h1.stream.on_event = idle_event;
    if (is_one_clients(conn)) {
        backend_pool_drop_own(owner);
        *owner = conn;
        conn->owner = owner;
        return;
    }
    if (!has_room(server)) {
        backend_conn_close(conn, false);
        return;
    }
    list_prepend(&server->idle, &conn->link);
    if (server->by_name)
        list_prepend(&server->by_name[transport_tls_of(&conn->h1.conn)->name_hash % BACKEND_NAME_BUCKETS],
                     &conn->name_link);
    server->num_idle++;
    server->counters[PROXY_COUNT_IDLE] = server->num_idle;
    if ((server->conf->pool_purge_us || ctx->stopping) && !ctx->purge_timer.place)
        event_timer_set(ctx->loop, &ctx->purge_timer, ctx->loop->now_us + 1000000);
}

static bool is_any_address(const struct transport_address *addr)
{
    return addr->family == AF_UNSPEC || (addr->family == AF_INET && !memcmp(addr->ip, "\0\0\0\0", 4));
}

bool backend_follows_client(const struct server *server)
{
    return server->conf->port_mapped || is_any_address(&server->conf->addr);
}

struct transport_address backend_address(const struct server *server, const struct transport_address *client_dst)
{
    const struct server_conf *conf = server->conf;
    struct transport_address to = conf->addr;
    // "*" follows the client: to where it wanted to go, perhaps at another port.
    if (is_any_address(&to)) {
        uint16_t port = to.port;
        to = *client_dst;
        to.port = port ? port : client_dst->port;
    }
    if (conf->port_mapped)
        to.port = (uint16_t)(client_dst->port + conf->port_offset);
    return to;
}

struct backend_conn *backend_connect(struct server *server, const struct transport_address *client_dst,
                                     const struct backend_marks *marks)
{
    struct backend_ctx *ctx = server->backend->ctx;
    struct transport_address to = backend_address(server, client_dst);
    struct transport_connect how = {
        .to = &to,
        .has_mark = marks && marks->has_mark,
        .has_tos = marks && marks->has_tos,
        .mark = marks ? marks->mark : 0,
        .tos = marks ? marks->tos : 0,
    };
    backend_link(&how, server);
    struct backend_conn *conn = calloc(1, sizeof(*conn));
    if (!conn) {
        errno = ENOMEM;
        return NULL;
    }
    backend_count(server->counters, PROXY_COUNT_CONNECTS, 1);
    backend_count(server->backend->counters, PROXY_COUNT_CONNECTS, 1);
    enum io io = transport_conn_connect(ctx->loop, &conn->h1.conn, &how, NULL);
    if (io != IO_OK && (errno == EMFILE || errno == ENFILE)) {
        backend_pool_make_room(ctx);
        io = transport_conn_connect(ctx->loop, &conn->h1.conn, &how, NULL);
    }
    if (io != IO_OK) {
        int error = errno;
        free(conn);
        errno = error;
        return NULL;
    }
    mux_h1_init(&conn->h1, ctx->mux, false);
    conn->server = server;
    conn->to = to;
    list_init(&conn->link);
    list_init(&conn->name_link);
    use_begin(conn);
    return conn;
}
