// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include "stream/capture.h"

// A piece of text at `off` from the block's start; 0 while nothing was captured.
struct piece {
    uint32_t off;
    uint32_t len;
};

// Behind it stand the slots of the request, those of the answer, then room for the text of each.
struct stream_captures {
    uint32_t size;
    uint32_t num[2];
    struct piece cookie[2];
    struct piece slots[];
};

static struct piece *slot_at(struct stream_captures *captures, enum stream_capture_side side, unsigned index)
{
    return &captures->slots[side == STREAM_CAPTURE_RESPONSE ? captures->num[0] + index : index];
}

// get gives the stream's captures, making them the first time; NULL where there is no memory or nothing to capture.
static struct stream_captures *get(struct stream *stream)
{
    const struct frontend_conf *conf = &stream->session->conf->fe;
    if (stream->captures || !conf->capture_room)
        return stream->captures;
    size_t slots_len = (conf->num_captures[0] + conf->num_captures[1]) * sizeof(struct piece);
    size_t size = sizeof(struct stream_captures) + slots_len + conf->capture_room;
    struct stream_captures *captures = malloc(size);
    if (!captures)
        return NULL;
    memset(captures, 0, sizeof(*captures) + slots_len);
    captures->size = (uint32_t)size;
    memcpy(captures->num, conf->num_captures, sizeof(captures->num));
    stream->captures = captures;
    return captures;
}

// put copies `text` to the room that begins `at` bytes behind the slots.
static void put(struct stream_captures *captures, struct piece *piece, uint32_t at, uint32_t max, struct slice text)
{
    size_t slots_len = (captures->num[0] + captures->num[1]) * sizeof(struct piece);
    piece->off = (uint32_t)(sizeof(*captures) + slots_len) + at;
    piece->len = text.len < max ? (uint32_t)text.len : max;
    if (piece->len)
        memcpy((char *)captures + piece->off, text.ptr, piece->len);
}

static const struct capture_conf *find_slot(const struct frontend_conf *conf, enum stream_capture_side side,
                                            unsigned index)
{
    const struct capture_conf *slot = conf->captures[side];
    while (slot && slot->index != index)
        slot = slot->next;
    return slot;
}

bool stream_capture_set(struct stream *stream, enum stream_capture_side side, unsigned index, struct slice text)
{
    const struct capture_conf *slot = find_slot(&stream->session->conf->fe, side, index);
    struct stream_captures *captures = slot ? get(stream) : NULL;
    if (!captures)
        return false;
    put(captures, slot_at(captures, side, index), slot->at, slot->len, text);
    return true;
}

static struct slice last_value(const struct http_head *head, const struct capture_conf *slot)
{
    struct slice name = slice_of(slot->name, slot->name_len), value = { 0 };
    for (int i = -1; (i = http_head_find_name(head, name, (unsigned)(i + 1))) >= 0;)
        value = http_field_value(head, (unsigned)i);
    return value;
}

// find_cookie gives the first cookie whose "name=value" begins as was asked for.
static struct slice find_cookie(const struct http_head *head, struct slice prefix)
{
    enum http_field_id id = head->is_response ? HTTP_FIELD_SET_COOKIE : HTTP_FIELD_COOKIE;
    for (int i = -1; (i = http_head_find(head, id, (unsigned)(i + 1))) >= 0;) {
        struct slice rest = http_field_value(head, (unsigned)i);
        while (rest.len) {
            struct slice pair = slice_of(rest.ptr, slice_find(rest, ';'));
            rest = slice_from(rest, head->is_response ? rest.len : pair.len + 1);
            pair = slice_trim(pair);
            if (slice_begins(pair, prefix) && slice_find(pair, '=') < pair.len)
                return pair;
        }
    }
    return slice_of(NULL, 0);
}

void stream_capture_head(struct stream *stream, enum stream_capture_side side)
{
    const struct frontend_conf *conf = &stream->session->conf->fe;
    const struct http_head *head = side == STREAM_CAPTURE_REQUEST ? &stream->request : &stream->response;
    struct stream_captures *captures = get(stream);
    if (!captures)
        return;
    for (const struct capture_conf *slot = conf->captures[side]; slot; slot = slot->next) {
        struct slice value = slot->name ? last_value(head, slot) : slice_of(NULL, 0);
        if (value.ptr)
            put(captures, slot_at(captures, side, slot->index), slot->at, slot->len, value);
    }
    if (conf->capture_cookie.name) {
        struct slice cookie = find_cookie(head, slice_of(conf->capture_cookie.name, conf->capture_cookie.name_len));
        uint32_t len = conf->capture_cookie.len;
        if (cookie.ptr)
            put(captures, &captures->cookie[side], conf->capture_cookie.at + (side ? len : 0), len, cookie);
    }
}

static struct slice text_of(const struct stream_captures *captures, const struct piece *piece)
{
    return piece->off ? slice_of((const char *)captures + piece->off, piece->len) : slice_of(NULL, 0);
}

struct slice stream_captures_slot(const struct stream_captures *captures, enum stream_capture_side side, unsigned index)
{
    if (!captures || index >= captures->num[side])
        return slice_of(NULL, 0);
    return text_of(captures, slot_at((struct stream_captures *)captures, side, index));
}

struct slice stream_captures_cookie(const struct stream_captures *captures, enum stream_capture_side side)
{
    return captures ? text_of(captures, &captures->cookie[side]) : slice_of(NULL, 0);
}

struct stream_captures *stream_captures_copy(const struct stream_captures *captures)
{
    struct stream_captures *copy = captures ? malloc(captures->size) : NULL;
    if (copy)
        memcpy(copy, captures, captures->size);
    return copy;
}

void stream_captures_free(struct stream_captures *captures)
{
    free(captures);
}
