// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include "base/host.h"
#include "check/state.h"
#include "proxy/counters.h"

static const char *word_of(const struct check *check, uint32_t *now, uint32_t *of)
{
    uint32_t health = check_health(check);
    enum backend_op op = backend_state_op(backend_state_status(check->state));
    bool up = health >= check->rise;
    *now = up ? health - check->rise + 1 : health;
    *of = up ? check->fall : check->rise;
    if (op == BACKEND_OP_STOPPED)
        return "DOWN";
    return op == BACKEND_OP_STOPPING ? "NOLB" : "UP";
}

static uint32_t total_weight(const struct backend_conf *backend)
{
    uint32_t total = 0;
    for (const struct server_conf *it = backend->servers; it; it = it->next) {
        const struct backend_state *state = backend_state_at(it->object);
        if (backend_status_is_willing(backend_state_status(state)))
            total += atomic_load(&state->weight);
    }
    return total;
}

static void node_name(char *out, size_t cap)
{
    const char *node = checks.conf->global.node;
    snprintf(out, cap, "%s", node ? node : *host_name() ? host_name() : "-");
}

bool check_state_field(const struct check *check, struct buf *out)
{
    const struct server_conf *server = check->server;
    uint32_t now, of, object = check->proxy->be_object;
    char address[TRANSPORT_ADDRESS_TEXT_MAX], port[8], node[256], count[32] = "";
    const char *word = word_of(check, &now, &of);
    address[transport_address_ip_text(&server->addr, address)] = '\0';
    snprintf(port, sizeof(port), "%u", server->addr.port);
    bool is_unix = server->addr.family == AF_UNIX;
    if (!(backend_state_admin(backend_state_status(check->state)) & BACKEND_ADMIN_ANY_MAINT))
        snprintf(count, sizeof(count), " %u/%u", now, of);
    node_name(node, sizeof(node));
    int len = snprintf(buf_end(out), buf_room(out),
                       "x-haproxy-server-state: %s%s; address=%s; port=%s; name=%s/%s; node=%s; weight=%u/%u; "
                       "scur=%u/%u; qcur=%u\r\n",
                       word, count, is_unix ? "unix" : address, is_unix ? "unix" : port, check->proxy->name,
                       server->name, node, atomic_load(&check->state->weight), total_weight(server->backend),
                       board_lane_sum(checks.board, server->object), board_lane_sum(checks.board, object),
                       board_queue_len(checks.board, object, server->object));
    if (len < 0 || (size_t)len >= buf_room(out))
        return false;
    buf_added(out, (size_t)len);
    return true;
}
