// SPDX-License-Identifier: Apache-2.0
// What the commands that change certificates and authorities have in common. For src/admin/commands_{cert,ca}.c alone.
#pragma once

#include "admin/command.h"

#define TRANSACTION_OTHER "The ongoing transaction is about '%s' but you are trying to set '%s'\n"
#define TRANSACTION_ABORT_OTHER                                                                                        \
    "The ongoing transaction is about '%s' but you are trying to abort a transaction for '%s'\n"
#define TRANSACTION_FULL "There is no room for a change, as a process has not applied older ones; try again later.\n"

// transaction_done answers a commit for `num` users of `name`, once all processes have applied it.
static inline enum admin_verdict transaction_done(struct admin_call *call, const char *name, uint32_t num)
{
    text_printf(call->out, "Committing %s", name);
    for (uint32_t i = 0; i < num; i++)
        text_printf(call->out, ".");
    text_printf(call->out, "\nSuccess!\n");
    return ADMIN_CHANGED;
}
