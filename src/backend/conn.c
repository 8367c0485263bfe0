// SPDX-License-Identifier: Apache-2.0
// A connection to a server from its opening to its end, and the lists it stands in meanwhile.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "backend/pool.h"
#include "transport/tls.h"

enum { GOODBYE_US = 1000000, UNNOTICED_US = 100000 };

static struct list *list_of(struct server *server, enum backend_conn_state state)
{
    switch (state) {
    case BACKEND_CONN_IDLE:
        return &server->idle;
    case BACKEND_CONN_OWN:
        return &server->own;
    case BACKEND_CONN_OPENING:
        return &server->opening;
    case BACKEND_CONN_PINGING:
        return &server->pinging;
    case BACKEND_CONN_CLOSING:
        return &server->closing;
    default:
        return NULL;
    }
}

static void count_state(struct server *server, enum backend_conn_state state, int add)
{
    switch (state) {
    case BACKEND_CONN_USED:
        server->num_used += (uint32_t)add;
        return;
    case BACKEND_CONN_CLOSING:
        server->num_closing += (uint32_t)add;
        server->backend->ctx->num_closing += (uint32_t)add;
        return;
    case BACKEND_CONN_IDLE:
        server->num_idle += (uint32_t)add;
        __atomic_store_n(&server->counters[PROXY_COUNT_IDLE], server->num_idle, __ATOMIC_RELAXED);
        break;
    case BACKEND_CONN_OPENING:
        server->num_opening += (uint32_t)add;
        break;
    case BACKEND_CONN_PINGING:
        server->num_pinging += (uint32_t)add;
        break;
    case BACKEND_CONN_OWN:
        break;
    }
    server->num_spare += (uint32_t)add;
}

void backend_pool_publish(struct server *server)
{
    uint32_t peak = server->peak_used > server->last_peak ? server->peak_used : server->last_peak;
    __atomic_store_n(&server->pool_counters[BACKEND_POOL_LEVEL],
                     backend_pool_level(server->num_spare, server->num_safe, peak), __ATOMIC_RELAXED);
}

static struct list *keyed_list(struct server *server, uint32_t hash)
{
    if (!hash)
        return &server->plain;
    if (!server->by_key) {
        server->by_key = calloc(BACKEND_KEY_BUCKETS, sizeof(*server->by_key));
        for (uint32_t i = 0; server->by_key && i < BACKEND_KEY_BUCKETS; i++)
            list_init(&server->by_key[i]);
    }
    return server->by_key ? &server->by_key[hash % BACKEND_KEY_BUCKETS] : NULL;
}

static void unlink_conn(struct backend_conn *conn)
{
    struct server *server = conn->server;
    count_state(server, (enum backend_conn_state)conn->state, -1);
    server->num_safe -= conn->state == BACKEND_CONN_IDLE && conn->num_uses >= 2;
    list_remove(&conn->link);
    list_remove(&conn->key_link);
    if (conn->owner)
        *conn->owner = NULL;
    conn->owner = NULL;
}

static void link_conn(struct backend_conn *conn, enum backend_conn_state state)
{
    struct server *server = conn->server;
    struct list *list = list_of(server, state);
    conn->state = (uint8_t)state;
    count_state(server, state, 1);
    server->num_safe += state == BACKEND_CONN_IDLE && conn->num_uses >= 2;
    if (list)
        list_prepend(list, &conn->link);
    if (state == BACKEND_CONN_IDLE) {
        struct list *keyed = keyed_list(server, conn->key_hash);
        // Without memory for the lists it is found by nobody, and purged.
        if (keyed)
            list_prepend(keyed, &conn->key_link);
    } else if (state == BACKEND_CONN_USED) {
        conn->since_us = server->backend->ctx->loop->now_us;
        if (server->num_used > server->peak_used)
            server->peak_used = server->num_used;
    }
    backend_pool_publish(server);
}

void backend_conn_move(struct backend_conn *conn, enum backend_conn_state state)
{
    struct server *server = conn->server;
    unlink_conn(conn);
    link_conn(conn, state);
    // One that is pinged comes back: it was not needed meanwhile.
    if (server->num_idle < server->min_idle && state != BACKEND_CONN_PINGING)
        server->min_idle = server->num_idle;
}

// The way of every request, backend_conn_move in short.
static void take_out(struct backend_conn *conn)
{
    struct server *server = conn->server;
    list_remove(&conn->link);
    list_remove(&conn->key_link);
    server->num_safe -= conn->num_uses >= 2;
    server->num_spare--;
    if (--server->num_idle < server->min_idle)
        server->min_idle = server->num_idle;
    if (++server->num_used > server->peak_used)
        server->peak_used = server->num_used;
    conn->state = BACKEND_CONN_USED;
    conn->since_us = server->backend->ctx->loop->now_us;
    __atomic_store_n(&server->counters[PROXY_COUNT_IDLE], server->num_idle, __ATOMIC_RELAXED);
    backend_pool_publish(server);
}

void backend_conn_lend(struct backend_conn *conn)
{
    if (LIKELY(conn->state == BACKEND_CONN_IDLE))
        take_out(conn);
    else
        backend_conn_move(conn, BACKEND_CONN_USED);
}

// And its way back.
static void take_back(struct backend_conn *conn, struct list *keyed)
{
    struct server *server = conn->server;
    list_prepend(&server->idle, &conn->link);
    list_prepend(keyed, &conn->key_link);
    server->num_safe += conn->num_uses >= 2;
    server->num_spare++;
    server->num_used--;
    server->num_idle++;
    conn->state = BACKEND_CONN_IDLE;
    __atomic_store_n(&server->counters[PROXY_COUNT_IDLE], server->num_idle, __ATOMIC_RELAXED);
    backend_pool_publish(server);
}

void backend_conn_rest(struct backend_conn *conn)
{
    if (LIKELY(conn->state == BACKEND_CONN_USED && !conn->key_hash && !conn->owner))
        take_back(conn, &conn->server->plain);
    else
        backend_conn_move(conn, BACKEND_CONN_IDLE);
}

void backend_conn_drop(struct backend_conn *conn, bool reset)
{
    struct server *server = conn->server;
    unlink_conn(conn);
    if (server->num_idle < server->min_idle)
        server->min_idle = server->num_idle;
    backend_pool_publish(server);
    mux_h1_close(&conn->h1, reset);
    event_timer_del(server->backend->ctx->loop, &conn->timer);
    free(conn->way);
    free(conn);
    backend_room_give(server);
    backend_warm_kick(server);
}

// A server that has had no word of the end, or a reset that it finds when it looks next, has the connection still: its
// place is not free at once.
static void vanish(struct backend_conn *conn, bool reset)
{
    const struct server *server = conn->server;
    const struct transport_conn *transport = &conn->h1.conn;
    struct event_loop *loop = server->backend->ctx->loop;
    if (transport->failed || transport->has_error || transport->read_closed || !backend_state_maxconn(server->conf)) {
        backend_conn_drop(conn, reset);
        return;
    }
    if (conn->state != BACKEND_CONN_CLOSING)
        backend_conn_move(conn, BACKEND_CONN_CLOSING);
    mux_h1_close(&conn->h1, reset);
    event_timer_set(loop, &conn->timer, loop->now_us + UNNOTICED_US);
}

// It said something after we had said goodbye: the rest of an answer nobody waits for. Closed with that unread, the
// server gets a reset, which it cannot overlook.
static void closing_event(struct mux_stream *stream)
{
    struct backend_conn *conn = CONTAINER_OF(mux_h1_of(stream), struct backend_conn, h1);
    char byte;
    size_t len;
    enum io io = transport_conn_recv(&conn->h1.conn, &len, &byte, sizeof(byte));
    if (io == IO_OK)
        vanish(conn, false);
    else if (io != IO_AGAIN)
        backend_conn_drop(conn, false);
}

// What `maxconn` promises the server is kept as the server sees it: one that has not noticed our end would count the
// next connection on top of it.
static bool say_goodbye(struct backend_conn *conn)
{
    struct server *server = conn->server;
    struct transport_conn *transport = &conn->h1.conn;
    struct event_loop *loop = server->backend->ctx->loop;
    if (conn->state == BACKEND_CONN_CLOSING || transport->connecting || transport->failed || transport->send_failed ||
        transport->has_error || transport->read_closed || !backend_server_maxconn(server))
        return false;
    if (transport->tls && !transport_tls_of(transport)->facts.done)
        return false;
    backend_conn_move(conn, BACKEND_CONN_CLOSING);
    buf_release(&conn->h1.in, conn->h1.ctx->bufs);
    buf_release(&conn->h1.out, conn->h1.ctx->bufs);
    conn->h1.stream.on_event = closing_event;
    transport_conn_shutdown(transport);
    event_timer_set(loop, &conn->timer, loop->now_us + GOODBYE_US);
    // Its end may be here already.
    closing_event(&conn->h1.stream);
    return true;
}

void backend_conn_close(struct backend_conn *conn, bool reset)
{
    if (!conn)
        return;
    reset = reset || conn->server->backend->conf->options & PROXY_OPT_NO_LINGER;
    if (!reset && say_goodbye(conn))
        return;
    vanish(conn, reset);
}

static void conn_timer(struct event_timer *timer)
{
    struct backend_conn *conn = CONTAINER_OF(timer, struct backend_conn, timer);
    struct server *server = conn->server;
    timer->due_us = 0;
    switch ((enum backend_conn_state)conn->state) {
    case BACKEND_CONN_IDLE:
        backend_ping_begin(conn);
        break;
    case BACKEND_CONN_OPENING:
        server->warm_failures++;
        backend_pool_count(server, BACKEND_POOL_WARM_FAILED);
        backend_conn_close(conn, true);
        break;
    case BACKEND_CONN_PINGING:
        backend_pool_count(server, BACKEND_POOL_PINGS_FAILED);
        backend_conn_close(conn, true);
        break;
    case BACKEND_CONN_CLOSING:
        backend_conn_drop(conn, false);
        break;
    default:
        break;
    }
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

// Most connections have none. False: no memory.
static bool give_way(struct backend_conn *conn, const struct server *server, const struct backend_key *key,
                     const struct transport_address *to)
{
    if (LIKELY(!key->hash && server->conf->socks4.family == AF_UNSPEC))
        return true;
    struct backend_way *way = calloc(1, sizeof(*way) + key->header.len);
    if (!way)
        return false;
    way->to = *to;
    way->key = *key;
    way->key.name = (struct slice){ 0 };
    if (key->header.len)
        memcpy(way->header, key->header.ptr, key->header.len);
    way->key.header = slice_of(way->header, key->header.len);
    conn->way = way;
    conn->key_hash = key->hash;
    return true;
}

struct backend_conn *backend_connect(struct server *server, const struct transport_address *client_dst,
                                     const struct backend_key *key)
{
    struct backend_ctx *ctx = server->backend->ctx;
    struct transport_address to = backend_address(server, client_dst);
    struct transport_connect how = {
        .to = &to,
        .has_mark = key->marks.has_mark,
        .has_tos = key->marks.has_tos,
        .mark = key->marks.mark,
        .tos = key->marks.tos,
    };
    backend_link(&how, server);
    // Not calloc, which in glibc does not take what this thread has just freed; nor memset, of which gcc makes calloc.
    struct backend_conn *conn = malloc(sizeof(*conn));
    if (conn)
        *conn = (struct backend_conn){ .server = server };
    if (!conn || !give_way(conn, server, key, &to)) {
        free(conn);
        backend_room_give(server);
        errno = ENOMEM;
        return NULL;
    }
    backend_count(server->counters, PROXY_COUNT_CONNECTS, 1);
    backend_count(server->backend->counters, PROXY_COUNT_CONNECTS, 1);
    backend_pool_count(server, BACKEND_POOL_OPENED);
    enum io io = transport_conn_connect(ctx->loop, &conn->h1.conn, &how, NULL);
    if (io != IO_OK && (errno == EMFILE || errno == ENFILE)) {
        backend_pool_make_room(ctx);
        io = transport_conn_connect(ctx->loop, &conn->h1.conn, &how, NULL);
    }
    if (io != IO_OK) {
        int error = errno;
        free(conn->way);
        free(conn);
        backend_room_give(server);
        errno = error;
        return NULL;
    }
    mux_h1_init(&conn->h1, ctx->mux, false);
    conn->server = server;
    conn->moves = server->conf->moves;
    conn->target = server->conf->tls_target;
    event_timer_init(&conn->timer, conn_timer);
    list_init(&conn->link);
    list_init(&conn->key_link);
    link_conn(conn, BACKEND_CONN_USED);
    return conn;
}
