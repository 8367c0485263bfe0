// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include "admin/admin.h"
#include "base/check.h"
#include "process/environment.h"

static void variable_set(const char *name, const struct text *value)
{
    if (value->failed || setenv(name, value->len ? value->ptr : "", 1) != 0)
        check_out_of_memory(value->len);
}

static void socket_add(struct text *list, const struct stats_socket_conf *socket)
{
    if (list->len)
        text_add(list, ";", 1);
    admin_socket_text(list, socket);
}

void environment_tell_sockets(const struct program_conf *program, uint32_t num_masters)
{
    struct text stats, master;
    text_init(&stats);
    text_init(&master);
    for (const struct stats_socket_conf *socket = program->global.stats_sockets; socket; socket = socket->next)
        socket_add(admin_socket_is_master(socket, num_masters) ? &master : &stats, socket);
    variable_set("HAPROXY_CLI", &stats);
    if (num_masters)
        variable_set("HAPROXY_MASTER_CLI", &master);
    text_fini(&stats);
    text_fini(&master);
}
