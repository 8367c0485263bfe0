// SPDX-License-Identifier: Apache-2.0
// show servers state: what the board knows of servers, in the format that state files have (management guide, "show
// servers state", version 1).
#include "admin/server.h"
#include "admin/state_file.h"

static enum admin_verdict run_show_servers_state(struct admin_call *call)
{
    const struct proxy_conf *only = NULL;
    if (call->num_args) {
        only = admin_backend_named(call, call->args[0]);
        if (!only)
            return admin_refuse(call, "Can't find backend.\n");
    }
    // A piece for each proxy.
    const struct proxy_conf *proxy = call->admin->start.conf->proxies;
    for (uint32_t at = 1; proxy && at < call->turn; at++)
        proxy = proxy->next;
    if (!call->turn)
        admin_state_file_head(call->out);
    else if (proxy && proxy->has_backend && !proxy->disabled && (!only || proxy == only))
        admin_state_file_rows(call->out, proxy);
    return proxy && (!call->turn || proxy->next) ? ADMIN_MORE : ADMIN_DONE;
}

static const struct admin_command commands[] = {
    { .name = "show servers state",
      .level = ADMIN_LEVEL_USER,
      .where = ADMIN_ON_SERVICE,
      .max_args = 1,
      .args = "[<backend>]",
      .help = "tell what servers are doing, as a state file has it",
      .run = run_show_servers_state },
};
ADMIN_COMMANDS(commands);
