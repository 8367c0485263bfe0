// SPDX-License-Identifier: Apache-2.0
// The descriptors of workers: show fd. Management guide, section 9.3.
#include <stdatomic.h>
#include <string.h>
#include "admin/session.h"
#include "admin/inquire.h"
#include "board/board.h"
#include "frontend/descriptors.h"

static uint32_t kinds_of(char letter)
{
    switch (letter) {
    case 'p':
        return FRONTEND_FD_PIPE;
    case 'l':
        return FRONTEND_FD_LISTENER;
    case 'c':
        return FRONTEND_FD_FRONT | FRONTEND_FD_SERVER | FRONTEND_FD_DISPATCH;
    case 'f':
        return FRONTEND_FD_FRONT;
    case 'b':
        return FRONTEND_FD_SERVER | FRONTEND_FD_DISPATCH;
    case 's':
        return FRONTEND_FD_SERVER;
    case 'd':
        return FRONTEND_FD_DISPATCH;
    default:
        return 0;
    }
}

// Letters add kinds; behind a '-' or '!' they take them away, from all where none was asked for.
static bool read_kinds(uint32_t *kinds, bool *any, const char *word)
{
    bool inverts = false;
    for (; *word; word++) {
        if (*word == '-' || *word == '!') {
            inverts = true;
            if (!*any)
                *kinds = FRONTEND_FD_ALL;
            *any = true;
            continue;
        }
        uint32_t kind = kinds_of(*word);
        if (!kind)
            return false;
        *kinds = inverts ? *kinds & ~kind : *kinds | kind;
        *any = true;
    }
    return true;
}

static enum admin_verdict run_show_fd(struct admin_call *call)
{
    struct frontend_fd_question question = { .fd = -1 };
    bool any = false;
    for (uint32_t i = 0; i < call->num_args; i++) {
        uint64_t fd;
        if (question.fd >= 0)
            return admin_refuse_arg(call, i);
        if (slice_to_u64(slice_str(call->args[i]), &fd) && fd <= INT32_MAX)
            question.fd = (int32_t)fd;
        else if (!read_kinds(&question.kinds, &any, call->args[i]))
            return admin_refuse_arg(call, i);
    }
    if (!any)
        question.kinds = FRONTEND_FD_ALL;
    uint32_t before = admin_inquire_inc(call);
    enum admin_verdict verdict = admin_inquire(call, BOARD_INQUIRY_DESCRIPTORS, &question, sizeof(question), call->out);
    uint32_t inc = admin_inquire_inc(call);
    if (inc != before) {
        const struct board_incarnation *record = board_incarnation_at(call->admin->start.board, inc);
        text_printf(call->out, "# worker %u of generation %u (%d)\n", record->slot + 1, record->generation,
                    (int)atomic_load(&record->pid));
    }
    return verdict;
}

static const struct admin_command commands[] = {
    { .name = "show fd",
      .level = ADMIN_LEVEL_OPERATOR,
      .where = ADMIN_ON_SERVICE,
      .max_args = 8,
      .args = "[-!plcfbsd]* [<fd>]",
      .help = "list the descriptors of all workers, or some of them",
      .run = run_show_fd },
};
ADMIN_COMMANDS(commands);
