// SPDX-License-Identifier: Apache-2.0
// Rings, as the configuration says them: targets of log lines that are sent over connections. Written while the keeper
// reads the configuration, const afterwards; what runs is a sink of the log area.
#pragma once

#include "config/config.h"
#include "log/address.h"

struct ring_server {
    struct ring_server *next;
    struct log_address to;
    bool octets; // log-proto octet-count
};

struct ring_conf {
    struct ring_conf *next;
    const char *name;
    const char *description;
    uint8_t format; // enum log_format, LOG_FORMAT_UNSET: that of the log line
    uint32_t max_len;
    uint64_t size;
    uint64_t connect_us;
    uint64_t server_us;
    struct ring_server *servers;
    struct config_place place;
};

struct log_target;

// proxy_rings_finish finds the rings that targets of `list` name, and makes each a target per server. False after
// reporting one that is not there.
bool proxy_rings_finish(struct config *config, struct log_target *list);
