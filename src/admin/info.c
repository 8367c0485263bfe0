// SPDX-License-Identifier: Apache-2.0
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include "admin/session.h"
#include "admin/value.h"
#include "base/check.h"
#include "base/host.h"
#include "board/board.h"
#include "log/log.h"
#include "proxy/conf.h"
#include "proxy/counters.h"
#include "proxy/live.h"
#include "proxy/vitals.h"
#include "tls/shared.h"
#include "transport/tls.h"

// Positions as HAProxy numbers them; those of things that fairlead does not have, or does not measure, are holes.
#define INFO_FIELDS(X)                                                                                                 \
    X(0, NAME, "Name", "POS", STR, "Name of the product")                                                              \
    X(1, VERSION, "Version", "POS", STR, "Version of the product")                                                     \
    X(2, RELEASE_DATE, "Release_date", "POS", STR, "Date of the version")                                              \
    X(3, NBTHREAD, "Nbthread", "CGS", U32, "Worker processes of the current generation; 1 for one worker")             \
    X(4, NBPROC, "Nbproc", "CGS", U32, "Always 1: all workers answer as one")                                          \
    X(5, PROCESS_NUM, "Process_num", "KGP", U32, "Always 1: all workers answer as one; of one worker, its number")     \
    X(6, PID, "Pid", "SGP", U32, "Process id of the master; of one worker, its own")                                   \
    X(7, UPTIME, "Uptime", "MDP", STR, "Time since the master started, in days, hours, minutes and seconds")           \
    X(8, UPTIME_SEC, "Uptime_sec", "MDP", U32, "Time since the master started, in seconds")                            \
    X(9, MEMMAX_MB, "Memmax_MB", "CLP", U32, "Most memory a process may use, in MB (-m), 0 for no limit")              \
    X(10, POOL_ALLOC_MB, "PoolAlloc_MB", "MGP", U32, "Memory of the pools of buffers, in MB, over all workers")        \
    X(11, POOL_USED_MB, "PoolUsed_MB", "MGP", U32, "Of it, what holds bytes now, in MB")                               \
    X(12, POOL_FAILED, "PoolFailed", "MCP", U32, "Buffers that could not be had, for want of memory")                  \
    X(13, ULIMIT_N, "Ulimit-n", "CLP", U32, "Most descriptors a process may have")                                     \
    X(14, MAXSOCK, "Maxsock", "CLP", U32, "Most sockets a process may have")                                           \
    X(15, MAXCONN, "Maxconn", "CLP", U32, "Most client connections, over all workers")                                 \
    X(16, HARD_MAXCONN, "Hard_maxconn", "CLP", U32, "Most client connections the configuration allows")                \
    X(17, CURR_CONNS, "CurrConns", "MGP", U32, "Client connections open now, over all workers and generations")        \
    X(18, CUM_CONNS, "CumConns", "MCP", U64, "Client connections since the master started")                            \
    X(19, CUM_REQ, "CumReq", "MCP", U64, "Requests, and sessions in tcp mode, since the master started")               \
    X(20, MAX_SSL_CONNS, "MaxSslConns", "CLP", U32,                                                                    \
      "Most TLS connections, over all workers (maxsslconn), 0 for no limit")                                           \
    X(21, CURR_SSL_CONNS, "CurrSslConns", "MGP", U32, "TLS connections open now, to clients and servers")              \
    X(22, CUM_SSL_CONNS, "CumSslConns", "MCP", U64, "TLS connections since the master started")                        \
    X(23, MAXPIPES, "Maxpipes", "CLP", U32, "Most pipes a worker may use at once (maxpipes)")                          \
    X(24, PIPES_USED, "PipesUsed", "MGP", U32, "Pipes that carry bytes now, over all workers")                         \
    X(25, PIPES_FREE, "PipesFree", "MGP", U32, "Pipes that are kept for later, over all workers")                      \
    X(26, CONN_RATE, "ConnRate", "MRP", U32, "Client connections in the last second")                                  \
    X(27, CONN_RATE_LIMIT, "ConnRateLimit", "CLP", U32, "Limit of ConnRate, 0 for none")                               \
    X(28, MAX_CONN_RATE, "MaxConnRate", "MMP", U32, "Highest ConnRate since the master started")                       \
    X(29, SESS_RATE, "SessRate", "MRP", U32, "Sessions begun in the last second")                                      \
    X(30, SESS_RATE_LIMIT, "SessRateLimit", "CLP", U32, "Limit of SessRate, 0 for none")                               \
    X(31, MAX_SESS_RATE, "MaxSessRate", "MMP", U32, "Highest SessRate since the master started")                       \
    X(32, SSL_RATE, "SslRate", "MRP", U32, "TLS connections from clients in the last second")                          \
    X(33, SSL_RATE_LIMIT, "SslRateLimit", "CLP", U32, "Limit of SslRate (maxsslrate), 0 for none")                     \
    X(34, MAX_SSL_RATE, "MaxSslRate", "MMP", U32, "Highest SslRate since the master started")                          \
    X(35, SSL_KEYS, "SslFrontendKeyRate", "MRP", U32, "Full handshakes with clients in the last second")               \
    X(36, MAX_SSL_KEYS, "SslFrontendMaxKeyRate", "MMP", U32, "Highest SslFrontendKeyRate")                             \
    X(37, SSL_REUSE_PCT, "SslFrontendSessionReuse_pct", "MRP", U32,                                                    \
      "Of the last second's TLS connections, percent resumed")                                                         \
    X(38, SSL_BACK_KEYS, "SslBackendKeyRate", "MRP", U32, "Full handshakes with servers in the last second")           \
    X(39, MAX_SSL_BACK_KEYS, "SslBackendMaxKeyRate", "MMP", U32, "Highest SslBackendKeyRate")                          \
    X(40, SSL_CACHE_LOOKUPS, "SslCacheLookups", "MCP", U32, "TLS 1.2 sessions that clients asked for by their id")     \
    X(41, SSL_CACHE_MISSES, "SslCacheMisses", "MCP", U32, "Of these, sessions that were not there or over")            \
    X(42, COMPRESS_IN, "CompressBpsIn", "MRP", U32, "Always 0: nothing is compressed")                                 \
    X(43, COMPRESS_OUT, "CompressBpsOut", "MRP", U32, "Always 0: nothing is compressed")                               \
    X(44, COMPRESS_LIMIT, "CompressBpsRateLim", "CLP", U32, "Always 0: nothing is compressed")                         \
    X(47, TASKS, "Tasks", "MGP", U32, "Sessions that workers carry now")                                               \
    X(48, RUN_QUEUE, "Run_queue", "MGP", U32, "Tasks that wait for their turn, over all workers")                      \
    X(49, IDLE_PCT, "Idle_pct", "MaP", U32,                                                                            \
      "Percent of the last second that the workers of the current generation waited")                                  \
    X(50, NODE, "node", "COS", STR, "Name of this node (global, node)")                                                \
    X(51, DESCRIPTION, "description", "COS", STR, "What this node is (global, description)")                           \
    X(52, STOPPING, "Stopping", "MGP", U32, "1 while this generation stops softly")                                    \
    X(53, JOBS, "Jobs", "MGP", U32, "Client connections and listeners")                                                \
    X(54, UNSTOPPABLE, "Unstoppable Jobs", "MGP", U32, "Always 0: nothing outlives a stop")                            \
    X(55, LISTENERS, "Listeners", "MGP", U32, "Addresses that this generation listens on")                             \
    X(56, ACTIVE_PEERS, "ActivePeers", "MGP", U32, "Always 0: there are no peers")                                     \
    X(57, CONNECTED_PEERS, "ConnectedPeers", "MGP", U32, "Always 0: there are no peers")                               \
    X(58, DROPPED_LOGS, "DroppedLogs", "MCP", U32, "Log lines lost, at a full ring or a sink that took none")          \
    X(59, BUSY_POLLING, "BusyPolling", "MGP", U32, "Always 0: no process polls without waiting")                       \
    X(60, FAILED_RESOLUTIONS, "FailedResolutions", "MGP", U32, "Always 0: there are no resolvers")                     \
    X(61, TOTAL_BYTES_OUT, "TotalBytesOut", "MCP", U64, "Bytes sent to clients since the master started")              \
    X(62, SPLICED, "TotalSplicdedBytesOut", "MCP", U64,                                                                \
      "Bytes sent through pipes, without a copy; HAProxy spells it so")                                                \
    X(63, BYTES_OUT_RATE, "BytesOutRate", "MRP", U64, "Bytes sent to clients in the last second")                      \
    X(64, DEBUG_COMMANDS, "DebugCommandsIssued", "MGP", U32, "Always 0: there are no such commands")                   \
    X(65, RECEIVED_LOGS, "CumRecvLogs", "MCP", U32, "Always 0: no log lines are received")                             \
    X(66, BUILD_INFO, "Build info", "POS", STR, "Version of the product")                                              \
    X(67, MEMMAX_BYTES, "Memmax_bytes", "CLP", U64, "Most memory a process may use (-m), 0 for no limit")              \
    X(68, POOL_ALLOC, "PoolAlloc_bytes", "MGP", U64, "Memory of the pools of buffers, over all workers")               \
    X(69, POOL_USED, "PoolUsed_bytes", "MGP", U64, "Of it, what holds bytes now")                                      \
    X(70, START_TIME_SEC, "Start_time_sec", "MDP", U32, "When the master started, in seconds since 1970")              \
    X(71, TAINTED, "Tainted", "SGP", STR, "Always 0: nothing leaves the usual state")                                  \
    X(72, WARNINGS, "TotalWarnings", "MCP", U32, "Warnings of reading the configuration")                              \
    X(75, NICED, "Niced_tasks", "MGP", U32, "Always 0: all tasks are equal")                                           \
    X(76, STREAMS, "CurrStreams", "MGP", U32, "Sessions that workers carry now")                                       \
    X(77, CUM_STREAMS, "CumStreams", "MCP", U64, "Requests, and sessions in tcp mode, since the master started")

#define INFO_ENUM(pos, id, name, tags, type, help)  INFO_##id,
#define INFO_FIELD(pos, id, name, tags, type, help) { name, tags, ADMIN_##type, help },
#define INFO_POS(pos, id, name, tags, type, help)   pos,

enum info { INFO_FIELDS(INFO_ENUM) INFO_NUM };
static const struct admin_field fields[INFO_NUM] = { INFO_FIELDS(INFO_FIELD) };
static const uint32_t positions[INFO_NUM] = { INFO_FIELDS(INFO_POS) };

struct info_values {
    struct admin_value values[INFO_NUM];
    uint32_t process; // its number
    char uptime[40];
};

static void set(struct info_values *info, enum info which, uint64_t number)
{
    info->values[which] = (struct admin_value){ .is_set = true, .number = number };
}

static void set_string(struct info_values *info, enum info which, const char *string)
{
    info->values[which] = (struct admin_value){ .is_set = string != NULL, .string = string };
}

static void set_float(struct info_values *info, enum info which, double real)
{
    info->values[which] = (struct admin_value){ .is_set = true, .is_float = true, .real = real };
}

static uint64_t count_warnings(const char *text)
{
    uint64_t num = 0;
    for (const char *at = text ? strstr(text, "[WARNING]") : NULL; at; at = strstr(at + 1, "[WARNING]"))
        num++;
    return num;
}

static void fill_product(struct info_values *info, const struct admin *admin)
{
    set_string(info, INFO_NAME, "fairlead");
    set_string(info, INFO_VERSION, admin->start.version);
    set_string(info, INFO_BUILD_INFO, admin->start.version);
    set_string(info, INFO_RELEASE_DATE, admin->start.release_date);
    set_string(info, INFO_NODE, admin->start.conf->global.node ? admin->start.conf->global.node : host_name());
    set_string(info, INFO_TAINTED, "0");
    set(info, INFO_WARNINGS, count_warnings(admin->start.startup_messages));
    static const enum info nothing[] = {
        INFO_COMPRESS_IN,     INFO_COMPRESS_OUT,       INFO_COMPRESS_LIMIT, INFO_UNSTOPPABLE,   INFO_ACTIVE_PEERS,
        INFO_CONNECTED_PEERS, INFO_FAILED_RESOLUTIONS, INFO_DEBUG_COMMANDS, INFO_RECEIVED_LOGS, INFO_NICED,
    };
    for (size_t i = 0; i < NUM_ITEMS(nothing); i++)
        set(info, nothing[i], 0);
    set_string(info, INFO_DESCRIPTION, admin->start.conf->global.description);
    set(info, INFO_NBPROC, 1);
}

static void fill_uptime(struct info_values *info, uint64_t started_us, uint64_t now_us, bool with_floats)
{
    uint64_t up_us = now_us > started_us ? now_us - started_us : 0;
    uint64_t up = up_us / 1000000;
    snprintf(info->uptime, sizeof(info->uptime), "%ud %uh%02um%02us", (unsigned)(up / 86400),
             (unsigned)(up / 3600 % 24), (unsigned)(up / 60 % 60), (unsigned)(up % 60));
    set_string(info, INFO_UPTIME, info->uptime);
    if (with_floats) {
        set_float(info, INFO_UPTIME_SEC, (double)up_us / 1e6);
        set_float(info, INFO_START_TIME_SEC, (double)started_us / 1e6);
    } else {
        set(info, INFO_UPTIME_SEC, up);
        set(info, INFO_START_TIME_SEC, started_us / 1000000);
    }
}

static void fill_worker(struct info_values *info, const struct admin *admin, uint32_t inc, bool with_floats)
{
    struct board_incarnation *record = board_incarnation_at(admin->start.board, inc);
    info->process = record->slot + 1;
    set(info, INFO_PROCESS_NUM, info->process);
    set(info, INFO_NBTHREAD, 1);
    set(info, INFO_PID, (uint64_t)atomic_load(&record->pid));
    set(info, INFO_TASKS, atomic_load(&record->sessions));
    set(info, INFO_STREAMS, atomic_load(&record->sessions));
    set(info, INFO_STOPPING, atomic_load(&record->ready) == 2);
    set(info, INFO_DROPPED_LOGS, board_ring_dropped(admin->start.board, inc));
    fill_uptime(info, record->started_wall_us, admin->start.loop->wall_us, with_floats);
}

static void fill_processes(struct info_values *info, const struct admin *admin, bool with_floats)
{
    struct board *board = admin->start.board;
    uint64_t started_us = admin->started_wall_us;
    uint32_t num_workers = 0;
    uint32_t num_sessions = 0;
    for (uint32_t inc = 1; inc < board_incarnation_limit(board); inc++) {
        struct board_incarnation *record = board_incarnation_at(board, inc);
        uint32_t role = atomic_load(&record->role);
        if (atomic_load(&record->state) != 1)
            continue;
        num_sessions += atomic_load(&record->sessions);
        num_workers += role == BOARD_ROLE_WORKER && record->generation == admin->start.generation;
        if (role == BOARD_ROLE_MASTER) {
            set(info, INFO_PID, (uint64_t)atomic_load(&record->pid));
            started_us = record->started_wall_us;
        }
    }
    fill_uptime(info, started_us, admin->start.loop->wall_us, with_floats);
    info->process = 1;
    set(info, INFO_PROCESS_NUM, info->process);
    set(info, INFO_NBTHREAD, num_workers);
    set(info, INFO_TASKS, num_sessions);
    set(info, INFO_STREAMS, num_sessions);
    set(info, INFO_DROPPED_LOGS, log_dropped(board));
    set(info, INFO_STOPPING, atomic_load(&board_incarnation_at(board, admin->start.inc)->ready) == 2);
}

static void fill_limits(struct info_values *info, const struct admin *admin)
{
    const struct global_conf *global = &admin->start.conf->global;
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        set(info, INFO_ULIMIT_N, files.rlim_cur);
        set(info, INFO_MAXSOCK, global->maxsock ? global->maxsock : files.rlim_cur);
    }
    set(info, INFO_MEMMAX_MB, admin->start.memory_mb);
    set(info, INFO_MEMMAX_BYTES, admin->start.memory_mb << 20);
    uint32_t maxconn = proxy_live(admin->start.conf)->maxconn;
    set(info, INFO_MAXCONN, maxconn ? maxconn : admin_max_connections(admin));
    set(info, INFO_HARD_MAXCONN, admin_max_connections(admin));
    set(info, INFO_MAXPIPES, global->no_splice ? 0 : global->maxpipes);
    const struct proxy_live *live = proxy_live(admin->start.conf);
    set(info, INFO_CONN_RATE_LIMIT, live->conn_rate);
    set(info, INFO_SESS_RATE_LIMIT, live->sess_rate);
    set(info, INFO_MAX_SSL_CONNS, admin->start.conf->global.tls.max_conn);
    set(info, INFO_SSL_RATE_LIMIT, live->tls_rate);
    set(info, INFO_BUSY_POLLING, 0);
}

static uint64_t count(const struct admin *admin, uint32_t inc, uint32_t object, uint32_t counter)
{
    struct board *board = admin->start.board;
    return inc ? board_counter_own(board, object, counter, inc) : board_counter_sum(board, object, counter);
}

static uint32_t level(const struct admin *admin, uint32_t inc, uint32_t object)
{
    struct board *board = admin->start.board;
    return inc ? board_lane_own(board, object, inc) : board_lane_sum(board, object);
}

// A counter of all proxies of a kind.
static uint64_t total(const struct admin *admin, uint32_t inc, const char *kind, uint32_t counter)
{
    struct board *board = admin->start.board;
    uint64_t sum = 0;
    if (!inc)
        return board_counter_total(board, kind, counter);
    for (uint32_t object = 1; object < board_object_limit(board); object++)
        if (strncmp(board_object_name(board, object), kind, strlen(kind)) == 0)
            sum += board_counter_own(board, object, counter, inc);
    return sum;
}

static uint64_t bytes_out(const struct admin *admin, uint32_t inc)
{
    return total(admin, inc, PROXY_KIND_HTTP, PROXY_COUNT_BYTES_OUT) +
           total(admin, inc, PROXY_KIND_TCP, PROXY_COUNT_BYTES_OUT);
}

void admin_bytes_look(struct admin *admin)
{
    uint64_t now_us = admin->start.loop->now_us;
    uint64_t bytes = bytes_out(admin, 0);
    uint64_t spent_us = now_us - admin->bytes_seen_us;
    admin->bytes_rate = admin->bytes_seen_us && spent_us && bytes > admin->bytes_seen
                            ? (uint64_t)((double)(bytes - admin->bytes_seen) * 1e6 / (double)spent_us)
                            : 0;
    uint64_t *memory = board_counters(admin->start.board, board_incarnation_self(admin->start.board),
                                      admin->start.conf->memory_object);
    __atomic_store_n(&memory[PROXY_VITALS_OUT_RATE], admin->bytes_rate, __ATOMIC_RELAXED);
    admin->bytes_seen = bytes;
    admin->bytes_seen_us = now_us;
}

// Frontends that a reload took away still count: totals never decrease.
static void fill_traffic(struct info_values *info, const struct admin *admin, uint32_t inc)
{
    const struct program_conf *conf = admin->start.conf;
    uint64_t sessions = total(admin, inc, PROXY_KIND_TCP, PROXY_COUNT_CONNECTIONS);
    uint64_t connections = total(admin, inc, PROXY_KIND_HTTP, PROXY_COUNT_CONNECTIONS) + sessions;
    uint64_t requests = total(admin, inc, PROXY_KIND_HTTP, PROXY_COUNT_REQUESTS) + sessions;
    uint64_t bytes = bytes_out(admin, inc);
    uint32_t open = level(admin, inc, conf->object);
    set(info, INFO_CURR_CONNS, open);
    set(info, INFO_CUM_CONNS, connections);
    set(info, INFO_CUM_REQ, requests);
    set(info, INFO_TOTAL_BYTES_OUT, bytes);
    set(info, INFO_CUM_STREAMS, requests);
    set(info, INFO_LISTENERS, conf->num_binds);
    set(info, INFO_JOBS, open + conf->num_binds);
    set(info, INFO_CURR_SSL_CONNS, level(admin, inc, conf->tls_object));
    set(info, INFO_CUM_SSL_CONNS, count(admin, inc, conf->tls_object, TRANSPORT_TLS_COUNT_CONNS));
}

// The mean of all workers of this generation, or what one says.
static uint64_t idle_percent(const struct admin *admin, uint32_t inc)
{
    struct board *board = admin->start.board;
    uint64_t sum = 0, num = 0;
    for (uint32_t at = inc ? inc : 1; at < (inc ? inc + 1 : board_incarnation_limit(board)); at++) {
        struct board_incarnation *record = board_incarnation_at(board, at);
        if (atomic_load(&record->state) != 1 || atomic_load(&record->role) != BOARD_ROLE_WORKER ||
            (!inc && record->generation != admin->start.generation))
            continue;
        sum += board_counter_own(board, admin->start.conf->vitals_object, PROXY_VITALS_IDLE, at);
        num++;
    }
    return num ? (sum / num + 5) / 10 : 100;
}

static void fill_vitals(struct info_values *info, const struct admin *admin, uint32_t inc)
{
    const struct program_conf *conf = admin->start.conf;
    uint64_t allocated = count(admin, inc, conf->memory_object, PROXY_VITALS_ALLOCATED);
    uint64_t used = count(admin, inc, conf->memory_object, PROXY_VITALS_USED);
    set(info, INFO_POOL_ALLOC, allocated);
    set(info, INFO_POOL_USED, used);
    set(info, INFO_POOL_ALLOC_MB, allocated >> 20);
    set(info, INFO_POOL_USED_MB, used >> 20);
    set(info, INFO_POOL_FAILED, count(admin, inc, conf->vitals_object, PROXY_VITALS_FAILED));
    set(info, INFO_PIPES_USED, count(admin, inc, conf->vitals_object, PROXY_VITALS_PIPES_USED));
    set(info, INFO_SPLICED, count(admin, inc, conf->vitals_object, PROXY_VITALS_SPLICED));
    set(info, INFO_PIPES_FREE, count(admin, inc, conf->vitals_object, PROXY_VITALS_PIPES_FREE));
    set(info, INFO_RUN_QUEUE, count(admin, inc, conf->vitals_object, PROXY_VITALS_RUN_QUEUE));
    set(info, INFO_IDLE_PCT, idle_percent(admin, inc));
}

// Rates are counted by all workers together.
static void fill_rates(struct info_values *info, const struct admin *admin)
{
    _Atomic uint64_t *gauges = board_gauges(admin->start.board, admin->start.conf->object);
    uint32_t rate = board_rate_read(&gauges[PROXY_GAUGE_SESSION_RATE], admin->start.loop->now_us);
    set(info, INFO_CONN_RATE, board_rate_read(&gauges[PROXY_GAUGE_CONN_RATE], admin->start.loop->now_us));
    set(info, INFO_SESS_RATE, rate);
    set(info, INFO_MAX_CONN_RATE, atomic_load(&gauges[PROXY_GAUGE_CONN_RATE_MAX]));
    set(info, INFO_MAX_SESS_RATE, atomic_load(&gauges[PROXY_GAUGE_SESSION_RATE_MAX]));
}

static void fill_tls_rates(struct info_values *info, const struct admin *admin)
{
    struct board *board = admin->start.board;
    uint64_t now_us = admin->start.loop->now_us;
    _Atomic uint64_t *gauges = board_gauges(board, admin->start.conf->tls_object);
    uint32_t rate = board_rate_read(&gauges[TRANSPORT_TLS_GAUGE_RATE], now_us);
    uint32_t keys = board_rate_read(&gauges[TRANSPORT_TLS_GAUGE_KEYS], now_us);
    set(info, INFO_SSL_RATE, rate);
    set(info, INFO_MAX_SSL_RATE, atomic_load(&gauges[TRANSPORT_TLS_GAUGE_RATE_MAX]));
    set(info, INFO_SSL_KEYS, keys);
    set(info, INFO_MAX_SSL_KEYS, atomic_load(&gauges[TRANSPORT_TLS_GAUGE_KEYS_MAX]));
    set(info, INFO_SSL_REUSE_PCT, keys < rate ? (rate - keys) * UINT64_C(100) / rate : 0);
    set(info, INFO_SSL_BACK_KEYS, board_rate_read(&gauges[TRANSPORT_TLS_GAUGE_BACK_KEYS], now_us));
    set(info, INFO_MAX_SSL_BACK_KEYS, atomic_load(&gauges[TRANSPORT_TLS_GAUGE_BACK_KEYS_MAX]));
    struct tls_shared_stats cache;
    tls_shared_stats_get(&cache);
    set(info, INFO_SSL_CACHE_LOOKUPS, cache.lookups);
    set(info, INFO_SSL_CACHE_MISSES, cache.misses);
}

static void print_plain(struct text *out, const struct info_values *info, enum info which, bool desc)
{
    text_printf(out, "%s: ", fields[which].name);
    admin_value_add(out, &fields[which], &info->values[which]);
    if (desc)
        text_printf(out, ":\"%s\"", fields[which].help);
    text_printf(out, "\n");
}

static void print_typed(struct text *out, const struct info_values *info, enum info which, bool desc)
{
    text_printf(out, "%u.%s.%u", positions[which], fields[which].name, info->process);
    admin_value_add_typed(out, &fields[which], &info->values[which], desc);
}

static void print_json(struct text *out, const struct info_values *info, enum info which, bool desc)
{
    text_printf(out, "%s{", which ? "," : "[");
    admin_value_add_json(out, &fields[which], &info->values[which], positions[which], info->process, desc);
    text_printf(out, "}");
}

static enum admin_verdict run_show_info(struct admin_call *call)
{
    enum admin_form form = ADMIN_FORM_PLAIN;
    bool desc = false;
    bool with_floats = false;
    struct info_values info = { 0 };
    for (uint32_t i = 0; i < call->num_args; i++) {
        if (strcmp(call->args[i], "typed") == 0)
            form = ADMIN_FORM_TYPED;
        else if (strcmp(call->args[i], "json") == 0)
            form = ADMIN_FORM_JSON;
        else if (strcmp(call->args[i], "desc") == 0)
            desc = true;
        else if (strcmp(call->args[i], "float") == 0)
            with_floats = true;
        else
            return admin_refuse_arg(call, i);
    }
    fill_product(&info, call->admin);
    fill_limits(&info, call->admin);
    fill_traffic(&info, call->admin, call->inc);
    fill_vitals(&info, call->admin, call->inc);
    if (call->inc) {
        fill_worker(&info, call->admin, call->inc, with_floats);
    } else {
        fill_processes(&info, call->admin, with_floats);
        fill_rates(&info, call->admin);
        set(&info, INFO_BYTES_OUT_RATE, call->admin->bytes_rate);
        fill_tls_rates(&info, call->admin);
    }
    for (unsigned which = 0; which < INFO_NUM; which++) {
        if (!info.values[which].is_set)
            continue;
        if (form == ADMIN_FORM_JSON)
            print_json(call->out, &info, which, desc);
        else if (form == ADMIN_FORM_TYPED)
            print_typed(call->out, &info, which, desc);
        else
            print_plain(call->out, &info, which, desc);
    }
    if (form == ADMIN_FORM_JSON)
        text_printf(call->out, "]\n");
    return ADMIN_DONE;
}

static const struct admin_command commands[] = {
    { .name = "show info",
      .level = ADMIN_LEVEL_USER,
      .where = ADMIN_ON_SERVICE,
      .max_args = ADMIN_MAX_WORDS,
      .args = "[desc|json|typed|float]*",
      .help = "report on the service as a whole",
      .run = run_show_info },
};
ADMIN_COMMANDS(commands);
