// SPDX-License-Identifier: Apache-2.0
// The last malformed request and the last malformed answer of each proxy, for `show errors`: as it came, with where the
// fault is and who sent it. They stand on the board, in bounded room: whichever worker saw the newest has the place, it
// outlives that worker and its generation, and where there is no room the oldest goes. Written by workers, read by
// controllers.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/slice.h"

struct board;

#define PROXY_INVALID_SECTION "board/invalid"

enum { PROXY_INVALID_NAME = 128, PROXY_INVALID_PLACES = 512 };

struct proxy_invalid {
    char proxy[PROXY_INVALID_NAME]; // the frontend of a request, the backend of an answer
    uint32_t proxy_id;
    bool is_response;
    char other[PROXY_INVALID_NAME]; // the other one of the two, "": there was none
    uint32_t other_id;
    char server[PROXY_INVALID_NAME]; // likewise
    uint32_t server_id;
    char src[64]; // address and port
    uint64_t event;
    uint64_t wall_us;
    uint32_t len;   // bytes that were captured
    uint32_t start; // where they began in their buffer
    uint32_t room;  // bytes of that buffer
    uint32_t at;    // of the fault
    uint32_t state; // enum http_state
    uint32_t conn_flags;
    uint32_t stream_flags;
    uint32_t msg_flags; // HTTP_HEAD_*
    uint64_t body_len;
};

// proxy_invalid_prepare makes the places on the board, for captures of up to `max_len` bytes; in the keeper, before it
// forks. False with errno on failure.
bool proxy_invalid_prepare(struct board *board, uint32_t max_len);

// proxy_invalid_keep makes `bytes` the last malformed message of its proxy. It sets `what`'s event and length.
void proxy_invalid_keep(struct board *board, struct proxy_invalid *what, struct slice bytes);

// proxy_invalid_get gives the last one of the proxy (by its name and number), and copies its bytes to `data`, which has
// room for proxy_invalid_max() bytes; false where there is none.
bool proxy_invalid_get(struct board *board, struct proxy_invalid *out, char *data, const char *proxy, uint32_t id,
                       bool is_response);

// proxy_invalid_max gives the bytes of the longest capture.
uint32_t proxy_invalid_max(void);

// proxy_invalid_total gives how many there were since the board was made.
uint64_t proxy_invalid_total(void);
