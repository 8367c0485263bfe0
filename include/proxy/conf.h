// SPDX-License-Identifier: Apache-2.0
// Settings: what a configuration says, after defaults, names and references are resolved. Everything here is written
// while the keeper reads the configuration and const afterwards; it lives in the configuration's arena and every
// process of the generation inherits it by fork. No state, no counter and no queue stands here: run-time objects point
// at these.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "config/config.h"
#include "expr/var.h"
#include "http/case.h"
#include "http/head.h"
#include "os/cpus.h"
#include "os/listen.h"
#include "proxy/balance_conf.h"
#include "proxy/check_conf.h"
#include "proxy/link_conf.h"
#include "proxy/persist_conf.h"
#include "proxy/probe_conf.h"
#include "tls/bind.h"
#include "tls/target.h"
#include "transport/address.h"

struct rule;
struct expr;
struct expr_acl;
struct log_target;
struct log_profile;
struct log_group;
struct ring_conf;
struct proxy_format;
struct proxy_answer;
struct proxy_errors;
struct stream_reply;
struct proxy_conf;
struct backend_conf;
struct stats_conf;
struct stick_table_conf;
struct proxy_stick;

enum proxy_mode { PROXY_MODE_TCP, PROXY_MODE_HTTP, PROXY_MODE_LOG };

enum proxy_reuse { PROXY_REUSE_SAFE, PROXY_REUSE_NEVER, PROXY_REUSE_AGGRESSIVE, PROXY_REUSE_ALWAYS };

// Formats of log lines; all but the last are built in.
enum proxy_log {
    PROXY_LOG_NONE,
    PROXY_LOG_TCP,
    PROXY_LOG_TCP_CLF,
    PROXY_LOG_HTTP,
    PROXY_LOG_CLF,
    PROXY_LOG_HTTPS,
    PROXY_LOG_DEFAULT,
    PROXY_LOG_CUSTOM, // proxy_conf.log_custom
    PROXY_NUM_LOGS
};

// Bits of proxy_conf.options.
enum {
    PROXY_OPT_HTTP_CLOSE = 1 << 0,           // option httpclose
    PROXY_OPT_SERVER_CLOSE = 1 << 1,         // option http-server-close
    PROXY_OPT_KEEP_ALIVE = 1 << 2,           // option http-keep-alive (it undoes the two above)
    PROXY_OPT_REDISPATCH = 1 << 3,           // option redispatch
    PROXY_OPT_ABORT_ON_CLOSE = 1 << 4,       // option abortonclose
    PROXY_OPT_DONT_LOG_NULL = 1 << 5,        // option dontlognull
    PROXY_OPT_LOG_ASAP = 1 << 6,             // option logasap
    PROXY_OPT_CLIENT_KEEPALIVE = 1 << 7,     // option clitcpka
    PROXY_OPT_SERVER_KEEPALIVE = 1 << 8,     // option srvtcpka
    PROXY_OPT_DONT_LOG_NORMAL = 1 << 9,      // option dontlog-normal
    PROXY_OPT_LOG_SEPARATE_ERRORS = 1 << 10, // option log-separate-errors
    PROXY_OPT_NO_LINGER = 1 << 11,           // option nolinger
    PROXY_OPT_ALL_BACKUPS = 1 << 12,         // option allbackups
    PROXY_OPT_BUFFER_REQUEST = 1 << 13,      // option http-buffer-request
    PROXY_OPT_IGNORE_PROBES = 1 << 14,       // option http-ignore-probes
    PROXY_OPT_PRETEND_KEEPALIVE = 1 << 15,   // option http-pretend-keepalive
    PROXY_OPT_FAIL_OPEN = 1 << 16,           // option fail-open
    PROXY_OPT_SOCKET_STATS = 1 << 17,        // option socket-stats
    PROXY_OPT_USE_PROXY_HEADER = 1 << 20,    // option http-use-proxy-header
    PROXY_OPT_CASE_CLIENT = 1 << 21,         // option h1-case-adjust-bogus-client
    PROXY_OPT_CASE_SERVER = 1 << 22,         // option h1-case-adjust-bogus-server
    PROXY_OPT_LAX_REQUEST = 1 << 23,         // option accept-unsafe-violations-in-http-request
    PROXY_OPT_LAX_RESPONSE = 1 << 24,        // option accept-unsafe-violations-in-http-response
};

// Rule lists of a proxy; RULE_TCP_CONNECTION and so on are 1 << these.
enum proxy_rule_set {
    PROXY_RULES_TCP_CONNECTION,
    PROXY_RULES_TCP_SESSION,
    PROXY_RULES_TCP_CONTENT,
    PROXY_RULES_TCP_RESPONSE,
    PROXY_RULES_HTTP_REQUEST,
    PROXY_RULES_HTTP_RESPONSE,
    PROXY_RULES_HTTP_AFTER_RESPONSE,
    PROXY_RULES_REDIRECT, // `redirect` lines: rules of http-request that run after those
    PROXY_NUM_RULE_SETS
};

// All in microseconds, 0 for none.
struct proxy_timeouts {
    uint64_t client;
    uint64_t client_hs; // of the TLS handshake; 0: client
    uint64_t client_fin;
    uint64_t server;
    uint64_t server_fin;
    uint64_t connect;
    uint64_t http_request;
    uint64_t http_keep_alive;
    uint64_t queue;
    uint64_t tunnel;
    uint64_t check;
    uint64_t tarpit;
    uint64_t inspect_request;  // tcp-request inspect-delay
    uint64_t inspect_response; // tcp-response inspect-delay
};

// One address a `bind` line opens: a line with several addresses or a port range makes several.
struct bind_conf {
    struct bind_conf *next;
    struct proxy_conf *proxy; // NULL for a stats socket
    struct os_listen listen;  // what the master opens
    const char *name;         // `name`, or NULL
    const char *guid_prefix;  // `guid-prefix`, or NULL
    const char *guid;         // what it makes of it: "PREFIX-0"
    uint32_t guid_index;      // its place on its line
    uint32_t id;              // `id`, or numbered from 1 in its proxy
    uint32_t index;           // its place in program_conf.binds
    uint32_t maxconn;         // 0: no limit of its own
    uint32_t object;          // on the board, for its counters and lanes
    uint64_t user_timeout_us; // tcp-ut, 0: the system's
    bool accept_proxy;
    struct tls_bind_conf tls;
    struct tls_bind *tls_bind; // built when the configuration is complete; NULL: plain
    struct config_place place;
};

enum { PROXY_SEND_PROXY_NONE, PROXY_SEND_PROXY_V1, PROXY_SEND_PROXY_V2 };

enum {
    PROXY_V2_CRC32C = 1 << 0,    // proxy-v2-options crc32c
    PROXY_V2_UNIQUE_ID = 1 << 1, // what unique-id-format gives
    PROXY_V2_AUTHORITY = 1 << 2, // the server name that the client asked for
    PROXY_V2_SSL = 1 << 3,       // the client's TLS: its version, and whether it has a certificate
    PROXY_V2_CERT_CN = 1 << 4,   // the others tell more of it, and are nothing without it
    PROXY_V2_CIPHER = 1 << 5,
    PROXY_V2_CERT_SIG = 1 << 6,
    PROXY_V2_CERT_KEY = 1 << 7,
};

// Where something goes, as far as a command says: a family of AF_UNSPEC and a port of 0 say nothing.
struct server_reach {
    struct transport_address addr;
    uint16_t port;
};

// Where the file has a server that commands have moved, and room for what they said.
struct server_origin {
    struct transport_address addr;
    const char *host;
    struct tls_target *tls_target;
    int32_t port_offset;
    bool port_mapped;
    bool has_port;
    bool unresolved;
    bool moved;         // its address is another now
    char host_now[256]; // PROXY_PLACE_HOST
    char send_now[512]; // PROXY_PLACE_SEND
};

struct server_conf {
    struct server_conf *next;
    struct server_conf *next_named; // of the same hash
    struct backend_conf *backend;
    const char *name;
    const char *guid;              // unique over all objects, or NULL
    uint32_t id;                   // `id`, or numbered from 1 in its backend
    uint32_t index;                // its place in the backend, from 0
    uint32_t object;               // on the board
    struct transport_address addr; // where to connect; family AF_UNSPEC: the client's destination address
    const char *addr_text;         // as written, for messages and statistics
    const char *host;              // a name that addr was, or still is to be, resolved from; NULL for an address
    uint16_t host_family;          // the family to resolve it in, AF_UNSPEC: any
    int32_t port_offset;           // with port_mapped: added to the client's destination port ("+80", "-80")
    bool port_mapped;
    bool has_port;   // something was written for one
    bool unresolved; // its name gave no address and init-addr allows that: down until it has one
    bool has_id;     // `id` was written
    bool backup;
    bool disabled;
    bool non_stick;        // no stick line remembers it
    bool down_kills;       // on-marked-down shutdown-sessions
    bool up_kills_backups; // on-marked-up shutdown-backup-sessions
    bool tfo;
    bool is_datagram;     // its address is one of datagrams: mode log alone
    bool has_log_proto;   // log-proto was written; in mode log alone, too
    bool log_octets;      // log-proto octet-count
    uint64_t log_bufsize; // 0: as much as a buffer
    uint8_t send_proxy;   // PROXY_SEND_PROXY_*
    uint8_t proxy_v2_options;
    uint8_t hash_key;      // enum proxy_hash_key
    uint32_t weight;       // 0-256, default 1
    uint32_t maxconn;      // 0: no limit
    uint32_t minconn;      // less than maxconn: that is reached at the backend's fullconn; 0: the limit is fixed
    uint32_t maxqueue;     // 0: no limit
    uint32_t pool_object;  // on the board: its open connections (backend/pool.h)
    int32_t pool_max_conn; // idle connections that all workers keep, -1: no limit
    uint32_t pool_low_conn;
    uint32_t pool_min_conn;     // as written, 0: none
    uint64_t pool_ping_us;      // 0: no pings
    const char *pool_ping_path; // as written
    const char *pool_ping_text; // the whole request
    uint32_t max_reuse;         // requests on one connection, 0: no limit; stored as limit + 1
    uint64_t pool_purge_us;
    uint64_t slowstart_us;            // 0: at once
    struct server_conf *tracked;      // `track`: the server whose state this one shares, resolved at the end; or NULL
    struct server_conf *trackers;     // those that track this one
    struct server_conf *next_tracker; // of the same server
    const char *cookie;               // `cookie VALUE`, or NULL
    const char *redir;                // `redir PREFIX`, or NULL
    const struct proxy_answer *redir_answer; // with it: the redirection, without its Location
    uint64_t user_timeout_us;                // tcp-ut, 0: the system's
    struct transport_address socks4;         // AF_UNSPEC: none
    const char *init_addr;
    struct transport_address source; // AF_UNSPEC: none
    const char *source_interface;
    uint16_t source_last_port; // above source.port: any one from that to this will do
    struct tls_target_conf tls;
    const struct expr *sni;        // `sni`: the server name to ask for, NULL: none
    struct slice sni_name;         // what it gives, where that is always the same; ptr NULL: it depends
    struct tls_target *tls_target; // built when the configuration is complete; NULL: plain
    struct check_server_conf check;
    struct probe_conf probe; // observe, track, agent-check and what goes with them
    struct config_place place;

    // What commands change at run time, besides next, index, addr, port_mapped, port_offset, has_port, host,
    // unresolved, tls_target, cookie and the lists of trackers: each process has these as its own memory, and writes
    // them where it applies the journal and nowhere else (proxy/server_place.h, proxy/server_line.h).
    struct server_origin *origin;     // what the file says of that; NULL: it is so still
    struct tls_target *tls_built;     // what `ssl on` has
    uint32_t moves;                   // how often it went to another address, or changed between TLS and plain
    struct server_reach health_reach; // where checks and agents go by command
    struct server_reach agent_reach;
    const char *agent_send;  // by command, or NULL
    char dynamic_cookie[17]; // room for `cookie` where it is made of the address
    bool has_dynamic_cookie;
    uint32_t revision;   // of a dynamic one: how often servers were added after some had been deleted
    uint32_t holds;      // of a deleted one: who still needs it in this process (backend/server_change.h)
    bool is_dynamic;     // `add server`
    bool is_referenced;  // rules name it: it cannot be deleted
    struct arena *arena; // of a dynamic one; NULL: the configuration's
};

// `option forwardfor`
struct forwardfor_conf {
    bool enabled;
    bool if_none;
    const char *header; // default "X-Forwarded-For"
    uint32_t header_len;
    struct transport_network *except; // list of networks
};

// `option forwarded` (RFC 7239)
struct forwarded_conf {
    bool enabled;
    bool proto;
    bool host;
    bool by;
    bool by_port;
    bool for_;
    bool for_port;
};

// `use_backend NAME if ...`, `use-server NAME if ...`, in the order of the file.
struct choice_conf {
    struct choice_conf *next;
    const char *name;
    const struct expr_format *format; // that gives the name; NULL: it is constant
    struct proxy_conf *backend;       // use_backend, or
    struct server_conf *server;       // use-server: resolved after reading, NULL with `format`
    const struct expr_cond *cond;     // NULL: always
    struct config_place place;
};

// `force-persist if ...`, `ignore-persist if ...`: the first whose condition holds decides.
struct persist_conf {
    struct persist_conf *next;
    const struct expr_cond *cond;
    bool force;
};

// `monitor fail if ...`
struct monitor_conf {
    struct monitor_conf *next;
    const struct expr_cond *cond;
};

// proxy_conf.header_names: what becomes of request fields with uncommon names.
enum { PROXY_NAMES_ANY, PROXY_NAMES_DELETE, PROXY_NAMES_REJECT };

struct errorfile_conf {
    struct errorfile_conf *next;
    uint16_t status;                   // 0: all that `import` has
    bool is_default;                   // take back what this proxy said of the status before
    const struct proxy_answer *answer; // NULL: close without an answer (an empty file)
    const struct stream_reply *reply;  // an answer that varies, made by the area of streams; then `answer` is NULL
    const struct proxy_errors *import; // the http-errors section that says, if it does; else NULL
    struct config_place place;
};

// A capture slot: proxy/capture.h.
struct capture_conf {
    struct capture_conf *next;
    const char *name; // of the header field that fills it, or NULL: rules do
    uint32_t name_len;
    uint32_t len;   // most bytes it keeps
    uint32_t index; // its number, from 0
    uint32_t at;    // where its room begins
};

struct frontend_conf {
    struct bind_conf *binds;
    uint32_t maxconn; // 0: that of the process
    uint32_t backlog; // for binds that say nothing; 0: the system's maximum
    const char *default_backend_name;
    struct config_place default_backend_place;
    struct proxy_conf *default_backend;
    struct choice_conf *use_backends;
    const char *monitor_uri;            // NULL: none
    struct monitor_conf *monitor_fails; // one that holds makes the answer 503
    uint32_t rate_limit;                // connections a second, 0: no limit
    bool keeps_no_conn;                 // max-session-srv-conns 0
    struct capture_conf *captures[2];   // of requests and of answers
    uint32_t num_captures[2];
    uint32_t capture_room;              // bytes that all captures of a stream need; 0: there are none
    struct capture_conf capture_cookie; // name NULL: none; twice its `len`, for request and answer
};

// What makes a request be tried again: proxy_conf.be.retry_on.
enum {
    PROXY_RETRY_CONNECT = 1 << 0, // conn-failure, the default
    PROXY_RETRY_EMPTY = 1 << 1,   // empty-response
    PROXY_RETRY_JUNK = 1 << 2,    // junk-response
    PROXY_RETRY_TIMEOUT = 1 << 3, // response-timeout
    PROXY_RETRY_EARLY = 1 << 4,   // 0rtt-rejected
    PROXY_RETRY_STATUS = 1 << 5,  // and above: that of each status of proxy_retry_status
};

// proxy_retry_status gives the bit of PROXY_RETRY_* for answers with `status`, 0 where they are never a reason.
uint32_t proxy_retry_status(uint16_t status);

enum { PROXY_STATES_NONE, PROXY_STATES_GLOBAL, PROXY_STATES_LOCAL };

enum { PROXY_NAMED_SERVERS = 1024 };

struct backend_conf {
    struct proxy_conf *proxy;
    struct server_conf *servers;
    uint32_t num_servers;
    struct server_conf *last_server;
    struct server_conf **named;  // by hash of the name, PROXY_NAMED_SERVERS chains; NULL where they are few
    struct balance_conf balance; // `balance`, hash-type
    uint8_t reuse;               // enum proxy_reuse
    int32_t redispatch_interval; // `option redispatch [interval]`; default -1 (the last retry)
    uint32_t retries;            // default 3
    uint32_t retry_on;           // PROXY_RETRY_*
    uint32_t fullconn;
    struct choice_conf *use_servers;
    struct persist_conf *persists;
    struct proxy_stick *sticks;       // proxy/stick_conf.h: of requests, in the order of the file
    struct proxy_stick *stick_learns; // of answers
    struct cookie_conf cookie;
    uint8_t state_from;                 // PROXY_STATES_*: where servers' states are loaded from
    const char *state_file;             // server-state-file-name; NULL: the backend's name
    const char *dynamic_cookie_key;     // or NULL; commands change it, and cookie.dynamic
    char *cookie_key_room;              // for that
    const char *rdp_cookie;             // `persist rdp-cookie(NAME)`, or NULL
    const char *name_header;            // `http-send-name-header`, in lower case, or NULL
    uint32_t keep_alive_queue;          // `max-keep-alive-queue` plus one; 0: no limit
    struct server_conf *default_server; // the template new server lines start from
    struct transport_address source;
    const char *source_interface;
    struct check_conf check;
    struct log_group *log_group; // of a backend in mode log, once all is read; else NULL
};

// A proxy: frontend, backend, listen or defaults section.
struct proxy_conf {
    struct proxy_conf *next;
    const char *name;
    uint32_t id;
    uint32_t index; // its place in program_conf, from 0
    uint32_t in;    // CONFIG_IN_FRONTEND, CONFIG_IN_BACKEND, CONFIG_IN_LISTEN or CONFIG_IN_DEFAULTS
    bool has_frontend;
    bool has_backend;
    bool has_id; // `id` was written
    bool disabled;
    uint8_t mode;         // enum proxy_mode
    uint8_t log_format;   // enum proxy_log
    uint8_t header_names; // PROXY_NAMES_*
    uint64_t options;     // PROXY_OPT_*
    struct proxy_timeouts timeouts;
    struct proxy_keepalive keepalive[2]; // of clients' connections, and of those to servers
    const char *description;
    const char *log_tag;
    bool log_global;                 // `log global`
    struct log_target *logs;         // its own `log` lines, then, with log_global, the global ones
    struct proxy_format *log_custom; // log-format, with PROXY_LOG_CUSTOM
    struct proxy_format *log_sd;     // log-format-sd, or NULL
    struct proxy_format *log_error;  // error-log-format, or NULL
    uint32_t log_steps;              // a bit per PROXY_LOG_AT_*; 0: one line, when all is known
    uint64_t log_tunnel_us;          // between the lines of a live tunnel (option log-tunnel-interval), 0: none
    bool log_wants_source;           // a format tells what address we connected to the server from
    bool log_wants_stream;           // a format asks what only the stream itself knows
    struct proxy_format *unique_id;  // unique-id-format, or NULL
    const char *unique_id_header;    // unique-id-header, or NULL
    struct forwardfor_conf forwardfor;
    struct forwarded_conf forwarded;
    struct errorfile_conf *errorfiles;
    struct rule *rules[PROXY_NUM_RULE_SETS]; // include/rule/rule.h
    struct expr_acl *acls;
    struct frontend_conf fe;
    struct backend_conf be;
    struct probe_external_conf external;
    const char *guid;                     // unique over all objects, or NULL
    struct stats_conf *stats;             // the status page (proxy/stats_conf.h), or NULL
    struct stick_table_conf *stick_table; // `stick-table` (table/stick.h), or NULL
    uint32_t fe_object;                   // on the board, 0 without a frontend
    uint32_t be_object;
    struct config_place place;
    const struct proxy_conf *defaults; // the defaults section it started from, or NULL
};

struct stats_socket_conf {
    struct stats_socket_conf *next;
    struct bind_conf bind;
    uint8_t level;    // 1 user, 2 operator, 3 admin
    uint8_t severity; // how messages show theirs (severity-output): 0 not, 1 as a number, 2 as a word
    bool exposes;     // expose-fd listeners: who may give commands of level admin may take the listening sockets
};

// A variable of the service that the global section sets.
struct proxy_boot_var {
    struct proxy_boot_var *next;
    uint64_t id;
    struct slice name;
    bool is_set;
    struct expr_sample value;
};

// Groups, or workers of a group, by number: the first is 0.
struct cpu_map_range {
    uint64_t bits[2];
};

// A cpu-map line, the first of the file first.
struct cpu_map_conf {
    struct cpu_map_conf *next;
    struct cpu_map_range groups;
    struct cpu_map_range threads;
    bool is_auto;  // one processor each, in their order
    bool by_group; // the order is that of the groups
    struct os_cpus cpus;
};

// A set of HTTP status codes.
enum { STATUS_CODE_MIN = 100, STATUS_CODE_MAX = 599 };

struct status_codes {
    uint64_t bits[(STATUS_CODE_MAX - STATUS_CODE_MIN) / 64 + 1];
};

// status_codes_has says whether `status`, any number, is in the set.
static inline bool status_codes_has(const struct status_codes *codes, uint32_t status)
{
    uint32_t at = status - STATUS_CODE_MIN;
    return at <= STATUS_CODE_MAX - STATUS_CODE_MIN && codes->bits[at / 64] >> at % 64 & 1;
}

// status_codes_set puts `first` to `last`, both within the limits, into the set, or takes them out.
void status_codes_set(struct status_codes *codes, uint32_t first, uint32_t last, bool in);

struct global_conf {
    uint32_t maxconn; // 0: from the descriptor limit, which is looked up before the workers start
    const char *stats_file; // what counters start from, or NULL
    uint32_t max_conn_rate; // connections accepted a second, 0: no limit
    uint32_t max_sess_rate; // sessions, likewise
    uint32_t nbproc;
    uint32_t nbthread; // workers are nbproc * nbthread; 0: one per usable CPU
    int64_t uid;       // -1: unchanged
    int64_t gid;
    bool gid_is_optional;  // it is that of `user`, which was not asked for
    uint64_t capabilities; // setcap: bits of OS_CAP_...
    uint8_t dump;          // set-dumpable: enum os_dump
    const char *chroot;
    struct os_listen unix_bind; // unix-bind: its mode, uid, gid and flags alone
    const char *unix_prefix;    // or NULL
    const char *pidfile;
    const char *state_file; // server-state-file, or NULL
    const char *state_base; // server-state-base, or NULL
    const char *node;
    const char *description;
    bool daemon;
    bool master_worker;
    uint64_t ulimit_n;      // 0: from maxconn
    uint64_t fd_hard_limit; // default 1048576
    uint64_t maxsock;       // descriptors that maxconn takes in one process, known with it
    uint32_t maxpipes;      // of a worker, 0: from maxconn, known with it
    bool strict_limits;     // on by default
    uint32_t num_groups;    // thread-groups, 0: one
    uint32_t num_workers;   // known with maxsock
    struct os_cpus *cpus;   // cpu-set, NULL: none
    struct cpu_map_conf *cpu_maps;
    uint64_t hard_stop_after;   // us, 0: never
    uint32_t max_reloads;       // mworker-max-reloads plus one; 0: any number
    bool go_on_alone;           // master-worker no-exit-on-failure
    bool external_checks;       // external-check
    bool external_keeps_env;    // its preserve-env
    bool may_fork;              // insecure-fork-wanted
    bool sandbox;               // seccomp, on by default
    uint64_t silent_warn;       // us, watchdog; default 2 s, 0: never
    uint64_t silent_kill;       // us, default 5 s, 0: never
    uint64_t close_spread_time; // us, 0: none
    bool close_never;           // close-spread-time infinite
    uint64_t bufsize;           // default 16384
    uint64_t maxrewrite;        // default 1024
    uint32_t max_headers;       // tune.http.maxhdr, default 101
    uint32_t maxaccept;         // tune.maxaccept, default 64
    uint64_t rcvbuf_client;
    uint64_t sndbuf_client;
    uint64_t rcvbuf_server;
    uint64_t sndbuf_server;
    uint64_t pipesize;
    bool no_splice;
    struct expr_var_limits var_limits; // tune.vars.*-max-size
    struct proxy_boot_var *proc_vars;  // the last one set first
    struct http_cases h1_cases;        // h1-case-adjust, and what its file holds
    const char *h1_case_file;          // or NULL
    struct config_place h1_case_place;
    uint32_t log_uri_len; // tune.http.logurilen, default 1024
    const char *log_tag;
    const char *log_send_hostname; // NULL: none
    struct log_target *logs;
    struct log_profile *log_profiles;
    struct ring_conf *rings;
    struct trace_confs *traces; // of `traces` sections (proxy/trace_line.h), or NULL
    struct stats_socket_conf *stats_sockets;
    uint64_t stats_timeout;
    uint32_t spread_checks;        // percent
    uint64_t max_spread_checks_us; // 0: no bound
    uint32_t stats_maxconn;
    uint32_t stick_counters;        // tune.stick-counters, default 3
    struct status_codes err_codes;  // http-err-codes: what counts as an error of the client
    struct status_codes fail_codes; // http-fail-codes: what counts as a failure of a server
    struct tls_global_conf tls;
};

// The whole configuration of one generation.
struct program_conf {
    struct arena *arena;
    struct global_conf global;
    struct proxy_conf *proxies; // frontends, backends and listens in the order of the files
    struct proxy_conf **last_proxy;
    uint32_t num_proxies;
    struct proxy_conf **backends; // by a hash of their names, for names known only at run time
    uint32_t backends_mask;
    uint32_t tls_object;         // on the board, for all TLS connections
    uint32_t vitals_object;      // likewise, how workers are (proxy/vitals.h)
    uint32_t memory_object;
    struct proxy_conf *defaults; // all defaults sections, newest first
    struct proxy_errors *errors; // http-errors sections
    struct tls_store *certs;     // made with the first line that needs one
    struct userlist *userlists;  // proxy/userlist.h
    struct bind_conf **binds;    // those of all proxies that are not disabled, then none
    uint32_t num_binds;
    struct proxy_ref *refs; // what expressions name, see proxy/ref.h
    uint32_t object;        // on the board: the whole service, for global maxconn and its counters
    bool ignore_unresolved; // as in struct proxy_load
};

// proxy_conf_new gives an empty program configuration with all defaults set, in `arena`.
struct program_conf *proxy_conf_new(struct arena *arena);

// proxy_conf_finish resolves names (backends, log global, server addresses), numbers what needs a number, gives default
// values that depend on others, and checks what only the whole shows. All errors are reported; false where there was
// one.
bool proxy_conf_finish(struct config *config, struct program_conf *program);

// proxy_limits_finish works out what limits of servers depend on (fullconn, minconn), once global.maxconn is known.
void proxy_limits_finish(struct program_conf *program);

// proxy_conf_find gives the proxy named `name` that has a frontend (`in` CONFIG_IN_FRONTEND) or a backend, or NULL.
struct proxy_conf *proxy_conf_find(const struct program_conf *program, const char *name, uint32_t in);

// proxy_backend_named gives the proxy named `name` that has a backend and is not disabled, or NULL. For run time, once
// the configuration is finished.
const struct proxy_conf *proxy_backend_named(const struct program_conf *program, struct slice name);

// proxy_backends_index makes the table it reads.
void proxy_backends_index(struct program_conf *program);

// What proxy_conf_load is to read, and how.
struct proxy_load {
    const char *const *files;
    size_t num_files;
    bool (*more)(struct config *config); // reads what is to be read besides, after the files; may be NULL
    bool numeric_hosts;                  // no name is looked up
    bool may_fork;                       // as insecure-fork-wanted
    bool no_splice;                      // bodies are copied
    bool no_server_verify;               // `ssl-server-verify none` unless the file says otherwise
    bool ignore_unresolved;              // a server without an address is down, and no error
};

// proxy_conf_boot gathers the tables of words, fetches, converters, aliases and actions and makes the built-in answers;
// to be called before anything is read, and nothing when called again.
void proxy_conf_boot(void);

// proxy_conf_load reads what `load` says and finishes the configuration: the whole way from files to `*out`, which
// lives in `arena`. Everything is reported to `diag`; false, with `*out` NULL, where anything was wrong. The tables of
// words, fetches and actions are prepared by the first call in a process. It resolves names, and so may block.
bool proxy_conf_load(struct program_conf **out, struct config_diag *diag, struct arena *arena,
                     const struct proxy_load *load);

struct board;

// proxy_pool_tell gives, one text at a time, the servers that keep another number of connections than `pool-min-conn`
// says, as there are more workers or its maxconn is lower. Once the number of workers is known.
void proxy_pool_tell(const struct program_conf *program, void (*tell)(void *to, const char *text), void *to);

// The tag of log lines where the configuration has none.
#define PROXY_LOG_TAG "fairlead"

// proxy_server_find gives the server of that name, or NULL.
struct server_conf *proxy_server_find(const struct backend_conf *backend, struct slice name);

// proxy_conf_publish gives the program, its proxies, servers and listeners their objects on the board ("g/global",
// "f/NAME", "b/NAME", "s/BACKEND/SERVER" and, for its open connections, "c/BACKEND/SERVER", "l/FRONTEND/ID") and its
// log targets their sinks. Keeper only, before workers are forked. False with errno where the board is full.
bool proxy_conf_publish(struct program_conf *program, struct board *board);
