// SPDX-License-Identifier: Apache-2.0
// Limits at run time: set maxconn frontend, set maxconn global, set rate-limit. Management guide, section 9.3. They
// hold for all workers together (proxy/live.h), from the change to the next reload.
#include <string.h>
#include "admin/frontend.h"
#include "admin/session.h"
#include "base/slice.h"
#include "proxy/live.h"

enum { LIMITS_WAIT_US = 2000 };

// Publishes the value; where the journal is full for the moment, again a little later.
static enum admin_verdict publish(struct admin_call *call, enum proxy_live_what what, const struct proxy_conf *frontend,
                                  uint32_t value)
{
    call->number = proxy_live_publish(what, frontend, value);
    if (call->number)
        return ADMIN_CHANGED;
    call->wake_us = call->admin->start.loop->now_us + LIMITS_WAIT_US;
    return ADMIN_WAIT;
}

// Reads the number in argument `index`; false after answering.
static bool read_number(struct admin_call *call, uint32_t *value, uint32_t index, uint64_t max, const char *missing)
{
    uint64_t number;
    if (index >= call->num_args) {
        admin_refuse(call, "%s\n", missing);
        return false;
    }
    struct slice text = slice_str(call->args[index]);
    bool is_negative = text.len > 1 && text.ptr[0] == '-';
    if (!slice_to_u64(slice_from(text, is_negative), &number)) {
        admin_refuse(call, "'%s' is no number.\n", call->args[index]);
        return false;
    }
    if (is_negative || number > max) {
        admin_refuse(call, "Value out of range.\n");
        return false;
    }
    *value = (uint32_t)number;
    return true;
}

static enum admin_verdict run_frontend(struct admin_call *call)
{
    uint32_t value;
    const struct proxy_conf *frontend = admin_frontend_named(call);
    if (!frontend || !read_number(call, &value, 1, INT32_MAX, "Integer value expected."))
        return ADMIN_DONE;
    return publish(call, PROXY_LIVE_FRONTEND_MAXCONN, frontend, value);
}

static enum admin_verdict run_global(struct admin_call *call)
{
    uint32_t value, most = call->admin->start.conf->global.maxconn;
    if (!read_number(call, &value, 0, most ? most : INT32_MAX, "Expects an integer value."))
        return ADMIN_DONE;
    return publish(call, PROXY_LIVE_MAXCONN, NULL, value ? value : most);
}

static const struct {
    const char *name;
    enum proxy_live_what what;
} rates[] = {
    { "connections", PROXY_LIVE_CONN_RATE },
    { "sessions", PROXY_LIVE_SESS_RATE },
    { "ssl-sessions", PROXY_LIVE_TLS_RATE },
};

static enum admin_verdict run_rate(struct admin_call *call)
{
    uint32_t value;
    size_t i = 0;
    while (i < NUM_ITEMS(rates) && (!call->num_args || strcmp(rates[i].name, call->args[0]) != 0))
        i++;
    if (i == NUM_ITEMS(rates) || call->num_args < 2 || strcmp(call->args[1], "global") != 0)
        return admin_refuse(call, "'set rate-limit' only supports :\n"
                                  "   - 'connections global' to set the maximum connection rate of all processes\n"
                                  "   - 'sessions global' to set the maximum session rate of all processes\n"
                                  "   - 'ssl-sessions global' to set the maximum SSL session rate of all processes\n");
    if (!read_number(call, &value, 2, INT32_MAX, "Expects an integer value."))
        return ADMIN_DONE;
    return publish(call, rates[i].what, NULL, value);
}

static const struct admin_command commands[] = {
    { .name = "set maxconn frontend",
      .level = ADMIN_LEVEL_ADMIN,
      .where = ADMIN_ON_SERVICE,
      .max_args = 2,
      .changes = true,
      .args = "<frontend> <n>",
      .help = "change how many connections a frontend takes",
      .run = run_frontend },
    { .name = "set maxconn global",
      .level = ADMIN_LEVEL_ADMIN,
      .where = ADMIN_ON_SERVICE,
      .max_args = 1,
      .changes = true,
      .args = "<n>",
      .help = "change how many connections the service takes, up to what was configured; 0: as many as that",
      .run = run_global },
    { .name = "set rate-limit",
      .level = ADMIN_LEVEL_ADMIN,
      .where = ADMIN_ON_SERVICE,
      .max_args = 3,
      .changes = true,
      .args = "{ connections | sessions | ssl-sessions } global <n>",
      .help = "change how many connections or sessions the service takes a second; 0: as many as come",
      .run = run_rate },
};
ADMIN_COMMANDS(commands);
