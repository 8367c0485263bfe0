// SPDX-License-Identifier: Apache-2.0
// The service itself: what a request asks for, and its answer.
#include <stdlib.h>
#include "admin/metrics.h"
#include "rule/rule.h"
#include "stream/service.h"

enum { ALL_SCOPES = (1 << ADMIN_METRIC_NUM_SCOPES) - 1 };

static bool read_scope(uint32_t *scopes, struct slice value)
{
    static const struct {
        const char *name;
        uint32_t bits;
    } names[] = {
        { "*", ALL_SCOPES },
        { "global", 1 << ADMIN_METRIC_GLOBAL },
        { "frontend", 1 << ADMIN_METRIC_FRONTEND },
        { "listener", 1 << ADMIN_METRIC_LISTENER },
        { "backend", 1 << ADMIN_METRIC_BACKEND },
        { "server", 1 << ADMIN_METRIC_SERVER },
        { "sticktable", 1 << ADMIN_METRIC_STICKTABLE },
    };
    if (!value.len) {
        *scopes = 0;
        return true;
    }
    for (size_t i = 0; i < NUM_ITEMS(names); i++) {
        if (slice_equal(value, slice_str(names[i].name))) {
            *scopes |= names[i].bits;
            return true;
        }
    }
    return false;
}

static bool read_parameter(struct admin_metrics *metrics, bool *scoped, struct slice name, struct slice value)
{
    if (slice_equal(name, SLICE("scope"))) {
        // The first says that not all are wanted; an empty one takes back those before it.
        if (!*scoped)
            metrics->scopes = 0;
        *scoped = true;
        return read_scope(&metrics->scopes, value);
    }
    if (slice_equal(name, SLICE("no-maint")))
        metrics->walk.no_maint = true;
    else if (slice_equal(name, SLICE("extra-counters")))
        metrics->extra = true;
    else if (slice_equal(name, SLICE("metrics")))
        text_printf(&metrics->only_mem, "%s%.*s", metrics->only_mem.len ? "," : "", (int)value.len,
                    value.len ? value.ptr : "");
    return !metrics->only_mem.failed;
}

// Decodes `in` into `room`, which it fits into; false where it is no encoding.
static bool decode(struct slice *out, char *room, struct slice in)
{
    size_t len = 0;
    for (size_t i = 0; i < in.len; i++) {
        char c = in.ptr[i];
        if (c == '%') {
            int high = i + 2 < in.len ? slice_hex_digit(in.ptr[i + 1]) : -1,
                low = high < 0 ? -1 : slice_hex_digit(in.ptr[i + 2]);
            if (low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        room[len++] = c;
    }
    *out = slice_of(room, len);
    return true;
}

static bool read_query(struct admin_metrics *metrics, struct slice query)
{
    enum { PARAMETER_MAX = 4096 };
    bool scoped = false;
    while (query.len) {
        char room[PARAMETER_MAX];
        size_t len = slice_find(query, '&');
        struct slice item = slice_of(query.ptr, len);
        query = len < query.len ? slice_from(query, len + 1) : slice_of(NULL, 0);
        if (item.len > sizeof(room) || !decode(&item, room, item))
            return false;
        size_t equals = slice_find(item, '=');
        if (equals == item.len && slice_equal(item, SLICE("scope")))
            return false;
        struct slice value = equals < item.len ? slice_from(item, equals + 1) : slice_of(item.ptr, 0);
        if (!read_parameter(metrics, &scoped, slice_of(item.ptr, equals), value))
            return false;
    }
    metrics->only = slice_of(metrics->only_mem.ptr, metrics->only_mem.len);
    return true;
}

// A quality in thousandths. RFC 9110 section 12.4.2.
static unsigned quality_of(struct slice parameters)
{
    while (parameters.len) {
        size_t len = slice_find(parameters, ';');
        struct slice item = slice_trim(slice_of(parameters.ptr, len));
        parameters = len < parameters.len ? slice_from(parameters, len + 1) : slice_of(NULL, 0);
        if (item.len < 3 || (item.ptr[0] | 32) != 'q' || item.ptr[1] != '=')
            continue;
        unsigned quality = 0, unit = 1000;
        for (size_t i = 2; i < item.len && unit; i++) {
            if (item.ptr[i] == '.')
                continue;
            quality += (unsigned)(item.ptr[i] - '0') % 10 * unit;
            unit /= 10;
        }
        return quality;
    }
    return 1000;
}

// Whether the client would rather have OpenMetrics than the older format.
static bool wants_open(const struct http_head *head)
{
    unsigned open = 0, plain = 0;
    for (int i = -1; (i = http_head_find_name(head, SLICE("accept"), (unsigned)(i + 1))) >= 0;) {
        struct slice left = http_field_value(head, (unsigned)i);
        while (left.len) {
            size_t len = slice_find(left, ',');
            struct slice item = slice_trim(slice_of(left.ptr, len));
            left = len < left.len ? slice_from(left, len + 1) : slice_of(NULL, 0);
            size_t end = slice_find(item, ';');
            struct slice type = slice_trim(slice_of(item.ptr, end));
            unsigned quality = quality_of(end < item.len ? slice_from(item, end + 1) : slice_of(NULL, 0));
            if (slice_equal_nocase(type, SLICE("application/openmetrics-text")) && quality > open)
                open = quality;
            else if (slice_equal_nocase(type, SLICE("text/plain")) && quality > plain)
                plain = quality;
        }
    }
    return open && open >= plain;
}

static void metrics_free(struct admin_metrics *metrics)
{
    if (!metrics)
        return;
    admin_stat_walk_end(&metrics->walk);
    for (uint32_t i = 0; i < metrics->num_rows; i++)
        if (metrics->rows[i].server)
            metrics->rows[i].server->holds--;
    text_fini(&metrics->labels);
    text_fini(&metrics->only_mem);
    free(metrics->rows);
    free(metrics);
}

static enum stream_serve metrics_begin(struct stream_serving *serving)
{
    struct stream *stream = serving->stream;
    const struct stream_ctx *ctx = stream->ctx;
    struct admin_metrics *metrics = calloc(1, sizeof(*metrics));
    serving->state = metrics;
    serving->status = 500;
    if (!metrics)
        return STREAM_SERVE_REFUSE;
    admin_stat_ctx_here(&metrics->ctx, ctx->board, ctx->program, ctx->inc, ctx->loop->now_us, ctx->loop->wall_us);
    admin_stat_walk_init(&metrics->walk, ctx->program);
    metrics->walk.holds = true;
    metrics->scopes = ALL_SCOPES;
    serving->status = 400;
    if (!read_query(metrics, http_head_query(&stream->request)))
        return STREAM_SERVE_REFUSE;
    serving->status = 200;
    metrics->open = wants_open(&stream->request);
    text_printf(&serving->fields, "cache-control: no-cache\r\ncontent-type: %s\r\n",
                metrics->open ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                              : "text/plain; version=0.0.4");
    return STREAM_SERVE_MORE;
}

static enum stream_serve metrics_more(struct stream_serving *serving, struct text *out)
{
    struct admin_metrics *metrics = serving->state;
    uint32_t objects = metrics->scopes & ~(1U << ADMIN_METRIC_GLOBAL | 1U << ADMIN_METRIC_STICKTABLE);
    if (!metrics->has_rows && objects)
        return admin_metrics_read(metrics) ? STREAM_SERVE_MORE : STREAM_SERVE_FAIL;
    return admin_metrics_print(metrics, out) ? STREAM_SERVE_MORE : STREAM_SERVE_DONE;
}

static void metrics_end(struct stream_serving *serving)
{
    metrics_free(serving->state);
}

static const struct stream_service service = { .begin = metrics_begin, .more = metrics_more, .end = metrics_end };

static const struct rule_service services[] = {
    { .name = "prometheus-exporter",
      .vtable = &service,
      .help = "statistics for Prometheus, in its text format or, where the request's Accept says so, as OpenMetrics" },
};
RULE_SERVICES(services);
