// SPDX-License-Identifier: Apache-2.0
// Settings of what ties clients to servers: the affinity cookie and its kin. Part of proxy/conf.h; written while the
// keeper reads the configuration and const afterwards.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Further bits of proxy_conf.options.
#define PROXY_OPT_PERSIST     (1ULL << 40) // option persist
#define PROXY_OPT_PREFER_LAST (1ULL << 41) // option prefer-last-server

// Who sets the affinity cookie, and how it looks.
enum proxy_cookie {
    PROXY_COOKIE_PASSIVE, // the servers, with values that we know
    PROXY_COOKIE_REWRITE, // the servers; the value becomes the server's
    PROXY_COOKIE_INSERT,  // we
    PROXY_COOKIE_PREFIX,  // the servers; the server's value and '~' go before theirs
};

// The longest `cookie VALUE` of a server.
enum { PROXY_COOKIE_MAX = 1024 };

enum { PROXY_COOKIE_DYNAMIC_LEN = 16, PROXY_COOKIE_KEY_MAX = 1024 };

struct transport_address;

// proxy_cookie_dynamic writes the value that `cookie ... dynamic` gives a server at the IPv4 or IPv6 address `addr`: as
// 16 digits the 64-bit xxHash of the secret `key` (at most PROXY_COOKIE_KEY_MAX bytes), the address, and the port as
// four bytes, the highest first. To be called again when the address changes.
void proxy_cookie_dynamic(char value[PROXY_COOKIE_DYNAMIC_LEN + 1], const char *key,
                          const struct transport_address *addr);

struct backend_conf;

// proxy_cookies_renew gives all servers of `backend` that have no cookie of their own the one that is made of their
// address, or none, as `cookie ... dynamic`, its key and the addresses are now.
void proxy_cookies_renew(struct backend_conf *backend);

// `cookie NAME insert indirect nocache ...`
struct cookie_conf {
    const char *name; // NULL: no cookie
    uint32_t name_len;
    uint8_t mode; // enum proxy_cookie
    bool indirect;
    bool nocache;
    bool postonly;
    bool preserve;
    bool httponly;
    bool secure;
    bool dynamic;       // servers without a value get one made of their address and dynamic-cookie-key
    uint32_t modes;     // a bit for each mode named, while it is read
    uint64_t maxidle_s; // seconds, 0: no limit
    uint64_t maxlife_s;
    const char *domain; // "; domain=..." built from all `domain` options, or NULL
    const char *attr;   // likewise for `attr`
};
