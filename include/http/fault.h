// SPDX-License-Identifier: Apache-2.0
// Where in a malformed message the fault is, for people: looked for once a message was refused, so that the parser need
// not keep track. Pure.
#pragma once

#include <stdint.h>
#include "base/slice.h"
#include "http/head.h"

// What a parser is at, with the names and numbers that HAProxy's `show errors` has for it.
enum http_state {
    HTTP_STATE_RQBEFORE,
    HTTP_STATE_RQMETH = 2,
    HTTP_STATE_RQURI = 4,
    HTTP_STATE_RQVER = 6,
    HTTP_STATE_RQLINE_END,
    HTTP_STATE_RPBEFORE,
    HTTP_STATE_RPVER = 10,
    HTTP_STATE_RPCODE = 12,
    HTTP_STATE_RPREASON = 14,
    HTTP_STATE_RPLINE_END,
    HTTP_STATE_HDR_NAME = 17,
    HTTP_STATE_HDR_VAL = 22,
    HTTP_STATE_HDR_L2_LF,
    HTTP_STATE_HDR_L2_LWS,
    HTTP_STATE_LAST_LF,
    HTTP_STATE_CHUNK_SIZE,
    HTTP_STATE_DATA,
    HTTP_STATE_CHUNK_CRLF,
    HTTP_STATE_TRAILERS,
    HTTP_NUM_STATES
};

struct http_fault {
    uint32_t at; // offset of the first byte that is wrong
    uint8_t state;
};

// http_fault_find says where in `bytes`, which begin with a head that was refused as `bad`, the fault is: at the byte
// that may not stand there, or, where the fault is in what fields say, at the value.
struct http_fault http_fault_find(struct slice bytes, enum http_bad bad, bool is_response);

// http_state_name gives the name of a state, such as "MSG_HDR_NAME".
const char *http_state_name(uint8_t state);
