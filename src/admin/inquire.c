// SPDX-License-Identifier: Apache-2.0
#include <stdatomic.h>
#include "admin/inquire.h"
#include "admin/session.h"
#include "board/board.h"

enum { INQUIRE_SILENT_US = 1000000, INQUIRE_LOOK_US = 100000 };

// The next live worker after the last one asked; 0 where there is none.
static uint32_t next_worker(const struct admin_call *call)
{
    struct board *board = call->admin->start.board;
    if (call->inc)
        return call->asked.inc ? 0 : call->inc;
    for (uint32_t inc = call->asked.inc + 1; inc < board_incarnation_limit(board); inc++) {
        struct board_incarnation *record = board_incarnation_at(board, inc);
        if (atomic_load(&record->state) == 1 && atomic_load(&record->role) == BOARD_ROLE_WORKER &&
            atomic_load(&record->pid))
            return inc;
    }
    return 0;
}

static enum admin_verdict wait_for(struct admin_call *call)
{
    call->wake_us = call->admin->start.loop->now_us + INQUIRE_LOOK_US;
    return ADMIN_WAIT;
}

// Asks the next one; ADMIN_DONE where there is none left.
static enum admin_verdict ask_next(struct admin_call *call, enum board_inquiry_type type, const void *question,
                                   size_t len)
{
    for (;;) {
        uint32_t inc = next_worker(call);
        if (!inc)
            return ADMIN_DONE;
        uint32_t inquiry = board_inquiry_ask(call->admin->start.board, inc, type, question, len);
        if (!inquiry && atomic_load(&board_incarnation_at(call->admin->start.board, inc)->state) == 1)
            return wait_for(call); // too many are under way
        call->asked.inc = inc;
        call->asked.inquiry = inquiry;
        call->asked.heard_us = call->admin->start.loop->now_us;
        if (inquiry)
            return wait_for(call);
    }
}

enum admin_verdict admin_inquire(struct admin_call *call, enum board_inquiry_type type, const void *question,
                                 size_t len, struct text *out)
{
    struct board *board = call->admin->start.board;
    uint64_t now_us = call->admin->start.loop->now_us;
    if (!call->asked.inquiry)
        return ask_next(call, type, question, len);
    if (board_inquiry_read(board, call->asked.inquiry, out)) {
        call->asked.heard_us = now_us;
        return ADMIN_MORE;
    }
    enum board_inquiry_state state = board_inquiry_look(board, call->asked.inquiry);
    bool is_silent = state == BOARD_INQUIRY_RUNS && now_us >= call->asked.heard_us + INQUIRE_SILENT_US;
    if (state == BOARD_INQUIRY_RUNS && !is_silent)
        return wait_for(call);
    if (is_silent)
        text_printf(call->out, "# worker %d does not answer\n", (int)board_incarnation_at(board, call->asked.inc)->pid);
    admin_inquire_end(call);
    return ask_next(call, type, question, len);
}

uint32_t admin_inquire_inc(const struct admin_call *call)
{
    return call->asked.inc;
}

void admin_inquire_end(struct admin_call *call)
{
    if (call->asked.inquiry)
        board_inquiry_end(call->admin->start.board, call->asked.inquiry);
    call->asked.inquiry = 0;
}
