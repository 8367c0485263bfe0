// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include "backend/pool.h"
#include "base/hash.h"
#include "transport/tls.h"

// Whatever an idle connection has to say, it is its end: FIN, an error, or bytes nobody asked for. But below TLS's
// bytes there are messages of TLS itself: session tickets come when the server likes, and are taken.
bool backend_conn_ended(struct backend_conn *conn)
{
    struct transport_conn *transport = &conn->h1.conn;
    if (transport->near_end)
        return true;
    return transport->can_read && !(transport->tls && transport_conn_is_alive(transport));
}

void backend_pool_dead(struct backend_conn *conn)
{
    backend_count(conn->server->counters, PROXY_COUNT_POOL_DEAD, 1);
    backend_warm_died(conn);
    backend_conn_close(conn, false);
}

static void idle_event(struct mux_stream *stream)
{
    struct backend_conn *conn = CONTAINER_OF(mux_h1_of(stream), struct backend_conn, h1);
    if (backend_conn_ended(conn))
        backend_pool_dead(conn);
}

// ---- keys

static bool has_marks(const struct backend_marks *marks)
{
    return marks->has_mark || marks->has_tos;
}

void backend_key_seal(struct backend_key *key)
{
    uint32_t hash = 0;
    key->hash = 0;
    if (!key->name.ptr && !key->header.len && key->to.family == AF_UNSPEC && !has_marks(&key->marks))
        return;
    hash = hash_crc32c(hash, key->name);
    hash = hash_crc32c(hash, key->header);
    hash = hash_crc32c(hash, slice_of((const char *)key->to.ip, sizeof(key->to.ip)));
    hash += key->to.port + key->marks.mark * 31 + key->marks.tos * 7919U;
    key->hash = hash ? hash : 1;
}

static bool same_address(const struct transport_address *a, const struct transport_address *b)
{
    if (a->family != b->family || a->port != b->port || memcmp(a->ip, b->ip, sizeof(a->ip)) != 0)
        return false;
    return a->path == b->path || (a->path && b->path && strcmp(a->path, b->path) == 0);
}

// The hash decides nothing: who may choose names could choose two of the same.
static bool fits(const struct backend_conn *conn, const struct backend_key *key)
{
    if (conn->key_hash != key->hash)
        return false;
    if (!key->hash)
        return true;
    const struct backend_key *own = &conn->way->key;
    if (key->name.ptr) {
        const struct tls_conn *tls = transport_tls_of(&conn->h1.conn);
        if (!tls || !slice_equal(tls->name ? slice_str(tls->name) : (struct slice){ 0 }, key->name))
            return false;
    }
    return slice_equal(own->header, key->header) && same_address(&own->to, &key->to) &&
           own->marks.has_mark == key->marks.has_mark && own->marks.has_tos == key->marks.has_tos &&
           own->marks.mark == key->marks.mark && own->marks.tos == key->marks.tos;
}

// ---- lending

// Lends an idle connection, or drops it where it is found dead.
static bool lend_out(struct backend_conn *conn, bool probe)
{
    if (backend_conn_ended(conn) || (probe && !transport_conn_is_alive(&conn->h1.conn))) {
        backend_pool_dead(conn);
        return false;
    }
    backend_conn_lend(conn);
    mux_h1_next(&conn->h1);
    return true;
}

static bool will_do(const struct backend_conn *conn, enum backend_lend lend)
{
    if (!conn->num_uses || lend == BACKEND_LEND_ANY)
        return true;
    return lend == BACKEND_LEND_PROVEN && conn->num_uses >= 2;
}

struct backend_conn *backend_pool_get(struct server *server, const struct backend_key *key, enum backend_lend lend,
                                      bool probe)
{
    struct list *list = &server->plain;
    if (key->hash) {
        if (!server->by_key)
            return NULL;
        list = &server->by_key[key->hash % BACKEND_KEY_BUCKETS];
    }
    LIST_EACH(conn, list, struct backend_conn, key_link)
    {
        if (will_do(conn, lend) && fits(conn, key) && lend_out(conn, probe))
            return conn;
    }
    return NULL;
}

struct backend_conn *backend_pool_get_own(struct server *server, void **owner, const struct backend_key *key)
{
    struct backend_conn *conn = *owner;
    if (!conn || conn->server != server || !fits(conn, key))
        return NULL;
    return lend_out(conn, true) ? conn : NULL;
}

void backend_pool_drop_own(void **owner)
{
    backend_conn_close(*owner, false);
}

// ---- keeping

static bool is_one_clients(const struct backend_conn *conn)
{
    return conn->is_private || conn->server->backend->conf->be.reuse == PROXY_REUSE_NEVER;
}

static bool may_keep(const struct backend_conn *conn)
{
    const struct server_conf *conf = conn->server->conf;
    if (!mux_h1_can_reuse(&conn->h1) || conn->moves != conf->moves || !backend_server_is_usable(conn->server))
        return false;
    if (conf->max_reuse && conn->num_uses >= conf->max_reuse)
        return false;
    return is_one_clients(conn) || (conf->pool_max_conn != 0 && conf->pool_purge_us);
}

// pool-max-conn holds for all workers: of two that would exceed it together, at least one sees the other's.
static bool is_over_max(const struct server *server)
{
    const struct backend_ctx *ctx = server->backend->ctx;
    int32_t max = server->conf->pool_max_conn;
    if (LIKELY(max < 0))
        return false;
    __atomic_store_n(&server->counters[PROXY_COUNT_IDLE], server->num_idle + 1, __ATOMIC_RELAXED);
    atomic_thread_fence(memory_order_seq_cst);
    bool over = board_counter_sum(ctx->board, server->conf->object, PROXY_COUNT_IDLE) > (uint64_t)max;
    __atomic_store_n(&server->counters[PROXY_COUNT_IDLE], server->num_idle, __ATOMIC_RELAXED);
    return over;
}

// No more are kept than were lately in use at once, or than are always kept. Where they differ by their keys that
// number says less, and some more are; then the one that was idle for longest makes room: what is asked for now will be
// asked for next.
static bool has_room(struct server *server)
{
    enum { KEYS_SHARE = 4, KEYS_MORE = 16 };
    uint32_t peak = server->peak_used > server->last_peak ? server->peak_used : server->last_peak;
    uint32_t need = backend_warm_need(server);
    uint32_t keep = peak > need ? peak : need;
    if (server->by_key)
        keep = KEYS_SHARE * keep + KEYS_MORE;
    bool full = server->num_idle + server->num_pinging + server->num_used >= keep || is_over_max(server);
    if (full && server->by_key && server->num_idle) {
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

static void keep_own(struct backend_conn *conn, void **owner)
{
    backend_pool_drop_own(owner);
    backend_conn_move(conn, BACKEND_CONN_OWN);
    *owner = conn;
    conn->owner = owner;
}

static void tell_waiter(struct server *server)
{
    if (list_is_empty(&server->waits))
        return;
    struct backend_wait *wait = LIST_FIRST(&server->waits, struct backend_wait, link);
    backend_wait_end(server, wait);
    wait->ready(wait);
}

// Somebody waits for its place: it goes, unless one of our own has a use for it as it is.
static bool is_given_up(struct backend_conn *conn)
{
    struct server *server = conn->server;
    if (LIKELY(!backend_room_wanted(server)) || !list_is_empty(&server->waits))
        return false;
    backend_pool_count(server, BACKEND_POOL_GIVEN_UP);
    backend_conn_close(conn, false);
    return true;
}

void backend_pool_add(struct backend_conn *conn)
{
    struct server *server = conn->server;
    struct backend_ctx *ctx = server->backend->ctx;
    conn->h1.stream.on_event = idle_event;
    backend_conn_rest(conn);
    conn->since_us = ctx->loop->now_us;
    if (is_given_up(conn))
        return;
    if (server->conf->pool_ping_us)
        backend_ping_arm(conn);
    if (!ctx->purge_timer.place)
        event_timer_set(ctx->loop, &ctx->purge_timer, ctx->loop->now_us + 1000000);
    tell_waiter(server);
}

static void note_exchange(struct server *server, uint64_t took_us)
{
    server->exchange_us = server->exchange_us ? (server->exchange_us * 7 + took_us) / 8 : took_us;
}

void backend_pool_put(struct backend_conn *conn, void **owner)
{
    struct server *server = conn->server;
    bool one_clients = is_one_clients(conn);
    note_exchange(server, server->backend->ctx->loop->now_us - conn->since_us);
    bool over = UNLIKELY(server->is_over) && backend_pool_is_over(server);
    if (over || !may_keep(conn) || !is_quiet(conn) || (one_clients && !owner)) {
        backend_conn_close(conn, false);
        return;
    }
    mux_h1_next(&conn->h1);
    if (one_clients) {
        conn->h1.stream.on_event = idle_event;
        keep_own(conn, owner);
        is_given_up(conn);
        return;
    }
    // It counts as used until it is kept, but not among those that are in the way.
    server->num_used--;
    bool room = has_room(server);
    server->num_used++;
    if (room)
        backend_pool_add(conn);
    else
        backend_conn_close(conn, false);
}

// ---- waiting for one to come back

uint64_t backend_pool_patience(const struct server *server)
{
    enum { PATIENCE_US = 250000 };
    const struct backend_ctx *ctx = server->backend->ctx;
    uint32_t busy = server->num_used + server->num_pinging;
    if (LIKELY(!server->warm_share) || !busy)
        return 0;
    if (board_counter_sum(ctx->board, server->conf->object, PROXY_COUNT_IDLE) <= server->num_idle)
        return 0;
    return server->exchange_us * (server->num_waits / busy + 1) < PATIENCE_US ? PATIENCE_US : 0;
}

void backend_wait_begin(struct server *server, struct backend_wait *wait)
{
    list_append(&server->waits, &wait->link);
    server->num_waits++;
}

void backend_wait_end(struct server *server, struct backend_wait *wait)
{
    if (!wait->link.next || list_is_empty(&wait->link))
        return;
    list_remove(&wait->link);
    server->num_waits--;
}
