// SPDX-License-Identifier: Apache-2.0
// Chunked bodies: whole and cut give the same data and the same end; the data, encoded again, decodes to itself; and a
// trailer section that is whole by its length is whole for the field parser too.
#include <stdint.h>
#include <stdlib.h>
#include "base/check.h"
#include "http/chunk.h"
#include "http/head.h"

enum { INPUT_MAX = 16384 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct body {
    char data[INPUT_MAX];
    size_t len;
    size_t used;
    enum http_chunk_step last;
};

static void decode(struct body *body, struct http_chunk *chunk, const char *text, size_t len)
{
    char *copy = malloc(len - body->used + 1);
    must(copy);
    size_t start = body->used;
    memcpy(copy, text + start, len - start);
    char *exact = realloc(copy, len - start ? len - start : 1);
    must(exact);
    do {
        size_t used, off, data_len, left = len - body->used;
        body->last = http_chunk_decode(chunk, &used, &off, &data_len, exact + (body->used - start), left);
        must(used <= left);
        if (body->last == HTTP_CHUNK_DATA) {
            must(data_len > 0 && off + data_len == used);
            memcpy(body->data + body->len, exact + (body->used - start) + off, data_len);
            body->len += data_len;
        } else if (body->last == HTTP_CHUNK_MORE) {
            must(used == left);
        }
        body->used += used;
    } while (body->last == HTTP_CHUNK_DATA);
    free(exact);
}

static void check_again(const struct body *body)
{
    static char text[INPUT_MAX * 2];
    static struct body again;
    size_t pos = 0, half = body->len / 2;
    if (half) {
        pos += http_chunk_head(text + pos, half, true);
        memcpy(text + pos, body->data, half);
        pos += half;
    }
    if (body->len - half) {
        pos += http_chunk_head(text + pos, body->len - half, half == 0);
        memcpy(text + pos, body->data + half, body->len - half);
        pos += body->len - half;
    }
    pos += http_chunk_head(text + pos, 0, body->len == 0);
    struct http_chunk chunk;
    http_chunk_init(&chunk);
    again.len = again.used = 0;
    decode(&again, &chunk, text, pos);
    must(again.last == HTTP_CHUNK_TRAILER && again.used == pos);
    must(again.len == body->len && memcmp(again.data, body->data, body->len) == 0);
}

static void check_trailer(const char *text, size_t len)
{
    struct http_field fields[16];
    struct http_head head;
    enum http_bad bad;
    size_t trailer_len = http_trailer_len(text, len);
    must(trailer_len <= len);
    if (!trailer_len)
        return;
    http_head_init(&head, fields, NUM_ITEMS(fields));
    head.base = text;
    enum http_parse result = http_fields_parse(&head, &bad, trailer_len);
    must(result != HTTP_PARSE_MORE);
    must(result != HTTP_PARSE_DONE || head.len == trailer_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct body whole, cut;
    const char *text = (const char *)data;
    if (len > INPUT_MAX)
        return 0;
    struct http_chunk chunk;
    http_chunk_init(&chunk);
    whole.len = whole.used = 0;
    decode(&whole, &chunk, text, len);

    http_chunk_init(&chunk);
    cut.len = cut.used = 0;
    cut.last = HTTP_CHUNK_MORE;
    uint32_t state = (uint32_t)len;
    for (size_t have = 0; have < len && cut.last == HTTP_CHUNK_MORE;) {
        state = (state ^ data[have]) * 16777619u;
        have += 1 + (state >> 8) % (1 + len / 4);
        have = have < len ? have : len;
        decode(&cut, &chunk, text, have);
    }
    must(whole.last == cut.last && whole.len == cut.len && whole.used == cut.used);
    must(memcmp(whole.data, cut.data, whole.len) == 0);
    if (whole.last != HTTP_CHUNK_TRAILER)
        return 0;
    check_again(&whole);
    check_trailer(text + whole.used, len - whole.used);
    return 0;
}
