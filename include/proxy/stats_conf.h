// SPDX-License-Identifier: Apache-2.0
// What the lines `stats ...` of a proxy say of its status page: where it is, who may see it, and what it shows. Read by
// the keeper (src/proxy/words_stats.c), const afterwards; workers look at it for each request of such a proxy
// (src/stream/stats.c) and make the page from it (src/admin/page.c).
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/slice.h"

struct config;
struct expr_cond;
struct proxy_conf;
struct rule;

#define STATS_DEFAULT_URI   "/haproxy?stats"
#define STATS_DEFAULT_REALM "HAProxy Statistics"

// The name under which the page is found among the built-in services.
#define STATS_PAGE_SERVICE "status-page"

// `stats auth`
struct stats_user {
    struct stats_user *next;
    struct slice name;
    struct slice password;
};

// `stats scope`
struct stats_scope {
    struct stats_scope *next;
    const char *name; // "." is the proxy itself
};

// `stats admin`
struct stats_admin {
    struct stats_admin *next;
    const struct expr_cond *cond;
};

struct stats_conf {
    struct slice uri;           // what requests for the page begin with
    const char *realm;          // of `stats auth`
    bool has_realm;             // it was written
    struct stats_user *users;   // NULL: anybody
    struct rule *challenge;     // asks for a user and a password; with users
    struct rule *rules;         // `stats http-request`
    struct stats_scope *scopes; // NULL: all proxies are shown
    struct stats_admin *admins; // one that holds lets the request change servers
    uint64_t refresh_us;        // 0: never
    bool hides_version;
    bool shows_legends;
    bool shows_modules;
    const char *node;        // NULL: not shown
    const char *description; // NULL: not shown
    bool shows_node;         // `node`, or the one of the global section
    bool shows_description;
    const struct rule_service *service; // that makes the page
};

// stats_conf_shows says whether the page of `proxy` shows `other`.
bool stats_conf_shows(const struct proxy_conf *proxy, const struct proxy_conf *other);

// stats_conf_check reports lines of `proxy` that contradict each other; false then. Of a proxy whose mode has no page
// it takes them out, with a warning.
bool stats_conf_check(struct config *config, struct proxy_conf *proxy);
