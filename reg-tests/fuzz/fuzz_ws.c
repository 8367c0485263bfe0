// SPDX-License-Identifier: Apache-2.0
// WebSocket frame heads: a head is whole at exactly one length, an unmasked one is written as it was read, and
// unmasking in two pieces, twice, gives back the bytes.
#include <stdint.h>
#include <stdlib.h>
#include "base/check.h"
#include "http/websocket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_unmask(const uint8_t *data, size_t len, const uint8_t mask[4])
{
    char *copy = malloc(len ? len : 1);
    must(copy);
    memcpy(copy, data, len);
    size_t cut = len / 3;
    http_ws_unmask(copy, len, mask, 5);
    for (size_t i = 0; i < len; i++)
        must((uint8_t)copy[i] == (data[i] ^ mask[(i + 5) % 4]));
    http_ws_unmask(copy, cut, mask, 5);
    http_ws_unmask(copy + cut, len - cut, mask, 5 + cut);
    must(len == 0 || memcmp(copy, data, len) == 0);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct slice text = slice_of((const char *)data, len);
    struct http_ws_frame frame, piece;
    char out[HTTP_WS_ACCEPT_LEN];
    (void)http_ws_accept(out, text);
    enum http_ws_parse result = http_ws_parse_head(&frame, text);
    for (size_t i = 0; i < len && i < 14; i++) {
        enum http_ws_parse early = http_ws_parse_head(&piece, slice_of(text.ptr, i));
        must(early != HTTP_WS_DONE || (result == HTTP_WS_DONE && i >= frame.head_len));
        must(early != HTTP_WS_BAD || result == HTTP_WS_BAD);
        must(early != HTTP_WS_MORE || result != HTTP_WS_DONE || i < frame.head_len);
    }
    if (result != HTTP_WS_DONE)
        return 0;
    must(frame.head_len <= len && frame.head_len <= 14);
    char head[10];
    size_t head_len = http_ws_write_head(head, frame.opcode, frame.fin, frame.payload_len);
    must(head_len + (frame.masked ? 4 : 0) == frame.head_len);
    if (!frame.masked)
        must(memcmp(head, data, head_len) == 0);
    else
        check_unmask(data + frame.head_len, len - frame.head_len, frame.mask);
    return 0;
}
