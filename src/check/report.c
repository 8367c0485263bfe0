// SPDX-License-Identifier: Apache-2.0
// What becomes of a check's result: health is counted, the server's state follows, and the log is told.
#include <stdio.h>
#include <string.h>
#include "backend/notice.h"
#include "check/engine.h"
#include "check/trace.h"

enum { CHECK_REASON_LEN = 768, CHECK_CLEAN_LEN = 520 };

bool check_status_is_failure(enum check_status status)
{
    switch (status) {
    case CHECK_L4OK:
    case CHECK_L6OK:
    case CHECK_L7OK:
    case CHECK_L7OKC:
    case CHECK_PROCOK:
    case CHECK_UNKNOWN:
    case CHECK_INI:
        return false;
    default:
        return true;
    }
}

void check_describe(char *out, size_t cap, const struct check_result *result)
{
    size_t len = (size_t)snprintf(out, cap, "reason: %s", check_status_text(result->status));
    if (check_status_has_code(result->status) && len < cap)
        len += (size_t)snprintf(out + len, cap - len, ", code: %d", result->code);
    if (result->text && result->text[0] && len < cap)
        len += (size_t)snprintf(out + len, cap - len, ", info: \"%s\"", result->text);
    if (result->duration_ms >= 0 && len < cap)
        snprintf(out + len, cap - len, ", check duration: %dms", result->duration_ms);
}

static void put_text(struct backend_state *state, char *out, const char *text)
{
    uint32_t seq = atomic_load_explicit(&state->text_seq, memory_order_relaxed);
    atomic_store_explicit(&state->text_seq, seq + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    snprintf(out, BACKEND_STATE_TEXT, "%s", text ? text : "");
    atomic_store_explicit(&state->text_seq, seq + 2, memory_order_release);
}

void check_show(const struct check *check, const struct check_result *result)
{
    struct backend_state *state = check->state;
    bool is_agent = check->kind == CHECK_AGENT;
    put_text(state, is_agent ? state->agent_text : state->check_text, result->text);
    atomic_store(is_agent ? &state->agent_status : &state->check_status, result->status);
    atomic_store(is_agent ? &state->agent_code : &state->check_code, (uint32_t)result->code);
    if (result->duration_ms >= 0)
        atomic_store(is_agent ? &state->agent_ms : &state->check_ms, (uint32_t)result->duration_ms);
}

uint32_t check_health(const struct check *check)
{
    return atomic_load(check->kind == CHECK_AGENT ? &check->state->agent_health : &check->state->health);
}

void check_set_health(const struct check *check, uint32_t health)
{
    atomic_store(check->kind == CHECK_AGENT ? &check->state->agent_health : &check->state->health, health);
}

// True where the health changed. A server that is up falls at once below `rise` with its last failure, and one that
// comes up is wholly well.
static bool count(const struct check *check, bool failed)
{
    uint32_t health = check_health(check), best = check->rise + check->fall - 1;
    if (failed) {
        if (health >= check->rise)
            atomic_fetch_add(&check->state->num_check_fails, 1);
        if (!health)
            return false;
        health--;
        check_set_health(check, health < check->rise ? 0 : health);
        return true;
    }
    if (health >= best)
        return false;
    health++;
    check_set_health(check, health >= check->rise ? best : health);
    return true;
}

// HAProxy manual, `option log-health-checks`.
static void tell(const struct check *check, const struct check_result *result)
{
    const struct server_conf *server = check->server;
    uint32_t health = check_health(check);
    bool up = health >= check->rise, failed = check_status_is_failure(result->status);
    char reason[CHECK_REASON_LEN];
    if (!check->proxy->be.check.logs)
        return;
    check_describe(reason, sizeof(reason), result);
    backend_notice_say(
        checks.board, server, LOG_LEVEL_NOTICE, "%s check for %sserver %s/%s %s%s, %s, status: %u/%u %s.",
        check->kind == CHECK_AGENT ? "Agent" : "Health", server->backup ? "backup " : "", check->proxy->name,
        server->name, result->status == CHECK_L7OKC ? "conditionally " : "", failed ? "failed" : "succeeded", reason,
        up ? health - check->rise + 1 : health, up ? check->fall : check->rise,
        !up                                  ? "DOWN"
        : atomic_load(&check->state->weight) ? "UP"
                                             : "DRAIN");
}

// The other kind's word counts, too: a server comes up when neither holds it down.
static bool other_is_well(const struct check *check)
{
    const struct check *other = check_of(check->server, check->kind == CHECK_AGENT ? CHECK_HEALTH : CHECK_AGENT);
    return (!other || check_health(other) >= other->rise) && !atomic_load(&check->state->ejected_us);
}

static void change(struct check *check, const struct check_result *result)
{
    uint32_t status = backend_state_status(check->state);
    enum backend_op op = backend_state_op(status);
    bool up = check_health(check) >= check->rise;
    if (check_status_is_failure(result->status)) {
        if (!up && op != BACKEND_OP_STOPPED)
            check_set_op(check, BACKEND_OP_STOPPED, result);
        return;
    }
    if (!up || !other_is_well(check) || backend_state_admin(status) & BACKEND_ADMIN_ANY_MAINT)
        return;
    if (result->status == CHECK_L7OKC) {
        if (op == BACKEND_OP_RUNNING || op == BACKEND_OP_STARTING)
            check_set_op(check, BACKEND_OP_STOPPING, result);
    } else if (op == BACKEND_OP_STOPPED || op == BACKEND_OP_STOPPING) {
        check_set_op(check, BACKEND_OP_RUNNING, result);
    }
}

void check_set_op(struct check *check, enum backend_op op, const struct check_result *result)
{
    char reason[CHECK_REASON_LEN];
    check_describe(reason, sizeof(reason), result);
    backend_notice_op(checks.board, check->server, op, check->proxy->be.check.logs ? NULL : reason);
}

// What a server said may hold anything; lines and tables are to stay what they are.
static void clean(char *out, const char *text)
{
    size_t len = 0;
    for (const char *c = text ? text : ""; *c && len + 5 < CHECK_CLEAN_LEN; c++) {
        if ((unsigned char)*c >= ' ' && *c != 0x7f)
            out[len++] = *c;
        else
            len += (size_t)snprintf(out + len, CHECK_CLEAN_LEN - len, "<%02X>", (unsigned char)*c);
    }
    out[len] = '\0';
}

void check_note(struct check *check, enum check_status status, uint16_t code, const char *text, int32_t duration_ms)
{
    struct backend_state *state = check->state;
    char shown[CHECK_CLEAN_LEN];
    struct check_result result = { .status = status, .code = code, .text = shown, .duration_ms = duration_ms };
    clean(shown, text);
    uint32_t before = atomic_load(check->kind == CHECK_AGENT ? &state->agent_status : &state->check_status);
    check_show(check, &result);
    if (trace_is_on(TRACE_CHECK))
        check_trace(check, &result);
    bool counted = count(check, check_status_is_failure(status));
    if (counted || before != status)
        tell(check, &result);
    change(check, &result);
}

static void over(struct check *check)
{
    check->running = false;
    atomic_fetch_and(check_flags(check), ~(uint32_t)BACKEND_CHECK_INPROGRESS);
}

static void begin_next(struct check *check)
{
    uint64_t pause_us = check->again ? 1 : check_interval(check);
    check->again = false;
    event_timer_set(checks.loop, &check->timer, checks.loop->now_us + pause_us);
}

void check_drop(struct check *check)
{
    over(check);
    begin_next(check);
}

void check_report(struct check *check, enum check_status status, uint16_t code, const char *text)
{
    bool is_off = !(atomic_load(check_flags(check)) & BACKEND_CHECK_ENABLED);
    over(check);
    if (!is_off && check->ops->report)
        check->ops->report(check, status, code, text);
    else if (!is_off)
        check_note(check, status, code, text, (int32_t)((clock_mono_us() - check->began_us) / 1000));
    begin_next(check);
}
