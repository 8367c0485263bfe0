// SPDX-License-Identifier: Apache-2.0
#include "admin/session.h"
#include "proxy/conf.h"

void admin_socket_text(struct text *out, const struct stats_socket_conf *socket)
{
    const struct os_listen *listen = &socket->bind.listen;
    char text[OS_LISTEN_TEXT_LEN];
    os_listen_text(text, listen);
    // HAProxy names the family of those that have a port, too.
    if (listen->kind == OS_LISTEN_TCP)
        text_printf(out, "%s", listen->address.ss_family == AF_INET6 ? "ipv6@" : "ipv4@");
    text_printf(out, "%s", text);
}

bool admin_socket_is_master(const struct stats_socket_conf *socket, uint32_t num_masters)
{
    for (; socket && num_masters; num_masters--)
        socket = socket->next;
    return !socket;
}

static const char *level_name(uint8_t level)
{
    return level == ADMIN_LEVEL_ADMIN ? "admin" : level == ADMIN_LEVEL_OPERATOR ? "operator" : "user";
}

static enum admin_verdict run_show_level(struct admin_call *call)
{
    return admin_say(call, 6, "%s\n", level_name(call->session->level));
}

static enum admin_verdict run_show_sockets(struct admin_call *call)
{
    const struct stats_socket_conf *socket = call->admin->start.conf->global.stats_sockets;
    text_printf(call->out, "# socket lvl processes\n");
    for (; socket; socket = socket->next) {
        admin_socket_text(call->out, socket);
        text_printf(call->out, " %s all\n", level_name(socket->level));
    }
    return ADMIN_DONE;
}

static const struct admin_command commands[] = {
    { .name = "show cli level",
      .level = ADMIN_LEVEL_USER,
      .where = ADMIN_ON_ANY,
      .help = "tell the level of this session",
      .run = run_show_level },
    { .name = "show cli sockets",
      .level = ADMIN_LEVEL_USER,
      .where = ADMIN_ON_ANY,
      .help = "list the admin sockets",
      .run = run_show_sockets },
};
ADMIN_COMMANDS(commands);
