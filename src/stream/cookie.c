// SPDX-License-Identifier: Apache-2.0
// The affinity cookie in requests: which server it names, and what of it the server may see. How a Cookie field is
// taken apart, and what is left where a cookie is taken out, is as HAProxy does it.
#include <string.h>
#include "expr/expr.h"
#include "stream/act.h"
#include "stream/cookie.h"
#include "stream/steps.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static size_t skip_blanks(struct slice text, size_t at)
{
    while (at < text.len && is_blank(text.ptr[at]))
        at++;
    return at;
}

// Where the value at `at` ends: at a separator that does not stand in quotes.
static size_t value_end(struct slice text, size_t at, bool commas)
{
    bool quoted = false;
    for (; at < text.len; at++) {
        char c = text.ptr[at];
        if (c == '"')
            quoted = !quoted;
        else if (c == '\\' && quoted)
            at++;
        else if (!quoted && (c == ';' || (commas && c == ',')))
            return at;
    }
    return text.len;
}

void stream_cookie_pair(struct stream_cookie_pair *pair, struct slice text, size_t at, bool commas)
{
    size_t end = at = skip_blanks(text, at);
    *pair = (struct stream_cookie_pair){ .name = at };
    while (at < text.len && text.ptr[at] != '=' && text.ptr[at] != ';' && !(commas && text.ptr[at] == ','))
        if (!is_blank(text.ptr[at++]))
            end = at;
    pair->name_end = end;
    pair->equal = pair->value = pair->value_end = pair->next = at;
    if (at == text.len || text.ptr[at] != '=')
        return;
    pair->has_value = true;
    pair->value = skip_blanks(text, at + 1);
    pair->next = end = value_end(text, pair->value, commas);
    while (end > pair->value && is_blank(text.ptr[end - 1]))
        end--;
    pair->value_end = end;
}

// A Cookie field as it is being changed, in room of its own.
struct field {
    char *text;
    size_t len;
    size_t gone_from; // where what is to be taken out begins, at the separator before it; NOWHERE: nothing is
    bool keep;        // some cookie in it is none of ours
};

#define NOWHERE SIZE_MAX

static void cut(struct field *field, size_t from, size_t to)
{
    memmove(field->text + from, field->text + to, field->len - to);
    field->len -= to - from;
}

// Takes out what is to go up to the separator at `to`, which the next pair stands behind; gives how many bytes went.
static size_t take_out(struct field *field, size_t to)
{
    size_t at = field->gone_from, len = field->len;
    if (field->gone_from == NOWHERE)
        return 0;
    field->gone_from = NOWHERE;
    if (at == 0) {
        cut(field, 0, skip_blanks(slice_of(field->text, len), to + 1));
        return len - field->len;
    }
    while (at > 0 && is_blank(field->text[at - 1]))
        at--;
    field->text[at++] = field->text[to++];
    if (at + 1 < to)
        field->text[at++] = ' ';
    cut(field, at, skip_blanks(slice_of(field->text, len), to));
    return len - field->len;
}

// Dates are in units of four seconds since 1970, 30 bits in five characters of base64, the highest first.
static uint32_t read_date(struct slice text)
{
    static const char digits[] = STREAM_COOKIE_DIGITS;
    uint32_t date = 0;
    if (text.len < STREAM_COOKIE_DATE_LEN)
        return 0;
    for (size_t i = 0; i < STREAM_COOKIE_DATE_LEN; i++) {
        const char *digit = text.ptr[i] ? strchr(digits, text.ptr[i]) : NULL;
        if (!digit)
            return 0;
        date = date << 6 | (uint32_t)(digit - digits);
    }
    return date << 2;
}

// One that lies more than a day ahead is as good as too old: nobody's clock is that wrong.
static bool is_past(uint32_t date, uint32_t limit, uint64_t now)
{
    enum { DAY = 86400 };
    return date && limit && (date + (uint64_t)limit < now || date > now + DAY);
}

// What follows '|' in an inserted cookie: when it was seen last, and when first. False where it counts no more.
static bool read_dates(struct stream *stream, struct slice *value)
{
    const struct cookie_conf *conf = &stream->backend->conf->be.cookie;
    uint64_t now = stream->ctx->loop->wall_us / 1000000;
    size_t bar = slice_find(*value, '|');
    struct slice dates = slice_from(*value, bar < value->len ? bar + 1 : bar);
    stream->cookie_last = read_date(dates);
    size_t second = slice_find(dates, '|');
    stream->cookie_first = second < dates.len ? read_date(slice_from(dates, second + 1)) : 0;
    value->len = bar;
    if (is_past(stream->cookie_first, conf->maxlife_s, now))
        stream->cookie_seen = 'O';
    else if (is_past(stream->cookie_last, conf->maxidle_s, now))
        stream->cookie_seen = 'E';
    else
        return true;
    stream->cookie_first = stream->cookie_last = 0;
    return false;
}

// The first server of that value that may be used; several may share one.
static struct server *named_server(struct stream *stream, struct slice value)
{
    struct backend *backend = stream->backend;
    bool down_too = stream->force_persist || backend->conf->options & PROXY_OPT_PERSIST;
    for (uint32_t i = 0; i < backend->num_servers && value.len; i++) {
        struct server *server = backend->servers[i];
        const char *own = server->conf->cookie;
        if (!own || !slice_equal(slice_str(own), value))
            continue;
        bool up = backend_server_is_usable(server);
        stream->cookie_seen = up ? 'V' : 'D';
        if (up || down_too)
            return server;
    }
    return NULL;
}

static struct server *match(struct stream *stream, struct slice value, bool dated, bool assigned)
{
    stream->cookie_seen = 'N';
    bool counts = !dated || read_dates(stream, &value);
    struct server *server = counts && !assigned ? named_server(stream, value) : NULL;
    if (!server && stream->cookie_seen == 'N')
        stream->cookie_seen = assigned ? 'U' : 'I';
    return server;
}

// One pair of `field`; gives how far the text behind it moved to the front.
static size_t look_at_pair(struct stream *stream, struct field *field, struct stream_cookie_pair *pair, size_t before,
                           struct server **server, bool assigned)
{
    const struct cookie_conf *conf = &stream->backend->conf->be.cookie;
    size_t len = field->len;
    // Attributes as of RFC 2965: they go with the cookie before them.
    if (pair->name < len && field->text[pair->name] == '$')
        return 0;
    // Space around '=' does not travel on.
    if (pair->has_value && (pair->name_end != pair->equal || pair->value > pair->equal + 1)) {
        field->text[pair->name_end] = '=';
        cut(field, pair->name_end + 1, pair->value);
    }
    size_t shift = len - field->len;
    size_t value = pair->value - shift, end = pair->value_end - shift;
    struct slice name = slice_of(field->text + pair->name, pair->name_end - pair->name);
    if (!pair->has_value || !slice_equal(name, slice_of(conf->name, conf->name_len))) {
        field->keep = true;
        return shift + take_out(field, before);
    }
    struct slice named = slice_of(field->text + value, end - value);
    size_t tilde = conf->mode == PROXY_COOKIE_PREFIX ? slice_find(named, '~') : named.len;
    if (!*server)
        *server = match(stream, slice_of(named.ptr, tilde), conf->mode != PROXY_COOKIE_PREFIX, assigned);
    if (tilde < named.len) {
        cut(field, value, value + tilde + 1);
        field->keep = true;
    } else if (conf->mode == PROXY_COOKIE_INSERT && conf->indirect && field->gone_from == NOWHERE) {
        field->gone_from = before;
    }
    return len - field->len;
}

static bool look_at_field(struct stream *stream, unsigned index, struct server **server, bool assigned)
{
    struct expr_scratch *scratch = &stream->ctx->expr.scratch;
    struct http_head *head = &stream->request;
    struct slice value = http_field_value(head, index);
    uint32_t mark = expr_scratch_mark(scratch);
    struct field field = { .text = expr_scratch_take(scratch, value.len), .len = value.len, .gone_from = NOWHERE };
    bool ok = field.text != NULL;
    if (ok && value.len)
        memcpy(field.text, value.ptr, value.len);
    for (size_t before = 0, at = 0; ok && at < field.len; at = before + 1) {
        struct stream_cookie_pair pair;
        stream_cookie_pair(&pair, slice_of(field.text, field.len), at, true);
        before = pair.next - look_at_pair(stream, &field, &pair, before, server, assigned);
    }
    if (ok && field.gone_from != NOWHERE)
        field.len = field.keep ? field.gone_from : 0;
    if (ok && !field.len && value.len)
        http_head_drop(head, index);
    else if (ok && field.len != value.len)
        ok = stream_head_change(&stream->subject) && http_head_set(head, index, slice_of(field.text, field.len));
    expr_scratch_release(scratch, mark);
    return ok;
}

bool stream_cookie_look(struct stream *stream, struct server **server, bool assigned)
{
    const struct cookie_conf *conf = &stream->backend->conf->be.cookie;
    *server = NULL;
    if (!conf->name || !stream->head_valid)
        return true;
    stream->cookie_looked = true;
    stream->cookie_seen = 'N';
    stream->cookie_set = 'N';
    stream->subject.when = EXPR_AT_REQUEST_HEAD;
    for (int i = -1; (i = http_head_find(&stream->request, HTTP_FIELD_COOKIE, (unsigned)(i + 1))) >= 0;)
        if (!look_at_field(stream, (unsigned)i, server, assigned))
            return false;
    // Of cookies that are the servers' affair alone the log says nothing.
    if (conf->mode == PROXY_COOKIE_PASSIVE && !conf->indirect)
        stream->cookie_seen = stream->cookie_set = '-';
    return true;
}
