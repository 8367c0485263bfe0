// SPDX-License-Identifier: Apache-2.0
// The page for people: what stands in front of the tables.
#include <stdarg.h>
#include <stdatomic.h>
#include "admin/page_row.h"
#include "board/board.h"
#include "proxy/counters.h"
#include "transport/tls.h"

static void add_fact(struct text *out, const char *label, const char *rate, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void add_fact(struct text *out, const char *label, const char *rate, const char *format, ...)
{
    char value[256];
    va_list args;
    va_start(args, format);
    vsnprintf(value, sizeof(value), format, args);
    va_end(args);
    text_printf(out, "<div class=\"fact\"><dt>%s</dt><dd>%s", label, value);
    if (rate)
        text_printf(out, "<span class=\"spark\" data-k=\"%s\" data-v=\"%s\"></span>", label, rate);
    text_printf(out, "</dd></div>\n");
}

static uint64_t total(const struct page *page, enum proxy_counter counter)
{
    return board_counter_total(page->ctx.board, PROXY_KIND_HTTP, counter) +
           board_counter_total(page->ctx.board, PROXY_KIND_TCP, counter);
}

static uint64_t request_rate(const struct page *page)
{
    uint64_t rate = 0;
    for (const struct proxy_conf *proxy = page->ctx.conf->proxies; proxy; proxy = proxy->next) {
        if (!proxy->has_frontend || proxy->disabled)
            continue;
        _Atomic uint64_t *gauges = board_gauges(page->ctx.board, proxy->fe_object);
        rate += board_rate_read(&gauges[PROXY_GAUGE_REQUEST_RATE], page->ctx.now_us);
    }
    return rate;
}

static void add_traffic_facts(struct text *out, const struct page *page, const struct page_health *health)
{
    struct board *board = page->ctx.board;
    const struct program_conf *conf = page->ctx.conf;
    _Atomic uint64_t *gauges = board_gauges(board, conf->object);
    char number[PAGE_NUMBER_LEN], other[PAGE_NUMBER_LEN], rate[24];
    uint32_t conn_rate = board_rate_read(&gauges[PROXY_GAUGE_SESSION_RATE], page->ctx.now_us);
    bool is_high = page_is_high(health->num_connections, page->ctx.max_connections);
    add_fact(out, "Connections", NULL, "<span%s>%s</span> <small>of %s</small>",
             health->is_full ? " class=\"full\""
             : is_high       ? " class=\"high\""
                             : "",
             page_number(number, health->num_connections), page_number(other, page->ctx.max_connections));
    snprintf(rate, sizeof(rate), "%u", conn_rate);
    add_fact(out, "Connections/s", rate, "%s <small>at most %s</small>", page_number(number, conn_rate),
             page_number(other, atomic_load(&gauges[PROXY_GAUGE_SESSION_RATE_MAX])));
    snprintf(rate, sizeof(rate), "%llu", (unsigned long long)request_rate(page));
    add_fact(out, "Requests/s", rate, "%s <small>%s in all</small>", page_number(number, request_rate(page)),
             page_number(other, board_counter_total(board, PROXY_KIND_HTTP, PROXY_COUNT_REQUESTS)));
    add_fact(out, "Traffic", NULL, "<span>%s <small>in</small></span> <span>%s <small>out</small></span>",
             page_bytes(number, total(page, PROXY_COUNT_BYTES_IN)),
             page_bytes(other, total(page, PROXY_COUNT_BYTES_OUT)));
}

static void add_tls_fact(struct text *out, const struct page *page)
{
    struct board *board = page->ctx.board;
    _Atomic uint64_t *gauges = board_gauges(board, page->ctx.conf->tls_object);
    uint32_t rate = board_rate_read(&gauges[TRANSPORT_TLS_GAUGE_RATE], page->ctx.now_us);
    uint32_t keys = board_rate_read(&gauges[TRANSPORT_TLS_GAUGE_KEYS], page->ctx.now_us);
    char number[PAGE_NUMBER_LEN], text[24];
    if (!board_counter_sum(board, page->ctx.conf->tls_object, TRANSPORT_TLS_COUNT_CONNS))
        return;
    snprintf(text, sizeof(text), "%u", rate);
    add_fact(out, "Handshakes/s", text, "%s <small>%u%% resumed</small>", page_number(number, rate),
             keys < rate ? (rate - keys) * 100 / rate : 0);
}

static void add_servers_fact(struct text *out, const struct page_health *health)
{
    char rest[160] = "";
    int len = 0;
    if (health->num_down)
        len = snprintf(rest, sizeof(rest), " <span><b class=\"down\">%u</b> <small>down</small></span>",
                       health->num_down);
    if (health->num_maint)
        len += snprintf(rest + len, sizeof(rest) - (size_t)len, " <small>%u in maintenance</small>", health->num_maint);
    if (health->num_drain)
        snprintf(rest + len, sizeof(rest) - (size_t)len, " <small>%u draining</small>", health->num_drain);
    add_fact(out, "Servers", NULL, "<span>%u <small>up</small></span>%s", health->num_up, rest);
}

static void add_queue_fact(struct text *out, const struct page_health *health)
{
    char number[PAGE_NUMBER_LEN];
    add_fact(out, "Waiting", NULL, "<span%s>%s</span> <small>for a server</small>",
             health->num_waiting ? " class=\"high\"" : "", page_number(number, health->num_waiting));
}

// Generations overlap for a while: those of before finish what they carry.
static void add_workers(struct text *out, const struct page *page)
{
    struct board *board = page->ctx.board;
    char age[PAGE_NUMBER_LEN];
    text_printf(out,
                "<details class=\"workers\"><summary>Each worker</summary>\n<div class=\"scroll\"><table>\n<thead><tr>"
                "<th>Worker</th><th>Process</th><th>Generation</th><th>Connections</th><th>Running for</th>"
                "<th>State</th></tr></thead>\n<tbody>\n");
    for (uint32_t inc = 1; inc < board_incarnation_limit(board); inc++) {
        const struct board_incarnation *record = board_incarnation_at(board, inc);
        if (atomic_load(&record->state) != 1 || atomic_load(&record->role) != BOARD_ROLE_WORKER)
            continue;
        uint64_t run_us = page->ctx.wall_us - record->started_wall_us;
        text_printf(out, "<tr><th scope=\"row\">%u</th><td>%d</td><td>%u</td><td>%u</td><td>%s</td><td>%s</td></tr>\n",
                    record->slot + 1, atomic_load(&record->pid), record->generation,
                    board_lane_own(board, page->ctx.conf->object, inc), page_age(age, run_us / 1000000),
                    atomic_load(&record->ready) == 1 ? "serves" : "finishes");
    }
    text_printf(out, "</tbody></table></div></details>\n");
}

void page_summary(struct text *out, struct page *page, const struct page_health *health)
{
    struct board *board = page->ctx.board;
    uint64_t started_us = page_self(page)->started_wall_us;
    uint32_t workers = 0, old = 0;
    char age[PAGE_NUMBER_LEN];
    for (uint32_t inc = 1; inc < board_incarnation_limit(board); inc++) {
        const struct board_incarnation *record = board_incarnation_at(board, inc);
        if (atomic_load(&record->state) != 1)
            continue;
        if (atomic_load(&record->role) == BOARD_ROLE_MASTER)
            started_us = record->started_wall_us;
        if (atomic_load(&record->role) == BOARD_ROLE_WORKER) {
            workers += record->generation == page_self(page)->generation;
            old += record->generation != page_self(page)->generation;
        }
    }
    text_printf(out, "<section id=\"summary\">\n");
    page_health_list(out, page, health);
    text_printf(out, "<dl class=\"facts\">\n");
    add_servers_fact(out, health);
    add_queue_fact(out, health);
    add_traffic_facts(out, page, health);
    add_tls_fact(out, page);
    char others[40] = "";
    if (old)
        snprintf(others, sizeof(others), ", %u of others", old);
    add_fact(out, "Running for", NULL, "%s <small>%u worker%s, generation %u%s</small>",
             page_age(age, (page->ctx.wall_us - started_us) / 1000000), workers, workers == 1 ? "" : "s",
             page_self(page)->generation, others);
    text_printf(out, "</dl>\n");
    add_workers(out, page);
    text_printf(out, "</section>\n");
}
