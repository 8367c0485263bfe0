// SPDX-License-Identifier: Apache-2.0
// A form of the status page: who may send it, what it asks for, and what the controller makes of it.
#include <stdlib.h>
#include <strings.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/mem.h>
#include "admin/page.h"
#include "stream/act.h"
#include "transport/address.h"

enum {
    HOUR_S = 3600,
    POLL_US = 2000,      // the controller is asked how far it is
    ANSWER_US = 2000000, // and must have answered by then
    NAMES_MAX = 4096,
};

void page_token(char out[PAGE_TOKEN_LEN + 1], const struct page *page, bool past)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    char what[PAGE_NAME_MAX + 256];
    unsigned len = 0;
    uint64_t hour = page->ctx.wall_us / 1000000 / HOUR_S - past;
    int num = snprintf(what, sizeof(what), "status page %llu %s %.128s", (unsigned long long)hour, page->user,
                       page->proxy->name);
    memset(digest, 0, sizeof(digest));
    HMAC(EVP_sha256(), page_ask_secret(), PAGE_SECRET_LEN, (const uint8_t *)what, (size_t)num, digest, &len);
    for (size_t i = 0; i < PAGE_TOKEN_LEN / 2; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

static struct slice field_of(const struct page *page, const char *name)
{
    const struct http_head *head = &page->stream->request;
    int at = http_head_find_name(head, slice_str(name), 0);
    return at < 0 ? slice_of(NULL, 0) : http_field_value(head, (unsigned)at);
}

// The authority of "http://host:port/path" is that of Host.
static bool is_own(const struct page *page, struct slice url)
{
    struct slice host = field_of(page, "host");
    for (size_t i = 0; i + 3 <= url.len; i++) {
        if (memcmp(url.ptr + i, "://", 3) != 0)
            continue;
        url = slice_from(url, i + 3);
        url.len = slice_find(url, '/');
        return host.len && slice_equal_nocase(url, host);
    }
    return false;
}

static bool is_token(const struct page *page, struct slice given)
{
    char now[PAGE_TOKEN_LEN + 1], past[PAGE_TOKEN_LEN + 1];
    page_token(now, page, false);
    page_token(past, page, true);
    if (given.len != PAGE_TOKEN_LEN)
        return false;
    int differs = CRYPTO_memcmp(given.ptr, now, PAGE_TOKEN_LEN),
        differed = CRYPTO_memcmp(given.ptr, past, PAGE_TOKEN_LEN);
    return !differs || !differed;
}

// The page's own forms hold a token. A program's need none: a browser that sends a form from another site says so in
// one of these fields at least, and where there is none of them it is no browser. That another site sent it is believed
// whatever else it holds, for no form of ours ever comes from there.
static bool is_meant(const struct page *page, struct slice token)
{
    struct slice site = field_of(page, "sec-fetch-site");
    struct slice origin = field_of(page, "origin");
    struct slice referer = field_of(page, "referer");
    if (site.ptr && !slice_equal_nocase(site, SLICE("same-origin")) && !slice_equal_nocase(site, SLICE("none")))
        return false;
    if (token.ptr)
        return is_token(page, token);
    if (site.ptr)
        return true;
    if (origin.ptr)
        return is_own(page, origin);
    return !referer.ptr || is_own(page, referer);
}

// What a form says; slices of the request's body, which is decoded where it stands.
struct form {
    struct slice action;
    struct slice backend;
    struct slice token;
    struct slice *names;
    uint32_t num_names;
};

static int hex_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

// application/x-www-form-urlencoded
static struct slice decode(char *at, size_t len)
{
    size_t out = 0;
    for (size_t i = 0; i < len; i++) {
        char c = at[i];
        if (c == '+') {
            c = ' ';
        } else if (c == '%' && i + 2 < len && hex_of(at[i + 1]) >= 0 && hex_of(at[i + 2]) >= 0) {
            c = (char)(hex_of(at[i + 1]) * 16 + hex_of(at[i + 2]));
            i += 2;
        }
        at[out++] = c;
    }
    return slice_of(at, out);
}

static void read_form(struct form *form, struct text *body)
{
    for (size_t at = 0; at < body->len;) {
        struct slice pair = slice_of(body->ptr + at, body->len - at);
        pair.len = slice_find(pair, '&');
        at += pair.len + 1;
        size_t equals = slice_find(pair, '=');
        if (equals == pair.len)
            continue;
        struct slice name = decode((char *)pair.ptr, equals);
        struct slice value = decode((char *)pair.ptr + equals + 1, pair.len - equals - 1);
        if (slice_equal(name, SLICE("action")))
            form->action = value;
        else if (slice_equal(name, SLICE("b")))
            form->backend = value;
        else if (slice_equal(name, SLICE("token")))
            form->token = value;
        else if (slice_equal(name, SLICE("s")) && form->num_names < NAMES_MAX)
            form->names[form->num_names++] = value;
    }
}

// "#3" is the backend of that number.
static const struct proxy_conf *find_backend(const struct page *page, struct slice name)
{
    uint64_t id = 0;
    bool by_id = name.len && name.ptr[0] == '#';
    if (by_id && !slice_to_u64(slice_from(name, 1), &id))
        return NULL;
    for (const struct proxy_conf *proxy = page->ctx.conf->proxies; proxy; proxy = proxy->next)
        if (proxy->has_backend && !proxy->disabled &&
            (by_id ? proxy->id == id : slice_equal(name, slice_str(proxy->name))))
            return proxy;
    return NULL;
}

// Names come in the order of the page: the next is looked for behind the last.
static const struct server_conf *find_server(const struct proxy_conf *proxy, const struct server_conf *after,
                                             struct slice name)
{
    const struct server_conf *server = after ? after->next : NULL;
    while (server && !slice_equal(name, slice_str(server->name)))
        server = server->next;
    if (!server)
        for (server = proxy->be.servers; server && !slice_equal(name, slice_str(server->name));)
            server = server->next;
    return server;
}

static enum page_result ask(struct page *page, const struct form *form, const struct proxy_conf *proxy, int action)
{
    const struct server_conf *last = NULL;
    struct stream *stream = page->stream;
    struct page_ask *ask = page_ask_take(stream->ctx->board);
    if (!ask)
        return PAGE_UNKN;
    page->ask = ask;
    ask->iid = proxy->id;
    ask->action = (uint32_t)action;
    for (uint32_t i = 0; i < form->num_names; i++) {
        const struct server_conf *server = find_server(proxy, last, form->names[i]);
        page->some_unknown |= !server;
        if (!server || ask->num_servers == PAGE_ASK_SERVERS)
            continue;
        ask->servers[ask->num_servers++] = server->object;
        last = server;
    }
    if (!ask->num_servers)
        return PAGE_ERRP;
    memcpy(ask->user, page->user, sizeof(ask->user));
    char text[TRANSPORT_ADDRESS_TEXT_MAX];
    size_t len = transport_address_text(stream_src(stream), text);
    snprintf(ask->address, sizeof(ask->address), "%.*s", (int)len, text);
    page->ask_until_us = stream->ctx->loop->now_us + ANSWER_US;
    page_ask_send(stream->ctx->board, ask);
    return PAGE_DONE;
}

static enum page_result begin(struct page *page, struct stream_serving *serving)
{
    struct form form = { .names = calloc(NAMES_MAX, sizeof(*form.names)) };
    enum page_result result = PAGE_ERRP;
    if (!form.names)
        return PAGE_UNKN;
    read_form(&form, &serving->body);
    const struct proxy_conf *proxy = find_backend(page, form.backend);
    int action = page_action_find(form.action);
    if (!page->is_admin || !is_meant(page, form.token))
        result = PAGE_DENY;
    else if (serving->body_long)
        result = PAGE_EXCD;
    else if (!form.action.ptr || !form.backend.ptr || !form.num_names)
        result = PAGE_NONE;
    else if (proxy && !stats_conf_shows(page->proxy, proxy))
        result = PAGE_DENY;
    else if (proxy && action >= 0)
        result = ask(page, &form, proxy, action);
    free(form.names);
    return result;
}

enum stream_serve page_post(struct page *page, struct stream_serving *serving, enum page_result *result)
{
    uint64_t now_us = page->stream->ctx->loop->now_us;
    if (!page->ask) {
        *result = begin(page, serving);
        if (!page->ask || *result != PAGE_DONE)
            return STREAM_SERVE_DONE;
    }
    if (atomic_load(&page->ask->state) == PAGE_ASK_ANSWERED) {
        *result = !page->ask->num_changed ? PAGE_NONE : page->some_unknown ? PAGE_PART : PAGE_DONE;
        return STREAM_SERVE_DONE;
    }
    *result = PAGE_UNKN;
    serving->due_us = now_us + POLL_US;
    return now_us < page->ask_until_us ? STREAM_SERVE_WAIT : STREAM_SERVE_DONE;
}
