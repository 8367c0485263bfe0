// SPDX-License-Identifier: Apache-2.0
// Options in the URI of the status page, read and written (management guide, section 9; HAProxy's page): what follows
// the configured beginning, ";csv;norefresh" and its like anywhere, "scope=" behind '?' or '&'.
#include <strings.h>
#include "admin/page.h"

// A page that is asked for as "/stats?;csv" begins with "/stats?".
static struct slice options_of(const struct page *page)
{
    const struct http_head *head = &page->stream->request;
    struct slice uri = page->conf->uri.ptr[0] == '/' ? http_head_pathq(head) : http_head_target(head);
    return slice_from(uri, page->conf->uri.len);
}

static const char *find(struct slice in, const char *what)
{
    size_t len = strlen(what);
    for (size_t i = 0; i + len <= in.len; i++)
        if (memcmp(in.ptr + i, what, len) == 0)
            return in.ptr + i;
    return NULL;
}

static int hex_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

// Names of proxies hold letters, digits and "-_.:" alone: what else is asked for cannot be found.
static void read_scope(struct page *page, const char *at, const char *end)
{
    size_t len = 0;
    while (at < end && *at != '&' && *at != ';' && *at != ' ' && len < PAGE_SCOPE_MAX) {
        char c = *at++;
        if (c == '%' && end - at >= 2 && hex_of(at[0]) >= 0 && hex_of(at[1]) >= 0) {
            c = (char)(hex_of(at[0]) * 16 + hex_of(at[1]));
            at += 2;
        }
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || strchr("_-.:", c);
        page->scope[len++] = c && plain ? c : '?';
    }
}

void page_read_uri(struct page *page)
{
    struct slice options = options_of(page);
    const char *scope = find(options, "scope=");
    const char *told = find(options, ";st=");
    page->only_up = find(options, ";up") != NULL;
    page->no_maint = find(options, ";no-maint") != NULL;
    page->no_refresh = find(options, ";norefresh") != NULL;
    if (find(options, ";csv"))
        page->form = PAGE_CSV;
    else if (find(options, ";json-schema"))
        page->form = PAGE_SCHEMA;
    else if (find(options, ";json"))
        page->form = PAGE_JSON;
    else if (find(options, ";typed"))
        page->form = PAGE_TYPED;
    if (scope)
        read_scope(page, scope + strlen("scope="), options.ptr + options.len);
    page->told = PAGE_SILENT;
    if (!told)
        return;
    page->told = PAGE_UNKN;
    for (int i = 0; i < PAGE_NUM_RESULTS; i++)
        if (options.ptr + options.len - told >= 8 && memcmp(told + 4, page_result_code((enum page_result)i), 4) == 0)
            page->told = (enum page_result)i;
}

void page_uri(struct text *out, const struct page *page, const char *options)
{
    text_add_slice(out, page->conf->uri);
    text_printf(out, "%s%s%s%s", options, page->only_up ? ";up" : "", page->no_maint ? ";no-maint" : "",
                page->no_refresh ? ";norefresh" : "");
    if (*page->scope)
        text_printf(out, "?scope=%s", page->scope);
}

static const struct {
    const char *code;
    const char *text;
} results[PAGE_NUM_RESULTS] = {
    [PAGE_NONE] = { "NONE", "Nothing has changed: no server was chosen, or that is how they are." },
    [PAGE_DONE] = { "DONE", "Done." },
    [PAGE_PART] = { "PART", "Done, but for servers that are not known." },
    [PAGE_ERRP] = { "ERRP", "Nothing was done: the action, the backend or the servers are not known." },
    [PAGE_EXCD] = { "EXCD", "Nothing was done: too many servers at once." },
    [PAGE_DENY] = { "DENY", "Denied: you may not, or the form was sent from elsewhere or hours after it was made. "
                            "Nothing was done." },
    [PAGE_UNKN] = { "UNKN", "It is not known what became of it." },
};

const char *page_result_code(enum page_result result)
{
    return results[result].code;
}

const char *page_result_text(enum page_result result)
{
    return results[result].text;
}
