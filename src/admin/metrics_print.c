// SPDX-License-Identifier: Apache-2.0
// Prometheus' text format 0.0.4 and OpenMetrics 1.0. They differ in names of families (a counter's lacks the _total of
// its samples), in how whole numbers are written where a bound stands, and in the last line.
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "admin/metrics.h"
#include "board/board.h"
#include "check/check.h"
#include "table/stick.h"

static const char *const scope_names[ADMIN_METRIC_NUM_SCOPES] = {
    [ADMIN_METRIC_GLOBAL] = "process",  [ADMIN_METRIC_FRONTEND] = "frontend", [ADMIN_METRIC_LISTENER] = "listener",
    [ADMIN_METRIC_BACKEND] = "backend", [ADMIN_METRIC_SERVER] = "server",     [ADMIN_METRIC_STICKTABLE] = "sticktable",
};

enum { NAME_MAX_LEN = 96 };

static void name_of(char name[NAME_MAX_LEN], enum admin_metric_scope scope, const struct admin_metric *metric)
{
    snprintf(name, NAME_MAX_LEN, "%s_%s_%s", metric->flags & ADMIN_METRIC_OWN ? "fairlead" : "haproxy",
             scope_names[scope], metric->name);
}

// The parameter `metrics`: once a name is there without a minus sign, only those that are named are told.
static bool is_wanted(const struct admin_metrics *metrics, const char *name)
{
    struct slice left = metrics->only;
    bool wanted = true, found = false;
    while (left.len) {
        size_t len = slice_find(left, ',');
        struct slice item = slice_of(left.ptr, len);
        bool minus = item.len && item.ptr[0] == '-';
        left = len < left.len ? slice_from(left, len + 1) : slice_of(NULL, 0);
        if (!item.len)
            continue;
        if (!minus)
            wanted = false;
        if (slice_equal(minus ? slice_from(item, 1) : item, slice_str(name))) {
            if (minus)
                return false;
            found = true;
        }
    }
    return wanted || found;
}

static const char *type_of(const struct admin_metric *metric)
{
    if (metric->how == ADMIN_METRIC_HISTOGRAM)
        return "histogram";
    if (metric->how == ADMIN_METRIC_TUNNELS)
        return "summary";
    return metric->is_counter ? "counter" : "gauge";
}

// In OpenMetrics a sample of a counter ends in _total, its family does not.
static void put_head(struct admin_metrics *metrics, struct text *out, const char *name,
                     const struct admin_metric *metric)
{
    size_t len = strlen(name), end = strlen("_total");
    if (metrics->began)
        return;
    metrics->began = true;
    if (metrics->open && metric->is_counter && len > end && strcmp(name + len - end, "_total") == 0)
        len -= end;
    text_printf(out, "# HELP %.*s %s\n# TYPE %.*s %s\n", (int)len, name, metric->help, (int)len, name, type_of(metric));
}

static void put_name(const struct admin_metrics *metrics, struct text *out, const char *name,
                     const struct admin_metric *metric)
{
    size_t len = strlen(name);
    text_add(out, name, len);
    if (metrics->open && metric->is_counter && (len < 6 || strcmp(name + len - 6, "_total") != 0))
        text_add_str(out, "_total");
}

static void put_labels(struct text *out, const struct admin_metrics *metrics, const struct admin_metrics_row *row,
                       const char *more, const char *value)
{
    text_add(out, "{", 1);
    text_add(out, metrics->labels.ptr + row->label, row->label_len);
    if (more) {
        text_add(out, ",", 1);
        text_add_str(out, more);
        text_add(out, "=\"", 2);
        text_add_str(out, value);
        text_add(out, "\"", 1);
    }
    text_add(out, "}", 1);
}

// A sample's value, and the end of its line.
static void put_number(struct text *out, uint64_t number)
{
    text_add(out, " ", 1);
    text_add_number(out, number);
    text_add(out, "\n", 1);
}

static void put_seconds(struct text *out, uint64_t us)
{
    text_add(out, " ", 1);
    text_add_fraction(out, us, 6);
    text_add(out, "\n", 1);
}

struct place {
    struct admin_metrics *metrics;
    struct text *out;
    const char *name;
    const struct admin_metric *metric;
    const struct admin_metrics_row *row;
};

static void put_sample(const struct place *at, const char *label, const char *value, uint64_t number)
{
    put_head(at->metrics, at->out, at->name, at->metric);
    put_name(at->metrics, at->out, at->name, at->metric);
    put_labels(at->out, at->metrics, at->row, label, value);
    put_number(at->out, number);
}

static bool is_set(const struct admin_metrics_row *row, unsigned field)
{
    return row->is_set[field / 64] >> field % 64 & 1;
}

static void put_value(const struct place *at)
{
    const struct admin_metrics_row *row = at->row;
    unsigned field = at->metric->field;
    // A check that found no code found zero.
    bool there = is_set(row, field) || (field == ADMIN_STAT_CHECK_CODE && row->check < CHECK_NUM_STATUSES);
    // A counter that is no number is none in OpenMetrics.
    if (!there &&
        (at->metric->flags & (ADMIN_METRIC_IF_SET | ADMIN_METRIC_OWN) || (at->metrics->open && at->metric->is_counter)))
        return;
    put_head(at->metrics, at->out, at->name, at->metric);
    put_name(at->metrics, at->out, at->name, at->metric);
    put_labels(at->out, at->metrics, row, NULL, NULL);
    if (!there)
        text_add_str(at->out, " NaN\n");
    else if (at->metric->how == ADMIN_METRIC_MS)
        put_seconds(at->out, row->values[field] * 1000);
    else if (admin_stat_fields[field].type == ADMIN_S32)
        text_printf(at->out, " %" PRId32 "\n", (int32_t)row->values[field]);
    else
        put_number(at->out, row->values[field]);
}

static void put_codes(const struct place *at)
{
    static const char *const codes[] = { "1xx", "2xx", "3xx", "4xx", "5xx", "other" };
    for (unsigned i = 0; i < NUM_ITEMS(codes); i++)
        if (is_set(at->row, ADMIN_STAT_HRSP_1XX + i))
            put_sample(at, "code", codes[i], at->row->values[ADMIN_STAT_HRSP_1XX + i]);
}

static void put_states(const struct place *at)
{
    static const char *const listens[] = { "WAITING", "OPEN", "FULL" };
    bool listener = at->row->scope == ADMIN_METRIC_LISTENER;
    unsigned num = listener ? NUM_ITEMS(listens) : at->row->scope == ADMIN_METRIC_SERVER ? ADMIN_METRIC_STATES : 2;
    for (unsigned i = 0; i < num; i++)
        put_sample(at, "state", listener ? listens[i] : admin_metric_states[i], at->row->state == i);
}

static void put_checks(const struct place *at, bool of_all)
{
    for (unsigned i = CHECK_SOCKERR; i <= CHECK_HANA; i++)
        put_sample(at, "state", check_status_name((enum check_status)i),
                   of_all ? at->row->checks[i] : (uint64_t)(at->row->check == i));
}

static void put_bound(struct text *out, const struct admin_metrics *metrics, unsigned bucket)
{
    if (bucket == PROXY_HIST_BOUNDS) {
        text_add_str(out, "+Inf");
        return;
    }
    uint32_t us = proxy_histogram_bounds[bucket];
    if (us % 1000000) {
        unsigned digits = 6;
        for (; us % 10 == 0; us /= 10)
            digits--;
        text_add_fraction(out, us, digits);
        return;
    }
    text_add_number(out, us / 1000000);
    if (metrics->open)
        text_add_str(out, ".0");
}

// The two last samples of a histogram or summary.
static void put_sum(const struct place *at, uint64_t sum_us, uint64_t count)
{
    text_add_str(at->out, at->name);
    text_add_str(at->out, "_sum");
    put_labels(at->out, at->metrics, at->row, NULL, NULL);
    put_seconds(at->out, sum_us);
    text_add_str(at->out, at->name);
    text_add_str(at->out, "_count");
    put_labels(at->out, at->metrics, at->row, NULL, NULL);
    put_number(at->out, count);
}

static void put_histogram(const struct place *at)
{
    const struct admin_metrics_row *row = at->row;
    enum proxy_histogram which = (enum proxy_histogram)at->metric->field;
    struct proxy_histogram_sums sums;
    uint64_t count = 0;
    if (which == PROXY_HIST_TLS && !row->has_tls)
        return;
    proxy_histogram_sum(at->metrics->ctx.board, &sums, row->object, which);
    put_head(at->metrics, at->out, at->name, at->metric);
    for (unsigned i = 0; i < PROXY_HIST_BUCKETS; i++) {
        count += sums.buckets[i];
        text_add_str(at->out, at->name);
        text_add_str(at->out, "_bucket{");
        text_add(at->out, at->metrics->labels.ptr + row->label, row->label_len);
        text_add_str(at->out, ",le=\"");
        put_bound(at->out, at->metrics, i);
        text_add_str(at->out, "\"}");
        put_number(at->out, count);
    }
    put_sum(at, sums.sum_us, count);
}

static void put_tunnels(const struct place *at)
{
    uint64_t cells[2];
    board_counters_sum(at->metrics->ctx.board, cells, at->row->object, PROXY_HIST_TUNNELS, 2);
    put_head(at->metrics, at->out, at->name, at->metric);
    put_sum(at, cells[1], cells[0]);
}

static void put_row(const struct place *at)
{
    switch ((enum admin_metric_how)at->metric->how) {
    case ADMIN_METRIC_STATUS:
        put_states(at);
        break;
    case ADMIN_METRIC_CODES:
        put_codes(at);
        break;
    case ADMIN_METRIC_CHECK:
        if (at->row->check < CHECK_NUM_STATUSES)
            put_checks(at, false);
        break;
    case ADMIN_METRIC_SERVERS:
        for (unsigned i = 0; i < ADMIN_METRIC_STATES && at->row->has_servers; i++)
            put_sample(at, "state", admin_metric_states[i], at->row->servers[i]);
        break;
    case ADMIN_METRIC_CHECKS:
        if (at->row->has_servers)
            put_checks(at, true);
        break;
    case ADMIN_METRIC_HISTOGRAM:
        put_histogram(at);
        break;
    case ADMIN_METRIC_TUNNELS:
        put_tunnels(at);
        break;
    default:
        put_value(at);
        break;
    }
}

// ---- the service as a whole

static void put_process(struct admin_metrics *metrics, struct text *out)
{
    double values[96];
    char name[NAME_MAX_LEN];
    must(admin_num_metrics_process <= NUM_ITEMS(values));
    admin_metrics_process_fill(values, &metrics->ctx);
    for (uint32_t i = 0; i < admin_num_metrics_process; i++) {
        const struct admin_metric *metric = &admin_metrics_process[i];
        name_of(name, ADMIN_METRIC_GLOBAL, metric);
        if (!is_wanted(metrics, name))
            continue;
        metrics->began = false;
        put_head(metrics, out, name, metric);
        put_name(metrics, out, name, metric);
        if (metric->how == ADMIN_METRIC_VERSION)
            text_printf(out, "{version=\"%s\"}",
                        board_incarnation_at(metrics->ctx.board, board_incarnation_self(metrics->ctx.board))->version);
        text_printf(out, " %.0f\n", values[metric->field]);
    }
}

static uint64_t counted_by(struct board *board, uint32_t inc, const char *kind, uint32_t counter)
{
    uint64_t sum = 0;
    for (uint32_t object = 1; object < board_object_limit(board); object++)
        if (strncmp(board_object_name(board, object), kind, strlen(kind)) == 0)
            sum += board_counter_own(board, object, counter, inc);
    return sum;
}

// How the work is spread over workers. They are no counters: a worker's successor starts at zero.
static void put_spread(struct admin_metrics *metrics, struct text *out)
{
    static const struct {
        const struct admin_metric metric;
        uint32_t counter; // PROXY_NUM_COUNTERS: open sessions
    } spread[] = {
        { { .name = "sessions", .help = "Sessions that each worker carries now", .flags = ADMIN_METRIC_OWN },
          PROXY_NUM_COUNTERS },
        { { .name = "connections",
            .help = "Connections each worker accepted since it started",
            .flags = ADMIN_METRIC_OWN },
          PROXY_COUNT_CONNECTIONS },
        { { .name = "requests", .help = "Requests each worker read since it started", .flags = ADMIN_METRIC_OWN },
          PROXY_COUNT_REQUESTS },
    };
    struct board *board = metrics->ctx.board;
    for (unsigned i = 0; i < NUM_ITEMS(spread); i++) {
        char name[NAME_MAX_LEN];
        snprintf(name, sizeof(name), "fairlead_worker_%s", spread[i].metric.name);
        metrics->began = false;
        for (uint32_t inc = 1; inc < board_incarnation_limit(board) && is_wanted(metrics, name); inc++) {
            const struct board_incarnation *record = board_incarnation_at(board, inc);
            if (atomic_load(&record->state) != 1 || atomic_load(&record->role) != BOARD_ROLE_WORKER)
                continue;
            uint64_t value = spread[i].counter == PROXY_NUM_COUNTERS
                                 ? atomic_load(&record->sessions)
                                 : counted_by(board, inc, PROXY_KIND_HTTP, spread[i].counter) +
                                       counted_by(board, inc, PROXY_KIND_TCP, spread[i].counter);
            put_head(metrics, out, name, &spread[i].metric);
            text_printf(out, "%s{worker=\"%u\",generation=\"%u\",pid=\"%d\"} %" PRIu64 "\n", name, record->slot + 1,
                        record->generation, atomic_load(&record->pid), value);
        }
    }
}

static void put_tables(struct admin_metrics *metrics, struct text *out)
{
    static const struct admin_metric table_metrics[] = {
        { .name = "size", .help = "Entries that the stick table has room for" },
        { .name = "used", .help = "Entries in use" },
    };
    for (unsigned i = 0; i < NUM_ITEMS(table_metrics); i++) {
        char name[NAME_MAX_LEN];
        name_of(name, ADMIN_METRIC_STICKTABLE, &table_metrics[i]);
        metrics->began = false;
        for (const struct proxy_conf *it = metrics->ctx.conf->proxies; it && is_wanted(metrics, name); it = it->next) {
            const struct stick_table_conf *conf = it->stick_table;
            if (!conf || !conf->table)
                continue;
            put_head(metrics, out, name, &table_metrics[i]);
            text_printf(out, "%s{name=\"%s\",type=\"%s\"} %u\n", name, conf->name,
                        stick_type_name((enum stick_type)conf->type), i ? stick_num_entries(conf->table) : conf->size);
        }
    }
}

// ---- one after the other

static void next_metric(struct admin_metrics *metrics)
{
    metrics->row = 0;
    metrics->began = false;
    if (++metrics->metric < admin_num_metrics)
        return;
    metrics->metric = 0;
    metrics->scope++;
}

static void put_some_rows(struct admin_metrics *metrics, struct text *out)
{
    enum { ROWS = 16 };
    const struct admin_metric *metric = &admin_metrics[metrics->metric];
    char name[NAME_MAX_LEN];
    name_of(name, (enum admin_metric_scope)metrics->scope, metric);
    struct place at = { .metrics = metrics, .out = out, .name = name, .metric = metric };
    bool told = metric->of >> metrics->scope & 1 && (metrics->extra || !(metric->flags & ADMIN_METRIC_EXTRA)) &&
                (metrics->row || is_wanted(metrics, name));
    for (int i = 0; told && i < ROWS && metrics->row < metrics->num_rows; metrics->row++) {
        at.row = &metrics->rows[metrics->row];
        if (at.row->scope != metrics->scope)
            continue;
        i++;
        if (at.row->is_http || !(metric->flags & ADMIN_METRIC_HTTP))
            put_row(&at);
    }
    if (!told || metrics->row >= metrics->num_rows)
        next_metric(metrics);
}

bool admin_metrics_print(struct admin_metrics *metrics, struct text *out)
{
    if (metrics->scope >= ADMIN_METRIC_NUM_SCOPES) {
        if (metrics->open)
            text_printf(out, "# EOF\n");
        return false;
    }
    if (!(metrics->scopes >> metrics->scope & 1)) {
        metrics->scope++;
    } else if (metrics->scope == ADMIN_METRIC_GLOBAL) {
        put_process(metrics, out);
        put_spread(metrics, out);
        metrics->scope++;
    } else if (metrics->scope == ADMIN_METRIC_STICKTABLE) {
        put_tables(metrics, out);
        metrics->scope++;
    } else {
        put_some_rows(metrics, out);
    }
    return true;
}
