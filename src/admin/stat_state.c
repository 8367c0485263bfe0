// SPDX-License-Identifier: Apache-2.0
// What statistics tell of the states of servers and backends.
#include <stdio.h>
#include <string.h>
#include "admin/stat.h"
#include "backend/notice.h"
#include "check/check.h"

static void set(struct admin_stat_row *row, enum admin_stat field, uint64_t number)
{
    row->values[field] = (struct admin_value){ .is_set = true, .number = number };
}

static void set_string(struct admin_stat_row *row, enum admin_stat field, const char *string)
{
    row->values[field] = (struct admin_value){ .is_set = true, .string = string };
}

static uint32_t load(const _Atomic uint32_t *cell)
{
    return atomic_load_explicit(cell, memory_order_relaxed);
}

void admin_stat_changes(struct admin_stat_row *row, const struct admin_stat_ctx *ctx, const struct backend_state *state)
{
    uint64_t changed_us = atomic_load(&state->changed_us);
    uint64_t since_us = atomic_load(&state->down_since_us);
    uint64_t down_us = atomic_load(&state->down_us);
    changed_us = changed_us ? changed_us : ctx->started_wall_us;
    down_us += since_us && since_us < ctx->now_us ? ctx->now_us - since_us : 0;
    set(row, ADMIN_STAT_LASTCHG, ctx->wall_us > changed_us ? (ctx->wall_us - changed_us) / 1000000 : 0);
    set(row, ADMIN_STAT_CHKDOWN, load(&state->num_downs));
    set(row, ADMIN_STAT_DOWNTIME, down_us / 1000000);
}

static void set_status(struct admin_stat_row *row, const struct server_conf *server)
{
    const struct server_conf *root = server;
    while (root->tracked)
        root = root->tracked;
    const struct backend_state *state = backend_state_at(root->object);
    uint32_t status = backend_state_status(backend_state_at(server->object));
    uint32_t admin = backend_state_admin(status);
    bool checked = load(&state->check_flags) & BACKEND_CHECK_ENABLED;
    bool has_agent = load(&state->agent_flags) & BACKEND_CHECK_ENABLED;
    uint32_t rise = load(&state->check_rise), fall = load(&state->check_fall), health = load(&state->health);
    bool drains = admin & BACKEND_ADMIN_ANY_DRAIN;
    char part[32] = "";
    if (checked && health >= rise && health + 1 < rise + fall)
        snprintf(part, sizeof(part), " %u/%u", health - rise + 1, fall);
    const char *name = NULL;
    if (admin & BACKEND_ADMIN_MAINT_RESOLUTION)
        name = "MAINT (resolution)";
    else if (admin & BACKEND_ADMIN_MAINT_INHERITED)
        snprintf(row->status, sizeof(row->status), "MAINT (via %.100s/%.100s)",
                 server->tracked ? server->tracked->backend->proxy->name : "",
                 server->tracked ? server->tracked->name : "");
    else if (admin & BACKEND_ADMIN_ANY_MAINT)
        name = "MAINT";
    else if (backend_state_op(status) == BACKEND_OP_STOPPED && has_agent && !load(&state->agent_health))
        name = "DOWN (agent)";
    else if (backend_state_op(status) == BACKEND_OP_STOPPED && checked && health)
        // It may track a server that is up, and be down for its agent.
        snprintf(row->status, sizeof(row->status), "DOWN %u/%u", health < rise ? health : health - rise + 1,
                 health < rise ? rise : fall);
    else if (backend_state_op(status) == BACKEND_OP_STOPPED)
        name = "DOWN";
    else if (drains && has_agent)
        name = "DRAIN (agent)";
    else if (drains || backend_state_op(status) == BACKEND_OP_STOPPING || checked)
        snprintf(row->status, sizeof(row->status), "%s%s",
                 drains                                            ? "DRAIN"
                 : backend_state_op(status) == BACKEND_OP_STOPPING ? "NOLB"
                                                                   : "UP",
                 part);
    else
        name = "no check";
    set_string(row, ADMIN_STAT_STATUS, name ? name : row->status);
}

// The texts change while they are read: what is half written is left out.
static void copy_text(char *out, const struct backend_state *state, const char *text)
{
    uint32_t seq = atomic_load_explicit(&state->text_seq, memory_order_acquire);
    memcpy(out, text, BACKEND_STATE_TEXT);
    atomic_thread_fence(memory_order_acquire);
    out[BACKEND_STATE_TEXT - 1] = '\0';
    if (seq & 1 || seq != load(&state->text_seq))
        out[0] = '\0';
}

static enum check_status known(uint32_t status)
{
    return status < CHECK_NUM_STATUSES ? (enum check_status)status : CHECK_UNKNOWN;
}

// HAProxy manual, "check_status": what was found last, with a star while the next check is under way.
static void set_found(struct admin_stat_row *row, enum admin_stat field, char *room, enum check_status status,
                      uint32_t flags)
{
    snprintf(room, ADMIN_STAT_FOUND, "%s%s", flags & BACKEND_CHECK_INPROGRESS ? "* " : "", check_status_name(status));
    set_string(row, field, room);
}

static void set_check(struct admin_stat_row *row, const struct server_conf *server, const struct backend_state *state)
{
    uint32_t flags = load(&state->check_flags);
    enum check_status status = known(load(&state->check_status));
    if (!(flags & BACKEND_CHECK_ENABLED))
        return;
    set(row, ADMIN_STAT_CHKFAIL, load(&state->num_check_fails));
    if (server->probe.observe != PROBE_OBSERVE_NONE)
        set(row, ADMIN_STAT_HANAFAIL, load(&state->num_observed));
    copy_text(row->last_check, state, state->check_text);
    set_string(row, ADMIN_STAT_LAST_CHK, row->last_check);
    // What a check that rests with its server found before says nothing of now.
    if (backend_state_admin(backend_state_status(state)) & BACKEND_ADMIN_ANY_MAINT)
        return;
    set_found(row, ADMIN_STAT_CHECK_STATUS, row->check_found, status, flags);
    set_string(row, ADMIN_STAT_CHECK_DESC, check_status_text(status));
    if (check_status_has_code(status))
        set(row, ADMIN_STAT_CHECK_CODE, load(&state->check_code));
    if (status > CHECK_INI)
        set(row, ADMIN_STAT_CHECK_DURATION, load(&state->check_ms));
    set(row, ADMIN_STAT_CHECK_RISE, load(&state->check_rise));
    set(row, ADMIN_STAT_CHECK_FALL, load(&state->check_fall));
    set(row, ADMIN_STAT_CHECK_HEALTH, load(&state->health));
}

static void set_agent(struct admin_stat_row *row, const struct backend_state *state)
{
    uint32_t flags = load(&state->agent_flags);
    enum check_status status = known(load(&state->agent_status));
    if (!(flags & BACKEND_CHECK_ENABLED))
        return;
    set_found(row, ADMIN_STAT_AGENT_STATUS, row->agent_found, status, flags);
    set_string(row, ADMIN_STAT_AGENT_DESC, check_status_text(status));
    if (check_status_has_code(status))
        set(row, ADMIN_STAT_AGENT_CODE, load(&state->agent_code));
    if (status > CHECK_INI)
        set(row, ADMIN_STAT_AGENT_DURATION, load(&state->agent_ms));
    copy_text(row->last_agent, state, state->agent_text);
    set_string(row, ADMIN_STAT_LAST_AGT, row->last_agent);
    set(row, ADMIN_STAT_AGENT_RISE, load(&state->agent_rise));
    set(row, ADMIN_STAT_AGENT_FALL, load(&state->agent_fall));
    set(row, ADMIN_STAT_AGENT_HEALTH, load(&state->agent_health));
}

void admin_stat_state(struct admin_stat_row *row, const struct admin_stat_ctx *ctx, const struct server_conf *server)
{
    const struct backend_state *state = backend_state_at(server->object);
    admin_stat_changes(row, ctx, state);
    if (!(load(&state->check_flags) & BACKEND_CHECK_ENABLED)) {
        // As for HAProxy: they are about checks.
        row->values[ADMIN_STAT_CHKDOWN].is_set = false;
        row->values[ADMIN_STAT_DOWNTIME].is_set = false;
    }
    set_status(row, server);
    set_check(row, server, state);
    set_agent(row, state);
    set(row, ADMIN_STAT_WEIGHT, (load(&state->share) + BACKEND_SHARE_SCALE - 1) / BACKEND_SHARE_SCALE);
    set(row, ADMIN_STAT_UWEIGHT, load(&state->weight));
    set(row, ADMIN_STAT_ACT, !server->backup);
    set(row, ADMIN_STAT_BCK, server->backup);
    if (load(&state->throttle))
        set(row, ADMIN_STAT_THROTTLE, load(&state->throttle));
    if (server->tracked) {
        snprintf(row->tracked, sizeof(row->tracked), "%.100s/%.100s", server->tracked->backend->proxy->name,
                 server->tracked->name);
        set_string(row, ADMIN_STAT_TRACKED, row->tracked);
    }
}
