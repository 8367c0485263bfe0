// SPDX-License-Identifier: Apache-2.0
// The affinity cookie in answers.
#include <stdio.h>
#include <string.h>
#include "stream/act.h"
#include "stream/cookie.h"
#include "stream/steps.h"

// Gives the field's value anew: `len` bytes from `at` on are replaced by `text`.
static bool splice(struct stream *stream, unsigned index, size_t at, size_t len, struct slice text)
{
    struct expr_scratch *scratch = &stream->ctx->expr.scratch;
    struct slice value = http_field_value(&stream->response, index);
    uint32_t mark = expr_scratch_mark(scratch);
    size_t total = value.len - len + text.len;
    char *made = expr_scratch_take(scratch, total + 1);
    bool ok = made && stream_head_change(&stream->subject);
    if (ok) {
        memcpy(made, value.ptr, at);
        memcpy(made + at, text.ptr, text.len);
        memcpy(made + at + text.len, value.ptr + at + len, value.len - at - len);
        ok = http_head_set(&stream->response, index, slice_of(made, total));
    }
    expr_scratch_release(scratch, mark);
    return ok;
}

// A field that sets the cookie; `*own` says whether it does.
static bool edit_field(struct stream *stream, unsigned index, const struct cookie_conf *conf)
{
    struct stream_cookie_pair pair;
    struct slice value = http_field_value(&stream->response, index);
    const char *own = stream->server ? stream->server->conf->cookie : NULL;
    char text[PROXY_COOKIE_MAX + 2];
    stream_cookie_pair(&pair, value, 0, false);
    // Space around '=' does not travel on.
    if (pair.has_value && (pair.name_end != pair.equal || pair.value > pair.equal + 1)) {
        if (!splice(stream, index, pair.name_end, pair.value - pair.name_end, SLICE("=")))
            return false;
        value = http_field_value(&stream->response, index);
        stream_cookie_pair(&pair, value, 0, false);
    }
    if (!pair.has_value ||
        !slice_equal(slice_of(value.ptr + pair.name, pair.name_end - pair.name), slice_of(conf->name, conf->name_len)))
        return true;
    stream->cookie_set = 'P';
    if (conf->preserve)
        return true;
    if (conf->mode == PROXY_COOKIE_INSERT || (stream->sticky && conf->indirect)) {
        stream->cookie_set = 'D';
        http_head_drop(&stream->response, index);
        return true;
    }
    if (!own || conf->mode == PROXY_COOKIE_PASSIVE)
        return true;
    bool prefix = conf->mode == PROXY_COOKIE_PREFIX;
    int len = snprintf(text, sizeof(text), "=%s%s", own, prefix ? "~" : "");
    stream->cookie_set = 'R';
    return splice(stream, index, pair.name_end, (prefix ? pair.value : pair.value_end) - pair.name_end,
                  slice_of(text, (size_t)len));
}

// What the server itself sets under that name.
static bool edit_own(struct stream *stream, const struct cookie_conf *conf)
{
    const struct http_head *response = &stream->response;
    for (int i = -1; (i = http_head_find(response, HTTP_FIELD_SET_COOKIE, (unsigned)(i + 1))) >= 0;)
        if (!edit_field(stream, (unsigned)i, conf))
            return false;
    return true;
}

// The client knows its server already, unless that one could not serve; but its dates may be due to be set or dropped.
static bool must_insert(const struct stream *stream, const struct cookie_conf *conf)
{
    uint64_t now = stream->ctx->loop->wall_us / 1000000;
    bool found = stream->cookie_set == 'P' || stream->cookie_set == 'D';
    if (conf->mode != PROXY_COOKIE_INSERT || !stream->server || (found && conf->preserve) || stream->ignore_persist)
        return false;
    if (conf->postonly && stream->request.method != HTTP_METHOD_POST)
        return false;
    if (!stream->sticky)
        return true;
    // Dates that nobody asks for any more are taken out, and those that are asked for are kept new.
    if ((conf->maxidle_s || stream->cookie_last) && stream->cookie_last < now)
        return true;
    return (conf->maxlife_s != 0) != (stream->cookie_first != 0);
}

// Whether a cache between us and the client might keep the answer for others: its status allows that (RFC 9110 section
// 15.1), it says how fresh it is or how to ask again (RFC 9111 section 4.2), and nothing in it forbids it already.
static bool may_be_cached(const struct stream *stream)
{
    static const uint16_t statuses[] = { 200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501 };
    static const struct slice hints[] = { SLICE("etag"), SLICE("last-modified"), SLICE("expires") };
    static const struct slice bans[] = { SLICE("private"), SLICE("no-store"), SLICE("no-cache"), SLICE("max-age=0"),
                                         SLICE("s-maxage=0") };
    const struct http_head *response = &stream->response;
    uint16_t method = stream->request.method;
    bool hinted = false;
    size_t at = 0;
    while (at < NUM_ITEMS(statuses) && statuses[at] != stream->status)
        at++;
    if (at == NUM_ITEMS(statuses) ||
        (method != HTTP_METHOD_GET && method != HTTP_METHOD_HEAD && method != HTTP_METHOD_OPTIONS))
        return false;
    for (at = 0; at < NUM_ITEMS(hints); at++)
        hinted |= http_head_find_name(response, hints[at], 0) >= 0;
    for (int i = -1; (i = http_head_find(response, HTTP_FIELD_CACHE_CONTROL, (unsigned)(i + 1))) >= 0;) {
        struct slice value = http_field_value(response, (unsigned)i);
        for (at = 0; at < NUM_ITEMS(bans); at++)
            if (http_list_has(value, bans[at]))
                return false;
        for (; value.len; value = slice_from(value, slice_find(value, ',') + 1)) {
            struct slice item = slice_trim(slice_of(value.ptr, slice_find(value, ',')));
            hinted |= slice_begins(item, SLICE("max-age=")) || slice_begins(item, SLICE("s-maxage="));
        }
    }
    int pragma = http_head_find_name(response, SLICE("pragma"), 0);
    return hinted && !(pragma >= 0 && http_list_has(http_field_value(response, (unsigned)pragma), SLICE("no-cache")));
}

static size_t put_date(char *dst, uint64_t seconds)
{
    static const char digits[] = STREAM_COOKIE_DIGITS;
    uint32_t date = (uint32_t)(seconds >> 2);
    *dst++ = '|';
    for (int shift = 24; shift >= 0; shift -= 6)
        *dst++ = digits[date >> shift & 0x3f];
    return 1 + STREAM_COOKIE_DATE_LEN;
}

static size_t put_dates(char *dst, const struct stream *stream, const struct cookie_conf *conf)
{
    // Rounded up: what has just been seen is not yet old.
    uint64_t now = stream->ctx->loop->wall_us / 1000000 + 3;
    size_t len = 0;
    if (!conf->maxidle_s && !conf->maxlife_s)
        return 0;
    len += put_date(dst, now);
    if (conf->maxlife_s)
        len += put_date(dst + len, stream->cookie_first ? stream->cookie_first : now);
    return len;
}

// A server without a value: the client forgets the one it had.
static bool insert(struct stream *stream, const struct cookie_conf *conf)
{
    struct http_head *response = stream_head_change(&stream->subject);
    const char *own = stream->server->conf->cookie;
    char text[4096], dates[2 * (1 + STREAM_COOKIE_DATE_LEN)];
    size_t dates_len = own ? put_dates(dates, stream, conf) : 0;
    int len = snprintf(text, sizeof(text), "%s=%s%.*s; path=/%s%s%s%s", conf->name,
                       own ? own : "; Expires=Thu, 01-Jan-1970 00:00:01 GMT", (int)dates_len, dates,
                       conf->domain ? conf->domain : "", conf->httponly ? "; HttpOnly" : "",
                       conf->secure ? "; Secure" : "", conf->attr ? conf->attr : "");
    if (!response || len < 0 || (size_t)len >= sizeof(text))
        return false;
    stream->cookie_set = own && stream->sticky ? 'U' : 'I';
    bool cached = conf->nocache && may_be_cached(stream);
    return http_head_add(response, SLICE("set-cookie"), slice_of(text, (size_t)len)) &&
           (!cached || http_head_add(response, SLICE("cache-control"), SLICE("private")));
}

bool stream_cookie_answer(struct stream *stream)
{
    const struct cookie_conf *conf = &stream->backend->conf->be.cookie;
    if (!conf->name || (conf->mode == PROXY_COOKIE_PASSIVE && !conf->indirect))
        return true;
    stream->subject.when = EXPR_AT_RESPONSE_HEAD;
    return edit_own(stream, conf) && (!must_insert(stream, conf) || insert(stream, conf));
}
