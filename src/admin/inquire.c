// SPDX-License-Identifier: Apache-2.0
#include <stdatomic.h>
#include "admin/inquire.h"
#include "admin/session.h"
#include "board/board.h"

enum { INQUIRE_SILENT_US = 1000000, INQUIRE_LOOK_US = 100000 };

bool admin_inquire_lives(const struct admin *admin, uint32_t inc)
{
    const struct board_incarnation *record = board_incarnation_at(admin->start.board, inc);
    return atomic_load(&record->state) == 1 && atomic_load(&record->role) == BOARD_ROLE_WORKER &&
           atomic_load(&record->pid) > 0;
}

// The next live worker after the last one asked, or `only` that one; 0 where there is none.
static uint32_t next_worker(const struct admin_call *call, uint32_t only)
{
    struct board *board = call->admin->start.board;
    if (only)
        return call->asked.inc ? 0 : only;
    for (uint32_t inc = call->asked.inc + 1; inc < board_incarnation_limit(board); inc++)
        if (admin_inquire_lives(call->admin, inc))
            return inc;
    return 0;
}

static enum admin_verdict wait_for(struct admin_call *call)
{
    call->wake_us = call->admin->start.loop->now_us + INQUIRE_LOOK_US;
    return ADMIN_WAIT;
}

struct query {
    uint32_t only; // a worker, 0: all
    enum board_inquiry_type type;
    const void *question;
    size_t len;
};

static bool is_leaving(const struct admin_call *call, uint32_t inc)
{
    return atomic_load(&board_incarnation_at(call->admin->start.board, inc)->ready) == 2;
}

// Says why the worker's answer ends here.
static void pass_over(struct admin_call *call, const char *why)
{
    if (call->asked.is_in_line)
        text_add(call->out, "\n", 1);
    if (call->asked.pid > 0)
        text_printf(call->out, "# worker %d %s\n", (int)call->asked.pid, why);
    else
        text_printf(call->out, "# a worker %s\n", why);
}

// Others have lists under way whose readers do not read. Worker `inc` is passed over where that lasts.
static bool is_passed_over(struct admin_call *call, uint32_t inc, int32_t pid)
{
    uint64_t now_us = call->admin->start.loop->now_us;
    uint64_t full_us = call->asked.full_us ? call->asked.full_us : now_us;
    call->asked.full_us = full_us;
    if (now_us - full_us < INQUIRE_SILENT_US)
        return false;
    call->asked = (struct admin_asked){ .inc = inc, .pid = pid, .full_us = full_us };
    pass_over(call, "is not asked: too many lists are under way");
    return true;
}

// Asks the next one; ADMIN_DONE where there is none left.
static enum admin_verdict ask_next(struct admin_call *call, const struct query *query)
{
    struct board *board = call->admin->start.board;
    for (;;) {
        uint32_t inc = next_worker(call, query->only);
        if (!inc)
            return ADMIN_DONE;
        int32_t pid = atomic_load(&board_incarnation_at(board, inc)->pid);
        bool leaves = is_leaving(call, inc);
        uint32_t inquiry = board_inquiry_ask(board, inc, query->type, query->question, query->len);
        bool is_full = !inquiry && atomic_load(&board_incarnation_at(board, inc)->state) == 1;
        if (is_full && is_passed_over(call, inc, pid))
            continue;
        if (is_full)
            return wait_for(call);
        call->asked = (struct admin_asked){ .inc = inc,
                                            .pid = pid,
                                            .inquiry = inquiry,
                                            .heard_us = call->admin->start.loop->now_us,
                                            .is_leaving = leaves };
        if (inquiry)
            return wait_for(call);
    }
}

static enum admin_verdict inquire(struct admin_call *call, const struct query *query, struct text *out)
{
    struct board *board = call->admin->start.board;
    uint64_t now_us = call->admin->start.loop->now_us;
    if (!call->asked.inquiry)
        return ask_next(call, query);
    // Before it is read: what came until then is.
    enum board_inquiry_state state = board_inquiry_look(board, call->asked.inquiry);
    if (board_inquiry_read(board, call->asked.inquiry, out)) {
        call->asked.heard_us = now_us;
        call->asked.is_in_line = out == call->out && out->len && out->ptr[out->len - 1] != '\n';
        return ADMIN_MORE;
    }
    // One whose loop has stood still for as long already is not waited for.
    uint64_t beat_us = atomic_load(&board_incarnation_at(board, call->asked.inc)->beat_us);
    uint64_t since_us = beat_us && beat_us < call->asked.heard_us ? beat_us : call->asked.heard_us;
    bool is_silent = state == BOARD_INQUIRY_RUNS && now_us >= since_us + INQUIRE_SILENT_US;
    if (state == BOARD_INQUIRY_RUNS && !is_silent) {
        call->asked.is_leaving |= is_leaving(call, call->asked.inc);
        return wait_for(call);
    }
    if (state == BOARD_INQUIRY_GONE && !call->asked.is_leaving)
        pass_over(call, "ended before it had answered");
    else if (is_silent)
        pass_over(call, "does not answer");
    admin_inquire_end(call);
    return ask_next(call, query);
}

enum admin_verdict admin_inquire(struct admin_call *call, enum board_inquiry_type type, const void *question,
                                 size_t len, struct text *out)
{
    const struct query query = { .only = call->inc, .type = type, .question = question, .len = len };
    return inquire(call, &query, out);
}

enum admin_verdict admin_inquire_one(struct admin_call *call, uint32_t inc, enum board_inquiry_type type,
                                     const void *question, size_t len, struct text *out)
{
    const struct query query = { .only = inc, .type = type, .question = question, .len = len };
    return inquire(call, &query, out);
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
