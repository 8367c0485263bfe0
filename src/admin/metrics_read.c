// SPDX-License-Identifier: Apache-2.0
// What the exporter keeps of proxies, servers and listeners until it is told.
#include <stdlib.h>
#include <string.h>
#include "admin/metrics.h"

const char *const admin_metric_states[ADMIN_METRIC_STATES] = { "DOWN", "UP", "MAINT", "DRAIN", "NOLB" };

static struct admin_metrics_row *row_new(struct admin_metrics *metrics)
{
    if (metrics->num_rows == metrics->cap_rows) {
        uint32_t cap = metrics->cap_rows ? 2 * metrics->cap_rows : 16;
        void *rows = realloc(metrics->rows, cap * sizeof(*metrics->rows));
        if (!rows)
            return NULL;
        metrics->rows = rows;
        metrics->cap_rows = cap;
    }
    struct admin_metrics_row *row = &metrics->rows[metrics->num_rows++];
    *row = (struct admin_metrics_row){ .check = CHECK_NUM_STATUSES };
    return row;
}

static void put_label(struct text *out, const char *name, const char *value)
{
    text_printf(out, "%s=\"", name);
    for (const char *c = value ? value : ""; *c; c++) {
        if (*c == '\n')
            text_add(out, "\\n", 2);
        else
            text_printf(out, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
    }
    text_add(out, "\"", 1);
}

static uint8_t state_of(const char *status)
{
    for (uint8_t i = 0; i < ADMIN_METRIC_STATES; i++)
        if (strncmp(status, admin_metric_states[i], strlen(admin_metric_states[i])) == 0)
            return i;
    return 1;
}

static uint8_t check_of(const struct server_conf *server)
{
    const struct backend_state *state = backend_state_at(server->object);
    while (server->tracked)
        server = server->tracked;
    uint32_t status = atomic_load(&state->check_status);
    bool checked = atomic_load(&backend_state_at(server->object)->check_flags) & BACKEND_CHECK_ENABLED;
    return checked && status < CHECK_NUM_STATUSES ? (uint8_t)status : CHECK_NUM_STATUSES;
}

static void keep_values(struct admin_metrics_row *row, const struct admin_stat_row *from)
{
    for (unsigned i = 0; i < ADMIN_STAT_NUM; i++) {
        const struct admin_value *value = &from->values[i];
        if (!value->is_set || admin_stat_fields[i].type == ADMIN_STR)
            continue;
        row->is_set[i / 64] |= UINT64_C(1) << i % 64;
        row->values[i] = value->number;
    }
}

static void count_servers(struct admin_metrics_row *row, const struct proxy_conf *proxy,
                          const struct admin_stat_ctx *ctx)
{
    for (const struct server_conf *server = proxy->be.servers; server; server = server->next) {
        struct admin_stat_row state;
        memset(state.values, 0, sizeof(state.values));
        admin_stat_state(&state, ctx, server);
        row->servers[state_of(state.values[ADMIN_STAT_STATUS].string)]++;
        row->has_servers = true;
        uint8_t check = check_of(server);
        if (check < CHECK_NUM_STATUSES)
            row->checks[check]++;
        row->has_tls |= server->tls_target != NULL;
    }
}

static uint8_t scope_of(char kind)
{
    return kind == 'F'   ? ADMIN_METRIC_FRONTEND
           : kind == 'L' ? ADMIN_METRIC_LISTENER
           : kind == 'B' ? ADMIN_METRIC_BACKEND
                         : ADMIN_METRIC_SERVER;
}

static bool keep(struct admin_metrics *metrics, const struct admin_stat_row *from)
{
    const struct proxy_conf *proxy = metrics->walk.row_proxy;
    const struct server_conf *server = metrics->walk.row_server;
    struct admin_metrics_row *row = row_new(metrics);
    if (!row)
        return false;
    row->scope = scope_of(from->kind);
    row->is_http = proxy->mode == PROXY_MODE_HTTP;
    row->label = (uint32_t)metrics->labels.len;
    put_label(&metrics->labels, "proxy", proxy->name);
    const char *status = from->values[ADMIN_STAT_STATUS].string;
    row->state = row->scope == ADMIN_METRIC_LISTENER ? strcmp(status, "FULL") == 0 ? 2 : 1 : state_of(status);
    switch (row->scope) {
    case ADMIN_METRIC_FRONTEND:
        row->object = proxy->fe_object;
        for (const struct bind_conf *bind = proxy->fe.binds; bind; bind = bind->next)
            row->has_tls |= bind->tls_bind != NULL;
        break;
    case ADMIN_METRIC_BACKEND:
        row->object = proxy->be_object;
        count_servers(row, proxy, &metrics->ctx);
        break;
    case ADMIN_METRIC_SERVER:
        row->object = server->object;
        row->server = (struct server_conf *)server;
        row->server->holds++;
        row->check = check_of(server);
        row->has_tls = server->tls_target != NULL;
        text_add(&metrics->labels, ",", 1);
        put_label(&metrics->labels, "server", server->name);
        break;
    default:
        text_add(&metrics->labels, ",", 1);
        put_label(&metrics->labels, "listener", from->values[ADMIN_STAT_SVNAME].string);
        break;
    }
    row->label_len = (uint32_t)metrics->labels.len - row->label;
    keep_values(row, from);
    return !metrics->labels.failed;
}

bool admin_metrics_read(struct admin_metrics *metrics)
{
    enum { ROWS = 4 };
    struct admin_stat_row row;
    for (int i = 0; i < ROWS; i++) {
        if (!admin_stat_next(&row, &metrics->walk, &metrics->ctx)) {
            metrics->has_rows = true;
            return true;
        }
        if (!keep(metrics, &row))
            return false;
    }
    return true;
}
