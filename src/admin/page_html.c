// SPDX-License-Identifier: Apache-2.0
// The page for people: what stands around the tables, and their heads. Rows are in page_row.c.
#include <stdarg.h>
#include <stdatomic.h>
#include "admin/page.h"
#include "admin/page_row.h"
#include "backend/notice.h"
#include "board/board.h"
#include "proxy/counters.h"
#include "transport/tls.h"

void page_escape(struct text *out, const char *string)
{
    for (; string && *string; string++) {
        switch (*string) {
        case '&':
            text_add(out, "&amp;", 5);
            break;
        case '<':
            text_add(out, "&lt;", 4);
            break;
        case '>':
            text_add(out, "&gt;", 4);
            break;
        case '"':
            text_add(out, "&quot;", 6);
            break;
        case '\'':
            text_add(out, "&#39;", 5);
            break;
        default:
            text_add(out, string, 1);
            break;
        }
    }
}

static void add_uri(struct text *out, const struct page *page, const char *options)
{
    struct text uri = { 0 };
    page_uri(&uri, page, options);
    page_escape(out, uri.ptr);
    text_fini(&uri);
}

// The same page with one of its options turned.
static void add_switch(struct text *out, const struct page *page, bool only_up, bool no_refresh, const char *label)
{
    struct page other = {
        .conf = page->conf, .only_up = only_up, .no_maint = page->no_maint, .no_refresh = no_refresh
    };
    memcpy(other.scope, page->scope, sizeof(other.scope));
    text_printf(out, "<a href=\"");
    add_uri(out, &other, "");
    text_printf(out, "\">%s</a>", label);
}

static const char *node_of(const struct page *page)
{
    const struct stats_conf *conf = page->conf;
    return !conf->shows_node ? NULL : conf->node ? conf->node : page->ctx.conf->global.node;
}

static const char *description_of(const struct page *page)
{
    const struct stats_conf *conf = page->conf;
    return !conf->shows_description ? NULL : conf->description ? conf->description : page->ctx.conf->global.description;
}

static const struct board_incarnation *self_of(const struct page *page)
{
    return board_incarnation_at(page->ctx.board, page->stream->ctx->inc);
}

static void add_head(struct text *out, const struct page *page)
{
    const char *node = node_of(page);
    unsigned long long refresh_s = page->no_refresh ? 0 : page->conf->refresh_us / 1000000;
    text_printf(out,
                "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"robots\" content=\"noindex\">\n");
    if (refresh_s)
        text_printf(out, "<noscript><meta http-equiv=\"refresh\" content=\"%llu\"></noscript>\n", refresh_s);
    text_printf(out, "<title>");
    page_escape(out, node ? node : "fairlead");
    text_printf(
        out,
        " \xc2\xb7 status</title>\n<link rel=\"icon\" href=\"data:,\">\n<style nonce=\"%s\">\n%s</style>\n</head>\n"
        "<body data-refresh=\"%llu\" data-url=\"",
        page->nonce, page_style, refresh_s);
    add_uri(out, page, "");
    text_printf(out, "\">\n");
}

static void add_title(struct text *out, const struct page *page)
{
    const char *node = node_of(page), *description = description_of(page);
    text_printf(out, "<header>\n<div class=\"title\"><h1>fairlead</h1>");
    if (!page->conf->hides_version) {
        text_printf(out, "<span class=\"version\">");
        page_escape(out, self_of(page)->version);
        text_printf(out, "</span>");
    }
    if (node) {
        text_printf(out, "<span class=\"node\">on ");
        page_escape(out, node);
        text_printf(out, "</span>");
    }
    if (description) {
        text_printf(out, "<span class=\"description\">");
        page_escape(out, description);
        text_printf(out, "</span>");
    }
    text_printf(out, "</div>\n<nav><span id=\"live\" hidden></span>");
    add_switch(out, page, !page->only_up, page->no_refresh, page->only_up ? "All servers" : "Only servers that are up");
    if (page->conf->refresh_us)
        add_switch(out, page, page->only_up, !page->no_refresh, page->no_refresh ? "Refresh" : "Stop refreshing");
    text_printf(out, "<a href=\"");
    add_uri(out, page, ";csv;norefresh");
    text_printf(out, "\">CSV</a><a href=\"");
    add_uri(out, page, ";json;norefresh");
    text_printf(out, "\">JSON</a></nav>\n</header>\n");
}

// What became of the form that led here.
static void add_told(struct text *out, const struct page *page)
{
    static const char *const kinds[PAGE_NUM_RESULTS] = {
        [PAGE_NONE] = "note", [PAGE_DONE] = "good", [PAGE_PART] = "warn", [PAGE_ERRP] = "bad",
        [PAGE_EXCD] = "bad",  [PAGE_DENY] = "bad",  [PAGE_UNKN] = "warn",
    };
    if (page->told == PAGE_SILENT)
        return;
    text_printf(out, "<p class=\"told %s\" role=\"status\">%s <a href=\"", kinds[page->told],
                page_result_text(page->told));
    add_uri(out, page, "");
    text_printf(out, "\">Dismiss</a></p>\n");
}

static void add_fact(struct text *out, const char *label, const char *rate, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void add_fact(struct text *out, const char *label, const char *rate, const char *format, ...)
{
    char value[128];
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

static void add_traffic_facts(struct text *out, const struct page *page)
{
    struct board *board = page->ctx.board;
    const struct program_conf *conf = page->ctx.conf;
    _Atomic uint64_t *gauges = board_gauges(board, conf->object);
    char number[PAGE_NUMBER_LEN], other[PAGE_NUMBER_LEN], rate[24];
    uint32_t conn_rate = board_rate_read(&gauges[PROXY_GAUGE_SESSION_RATE], page->ctx.now_us);
    add_fact(out, "Connections", NULL, "%s <small>of %s</small>",
             page_number(number, board_lane_sum(board, conf->object)), page_number(other, page->ctx.max_connections));
    snprintf(rate, sizeof(rate), "%u", conn_rate);
    add_fact(out, "Connections/s", rate, "%s <small>at most %s</small>", page_number(number, conn_rate),
             page_number(other, atomic_load(&gauges[PROXY_GAUGE_SESSION_RATE_MAX])));
    snprintf(rate, sizeof(rate), "%llu", (unsigned long long)request_rate(page));
    add_fact(out, "Requests/s", rate, "%s <small>%s in all</small>", page_number(number, request_rate(page)),
             page_number(other, board_counter_total(board, PROXY_KIND_HTTP, PROXY_COUNT_REQUESTS)));
    add_fact(out, "Traffic", NULL, "%s <small>in</small> %s <small>out</small>",
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

static void add_servers_fact(struct text *out, const struct page *page)
{
    struct backend_notice_count count;
    uint32_t up = 0, all = 0, maint = 0, drain = 0;
    for (const struct proxy_conf *proxy = page->ctx.conf->proxies; proxy; proxy = proxy->next) {
        if (!proxy->has_backend || proxy->disabled || !page_shows(page, proxy))
            continue;
        backend_notice_count(&count, proxy);
        up += count.num_up;
        all += count.num_servers;
        maint += count.num_maint;
        drain += count.num_drain;
    }
    uint32_t down = all - up - maint;
    const char *comma = maint && drain ? ", " : "";
    char rest[80] = "";
    if (maint || drain)
        snprintf(rest, sizeof(rest), " <small>%.0u%s%s%.0u%s</small>", maint, maint ? " in maintenance" : "", comma,
                 drain, drain ? " draining" : "");
    if (down)
        add_fact(out, "Servers", NULL, "%u <small>up</small> <b class=\"down\">%u</b> <small>down</small>%s", up, down,
                 rest);
    else
        add_fact(out, "Servers", NULL, "%u <small>up</small>%s", up, rest);
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

static void add_summary(struct text *out, const struct page *page)
{
    struct board *board = page->ctx.board;
    uint64_t started_us = self_of(page)->started_wall_us;
    uint32_t workers = 0, old = 0;
    char age[PAGE_NUMBER_LEN];
    for (uint32_t inc = 1; inc < board_incarnation_limit(board); inc++) {
        const struct board_incarnation *record = board_incarnation_at(board, inc);
        if (atomic_load(&record->state) != 1)
            continue;
        if (atomic_load(&record->role) == BOARD_ROLE_MASTER)
            started_us = record->started_wall_us;
        if (atomic_load(&record->role) == BOARD_ROLE_WORKER) {
            workers += record->generation == self_of(page)->generation;
            old += record->generation != self_of(page)->generation;
        }
    }
    text_printf(out, "<section id=\"summary\">\n<dl class=\"facts\">\n");
    add_servers_fact(out, page);
    add_traffic_facts(out, page);
    add_tls_fact(out, page);
    add_fact(out, "Running for", NULL, "%s", page_age(age, (page->ctx.wall_us - started_us) / 1000000));
    if (old)
        add_fact(out, "Workers", NULL, "%u <small>generation %u, %u of others</small>", workers,
                 self_of(page)->generation, old);
    else
        add_fact(out, "Workers", NULL, "%u <small>generation %u</small>", workers, self_of(page)->generation);
    text_printf(out, "</dl>\n");
    add_workers(out, page);
    text_printf(out, "</section>\n");
}

static void add_tools(struct text *out, const struct page *page)
{
    (void)page;
    text_printf(out, "<div class=\"tools\" hidden><label>Filter <input id=\"filter\" type=\"search\" "
                     "placeholder=\"name, state, address\" autocomplete=\"off\"></label>"
                     "<label><input id=\"trouble\" type=\"checkbox\"> only what is not well</label>"
                     "<output id=\"matches\"></output></div>\n");
}

void page_html_begin(struct text *out, struct page *page)
{
    add_head(out, page);
    add_title(out, page);
    text_printf(out, "<main>\n");
    add_told(out, page);
    add_summary(out, page);
    add_tools(out, page);
}

static void add_choice(const char *name, const char *words, void *arg)
{
    text_printf(arg, "<option value=\"%s\">%s</option>", name, words);
}

// A form may be sent as long as its servers are on the page and may be changed.
static bool has_form(const struct page *page, const struct proxy_conf *proxy)
{
    return page->is_admin && proxy->has_backend && proxy->be.servers;
}

static void close_table(struct text *out, struct page *page)
{
    const struct proxy_conf *proxy = page->open;
    if (!proxy)
        return;
    page->open = NULL;
    text_printf(out, "</tbody></table></div>\n");
    if (has_form(page, proxy)) {
        char token[PAGE_TOKEN_LEN + 1];
        page_token(token, page, false);
        // By name: a number may be another backend's after a reload.
        text_printf(out, "<div class=\"act\"><input type=\"hidden\" name=\"b\" value=\"");
        page_escape(out, proxy->name);
        text_printf(out,
                    "\"><input type=\"hidden\" name=\"token\" value=\"%s\"><label>With the servers chosen: <select "
                    "name=\"action\" required>"
                    "<option value=\"\">\xe2\x80\xa6</option>",
                    token);
        page_actions_each(add_choice, out);
        text_printf(out, "</select></label> <button>Apply</button></div>\n</form>\n");
    }
    text_printf(out, "</section>\n");
}

static void add_legend(struct text *out, const struct proxy_conf *proxy)
{
    const char *kind = proxy->has_frontend && proxy->has_backend ? "frontend and backend"
                       : proxy->has_frontend                     ? "frontend"
                                                                 : "backend";
    static const char *const modes[] = {
        [PROXY_MODE_TCP] = "tcp", [PROXY_MODE_HTTP] = "http", [PROXY_MODE_LOG] = "log"
    };
    text_printf(out, "<p class=\"legend\">%s \xc2\xb7 mode %s \xc2\xb7 id %u", kind, modes[proxy->mode], proxy->id);
    if (proxy->has_backend) {
        text_printf(out, " \xc2\xb7 balance %s", proxy_balance_name(proxy->be.balance.algorithm));
        if (proxy->be.cookie.name) {
            text_printf(out, " \xc2\xb7 cookie ");
            page_escape(out, proxy->be.cookie.name);
        }
    }
    text_printf(out, "</p>\n");
}

static void open_table(struct text *out, struct page *page, const struct proxy_conf *proxy)
{
    page->open = proxy;
    text_printf(out, "<section class=\"proxy\" id=\"p%u-%s\">\n<h2><a href=\"#p%u-%s\">", proxy->id,
                proxy->has_frontend ? "f" : "b", proxy->id, proxy->has_frontend ? "f" : "b");
    page_escape(out, proxy->name);
    text_printf(out, "</a></h2>\n");
    if (proxy->description) {
        text_printf(out, "<p class=\"legend\">");
        page_escape(out, proxy->description);
        text_printf(out, "</p>\n");
    }
    if (page->conf->shows_legends)
        add_legend(out, proxy);
    if (has_form(page, proxy)) {
        text_printf(out, "<form method=\"post\" action=\"");
        add_uri(out, page, "");
        text_printf(out, "\">\n");
    }
    text_printf(out, "<div class=\"scroll\"><table>\n");
    page_row_head(out, page);
    text_printf(out, "<tbody>\n");
}

void page_html_row(struct text *out, struct page *page)
{
    const struct proxy_conf *proxy = page->walk.row_proxy;
    if (page->open != proxy) {
        close_table(out, page);
        open_table(out, page, proxy);
    }
    page->any = true;
    page_row(out, page, has_form(page, proxy));
}

void page_html_end(struct text *out, struct page *page)
{
    close_table(out, page);
    if (!page->any)
        text_printf(out, "<p class=\"told note\">Nothing to show%s.</p>\n", *page->scope ? " for this scope" : "");
    text_printf(out, "</main>\n<script nonce=\"%s\">\n%s</script>\n</body>\n</html>\n", page->nonce, page_script);
}
