// SPDX-License-Identifier: Apache-2.0
// What is not well, in front of everything else: who opens the page at night wants to know that first, and why.
#include <stdatomic.h>
#include <time.h>
#include "admin/page_row.h"
#include "backend/notice.h"
#include "board/board.h"
#include "proxy/live.h"

enum { LIST_MAX = 12 };

static uint32_t limit_of(const struct page *page, const struct proxy_conf *proxy)
{
    uint32_t maxconn = proxy_live_maxconn(page->ctx.conf, proxy);
    return maxconn != PROXY_LIVE_NO_LIMIT ? maxconn : page->ctx.max_connections;
}

bool page_is_high(uint64_t now, uint64_t limit)
{
    return limit && now * 10 >= limit * 8;
}

static void look_at_frontend(struct page_health *health, const struct page *page, const struct proxy_conf *proxy)
{
    uint32_t now = board_lane_sum(page->ctx.board, proxy->fe_object), limit = limit_of(page, proxy);
    if (proxy_live_state(page->ctx.conf, proxy) != PROXY_LIVE_OPEN)
        health->num_stopped++;
    else if (now >= limit)
        health->num_full++;
    else if (page_is_high(now, limit))
        health->num_high++;
}

static void look_at_backend(struct page_health *health, const struct page *page, const struct proxy_conf *proxy)
{
    struct backend_notice_count count;
    uint32_t waiting = board_queue_len(page->ctx.board, proxy->be_object, 0);
    backend_notice_count(&count, proxy);
    health->num_servers += count.num_servers;
    health->num_up += count.num_up;
    health->num_maint += count.num_maint;
    health->num_drain += count.num_drain;
    health->num_down += count.num_servers - count.num_up - count.num_maint;
    health->num_dead += count.num_servers && !(count.num_active + count.num_backup);
    health->num_waiting += waiting;
    health->num_queues += waiting > 0;
}

void page_health_look(struct page_health *health, const struct page *page)
{
    *health = (struct page_health){ 0 };
    for (const struct proxy_conf *proxy = page->ctx.conf->proxies; proxy; proxy = proxy->next) {
        if (proxy->disabled || !page_shows(page, proxy))
            continue;
        if (proxy->has_frontend)
            look_at_frontend(health, page, proxy);
        if (proxy->has_backend)
            look_at_backend(health, page, proxy);
    }
    health->num_connections = board_lane_sum(page->ctx.board, page->ctx.conf->object);
    health->is_full = health->num_connections >= page->ctx.max_connections;
    if (health->num_down || health->num_dead || health->num_full || health->is_full)
        health->mood = PAGE_BAD;
    else if (health->num_queues || health->num_high || health->num_stopped ||
             page_is_high(health->num_connections, page->ctx.max_connections))
        health->mood = PAGE_UNEASY;
}

// The list: what was told so far, and where to.
struct trouble_list {
    struct text *out;
    struct page *page;
    uint32_t num;
};

static bool has_room(const struct trouble_list *list)
{
    return list->num < LIST_MAX;
}

static void add_item(struct trouble_list *list, const char *kind, const struct proxy_conf *proxy, const char *server)
{
    list->num++;
    text_printf(list->out, "<li class=\"%s\"><a href=\"#", kind);
    page_section_id(list->out, proxy);
    text_printf(list->out, "\">");
    page_escape(list->out, proxy->name);
    if (server) {
        text_printf(list->out, "/");
        page_escape(list->out, server);
    }
    text_printf(list->out, "</a> ");
}

static void list_dead(struct trouble_list *list, const struct proxy_conf *proxy)
{
    struct backend_notice_count count;
    backend_notice_count(&count, proxy);
    if (!count.num_servers || count.num_active + count.num_backup)
        return;
    uint32_t down = count.num_servers - count.num_up - count.num_maint;
    add_item(list, "bad", proxy, NULL);
    text_printf(list->out, "<b>has no server left</b> <small>");
    if (down)
        text_printf(list->out, "%u down%s", down, count.num_maint + count.num_up ? ", " : "");
    if (count.num_maint)
        text_printf(list->out, "%u in maintenance%s", count.num_maint, count.num_up ? ", " : "");
    if (count.num_up)
        text_printf(list->out, "%u for known clients alone", count.num_up);
    text_printf(list->out, "</small></li>\n");
}

static void list_frontend(struct trouble_list *list, const struct proxy_conf *proxy)
{
    const struct page *page = list->page;
    uint32_t now = board_lane_sum(page->ctx.board, proxy->fe_object), limit = limit_of(page, proxy);
    enum proxy_live_state state = proxy_live_state(page->ctx.conf, proxy);
    char number[PAGE_NUMBER_LEN], other[PAGE_NUMBER_LEN];
    if (state == PROXY_LIVE_OPEN && !page_is_high(now, limit))
        return;
    if (state != PROXY_LIVE_OPEN) {
        add_item(list, "warn", proxy, NULL);
        text_printf(list->out, "<b>%s</b></li>\n", state == PROXY_LIVE_PAUSED ? "is paused" : "is stopped");
        return;
    }
    add_item(list, now >= limit ? "bad" : "warn", proxy, NULL);
    text_printf(list->out, "<b>%s</b> <small>%s sessions of %s</small></li>\n",
                now >= limit ? "is full" : "is nearly full", page_number(number, now), page_number(other, limit));
}

static void list_queue(struct trouble_list *list, const struct proxy_conf *proxy)
{
    uint32_t waiting = board_queue_len(list->page->ctx.board, proxy->be_object, 0);
    char number[PAGE_NUMBER_LEN];
    if (!waiting)
        return;
    add_item(list, "warn", proxy, NULL);
    text_printf(list->out, "<b>%s wait%s</b> <small>for a server</small></li>\n", page_number(number, waiting),
                waiting == 1 ? "s" : "");
}

static bool is_down(const struct server_conf *server)
{
    uint32_t status = backend_state_status(backend_state_at(server->object));
    return !backend_status_is_up(status) && !(backend_state_admin(status) & BACKEND_ADMIN_ANY_MAINT);
}

static void list_down(struct trouble_list *list, const struct proxy_conf *proxy)
{
    struct page *page = list->page;
    for (const struct server_conf *server = proxy->be.servers; server && has_room(list); server = server->next) {
        if (!is_down(server))
            continue;
        admin_stat_server(&page->row, &page->ctx, proxy, server);
        add_item(list, "bad", proxy, server->name);
        text_printf(list->out, "<b>is down</b> <small>");
        page_row_since(list->out, page);
        text_printf(list->out, "</small> ");
        page_row_why(list->out, page);
        text_printf(list->out, "</li>\n");
    }
}

static void list_each(struct trouble_list *list, bool of_frontends,
                      void (*tell)(struct trouble_list *, const struct proxy_conf *))
{
    const struct page *page = list->page;
    for (const struct proxy_conf *proxy = page->ctx.conf->proxies; proxy && has_room(list); proxy = proxy->next)
        if (!proxy->disabled && page_shows(page, proxy) && (of_frontends ? proxy->has_frontend : proxy->has_backend))
            tell(list, proxy);
}

static void list_service(struct trouble_list *list, const struct page_health *health)
{
    char number[PAGE_NUMBER_LEN], other[PAGE_NUMBER_LEN];
    uint32_t limit = list->page->ctx.max_connections;
    if (!page_is_high(health->num_connections, limit))
        return;
    list->num++;
    text_printf(list->out, "<li class=\"%s\">The service <b>%s</b> <small>%s connections of %s</small></li>\n",
                health->is_full ? "bad" : "warn", health->is_full ? "is full" : "is nearly full",
                page_number(number, health->num_connections), page_number(other, limit));
}

void page_health_list(struct text *out, struct page *page, const struct page_health *health)
{
    struct trouble_list list = { .out = out, .page = page };
    uint32_t num = health->num_dead + health->num_full + health->num_high + health->num_stopped + health->num_queues +
                   health->num_down + page_is_high(health->num_connections, page->ctx.max_connections);
    text_printf(out, "<ul class=\"troubles\" aria-label=\"What is not well\">\n");
    list_service(&list, health);
    if (health->num_dead)
        list_each(&list, false, list_dead);
    if (health->num_full || health->num_high || health->num_stopped)
        list_each(&list, true, list_frontend);
    if (health->num_queues)
        list_each(&list, false, list_queue);
    if (health->num_down)
        list_each(&list, false, list_down);
    if (num > list.num)
        text_printf(out, "<li class=\"more\">and %u more</li>\n", num - list.num);
    if (!list.num)
        text_printf(out, "<li class=\"good\">%s</li>\n",
                    health->num_servers ? "No server is down, nobody waits for one, nothing is full."
                                        : "Nothing is full.");
    text_printf(out, "</ul>\n");
}

// An icon of the browser's tab: its shape says as much as its colour.
static const char *const icons[] = {
    [PAGE_WELL] = "%3Ccircle cx='8' cy='8' r='8' fill='%230b6b34'/%3E"
                  "%3Cpath d='M4 8.5l3 3 5-6' fill='none' stroke='%23fff' stroke-width='2'/%3E",
    [PAGE_UNEASY] = "%3Cpath d='M8 0l8 15H0z' fill='%23e0a000'/%3E%3Cpath d='M8 5v5m0 1.5v2' stroke='%23000' "
                    "stroke-width='2'/%3E",
    [PAGE_BAD] = "%3Crect width='16' height='16' rx='2' fill='%23c81e2b'/%3E"
                 "%3Cpath d='M4 4l8 8m0-8l-8 8' stroke='%23fff' stroke-width='2.5'/%3E",
};

void page_health_head(struct text *out, const struct page_health *health, const char *name)
{
    text_printf(out, "<title>");
    if (health->num_down)
        text_printf(out, "%u down \xc2\xb7 ", health->num_down);
    else if (health->mood == PAGE_BAD)
        text_printf(out, "%s \xc2\xb7 ", health->num_dead ? "no server left" : "full");
    else if (health->num_waiting)
        text_printf(out, "%llu wait \xc2\xb7 ", (unsigned long long)health->num_waiting);
    page_escape(out, name);
    text_printf(out,
                " \xc2\xb7 status</title>\n<link id=\"icon\" rel=\"icon\" href=\"data:image/svg+xml,%%3Csvg "
                "xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%%3E%s%%3C/svg%%3E\">\n",
                icons[health->mood]);
}
