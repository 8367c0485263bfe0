// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include "stream/steps.h"

bool stream_cookie_find(size_t *start, size_t *end, struct slice *found, struct slice value, struct slice name)
{
    size_t pos = 0;
    while (pos < value.len) {
        size_t pair_end = pos + slice_find(slice_from(value, pos), ';');
        struct slice pair = slice_trim(slice_of(value.ptr + pos, pair_end - pos));
        size_t equal = slice_find(pair, '=');
        if (equal < pair.len && slice_equal(slice_trim(slice_of(pair.ptr, equal)), name)) {
            *found = slice_trim(slice_from(pair, equal + 1));
            if (found->len >= 2 && found->ptr[0] == '"' && found->ptr[found->len - 1] == '"')
                *found = slice_of(found->ptr + 1, found->len - 2);
            *start = pos;
            *end = pair_end < value.len ? pair_end + 1 : pair_end;
            return true;
        }
        pos = pair_end + 1;
    }
    return false;
}

struct server *stream_cookie_pick(struct stream *stream)
{
    const struct cookie_conf *conf = &stream->backend->conf->be.cookie;
    struct slice name = slice_of(conf->name, conf->name_len);
    struct slice value;
    size_t start, end;
    if (!conf->name || !stream->head_valid)
        return NULL;
    stream->cookie_seen = 'N';
    stream->cookie_set = 'N';
    for (int i = -1; (i = http_head_find(&stream->request, HTTP_FIELD_COOKIE, (unsigned)(i + 1))) >= 0;) {
        if (!stream_cookie_find(&start, &end, &value, http_field_value(&stream->request, (unsigned)i), name))
            continue;
        struct server *server = backend_find_cookie(stream->backend, value);
        stream->cookie_seen = !server ? 'I' : backend_server_is_usable(server) ? 'V' : 'D';
        return stream->cookie_seen == 'V' || stream->force_persist ? server : NULL;
    }
    return NULL;
}

bool stream_cookie_strip(struct stream *stream)
{
    const struct cookie_conf *conf = &stream->backend->conf->be.cookie;
    struct slice name = slice_of(conf->name, conf->name_len);
    struct slice found;
    size_t start, end;
    if (!conf->name || !conf->indirect)
        return true;
    for (int i = -1; (i = http_head_find(&stream->request, HTTP_FIELD_COOKIE, (unsigned)(i + 1))) >= 0;) {
        struct slice value = http_field_value(&stream->request, (unsigned)i);
        if (!stream_cookie_find(&start, &end, &found, value, name))
            continue;
        struct slice before = slice_trim(slice_of(value.ptr, start));
        struct slice behind = slice_trim(slice_from(value, end));
        if (!behind.len && before.len && before.ptr[before.len - 1] == ';')
            before.len--;
        if (!before.len && !behind.len)
            return http_edits_drop(&stream->edits, (unsigned)i);
        if (!before.len)
            return http_edits_replace(&stream->edits, (unsigned)i, behind);
        if (!behind.len)
            return http_edits_replace(&stream->edits, (unsigned)i, before);
        char text[STREAM_EDIT_ARENA];
        int len = snprintf(text, sizeof(text), "%.*s %.*s", (int)before.len, before.ptr, (int)behind.len, behind.ptr);
        const char *kept =
            len > 0 && (size_t)len < sizeof(text) ? http_edits_text(&stream->edits, text, (size_t)len) : NULL;
        return kept && http_edits_replace(&stream->edits, (unsigned)i, slice_of(kept, (size_t)len));
    }
    return true;
}

static bool must_insert(const struct stream *stream, const struct cookie_conf *conf)
{
    if (!conf->name || !conf->insert || !stream->server || (stream->by_rule && !stream->redispatched))
        return false;
    if (conf->postonly && stream->request.method != HTTP_METHOD_POST)
        return false;
    // The client knows its server already, unless that one could not serve.
    return stream->cookie_seen != 'V' || !stream->sticky || stream->redispatched;
}

static bool is_named(const struct http_head *response, unsigned index, const struct cookie_conf *conf)
{
    struct slice value = http_field_value(response, index);
    return slice_equal(slice_trim(slice_of(value.ptr, slice_find(value, '='))), slice_of(conf->name, conf->name_len));
}

// What the server itself sets under that name: kept with `preserve`, and taken out otherwise.
static bool edit_own(struct stream *stream, const struct cookie_conf *conf)
{
    const struct http_head *response = &stream->response;
    for (int i = -1; (i = http_head_find(response, HTTP_FIELD_SET_COOKIE, (unsigned)(i + 1))) >= 0;) {
        if (!is_named(response, (unsigned)i, conf))
            continue;
        stream->cookie_set = conf->preserve ? 'P' : 'D';
        if (!conf->preserve && !http_edits_drop(&stream->edits, (unsigned)i))
            return false;
    }
    return true;
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

bool stream_cookie_insert(struct stream *stream)
{
    const struct cookie_conf *conf = &stream->backend->conf->be.cookie;
    char text[1024];
    if (conf->name && (conf->insert || conf->indirect) && !edit_own(stream, conf))
        return false;
    if (stream->cookie_set == 'P' || !must_insert(stream, conf))
        return true;
    // A server without a value: the client forgets the one it had.
    const char *own = stream->server->conf->cookie;
    int len =
        snprintf(text, sizeof(text), "%s=%s; path=/%s%s%s%s", conf->name,
                 own ? own : "; Expires=Thu, 01-Jan-1970 00:00:01 GMT", conf->domain ? conf->domain : "",
                 conf->httponly ? "; HttpOnly" : "", conf->secure ? "; Secure" : "", conf->attr ? conf->attr : "");
    if (len < 0 || (size_t)len >= sizeof(text))
        return false;
    const char *kept = http_edits_text(&stream->edits, text, (size_t)len);
    stream->cookie_set = 'I';
    if (!kept || !http_edits_add(&stream->edits, SLICE("set-cookie"), slice_of(kept, (size_t)len)))
        return false;
    return !conf->nocache || !may_be_cached(stream) ||
           http_edits_add(&stream->edits, SLICE("cache-control"), SLICE("private"));
}
