// SPDX-License-Identifier: Apache-2.0
// What of a request its server is chosen by, as a number. Which bytes count, and what becomes of them, was observed
// with HAProxy 2.6 where its manual leaves it open.
#include <string.h>
#include "backend/hash_key.h"
#include "base/hash.h"
#include "stream/act.h"
#include "stream/body.h"
#include "stream/hello.h"
#include "stream/steps.h"

static bool hash_key(uint32_t *out, const struct balance_conf *conf, struct slice key)
{
    *out = backend_hash_key(conf, key);
    return true;
}

static uint32_t word_at(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

// No function is applied: the words of an address are combined as they are.
static bool by_source(uint32_t *out, const struct stream *stream, const struct balance_conf *conf)
{
    const struct transport_address *src = stream_src(stream);
    uint32_t len = src->family == AF_INET ? 4 : src->family == AF_INET6 ? 16 : 0, hash = 0;
    for (uint32_t i = 0; i < len; i += 4)
        hash ^= word_at(src->ip + i);
    *out = conf->avalanche ? hash_avalanche(hash) : hash;
    return len > 0;
}

// The port that a scheme implies does not count (RFC 3986 section 6.2.3).
static struct slice without_port(struct expr_scratch *scratch, const struct http_head *head)
{
    struct slice target = http_head_target(head), authority = http_head_authority(head);
    struct slice port = slice_begins(target, SLICE("http://"))    ? SLICE(":80")
                        : slice_begins(target, SLICE("https://")) ? SLICE(":443")
                                                                  : SLICE("");
    if (LIKELY(!port.len || !slice_ends(authority, port)))
        return target;
    size_t before_len = (size_t)(authority.ptr - target.ptr) + authority.len - port.len;
    char *copy = expr_scratch_take(scratch, target.len - port.len);
    if (!copy)
        return target;
    memcpy(copy, target.ptr, before_len);
    memcpy(copy + before_len, target.ptr + before_len + port.len, target.len - port.len - before_len);
    return slice_of(copy, target.len - port.len);
}

static bool by_uri(uint32_t *out, struct stream *stream, const struct balance_conf *conf)
{
    struct expr_scratch *scratch = &stream->ctx->expr.scratch;
    uint32_t mark = expr_scratch_mark(scratch);
    const struct http_head *head = &stream->request;
    struct slice uri = conf->path_only ? http_head_pathq(head) : without_port(scratch, head);
    uint32_t slashes = 0;
    if (conf->len && uri.len > conf->len)
        uri.len = conf->len;
    if (!conf->whole)
        uri.len = slice_find(uri, '?');
    for (size_t i = 0; conf->depth && i < uri.len; i++)
        if (uri.ptr[i] == '/' && slashes++ == conf->depth)
            uri.len = i;
    hash_key(out, conf, uri);
    expr_scratch_release(scratch, mark);
    return true;
}

// The value of the first parameter of that name between ampersands; ptr NULL where there is none.
static struct slice parameter(struct slice params, const struct balance_conf *conf)
{
    struct slice name = slice_of(conf->name, conf->name_len);
    while (params.len) {
        struct slice param = slice_of(params.ptr, slice_find(params, '&'));
        if (param.len > name.len && param.ptr[name.len] == '=' && slice_begins(param, name))
            return slice_from(param, name.len + 1);
        params = slice_from(params, param.len + 1);
    }
    return slice_of(NULL, 0);
}

static bool by_param(uint32_t *out, struct stream *stream, const struct balance_conf *conf)
{
    struct slice value = parameter(http_head_query(&stream->request), conf);
    struct expr_scratch *scratch = &stream->ctx->expr.scratch;
    uint32_t mark = expr_scratch_mark(scratch);
    struct slice body;
    bool complete, found;
    if (!value.ptr && conf->check_post && stream->request.method == HTTP_METHOD_POST) {
        stream->subject.when = EXPR_AT_REQUEST_BODY;
        if (stream_body_of(&stream->subject, &body, &complete))
            value = parameter(body, conf);
    }
    found = value.ptr && hash_key(out, conf, value);
    expr_scratch_release(scratch, mark);
    return found;
}

// The first value of a field that may be a list. Commas in quoted strings do not end it.
static struct slice first_value(struct slice field)
{
    bool quoted = false;
    for (size_t i = 0; i < field.len; i++) {
        if (quoted && field.ptr[i] == '\\')
            i++;
        else if (field.ptr[i] == '"')
            quoted = !quoted;
        else if (field.ptr[i] == ',' && !quoted)
            field.len = i;
    }
    return slice_trim(field);
}

// The label before the last dot, which may be all there is before it. A dot that begins the name does not count, and
// one right before the last is part of the label: that is how HAProxy counts.
static struct slice main_domain(struct slice name)
{
    size_t end = name.len, start;
    while (end > 0 && name.ptr[end - 1] != '.')
        end--;
    if (end <= 1)
        return name;
    start = --end - 1;
    while (start > 0 && name.ptr[start - 1] != '.')
        start--;
    return slice_of(name.ptr + start, end - start);
}

static bool by_header(uint32_t *out, const struct http_head *head, const struct balance_conf *conf)
{
    int at = conf->field ? head->first[conf->field] - 1
                         : http_head_find_other(head, slice_of(conf->name, conf->name_len), 0);
    if (at < 0)
        return false;
    struct slice value = first_value(http_field_value(head, (unsigned)at));
    if (!value.len)
        return false;
    return hash_key(out, conf, conf->domain_only ? main_domain(value) : value);
}

static bool by_rdp_cookie(uint32_t *out, const struct stream *stream, const struct balance_conf *conf)
{
    const struct buf *in = &stream->front->in;
    struct slice wanted = conf->name ? slice_of(conf->name, conf->name_len) : SLICE("mstshash");
    struct slice name, value;
    return stream->session->conf->mode == PROXY_MODE_TCP && in->mem &&
           stream_hello_rdp(&name, &value, slice_of(buf_data(in), buf_len(in))) == STREAM_HELLO_OK &&
           slice_equal_nocase(name, wanted) && value.len && hash_key(out, conf, value);
}

// The bytes of a sample as HAProxy takes them: a number as eight, the highest first.
static struct slice bytes_of(char room[8], const struct expr_sample *sample)
{
    uint64_t num = (uint64_t)sample->num;
    switch (sample->type) {
    case EXPR_ADDR:
        return slice_of((const char *)sample->addr.bytes, sample->addr.family == 4 ? 4 : 16);
    case EXPR_BOOL:
        num = sample->boolean;
        break;
    case EXPR_INT:
        break;
    default:
        return sample->str;
    }
    for (int i = 7; i >= 0; i--, num >>= 8)
        room[i] = (char)(num & 0xff);
    return slice_of(room, 8);
}

static bool by_expression(uint32_t *out, struct stream *stream, const struct balance_conf *conf)
{
    struct expr_scratch *scratch = &stream->ctx->expr.scratch;
    uint32_t mark = expr_scratch_mark(scratch);
    struct expr_sample sample;
    char room[8];
    int64_t num;
    stream_looks_at_bytes(stream);
    stream->subject.when = stream->head_valid ? EXPR_AT_REQUEST_HEAD : EXPR_AT_REQUEST_CONTENT;
    stream->subject.final = true;
    bool found = expr_eval(conf->expr, &stream->subject, &sample);
    if (found && conf->function == PROXY_HASH_NONE) {
        *out = expr_sample_int(&sample, &num) ? (uint32_t)num : 0;
        *out = conf->avalanche ? hash_avalanche(*out) : *out;
    } else if (found) {
        hash_key(out, conf, bytes_of(room, &sample));
    }
    stream_looked(stream);
    expr_scratch_release(scratch, mark);
    return found;
}

static bool find_hash(uint32_t *out, struct stream *stream, const struct balance_conf *conf)
{
    switch (conf->algorithm) {
    case PROXY_BALANCE_SOURCE:
        return by_source(out, stream, conf);
    case PROXY_BALANCE_RDP_COOKIE:
        return by_rdp_cookie(out, stream, conf);
    case PROXY_BALANCE_HASH:
        return by_expression(out, stream, conf);
    case PROXY_BALANCE_URI:
        return stream->head_valid && by_uri(out, stream, conf);
    case PROXY_BALANCE_URL_PARAM:
        return stream->head_valid && by_param(out, stream, conf);
    case PROXY_BALANCE_HDR:
        return stream->head_valid && by_header(out, &stream->request, conf);
    default:
        return false;
    }
}

bool stream_balance_wait(struct stream *stream, enum stream_verdict *verdict)
{
    const struct balance_conf *conf = &stream->backend->conf->be.balance;
    if (LIKELY(!conf->check_post) || stream->hash_known || !stream->head_valid ||
        stream->request.method != HTTP_METHOD_POST || parameter(http_head_query(&stream->request), conf).ptr)
        return true;
    if (!stream_wait_for_body(stream, verdict))
        return false;
    stream->deadline_us = 0;
    return true;
}

void stream_balance_ask(struct stream *stream, struct backend_ask *ask)
{
    const struct balance_conf *conf = &stream->backend->conf->be.balance;
    if (!proxy_balance_is_hash(conf))
        return;
    if (!stream->hash_known) {
        stream->hash_known = true;
        stream->has_hash = find_hash(&stream->hash, stream, conf);
    }
    ask->has_hash = stream->has_hash;
    ask->hash = stream->hash;
}
