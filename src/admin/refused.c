// SPDX-License-Identifier: Apache-2.0
// Commands of HAProxy 3.2's management guide that fairlead does not have, and why: they are refused by name.
#include "admin/session.h"

static enum admin_verdict run_refused(struct admin_call *call)
{
    return admin_refuse(call, "'%s' %s.\n", call->command->name, call->command->help);
}

#define REFUSED(words, why)                                                                                            \
    {                                                                                                                  \
        .name = words, .level = ADMIN_LEVEL_USER, .where = ADMIN_ON_ANY, .max_args = ADMIN_MAX_WORDS,                  \
        .is_hidden = true, .help = why, .run = run_refused                                                             \
    }

#define ANON   "needs anonymized answers, which fairlead does not have"
#define INSIDE "looks into HAProxy's own inside; 'show activity' and 'show dev' look into this one's"

static const struct admin_command commands[] = {
    REFUSED("debug counters", INSIDE),
    REFUSED("debug dev", INSIDE),
    REFUSED("httpclient", "needs an HTTP client within the service, which fairlead does not have"),
    REFUSED("set anon", ANON),
    REFUSED("show anon", ANON),
    REFUSED("show quic", "needs QUIC, which fairlead does not have"),
};
ADMIN_COMMANDS(commands);
