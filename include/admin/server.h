// SPDX-License-Identifier: Apache-2.0
// Servers as arguments of admin commands, private to the area.
#pragma once

#include "admin/session.h"
#include "proxy/conf.h"

// A command about one server, which it names first; its answer is empty where it did what it says. One that published
// a change leaves its number in call->number; one that is to be called again sets call->wake_us.
typedef void admin_server_run(struct admin_call *call, const struct server_conf *server, struct board *board);

// What follows `set server <backend>/<server>` about where the server and its checks are.
admin_server_run admin_server_addr;
admin_server_run admin_server_fqdn;
admin_server_run admin_server_ssl;
admin_server_run admin_server_check_addr;
admin_server_run admin_server_check_port;
admin_server_run admin_server_agent_addr;
admin_server_run admin_server_agent_port;
admin_server_run admin_server_agent_send;

// admin_backend_named gives the backend of that name, or, for `#7`, of that number; NULL where there is none.
const struct proxy_conf *admin_backend_named(const struct admin_call *call, const char *name);

// admin_server_named gives the server that the first argument names (`backend/server`, each a name or `#7`); NULL after
// answering what is wrong.
const struct server_conf *admin_server_named(struct admin_call *call);

// admin_server_called gives the server of that name, likewise.
const struct server_conf *admin_server_called(struct admin_call *call, const char *text);
