// SPDX-License-Identifier: Apache-2.0
// Frontends that a command names. Private to the area; used in the controller.
#pragma once

#include "admin/command.h"

struct proxy_conf;

// admin_frontend_named gives the frontend that argument 0 names, by its name or "#<id>"; NULL after refusing.
const struct proxy_conf *admin_frontend_named(struct admin_call *call);
