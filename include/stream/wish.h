// SPDX-License-Identifier: Apache-2.0
// What rules asked for one exchange besides changes of its heads: timeouts, places in queues, addresses, marks. Actions
// write it, the steps honour it. All zero means: as the configuration says. It is the stream's, and ends with it.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "transport/address.h"

struct rule;

enum { STREAM_LEVEL_SILENT = 9 }; // stream_wishes.log_level: no line at all

struct stream_wishes {
    uint64_t client_timeout_us; // set-timeout; 0: the proxy's
    uint64_t server_timeout_us;
    uint64_t tunnel_timeout_us;
    struct transport_address src; // set-src, set-src-port; AF_UNSPEC: the session's
    struct transport_address dst; // set-dst, set-dst-port
    const struct rule *lax;       // the strict-mode off that rules after it in its list obey, or NULL
    int32_t prio_class;           // -2047 to 2047, lower ones first
    int32_t prio_offset_ms;       // -524287 to 524287
    int16_t nice;                 // set-nice, -1024 to 1024
    uint32_t bc_mark;             // set-bc-mark, with has_bc_mark
    uint8_t bc_tos;               // set-bc-tos, with has_bc_tos
    uint8_t retries;              // set-retries, with has_retries
    uint8_t log_level;            // 0: as configured, 1 + a syslog level, or STREAM_LEVEL_SILENT
    bool has_bc_mark : 1;
    bool has_bc_tos : 1;
    bool has_retries : 1;
    bool no_l7_retry : 1;  // disable-l7-retry
    bool close_server : 1; // set-header connection close: the server's connection ends with this exchange
};
