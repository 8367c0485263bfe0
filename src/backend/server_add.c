// SPDX-License-Identifier: Apache-2.0
// Servers that come and go. What the journal carries is the line as it was written: each process reads it for itself,
// and gives the server the numbers that the publisher took on the board.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "backend/notice.h"
#include "backend/pool.h"
#include "base/clock.h"
#include "board/change.h"
#include "log/log.h"
#include "proxy/persist_conf.h"
#include "proxy/server_line.h"
#include "server_wire.h"

enum { GONE_KEPT_US = 300 * 1000000, GONE_KEPT = 256, SWEPT_TOGETHER = 128 };

// Deleted, the oldest first. Others may stand at one in the middle of a list, for as long as an answer takes.
struct gone {
    struct gone *next;
    struct server_conf *server;
    uint64_t number; // of the change that deleted it
    uint64_t since_us;
};

static struct gone *first_gone, **last_gone = &first_gone;
static uint32_t num_gone;
static uint64_t first_lost; // number of the change that deleted the first of those that are never freed

void backend_changes_tidy(void)
{
    uint64_t now_us = clock_mono_us();
    for (struct backend_watch *watch = backend_watches(); watch; watch = watch->next)
        if (watch->tidy)
            watch->tidy(watch);
    while (first_gone && !first_gone->server->holds &&
           (num_gone > GONE_KEPT || now_us - first_gone->since_us > GONE_KEPT_US)) {
        struct gone *gone = first_gone;
        first_gone = gone->next;
        if (!first_gone)
            last_gone = &first_gone;
        num_gone--;
        proxy_server_free(gone->server);
        free(gone);
    }
}

static void keep_for_now(struct server_conf *server, uint64_t number)
{
    struct gone *gone = calloc(1, sizeof(*gone));
    if (!gone) {
        first_lost = first_lost ? first_lost : number;
        return;
    }
    *gone = (struct gone){ .server = server, .number = number, .since_us = clock_mono_us() };
    *last_gone = gone;
    last_gone = &gone->next;
    num_gone++;
}

// ---- the line -----------------------------------------------------------------------------------------------------

// Its words in `data`, each with a NUL behind it; 0 where they do not fit.
static size_t line_pack(char *data, size_t cap, const struct proxy_server_line *line)
{
    size_t len = 0;
    for (uint32_t i = 0; i < line->num_args; i++) {
        size_t word = strlen(line->args[i]) + 1;
        if (word > cap - len)
            return 0;
        memcpy(data + len, line->args[i], word);
        len += word;
    }
    return len;
}

enum { MAX_WORDS = 128 };

static bool line_unpack(struct proxy_server_line *line, const char **words, const char *data, size_t len)
{
    *line = (struct proxy_server_line){ .args = words };
    if (!len || data[len - 1])
        return false;
    for (size_t at = 0; at < len && line->num_args < MAX_WORDS; at += strlen(data + at) + 1)
        words[line->num_args++] = data + at;
    return true;
}

// ---- applying -----------------------------------------------------------------------------------------------------

// So that a number, or a name, that is given again is not taken for the server that had it (srid of the statistics).
static struct {
    uint32_t last;
    bool is_due;
} revision;

void backend_apply_add(const struct server_wire *wire, const char *data, size_t len)
{
    const char *words[MAX_WORDS];
    struct proxy_server_line line;
    struct text wrong;
    struct proxy_conf *proxy = backend_changes_proxy(wire->backend);
    if (wire->generation != board_changes_generation() || !proxy || !line_unpack(&line, words, data, len))
        return;
    line.id = wire->id;
    text_init(&wrong);
    struct server_conf *server = proxy_server_line_read(backend_changes_program(), proxy, &line, &wrong);
    if (!server) {
        log_say(LOG_LEVEL_ALERT, "a server of backend %s could not be added here: %s", proxy->name,
                wrong.ptr ? wrong.ptr : "");
        text_fini(&wrong);
        return;
    }
    text_fini(&wrong);
    server->object = wire->server;
    server->pool_object = wire->pool;
    revision.last += revision.is_due;
    revision.is_due = false;
    server->revision = revision.last;
    proxy_server_enter(backend_changes_program(), server);
    proxy_cookies_renew(&proxy->be);
    for (struct backend_watch *watch = backend_watches(); watch; watch = watch->next)
        if (watch->added)
            watch->added(watch, server);
    backend_changes_tidy();
}

// Those that were deleted up to the change `number` and are not kept any more are nobody's here.
static void tell_what_is_kept(uint64_t number)
{
    struct board *board = board_changes_board();
    uint64_t kept = first_gone ? first_gone->number : number + 1;
    kept = first_lost && first_lost < kept ? first_lost : kept;
    board_objects_let_go(board, board_incarnation_self(board), kept - 1);
}

void backend_apply_del(const struct server_wire *wire, uint64_t number)
{
    struct proxy_conf *proxy = backend_changes_proxy(wire->backend);
    struct server_conf *server = backend_changes_server(proxy, wire->server);
    if (wire->generation != board_changes_generation())
        return;
    if (server) {
        proxy_server_leave(server);
        revision.is_due = true;
        for (struct backend_watch *watch = backend_watches(); watch; watch = watch->next)
            if (watch->removed)
                watch->removed(watch, server);
        keep_for_now(server, number);
    }
    backend_changes_tidy();
    tell_what_is_kept(number);
}

// ---- publishing ---------------------------------------------------------------------------------------------------

static bool takes_servers(const struct proxy_conf *proxy, struct text *wrong)
{
    if (proxy->mode == PROXY_MODE_LOG)
        text_printf(wrong, "Backend is of mode log, whose servers are those of the configuration.\n");
    else if (proxy_balance_is_static(&proxy->be.balance))
        text_printf(wrong, "Backend must use a dynamic load balancing to support dynamic servers.\n");
    else if (proxy->disabled)
        text_printf(wrong, "Backend is disabled.\n");
    else
        return true;
    return false;
}

static uint32_t object_of(struct board *board, const char *kind, const struct server_conf *server)
{
    char name[512];
    snprintf(name, sizeof(name), "%s/%s/%s", kind, server->backend->proxy->name, server->name);
    return board_object(board, name);
}

// Its state is there before anybody knows of it.
static void state_begin(struct server_conf *server, bool enabled)
{
    struct backend_state *state = backend_state_at(server->object);
    server->disabled |= !enabled;
    backend_state_renew(server);
    if (!enabled) {
        uint32_t admin = backend_state_admin(backend_state_status(state));
        // By command: no file takes it back.
        admin &= ~(uint32_t)BACKEND_ADMIN_MAINT_CONF;
        atomic_store(&state->status, (uint32_t)BACKEND_OP_STOPPED | admin << 8);
    }
    backend_states_own(server);
}

// Their numbers on the board are for others, in time.
static void objects_drop(struct board *board, uint32_t object, uint32_t pool_object, uint64_t number)
{
    static uint32_t num_dropped;
    board_object_drop(board, object, number);
    board_object_drop(board, pool_object, number);
    if (++num_dropped % SWEPT_TOGETHER == 0)
        (void)board_objects_sweep(board);
}

static uint64_t publish(struct board *board, struct proxy_conf *proxy, const struct proxy_server_line *line,
                        struct server_conf *server, struct text *wrong)
{
    char data[BOARD_JOURNAL_ENTRY_MAX];
    size_t len = line_pack(data, sizeof(data) - sizeof(struct server_wire), line);
    if (!len || line->num_args > MAX_WORDS) {
        text_printf(wrong, "The line is too long.\n");
        return 0;
    }
    const struct server_wire wire = {
        .op = SERVER_OP_ADD,
        .generation = board_changes_generation(),
        .backend = proxy->be_object,
        .server = server->object = object_of(board, "s", server),
        .pool = server->pool_object = object_of(board, "c", server),
        .id = server->id,
    };
    if (!wire.server || !wire.pool) {
        text_printf(wrong, "There is no room for one more server.\n");
        return 0;
    }
    state_begin(server, proxy_server_line_wants(line));
    uint64_t number = backend_change_publish(&wire, data, len);
    if (!number) {
        text_printf(wrong, "A process does not keep up with changes: try again later.\n");
        uint64_t applied = atomic_load(&board_incarnation_at(board, board_incarnation_self(board))->applied);
        objects_drop(board, server->object, server->pool_object, applied);
    }
    return number;
}

uint64_t backend_server_add(struct board *board, struct proxy_conf *proxy, const struct proxy_server_line *line,
                            struct text *wrong)
{
    board_changes_apply(UINT32_MAX);
    if (!takes_servers(proxy, wrong))
        return 0;
    struct server_conf *server = proxy_server_line_read(backend_changes_program(), proxy, line, wrong);
    if (!server)
        return 0;
    uint64_t number = publish(board, proxy, line, server, wrong);
    proxy_server_free(server);
    if (number) {
        backend_states_close_queues(board, proxy);
        backend_states_announce(board);
    }
    return number;
}

enum backend_removable backend_server_removable(struct board *board, const char **why, const struct server_conf *server)
{
    const struct backend_state *state = backend_state_at(server->object);
    uint32_t be_object = server->backend->proxy->be_object;
    if (server->is_referenced || server->trackers || server->backend->proxy->mode == PROXY_MODE_LOG) {
        *why = "This server cannot be removed at runtime due to other configuration elements pointing to it.";
        return BACKEND_REMOVABLE_NEVER;
    }
    if (!(backend_state_admin(backend_state_status(state)) & BACKEND_ADMIN_ANY_MAINT)) {
        *why = "Only servers in maintenance mode can be deleted.";
        return BACKEND_REMOVABLE_NEVER;
    }
    uint64_t spare = backend_level_spare(board_counter_sum(board, server->pool_object, BACKEND_POOL_LEVEL));
    if (board_lane_sum(board, server->object) || board_lane_sum(board, server->pool_object) || spare ||
        board_counter_sum(board, server->object, PROXY_COUNT_IDLE) ||
        board_queue_len(board, be_object, server->object)) {
        *why = "Server still has connections attached to it, cannot remove it.";
        return BACKEND_REMOVABLE_LATER;
    }
    *why = "";
    return BACKEND_REMOVABLE;
}

uint64_t backend_server_remove(struct board *board, const struct server_conf *server)
{
    const struct proxy_conf *proxy = server->backend->proxy;
    uint32_t object = server->object, pool_object = server->pool_object;
    const struct server_wire wire = {
        .op = SERVER_OP_DEL, .generation = board_changes_generation(), .backend = proxy->be_object, .server = object
    };
    uint64_t number = backend_change_publish(&wire, NULL, 0);
    if (number) {
        backend_states_disown(object);
        objects_drop(board, object, pool_object, number);
        backend_states_close_queues(board, proxy);
        backend_states_announce(board);
    }
    return number;
}
