// SPDX-License-Identifier: Apache-2.0
// Statistics begin anew: clear counters. Management guide, section 9.3. Maxima are shared cells and are set to zero;
// counters have one writer each, so that the board notes what they were (board_counters_clear). Totals of the service
// (show info) go on, as HAProxy's do.
#include <string.h>
#include "admin/session.h"
#include "board/board.h"
#include "proxy/conf.h"
#include "proxy/counters.h"
#include "transport/tls.h"

// Shared cells of proxies, servers and listeners that hold a maximum, and those that go with counters.
static const uint8_t maxima[] = { PROXY_GAUGE_MAX_SESSIONS, PROXY_GAUGE_SESSION_RATE_MAX, PROXY_GAUGE_REQUEST_RATE_MAX,
                                  PROXY_GAUGE_QUEUE_MAX,    PROXY_GAUGE_CONN_RATE_MAX,    PROXY_GAUGE_TUNNELS_MAX,
                                  PROXY_GAUGE_LONGEST,      PROXY_GAUGE_LONGEST + 1,      PROXY_GAUGE_LONGEST + 2,
                                  PROXY_GAUGE_LONGEST + 3 };
static const uint8_t tls_maxima[] = { TRANSPORT_TLS_GAUGE_RATE_MAX, TRANSPORT_TLS_GAUGE_KEYS_MAX,
                                      TRANSPORT_TLS_GAUGE_BACK_KEYS_MAX };

static void clear_cells(struct board *board, uint32_t object, const uint8_t *cells, size_t num)
{
    _Atomic uint64_t *gauges = board_gauges(board, object);
    // Only what is not zero: a row that nobody ever touched takes no memory.
    for (size_t i = 0; i < num; i++)
        if (atomic_load_explicit(&gauges[cells[i]], memory_order_relaxed))
            atomic_store_explicit(&gauges[cells[i]], 0, memory_order_relaxed);
}

static void clear_object(struct board *board, uint32_t object, bool all)
{
    static const uint8_t with_counters[] = { PROXY_GAUGE_LAST_SESSION, PROXY_GAUGE_AVERAGES, PROXY_GAUGE_AVERAGES + 1,
                                             PROXY_GAUGE_AVERAGES + 2, PROXY_GAUGE_AVERAGES + 3 };
    if (!object)
        return;
    clear_cells(board, object, maxima, NUM_ITEMS(maxima));
    if (!all)
        return;
    clear_cells(board, object, with_counters, NUM_ITEMS(with_counters));
    // The number of log lines is that of the log (%lc), which nobody clears.
    board_counters_clear(board, object, 0, PROXY_COUNT_LOGS);
    board_counters_clear(board, object, PROXY_COUNT_LOGS + 1, BOARD_LEVELS);
}

static void clear_proxy(struct board *board, const struct proxy_conf *proxy, bool all)
{
    clear_object(board, proxy->fe_object, all);
    clear_object(board, proxy->be_object, all);
    for (const struct server_conf *server = proxy->be.servers; server; server = server->next) {
        clear_object(board, server->object, all);
        if (all && server->pool_object)
            board_counters_clear(board, server->pool_object, 0, BOARD_LEVELS);
    }
}

static enum admin_verdict run_clear(struct admin_call *call)
{
    const struct program_conf *conf = call->admin->start.conf;
    struct board *board = call->admin->start.board;
    bool all = call->num_args && strcmp(call->args[0], "all") == 0;
    if (call->num_args && !all)
        return admin_refuse_arg(call, 0);
    if (all && call->session->level < ADMIN_LEVEL_ADMIN)
        return admin_refuse(call, "Permission denied\n");
    for (const struct proxy_conf *proxy = conf->proxies; proxy; proxy = proxy->next)
        clear_proxy(board, proxy, all);
    for (uint32_t i = 0; i < conf->num_binds; i++)
        clear_object(board, conf->binds[i]->object, all);
    if (conf->object)
        clear_cells(board, conf->object, maxima, NUM_ITEMS(maxima));
    if (conf->tls_object)
        clear_cells(board, conf->tls_object, tls_maxima, NUM_ITEMS(tls_maxima));
    return ADMIN_DONE;
}

static const struct admin_command commands[] = {
    { .name = "clear counters",
      .level = ADMIN_LEVEL_OPERATOR,
      .where = ADMIN_ON_SERVICE,
      .max_args = 1,
      .changes = true,
      .args = "[all]",
      .help = "let the maxima of all statistics start anew, or all counters",
      .run = run_clear },
};
ADMIN_COMMANDS(commands);
