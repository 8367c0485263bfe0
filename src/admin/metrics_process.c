// SPDX-License-Identifier: Apache-2.0
// The exporter's metrics of the service as a whole: HAProxy speaks of its process there, and so do their names. What
// HAProxy has and we have not (compression, peers, logs received) is zero; what nobody measures here is not told. The
// numbers of pipes, which HAProxy calls counters, are the gauges that they are: no counter of ours decreases.
#include <sys/resource.h>
#include "admin/metrics.h"
#include "base/check.h"
#include "board/board.h"
#include "log/log.h"
#include "proxy/live.h"
#include "proxy/vitals.h"
#include "tls/shared.h"
#include "transport/tls.h"

#define PROCESS_METRICS(X)                                                                                             \
    X(NBTHREAD, "nbthread", "Worker processes of the current generation", false)                                       \
    X(NBPROC, "nbproc", "Always 1: all workers answer as one", false)                                                  \
    X(RELATIVE_ID, "relative_process_id", "Always 1: all workers answer as one", false)                                \
    X(UPTIME, "uptime_seconds", "Time since the master started", false)                                                \
    X(POOL_FAILURES, "pool_failures_total", "Buffers that could not be had", true)                                     \
    X(MAX_FDS, "max_fds", "Most descriptors a process may have", false)                                                \
    X(MAX_SOCKETS, "max_sockets", "Most sockets a process may have", false)                                            \
    X(MAX_CONNS, "max_connections", "Most client connections, over all workers", false)                                \
    X(HARD_MAX_CONNS, "hard_max_connections", "Most client connections the configuration allows", false)               \
    X(CONNS, "current_connections", "Client connections open now", false)                                              \
    X(CONNS_TOTAL, "connections_total", "Client connections so far", true)                                             \
    X(REQUESTS_TOTAL, "requests_total", "Requests, and sessions of tcp mode, so far", true)                            \
    X(MAX_SSL, "max_ssl_connections", "Most TLS connections, 0 for no limit", false)                                   \
    X(SSL, "current_ssl_connections", "TLS connections open now, to clients and servers", false)                       \
    X(SSL_TOTAL, "ssl_connections_total", "TLS connections so far", true)                                              \
    X(MAX_PIPES, "max_pipes", "Most pipes a worker may use at once", false)                                            \
    X(PIPES_USED, "pipes_used_total", "Pipes that carry bytes now", false)                                             \
    X(PIPES_FREE, "pipes_free_total", "Pipes that are kept for the next use", false)                                   \
    X(CONN_RATE, "current_connection_rate", "Client connections in the last second", false)                            \
    X(CONN_RATE_LIMIT, "limit_connection_rate", "Limit of new connections a second, 0 for none", false)                \
    X(CONN_RATE_MAX, "max_connection_rate", "Most connections ever in a second", false)                                \
    X(SESS_RATE, "current_session_rate", "Sessions begun in the last second", false)                                   \
    X(SESS_RATE_LIMIT, "limit_session_rate", "Limit of new sessions a second, 0 for none", false)                      \
    X(SESS_RATE_MAX, "max_session_rate", "Most sessions ever begun in a second", false)                                \
    X(SSL_RATE, "current_ssl_rate", "TLS connections from clients in the last second", false)                          \
    X(SSL_RATE_LIMIT, "limit_ssl_rate", "Limit of new TLS connections a second, 0 for none", false)                    \
    X(SSL_RATE_MAX, "max_ssl_rate", "Most TLS connections ever in a second", false)                                    \
    X(KEYS, "current_frontend_ssl_key_rate", "Full handshakes with clients in the last second", false)                 \
    X(KEYS_MAX, "max_frontend_ssl_key_rate", "Most full handshakes with clients ever in a second", false)              \
    X(REUSE, "frontend_ssl_reuse", "Of the last second's TLS connections, percent resumed", false)                     \
    X(BACK_KEYS, "current_backend_ssl_key_rate", "Full handshakes with servers in the last second", false)             \
    X(BACK_KEYS_MAX, "max_backend_ssl_key_rate", "Most full handshakes with servers ever in a second", false)          \
    X(LOOKUPS, "ssl_cache_lookups_total", "TLS 1.2 sessions that clients asked for by their id", true)                 \
    X(MISSES, "ssl_cache_misses_total", "Of these, sessions that were not there or over", true)                        \
    X(COMP_IN, "http_comp_bytes_in_total", "Bytes given to the compressor", true)                                      \
    X(COMP_OUT, "http_comp_bytes_out_total", "Bytes it made of them", true)                                            \
    X(COMP_LIMIT, "limit_http_comp", "Limit of the compressor's output", false)                                        \
    X(ZLIB, "current_zlib_memory", "Always 0: nothing is compressed", false)                                           \
    X(ZLIB_MAX, "max_zlib_memory", "Always 0: nothing is compressed", false)                                           \
    X(TASKS, "current_tasks", "Sessions that workers carry now", false)                                                \
    X(RUN_QUEUE, "current_run_queue", "Tasks that wait for their turn", false)                                         \
    X(IDLE, "idle_time_percent", "Part of the last second that workers waited", false)                                 \
    X(STOPPING, "stopping", "1 while this generation stops softly", false)                                             \
    X(JOBS, "jobs", "Client connections and listeners", false)                                                         \
    X(UNSTOPPABLE, "unstoppable_jobs", "Always 0: everything can be stopped", false)                                   \
    X(LISTENERS, "listeners", "Addresses listened on", false)                                                          \
    X(ACTIVE_PEERS, "active_peers", "Peers that are verified", false)                                                  \
    X(CONNECTED_PEERS, "connected_peers", "Peers that are connected", false)                                           \
    X(DROPPED_LOGS, "dropped_logs_total", "Log lines lost, at a full ring or a sink that took none", true)             \
    X(BUSY, "busy_polling_enabled", "Always 0: no process polls without waiting", false)                               \
    X(BYTES_OUT, "bytes_out_total", "Bytes sent to clients so far", true)                                              \
    X(SPLICED, "spliced_bytes_out_total", "Bytes sent without a copy so far", true)                                    \
    X(RESOLUTIONS, "failed_resolutions", "Always 0: there are no resolvers", false)                                    \
    X(OUT_RATE, "bytes_out_rate", "Bytes sent to clients in the last second", false)                                   \
    X(RECV_LOGS, "recv_logs_total", "Log messages received", true)                                                     \
    X(BUILD, "build_info", "Version of the product", false)                                                            \
    X(MAX_MEMORY, "max_memory_bytes", "Most memory a process may use, 0 for no limit", false)                          \
    X(POOL_ALLOCATED, "pool_allocated_bytes", "Memory of the pools of buffers", false)                                 \
    X(POOL_USED, "pool_used_bytes", "Memory of buffers in use", false)                                                 \
    X(START, "start_time_seconds", "When the master started, in seconds since 1970", false)

#define PROCESS_ENUM(id, name, help, counter) PROCESS_##id,
#define PROCESS_ROW(id, name, help, counter)                                                                           \
    {                                                                                                                  \
        name, help, PROCESS_##id, PROCESS_##id == PROCESS_BUILD ? ADMIN_METRIC_VERSION : ADMIN_METRIC_PLAIN,           \
        0,    0,    counter                                                                                            \
    },

enum { PROCESS_METRICS(PROCESS_ENUM) PROCESS_NUM };

const struct admin_metric admin_metrics_process[] = { PROCESS_METRICS(PROCESS_ROW) };
const uint32_t admin_num_metrics_process = PROCESS_NUM;

static void fill_traffic(double *values, const struct admin_stat_ctx *ctx)
{
    struct board *board = ctx->board;
    const struct program_conf *conf = ctx->conf;
    uint64_t others = board_counter_total(board, PROXY_KIND_TCP, PROXY_COUNT_CONNECTIONS);
    uint32_t open = board_lane_sum(board, conf->object);
    values[PROCESS_CONNS] = open;
    values[PROCESS_CONNS_TOTAL] =
        (double)(board_counter_total(board, PROXY_KIND_HTTP, PROXY_COUNT_CONNECTIONS) + others);
    values[PROCESS_REQUESTS_TOTAL] =
        (double)(board_counter_total(board, PROXY_KIND_HTTP, PROXY_COUNT_REQUESTS) + others);
    values[PROCESS_BYTES_OUT] = (double)(board_counter_total(board, PROXY_KIND_HTTP, PROXY_COUNT_BYTES_OUT) +
                                         board_counter_total(board, PROXY_KIND_TCP, PROXY_COUNT_BYTES_OUT));
    values[PROCESS_LISTENERS] = conf->num_binds;
    values[PROCESS_JOBS] = open + conf->num_binds;
    values[PROCESS_SSL] = board_lane_sum(board, conf->tls_object);
    values[PROCESS_SSL_TOTAL] = (double)board_counter_sum(board, conf->tls_object, TRANSPORT_TLS_COUNT_CONNS);
    values[PROCESS_DROPPED_LOGS] = (double)log_dropped(board);
}

static void fill_rates(double *values, const struct admin_stat_ctx *ctx)
{
    _Atomic uint64_t *all = board_gauges(ctx->board, ctx->conf->object);
    _Atomic uint64_t *tls = board_gauges(ctx->board, ctx->conf->tls_object);
    uint32_t rate = board_rate_read(&tls[TRANSPORT_TLS_GAUGE_RATE], ctx->now_us);
    uint32_t keys = board_rate_read(&tls[TRANSPORT_TLS_GAUGE_KEYS], ctx->now_us);
    values[PROCESS_CONN_RATE] = board_rate_read(&all[PROXY_GAUGE_CONN_RATE], ctx->now_us);
    values[PROCESS_CONN_RATE_MAX] = (double)atomic_load(&all[PROXY_GAUGE_CONN_RATE_MAX]);
    values[PROCESS_SESS_RATE] = board_rate_read(&all[PROXY_GAUGE_SESSION_RATE], ctx->now_us);
    values[PROCESS_SESS_RATE_MAX] = (double)atomic_load(&all[PROXY_GAUGE_SESSION_RATE_MAX]);
    values[PROCESS_SSL_RATE] = rate;
    values[PROCESS_SSL_RATE_MAX] = (double)atomic_load(&tls[TRANSPORT_TLS_GAUGE_RATE_MAX]);
    values[PROCESS_KEYS] = keys;
    values[PROCESS_KEYS_MAX] = (double)atomic_load(&tls[TRANSPORT_TLS_GAUGE_KEYS_MAX]);
    values[PROCESS_REUSE] = keys < rate ? (rate - keys) * 100 / rate : 0;
    values[PROCESS_BACK_KEYS] = board_rate_read(&tls[TRANSPORT_TLS_GAUGE_BACK_KEYS], ctx->now_us);
    values[PROCESS_BACK_KEYS_MAX] = (double)atomic_load(&tls[TRANSPORT_TLS_GAUGE_BACK_KEYS_MAX]);
    struct tls_shared_stats cache;
    tls_shared_stats_get(&cache);
    values[PROCESS_LOOKUPS] = (double)cache.lookups;
    values[PROCESS_MISSES] = (double)cache.misses;
}

static void fill_limits(double *values, const struct admin_stat_ctx *ctx)
{
    const struct global_conf *global = &ctx->conf->global;
    struct rlimit files, memory;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        values[PROCESS_MAX_FDS] = (double)files.rlim_cur;
        values[PROCESS_MAX_SOCKETS] = global->maxsock ? global->maxsock : (double)files.rlim_cur;
    }
    if (getrlimit(RLIMIT_AS, &memory) == 0 && memory.rlim_cur != RLIM_INFINITY)
        values[PROCESS_MAX_MEMORY] = (double)memory.rlim_cur;
    const struct proxy_live *live = proxy_live(ctx->conf);
    values[PROCESS_HARD_MAX_CONNS] = ctx->max_connections;
    values[PROCESS_MAX_CONNS] = live->maxconn ? live->maxconn : ctx->max_connections;
    values[PROCESS_CONN_RATE_LIMIT] = live->conn_rate;
    values[PROCESS_SESS_RATE_LIMIT] = live->sess_rate;
    values[PROCESS_MAX_SSL] = global->tls.max_conn;
    values[PROCESS_SSL_RATE_LIMIT] = live->tls_rate;
    values[PROCESS_MAX_PIPES] = global->no_splice ? 0 : global->maxpipes;
}

static void fill_vitals(double *values, const struct admin_stat_ctx *ctx)
{
    struct board *board = ctx->board;
    uint32_t vitals = ctx->conf->vitals_object, memory = ctx->conf->memory_object;
    uint64_t idle = 0, num = 0;
    uint32_t self = board_incarnation_self(board);
    values[PROCESS_POOL_ALLOCATED] = (double)board_counter_sum(board, memory, PROXY_VITALS_ALLOCATED);
    values[PROCESS_POOL_USED] = (double)board_counter_sum(board, memory, PROXY_VITALS_USED);
    values[PROCESS_OUT_RATE] = (double)board_counter_sum(board, memory, PROXY_VITALS_OUT_RATE);
    values[PROCESS_POOL_FAILURES] = (double)board_counter_sum(board, vitals, PROXY_VITALS_FAILED);
    values[PROCESS_PIPES_USED] = (double)board_counter_sum(board, vitals, PROXY_VITALS_PIPES_USED);
    values[PROCESS_PIPES_FREE] = (double)board_counter_sum(board, vitals, PROXY_VITALS_PIPES_FREE);
    values[PROCESS_SPLICED] = (double)board_counter_sum(board, vitals, PROXY_VITALS_SPLICED);
    values[PROCESS_RUN_QUEUE] = (double)board_counter_sum(board, vitals, PROXY_VITALS_RUN_QUEUE);
    for (uint32_t inc = 1; self && inc < board_incarnation_limit(board); inc++) {
        const struct board_incarnation *record = board_incarnation_at(board, inc);
        if (atomic_load(&record->state) != 1 || atomic_load(&record->role) != BOARD_ROLE_WORKER ||
            record->generation != board_incarnation_at(board, self)->generation)
            continue;
        idle += board_counter_own(board, vitals, PROXY_VITALS_IDLE, inc);
        num++;
    }
    // It is kept in thousandths.
    values[PROCESS_IDLE] = num ? (double)((idle / num + 5) / 10) : 100;
}

static void fill_processes(double *values, const struct admin_stat_ctx *ctx)
{
    struct board *board = ctx->board;
    uint32_t self = board_incarnation_self(board);
    uint64_t started_us = ctx->started_wall_us;
    for (uint32_t inc = 1; inc < board_incarnation_limit(board); inc++) {
        struct board_incarnation *record = board_incarnation_at(board, inc);
        uint32_t role = atomic_load(&record->role);
        if (atomic_load(&record->state) != 1)
            continue;
        values[PROCESS_TASKS] += atomic_load(&record->sessions);
        values[PROCESS_NBTHREAD] +=
            role == BOARD_ROLE_WORKER && self && record->generation == board_incarnation_at(board, self)->generation;
        if (role == BOARD_ROLE_MASTER)
            started_us = record->started_wall_us;
    }
    values[PROCESS_STOPPING] = self && atomic_load(&board_incarnation_at(board, self)->ready) == 2;
    values[PROCESS_START] = (double)(started_us / 1000000);
    values[PROCESS_UPTIME] = ctx->wall_us > started_us ? (double)((ctx->wall_us - started_us) / 1000000) : 0;
}

void admin_metrics_process_fill(double *values, const struct admin_stat_ctx *ctx)
{
    memset(values, 0, PROCESS_NUM * sizeof(*values));
    values[PROCESS_NBPROC] = values[PROCESS_RELATIVE_ID] = values[PROCESS_BUILD] = 1;
    fill_limits(values, ctx);
    fill_traffic(values, ctx);
    fill_vitals(values, ctx);
    fill_rates(values, ctx);
    fill_processes(values, ctx);
}
