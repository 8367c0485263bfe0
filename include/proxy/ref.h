// SPDX-License-Identifier: Apache-2.0
// What an expression or a rule names: a frontend, a backend, a server or a stick table that may stand later in the
// file. Made while the line is read, resolved with all others once everything is, and const in the processes that carry
// traffic.
#pragma once

#include "proxy/conf.h"

enum proxy_ref_kind {
    PROXY_REF_FRONTEND,
    PROXY_REF_BACKEND,
    PROXY_REF_SERVER, // "backend/server", or a server of the same proxy
    PROXY_REF_TABLE,  // a stick table, by the name of its proxy
};

struct proxy_ref {
    struct proxy_ref *next;
    enum proxy_ref_kind kind;
    struct slice text;              // as written; empty: the proxy that the expression stands in
    const struct proxy_conf *from;  // that one, NULL where it stands in none
    const struct proxy_conf *proxy; // what is meant; NULL: whichever serves the exchange (in a defaults section)
    struct server_conf *server;
    const struct stick_table_conf *table; // never NULL once resolved, where `kind` is PROXY_REF_TABLE
    enum expr_type key;                   // of what is looked up there; EXPR_ANY: known only then
    struct config_place place;
};

// proxy_ref_new notes that the fetch, converter or action whose arguments are prepared now means `text`, for which it
// gives the reference; an error is reported by proxy_refs_resolve. Boot only.
const struct proxy_ref *proxy_ref_new(struct config *config, enum proxy_ref_kind kind, struct slice text);

// proxy_ref_table does so for a stick table in which a rule will look up samples of the type `key`, which
// proxy_refs_resolve compares with the table's.
const struct proxy_ref *proxy_ref_table(struct config *config, struct slice text, enum expr_type key);

// proxy_refs_resolve finds what all references mean; false after reporting those that mean nothing.
bool proxy_refs_resolve(struct config *config, struct program_conf *program);

// proxy_server_named gives the server called `name`, "backend/server" or one of `current` (may be NULL); NULL for none.
// `*proxy` is its backend's. For names that only traffic brings.
const struct server_conf *proxy_server_named(const struct proxy_conf **proxy, const struct program_conf *program,
                                             struct slice name, const struct proxy_conf *current);
