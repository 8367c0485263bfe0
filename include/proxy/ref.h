// SPDX-License-Identifier: Apache-2.0
// What an expression names: a frontend, a backend or a server that may stand later in the file. Made while the
// expression is read, resolved with all others once everything is, and const in the processes that carry traffic.
#pragma once

#include "proxy/conf.h"

enum proxy_ref_kind {
    PROXY_REF_FRONTEND,
    PROXY_REF_BACKEND,
    PROXY_REF_SERVER, // "backend/server", or a server of the same proxy
};

struct proxy_ref {
    struct proxy_ref *next;
    enum proxy_ref_kind kind;
    struct slice text;              // as written; empty: the proxy that the expression stands in
    const struct proxy_conf *from;  // that one, NULL where it stands in none
    const struct proxy_conf *proxy; // what is meant; NULL: whichever serves the exchange (in a defaults section)
    const struct server_conf *server;
    struct config_place place;
};

// proxy_ref_new notes that the fetch or converter whose arguments are prepared now means `text`, for which it gives the
// reference; an error is reported by proxy_refs_resolve. Boot only.
const struct proxy_ref *proxy_ref_new(struct config *config, enum proxy_ref_kind kind, struct slice text);

// proxy_refs_resolve finds what all references mean; false after reporting those that mean nothing.
bool proxy_refs_resolve(struct config *config, struct program_conf *program);

// proxy_server_named gives the server called `name`, "backend/server" or one of `current` (may be NULL); NULL for none.
// `*proxy` is its backend's. For names that only traffic brings.
const struct server_conf *proxy_server_named(const struct proxy_conf **proxy, const struct program_conf *program,
                                             struct slice name, const struct proxy_conf *current);
