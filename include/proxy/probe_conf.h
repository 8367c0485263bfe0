// SPDX-License-Identifier: Apache-2.0
// What a server line says of being watched besides its own health check: traffic that is observed, the agent that is
// asked, another server that is followed. Part of struct server_conf: written while the keeper reads the configuration,
// const afterwards.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "transport/address.h"

enum probe_observe { PROBE_OBSERVE_NONE, PROBE_OBSERVE_LAYER4, PROBE_OBSERVE_LAYER7 };

enum probe_on_error {
    PROBE_ON_ERROR_FAIL_CHECK, // the default
    PROBE_ON_ERROR_FASTINTER,
    PROBE_ON_ERROR_SUDDEN_DEATH,
    PROBE_ON_ERROR_MARK_DOWN,
};

enum probe_init_state {
    PROBE_INIT_NONE,
    PROBE_INIT_FULLY_UP,
    PROBE_INIT_UP,
    PROBE_INIT_DOWN,
    PROBE_INIT_FULLY_DOWN,
};

// Of a proxy: what `option external-check` runs.
struct probe_external_conf {
    bool enabled;
    const char *command; // or NULL
    const char *path;    // of its environment, NULL: none
};

struct probe_conf {
    uint8_t observe;          // enum probe_observe
    uint8_t on_error;         // enum probe_on_error
    uint8_t init_state;       // enum probe_init_state
    uint8_t share;            // of failed answers in percent above which it is an outlier, 0: not looked at
    uint32_t share_min;       // answers in the window before the share means something
    uint64_t share_window_us; // over which it is taken
    uint64_t eject_us;        // how long one without checks stays out the first time, 0: it is never taken out
    uint32_t error_limit;     // consecutive errors that mean on_error

    const char *track_text; // `track`, as written; NULL: none

    bool agent;          // agent-check
    uint16_t agent_port; // 0: none, and then no agent
    uint64_t agent_inter_us;
    const char *agent_send; // NULL: nothing is sent
    uint32_t agent_send_len;
    struct transport_address agent_addr; // AF_UNSPEC: the server's
    const char *agent_host;              // a name that agent_addr is resolved from, or NULL
    uint16_t agent_host_family;
};
