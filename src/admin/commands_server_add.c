// SPDX-License-Identifier: Apache-2.0
// Servers that come and go by command.
#include <string.h>
#include "admin/server.h"
#include "backend/server_change.h"
#include "proxy/server_line.h"

// The backend that is changed: conf is const to commands, but servers come and go by the journal alone.
static struct proxy_conf *backend_of(struct admin_call *call, struct slice name)
{
    struct proxy_conf *proxy = call->admin->start.conf->proxies;
    while (proxy && (!proxy->has_backend || !slice_equal(slice_str(proxy->name), name)))
        proxy = proxy->next;
    return proxy;
}

static enum admin_verdict run_add(struct admin_call *call)
{
    const char *first = call->num_args ? call->args[0] : "";
    const char *slash = strchr(first, '/');
    const char *words[ADMIN_MAX_WORDS];
    struct proxy_server_line line = { .args = words, .num_args = call->num_args };
    struct text wrong;
    if (strcmp(first, "help") == 0) {
        proxy_server_line_help(call->out);
        return ADMIN_DONE;
    }
    if (!slash)
        return admin_refuse(call, "Require 'backend/server'.\n");
    struct proxy_conf *proxy = backend_of(call, slice_of(first, (size_t)(slash - first)));
    if (!proxy)
        return admin_refuse(call, "No such backend.\n");
    memcpy(words, call->args, call->num_args * sizeof(*words));
    words[0] = slash + 1;
    text_init(&wrong);
    call->number = backend_server_add(call->admin->start.board, proxy, &line, &wrong);
    if (!call->number)
        (void)admin_refuse(call, "%s", wrong.ptr ? wrong.ptr : "Out of memory.\n");
    else
        (void)admin_say(call, 6, "New server registered.\n");
    text_fini(&wrong);
    return call->number ? ADMIN_CHANGED : ADMIN_DONE;
}

static enum admin_verdict run_del(struct admin_call *call)
{
    struct board *board = call->admin->start.board;
    const struct server_conf *server = admin_server_named(call);
    const char *why;
    if (!server)
        return ADMIN_DONE;
    if (backend_server_removable(board, &why, server) != BACKEND_REMOVABLE)
        return admin_refuse(call, "%s\n", why);
    call->number = backend_server_remove(board, server);
    if (!call->number)
        return admin_refuse(call, "A process does not keep up with changes: try again later.\n");
    (void)admin_say(call, 6, "Server deleted.\n");
    return ADMIN_CHANGED;
}

static const struct admin_command commands[] = {
    { .name = "add server",
      .level = ADMIN_LEVEL_ADMIN,
      .where = ADMIN_ON_SERVICE,
      .max_args = ADMIN_MAX_WORDS,
      .changes = true,
      .args = "<backend>/<server> <address> [<option>...] | help",
      .help = "add a server, which begins in maintenance, or list the options it may have",
      .run = run_add },
    { .name = "del server",
      .level = ADMIN_LEVEL_ADMIN,
      .where = ADMIN_ON_SERVICE,
      .max_args = 1,
      .changes = true,
      .args = "<backend>/<server>",
      .help = "delete a server that is in maintenance and has no connections",
      .run = run_del },
};
ADMIN_COMMANDS(commands);
