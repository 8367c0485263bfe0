// SPDX-License-Identifier: Apache-2.0
// WebSocket (RFC 6455): the handshake's accept token and the frame codec that the built-in echo service needs. Tunnels
// never look at frames. Pure: no I/O, no allocation.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/slice.h"

enum { HTTP_WS_ACCEPT_LEN = 28 };

// http_ws_accept writes the 28 characters of Sec-WebSocket-Accept for the client's `key` to `out` (no terminator);
// false where `key` is not 24 characters of base64. RFC 6455 section 4.2.2.
bool http_ws_accept(char *out, struct slice key);

struct http_ws_frame {
    uint64_t payload_len;
    uint8_t mask[4];
    uint8_t opcode; // 0 continuation, 1 text, 2 binary, 8 close, 9 ping, 10 pong
    bool fin;
    bool masked;
    uint8_t head_len;
};

enum http_ws_parse { HTTP_WS_DONE, HTTP_WS_MORE, HTTP_WS_BAD };

// http_ws_parse_head reads a frame's head from `data`; HTTP_WS_BAD for reserved bits or opcodes, a control frame that
// is fragmented or longer than 125 bytes, or a length that is not minimal. RFC 6455 section 5.2.
enum http_ws_parse http_ws_parse_head(struct http_ws_frame *frame, struct slice data);

// http_ws_write_head writes the head of an unmasked frame to `dst` (room: 10 bytes) and returns its length.
size_t http_ws_write_head(char *dst, uint8_t opcode, bool fin, uint64_t payload_len);

// http_ws_unmask undoes `mask` on `len` bytes in place; `offset` is their place in the payload.
void http_ws_unmask(char *data, size_t len, const uint8_t mask[4], uint64_t offset);
