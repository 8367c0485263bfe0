// SPDX-License-Identifier: Apache-2.0
// What `wait` may wait for of servers.
#include "admin/server.h"
#include "admin/wait.h"
#include "backend/server_change.h"

static enum admin_wait_verdict look_removable(struct admin_call *call, const char *const *args)
{
    const struct server_conf *server = admin_server_called(call, args[0]);
    const char *why;
    if (!server)
        return ADMIN_WAIT_NEVER;
    enum backend_removable removable = backend_server_removable(call->admin->start.board, &why, server);
    if (removable == BACKEND_REMOVABLE_NEVER)
        (void)admin_refuse(call, "%s\n", why);
    return removable == BACKEND_REMOVABLE         ? ADMIN_WAIT_MET
           : removable == BACKEND_REMOVABLE_LATER ? ADMIN_WAIT_NOT_YET
                                                  : ADMIN_WAIT_NEVER;
}

static const struct admin_wait_condition removable = {
    .name = "srv-removable",
    .args = "<backend>/<server>",
    .help = "the server can be deleted: it is in maintenance and has no connections",
    .num_args = 1,
    .look = look_removable,
};
ADMIN_WAIT_CONDITION(removable);
