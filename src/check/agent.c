// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "backend/notice.h"
#include "check/agent.h"
#include "check/agent_answer.h"
#include "check/target.h"
#include "transport/conn.h"

enum { ANSWER_LEN = 1024, TEXT_LEN = 160 };

struct agent {
    struct transport_conn conn;
    struct check *check;
    size_t num_sent;
    size_t len;
    char answer[ANSWER_LEN];
};

static void end(struct agent *agent, enum check_status status, const char *text)
{
    struct check *check = agent->check;
    transport_conn_close(checks.loop, &agent->conn, true);
    check->own = NULL;
    free(agent);
    check_report(check, status, 0, text);
}

static void do_admin(const struct server_conf *server, enum agent_admin admin)
{
    static const struct {
        uint32_t set;
        uint32_t clear;
    } changes[] = {
        [AGENT_ADMIN_READY] = { 0, BACKEND_ADMIN_MAINT | BACKEND_ADMIN_DRAIN },
        [AGENT_ADMIN_DRAIN] = { BACKEND_ADMIN_DRAIN, BACKEND_ADMIN_MAINT },
        [AGENT_ADMIN_MAINT] = { BACKEND_ADMIN_MAINT, BACKEND_ADMIN_DRAIN },
    };
    if (admin != AGENT_ADMIN_NONE)
        backend_notice_admin(checks.board, server, changes[admin].set, changes[admin].clear, NULL);
}

// What a server does that is part of a map cannot change its share, only leave it and come back.
static const char *do_weight(const struct server_conf *server, const struct agent_answer *answer)
{
    if (!answer->has_weight)
        return NULL;
    uint32_t weight = agent_answer_weight(answer, server->weight);
    if (proxy_balance_is_static(&server->backend->balance) && weight && weight != server->weight)
        return "Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.";
    backend_notice_weight(checks.board, server, weight);
    return NULL;
}

// Weights are left alone while the agent rests by command, for whoever set them otherwise.
static const char *obey(const struct check *check, const struct agent_answer *answer)
{
    const char *warning = NULL;
    if (!(atomic_load(check_flags(check)) & BACKEND_CHECK_ENABLED))
        return NULL;
    do_admin(check->server, answer->admin);
    warning = do_weight(check->server, answer);
    if (answer->has_maxconn)
        backend_state_set_maxconn(checks.board, check->server, answer->maxconn);
    return warning;
}

static void take_line(struct agent *agent, struct slice line)
{
    struct agent_answer answer;
    char text[TEXT_LEN] = "";
    agent_answer_read(&answer, line);
    const char *warning = obey(agent->check, &answer);
    struct slice more = answer.reason.len ? answer.reason : answer.wrong;
    if (answer.op != AGENT_OP_NONE)
        snprintf(text, sizeof(text), "via agent : %.*s%s%.*s%s", (int)answer.word.len, answer.word.ptr,
                 more.len ? " (" : "", (int)(more.len < 96 ? more.len : 96), more.ptr ? more.ptr : "",
                 more.len ? ")" : "");
    else if (answer.wrong.len)
        snprintf(text, sizeof(text), "agent reports an error : %.*s",
                 (int)(answer.wrong.len < 96 ? answer.wrong.len : 96), answer.wrong.ptr);
    else if (warning)
        snprintf(text, sizeof(text), "agent warns : %s", warning);
    // It goes into logs and statistics.
    for (char *c = text; *c; c++)
        *c = *c < ' ' || *c == 0x7f || *c == '"' ? '?' : *c;
    end(agent, answer.op == AGENT_OP_UP ? CHECK_L7OK : answer.op == AGENT_OP_DOWN ? CHECK_L7STS : CHECK_CHECKED, text);
}

// True: nothing is left to send.
static bool send_question(struct agent *agent)
{
    struct slice rest = slice_from(check_target_question(agent->check->server), agent->num_sent);
    size_t sent;
    if (!rest.len)
        return true;
    enum io io = transport_conn_send(&agent->conn, &sent, rest.ptr, rest.len);
    agent->num_sent += sent;
    return io != IO_AGAIN;
}

static void read_answer(struct agent *agent)
{
    for (;;) {
        size_t len;
        struct slice line;
        enum io io =
            transport_conn_recv(&agent->conn, &len, agent->answer + agent->len, sizeof(agent->answer) - agent->len);
        agent->len += len;
        if (agent_answer_line(&line, slice_of(agent->answer, agent->len))) {
            take_line(agent, line);
            return;
        }
        if (io == IO_AGAIN)
            return;
        if (io == IO_FAIL)
            end(agent, CHECK_SOCKERR, strerror(agent->conn.error ? agent->conn.error : ECONNRESET));
        else if (io == IO_EOF || agent->len == sizeof(agent->answer))
            end(agent, CHECK_L7RSP, agent->len ? "Ignoring incomplete line from agent" : "the agent said nothing");
        else
            continue;
        return;
    }
}

static void conn_ready(struct transport_conn *conn)
{
    struct agent *agent = CONTAINER_OF(conn, struct agent, conn);
    enum io io = transport_conn_finish_connect(conn);
    if (io == IO_FAIL)
        end(agent, CHECK_L4CON, strerror(conn->error));
    else if (io == IO_OK && send_question(agent))
        read_answer(agent);
}

static void begin(struct check *check)
{
    const struct server_conf *server = check->server;
    struct transport_address asked, addr;
    check_target_agent(&asked, server);
    addr = asked.family != AF_UNSPEC ? asked : server->addr;
    addr.port = asked.port;
    const struct transport_connect how = {
        .to = &addr,
        .source = server->source.family != AF_UNSPEC ? &server->source : NULL,
        .interface = server->source_interface,
    };
    uint64_t timeout_us = check->proxy->timeouts.check;
    struct agent *agent = calloc(1, sizeof(*agent));
    event_timer_set(checks.loop, &check->timer, checks.loop->now_us + (timeout_us ? timeout_us : check->inter_us));
    if (!agent) {
        check_report(check, CHECK_SOCKERR, 0, "out of memory");
        return;
    }
    agent->check = check;
    if (transport_conn_connect(checks.loop, &agent->conn, &how, conn_ready) != IO_OK) {
        free(agent);
        check_report(check, CHECK_L4CON, 0, strerror(errno));
        return;
    }
    check->own = agent;
}

static void timeout(struct check *check)
{
    struct agent *agent = check->own;
    end(agent, agent->conn.connecting ? CHECK_L4TOUT : CHECK_L7TOUT, NULL);
}

static void drop(struct check *check)
{
    struct agent *agent = check->own;
    transport_conn_close(checks.loop, &agent->conn, true);
    check->own = NULL;
    free(agent);
}

// Only what the agent says of the server's state counts: that it is not there changes nothing.
static void report(struct check *check, enum check_status status, uint16_t code, const char *text)
{
    int32_t duration_ms = (int32_t)((clock_mono_us() - check->began_us) / 1000);
    if (status == CHECK_L7OK || status == CHECK_L7STS)
        check_note(check, status, code, text, duration_ms);
    else
        check_show(check,
                   &(struct check_result){ .status = status, .code = code, .text = text, .duration_ms = duration_ms });
}

static const struct check_ops ops = { .begin = begin, .timeout = timeout, .drop = drop, .report = report };

void check_agent_add(struct check *check, const struct server_conf *server)
{
    *check = (struct check){
        .server = server,
        .proxy = server->backend->proxy,
        .state = backend_state_at(server->object),
        .ops = &ops,
        .inter_us = server->probe.agent_inter_us,
        .rise = 1,
        .fall = 1,
        .kind = CHECK_AGENT,
    };
    atomic_store(&check->state->agent_rise, check->rise);
    atomic_store(&check->state->agent_fall, check->fall);
    atomic_store(&check->state->agent_flags, BACKEND_CHECK_CONFIGURED | BACKEND_CHECK_ENABLED | BACKEND_CHECK_AGENT);
}
