// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <openssl/rand.h>
#include "admin/page.h"
#include "board/board.h"
#include "expr/cond.h"
#include "stream/act.h"
#include "stream/stats.h"

static bool contains(struct slice text, struct slice part)
{
    for (size_t i = 0; i + part.len <= text.len; i++)
        if (slice_equal_nocase(slice_of(text.ptr + i, part.len), part))
            return true;
    return false;
}

bool page_shows(const void *arg, const struct proxy_conf *proxy)
{
    const struct page *page = arg;
    return stats_conf_shows(page->proxy, proxy) &&
           (!*page->scope || contains(slice_str(proxy->name), slice_str(page->scope)));
}

bool page_may_change(struct page *page)
{
    const struct stats_admin *admin = page->conf->admins;
    struct expr_subject *subject = &page->stream->subject;
    subject->when = EXPR_AT_REQUEST_HEAD;
    subject->final = true;
    while (admin && !expr_cond_true(admin->cond, subject))
        admin = admin->next;
    return admin != NULL;
}

static void make_nonce(struct page *page)
{
    uint8_t bytes[PAGE_TOKEN_LEN / 2];
    RAND_bytes(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(page->nonce + 2 * i, 3, "%02x", bytes[i]);
}

static void note_user(struct page *page)
{
    struct slice name, password;
    struct expr_scratch *scratch = &page->stream->ctx->expr.scratch;
    uint32_t mark = expr_scratch_mark(scratch);
    if (stream_credentials(&page->stream->subject, &name, &password))
        snprintf(page->user, sizeof(page->user), "%.*s", (int)name.len, name.ptr);
    expr_scratch_release(scratch, mark);
    for (char *c = page->user; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
}

static struct page *page_new(struct stream_serving *serving)
{
    struct page *page = calloc(1, sizeof(*page));
    struct stream *stream = serving->stream;
    const struct stream_ctx *ctx = stream->ctx;
    if (!page)
        return NULL;
    serving->state = page;
    page->stream = stream;
    page->proxy = serving->what;
    page->conf = page->proxy->stats;
    page_read_uri(page);
    note_user(page);
    page->is_admin = page_may_change(page);
    admin_stat_ctx_here(&page->ctx, ctx->board, ctx->program, ctx->inc, ctx->loop->now_us, ctx->loop->wall_us);
    page->ctx.show_addresses = page->conf->shows_legends;
    page->ctx.count_servers = page->only_up || page->no_maint;
    admin_stat_walk_init(&page->walk, ctx->program);
    page->walk.only_up = page->only_up;
    page->walk.no_maint = page->no_maint;
    page->walk.shows = page_shows;
    page->walk.arg = page;
    page->walk.holds = true;
    return page;
}

static void add_fields(struct page *page, struct text *fields)
{
    static const char *const types[] = {
        [PAGE_HTML] = "text/html; charset=utf-8", [PAGE_CSV] = "text/plain",          [PAGE_TYPED] = "text/plain",
        [PAGE_JSON] = "application/json",         [PAGE_SCHEMA] = "application/json",
    };
    text_printf(fields, "cache-control: no-store\r\ncontent-type: %s\r\nx-content-type-options: nosniff\r\n",
                types[page->form]);
    if (page->form != PAGE_HTML) {
        if (page->conf->refresh_us && !page->no_refresh)
            text_printf(fields, "refresh: %llu\r\n", (unsigned long long)(page->conf->refresh_us / 1000000));
        return;
    }
    make_nonce(page);
    text_printf(fields,
                "content-security-policy: default-src 'none'; style-src 'nonce-%s'; script-src 'nonce-%s'; "
                "img-src data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'\r\n"
                "x-frame-options: DENY\r\nreferrer-policy: same-origin\r\n"
                "cross-origin-opener-policy: same-origin\r\ncross-origin-resource-policy: same-origin\r\n"
                "permissions-policy: interest-cohort=()\r\n",
                page->nonce, page->nonce);
}

// As HAProxy answers a form: back to the page, which tells the result.
static enum stream_serve redirect(struct page *page, struct stream_serving *serving, enum page_result result)
{
    char option[16];
    snprintf(option, sizeof(option), ";st=%s", page_result_code(result));
    serving->status = 303;
    serving->is_empty = true;
    text_printf(&serving->fields, "cache-control: no-store\r\ncontent-type: text/plain\r\nlocation: ");
    page_uri(&serving->fields, page, option);
    text_printf(&serving->fields, "\r\n");
    return STREAM_SERVE_MORE;
}

static enum stream_serve begin(struct stream_serving *serving)
{
    struct page *page = serving->state ? serving->state : page_new(serving);
    if (!page) {
        serving->status = 500;
        return STREAM_SERVE_REFUSE;
    }
    if (serving->stream->client_method != HTTP_METHOD_POST) {
        add_fields(page, &serving->fields);
        return STREAM_SERVE_MORE;
    }
    enum page_result result = PAGE_NONE;
    enum stream_serve said = page_post(page, serving, &result);
    return said == STREAM_SERVE_WAIT ? said : redirect(page, serving, result);
}

static void make_begin(struct page *page, struct text *out)
{
    if (page->form == PAGE_HTML)
        page_html_begin(out, page);
    else if (page->form == PAGE_CSV)
        admin_stat_header(out);
    else if (page->form == PAGE_JSON)
        text_add(out, "[", 1);
}

static void make_row(struct page *page, struct text *out)
{
    static const enum admin_form forms[] = {
        [PAGE_CSV] = ADMIN_FORM_PLAIN, [PAGE_TYPED] = ADMIN_FORM_TYPED, [PAGE_JSON] = ADMIN_FORM_JSON
    };
    if (page->form == PAGE_HTML) {
        page_html_row(out, page);
        return;
    }
    if (page->any && page->form == PAGE_JSON)
        text_add(out, ",", 1);
    page->any = true;
    admin_stat_print(out, &page->row, forms[page->form], false);
}

static enum stream_serve more(struct stream_serving *serving, struct text *out)
{
    struct page *page = serving->state;
    if (page->form == PAGE_SCHEMA) {
        admin_schema_add(out);
        return STREAM_SERVE_DONE;
    }
    switch (page->part) {
    case PAGE_BEGIN:
        make_begin(page, out);
        page->part = PAGE_ROWS;
        return STREAM_SERVE_MORE;
    case PAGE_ROWS:
        if (admin_stat_next(&page->row, &page->walk, &page->ctx)) {
            make_row(page, out);
            return STREAM_SERVE_MORE;
        }
        if (page->form == PAGE_HTML)
            page_html_end(out, page);
        else if (page->form == PAGE_JSON)
            text_add(out, "]\n", 2);
        return STREAM_SERVE_DONE;
    default:
        return STREAM_SERVE_DONE;
    }
}

static void end(struct stream_serving *serving)
{
    struct page *page = serving->state;
    if (page)
        admin_stat_walk_end(&page->walk);
    if (page && page->ask)
        page_ask_give(page->ask);
    free(page);
}

// A form may name as many servers as fit into 16 KiB, as for HAProxy.
static const struct stream_service service = { .begin = begin, .more = more, .end = end, .body_max = 15360 };

static const struct rule_service services[] = {
    { .name = STATS_PAGE_SERVICE,
      .vtable = &service,
      .is_internal = true,
      .help = "The status page, where 'stats' lines have one." },
};
RULE_SERVICES(services);
