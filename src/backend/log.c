// SPDX-License-Identifier: Apache-2.0
#include "backend/log.h"

#include <stdlib.h>
#include <unistd.h>
#include "backend/balance.h"
#include "backend/hash_key.h"
#include "backend/notice.h"
#include "base/clock.h"
#include "expr/expr.h"
#include "log/log.h"

enum {
    SCRATCH_LEN = 1 << 18, // converters write their results there, of a message of at most 64 KB
    WATCH_US = 100000,
};

// A backend of this kind. It has none of what requests need: no connections, no queue.
struct chooser {
    struct chooser *next;
    struct backend backend;
    struct backend_ctx ctx;
    uint32_t next_waiting;
};

static struct {
    struct chooser *choosers;
    struct expr_process expr;
    uint64_t now_us;
    uint64_t wall_us;
    int32_t pid; // whose random numbers they are
    const struct program_conf *program;
    struct board *board;
    struct event_loop *loop;
    struct event_timer timer;
} self;

static void *alloc(size_t num, size_t len)
{
    void *out = calloc(num ? num : 1, len);
    if (!out)
        check_out_of_memory(num * len);
    return out;
}

// After the fork each process counts for itself.
static void follow_process(struct chooser *chooser)
{
    struct backend *backend = &chooser->backend;
    uint32_t inc = board_incarnation_self(chooser->ctx.board);
    if (LIKELY(inc == chooser->ctx.inc))
        return;
    chooser->ctx.inc = inc;
    backend->balance->random ^= clock_mono_us() ^ (uint64_t)inc << 32;
    backend->counters = board_counters(chooser->ctx.board, inc, backend->conf->be_object);
    for (uint32_t i = 0; i < backend->num_servers; i++)
        backend->servers[i]->counters = board_counters(chooser->ctx.board, inc, backend->servers[i]->conf->object);
}

static bool hash_message(struct backend_ask *ask, const struct balance_conf *conf, struct slice message)
{
    struct expr_subject subject = { .process = &self.expr, .when = EXPR_AT_LOG, .final = true };
    struct expr_sample sample = { .type = EXPR_STR, .str = message };
    int32_t pid = (int32_t)getpid();
    if (pid != self.pid)
        expr_process_begin(&self.expr);
    self.pid = pid;
    self.now_us = clock_mono_us();
    self.wall_us = clock_wall_us();
    self.expr.scratch.len = 0;
    ask->has_hash = expr_convert(conf->expr, &subject, &sample) && expr_cast(&sample, EXPR_STR, &self.expr.scratch);
    if (ask->has_hash)
        ask->hash = backend_hash_key(conf, sample.str.ptr ? sample.str : SLICE(""));
    return ask->has_hash;
}

static bool is_watched(const struct server_conf *server)
{
    return !server->is_datagram && !server->check.enabled && !server->probe.track_text && !server->probe.agent;
}

// Down for its connection alone: what is sent to it waits for that.
static struct server *pick_waiting(struct chooser *chooser)
{
    struct backend *backend = &chooser->backend;
    for (uint32_t tries = 0; tries < backend->num_servers; tries++) {
        struct server *server = backend->servers[chooser->next_waiting++ % backend->num_servers];
        uint32_t status = backend_state_status(server->state);
        if (is_watched(server->conf) && !backend_state_admin(status) && atomic_load(&server->state->share))
            return server;
    }
    return NULL;
}

// A process that has no place on the board yet counts nowhere.
static void count(uint64_t *counters, const struct server *server, size_t len)
{
    if (!counters)
        return;
    backend_count(counters, PROXY_COUNT_SESSIONS, 1);
    backend_count(counters, server ? PROXY_COUNT_LB_TOTAL : PROXY_COUNT_NO_SERVER, 1);
    backend_count(counters, PROXY_COUNT_BYTES_IN, server ? len : 0);
}

static uint32_t choose(void *owner, struct slice message)
{
    struct chooser *chooser = owner;
    struct backend *backend = &chooser->backend;
    const struct balance_conf *conf = &backend->conf->be.balance;
    struct backend_ask ask = { 0 };
    bool full;
    follow_process(chooser);
    if (message.len && message.ptr[message.len - 1] == '\n')
        message.len--;
    if (conf->algorithm == PROXY_BALANCE_LOG_HASH)
        (void)hash_message(&ask, conf, message);
    struct server *server = backend_pick(backend, &full, &ask);
    if (!server)
        server = pick_waiting(chooser);
    if (!server && backend->conf->options & PROXY_OPT_FAIL_OPEN)
        server = backend_pick_closed(backend, &full);
    count(backend->counters, server, message.len);
    if (server)
        count(server->counters, server, message.len);
    return server ? server->conf->index : LOG_NO_MEMBER;
}

static void chooser_add(const struct proxy_conf *conf, struct board *board)
{
    struct chooser *chooser = alloc(1, sizeof(*chooser));
    struct backend *backend = &chooser->backend;
    chooser->ctx = (struct backend_ctx){ .board = board, .inc = 0 };
    *backend = (struct backend){ .conf = conf, .ctx = &chooser->ctx, .num_servers = conf->be.num_servers };
    backend->state = backend_state_at(conf->be_object);
    backend->gauges = board_gauges(board, conf->be_object);
    backend->servers = alloc(backend->num_servers, sizeof(*backend->servers));
    for (const struct server_conf *it = conf->be.servers; it; it = it->next) {
        struct server *server = alloc(1, sizeof(*server));
        *server = (struct server){ .conf = it, .backend = backend, .state = backend_state_at(it->object) };
        backend->servers[it->index] = server;
    }
    backend_balance_init(backend);
    conf->be.log_group->owner = chooser;
    conf->be.log_group->choose = choose;
    chooser->next = self.choosers;
    self.choosers = chooser;
}

void backend_logs_prepare(const struct program_conf *program, struct board *board)
{
    for (const struct proxy_conf *proxy = program->proxies; proxy; proxy = proxy->next)
        if (proxy->be.log_group)
            chooser_add(proxy, board);
    if (!self.choosers)
        return;
    self.expr.scratch = (struct expr_scratch){ .mem = alloc(1, SCRATCH_LEN), .cap = SCRATCH_LEN };
    self.expr.now_us = &self.now_us;
    self.expr.wall_us = &self.wall_us;
}

// ---- the active controller ----------------------------------------------------------------------------------------

// Each line that names the backend has a connection of its own to each of its servers: one that fails is enough.
static bool is_failing(const struct log_target *list, const struct server_conf *server)
{
    for (; list; list = list->next)
        if (list->group && list->group == server->backend->log_group && log_target_is_failing(list, server->index))
            return true;
    return false;
}

static bool fails_anywhere(const struct server_conf *server)
{
    bool failing = is_failing(self.program->global.logs, server);
    for (const struct proxy_conf *it = self.program->proxies; it && !failing; it = it->next)
        failing = !it->disabled && is_failing(it->logs, server);
    return failing;
}

static void watch(struct event_timer *timer)
{
    for (const struct chooser *it = self.choosers; it; it = it->next) {
        for (const struct server_conf *server = it->backend.conf->be.servers; server; server = server->next) {
            if (!is_watched(server))
                continue;
            bool failing = fails_anywhere(server);
            if (failing !=
                (backend_state_op(backend_state_status(backend_state_at(server->object))) == BACKEND_OP_STOPPED))
                (void)backend_notice_op(self.board, server, failing ? BACKEND_OP_STOPPED : BACKEND_OP_RUNNING,
                                        failing ? "reason: its connection cannot be made" : "reason: it is connected");
        }
    }
    event_timer_set(self.loop, timer, self.loop->now_us + WATCH_US);
}

void backend_logs_begin(const struct program_conf *program, struct board *board, struct event_loop *loop)
{
    bool watched = false;
    for (const struct chooser *it = self.choosers; it; it = it->next)
        for (const struct server_conf *server = it->backend.conf->be.servers; server; server = server->next)
            watched |= is_watched(server);
    if (!watched)
        return;
    self.program = program;
    self.board = board;
    self.loop = loop;
    event_timer_init(&self.timer, watch);
    event_timer_set(loop, &self.timer, loop->now_us + 1);
}

void backend_logs_end(void)
{
    if (self.loop)
        event_timer_del(self.loop, &self.timer);
    self.loop = NULL;
}
