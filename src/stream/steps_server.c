// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include "backend/observe.h"
#include "expr/cond.h"
#include "expr/format.h"
#include "stream/error.h"
#include "stream/act.h"
#include "stream/cookie.h"
#include "stream/persist.h"
#include "stream/on_server.h"
#include "stream/steps.h"
#include "stream/stick.h"
#include "stream/trace.h"

// Whom it waits for was named by a cookie, a rule or a hash.
static bool waits_for_one(const struct stream *stream)
{
    return stream->sticky || stream->insists;
}

// A slot may have come free between our look at the servers and our place in the queue: each free one is offered to
// whoever is first in line, which may be us. What we are granted comes back through stream_queue_granted.
static void offer_free_slots(struct stream *stream)
{
    struct backend *backend = stream->backend;
    uint32_t first = waits_for_one(stream) ? stream->server->conf->index : 0;
    uint32_t end = waits_for_one(stream) ? first + 1 : backend->num_servers;
    for (uint32_t i = first; i < end; i++) {
        struct server *server = backend->servers[i];
        if (backend_server_is_usable(server))
            board_queue_offer(stream->ctx->board, backend->conf->be_object, server->conf->object,
                              backend_server_maxconn(server));
    }
}

// As many wait for the one server that would do as may: stickiness is given up where it may be, or else the request.
static enum stream_verdict queue_full(struct stream *stream, struct server *server)
{
    struct backend *backend = stream->backend;
    stream_server_join(stream, server);
    if (!stream->sticky || stream->force_persist || !(backend->conf->options & PROXY_OPT_REDISPATCH)) {
        stream_step_set(stream, STREAM_QUEUE);
        backend_count(backend->counters, PROXY_COUNT_CONN_ERRORS, 1);
        return stream_refuse(stream, 503, STREAM_END_SERVER, false);
    }
    if (stream->cookie_seen == 'V')
        stream->cookie_seen = 'D';
    backend_count(backend->counters, PROXY_COUNT_REDISPATCHES, 1);
    backend_count(server->counters, PROXY_COUNT_REDISPATCHES, 1);
    stream->redispatched = true;
    return stream_pick_server(stream);
}

static enum stream_verdict enqueue(struct stream *stream, struct server *server)
{
    struct stream_ctx *ctx = stream->ctx;
    struct backend *backend = stream->backend;
    uint32_t be = backend->conf->be_object;
    uint32_t wanted = waits_for_one(stream) ? server->conf->object : 0;
    // Who waits for one server is not in the queue for any.
    uint32_t len = wanted ? board_queue_len(ctx->board, be, wanted) : board_queue_ahead(ctx->board, be, 0);
    if (server->conf->maxqueue && wanted && len >= server->conf->maxqueue)
        return queue_full(stream, server);
    // Zero in the log means that the request did not go through this queue: its own place counts.
    stream->queue_before = wanted ? len + 1 : 0;
    stream->backend_queue_before = wanted ? 0 : len + 1;
    // A server's own waiters are not the backend's: each has its maximum.
    proxy_gauge_raise(wanted ? &board_gauges(ctx->board, wanted)[PROXY_GAUGE_QUEUE_MAX]
                             : &backend->gauges[PROXY_GAUGE_QUEUE_MAX],
                      len + 1);
    if (wanted)
        stream_server_join(stream, server);
    else
        stream_server_part(stream), stream->server = NULL;
    stream->waiter = board_queue_wait_ranked(ctx->board, be, wanted, ctx->inc, (uint64_t)(uintptr_t)stream,
                                             stream->wishes.prio_class, stream->wishes.prio_offset_ms);
    if (!stream->waiter)
        return stream_refuse(stream, 503, STREAM_END_RESOURCE, false);
    uint64_t limit = backend->conf->timeouts.queue ? backend->conf->timeouts.queue : backend->conf->timeouts.connect;
    stream->deadline_us = limit ? ctx->loop->now_us + limit : 0;
    stream_step_set(stream, STREAM_QUEUE);
    STREAM_TRACE(stream, STREAM, USER, STRM_QUEUE, "queued for %s, place %u", wanted ? "its server" : "any server",
                 len + 1);
    offer_free_slots(stream);
    return STREAM_GO;
}

// A server's sessions are the attempts to have one, as for HAProxy.
static void count_attempt(const struct stream *stream, const struct server *server)
{
    _Atomic uint64_t *gauges = server->gauges;
    backend_count(server->counters, PROXY_COUNT_SESSIONS, 1);
    proxy_gauge_raise(&gauges[PROXY_GAUGE_SESSION_RATE_MAX],
                      board_rate_add(&gauges[PROXY_GAUGE_SESSION_RATE], stream->ctx->loop->now_us, 1));
}

static void take_server(struct stream *stream, struct server *server)
{
    struct stream_ctx *ctx = stream->ctx;
    _Atomic uint64_t *gauges = server->gauges;
    stream_server_join(stream, server);
    stream->has_slot = true;
    stream->times.queued_us = ctx->loop->now_us;
    count_attempt(stream, server);
    proxy_gauge_raise(&gauges[PROXY_GAUGE_MAX_SESSIONS], board_lane_sum(ctx->board, server->conf->object));
    proxy_gauge_raise(&gauges[PROXY_GAUGE_LAST_SESSION], ctx->loop->wall_us / 1000000);
}

static struct server *rule_server(struct stream *stream, const struct choice_conf *use)
{
    struct backend *backend = stream->backend;
    struct expr_scratch *scratch = &stream->ctx->expr.scratch;
    if (use->server)
        return backend->servers[use->server->index];
    uint32_t mark = expr_scratch_mark(scratch);
    struct slice name = expr_format_make(use->format, &stream->subject);
    struct server *found = NULL;
    for (uint32_t i = 0; i < backend->num_servers && name.ptr && !found; i++)
        if (slice_equal(slice_str(backend->servers[i]->conf->name), name))
            found = backend->servers[i];
    expr_scratch_release(scratch, mark);
    return found;
}

// use-server: the first rule whose condition holds and whose server is there.
static struct server *pick_by_rule(struct stream *stream)
{
    const struct choice_conf *use = stream->backend->conf->be.use_servers;
    struct server *server = NULL;
    if (!use)
        return NULL;
    stream_looks_at_bytes(stream);
    stream->subject.when = stream->head_valid ? EXPR_AT_REQUEST_HEAD : EXPR_AT_REQUEST_CONTENT;
    stream->subject.final = true;
    for (; use && !server; use = use->next) {
        if (!expr_cond_true(use->cond, &stream->subject))
            continue;
        server = rule_server(stream, use);
        if (server && !stream->force_persist && !backend_server_is_usable(server))
            server = NULL;
    }
    stream_looked(stream);
    stream->by_rule = server != NULL;
    return server;
}

// With maxqueue leastconn goes on beyond maxconn: to the server with the fewest connections and waiters for its weight.
static struct server *least_queued(const struct stream *stream, const struct server *picked)
{
    const struct backend *backend = stream->backend;
    struct board *board = stream->ctx->board;
    struct server *best = NULL;
    uint64_t best_load = 0;
    for (uint32_t i = 0; i < backend->num_servers; i++) {
        struct server *server = backend->servers[i];
        const struct server_conf *conf = server->conf;
        if (!conf->maxqueue || conf->backup != picked->conf->backup || !backend_server_is_open(server))
            continue;
        uint32_t queue = board_queue_len(board, backend->conf->be_object, conf->object);
        uint64_t load = board_lane_sum(board, conf->object) + queue;
        if (queue >= conf->maxqueue)
            continue;
        if (!best || load * best->conf->weight < best_load * conf->weight) {
            best = server;
            best_load = load;
        }
    }
    return best;
}

// Whom a rule, a cookie or a table names, or NULL. False where there is no room for taking the cookie out.
static bool pick_named(struct stream *stream, struct server **out)
{
    struct server *server = stream->redispatched ? NULL : pick_by_rule(stream);
    struct server *named = NULL;
    if (!stream->redispatched && !stream->cookie_looked &&
        !stream_cookie_look(stream, &named, server || stream->ignore_persist))
        return false;
    if (!server)
        server = named;
    if (!server && !stream->redispatched)
        server = stream_persist_rdp(stream);
    struct server *known = stream_stick_pick(stream, server != NULL);
    *out = server ? server : known;
    return true;
}

// As for HAProxy: what balancing chose, rather than rules, cookies, tables or the queue.
static void count_balanced(const struct server *server)
{
    backend_count(server->counters, PROXY_COUNT_LB_TOTAL, 1);
    backend_count(server->backend->counters, PROXY_COUNT_LB_TOTAL, 1);
}

enum stream_verdict stream_pick_server(struct stream *stream)
{
    struct backend *backend = stream->backend;
    struct server *before = stream->redispatched ? stream->server : NULL, *server = NULL;
    struct backend_ask ask = { .avoid = before };
    enum stream_verdict verdict;
    if (!backend->is_plain && !pick_named(stream, &server))
        return stream_refuse(stream, 500, STREAM_END_RESOURCE, false);
    bool full = false;
    stream->sticky = server != NULL;
    if (!server && !stream->redispatched && stream->session->own_conn)
        server = stream_persist_last(stream);
    stream->insists = false;
    if (!server) {
        if (!backend->is_plain && !stream_balance_wait(stream, &verdict))
            return verdict;
        if (!backend->is_plain)
            stream_balance_ask(stream, &ask);
        server = backend_pick(backend, &full, &ask);
        if (!server && ask.avoid) {
            ask.avoid = NULL;
            server = backend_pick(backend, &full, &ask);
        }
        stream->insists = backend_pick_insists(backend, &ask);
        if (full && backend->conf->be.balance.algorithm == PROXY_BALANCE_LEASTCONN) {
            struct server *queued = least_queued(stream, server);
            server = queued ? queued : server;
            stream->insists = queued != NULL;
        }
        // Who waits for whichever is free first is given one by the queue.
        if (server && server != before && (!full || stream->insists))
            count_balanced(server);
    }
    if (!server && backend->conf->options & PROXY_OPT_FAIL_OPEN)
        server = backend_pick_closed(backend, &full);
    if (!server) {
        stream_server_part(stream);
        stream->server = NULL;
        stream_no_server(stream);
        backend_count(backend->counters, PROXY_COUNT_CONN_ERRORS, 1);
        return stream_refuse(stream, 503, STREAM_END_SERVER, false);
    }
    if (!backend->is_plain && stream_redirect_away(stream, server, &verdict))
        return verdict;
    if (full || !backend_slot_take(server, false))
        return enqueue(stream, server);
    take_server(stream, server);
    stream_step_set(stream, STREAM_CONNECT);
    return STREAM_GO;
}

// In the queue the only thing to see from the client is its end.
bool stream_client_left(const struct stream *stream)
{
    const struct transport_conn *conn = &stream->front->conn;
    bool abort_on_fin = stream->backend && stream->backend->conf->options & PROXY_OPT_ABORT_ON_CLOSE;
    return conn->has_error || conn->failed || (abort_on_fin && conn->near_end);
}

enum stream_verdict stream_queue(struct stream *stream)
{
    if (stream_client_left(stream))
        return stream_finish(stream, STREAM_END_CLIENT, STREAM_NEXT_CLOSE);
    return STREAM_WAIT;
}

void stream_queue_granted(struct stream_ctx *ctx)
{
    uint32_t waiter;
    uint32_t object;
    uint64_t cookie;
    while (board_queue_granted(ctx->board, &waiter, &cookie, &object, ctx->inc)) {
        struct stream *stream = (struct stream *)(uintptr_t)cookie;
        must(stream->waiter == waiter && (stream->step == STREAM_QUEUE || stream->step == STREAM_CONNECT));
        if (stream->step == STREAM_CONNECT) {
            stream_room_granted(stream);
            continue;
        }
        struct backend *backend = stream->backend;
        struct server *server = backend_server_at(ctx->backends, object);
        stream->waiter = 0;
        if (server && backend_slot_take(server, true)) {
            stream->deadline_us = 0;
            take_server(stream, server);
            STREAM_TRACE(stream, STREAM, USER, STRM_QUEUE, "leaves the queue for a slot");
            stream_step_set(stream, STREAM_CONNECT);
            stream_run(stream);
            continue;
        }
        // Another was faster: back to the head of the queue.
        stream->waiter =
            board_queue_wait_first(ctx->board, backend->conf->be_object,
                                   waits_for_one(stream) ? stream->server->conf->object : 0, ctx->inc, cookie);
        if (stream->waiter)
            offer_free_slots(stream);
        else
            stream->deadline_us = ctx->loop->now_us;
        stream_run(stream);
    }
}

// Whether balancing has a server to offer besides the stream's own.
static bool has_other(const struct stream *stream)
{
    const struct backend *backend = stream->backend;
    bool all_backups = (backend->conf->options & PROXY_OPT_ALL_BACKUPS) != 0;
    bool is_active = false, has_backup = false, seen_backup = false;
    for (uint32_t i = 0; i < backend->num_servers; i++) {
        const struct server *server = backend->servers[i];
        if (!backend_server_is_open(server))
            continue;
        if (!server->conf->backup && server != stream->server)
            return true;
        is_active |= !server->conf->backup;
        // Of backups only the first counts, unless all do.
        has_backup |= server->conf->backup && server != stream->server && (all_backups || !seen_backup);
        seen_backup |= server->conf->backup;
    }
    return !is_active && has_backup;
}

static bool may_redispatch(const struct stream *stream)
{
    const struct backend_conf *conf = &stream->backend->conf->be;
    if (!(stream->backend->conf->options & PROXY_OPT_REDISPATCH) || stream->force_persist || !has_other(stream))
        return false;
    // Nothing ties this request to its server, and balancing has others: waiting for this one would help nobody.
    if (!stream->sticky && (!stream->insists || conf->balance.algorithm == PROXY_BALANCE_LEASTCONN))
        return true;
    int32_t interval = conf->redispatch_interval;
    uint32_t done = stream->retries + 1;
    if (interval > 0)
        return done % (uint32_t)interval == 0;
    return interval < 0 && stream->retries_left <= -interval;
}

// The next attempt, at the same server or another; `pause` gives the same one a moment to recover.
static enum stream_verdict try_again(struct stream *stream, bool pause)
{
    uint64_t *be = stream->backend->counters;
    uint64_t *srv = stream->server->counters;
    bool redispatch = may_redispatch(stream);
    stream->retries_left--;
    stream->retries++;
    if (redispatch) {
        if (stream->cookie_seen == 'V')
            stream->cookie_seen = 'D';
        backend_count(be, PROXY_COUNT_REDISPATCHES, 1);
        backend_count(srv, PROXY_COUNT_REDISPATCHES, 1);
        stream->redispatched = true;
        stream->has_slot = false;
        stream_server_part(stream);
        stream->deadline_us = 0;
        backend_slot_give(stream->server);
        stream_step_set(stream, STREAM_PICK_SERVER);
        return STREAM_GO;
    }
    backend_count(be, PROXY_COUNT_RETRIES, 1);
    backend_count(srv, PROXY_COUNT_RETRIES, 1);
    count_attempt(stream, stream->server);
    if (stream->step != STREAM_CONNECT)
        stream_step_set(stream, STREAM_CONNECT);
    if (!pause)
        return STREAM_GO;
    uint64_t pause_us = 1000000;
    uint64_t connect_us = stream->backend->conf->timeouts.connect;
    if (connect_us && connect_us < pause_us)
        pause_us = connect_us;
    stream->retry_wait = true;
    stream->deadline_us = stream->ctx->loop->now_us + pause_us;
    return STREAM_WAIT;
}

enum stream_verdict stream_retry(struct stream *stream, enum stream_end why)
{
    stream_relay_fini(&stream->up);
    stream_room_leave(stream);
    if (stream->back) {
        stream_note_back_error(stream);
        stream_note_handshake(stream, why);
        backend_conn_close(stream->back, true);
        stream->back = NULL;
    }
    if (why != STREAM_END_RESOURCE)
        backend_observe(stream->server, BACKEND_SEEN_REFUSED);
    bool wanted = !stream->head_valid || stream->backend->conf->be.retry_on & PROXY_RETRY_CONNECT;
    if (stream->retries_left <= 0 || !wanted) {
        backend_count(stream->backend->counters, PROXY_COUNT_CONN_ERRORS, 1);
        backend_count(stream->server->counters, PROXY_COUNT_CONN_ERRORS, 1);
        return stream_refuse(stream, 503, why, false);
    }
    stream_note_retry(stream, why == STREAM_END_SERVER_TIMEOUT ? STREAM_RETRY_CONNECT_TIMEOUT : STREAM_RETRY_CONNECT);
    // An attempt that timed out took long enough.
    return try_again(stream, why != STREAM_END_SERVER_TIMEOUT);
}

bool stream_retry_answer(struct stream *stream, uint32_t why, enum stream_verdict *verdict)
{
    if (!(stream->backend->conf->be.retry_on & why) || stream->wishes.no_l7_retry || stream->retries_left <= 0 ||
        stream->answer_head || !mux_h1_rewind(stream->front))
        return false;
    stream_note_retry(stream, why == PROXY_RETRY_EMPTY     ? STREAM_RETRY_EMPTY
                              : why == PROXY_RETRY_JUNK    ? STREAM_RETRY_JUNK
                              : why == PROXY_RETRY_TIMEOUT ? STREAM_RETRY_TIMEOUT
                                                           : STREAM_RETRY_STATUS);
    stream_forget_attempt(stream);
    stream->deadline_us = 0;
    *verdict = try_again(stream, false);
    return true;
}
