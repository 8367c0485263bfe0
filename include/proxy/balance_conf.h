// SPDX-License-Identifier: Apache-2.0
// How a backend spreads requests over its servers, as `balance`, `hash-type` and their kin say it. Part of struct
// backend_conf; const once the configuration is read.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct expr;
struct expr_step;

// The words of `balance`. Those from the first hash on look at something of the request.
enum proxy_balance {
    PROXY_BALANCE_ROUNDROBIN,
    PROXY_BALANCE_STATIC_RR,
    PROXY_BALANCE_LEASTCONN,
    PROXY_BALANCE_FIRST,
    PROXY_BALANCE_RANDOM,
    PROXY_BALANCE_STICKY, // mode log alone
    PROXY_BALANCE_SOURCE,
    PROXY_BALANCE_URI,
    PROXY_BALANCE_URL_PARAM,
    PROXY_BALANCE_HDR,
    PROXY_BALANCE_RDP_COOKIE,
    PROXY_BALANCE_HASH,
    PROXY_BALANCE_LOG_HASH, // mode log alone
    PROXY_NUM_BALANCES,
};

enum proxy_hash_function {
    PROXY_HASH_SDBM,
    PROXY_HASH_DJB2,
    PROXY_HASH_WT6,
    PROXY_HASH_CRC32,
    PROXY_HASH_NONE, // the key is a number already
};

// hash-preserve-affinity
enum proxy_affinity { PROXY_AFFINITY_ALWAYS, PROXY_AFFINITY_MAXCONN, PROXY_AFFINITY_MAXQUEUE };

// server_conf.hash_key
enum proxy_hash_key { PROXY_HASH_KEY_ID, PROXY_HASH_KEY_ADDR, PROXY_HASH_KEY_ADDR_PORT };

struct balance_conf {
    uint8_t algorithm; // enum proxy_balance
    uint8_t function;  // enum proxy_hash_function
    uint8_t affinity;  // enum proxy_affinity
    bool avalanche;
    bool consistent;         // hash-type consistent: a ring; else a map of all places
    bool whole;              // uri: with the query
    bool path_only;          // uri: without scheme and authority
    bool domain_only;        // hdr: the domain's own label
    bool check_post;         // url_param: in the body, too
    uint32_t len;            // uri: most bytes that count, 0: all
    uint32_t depth;          // uri: most directories, 0: all
    uint32_t draws;          // random: how many servers are drawn
    uint32_t factor;         // hash-balance-factor in percent, 0: none
    uint32_t name_len;       // of `name`
    uint16_t field;          // hdr: enum http_field_id, 0 for one without a number
    const char *name;        // hdr, url_param, rdp-cookie: of what; NULL where there is none
    const struct expr *expr; // hash; log-hash: converters without a fetch
};

// proxy_balance_is_hash says whether the algorithm looks at something of the request.
static inline bool proxy_balance_is_hash(const struct balance_conf *balance)
{
    return balance->algorithm >= PROXY_BALANCE_SOURCE;
}

// proxy_balance_is_static says whether a weight that changes at run time does not count, unless it is or was zero.
static inline bool proxy_balance_is_static(const struct balance_conf *balance)
{
    return balance->algorithm == PROXY_BALANCE_STATIC_RR || (proxy_balance_is_hash(balance) && !balance->consistent);
}

// proxy_balance_name gives the word for `algorithm`.
const char *proxy_balance_name(uint8_t algorithm);
