// SPDX-License-Identifier: Apache-2.0
// What an operator makes servers do: state, weight, health, limits, sessions.
#include <stdlib.h>
#include "admin/server.h"
#include "backend/notice.h"
#include "check/check.h"

static void answer(struct admin_call *call, const char *text)
{
    (void)admin_refuse(call, "%s\n", text);
}

static const struct proxy_conf *proxy_named(const struct program_conf *conf, struct slice name)
{
    uint64_t id = 0;
    bool by_id = name.len > 1 && *name.ptr == '#' && slice_to_u64(slice_from(name, 1), &id);
    for (const struct proxy_conf *proxy = conf->proxies; proxy; proxy = proxy->next)
        if (proxy->has_backend && (by_id ? proxy->id == id : slice_equal(slice_str(proxy->name), name)))
            return proxy;
    return NULL;
}

const struct proxy_conf *admin_backend_named(const struct admin_call *call, const char *name)
{
    return proxy_named(call->admin->start.conf, slice_str(name));
}

static const struct server_conf *server_named(const struct proxy_conf *proxy, struct slice name)
{
    uint64_t id = 0;
    if (name.len < 2 || *name.ptr != '#' || !slice_to_u64(slice_from(name, 1), &id))
        return proxy_server_find(&proxy->be, name);
    for (const struct server_conf *server = proxy->be.servers; server; server = server->next)
        if (server->id == id)
            return server;
    return NULL;
}

const struct server_conf *admin_server_called(struct admin_call *call, const char *text)
{
    struct slice name = text ? slice_str(text) : (struct slice){ 0 };
    size_t len = slice_find(name, '/');
    if (len == name.len) {
        answer(call, "Require 'backend/server'.");
        return NULL;
    }
    const struct proxy_conf *proxy = proxy_named(call->admin->start.conf, slice_of(name.ptr, len));
    const struct server_conf *server = proxy ? server_named(proxy, slice_from(name, len + 1)) : NULL;
    if (!server)
        answer(call, proxy ? "No such server." : "No such backend.");
    return server;
}

const struct server_conf *admin_server_named(struct admin_call *call)
{
    return admin_server_called(call, call->num_args ? call->args[0] : NULL);
}

static enum admin_verdict with_server(struct admin_call *call, admin_server_run *run)
{
    const struct server_conf *server = admin_server_named(call);
    if (server)
        run(call, server, call->admin->start.board);
    return call->number ? ADMIN_CHANGED : server && call->wake_us ? ADMIN_WAIT : ADMIN_DONE;
}

static void maint(struct admin_call *call, const struct server_conf *server, struct board *board)
{
    (void)call;
    backend_notice_admin(board, server, BACKEND_ADMIN_MAINT, BACKEND_ADMIN_DRAIN, NULL);
}

static void drain(struct admin_call *call, const struct server_conf *server, struct board *board)
{
    (void)call;
    backend_notice_admin(board, server, BACKEND_ADMIN_DRAIN, BACKEND_ADMIN_MAINT, NULL);
}

static void ready(struct admin_call *call, const struct server_conf *server, struct board *board)
{
    (void)call;
    backend_notice_admin(board, server, 0, BACKEND_ADMIN_MAINT | BACKEND_ADMIN_DRAIN, NULL);
}

static void disable(struct admin_call *call, const struct server_conf *server, struct board *board)
{
    (void)call;
    backend_notice_admin(board, server, BACKEND_ADMIN_MAINT, 0, NULL);
}

static void set_state(struct admin_call *call, const struct server_conf *server, struct board *board)
{
    const char *state = call->num_args > 2 ? call->args[2] : "";
    if (strcmp(state, "ready") == 0)
        ready(call, server, board);
    else if (strcmp(state, "drain") == 0)
        drain(call, server, board);
    else if (strcmp(state, "maint") == 0)
        maint(call, server, board);
    else
        answer(call, "'set server <srv> state' expects 'ready', 'drain' and 'maint'.");
}

// A check that looks again may think otherwise: what it has counted becomes what it now is.
static void set_health(struct admin_call *call, const struct server_conf *server, struct board *board)
{
    const char *health = call->num_args > 2 ? call->args[2] : "";
    struct backend_state *state = backend_state_at(server->object);
    uint32_t best = atomic_load(&state->check_rise) + atomic_load(&state->check_fall);
    best -= best > 0;
    if (server->tracked) {
        answer(call, "cannot change health on a tracking server.");
    } else if (strcmp(health, "up") == 0) {
        atomic_store(&state->health, best);
        backend_notice_op(board, server, BACKEND_OP_RUNNING, "changed from CLI");
    } else if (strcmp(health, "stopping") == 0) {
        atomic_store(&state->health, best);
        backend_notice_op(board, server, BACKEND_OP_STOPPING, "changed from CLI");
    } else if (strcmp(health, "down") == 0) {
        atomic_store(&state->health, 0);
        backend_notice_op(board, server, BACKEND_OP_STOPPED, "changed from CLI");
    } else {
        answer(call, "'set server <srv> health' expects 'up', 'stopping', or 'down'.");
    }
}

static void set_agent(struct admin_call *call, const struct server_conf *server, struct board *board)
{
    const char *health = call->num_args > 2 ? call->args[2] : "";
    struct backend_state *state = backend_state_at(server->object);
    uint32_t best = atomic_load(&state->agent_rise) + atomic_load(&state->agent_fall);
    if (!(atomic_load(&state->agent_flags) & BACKEND_CHECK_ENABLED)) {
        answer(call, "agent checks are not enabled on this server.");
    } else if (strcmp(health, "up") == 0) {
        atomic_store(&state->agent_health, best - (best > 0));
        backend_notice_op(board, server, BACKEND_OP_RUNNING, "changed from CLI");
    } else if (strcmp(health, "down") == 0) {
        atomic_store(&state->agent_health, 0);
        backend_notice_op(board, server, BACKEND_OP_STOPPED, "changed from CLI");
    } else {
        answer(call, "'set server <srv> agent' expects 'up' or 'down'.");
    }
}

// Text that comes before what makes it wrong has no line feed of its own, as for HAProxy.
static bool read_signed(int64_t *out, const char **rest, struct admin_call *call, const char *what, const char *text)
{
    char *end;
    long long number = strtoll(text, &end, 10);
    if (end == text) {
        (void)admin_refuse(call, "%s string empty or preceded by garbage", what);
        return false;
    }
    *out = number;
    *rest = end;
    return true;
}

static void set_weight_to(struct admin_call *call, const struct server_conf *server, struct board *board,
                          const char *text)
{
    int64_t weight;
    const char *rest;
    if (!text) {
        answer(call, "Require <weight> or <weight%>.");
        return;
    }
    if (!read_signed(&weight, &rest, call, "Empty weight", text))
        return;
    bool relative = *rest == '%';
    if (rest[relative]) {
        (void)admin_refuse(call, "Trailing garbage in weight string");
        return;
    }
    if (relative && weight < 0) {
        answer(call, "Relative weight must be positive.");
        return;
    }
    if (!relative && (weight < 0 || weight > 256)) {
        answer(call, "Absolute weight can only be between 0 and 256 inclusive.");
        return;
    }
    if (relative) {
        weight = weight > 25600 ? 25600 : weight;
        weight = weight * server->weight / 100;
        weight = weight > 256 ? 256 : weight;
    }
    if (weight && weight != server->weight && proxy_balance_is_static(&server->backend->balance)) {
        answer(call, "Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.");
        return;
    }
    backend_notice_weight(board, server, (uint32_t)weight);
}

static void set_server_weight(struct admin_call *call, const struct server_conf *server, struct board *board)
{
    set_weight_to(call, server, board, call->num_args > 2 ? call->args[2] : NULL);
}

static void set_weight(struct admin_call *call, const struct server_conf *server, struct board *board)
{
    set_weight_to(call, server, board, call->num_args > 1 ? call->args[1] : NULL);
}

static void get_weight(struct admin_call *call, const struct server_conf *server, struct board *board)
{
    (void)board;
    text_printf(call->out, "%u (initial %u)\n", atomic_load(&backend_state_at(server->object)->weight), server->weight);
}

static void set_maxconn(struct admin_call *call, const struct server_conf *server, struct board *board)
{
    int64_t maxconn;
    const char *rest;
    if (call->num_args < 2) {
        answer(call, "Require <maxconn>.");
        return;
    }
    if (!read_signed(&maxconn, &rest, call, "maxconn", call->args[1]))
        return;
    if (*rest) {
        (void)admin_refuse(call, "Trailing garbage in maxconn string");
        return;
    }
    // A negative one is none for HAProxy, too.
    backend_state_set_maxconn(board, server, maxconn < 0 || maxconn > INT32_MAX ? 0 : (uint32_t)maxconn);
}

static void kill_sessions(struct admin_call *call, const struct server_conf *server, struct board *board)
{
    (void)call;
    backend_state_kill_sessions(board, server, BACKEND_KILL_COMMAND);
}

static void rest_checks(struct admin_call *call, const struct server_conf *server, struct board *board)
{
    (void)call, (void)board;
    atomic_fetch_and(&backend_state_at(server->object)->check_flags, ~(uint32_t)BACKEND_CHECK_ENABLED);
}

static void resume_checks(struct admin_call *call, const struct server_conf *server, struct board *board)
{
    struct backend_state *state = backend_state_at(server->object);
    (void)board;
    if (atomic_load(&state->check_flags) & BACKEND_CHECK_CONFIGURED) {
        atomic_fetch_or(&state->check_flags, BACKEND_CHECK_ENABLED);
        check_resume(server);
    } else {
        answer(call, "Health check was not configured on this server, cannot enable.");
    }
}

static void rest_agent(struct admin_call *call, const struct server_conf *server, struct board *board)
{
    (void)call, (void)board;
    atomic_fetch_and(&backend_state_at(server->object)->agent_flags, ~(uint32_t)BACKEND_CHECK_ENABLED);
}

static void resume_agent(struct admin_call *call, const struct server_conf *server, struct board *board)
{
    struct backend_state *state = backend_state_at(server->object);
    (void)board;
    if (atomic_load(&state->agent_flags) & BACKEND_CHECK_CONFIGURED) {
        atomic_fetch_or(&state->agent_flags, BACKEND_CHECK_ENABLED);
        check_resume(server);
    } else {
        answer(call, "Agent was not configured on this server, cannot enable.");
    }
}

static void set_server(struct admin_call *call, const struct server_conf *server, struct board *board)
{
    static const struct {
        const char *name;
        admin_server_run *run;
    } parts[] = {
        { "addr", admin_server_addr },
        { "agent", set_agent },
        { "agent-addr", admin_server_agent_addr },
        { "agent-port", admin_server_agent_port },
        { "agent-send", admin_server_agent_send },
        { "check-addr", admin_server_check_addr },
        { "check-port", admin_server_check_port },
        { "fqdn", admin_server_fqdn },
        { "health", set_health },
        { "ssl", admin_server_ssl },
        { "state", set_state },
        { "weight", set_server_weight },
    };
    const char *part = call->num_args > 1 ? call->args[1] : "";
    for (size_t i = 0; i < NUM_ITEMS(parts); i++) {
        if (strcmp(parts[i].name, part) == 0) {
            parts[i].run(call, server, board);
            return;
        }
    }
    answer(call, "usage: set server <backend>/<server> addr | agent | agent-addr | agent-port | agent-send | "
                 "check-addr | check-port | fqdn | health | ssl | state | weight");
}

#define RUN(name)                                                                                                      \
    static enum admin_verdict run_##name(struct admin_call *call)                                                      \
    {                                                                                                                  \
        return with_server(call, name);                                                                                \
    }

RUN(set_server)
RUN(set_weight)
RUN(get_weight)
RUN(set_maxconn)
RUN(kill_sessions)
RUN(ready)
RUN(disable)
RUN(rest_checks)
RUN(resume_checks)
RUN(rest_agent)
RUN(resume_agent)

#define COMMAND(words, least, function, usage, text)                                                                   \
    {                                                                                                                  \
        .name = words, .level = least, .where = ADMIN_ON_SERVICE, .max_args = ADMIN_MAX_WORDS, .args = usage,          \
        .help = text, .changes = (least) > ADMIN_LEVEL_USER, .run = function                                           \
    }

static const struct admin_command commands[] = {
    COMMAND(
        "set server", ADMIN_LEVEL_ADMIN, run_set_server,
        "<backend>/<server> addr|agent[-addr|-port|-send]|check-addr|check-port|fqdn|health|ssl|state|weight <value>",
        "change a server's address, state, weight or health"),
    COMMAND("set weight", ADMIN_LEVEL_ADMIN, run_set_weight, "<backend>/<server> <n>[%]",
            "change a server's weight, or make it a part of the configured one"),
    COMMAND("get weight", ADMIN_LEVEL_USER, run_get_weight, "<backend>/<server>",
            "tell a server's weight and the configured one"),
    COMMAND("set maxconn server", ADMIN_LEVEL_ADMIN, run_set_maxconn, "<backend>/<server> <n>",
            "change how many connections a server takes"),
    COMMAND("shutdown sessions server", ADMIN_LEVEL_ADMIN, run_kill_sessions, "<backend>/<server>",
            "end all sessions on a server, in all workers"),
    COMMAND("enable server", ADMIN_LEVEL_ADMIN, run_ready, "<backend>/<server>", "end a server's maintenance"),
    COMMAND("disable server", ADMIN_LEVEL_ADMIN, run_disable, "<backend>/<server>", "put a server into maintenance"),
    COMMAND("enable health", ADMIN_LEVEL_ADMIN, run_resume_checks, "<backend>/<server>",
            "resume a server's health checks"),
    COMMAND("disable health", ADMIN_LEVEL_ADMIN, run_rest_checks, "<backend>/<server>",
            "suspend a server's health checks"),
    COMMAND("enable agent", ADMIN_LEVEL_ADMIN, run_resume_agent, "<backend>/<server>",
            "resume a server's agent checks"),
    COMMAND("disable agent", ADMIN_LEVEL_ADMIN, run_rest_agent, "<backend>/<server>",
            "suspend a server's agent checks"),
};
ADMIN_COMMANDS(commands);
