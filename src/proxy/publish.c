// SPDX-License-Identifier: Apache-2.0
// Gives everything that is counted or limited its place on the board, under names that stay the same over reloads.
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include "board/board.h"
#include "log/log.h"
#include "proxy/conf.h"
#include "proxy/counters.h"
#include "proxy/live.h"
#include "table/proc_vars.h"

enum { NAME_MAX_LEN = 512 };

static bool enter(uint32_t *object, struct board *board, const char *format, ...) __attribute__((format(printf, 3, 4)));

static bool enter(uint32_t *object, struct board *board, const char *format, ...)
{
    char name[NAME_MAX_LEN];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof(name), format, args);
    va_end(args);
    *object = board_object(board, name);
    if (!*object)
        errno = ENOSPC;
    return *object != 0;
}

static bool publish_proxy(struct program_conf *program, struct proxy_conf *proxy, struct board *board)
{
    const struct global_conf *global = &program->global;
    const char *tag = proxy->log_tag ? proxy->log_tag : global->log_tag ? global->log_tag : PROXY_LOG_TAG;
    const char *kind = proxy->mode == PROXY_MODE_HTTP ? PROXY_KIND_HTTP : PROXY_KIND_TCP;
    if (proxy->has_frontend && !enter(&proxy->fe_object, board, "%s%s", kind, proxy->name))
        return false;
    if (proxy->has_backend && !enter(&proxy->be_object, board, "b/%s", proxy->name))
        return false;
    // All servers before all of their connections: numbers that follow each other are looked at together (leastconn).
    for (struct server_conf *it = proxy->be.servers; it; it = it->next)
        if (!enter(&it->object, board, "s/%s/%s", proxy->name, it->name))
            return false;
    for (struct server_conf *it = proxy->be.servers; it; it = it->next)
        if (!enter(&it->pool_object, board, "c/%s/%s", proxy->name, it->name))
            return false;
    for (struct bind_conf *it = proxy->fe.binds; it; it = it->next) {
        if (!enter(&it->object, board, "l/%s/%u", proxy->name, it->id))
            return false;
    }
    return log_targets_publish(board, proxy->logs, tag, global->log_send_hostname);
}

// Those that are not named keep what an earlier configuration, or a rule, gave them.
static bool publish_vars(const struct global_conf *global, struct board *board)
{
    struct table_proc_vars vars;
    if (!table_proc_vars_init(&vars, board))
        return false;
    for (const struct proxy_boot_var *var = global->proc_vars; var; var = var->next) {
        if (var->is_set && !vars.vars.set(&vars, var->id, var->name, &var->value)) {
            errno = ENOSPC;
            return false;
        }
    }
    return true;
}

bool proxy_conf_publish(struct program_conf *program, struct board *board)
{
    const struct global_conf *global = &program->global;
    if (!enter(&program->object, board, "g/global") || !enter(&program->tls_object, board, "g/tls") ||
        !enter(&program->vitals_object, board, "g/vitals") || !enter(&program->memory_object, board, "g/memory"))
        return false;
    for (struct proxy_conf *proxy = program->proxies; proxy; proxy = proxy->next) {
        if (!publish_proxy(program, proxy, board))
            return false;
    }
    proxy_live_begin(program);
    if (!publish_vars(global, board))
        return false;
    if (!log_targets_publish(board, global->logs, global->log_tag ? global->log_tag : PROXY_LOG_TAG,
                             global->log_send_hostname))
        return false;
    log_say_targets(board, global->logs);
    return true;
}
