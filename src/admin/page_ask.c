// SPDX-License-Identifier: Apache-2.0
// Servers are changed by the active controller alone: a worker writes on the board what its client wants, and the
// controller what became of it. One who dies in between leaves an ask behind that the next one takes over.
#include <stdatomic.h>
#include <string.h>
#include <openssl/rand.h>
#include "admin/page.h"
#include "backend/notice.h"
#include "base/clock.h"
#include "board/board.h"
#include "log/log.h"

enum { VERSION = 2 };

struct page_board {
    uint8_t secret[PAGE_SECRET_LEN];
    struct page_ask asks[PAGE_ASK_SLOTS];
};

// One board to a process.
static struct page_board *shared;

// One controller to a process.
static struct {
    struct board *board;
    const struct program_conf *conf;
} active;

bool page_prepare(struct board *board)
{
    bool fresh;
    shared = board_section(board, &fresh, PAGE_SECTION, VERSION, sizeof(*shared));
    if (shared && fresh)
        RAND_bytes(shared->secret, sizeof(shared->secret));
    return shared != NULL;
}

const uint8_t *page_ask_secret(void)
{
    return shared->secret;
}

// Whose it is stands there before anything else is changed: who is killed at any instant leaves one that nobody has.
static bool claim(struct board *board, struct page_ask *ask)
{
    uint32_t owner = atomic_load(&ask->owner), state = atomic_load(&ask->state);
    if ((owner && !board_mark_is_gone(board, owner)) || state == PAGE_ASK_WORKING ||
        !atomic_compare_exchange_strong(&ask->owner, &owner, board_mark(board, board_incarnation_self(board))))
        return false;
    // The controller may just have begun with what somebody asked who is gone.
    state = atomic_load(&ask->state);
    while (state != PAGE_ASK_WORKING && !atomic_compare_exchange_weak(&ask->state, &state, PAGE_ASK_FILLING))
        continue;
    if (state == PAGE_ASK_WORKING)
        atomic_store(&ask->owner, 0);
    return state != PAGE_ASK_WORKING;
}

struct page_ask *page_ask_take(struct board *board)
{
    for (int i = 0; shared && i < PAGE_ASK_SLOTS; i++) {
        struct page_ask *ask = &shared->asks[i];
        if (!claim(board, ask))
            continue;
        ask->num_servers = ask->num_changed = 0;
        return ask;
    }
    return NULL;
}

void page_ask_send(struct board *board, struct page_ask *ask)
{
    atomic_store(&ask->state, PAGE_ASK_ASKED);
    for (uint32_t inc = 1; inc < board_incarnation_limit(board); inc++) {
        const struct board_incarnation *record = board_incarnation_at(board, inc);
        if (atomic_load(&record->state) == 1 && atomic_load(&record->role) == BOARD_ROLE_CONTROLLER)
            board_wake(board, inc);
    }
}

// One that is being worked on is not ours to take back: it is left to those who find it answered.
void page_ask_give(struct page_ask *ask)
{
    uint32_t state = atomic_load(&ask->state);
    while (state != PAGE_ASK_WORKING && !atomic_compare_exchange_weak(&ask->state, &state, PAGE_ASK_FREE))
        continue;
    atomic_store(&ask->owner, 0);
}

static bool set_admin(const struct server_conf *server, uint32_t set, uint32_t clear, const char *why)
{
    backend_notice_admin(active.board, server, set, clear, why);
    return true;
}

static bool ready(const struct server_conf *server)
{
    return set_admin(server, 0, BACKEND_ADMIN_MAINT | BACKEND_ADMIN_DRAIN, NULL);
}

static bool drain(const struct server_conf *server)
{
    return set_admin(server, BACKEND_ADMIN_DRAIN, BACKEND_ADMIN_MAINT, NULL);
}

static bool maint(const struct server_conf *server)
{
    return set_admin(server, BACKEND_ADMIN_MAINT, BACKEND_ADMIN_DRAIN, NULL);
}

static bool enable(const struct server_conf *server)
{
    return set_admin(server, 0, BACKEND_ADMIN_MAINT, NULL);
}

static bool disable(const struct server_conf *server)
{
    return set_admin(server, BACKEND_ADMIN_MAINT, 0, "'disable' on the status page");
}

static bool start(const struct server_conf *server)
{
    return set_admin(server, 0, BACKEND_ADMIN_DRAIN, NULL);
}

static bool stop(const struct server_conf *server)
{
    return set_admin(server, BACKEND_ADMIN_DRAIN, 0, "'stop' on the status page");
}

static bool set_checks(_Atomic uint32_t *flags, bool on)
{
    if (!(atomic_load(flags) & BACKEND_CHECK_CONFIGURED))
        return false;
    if (on)
        atomic_fetch_or(flags, BACKEND_CHECK_ENABLED);
    else
        atomic_fetch_and(flags, ~(uint32_t)BACKEND_CHECK_ENABLED);
    return true;
}

static bool rest_checks(const struct server_conf *server)
{
    return set_checks(&backend_state_at(server->object)->check_flags, false);
}

static bool resume_checks(const struct server_conf *server)
{
    return set_checks(&backend_state_at(server->object)->check_flags, true);
}

static bool rest_agent(const struct server_conf *server)
{
    return set_checks(&backend_state_at(server->object)->agent_flags, false);
}

static bool resume_agent(const struct server_conf *server)
{
    return set_checks(&backend_state_at(server->object)->agent_flags, true);
}

// What is counted becomes what it now is: a check that looks again may think otherwise.
static bool force(const struct server_conf *server, enum backend_op op)
{
    struct backend_state *state = backend_state_at(server->object);
    uint32_t best = atomic_load(&state->check_rise) + atomic_load(&state->check_fall);
    if (server->tracked)
        return false;
    atomic_store(&state->health, op == BACKEND_OP_STOPPED || !best ? 0 : best - 1);
    backend_notice_op(active.board, server, op, "changed from the status page");
    return true;
}

static bool force_up(const struct server_conf *server)
{
    return force(server, BACKEND_OP_RUNNING);
}

static bool force_stopping(const struct server_conf *server)
{
    return force(server, BACKEND_OP_STOPPING);
}

static bool force_down(const struct server_conf *server)
{
    return force(server, BACKEND_OP_STOPPED);
}

static bool force_agent(const struct server_conf *server, enum backend_op op)
{
    struct backend_state *state = backend_state_at(server->object);
    uint32_t best = atomic_load(&state->agent_rise) + atomic_load(&state->agent_fall);
    if (!(atomic_load(&state->agent_flags) & BACKEND_CHECK_ENABLED))
        return false;
    atomic_store(&state->agent_health, op == BACKEND_OP_STOPPED || !best ? 0 : best - 1);
    backend_notice_op(active.board, server, op, "changed from the status page");
    return true;
}

static bool agent_up(const struct server_conf *server)
{
    return force_agent(server, BACKEND_OP_RUNNING);
}

static bool agent_down(const struct server_conf *server)
{
    return force_agent(server, BACKEND_OP_STOPPED);
}

static bool end_sessions(const struct server_conf *server)
{
    backend_state_kill_sessions(active.board, server, BACKEND_KILL_COMMAND);
    return true;
}

// `run` says whether there was anything to change. Those without words are HAProxy's of before; programs know them.
static const struct {
    const char *name;
    bool (*run)(const struct server_conf *server);
    const char *words;
} actions[] = {
    { "ready", ready, "Ready: take traffic" },
    { "drain", drain, "Drain: no new clients" },
    { "maint", maint, "Maintenance" },
    { "dhlth", rest_checks, "Health checks: suspend" },
    { "ehlth", resume_checks, "Health checks: resume" },
    { "hrunn", force_up, "Health: force up" },
    { "hnolb", force_stopping, "Health: force no balancing" },
    { "hdown", force_down, "Health: force down" },
    { "dagent", rest_agent, "Agent checks: suspend" },
    { "eagent", resume_agent, "Agent checks: resume" },
    { "arunn", agent_up, "Agent: force up" },
    { "adown", agent_down, "Agent: force down" },
    { "shutdown", end_sessions, "End all sessions" },
    { "enable", enable, NULL },
    { "disable", disable, NULL },
    { "start", start, NULL },
    { "stop", stop, NULL },
};

int page_action_find(struct slice name)
{
    for (size_t i = 0; i < NUM_ITEMS(actions); i++)
        if (slice_equal(name, slice_str(actions[i].name)))
            return (int)i;
    return -1;
}

void page_actions_each(void (*visit)(const char *name, const char *words, void *arg), void *arg)
{
    for (size_t i = 0; i < NUM_ITEMS(actions); i++)
        if (actions[i].words)
            visit(actions[i].name, actions[i].words, arg);
}

static const struct proxy_conf *proxy_of(uint32_t iid)
{
    const struct proxy_conf *proxy = active.conf->proxies;
    while (proxy && proxy->id != iid)
        proxy = proxy->next;
    return proxy;
}

// Servers come in the order of the configuration: the next one is looked for behind the last one, `after`, first.
static const struct server_conf *server_of(const struct proxy_conf *proxy, const struct server_conf *after,
                                           uint32_t object)
{
    const struct server_conf *server = after ? after->next : NULL;
    while (server && server->object != object)
        server = server->next;
    if (!server)
        for (server = proxy->be.servers; server && server->object != object;)
            server = server->next;
    return server;
}

static void tell(const struct page_ask *ask, const struct proxy_conf *proxy, const struct server_conf *first)
{
    char line[512];
    char others[40] = "";
    if (ask->num_servers > 1)
        snprintf(others, sizeof(others), " and %u more", ask->num_servers - 1);
    int len = snprintf(line, sizeof(line), "Status page: '%s' for %s/%s%s by %s%s%s from %s.",
                       actions[ask->action].name, proxy->name, first->name, others,
                       *ask->user ? "user '" : "an unnamed user", ask->user, *ask->user ? "'" : "", ask->address);
    // To the same targets as changes by commands, where there are any.
    struct log_target *logs = active.conf->global.logs ? active.conf->global.logs : proxy->logs;
    struct slice text = slice_of(line, len < (int)sizeof(line) ? (size_t)len : sizeof(line) - 1);
    log_show(LOG_LEVEL_NOTICE, "%s", line);
    log_send(active.board, board_incarnation_self(active.board), logs, LOG_LEVEL_NOTICE, clock_wall_us(), text);
}

static void carry_out(struct page_ask *ask)
{
    const struct proxy_conf *proxy = proxy_of(ask->iid);
    const struct server_conf *last = NULL;
    if (!proxy || ask->action >= NUM_ITEMS(actions) || ask->num_servers > PAGE_ASK_SERVERS)
        return;
    ask->user[PAGE_NAME_MAX - 1] = ask->address[PAGE_NAME_MAX - 1] = '\0';
    for (uint32_t i = 0; i < ask->num_servers; i++) {
        const struct server_conf *server = server_of(proxy, last, ask->servers[i]);
        if (!server)
            continue;
        if (!last)
            tell(ask, proxy, server);
        last = server;
        ask->num_changed += actions[ask->action].run(server);
    }
}

void page_controller_begin(struct board *board, const struct program_conf *conf)
{
    active.board = board;
    active.conf = conf;
    // What a controller that was killed had begun with.
    for (int i = 0; i < PAGE_ASK_SLOTS; i++) {
        uint32_t state = PAGE_ASK_WORKING;
        atomic_compare_exchange_strong(&shared->asks[i].state, &state, PAGE_ASK_ASKED);
    }
    page_controller_woken();
}

void page_controller_woken(void)
{
    for (int i = 0; active.board && i < PAGE_ASK_SLOTS; i++) {
        struct page_ask *ask = &shared->asks[i];
        uint32_t state = PAGE_ASK_ASKED;
        if (!atomic_compare_exchange_strong(&ask->state, &state, PAGE_ASK_WORKING))
            continue;
        ask->num_changed = 0;
        carry_out(ask);
        uint32_t owner = atomic_load(&ask->owner);
        atomic_store(&ask->state, owner ? PAGE_ASK_ANSWERED : PAGE_ASK_FREE);
        if (owner && !board_mark_is_gone(active.board, owner))
            board_wake(active.board, owner & 0xffff);
    }
}

void page_controller_end(void)
{
    active.board = NULL;
}
