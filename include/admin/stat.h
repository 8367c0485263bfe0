// SPDX-License-Identifier: Apache-2.0
// One line of statistics: a frontend, a backend or a server, with HAProxy's fields in HAProxy's order (management
// guide, section 9.1). Filled from the configuration and the board, printed by `show stat`; private to the area.
#pragma once

#include "admin/admin.h"
#include "admin/value.h"
#include "backend/state.h"
#include "proxy/conf.h"

// HAProxy's static fields, then "-", then our own, which may change.
#define ADMIN_STAT_FIELDS(X)                                                                                           \
    X(PXNAME, "pxname", "KNS", STR, "Name of the proxy")                                                               \
    X(SVNAME, "svname", "KNS", STR, "FRONTEND, BACKEND or the server's name")                                          \
    X(QCUR, "qcur", "MGP", U32, "Requests waiting now")                                                                \
    X(QMAX, "qmax", "MMP", U32, "Most requests that ever waited at once")                                              \
    X(SCUR, "scur", "MGP", U32, "Sessions open now")                                                                   \
    X(SMAX, "smax", "MMP", U32, "Most sessions ever open at once")                                                     \
    X(SLIM, "slim", "CLP", U32, "Limit of sessions")                                                                   \
    X(STOT, "stot", "MCP", U64, "Sessions so far")                                                                     \
    X(BIN, "bin", "MCP", U64, "Bytes from clients so far")                                                             \
    X(BOUT, "bout", "MCP", U64, "Bytes to clients so far")                                                             \
    X(DREQ, "dreq", "MCP", U64, "Requests denied so far")                                                              \
    X(DRESP, "dresp", "MCP", U64, "Answers denied so far")                                                             \
    X(EREQ, "ereq", "MCP", U64, "Bad, late or cut requests so far")                                                    \
    X(ECON, "econ", "MCP", U64, "Requests for which no connection could be made")                                      \
    X(ERESP, "eresp", "MCP", U64, "Bad, late or cut answers so far")                                                   \
    X(WRETR, "wretr", "MCP", U64, "Attempts to connect that were repeated")                                            \
    X(WREDIS, "wredis", "MCP", U64, "Requests sent to another server")                                                 \
    X(STATUS, "status", "SGP", STR, "OPEN; UP or DOWN; no check or MAINT")                                             \
    X(WEIGHT, "weight", "MaP", U32, "Weight in force; of a backend that of its servers in use")                        \
    X(ACT, "act", "SGP", U32, "Servers that are no backup and serve; 1 for a server that is no backup")                \
    X(BCK, "bck", "SGP", U32, "Backup servers that could serve; 1 for a backup server")                                \
    X(CHKFAIL, "chkfail", "MCP", U64, "Checks that failed while the server was up")                                    \
    X(CHKDOWN, "chkdown", "MCP", U64, "Changes from UP to DOWN")                                                       \
    X(LASTCHG, "lastchg", "MAP", U32, "Seconds since the last change between UP and DOWN")                             \
    X(DOWNTIME, "downtime", "MCP", U32, "Seconds spent DOWN")                                                          \
    X(QLIMIT, "qlimit", "CGS", U32, "Most requests that may wait for the server (maxqueue)")                           \
    X(PID, "pid", "KGP", U32, "Always 1: all workers answer as one; of one worker, its number")                        \
    X(IID, "iid", "KGS", U32, "Number of the proxy (id)")                                                              \
    X(SID, "sid", "KGS", U32, "Number of the server (id)")                                                             \
    X(THROTTLE, "throttle", "MaP", U32, "Percentage of its weight that a starting server has")                         \
    X(LBTOT, "lbtot", "MCP", U64, "Times a server was picked")                                                         \
    X(TRACKED, "tracked", "CNS", STR, "The server whose state this one shares")                                        \
    X(TYPE, "type", "CGS", U32, "0 frontend, 1 backend, 2 server, 3 listener")                                         \
    X(RATE, "rate", "MRP", U32, "Sessions in the last second")                                                         \
    X(RATE_LIM, "rate_lim", "CLP", U32, "Limit of new sessions a second, 0 for none")                                  \
    X(RATE_MAX, "rate_max", "MMP", U32, "Most sessions ever begun in a second")                                        \
    X(CHECK_STATUS, "check_status", "MOP", STR, "Result of the last check")                                            \
    X(CHECK_CODE, "check_code", "MOP", U32, "Status code of the last check")                                           \
    X(CHECK_DURATION, "check_duration", "MDP", U64, "Milliseconds the last check took")                                \
    X(HRSP_1XX, "hrsp_1xx", "MCP", U64, "Answers of status 100 to 199")                                                \
    X(HRSP_2XX, "hrsp_2xx", "MCP", U64, "Answers of status 200 to 299")                                                \
    X(HRSP_3XX, "hrsp_3xx", "MCP", U64, "Answers of status 300 to 399")                                                \
    X(HRSP_4XX, "hrsp_4xx", "MCP", U64, "Answers of status 400 to 499")                                                \
    X(HRSP_5XX, "hrsp_5xx", "MCP", U64, "Answers of status 500 to 599")                                                \
    X(HRSP_OTHER, "hrsp_other", "MCP", U64, "Answers of any other status")                                             \
    X(HANAFAIL, "hanafail", "MCP", U64, "Failures noticed in traffic")                                                 \
    X(REQ_RATE, "req_rate", "MRP", U32, "Requests in the last second")                                                 \
    X(REQ_RATE_MAX, "req_rate_max", "MMP", U32, "Most requests ever in a second")                                      \
    X(REQ_TOT, "req_tot", "MCP", U64, "Requests so far")                                                               \
    X(CLI_ABRT, "cli_abrt", "MCP", U64, "Transfers the client cut")                                                    \
    X(SRV_ABRT, "srv_abrt", "MCP", U64, "Transfers the server cut")                                                    \
    X(COMP_IN, "comp_in", "MCP", U64, "Bytes given to the compressor")                                                 \
    X(COMP_OUT, "comp_out", "MCP", U64, "Bytes it made of them")                                                       \
    X(COMP_BYP, "comp_byp", "MCP", U64, "Bytes that passed it by")                                                     \
    X(COMP_RSP, "comp_rsp", "MCP", U64, "Answers that were compressed")                                                \
    X(LASTSESS, "lastsess", "MAP", S32, "Seconds since the last session, -1 for none yet")                             \
    X(LAST_CHK, "last_chk", "MOP", STR, "What the last check found")                                                   \
    X(LAST_AGT, "last_agt", "MOP", STR, "What the last agent check found")                                             \
    X(QTIME, "qtime", "MaP", U32, "Milliseconds in the queue, average of 1024 requests")                               \
    X(CTIME, "ctime", "MaP", U32, "Milliseconds to connect, average of 1024 requests")                                 \
    X(RTIME, "rtime", "MaP", U32, "Milliseconds to answer, average of 1024 requests")                                  \
    X(TTIME, "ttime", "MaP", U32, "Milliseconds in all, average of 1024 requests")                                     \
    X(AGENT_STATUS, "agent_status", "MOP", STR, "Result of the last agent check")                                      \
    X(AGENT_CODE, "agent_code", "MOP", U32, "Code of the last agent check")                                            \
    X(AGENT_DURATION, "agent_duration", "MDP", U64, "Milliseconds the last agent check took")                          \
    X(CHECK_DESC, "check_desc", "MOP", STR, "What check_status means")                                                 \
    X(AGENT_DESC, "agent_desc", "MOP", STR, "What agent_status means")                                                 \
    X(CHECK_RISE, "check_rise", "CGS", U32, "Good checks in a row that make it UP")                                    \
    X(CHECK_FALL, "check_fall", "CGS", U32, "Bad checks in a row that make it DOWN")                                   \
    X(CHECK_HEALTH, "check_health", "CGS", U32, "Where it stands between the two")                                     \
    X(AGENT_RISE, "agent_rise", "CGS", U32, "Good agent checks that make it UP")                                       \
    X(AGENT_FALL, "agent_fall", "CGS", U32, "Bad agent checks that make it DOWN")                                      \
    X(AGENT_HEALTH, "agent_health", "CGS", U32, "Where it stands between the two")                                     \
    X(ADDR, "addr", "CGS", STR, "Address and port; at level operator and above")                                       \
    X(COOKIE, "cookie", "CNS", STR, "The server's cookie value, or the backend's cookie name")                         \
    X(MODE, "mode", "CGS", STR, "tcp or http")                                                                         \
    X(ALGO, "algo", "CGS", STR, "How servers are picked")                                                              \
    X(CONN_RATE, "conn_rate", "MRP", U32, "Connections in the last second")                                            \
    X(CONN_RATE_MAX, "conn_rate_max", "MMP", U32, "Most connections ever in a second")                                 \
    X(CONN_TOT, "conn_tot", "MCP", U64, "Connections so far")                                                          \
    X(INTERCEPTED, "intercepted", "MCP", U64, "Requests a built-in service answered")                                  \
    X(DCON, "dcon", "MCP", U64, "Connections denied by rules")                                                         \
    X(DSES, "dses", "MCP", U64, "Sessions denied by rules")                                                            \
    X(WREW, "wrew", "MCP", U64, "Header changes that failed")                                                          \
    X(CONNECT, "connect", "MCP", U64, "Connections to servers attempted")                                              \
    X(REUSE, "reuse", "MCP", U64, "Requests sent on a connection that was there")                                      \
    X(CACHE_LOOKUPS, "cache_lookups", "MCP", U64, "Times the cache was asked")                                         \
    X(CACHE_HITS, "cache_hits", "MCP", U64, "Times it had the answer")                                                 \
    X(SRV_ICUR, "srv_icur", "MGP", U32, "Idle connections to the server")                                              \
    X(SRC_ILIM, "src_ilim", "CLP", U32, "Most idle connections a worker keeps")                                        \
    X(QTIME_MAX, "qtime_max", "MMP", U32, "Longest time in the queue, in milliseconds")                                \
    X(CTIME_MAX, "ctime_max", "MMP", U32, "Longest time to connect, in milliseconds")                                  \
    X(RTIME_MAX, "rtime_max", "MMP", U32, "Longest time to answer, in milliseconds")                                   \
    X(TTIME_MAX, "ttime_max", "MMP", U32, "Longest time in all, in milliseconds")                                      \
    X(EINT, "eint", "MCP", U64, "Internal errors so far")                                                              \
    X(IDLE_CONN_CUR, "idle_conn_cur", "MGP", U32, "Idle connections that served one request")                          \
    X(SAFE_CONN_CUR, "safe_conn_cur", "MGP", U32, "Idle connections that served several")                              \
    X(USED_CONN_CUR, "used_conn_cur", "MGP", U32, "Connections in use")                                                \
    X(NEED_CONN_EST, "need_conn_est", "MGP", U32, "Connections thought to be needed")                                  \
    X(UWEIGHT, "uweight", "MaP", U32, "Weight as set; of a backend that of its servers in use")                        \
    X(AGG_SERVER_STATUS, "agg_server_status", "MGP", U32, "Servers by state")                                          \
    X(AGG_SERVER_CHECK_STATUS, "agg_server_check_status", "MGP", U32, "Servers by state (old name)")                   \
    X(AGG_CHECK_STATUS, "agg_check_status", "MGP", U32, "Servers by result of their check")                            \
    X(SRID, "srid", "MCP", U32, "How often the server's number was given anew")                                        \
    X(SESS_OTHER, "sess_other", "MCP", U64, "Sessions that are not HTTP")                                              \
    X(H1_SESS, "h1_sess", "MCP", U64, "HTTP/1 sessions")                                                               \
    X(H2_SESS, "h2_sess", "MCP", U64, "HTTP/2 sessions")                                                               \
    X(H3_SESS, "h3_sess", "MCP", U64, "HTTP/3 sessions")                                                               \
    X(REQ_OTHER, "req_other", "MCP", U64, "Sessions of tcp mode, as requests")                                         \
    X(H1REQ, "h1req", "MCP", U64, "HTTP/1 requests")                                                                   \
    X(H2REQ, "h2req", "MCP", U64, "HTTP/2 requests")                                                                   \
    X(H3REQ, "h3req", "MCP", U64, "HTTP/3 requests")                                                                   \
    X(PROTO, "proto", "CNS", STR, "Protocol of a listener")                                                            \
    X(OWN, "-", "SGP", STR, "End of the fields whose order is fixed")                                                  \
    X(TUNNELS, "tunnels", "MCP", U64, "Tunnels opened (TCP mode, WebSocket, CONNECT)")                                 \
    X(POOL_DEAD, "pool_dead", "MCP", U64, "Idle connections found closed by the server")                               \
    X(POOL_RETRIES, "pool_retries", "MCP", U64, "Requests sent again as a reused connection had died")                 \
    X(NO_SERVER, "no_server", "MCP", U64, "Requests that found no server: all down, in maintenance or draining")       \
    X(RETRY_CONN, "wretr_conn", "MCP", U64, "Attempts repeated as connecting failed or took too long")                 \
    X(RETRY_EMPTY, "wretr_empty", "MCP", U64, "Attempts repeated as no answer came")                                   \
    X(RETRY_JUNK, "wretr_junk", "MCP", U64, "Attempts repeated as the answer was none of HTTP")                        \
    X(RETRY_TIMEOUT, "wretr_timeout", "MCP", U64, "Attempts repeated as no answer came in time")                       \
    X(RETRY_STATUS, "wretr_status", "MCP", U64, "Attempts repeated because of the answer's status")                    \
    X(EREQ_BAD, "ereq_bad", "MCP", U64, "Of ereq, those malformed or too long")                                        \
    X(EREQ_LATE, "ereq_late", "MCP", U64, "Of ereq, those that were not complete in time")                             \
    X(EREQ_CUT, "ereq_cut", "MCP", U64, "Of ereq, those that the client cut")                                          \
    X(GLITCHES, "glitches", "MCP", U64, "Requests and handshakes that broke the rules of their protocol")              \
    X(SSL_SESS, "ssl_sess", "MCP", U64, "TLS sessions begun: of a frontend with clients, else with servers")           \
    X(SSL_REUSED, "ssl_reused_sess", "MCP", U64, "TLS handshakes that took up an earlier session")                     \
    X(SSL_FAILED, "ssl_failed_handshake", "MCP", U64, "TLS handshakes that failed")                                    \
    X(TUNNELS_CUR, "tunnels_cur", "MGP", U32, "Tunnels open now")                                                      \
    X(TUNNELS_MAX, "tunnels_max", "MMP", U32, "Most tunnels ever open at once")                                        \
    X(H1_OPEN_CONN, "h1_open_connections", "MGP", U64, "HTTP/1 connections open now: of clients, else to servers")     \
    X(H1_OPEN_STREAMS, "h1_open_streams", "MGP", U64, "Of these, those that carry a request")                          \
    X(H1_TOTAL_CONN, "h1_total_connections", "MCP", U64, "HTTP/1 connections so far")                                  \
    X(H1_TOTAL_STREAMS, "h1_total_streams", "MCP", U64, "Requests they carried so far")                                \
    X(H1_BYTES_IN, "h1_bytes_in", "MCP", U64, "Bytes received over HTTP/1 so far")                                     \
    X(H1_BYTES_OUT, "h1_bytes_out", "MCP", U64, "Bytes sent over HTTP/1 so far")                                       \
    X(H1_SPLICED_IN, "h1_spliced_bytes_in", "MCP", U64, "Bytes received over HTTP/1 and sent on by the kernel")        \
    X(H1_SPLICED_OUT, "h1_spliced_bytes_out", "MCP", U64, "Bytes sent over HTTP/1 by the kernel, as they came")

#define ADMIN_STAT_ENUM(id, name, tags, type, help) ADMIN_STAT_##id,

enum admin_stat { ADMIN_STAT_FIELDS(ADMIN_STAT_ENUM) ADMIN_STAT_NUM };

// admin_stat_fields describes the fields, by enum admin_stat.
extern const struct admin_field admin_stat_fields[ADMIN_STAT_NUM];

enum { ADMIN_STAT_FOUND = 24 };

struct admin_stat_row {
    char kind; // 'F', 'B', 'S' or 'L'
    uint32_t iid;
    uint32_t sid;
    uint32_t process;
    struct admin_value values[ADMIN_STAT_NUM];
    char text[96]; // an address, or a backend's status
    char status[256];
    char tracked[256];
    char check_found[ADMIN_STAT_FOUND];
    char agent_found[ADMIN_STAT_FOUND];
    char last_check[BACKEND_STATE_TEXT];
    char last_agent[BACKEND_STATE_TEXT];
};

// What a row is filled from.
struct admin_stat_ctx {
    struct board *board;
    const struct program_conf *conf;
    uint32_t inc;     // the worker whose part is wanted, 0 for the whole
    uint32_t process; // its number, 1 for the whole
    uint64_t now_us;
    uint64_t wall_us;
    uint64_t started_wall_us; // of the generation
    uint32_t max_connections; // of the whole service
    bool show_addresses;
    bool count_servers; // some are not shown: the backend says how many are
};

// admin_stat_ctx_here fills `ctx` for an answer that this process, `inc`, makes of the whole service (a worker's page,
// or its metrics), at the times given.
void admin_stat_ctx_here(struct admin_stat_ctx *ctx, struct board *board, const struct program_conf *conf, uint32_t inc,
                         uint64_t now_us, uint64_t wall_us);

// admin_stat_generation_started gives the time of day at which the generation of process `inc` began.
uint64_t admin_stat_generation_started(struct board *board, uint32_t inc);

// admin_stat_max_connections gives the most client connections that `generation` takes: global maxconn, or, without it,
// what its workers' descriptors are good for.
uint32_t admin_stat_max_connections(struct board *board, const struct program_conf *conf, uint32_t generation);

// admin_stat_frontend fills `row` for the frontend of `proxy`.
void admin_stat_frontend(struct admin_stat_row *row, const struct admin_stat_ctx *ctx, const struct proxy_conf *proxy);

// admin_stat_backend fills `row` for the backend of `proxy`.
void admin_stat_backend(struct admin_stat_row *row, const struct admin_stat_ctx *ctx, const struct proxy_conf *proxy);

// admin_stat_server fills `row` for one server of `proxy`.
void admin_stat_server(struct admin_stat_row *row, const struct admin_stat_ctx *ctx, const struct proxy_conf *proxy,
                       const struct server_conf *server);

// admin_stat_listener fills `row` for one bind line of a frontend with `option socket-stats`.
void admin_stat_listener(struct admin_stat_row *row, const struct admin_stat_ctx *ctx, const struct bind_conf *bind);

// A walk over the rows to be shown, in the order of the configuration: of each proxy its frontend, its listeners
// where they have counters of their own, its servers, its backend.
enum {
    ADMIN_STAT_FRONTENDS = 1,
    ADMIN_STAT_BACKENDS = 2,
    ADMIN_STAT_SERVERS = 4,
    ADMIN_STAT_LISTENERS = 8,
    ADMIN_STAT_ALL = -1
};

enum admin_stat_part {
    ADMIN_STAT_PART_FRONTEND,
    ADMIN_STAT_PART_LISTENERS,
    ADMIN_STAT_PART_SERVERS,
    ADMIN_STAT_PART_BACKEND,
};

struct admin_stat_walk {
    bool only_up;  // no servers that are down or in maintenance
    bool no_maint; // no servers in maintenance
    int64_t iid;   // of one proxy, or ADMIN_STAT_ALL
    int64_t types; // bits ADMIN_STAT_FRONTENDS and its like, or ADMIN_STAT_ALL
    int64_t sid;   // of one server or listener, or ADMIN_STAT_ALL
    bool (*shows)(const void *arg, const struct proxy_conf *proxy); // NULL: all proxies
    const void *arg;
    bool holds; // it goes on over turns of the loop, in which servers may be deleted: admin_stat_walk_end ends it
    const struct proxy_conf *row_proxy;   // what the last row is of
    const struct server_conf *row_server; // NULL: of the proxy, or a listener
    // The rest is the walk's own.
    const struct proxy_conf *proxy;
    const struct server_conf *server;
    const struct bind_conf *bind;
    enum admin_stat_part part;
};

// admin_stat_walk_init makes `walk` begin at the first proxy of `conf`, with everything to be shown.
void admin_stat_walk_init(struct admin_stat_walk *walk, const struct program_conf *conf);

// admin_stat_walk_end ends a walk that holds, wherever it stands.
void admin_stat_walk_end(struct admin_stat_walk *walk);

// admin_stat_next fills the next row to be shown; false after the last.
bool admin_stat_next(struct admin_stat_row *row, struct admin_stat_walk *walk, const struct admin_stat_ctx *ctx);

// admin_stat_changes fills what `state`, of a server or a backend, says of its changes between up and down.
void admin_stat_changes(struct admin_stat_row *row, const struct admin_stat_ctx *ctx,
                        const struct backend_state *state);

// admin_stat_state fills what a server is doing.
void admin_stat_state(struct admin_stat_row *row, const struct admin_stat_ctx *ctx, const struct server_conf *server);

// admin_stat_is_up says whether `server` may be sent traffic.
bool admin_stat_is_up(const struct server_conf *server);

// admin_stat_print appends `row`; in JSON it is one array. PLAIN is CSV, one line.
void admin_stat_print(struct text *out, const struct admin_stat_row *row, enum admin_form form, bool desc);

// admin_stat_header appends the first line of the CSV.
void admin_stat_header(struct text *out);
