// SPDX-License-Identifier: Apache-2.0
// Crt-lists and directories of certificates: shown, and changed for all binds that use them.
#include <string.h>
#include "admin/session.h"
#include "tls/change.h"
#include "tls_transaction.h"

static enum admin_verdict show_list(struct admin_call *call)
{
    bool numbers = call->num_args && strcmp(call->args[0], "-n") == 0;
    const char *name = call->args[numbers];
    if (call->num_args > 1U + numbers)
        return admin_refuse_arg(call, 1U + numbers);
    if (!name) {
        for (const struct tls_crt_list *list = tls_change_lists(); list; list = tls_change_list_next(list))
            text_printf(call->out, "%s\n", tls_change_list_name(list));
        return ADMIN_DONE;
    }
    const struct tls_crt_list *list = tls_change_list(name);
    if (!list)
        return admin_refuse(call, "didn't find the specified filename\n");
    tls_change_list_show(call->out, list, numbers);
    return ADMIN_DONE;
}

// HAProxy's texts name the command without the hyphen.
static enum admin_verdict refuse_usage(struct admin_call *call)
{
    return admin_refuse(call, "'%.3s ssl crtlist' expects a filename and a certificate name\n", call->command->name);
}

static enum admin_verdict add_line(struct admin_call *call)
{
    struct text why, cert;
    if (call->num_args < 1 || (call->payload ? call->num_args != 1 : call->num_args != 2))
        return refuse_usage(call);
    struct slice line = call->payload ? slice_of(call->payload, call->payload_len) : slice_str(call->args[1]);
    text_init(&why);
    text_init(&cert);
    call->number = tls_change_list_add(&why, &cert, call->args[0], line);
    if (call->number)
        admin_say(call, 5, "Inserting certificate '%.*s' in crt-list '%s'.\nSuccess!\n", (int)cert.len, cert.ptr,
                  call->args[0]);
    else if (why.len)
        admin_refuse(call, "Can't edit the crt-list: %.*s\n", (int)why.len, why.ptr);
    else
        admin_refuse(call, TRANSACTION_FULL);
    text_fini(&why);
    text_fini(&cert);
    return call->number ? ADMIN_CHANGED : ADMIN_DONE;
}

static enum admin_verdict del_line(struct admin_call *call)
{
    struct text why, cert;
    if (call->num_args != 2)
        return refuse_usage(call);
    text_init(&why);
    text_init(&cert);
    call->number = tls_change_list_del(&why, &cert, call->args[0], call->args[1]);
    if (call->number)
        admin_say(call, 5, "Entry '%.*s' deleted in crtlist '%s'!\n", (int)cert.len, cert.ptr, call->args[0]);
    else if (why.len)
        admin_refuse(call, "Can't delete the entry: %.*s\n", (int)why.len, why.ptr);
    else
        admin_refuse(call, TRANSACTION_FULL);
    text_fini(&why);
    text_fini(&cert);
    return call->number ? ADMIN_CHANGED : ADMIN_DONE;
}

static const struct admin_command commands[] = {
    { .name = "show ssl crt-list",
      .level = ADMIN_LEVEL_ADMIN,
      .where = ADMIN_ON_SERVICE,
      .max_args = 2,
      .args = "[-n] [<list>]",
      .help = "show the list of crt-lists or the content of a crt-list file <list>",
      .run = show_list },
    { .name = "add ssl crt-list",
      .level = ADMIN_LEVEL_ADMIN,
      .where = ADMIN_ON_SERVICE,
      .max_args = 8,
      .changes = true,
      .args = "<list> <cert> | <payload>",
      .help = "add to crt-list file <list> a line <cert> or a payload",
      .run = add_line },
    { .name = "del ssl crt-list",
      .level = ADMIN_LEVEL_ADMIN,
      .where = ADMIN_ON_SERVICE,
      .max_args = 2,
      .changes = true,
      .args = "<list> <cert[:line]>",
      .help = "delete a line <cert> from crt-list file <list>",
      .run = del_line },
};
ADMIN_COMMANDS(commands);
