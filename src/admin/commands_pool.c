// SPDX-License-Identifier: Apache-2.0
// What stands open to servers, in all workers of all generations.
#include <string.h>
#include "admin/session.h"
#include "backend/pool.h"
#include "proxy/counters.h"

enum { MAX_SLOTS = BOARD_MAX_INCARNATIONS };

struct tally {
    uint32_t num_slots;
    uint32_t warm;
    uint32_t need;
    uint32_t idle[MAX_SLOTS]; // by the place of the worker in its generation
};

static void take_stock(struct tally *tally, const struct admin *admin, const struct server_conf *conf)
{
    struct board *board = admin->start.board;
    bool is_due = backend_warm_is_due(conf);
    memset(tally, 0, sizeof(*tally));
    tally->num_slots = admin->start.conf->global.num_workers;
    for (uint32_t inc = 1; inc < board_incarnation_limit(board); inc++) {
        const struct board_incarnation *record = board_incarnation_at(board, inc);
        if (atomic_load(&record->state) != 1 || atomic_load(&record->role) != BOARD_ROLE_WORKER ||
            record->slot >= MAX_SLOTS)
            continue;
        uint32_t idle = (uint32_t)board_counter_own(board, conf->object, PROXY_COUNT_IDLE, inc);
        tally->idle[record->slot] += idle;
        if (record->slot >= tally->num_slots)
            tally->num_slots = record->slot + 1;
        // An earlier generation keeps none for their own sake.
        if (!is_due || record->generation != admin->start.generation)
            continue;
        uint32_t share = backend_warm_share(conf, backend_state_full_maxconn(conf),
                                            admin->start.conf->global.num_workers, record->slot);
        tally->need += share;
        tally->warm += idle < share ? idle : share;
    }
}

static void write_address(struct text *out, const struct server_conf *conf)
{
    char text[TRANSPORT_ADDRESS_TEXT_MAX];
    bool is_ip = conf->addr.family == AF_INET || conf->addr.family == AF_INET6;
    if (is_ip)
        text[transport_address_ip_text(&conf->addr, text)] = '\0';
    text_printf(out, " %s %u", is_ip ? text : "-", is_ip ? conf->addr.port : 0);
}

static void write_server(struct text *out, const struct admin *admin, const struct server_conf *conf)
{
    struct board *board = admin->start.board;
    const struct proxy_conf *proxy = conf->backend->proxy;
    struct tally tally;
    take_stock(&tally, admin, conf);
    uint64_t level = board_counter_sum(board, conf->pool_object, BACKEND_POOL_LEVEL);
    uint32_t idle = (uint32_t)board_counter_sum(board, conf->object, PROXY_COUNT_IDLE);
    uint32_t safe = backend_level_safe(level), open = board_lane_sum(board, conf->pool_object);
    uint32_t used = open > backend_level_spare(level) ? open - backend_level_spare(level) : 0;
    uint64_t reused = board_counter_sum(board, conf->object, PROXY_COUNT_REUSES);
    uint64_t used_max = atomic_load(&board_gauges(board, conf->object)[PROXY_GAUGE_MAX_SESSIONS]);
    text_printf(out, "%s/%s %u/%u", proxy->name, conf->name, proxy->id, conf->id);
    write_address(out, conf);
    text_printf(out, " - %llu %u %llu %u %u %u %d %u", (unsigned long long)(conf->pool_purge_us / 1000), used,
                (unsigned long long)used_max, backend_level_peak(level), idle > safe ? idle - safe : 0,
                safe < idle ? safe : idle, conf->pool_max_conn, idle);
    for (uint32_t i = 0; i < tally.num_slots; i++)
        text_printf(out, " %u", tally.idle[i]);
    text_printf(out, " - %u %u %u %u %llu %llu", idle, used, tally.warm, tally.need, (unsigned long long)reused,
                (unsigned long long)(conf->tls_target ? reused : 0));
    for (uint32_t i = 0; i < BACKEND_POOL_NUM_COUNTERS; i++)
        text_printf(out, " %llu", (unsigned long long)board_counter_sum(board, conf->pool_object, i));
    text_printf(out, " %llu\n",
                (unsigned long long)(board_counter_sum(board, conf->object, PROXY_COUNT_POOL_RETRIES) +
                                     board_counter_sum(board, conf->object, PROXY_COUNT_RETRY_UNREAD)));
}

static void write_titles(struct text *out, uint32_t num_workers)
{
    text_printf(out,
                "# bkname/svname bkid/svid addr port - purge_delay used_cur used_max need_est unsafe_nb safe_nb "
                "idle_lim idle_cur idle_per_thr[%u] - idle used warm need conns_saved tls_saved opened handshakes "
                "warmed warm_failed pings pings_failed room_waits given_up patience stale_retries\n",
                num_workers);
}

static bool is_named(const struct proxy_conf *proxy, const char *name)
{
    uint64_t id;
    if (strcmp(proxy->name, name) == 0)
        return true;
    name += *name == '#';
    return slice_to_u64(slice_str(name), &id) && id == proxy->id;
}

static enum admin_verdict run_show_servers_conn(struct admin_call *call)
{
    const struct admin *admin = call->admin;
    const char *name = call->num_args ? call->args[0] : NULL;
    bool found = false;
    for (const struct proxy_conf *it = admin->start.conf->proxies; it && name && !found; it = it->next)
        found = it->has_backend && !it->disabled && is_named(it, name);
    if (name && !found)
        return admin_refuse(call, "Can't find backend.\n");
    // A piece for each proxy.
    const struct proxy_conf *at = admin->start.conf->proxies;
    for (uint32_t i = 1; at && i < call->turn; i++)
        at = at->next;
    if (!call->turn)
        write_titles(call->out, admin->start.conf->global.num_workers);
    bool tells = call->turn && at && at->has_backend && !at->disabled && (!name || is_named(at, name));
    for (const struct server_conf *server = tells ? at->be.servers : NULL; server; server = server->next)
        write_server(call->out, admin, server);
    return at && (!call->turn || at->next) ? ADMIN_MORE : ADMIN_DONE;
}

static const struct admin_command commands[] = {
    { .name = "show servers conn",
      .level = ADMIN_LEVEL_USER,
      .where = ADMIN_ON_SERVICE,
      .max_args = 1,
      .args = "[<backend>]",
      .help = "tell the connections to servers: idle, in use, kept open, and what their reuse saved",
      .run = run_show_servers_conn },
};
ADMIN_COMMANDS(commands);
