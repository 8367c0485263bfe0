// SPDX-License-Identifier: Apache-2.0
#include <stdatomic.h>
#include <stdio.h>
#include "admin/stat.h"
#include "base/check.h"
#include "backend/notice.h"
#include "board/board.h"
#include "proxy/counters.h"
#include "proxy/histogram.h"
#include "backend/pool.h"
#include "proxy/live.h"

static void set(struct admin_stat_row *row, enum admin_stat field, uint64_t number)
{
    row->values[field] = (struct admin_value){ .is_set = true, .number = number };
}

static void set_string(struct admin_stat_row *row, enum admin_stat field, const char *string)
{
    row->values[field] = (struct admin_value){ .is_set = string != NULL, .string = string };
}

// All counters of the object that the row under way is about, added up once: its columns are of the same moment, and a
// walk over all processes is not made for each. This process has one thread.
static struct {
    uint32_t object; // 0: none
    uint64_t counters[BOARD_COUNTERS];
} looked;

static void look_at(const struct admin_stat_ctx *ctx, uint32_t object)
{
    looked.object = 0;
    if (ctx->inc)
        return;
    board_counters_sum(ctx->board, looked.counters, object, 0, BOARD_COUNTERS);
    looked.object = object;
}

static uint64_t count(const struct admin_stat_ctx *ctx, uint32_t object, uint32_t counter)
{
    if (ctx->inc)
        return board_counter_own(ctx->board, object, counter, ctx->inc);
    return object == looked.object ? looked.counters[counter] : board_counter_sum(ctx->board, object, counter);
}

struct counted {
    enum admin_stat field;
    enum proxy_counter counter;
};

static void set_counted(struct admin_stat_row *row, const struct admin_stat_ctx *ctx, uint32_t object,
                        const struct counted *counted, size_t num)
{
    for (size_t i = 0; i < num; i++)
        set(row, counted[i].field, count(ctx, object, counted[i].counter));
}

static void row_begin(struct admin_stat_row *row, const struct admin_stat_ctx *ctx, char kind, unsigned type,
                      const struct proxy_conf *proxy, const char *name, uint32_t sid)
{
    *row = (struct admin_stat_row){ .kind = kind, .iid = proxy->id, .sid = sid, .process = ctx->process };
    looked.object = 0;
    set_string(row, ADMIN_STAT_PXNAME, proxy->name);
    set_string(row, ADMIN_STAT_SVNAME, name);
    set(row, ADMIN_STAT_PID, ctx->process);
    set(row, ADMIN_STAT_IID, proxy->id);
    set(row, ADMIN_STAT_SID, sid);
    set(row, ADMIN_STAT_TYPE, type);
    static const char *const modes[] = {
        [PROXY_MODE_TCP] = "tcp", [PROXY_MODE_HTTP] = "http", [PROXY_MODE_LOG] = "syslog"
    };
    set_string(row, ADMIN_STAT_MODE, modes[proxy->mode]);
    set_string(row, ADMIN_STAT_OWN, "-");
}

static void set_statuses(struct admin_stat_row *row, const struct admin_stat_ctx *ctx, uint32_t object)
{
    static const struct counted counted[] = {
        { ADMIN_STAT_HRSP_1XX, PROXY_COUNT_1XX }, { ADMIN_STAT_HRSP_2XX, PROXY_COUNT_2XX },
        { ADMIN_STAT_HRSP_3XX, PROXY_COUNT_3XX }, { ADMIN_STAT_HRSP_4XX, PROXY_COUNT_4XX },
        { ADMIN_STAT_HRSP_5XX, PROXY_COUNT_5XX }, { ADMIN_STAT_HRSP_OTHER, PROXY_COUNT_OTHER_STATUS },
    };
    set_counted(row, ctx, object, counted, NUM_ITEMS(counted));
}

// What every kind of object has.
static void set_sessions(struct admin_stat_row *row, const struct admin_stat_ctx *ctx, uint32_t object)
{
    static const struct counted counted[] = {
        { ADMIN_STAT_STOT, PROXY_COUNT_SESSIONS },        { ADMIN_STAT_BIN, PROXY_COUNT_BYTES_IN },
        { ADMIN_STAT_BOUT, PROXY_COUNT_BYTES_OUT },       { ADMIN_STAT_DRESP, PROXY_COUNT_DENIED_RESP },
        { ADMIN_STAT_EINT, PROXY_COUNT_INTERNAL_ERRORS }, { ADMIN_STAT_WREW, PROXY_COUNT_REWRITES_FAILED },
    };
    look_at(ctx, object);
    set_counted(row, ctx, object, counted, NUM_ITEMS(counted));
    set(row, ADMIN_STAT_SCUR,
        ctx->inc ? board_lane_own(ctx->board, object, ctx->inc) : board_lane_sum(ctx->board, object));
    // Maxima and rates are counted by all workers together.
    if (ctx->inc)
        return;
    _Atomic uint64_t *gauges = board_gauges(ctx->board, object);
    set(row, ADMIN_STAT_SMAX, atomic_load(&gauges[PROXY_GAUGE_MAX_SESSIONS]));
    set(row, ADMIN_STAT_RATE, board_rate_read(&gauges[PROXY_GAUGE_SESSION_RATE], ctx->now_us));
    set(row, ADMIN_STAT_RATE_MAX, atomic_load(&gauges[PROXY_GAUGE_SESSION_RATE_MAX]));
}

static void set_time(struct admin_stat_row *row, const struct admin_stat_ctx *ctx, uint32_t object,
                     enum proxy_time which, uint64_t num)
{
    static const struct {
        enum admin_stat average;
        enum admin_stat longest;
    } fields[PROXY_NUM_TIMES] = {
        [PROXY_TIME_QUEUE] = { ADMIN_STAT_QTIME, ADMIN_STAT_QTIME_MAX },
        [PROXY_TIME_CONNECT] = { ADMIN_STAT_CTIME, ADMIN_STAT_CTIME_MAX },
        [PROXY_TIME_RESPONSE] = { ADMIN_STAT_RTIME, ADMIN_STAT_RTIME_MAX },
        [PROXY_TIME_TOTAL] = { ADMIN_STAT_TTIME, ADMIN_STAT_TTIME_MAX },
    };
    _Atomic uint64_t *gauges = board_gauges(ctx->board, object);
    set(row, fields[which].average, proxy_average_us(&gauges[PROXY_GAUGE_AVERAGES + which], num) / 1000);
    set(row, fields[which].longest, atomic_load(&gauges[PROXY_GAUGE_LONGEST + which]) / 1000);
}

// Of the object that is looked at. Averages know how many requests they are of by the histograms. The one of tcp mode's
// total time has none.
static void set_times(struct admin_stat_row *row, const struct admin_stat_ctx *ctx, uint32_t object)
{
    for (unsigned i = 0; i < PROXY_NUM_TIMES; i++) {
        struct proxy_histogram_sums sums;
        proxy_histogram_read(&sums, looked.counters, (enum proxy_histogram)i);
        if (i == PROXY_TIME_TOTAL)
            sums.count += looked.counters[PROXY_HIST_TUNNELS];
        set_time(row, ctx, object, (enum proxy_time)i, sums.count);
    }
}

// What a backend and its servers have in common.
static void set_serving(struct admin_stat_row *row, const struct admin_stat_ctx *ctx, uint32_t object)
{
    static const struct counted counted[] = {
        { ADMIN_STAT_ECON, PROXY_COUNT_CONN_ERRORS },
        { ADMIN_STAT_ERESP, PROXY_COUNT_RESP_ERRORS },
        { ADMIN_STAT_WRETR, PROXY_COUNT_RETRIES },
        { ADMIN_STAT_WREDIS, PROXY_COUNT_REDISPATCHES },
        { ADMIN_STAT_LBTOT, PROXY_COUNT_LB_TOTAL },
        { ADMIN_STAT_CLI_ABRT, PROXY_COUNT_CLIENT_ABORTS },
        { ADMIN_STAT_SRV_ABRT, PROXY_COUNT_SERVER_ABORTS },
        { ADMIN_STAT_CONNECT, PROXY_COUNT_CONNECTS },
        { ADMIN_STAT_REUSE, PROXY_COUNT_REUSES },
        { ADMIN_STAT_POOL_DEAD, PROXY_COUNT_POOL_DEAD },
        { ADMIN_STAT_POOL_RETRIES, PROXY_COUNT_POOL_RETRIES },
        { ADMIN_STAT_RETRY_CONN, PROXY_COUNT_RETRY_CONNECT },
        { ADMIN_STAT_RETRY_EMPTY, PROXY_COUNT_RETRY_EMPTY },
        { ADMIN_STAT_RETRY_JUNK, PROXY_COUNT_RETRY_JUNK },
        { ADMIN_STAT_RETRY_TIMEOUT, PROXY_COUNT_RETRY_TIMEOUT },
        { ADMIN_STAT_RETRY_STATUS, PROXY_COUNT_RETRY_STATUS },
    };
    set_counted(row, ctx, object, counted, NUM_ITEMS(counted));
    if (ctx->inc)
        return;
    _Atomic uint64_t *gauges = board_gauges(ctx->board, object);
    uint64_t last = atomic_load(&gauges[PROXY_GAUGE_LAST_SESSION]);
    uint64_t now = ctx->wall_us / 1000000;
    set(row, ADMIN_STAT_QMAX, atomic_load(&gauges[PROXY_GAUGE_QUEUE_MAX]));
    set(row, ADMIN_STAT_LASTSESS, !last ? UINT64_MAX : now > last ? now - last : 0);
    set_times(row, ctx, object);
}

// The level is one that goes down, too: a sum that is read while a tunnel ends may be one too few, never below 0.
static void set_tunnels(struct admin_stat_row *row, const struct admin_stat_ctx *ctx, uint32_t object)
{
    int64_t open = (int64_t)count(ctx, object, PROXY_COUNT_OPEN_TUNNELS);
    set(row, ADMIN_STAT_TUNNELS, count(ctx, object, PROXY_COUNT_TUNNELS));
    set(row, ADMIN_STAT_TUNNELS_CUR, open > 0 ? (uint64_t)open : 0);
    if (!ctx->inc)
        set(row, ADMIN_STAT_TUNNELS_MAX, atomic_load(&board_gauges(ctx->board, object)[PROXY_GAUGE_TUNNELS_MAX]));
}

// A connection of HTTP/1 carries one request at a time.
static void set_front_http1(struct admin_stat_row *row, const struct admin_stat_ctx *ctx, uint32_t object)
{
    static const struct counted counted[] = {
        { ADMIN_STAT_H1_TOTAL_CONN, PROXY_COUNT_SESS_HTTP1 }, { ADMIN_STAT_H1_TOTAL_STREAMS, PROXY_COUNT_REQ_HTTP1 },
        { ADMIN_STAT_H1_BYTES_IN, PROXY_COUNT_BYTES_IN },     { ADMIN_STAT_H1_BYTES_OUT, PROXY_COUNT_BYTES_OUT },
        { ADMIN_STAT_H1_SPLICED_IN, PROXY_COUNT_SPLICED_IN }, { ADMIN_STAT_H1_SPLICED_OUT, PROXY_COUNT_SPLICED_OUT },
    };
    set_counted(row, ctx, object, counted, NUM_ITEMS(counted));
    set(row, ADMIN_STAT_H1_OPEN_CONN, row->values[ADMIN_STAT_SCUR].number);
}

static uint32_t frontend_limit(const struct admin_stat_ctx *ctx, const struct proxy_conf *proxy)
{
    uint32_t maxconn = proxy_live_maxconn(ctx->conf, proxy);
    return maxconn != PROXY_LIVE_NO_LIMIT ? maxconn : ctx->max_connections;
}

static const char *frontend_status(const struct admin_stat_ctx *ctx, const struct proxy_conf *proxy, uint32_t limit)
{
    switch (proxy_live_state(ctx->conf, proxy)) {
    case PROXY_LIVE_PAUSED:
        return "PAUSED";
    case PROXY_LIVE_STOPPED:
        return "STOP";
    default:
        return board_lane_sum(ctx->board, proxy->fe_object) >= limit ? "FULL" : "OPEN";
    }
}

static void set_request_rates(struct admin_stat_row *row, const struct admin_stat_ctx *ctx, uint32_t object)
{
    if (ctx->inc)
        return;
    _Atomic uint64_t *gauges = board_gauges(ctx->board, object);
    set(row, ADMIN_STAT_REQ_RATE, board_rate_read(&gauges[PROXY_GAUGE_REQUEST_RATE], ctx->now_us));
    set(row, ADMIN_STAT_REQ_RATE_MAX, atomic_load(&gauges[PROXY_GAUGE_REQUEST_RATE_MAX]));
    set(row, ADMIN_STAT_CONN_RATE, board_rate_read(&gauges[PROXY_GAUGE_CONN_RATE], ctx->now_us));
    set(row, ADMIN_STAT_CONN_RATE_MAX, atomic_load(&gauges[PROXY_GAUGE_CONN_RATE_MAX]));
}

// There is no cache yet: it was never asked.
static void set_cache(struct admin_stat_row *row)
{
    set(row, ADMIN_STAT_CACHE_LOOKUPS, 0);
    set(row, ADMIN_STAT_CACHE_HITS, 0);
}

static void set_errors(struct admin_stat_row *row, const struct admin_stat_ctx *ctx, uint32_t object)
{
    static const struct counted counted[] = {
        { ADMIN_STAT_EREQ_BAD, PROXY_COUNT_REQ_BAD },
        { ADMIN_STAT_EREQ_LATE, PROXY_COUNT_REQ_LATE },
        { ADMIN_STAT_EREQ_CUT, PROXY_COUNT_REQ_CUT },
        { ADMIN_STAT_GLITCHES, PROXY_COUNT_GLITCHES },
    };
    set_counted(row, ctx, object, counted, NUM_ITEMS(counted));
}

static void set_handshakes(struct admin_stat_row *row, const struct admin_stat_ctx *ctx, uint32_t object)
{
    static const struct counted counted[] = {
        { ADMIN_STAT_SSL_SESS, PROXY_COUNT_TLS_FULL },
        { ADMIN_STAT_SSL_REUSED, PROXY_COUNT_TLS_RESUMED },
        { ADMIN_STAT_SSL_FAILED, PROXY_COUNT_TLS_FAILED },
    };
    set_counted(row, ctx, object, counted, NUM_ITEMS(counted));
}

void admin_stat_frontend(struct admin_stat_row *row, const struct admin_stat_ctx *ctx, const struct proxy_conf *proxy)
{
    static const struct counted counted[] = {
        { ADMIN_STAT_DREQ, PROXY_COUNT_DENIED_REQ },    { ADMIN_STAT_EREQ, PROXY_COUNT_REQ_ERRORS },
        { ADMIN_STAT_REQ_TOT, PROXY_COUNT_REQUESTS },   { ADMIN_STAT_CONN_TOT, PROXY_COUNT_CONNECTIONS },
        { ADMIN_STAT_DCON, PROXY_COUNT_DENIED_CONN },   { ADMIN_STAT_DSES, PROXY_COUNT_DENIED_SESS },
        { ADMIN_STAT_H1_SESS, PROXY_COUNT_SESS_HTTP1 }, { ADMIN_STAT_SESS_OTHER, PROXY_COUNT_SESS_OTHER },
        { ADMIN_STAT_H1REQ, PROXY_COUNT_REQ_HTTP1 },    { ADMIN_STAT_REQ_OTHER, PROXY_COUNT_REQ_OTHER },
    };
    static const enum admin_stat zero[] = { ADMIN_STAT_COMP_IN,  ADMIN_STAT_COMP_OUT, ADMIN_STAT_COMP_BYP,
                                            ADMIN_STAT_COMP_RSP, ADMIN_STAT_H2_SESS,  ADMIN_STAT_H3_SESS,
                                            ADMIN_STAT_H2REQ,    ADMIN_STAT_H3REQ };
    bool is_http = proxy->mode == PROXY_MODE_HTTP;
    row_begin(row, ctx, 'F', 0, proxy, "FRONTEND", 0);
    set_sessions(row, ctx, proxy->fe_object);
    set_counted(row, ctx, proxy->fe_object, counted, NUM_ITEMS(counted));
    for (size_t i = 0; i < NUM_ITEMS(zero); i++)
        set(row, zero[i], 0);
    set(row, ADMIN_STAT_RATE_LIM, proxy->fe.rate_limit);
    if (is_http) {
        set_statuses(row, ctx, proxy->fe_object);
        set_front_http1(row, ctx, proxy->fe_object);
        set_cache(row);
        set(row, ADMIN_STAT_INTERCEPTED, count(ctx, proxy->fe_object, PROXY_COUNT_INTERCEPTED));
    }
    set_errors(row, ctx, proxy->fe_object);
    uint32_t limit = frontend_limit(ctx, proxy);
    set(row, ADMIN_STAT_SLIM, limit);
    set_string(row, ADMIN_STAT_STATUS, frontend_status(ctx, proxy, limit));
    set_request_rates(row, ctx, proxy->fe_object);
    set_handshakes(row, ctx, proxy->fe_object);
    set_tunnels(row, ctx, proxy->fe_object);
}

bool admin_stat_is_up(const struct server_conf *server)
{
    return backend_status_is_up(backend_state_status(backend_state_at(server->object)));
}

// Those without a server of their own yet: a server's line tells who waits for it. The queue is one for all workers.
static void set_waiting(struct admin_stat_row *row, const struct admin_stat_ctx *ctx, const struct proxy_conf *proxy)
{
    if (ctx->inc)
        return;
    uint64_t waiting = board_queue_len(ctx->board, proxy->be_object, 0);
    for (const struct server_conf *server = proxy->be.servers; server; server = server->next) {
        uint32_t own = board_queue_len(ctx->board, proxy->be_object, server->object);
        waiting -= waiting > own ? own : waiting;
    }
    set(row, ADMIN_STAT_QCUR, waiting);
}

// Status columns of a backend are gauges of the exporter, by state; here HAProxy has a plain zero.
static void set_aggregates(struct admin_stat_row *row, const struct proxy_conf *proxy)
{
    (void)proxy;
    set(row, ADMIN_STAT_AGG_SERVER_STATUS, 0);
    set(row, ADMIN_STAT_AGG_SERVER_CHECK_STATUS, 0);
    set(row, ADMIN_STAT_AGG_CHECK_STATUS, 0);
}

static uint64_t pool_open(const struct admin_stat_ctx *ctx, const struct server_conf *server)
{
    return ctx->inc ? board_lane_own(ctx->board, server->pool_object, ctx->inc)
                    : board_lane_sum(ctx->board, server->pool_object);
}

static void set_back_http1(struct admin_stat_row *row, const struct admin_stat_ctx *ctx, const struct proxy_conf *proxy)
{
    uint64_t open = 0, spare = 0;
    for (const struct server_conf *server = proxy->be.servers; server; server = server->next) {
        open += pool_open(ctx, server);
        spare += backend_level_spare(count(ctx, server->pool_object, BACKEND_POOL_LEVEL));
    }
    uint64_t connects = row->values[ADMIN_STAT_CONNECT].number;
    set(row, ADMIN_STAT_H1_SPLICED_IN, count(ctx, proxy->be_object, PROXY_COUNT_SPLICED_IN));
    set(row, ADMIN_STAT_H1_SPLICED_OUT, count(ctx, proxy->be_object, PROXY_COUNT_SPLICED_OUT));
    set(row, ADMIN_STAT_H1_OPEN_CONN, open);
    set(row, ADMIN_STAT_H1_OPEN_STREAMS, open > spare ? open - spare : 0);
    set(row, ADMIN_STAT_H1_TOTAL_CONN, connects);
    set(row, ADMIN_STAT_H1_TOTAL_STREAMS, connects + row->values[ADMIN_STAT_REUSE].number);
}

void admin_stat_backend(struct admin_stat_row *row, const struct admin_stat_ctx *ctx, const struct proxy_conf *proxy)
{
    static const struct counted counted[] = {
        { ADMIN_STAT_DREQ, PROXY_COUNT_DENIED_REQ },
        { ADMIN_STAT_NO_SERVER, PROXY_COUNT_NO_SERVER },
    };
    static const enum admin_stat zero[] = { ADMIN_STAT_COMP_IN, ADMIN_STAT_COMP_OUT, ADMIN_STAT_COMP_BYP,
                                            ADMIN_STAT_COMP_RSP };
    struct backend_notice_count servers;
    row_begin(row, ctx, 'B', 1, proxy, "BACKEND", 0);
    set_sessions(row, ctx, proxy->be_object);
    set_serving(row, ctx, proxy->be_object);
    set_counted(row, ctx, proxy->be_object, counted, NUM_ITEMS(counted));
    for (size_t i = 0; i < NUM_ITEMS(zero); i++)
        set(row, zero[i], 0);
    if (proxy->mode == PROXY_MODE_HTTP) {
        set_statuses(row, ctx, proxy->be_object);
        set(row, ADMIN_STAT_REQ_TOT, count(ctx, proxy->be_object, PROXY_COUNT_REQUESTS));
        set_back_http1(row, ctx, proxy);
        set_cache(row);
    }
    set_handshakes(row, ctx, proxy->be_object);
    set_tunnels(row, ctx, proxy->be_object);
    set_aggregates(row, proxy);
    backend_notice_count(&servers, proxy);
    admin_stat_changes(row, ctx, backend_state_at(proxy->be_object));
    if (!servers.num_servers)
        row->values[ADMIN_STAT_DOWNTIME].is_set = false;
    set_waiting(row, ctx, proxy);
    set(row, ADMIN_STAT_SLIM, proxy->be.fullconn);
    // Without servers a backend still answers by its rules.
    bool is_up = !servers.num_servers || servers.num_active + servers.num_backup;
    if (ctx->count_servers && servers.num_servers)
        snprintf(row->text, sizeof(row->text), "%s (%u/%u)", is_up ? "UP" : "DOWN", servers.num_up,
                 servers.num_servers);
    else
        snprintf(row->text, sizeof(row->text), "%s", is_up ? "UP" : "DOWN");
    set_string(row, ADMIN_STAT_STATUS, row->text);
    set(row, ADMIN_STAT_WEIGHT, servers.weight);
    set(row, ADMIN_STAT_UWEIGHT, servers.weight);
    set(row, ADMIN_STAT_ACT, servers.num_active);
    set(row, ADMIN_STAT_BCK, servers.num_backup);
    set_string(row, ADMIN_STAT_ALGO, proxy_balance_name(proxy->be.balance.algorithm));
    set_string(row, ADMIN_STAT_COOKIE, proxy->be.cookie.name);
}

static const char *server_address(struct admin_stat_row *row, const struct server_conf *server)
{
    char ip[TRANSPORT_ADDRESS_TEXT_MAX];
    size_t len = transport_address_ip_text(&server->addr, ip);
    if (server->addr.family == AF_INET6)
        snprintf(row->text, sizeof(row->text), "[%.*s]:%u", (int)len, ip, server->addr.port);
    else if (server->addr.family == AF_INET)
        snprintf(row->text, sizeof(row->text), "%.*s:%u", (int)len, ip, server->addr.port);
    else if (server->addr.family == AF_UNIX)
        snprintf(row->text, sizeof(row->text), "unix");
    else
        snprintf(row->text, sizeof(row->text), "%s", server->addr_text ? server->addr_text : "");
    return row->text;
}

// Idle connections are safe where they were used again before: another request is no risk for them.
static void set_pool(struct admin_stat_row *row, const struct admin_stat_ctx *ctx, const struct server_conf *server)
{
    uint64_t level = count(ctx, server->pool_object, BACKEND_POOL_LEVEL);
    uint64_t idle = count(ctx, server->object, PROXY_COUNT_IDLE), safe = backend_level_safe(level);
    uint64_t spare = backend_level_spare(level);
    uint64_t open = pool_open(ctx, server);
    set(row, ADMIN_STAT_SRV_ICUR, idle);
    set(row, ADMIN_STAT_SAFE_CONN_CUR, safe < idle ? safe : idle);
    set(row, ADMIN_STAT_IDLE_CONN_CUR, safe < idle ? idle - safe : 0);
    set(row, ADMIN_STAT_USED_CONN_CUR, open > spare ? open - spare : 0);
    set(row, ADMIN_STAT_NEED_CONN_EST, backend_level_peak(level));
}

void admin_stat_server(struct admin_stat_row *row, const struct admin_stat_ctx *ctx, const struct proxy_conf *proxy,
                       const struct server_conf *server)
{
    row_begin(row, ctx, 'S', 2, proxy, server->name, server->id);
    set_sessions(row, ctx, server->object);
    set_serving(row, ctx, server->object);
    if (proxy->mode == PROXY_MODE_HTTP) {
        set_statuses(row, ctx, server->object);
        set(row, ADMIN_STAT_REQ_TOT, count(ctx, server->object, PROXY_COUNT_REQUESTS));
    }
    if (!ctx->inc)
        set(row, ADMIN_STAT_QCUR, board_queue_len(ctx->board, proxy->be_object, server->object));
    if (backend_state_maxconn(server))
        set(row, ADMIN_STAT_SLIM, backend_state_maxconn(server));
    if (server->maxqueue)
        set(row, ADMIN_STAT_QLIMIT, server->maxqueue);
    admin_stat_state(row, ctx, server);
    if (ctx->show_addresses)
        set_string(row, ADMIN_STAT_ADDR, server_address(row, server));
    set_string(row, ADMIN_STAT_COOKIE, server->cookie);
    set_pool(row, ctx, server);
    set_handshakes(row, ctx, server->object);
    set_tunnels(row, ctx, server->object);
    if (server->pool_max_conn >= 0)
        set(row, ADMIN_STAT_SRC_ILIM, (uint64_t)server->pool_max_conn);
    set(row, ADMIN_STAT_SRID, server->revision);
}

// As HAProxy names those without a name.
static const char *listener_name(char *room, size_t cap, const struct bind_conf *bind)
{
    snprintf(room, cap, "sock-%u", bind->id);
    return bind->name ? bind->name : room;
}

void admin_stat_listener(struct admin_stat_row *row, const struct admin_stat_ctx *ctx, const struct bind_conf *bind)
{
    static const struct counted counted[] = {
        { ADMIN_STAT_DREQ, PROXY_COUNT_DENIED_REQ },
        { ADMIN_STAT_EREQ, PROXY_COUNT_REQ_ERRORS },
        { ADMIN_STAT_DCON, PROXY_COUNT_DENIED_CONN },
        { ADMIN_STAT_DSES, PROXY_COUNT_DENIED_SESS },
    };
    uint32_t open = board_lane_sum(ctx->board, bind->object);
    bool is_ip = bind->listen.kind == OS_LISTEN_TCP;
    row_begin(row, ctx, 'L', 3, bind->proxy, NULL, bind->id);
    set_string(row, ADMIN_STAT_SVNAME, listener_name(row->text, sizeof(row->text), bind));
    set_sessions(row, ctx, bind->object);
    row->values[ADMIN_STAT_RATE].is_set = row->values[ADMIN_STAT_RATE_MAX].is_set = false;
    set_counted(row, ctx, bind->object, counted, NUM_ITEMS(counted));
    set_errors(row, ctx, bind->object);
    set(row, ADMIN_STAT_SLIM, bind->maxconn);
    set_string(row, ADMIN_STAT_STATUS, bind->maxconn && open >= bind->maxconn ? "FULL" : "OPEN");
    set_string(row, ADMIN_STAT_PROTO,
               !is_ip                                       ? "unix_stream"
               : bind->listen.address.ss_family == AF_INET6 ? "tcpv6"
                                                            : "tcpv4");
    if (!ctx->show_addresses)
        return;
    os_listen_text(row->status, &bind->listen);
    set_string(row, ADMIN_STAT_ADDR, is_ip ? row->status : "unix");
}
