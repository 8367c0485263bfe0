// SPDX-License-Identifier: Apache-2.0
// The page for people: what stands around the tables, and their heads. Rows are in page_row.c.
#include "admin/page.h"
#include "admin/page_row.h"
#include "backend/notice.h"
#include "board/board.h"

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

const struct board_incarnation *page_self(const struct page *page)
{
    return board_incarnation_at(page->ctx.board, page->stream->ctx->inc);
}

// A page that tells what became of a form is not loaded anew as such: it would say so for ever.
static void add_refresh(struct text *out, const struct page *page)
{
    unsigned long long refresh_s = page->no_refresh ? 0 : page->conf->refresh_us / 1000000;
    if (!refresh_s)
        return;
    text_printf(out, "<noscript><meta http-equiv=\"refresh\" content=\"%llu", refresh_s);
    if (page->told != PAGE_SILENT) {
        text_printf(out, ";url=");
        add_uri(out, page, "");
    }
    text_printf(out, "\"></noscript>\n");
}

// The script takes what follows the style anew, from the title on.
static void add_head(struct text *out, const struct page *page, const struct page_health *health)
{
    const char *node = node_of(page);
    text_printf(out,
                "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"robots\" content=\"noindex\">\n");
    add_refresh(out, page);
    text_printf(out, "<style nonce=\"%s\">\n%s</style>\n", page->nonce, page_style);
    page_health_head(out, health, node ? node : "fairlead");
    text_printf(out, "</head>\n<body data-refresh=\"%llu\">\n",
                page->no_refresh ? 0ULL : (unsigned long long)(page->conf->refresh_us / 1000000));
}

// When it was made: who prints it, or leaves it open, is to know. The script goes on with the time of the reader.
static void add_time(struct text *out, const struct page *page)
{
    char text[PAGE_NUMBER_LEN];
    text_printf(out, "<time id=\"when\">%s</time>",
                page_time(text, page->ctx.wall_us / 1000000, "%Y-%m-%d %H:%M:%S UTC"));
}

static void add_title(struct text *out, const struct page *page)
{
    const char *node = node_of(page), *description = description_of(page);
    text_printf(out, "<header>\n<div class=\"title\"><h1>fairlead</h1>");
    if (!page->conf->hides_version) {
        text_printf(out, "<span class=\"version\">");
        page_escape(out, page_self(page)->version);
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
    add_time(out, page);
    text_printf(out, "</div>\n<nav><span id=\"live\" hidden></span>");
    add_switch(out, page, !page->only_up, page->no_refresh, page->only_up ? "All servers" : "Only servers that are up");
    // With the script there is a button instead.
    if (page->conf->refresh_us) {
        text_printf(out, "<span class=\"plain-only\">");
        add_switch(out, page, page->only_up, !page->no_refresh, page->no_refresh ? "Refresh" : "Stop refreshing");
        text_printf(out, "</span>");
    }
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

static void add_tools(struct text *out, const struct page *page)
{
    (void)page;
    text_printf(out, "<div class=\"tools\" id=\"tools\" hidden><label>Filter <input id=\"filter\" type=\"search\" "
                     "placeholder=\"name, state, address\" autocomplete=\"off\"></label>"
                     "<label><input id=\"trouble\" type=\"checkbox\"> only what is not well</label>"
                     "<output id=\"matches\"></output></div>\n");
}

void page_html_begin(struct text *out, struct page *page)
{
    struct page_health health;
    page_health_look(&health, page);
    add_head(out, page, &health);
    add_title(out, page);
    // Seen until the page's last line takes it away: one that was cut does not look whole.
    text_printf(out, "<p class=\"cut\">This page has not arrived as a whole.</p>\n"
                     "<p id=\"stale\" role=\"alert\" hidden></p>\n<main>\n");
    add_told(out, page);
    page_summary(out, page, &health);
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
        text_printf(out, "</select></label> <button>Apply</button><output class=\"chosen\"></output></div>\n</form>\n");
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

static void add_count(struct text *out, const struct proxy_conf *proxy)
{
    struct backend_notice_count count;
    backend_notice_count(&count, proxy);
    if (!count.num_servers)
        return;
    text_printf(out, " <small%s>%u of %u up</small>", count.num_active + count.num_backup ? "" : " class=\"full\"",
                count.num_up, count.num_servers);
}

// Names hold over reloads, numbers need not: the script knows a section by this.
void page_section_id(struct text *out, const struct proxy_conf *proxy)
{
    text_printf(out, "%s-", proxy->has_frontend && proxy->has_backend ? "l" : proxy->has_frontend ? "f" : "b");
    page_escape(out, proxy->name);
}

static void open_table(struct text *out, struct page *page, const struct proxy_conf *proxy)
{
    page->open = proxy;
    text_printf(out, "<section class=\"proxy\" id=\"");
    page_section_id(out, proxy);
    text_printf(out, "\">\n<h2><a href=\"#");
    page_section_id(out, proxy);
    text_printf(out, "\">");
    page_escape(out, proxy->name);
    text_printf(out, "</a>");
    if (proxy->has_backend)
        add_count(out, proxy);
    text_printf(out, "</h2>\n");
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
    text_printf(out, "<div class=\"scroll\"><table aria-label=\"");
    page_escape(out, proxy->name);
    text_printf(out, "\">\n");
    page_row_head(out, page, has_form(page, proxy));
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
    text_printf(out,
                "</main>\n<style nonce=\"%s\">.cut{display:none}</style>\n<script nonce=\"%s\">\n%s</script>\n"
                "</body>\n</html>\n",
                page->nonce, page->nonce, page_script);
}
