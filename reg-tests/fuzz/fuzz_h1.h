// SPDX-License-Identifier: Apache-2.0
// What the fuzz targets of request and response heads share. A head must give one answer however it is cut and
// whichever scanner reads it; an accepted one must, written and parsed again, say the same.
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include "base/check.h"
#include "http/edit.h"
#include "http/head.h"
#include "http/scan.h"

enum { FUZZ_FIELDS = 300, FUZZ_INPUT_MAX = 16384 };

struct fuzz_head {
    struct http_head head;
    struct http_field fields[FUZZ_FIELDS];
    enum http_parse result;
    enum http_bad bad;
};

typedef enum http_parse (*fuzz_parse)(struct http_head *head, enum http_bad *bad, size_t len);

// fuzz_random steps `state` and gives a number that depends on the input alone.
static inline uint32_t fuzz_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

// fuzz_seed hashes the input.
static inline uint32_t fuzz_seed(const uint8_t *data, size_t len)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ data[i]) * 16777619u;
    return hash;
}

// fuzz_feed parses the first `len` bytes of `data`, from memory that ends there.
static inline void fuzz_feed(struct fuzz_head *out, fuzz_parse parse, const char *data, size_t len)
{
    char *copy = malloc(len ? len : 1);
    must(copy);
    memcpy(copy, data, len);
    out->head.base = copy;
    out->result = parse(&out->head, &out->bad, len);
    out->head.base = data;
    free(copy);
}

static inline void fuzz_begin(struct fuzz_head *out)
{
    memset(out, 0, sizeof(*out));
    http_head_init(&out->head, out->fields, FUZZ_FIELDS);
    out->result = HTTP_PARSE_MORE;
}

static inline void fuzz_same(const struct fuzz_head *a, const struct fuzz_head *b)
{
    must(a->result == b->result && a->bad == b->bad);
    if (a->result != HTTP_PARSE_DONE)
        return;
    struct http_head one = a->head, other = b->head;
    one.fields = other.fields = NULL;
    must(memcmp(&one, &other, sizeof(one)) == 0);
    must(memcmp(a->fields, b->fields, sizeof(a->fields)) == 0);
}

static inline void fuzz_span(const struct http_head *head, uint32_t off, uint32_t len)
{
    must(off <= head->len && len <= head->len - off);
}

static inline void fuzz_offsets(const struct http_head *head)
{
    fuzz_span(head, head->line, head->method_len);
    fuzz_span(head, head->target, head->target_len);
    fuzz_span(head, head->path, head->path_len);
    fuzz_span(head, head->authority, head->authority_len);
    fuzz_span(head, head->reason, head->reason_len);
    must(head->len >= 4 && memcmp(head->base + head->len - 4, "\r\n\r\n", 4) == 0);
    must(!(head->flags & HTTP_HEAD_CHUNKED) || !(head->flags & HTTP_HEAD_LENGTH));
    uint32_t end = 0;
    for (unsigned i = 0; i < head->num_fields; i++) {
        const struct http_field *field = &head->fields[i];
        fuzz_span(head, field->value, field->value_len);
        must(field->name_len > 0 && field->name >= end && field->value > field->name + field->name_len);
        must(http_scan_is(head->base + field->name, field->name_len, HTTP_CLASS_TOKEN));
        must(http_scan_is(head->base + field->value, field->value_len, HTTP_CLASS_VALUE));
        must(field->id == http_field_id_of(http_field_name_at(head, i)));
        end = field->value + field->value_len;
    }
}

// fuzz_again parses what `edits` make of `head` and checks that framing and fields were not changed by being written.
static inline void fuzz_again(fuzz_parse parse, const struct http_head *head, const struct http_edits *edits,
                              unsigned num_fields, uint32_t flags)
{
    static char text[2 * FUZZ_INPUT_MAX];
    static struct fuzz_head again;
    size_t len = http_head_write(text, sizeof(text), head, edits);
    must(len > 0);
    fuzz_begin(&again);
    fuzz_feed(&again, parse, text, len);
    must(again.result == HTTP_PARSE_DONE && again.head.len == len);
    must(again.head.num_fields == num_fields);
    must((again.head.flags & flags) == (head->flags & flags));
    must(!(again.head.flags & (HTTP_HEAD_VERSION_10 | HTTP_HEAD_LENGTH_AGAIN)));
    must(again.head.status == head->status && again.head.method == head->method);
    must(again.head.target_len == head->target_len);
    if (flags & HTTP_HEAD_LENGTH)
        must(again.head.content_length == head->content_length);
    if (head->flags & HTTP_HEAD_LENGTH_AGAIN)
        return;
    for (unsigned i = 0; i < head->num_fields; i++) {
        must(slice_equal(http_field_name_at(&again.head, i), http_field_name_at(head, i)));
        must(slice_equal(http_field_value(&again.head, i), http_field_value(head, i)));
    }
}

static inline void fuzz_write(fuzz_parse parse, const struct http_head *head)
{
    static struct http_edits edits;
    unsigned num = head->num_fields;
    uint32_t flags = HTTP_HEAD_CHUNKED | HTTP_HEAD_LENGTH | HTTP_HEAD_CLOSE | HTTP_HEAD_KEEP_ALIVE |
                     HTTP_HEAD_CONN_OTHER | HTTP_HEAD_TE_TRAILERS | HTTP_HEAD_ABSOLUTE | HTTP_HEAD_CONN_UPGRADE;
    if (!(head->flags & HTTP_HEAD_VERSION_10))
        flags |= HTTP_HEAD_UPGRADE | HTTP_HEAD_WEBSOCKET | HTTP_HEAD_EXPECT_100;
    http_edits_init(&edits, NULL, 0);
    // What was HTTP/1.0 is written as HTTP/1.1, which a Host belongs to.
    bool add_host = !head->is_response && !head->first[HTTP_FIELD_HOST];
    struct slice host = slice_of(head->base + head->authority, head->authority_len);
    if (add_host)
        must(http_edits_add(&edits, SLICE("Host"), host));
    if (head->flags & HTTP_HEAD_LENGTH_AGAIN) {
        num = 0;
        for (unsigned i = 0; i < head->num_fields; i++)
            num += head->fields[i].id != HTTP_FIELD_CONTENT_LENGTH || i + 1 == head->first[HTTP_FIELD_CONTENT_LENGTH];
    }
    if (num < FUZZ_FIELDS)
        fuzz_again(parse, head, &edits, num + add_host, flags);

    http_edits_init(&edits, NULL, 0);
    if (!http_edits_drop_hop_by_hop(&edits, head, false))
        return;
    if (add_host)
        must(http_edits_add(&edits, SLICE("Host"), host));
    static char text[2 * FUZZ_INPUT_MAX];
    static struct fuzz_head again;
    size_t len = http_head_write(text, sizeof(text), head, &edits);
    fuzz_begin(&again);
    fuzz_feed(&again, parse, text, len);
    must(again.result == HTTP_PARSE_DONE || again.result == HTTP_PARSE_MANY);
    if (again.result != HTTP_PARSE_DONE)
        return;
    const uint16_t *first = again.head.first;
    must(!first[HTTP_FIELD_CONNECTION] && !first[HTTP_FIELD_TRANSFER_ENCODING] && !first[HTTP_FIELD_UPGRADE]);
    must(!first[HTTP_FIELD_TE] && !first[HTTP_FIELD_KEEP_ALIVE] && !first[HTTP_FIELD_PROXY_CONNECTION]);
    must(!!first[HTTP_FIELD_COOKIE] == !!head->first[HTTP_FIELD_COOKIE]);
    must((again.head.flags & HTTP_HEAD_LENGTH) == (head->flags & HTTP_HEAD_LENGTH));
    must(again.head.content_length == head->content_length);
}

static inline int fuzz_one(fuzz_parse parse, const uint8_t *data, size_t len)
{
    static struct fuzz_head whole, other;
    const char *text = (const char *)data;
    if (len > FUZZ_INPUT_MAX)
        return 0;
    must(http_scan_use(HTTP_SCAN_PORTABLE));
    fuzz_begin(&whole);
    fuzz_feed(&whole, parse, text, len);
    uint32_t seed = fuzz_seed(data, len);
    for (unsigned scan = HTTP_SCAN_PORTABLE; scan <= HTTP_SCAN_AVX2; scan++) {
        if (!http_scan_use((enum http_scan)scan))
            continue;
        fuzz_begin(&other);
        for (size_t have = 0; have < len && other.result == HTTP_PARSE_MORE;) {
            have += 1 + fuzz_random(&seed) % (1 + len / 3);
            have = have < len ? have : len;
            fuzz_feed(&other, parse, text, have);
        }
        fuzz_same(&whole, &other);
    }
    if (whole.result != HTTP_PARSE_DONE)
        return 0;
    fuzz_offsets(&whole.head);
    fuzz_write(parse, &whole.head);
    return 0;
}
