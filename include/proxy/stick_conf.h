// SPDX-License-Identifier: Apache-2.0
// Settings of stickiness: `stick on`, `stick match`, `stick store-request` and `stick store-response` lines of a
// backend. Written by the keeper, const afterwards.
#pragma once

#include "expr/expr.h"
#include "proxy/conf.h"
#include "table/stick.h"

enum { PROXY_STICK_STORES = 8 }; // that a request, and its answer, may make together

struct proxy_stick {
    struct proxy_stick *next;
    struct expr expr;             // what the key is made from
    const struct expr_cond *cond; // NULL: always
    bool match;                   // look the server up
    bool store;                   // and remember it
    const char *table_name;       // NULL: the proxy's own
    struct stick_table_conf *table;
    struct config_place place;
};

// proxy_stick_table gives the table that the proxy `name` holds, frontend or backend, or NULL.
struct stick_table_conf *proxy_stick_table(const struct program_conf *program, struct slice name);

// proxy_stick_finish finds what `proxy` names in its stick lines, and in its table; false after reporting what is
// wrong.
bool proxy_stick_finish(struct config *config, struct proxy_conf *proxy);
