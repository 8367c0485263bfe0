// SPDX-License-Identifier: Apache-2.0
#include "http/head_parts.h"

// next_item takes the next element of the list `*rest` into `*item`; empty elements are passed over (RFC 9110 section
// 5.6.1.2). False at the end.
static bool next_item(struct slice *item, struct slice *rest)
{
    while (rest->len) {
        size_t comma = slice_find(*rest, ',');
        *item = slice_trim(slice_of(rest->ptr, comma));
        *rest = slice_from(*rest, comma + 1);
        if (item->len)
            return true;
    }
    return false;
}

bool http_list_has(struct slice value, struct slice token)
{
    struct slice item;
    while (next_item(&item, &value))
        if (slice_equal_nocase(item, token))
            return true;
    return false;
}

static enum http_bad content_length(struct http_head *head, struct http_field *field)
{
    if (head->flags & HTTP_HEAD_CHUNKED)
        return HTTP_BAD_LENGTH_AND_CODING;
    struct slice rest = slice_of(head->base + field->value, field->value_len);
    for (bool first = true; first || rest.ptr; first = false) {
        size_t comma = slice_find(rest, ',');
        struct slice item = slice_trim(slice_of(rest.ptr, comma));
        bool last = comma == rest.len;
        uint64_t length = 0;
        if (!slice_to_u64(item, &length) || length > INT64_MAX)
            return HTTP_BAD_LENGTH;
        if ((head->flags & HTTP_HEAD_LENGTH) && length != head->content_length)
            return HTTP_BAD_LENGTH;
        if ((head->flags & HTTP_HEAD_LENGTH) || !last)
            head->flags |= HTTP_HEAD_LENGTH_AGAIN;
        head->flags |= HTTP_HEAD_LENGTH;
        head->content_length = length;
        if (first)
            field->value_len = (uint32_t)item.len;
        rest = last ? slice_of(NULL, 0) : slice_from(rest, comma + 1);
    }
    return HTTP_BAD_NONE;
}

static enum http_bad transfer_encoding(struct http_head *head, struct slice value)
{
    if (UNLIKELY(head->lax && head->is_response)) {
        struct slice item, rest = value;
        unsigned num = 0;
        for (; next_item(&item, &rest); num++)
            if (!slice_equal_nocase(item, SLICE("chunked")))
                return HTTP_BAD_CODING;
        if (!num)
            return HTTP_BAD_NONE;
        head->flags &= ~(uint32_t)HTTP_HEAD_CHUNKED;
        value = SLICE("chunked");
    }
    if (head->flags & HTTP_HEAD_LENGTH)
        return HTTP_BAD_LENGTH_AND_CODING;
    if ((head->flags & (HTTP_HEAD_VERSION_10 | HTTP_HEAD_CHUNKED)) || !slice_equal_nocase(value, SLICE("chunked")))
        return HTTP_BAD_CODING;
    head->flags |= HTTP_HEAD_CHUNKED;
    return HTTP_BAD_NONE;
}

static void connection(struct http_head *head, struct slice value)
{
    struct slice item;
    while (next_item(&item, &value)) {
        if (slice_equal_nocase(item, SLICE("keep-alive")))
            head->flags |= HTTP_HEAD_KEEP_ALIVE;
        else if (slice_equal_nocase(item, SLICE("close")))
            head->flags |= HTTP_HEAD_CLOSE;
        else if (slice_equal_nocase(item, SLICE("upgrade")))
            head->flags |= HTTP_HEAD_CONN_UPGRADE;
        else if (!slice_equal_nocase(item, SLICE("te")))
            head->flags |= HTTP_HEAD_CONN_OTHER;
    }
}

enum http_bad http_field_meaning(struct http_head *head, unsigned index)
{
    struct http_field *field = &head->fields[index];
    if (head->stage == HTTP_STAGE_TRAILERS)
        return HTTP_BAD_NAME;
    struct slice value = http_field_value(head, index);
    switch (field->id) {
    case HTTP_FIELD_HOST:
        return !head->is_response && head->first[HTTP_FIELD_HOST] != index + 1 ? HTTP_BAD_HOST : HTTP_BAD_NONE;
    case HTTP_FIELD_CONNECTION:
        connection(head, value);
        return HTTP_BAD_NONE;
    case HTTP_FIELD_CONTENT_LENGTH:
        return content_length(head, field);
    case HTTP_FIELD_TRANSFER_ENCODING:
        return transfer_encoding(head, value);
    case HTTP_FIELD_EXPECT:
        if (!head->is_response && !(head->flags & HTTP_HEAD_VERSION_10) && http_list_has(value, SLICE("100-continue")))
            head->flags |= HTTP_HEAD_EXPECT_100;
        return HTTP_BAD_NONE;
    case HTTP_FIELD_TE:
        if (http_list_has(value, SLICE("trailers")))
            head->flags |= HTTP_HEAD_TE_TRAILERS;
        return HTTP_BAD_NONE;
    default:
        return HTTP_BAD_NONE;
    }
}

// An HTTP/1.0 message cannot ask for an upgrade: RFC 9110 section 7.8.
static void judge_upgrade(struct http_head *head)
{
    if (!(head->flags & HTTP_HEAD_CONN_UPGRADE) || (head->flags & HTTP_HEAD_VERSION_10) ||
        !head->first[HTTP_FIELD_UPGRADE])
        return;
    head->flags |= HTTP_HEAD_UPGRADE;
    for (int i = http_head_find(head, HTTP_FIELD_UPGRADE, 0); i >= 0;
         i = http_head_find(head, HTTP_FIELD_UPGRADE, (unsigned)i + 1))
        if (http_list_has(http_field_value(head, (unsigned)i), SLICE("websocket")))
            head->flags |= HTTP_HEAD_WEBSOCKET;
}

enum http_bad http_head_finish(struct http_head *head)
{
    judge_upgrade(head);
    if (head->is_response)
        return HTTP_BAD_NONE;
    if (!head->first[HTTP_FIELD_HOST])
        return head->flags & HTTP_HEAD_VERSION_10 ? HTTP_BAD_NONE : HTTP_BAD_HOST;
    struct slice host = http_field_value(head, head->first[HTTP_FIELD_HOST] - 1u);
    if (!http_host_is_valid(host))
        return HTTP_BAD_HOST;
    return !head->authority_len || head->lax || http_target_agrees(head, host) ? HTTP_BAD_NONE : HTTP_BAD_HOST;
}
