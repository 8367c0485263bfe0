// SPDX-License-Identifier: Apache-2.0
// The service prometheus-exporter: statistics in Prometheus' text format, or OpenMetrics 1.0 where that is asked for.
// HAProxy's metrics bear HAProxy's names, labels and units; what is fairlead's own begins with fairlead_. Runs in
// workers, as a built-in service, and reads the board alone; private to the area.
//
// A format that wants all samples of a metric together meets objects that each are costly to read: what is read of an
// object is kept in a few hundred bytes until the answer is written, a piece at a time.
#pragma once

#include "admin/stat.h"
#include "proxy/histogram.h"

enum admin_metric_scope {
    ADMIN_METRIC_GLOBAL,
    ADMIN_METRIC_FRONTEND,
    ADMIN_METRIC_LISTENER,
    ADMIN_METRIC_BACKEND,
    ADMIN_METRIC_SERVER,
    ADMIN_METRIC_STICKTABLE,
    ADMIN_METRIC_NUM_SCOPES,
};

// What is made of a value.
enum admin_metric_how {
    ADMIN_METRIC_PLAIN,
    ADMIN_METRIC_MS,        // milliseconds, told in seconds
    ADMIN_METRIC_STATUS,    // a sample for each state of the object
    ADMIN_METRIC_CODES,     // one for each class of status codes
    ADMIN_METRIC_CHECK,     // one for each result of checks
    ADMIN_METRIC_SERVERS,   // of a backend: the servers in each state
    ADMIN_METRIC_CHECKS,    // of a backend: the servers with each result
    ADMIN_METRIC_HISTOGRAM, // `field` is an enum proxy_histogram
    ADMIN_METRIC_TUNNELS,   // how many tunnels ended, and how long they were open
    ADMIN_METRIC_VERSION,   // of the product, as a label
};

enum {
    ADMIN_METRIC_OF_F = 1 << ADMIN_METRIC_FRONTEND,
    ADMIN_METRIC_OF_L = 1 << ADMIN_METRIC_LISTENER,
    ADMIN_METRIC_OF_B = 1 << ADMIN_METRIC_BACKEND,
    ADMIN_METRIC_OF_S = 1 << ADMIN_METRIC_SERVER,
    ADMIN_METRIC_IF_SET = 1 << 0, // no sample where there is no value, rather than NaN
    ADMIN_METRIC_OWN = 1 << 1,    // fairlead's own: its name begins so
    ADMIN_METRIC_EXTRA = 1 << 2,  // only with extra-counters
    ADMIN_METRIC_HTTP = 1 << 3,   // of mode http alone
};

struct admin_metric {
    const char *name; // behind "haproxy_backend_"
    const char *help;
    uint8_t field; // enum admin_stat, or the number of the value
    uint8_t how;   // enum admin_metric_how
    uint8_t of;    // ADMIN_METRIC_OF_*
    uint8_t flags;
    bool is_counter;
};

// Those of proxies, servers and listeners, in the order they are told.
extern const struct admin_metric admin_metrics[];
extern const uint32_t admin_num_metrics;

// Those of the service as a whole, with the same meaning; `field` is an index of the values of
// admin_metrics_process_fill.
extern const struct admin_metric admin_metrics_process[];
extern const uint32_t admin_num_metrics_process;

// admin_metrics_process_fill computes the values of admin_metrics_process (room for admin_num_metrics_process).
void admin_metrics_process_fill(double *values, const struct admin_stat_ctx *ctx);

// What is kept of an object.
struct admin_metrics_row {
    uint8_t scope;
    uint8_t state; // index of admin_metric_states
    uint8_t check; // enum check_status, CHECK_NUM_STATUSES: none
    bool is_http;
    bool has_tls;
    bool has_servers;
    uint32_t object;
    struct server_conf *server; // that it holds, so that what stands under its number stays its own; or NULL
    uint32_t label;     // where its labels stand in admin_metrics.labels
    uint32_t label_len; // proxy="be",server="s1"
    uint64_t is_set[(ADMIN_STAT_NUM + 63) / 64];
    uint64_t values[ADMIN_STAT_NUM];
    uint32_t servers[5]; // of a backend, by state
    uint32_t checks[CHECK_NUM_STATUSES];
};

enum { ADMIN_METRIC_STATES = 5 };

// DOWN, UP, MAINT, DRAIN, NOLB.
extern const char *const admin_metric_states[ADMIN_METRIC_STATES];

// One answer in the making.
struct admin_metrics {
    struct admin_stat_ctx ctx;
    struct admin_stat_walk walk;
    uint32_t scopes; // bits of enum admin_metric_scope
    bool open;       // OpenMetrics
    bool extra;
    struct slice only; // the parameter `metrics`: names, and after a minus sign those that are not wanted; or empty
    struct text only_mem;
    bool has_rows; // all were read
    struct admin_metrics_row *rows;
    uint32_t num_rows;
    uint32_t cap_rows;
    struct text labels;
    uint32_t scope;  // that is being told
    uint32_t metric; // which of its metrics, and
    uint32_t row;    // for which row next
    bool began;      // its HELP and TYPE are out
    const struct proxy_conf *table;
};

// admin_metrics_read reads what is kept of some more objects; false where memory is out. metrics->has_rows says that it
// was the last.
bool admin_metrics_read(struct admin_metrics *metrics);

// admin_metrics_print appends some more lines; false after the last.
bool admin_metrics_print(struct admin_metrics *metrics, struct text *out);
