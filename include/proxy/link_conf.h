// SPDX-License-Identifier: Apache-2.0
// Settings of the sockets towards clients and servers. Part of proxy/conf.h; written while the keeper reads the
// configuration and const afterwards.
#pragma once

#include <stdint.h>

// `srvtcpka-*`, `clitcpka-*`, for `option srvtcpka` and `option clitcpka`; 0: what the system does.
struct proxy_keepalive {
    uint32_t count;       // probes without an answer until the connection is given up
    uint64_t idle_us;     // silence before the first
    uint64_t interval_us; // time between two
};
