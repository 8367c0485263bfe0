// SPDX-License-Identifier: Apache-2.0
// External checks as the controller sees them: a question to the helper, and its answer or none.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include "check/external_ops.h"
#include "check/external.h"
#include "log/log.h"

enum {
    ANSWER_SLACK_US = 1000000, // in which the helper tells that a program took too long
    AGAIN_US = 100000,
    PATIENCE_US = 15000000, // with a helper that says nothing at all
    LEVEL_OF_CHANGES = 3,   // stats_socket_conf.level of those that may change servers
};

// One controller to a process. Questions have the server's object and a number that no other has, not even one of the
// controller that was here before on the same socket.
static struct {
    struct event_source source;
    uint32_t serial;
    uint64_t silent_us; // since when the helper owes an answer, 0: it owes none
    bool is_open;
} external;

bool external_is_wanted(const struct program_conf *conf)
{
    bool may_move = false;
    for (const struct stats_socket_conf *it = conf->global.stats_sockets; it; it = it->next)
        may_move |= it->level >= LEVEL_OF_CHANGES;
    for (const struct proxy_conf *proxy = conf->proxies; proxy; proxy = proxy->next) {
        if (proxy->disabled || !proxy->has_backend)
            continue;
        if (proxy->external.enabled) // servers may come that are checked
            return true;
        for (const struct server_conf *it = proxy->be.servers; it; it = it->next)
            if ((it->host || it->probe.agent) && may_move)
                return true;
    }
    return false;
}

bool check_external_send(const struct external_ask *ask)
{
    return external.is_open &&
           send(external.source.fd, ask, sizeof(*ask), MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof(*ask);
}

static uint64_t limit_of(const struct check *check)
{
    uint64_t timeout_us = check->proxy->timeouts.check;
    return timeout_us && timeout_us < check->inter_us ? timeout_us : check->inter_us;
}

static uint64_t id_of(const struct check *check)
{
    return (uint64_t)check->server->object << 32 | (uint32_t)(uintptr_t)check->own;
}

// The check begins now, whenever its timer fired: what became of an earlier question counts no more.
static void ask(struct check *check)
{
    check->own = (void *)(uintptr_t)++external.serial;
    check->began_us = clock_mono_us();
    struct external_ask ask = {
        .id = id_of(check),
        .limit_us = limit_of(check),
        .object = check->server->object,
        .backend = check->server->backend->proxy->be_object,
        .server_id = check->server->id,
        .has_tls = check->server->tls_target != NULL,
        .num_conns = board_lane_sum(checks.board, check->server->object),
        .maxconn = backend_state_maxconn(check->server),
        .addr = check->server->addr,
    };
    snprintf(ask.name, sizeof(ask.name), "%s", check->server->name);
    bool sent = check_external_send(&ask);
    event_timer_set(checks.loop, &check->timer,
                    check->began_us + (sent ? limit_of(check) + ANSWER_SLACK_US : AGAIN_US));
}

static void end(struct check *check, enum check_status status, uint16_t code, const char *text)
{
    check->own = NULL;
    check_report(check, status, code, text);
}

// The helper ends what takes too long, and says so: where it says nothing it is gone, or just being started again,
// which no server is to blame for. That cannot go on for ever.
static void timeout(struct check *check)
{
    uint64_t now_us = clock_mono_us();
    if (!external.silent_us)
        external.silent_us = now_us;
    if (now_us - external.silent_us < PATIENCE_US)
        ask(check);
    else
        end(check, CHECK_PROCERR, 0, "the process that runs external checks does not answer");
}

// The program ends by itself, or is ended when its time is over.
static void drop(struct check *check)
{
    check->own = NULL;
}

const struct check_ops check_ops_external = { .begin = ask, .timeout = timeout, .drop = drop };

static void ask_again(void)
{
    for (uint32_t i = 0; i < checks.num; i++)
        if (checks.all[i]->ops == &check_ops_external && checks.all[i]->running)
            ask(checks.all[i]);
}

static void take(const struct external_answer *answer)
{
    enum { FAILED = 255 };
    uint32_t object = (uint32_t)(answer->id >> 32);
    char text[128];
    external.silent_us = 0;
    if (object == EXTERNAL_LOOKUP) {
        check_lookup_answered(answer);
        return;
    }
    if (answer->end == EXTERNAL_BEGUN_ANEW) {
        ask_again();
        return;
    }
    struct check *check = object < checks.num_objects ? checks.by_object[CHECK_HEALTH][object] : NULL;
    if (!check || check->ops != &check_ops_external || !check->running || id_of(check) != answer->id)
        return;
    switch ((enum external_end)answer->end) {
    case EXTERNAL_EXITED:
        end(check, answer->value ? CHECK_PROCERR : CHECK_PROCOK, (uint16_t)answer->value, NULL);
        break;
    case EXTERNAL_KILLED:
        snprintf(text, sizeof(text), "killed by signal %d", answer->value);
        end(check, CHECK_PROCERR, FAILED, text);
        break;
    case EXTERNAL_TIMED_OUT:
        end(check, CHECK_PROCTOUT, 0, NULL);
        break;
    default:
        snprintf(text, sizeof(text), "cannot run '%s': %s", check->proxy->external.command, strerror(answer->value));
        end(check, CHECK_PROCERR, FAILED, text);
        break;
    }
}

static void link_ready(struct event_source *source, uint32_t events)
{
    struct external_answer answer;
    (void)events;
    for (;;) {
        ssize_t len = recv(source->fd, &answer, sizeof(answer), MSG_DONTWAIT);
        if (len == (ssize_t)sizeof(answer))
            take(&answer);
        else if (len >= 0 || errno != EINTR)
            return;
    }
}

void check_external_begin(int fd)
{
    if (fd < 0 || external.is_open)
        return;
    external.source = (struct event_source){ .fd = fd, .ready = link_ready };
    external.serial = (uint32_t)checks.loop->now_us;
    external.is_open = event_source_add(checks.loop, &external.source, EPOLLIN);
}

void check_external_end(void)
{
    if (external.is_open)
        event_source_del(checks.loop, &external.source);
    external.is_open = false;
}
