// SPDX-License-Identifier: Apache-2.0
// Servers as arguments of admin commands, private to the area.
#pragma once

#include "admin/session.h"
#include "proxy/conf.h"

// admin_backend_named gives the backend of that name, or, for `#7`, of that number; NULL where there is none.
const struct proxy_conf *admin_backend_named(const struct admin_call *call, const char *name);

// admin_server_named gives the server that the first argument names (`backend/server`, each a name or `#7`); NULL after
// answering what is wrong.
const struct server_conf *admin_server_named(struct admin_call *call);
