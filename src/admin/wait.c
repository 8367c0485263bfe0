// SPDX-License-Identifier: Apache-2.0
// The command `wait`: nothing happens for a while, or until something came about. Management guide, section 9.3.
#include <stdlib.h>
#include <string.h>
#include "admin/session.h"
#include "admin/wait.h"
#include "event/loop.h"

enum { WAIT_LOOK_US = 5000 };

// Weak: a program without conditions has no such section.
extern const struct admin_wait_condition *const __start_admin_waits[] __attribute__((weak));
extern const struct admin_wait_condition *const __stop_admin_waits[] __attribute__((weak));

struct wait_state {
    const struct admin_wait_condition *condition; // NULL: the time alone
    uint64_t end_us;
};

static const struct admin_wait_condition *condition_find(const char *name)
{
    for (const struct admin_wait_condition *const *it = __start_admin_waits; it < __stop_admin_waits; it++)
        if (strcmp((*it)->name, name) == 0)
            return *it;
    return NULL;
}

static enum admin_verdict tell_usage(struct admin_call *call)
{
    text_printf(call->out, "Usage: wait {-h|<duration>} [condition [args...]]\n"
                           "  - '-h' displays this help\n"
                           "  - <duration> is the maximum wait time, optionally suffixed by the unit among\n"
                           "    'us', 'ms', 's', 'm', 'h', and 'd'. ; the default unit is milliseconds.\n"
                           "  - <condition> indicates what to wait for, no longer than the duration. Without it the\n"
                           "    whole duration is waited for.\n");
    for (const struct admin_wait_condition *const *it = __start_admin_waits; it < __stop_admin_waits; it++)
        text_printf(call->out, "    - %s%s%s: %s\n", (*it)->name, (*it)->args ? " " : "",
                    (*it)->args ? (*it)->args : "", (*it)->help);
    return ADMIN_DONE;
}

bool admin_wait_read(uint64_t *delay_us, struct slice text, uint64_t unit_us)
{
    const struct {
        const char *name;
        uint64_t us;
    } units[] = { { "", unit_us },   { "us", 1 },         { "ms", 1000 },      { "s", 1000000 },
                  { "m", 60000000 }, { "h", 3600000000 }, { "d", 86400000000 } };
    size_t digits = 0;
    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
        digits++;
    uint64_t number;
    if (!slice_to_u64(slice_of(text.ptr, digits), &number) || number > INT32_MAX)
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (slice_equal(slice_from(text, digits), slice_str(units[i].name))) {
            *delay_us = number * units[i].us;
            return true;
        }
    }
    return false;
}

static enum admin_verdict wait_look(struct admin_call *call, struct wait_state *state)
{
    uint64_t now_us = call->admin->start.loop->now_us;
    enum admin_wait_verdict verdict = ADMIN_WAIT_NOT_YET;
    if (state->condition)
        verdict = state->condition->look(call, call->args + 2);
    if (verdict == ADMIN_WAIT_MET)
        return admin_say(call, 6, "Done.\n");
    if (verdict == ADMIN_WAIT_NEVER)
        return ADMIN_DONE;
    if (now_us >= state->end_us)
        return state->condition ? admin_refuse(call, "Wait delay expired.\n") : ADMIN_DONE;
    call->wake_us = state->condition && now_us + WAIT_LOOK_US < state->end_us ? now_us + WAIT_LOOK_US : state->end_us;
    return ADMIN_WAIT;
}

static enum admin_verdict run_wait(struct admin_call *call)
{
    struct wait_state *state = call->state;
    uint64_t delay_us;
    if (state)
        return wait_look(call, state);
    for (uint32_t i = 0; i < call->num_args && i < 2; i++)
        if (strcmp(call->args[i], "-h") == 0)
            return tell_usage(call);
    if (!call->num_args)
        return admin_refuse(call, "Expects a duration in milliseconds.\n");
    if (!admin_wait_read(&delay_us, slice_str(call->args[0]), 1000))
        return admin_refuse(call, "Invalid duration '%s'.\n", call->args[0]);
    const struct admin_wait_condition *condition = call->num_args > 1 ? condition_find(call->args[1]) : NULL;
    if (call->num_args > 1 && !condition)
        return admin_refuse(call, "Unknown condition '%s', see 'wait -h'.\n", call->args[1]);
    if (condition && call->num_args != 2u + condition->num_args)
        return admin_refuse(call, "Usage: wait <duration> %s%s%s\n", condition->name, condition->args ? " " : "",
                            condition->args ? condition->args : "");
    if (!condition && call->num_args > 1)
        return admin_refuse_arg(call, 1);
    state = calloc(1, sizeof(*state));
    if (!state)
        return admin_refuse(call, "Out of memory.\n");
    *state = (struct wait_state){ .condition = condition, .end_us = call->admin->start.loop->now_us + delay_us };
    call->state = state;
    return wait_look(call, state);
}

static const struct admin_command commands[] = {
    { .name = "wait",
      .level = ADMIN_LEVEL_USER,
      .where = ADMIN_ON_SERVICE,
      .max_args = 8,
      .args = "{ -h | <delay> } [<condition> [<args>...]]",
      .help = "wait for a while, or until something has come about",
      .run = run_wait },
};
ADMIN_COMMANDS(commands);
