// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include "base/clock.h"
#include "board/inquiry.h"
#include "board/layout.h"

enum { ASK_IDLE, ASK_ASKED, ASK_ANSWERED };

// Weak: a program that answers nothing has no such section.
extern const struct board_inquiry_kind *const __start_board_inquiries[] __attribute__((weak));
extern const struct board_inquiry_kind *const __stop_board_inquiries[] __attribute__((weak));

// What this process is answering, by the number of the inquiry.
static struct {
    struct board_inquiry *now[BOARD_INQUIRIES];
    const struct board_inquiry_kind *kinds[BOARD_INQUIRIES];
    uint64_t serials[BOARD_INQUIRIES];
    bool is_done[BOARD_INQUIRIES]; // but not all of it has left
    uint64_t active;               // a bit for each
} answering;

static struct board_ask *ask_at(struct board *board, uint32_t inquiry)
{
    must(inquiry > 0 && inquiry <= BOARD_INQUIRIES);
    return &board->inquiries->asks[inquiry - 1];
}

// ---- the one who asks ---------------------------------------------------------------------------------------------

// The one asked may still be writing: only once it is done, or dead, is the place another's.
static bool is_free(struct board *board, struct board_ask *ask, uint32_t asker)
{
    if (atomic_load(&ask->state) == ASK_ASKED && !board_mark_is_gone(board, ask->asked))
        return false;
    return !asker || atomic_load(&ask->stopped) || board_mark_is_gone(board, asker);
}

uint32_t board_inquiry_ask(struct board *board, uint32_t inc, enum board_inquiry_type type, const void *question,
                           size_t len)
{
    struct board_incarnation *record = board_incarnation_at(board, inc);
    uint32_t self = board_mark(board, board->self);
    if (len > BOARD_INQUIRY_QUESTION || atomic_load(&record->state) != BOARD_STATE_LIVE)
        return 0;
    for (uint32_t i = 0; i < BOARD_INQUIRIES; i++) {
        struct board_ask *ask = &board->inquiries->asks[i];
        uint32_t asker = atomic_load(&ask->asker);
        if (!is_free(board, ask, asker) || !atomic_compare_exchange_strong(&ask->asker, &asker, self))
            continue;
        atomic_store(&ask->stopped, 0);
        atomic_store(&ask->head, 0);
        atomic_store(&ask->tail, 0);
        ask->asked = board_mark(board, inc);
        ask->type = type;
        ask->question_len = (uint32_t)len;
        if (len)
            memcpy(ask->question, question, len);
        ask->serial++;
        atomic_store(&ask->state, ASK_ASKED);
        atomic_fetch_or(&board->inquiries->waiting[inc], UINT64_C(1) << i);
        board_wake(board, inc);
        return i + 1;
    }
    return 0;
}

size_t board_inquiry_read(struct board *board, uint32_t inquiry, struct text *out)
{
    struct board_ask *ask = ask_at(board, inquiry);
    const char *ring = board->inquiries->rooms[inquiry - 1];
    uint64_t head = atomic_load(&ask->head);
    uint64_t tail = atomic_load(&ask->tail);
    uint64_t len = tail - head;
    must(len <= BOARD_INQUIRY_ROOM);
    size_t at = head % BOARD_INQUIRY_ROOM;
    size_t first = len < BOARD_INQUIRY_ROOM - at ? len : BOARD_INQUIRY_ROOM - at;
    if (!len)
        return 0;
    text_add(out, ring + at, first);
    text_add(out, ring, len - first);
    atomic_store(&ask->head, tail);
    uint32_t inc = ask->asked & 0xffff;
    if (atomic_exchange(&ask->is_full, 0)) {
        atomic_fetch_or(&board->inquiries->waiting[inc], UINT64_C(1) << (inquiry - 1));
        board_wake(board, inc);
    }
    return len;
}

enum board_inquiry_state board_inquiry_look(struct board *board, uint32_t inquiry)
{
    struct board_ask *ask = ask_at(board, inquiry);
    // In this order: it is not said to be gone for having answered and ended.
    bool gone = board_mark_is_gone(board, ask->asked);
    bool answered = atomic_load(&ask->state) == ASK_ANSWERED;
    if (atomic_load(&ask->head) != atomic_load(&ask->tail))
        return BOARD_INQUIRY_RUNS;
    return answered ? BOARD_INQUIRY_DONE : gone ? BOARD_INQUIRY_GONE : BOARD_INQUIRY_RUNS;
}

void board_inquiry_end(struct board *board, uint32_t inquiry)
{
    struct board_ask *ask = ask_at(board, inquiry);
    uint32_t inc = ask->asked & 0xffff;
    atomic_store(&ask->stopped, 1);
    if (atomic_load(&ask->state) == ASK_ASKED) {
        atomic_fetch_or(&board->inquiries->waiting[inc], UINT64_C(1) << (inquiry - 1));
        board_wake(board, inc);
    }
}

// ---- the one who is asked -----------------------------------------------------------------------------------------

// `is_ours`: the place on the board is still that of the one who asked.
static void answer_end(struct board *board, uint32_t at, bool is_ours)
{
    struct board_inquiry *inquiry = answering.now[at];
    const struct board_inquiry_kind *kind = answering.kinds[at];
    struct board_ask *ask = &board->inquiries->asks[at];
    uint32_t asker = atomic_load(&ask->asker) & 0xffff;
    if (inquiry && kind && kind->end)
        kind->end(inquiry);
    else if (inquiry)
        free(inquiry->state);
    if (inquiry)
        text_fini(&inquiry->out);
    free(inquiry);
    answering.now[at] = NULL;
    answering.active &= ~(UINT64_C(1) << at);
    if (!is_ours)
        return;
    atomic_store(&ask->state, ASK_ANSWERED);
    board_wake(board, asker);
}

static void answer_begin(struct board *board, uint32_t inc, void *owner, uint32_t at)
{
    struct board_ask *ask = &board->inquiries->asks[at];
    uint32_t len = ask->question_len;
    must(len <= BOARD_INQUIRY_QUESTION);
    struct board_inquiry *inquiry = calloc(1, sizeof(*inquiry) + len + 1);
    answering.kinds[at] = NULL;
    for (const struct board_inquiry_kind *const *kind = __start_board_inquiries; kind < __stop_board_inquiries; kind++)
        if ((*kind)->type == ask->type)
            answering.kinds[at] = *kind;
    answering.now[at] = inquiry;
    answering.serials[at] = ask->serial;
    answering.is_done[at] = !answering.kinds[at];
    answering.active |= UINT64_C(1) << at;
    if (!inquiry) {
        answer_end(board, at, true);
        return;
    }
    memcpy(inquiry + 1, ask->question, len);
    inquiry->question = inquiry + 1;
    inquiry->question_len = len;
    inquiry->board = board;
    inquiry->inc = inc;
    inquiry->owner = owner;
    text_init(&inquiry->out);
}

// Moves what was written to the ring; false where there is no room for all of it.
static bool answer_send(struct board *board, uint32_t at)
{
    struct board_inquiry *inquiry = answering.now[at];
    struct board_ask *ask = &board->inquiries->asks[at];
    char *ring = board->inquiries->rooms[at];
    uint64_t tail = atomic_load(&ask->tail);
    uint64_t used = tail - atomic_load(&ask->head);
    must(used <= BOARD_INQUIRY_ROOM);
    size_t room = (size_t)(BOARD_INQUIRY_ROOM - used);
    size_t len = inquiry->out.len < room ? inquiry->out.len : room;
    size_t from = tail % BOARD_INQUIRY_ROOM;
    size_t first = len < BOARD_INQUIRY_ROOM - from ? len : BOARD_INQUIRY_ROOM - from;
    if (len) {
        memcpy(ring + from, inquiry->out.ptr, first);
        memcpy(ring, inquiry->out.ptr + first, len - first);
        text_consume(&inquiry->out, len);
        atomic_store(&ask->tail, tail + len);
    }
    return !inquiry->out.len;
}

// One piece of work; false where there is nothing to do for it until the other side has read or asks.
static bool answer_step(struct board *board, uint32_t inc, void *owner, uint32_t at)
{
    struct board_ask *ask = &board->inquiries->asks[at];
    bool is_ours = (ask->asked & 0xffff) == inc && atomic_load(&ask->state) == ASK_ASKED;
    if (answering.now[at] && (!is_ours || answering.serials[at] != ask->serial || atomic_load(&ask->stopped) ||
                              board_mark_is_gone(board, atomic_load(&ask->asker)))) {
        answer_end(board, at, is_ours && answering.serials[at] == ask->serial);
        return false;
    }
    if (!answering.now[at] && !is_ours)
        return false;
    if (!answering.now[at])
        answer_begin(board, inc, owner, at);
    struct board_inquiry *inquiry = answering.now[at];
    if (!inquiry)
        return false;
    if (!inquiry->out.len && !answering.is_done[at]) {
        answering.is_done[at] = !answering.kinds[at]->run(inquiry) || inquiry->out.failed;
        inquiry->turn++;
    }
    if (answer_send(board, at)) {
        if (answering.is_done[at])
            answer_end(board, at, true);
        return answering.now[at] != NULL;
    }
    // What was read before the mark was seen is not told: look once more.
    atomic_store(&ask->is_full, 1);
    atomic_thread_fence(memory_order_seq_cst);
    bool has_room = atomic_load(&ask->tail) - atomic_load(&ask->head) < BOARD_INQUIRY_ROOM;
    board_wake(board, atomic_load(&ask->asker) & 0xffff);
    return has_room;
}

void board_inquiries_run(struct board *board, uint32_t inc, void *owner)
{
    _Atomic uint64_t *waiting = &board->inquiries->waiting[inc];
    if (LIKELY(!atomic_load_explicit(waiting, memory_order_relaxed)))
        return;
    uint64_t todo = atomic_exchange(waiting, 0);
    uint64_t due_us = clock_mono_us() + BOARD_INQUIRY_TURN_US;
    uint64_t told = todo;
    while (todo && clock_mono_us() < due_us) {
        for (uint64_t left = todo; left; left &= left - 1) {
            uint32_t at = (uint32_t)__builtin_ctzll(left);
            if (!answer_step(board, inc, owner, at))
                todo &= ~(UINT64_C(1) << at);
        }
    }
    for (uint64_t left = told & answering.active; left; left &= left - 1)
        board_wake(board, atomic_load(&board->inquiries->asks[__builtin_ctzll(left)].asker) & 0xffff);
    if (todo) {
        atomic_fetch_or(waiting, todo);
        board_wake(board, inc);
    }
}
