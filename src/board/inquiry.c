// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include "base/clock.h"
#include "board/inquiry.h"
#include "board/layout.h"

// What stands above the mark in board_ask.asked.
enum { ASK_IDLE, ASK_ASKED, ASK_ANSWERED };

// Weak: a program that answers nothing has no such section.
extern const struct board_inquiry_kind *const __start_board_inquiries[] __attribute__((weak));
extern const struct board_inquiry_kind *const __stop_board_inquiries[] __attribute__((weak));

// What this process is answering, by the number of the inquiry.
static struct {
    struct board_inquiry *now[BOARD_INQUIRIES];
    const struct board_inquiry_kind *kinds[BOARD_INQUIRIES];
    uint64_t claims[BOARD_INQUIRIES]; // board_ask.claim of the one it answers
    bool is_done[BOARD_INQUIRIES];    // but not all of it has left
    uint64_t active;                  // a bit for each
} answering;

static struct board_ask *ask_at(struct board *board, uint32_t inquiry)
{
    must(inquiry > 0 && inquiry <= BOARD_INQUIRIES);
    return &board->inquiries->asks[inquiry - 1];
}

static uint64_t pair(uint32_t high, uint32_t mark)
{
    return (uint64_t)high << 32 | mark;
}

static uint32_t high_of(uint64_t pair)
{
    return (uint32_t)(pair >> 32);
}

static uint32_t mark_of(uint64_t pair)
{
    return (uint32_t)pair;
}

static uint32_t inc_of(uint64_t pair)
{
    return mark_of(pair) & 0xffff;
}

static void wake_asker(struct board *board, const struct board_ask *ask)
{
    uint32_t inc = inc_of(atomic_load(&ask->claim));
    if (inc)
        board_wake(board, inc);
}

// Has the one asked look at the place.
static void nudge(struct board *board, uint32_t at, uint64_t asked)
{
    uint32_t inc = inc_of(asked);
    if (!inc || inc >= BOARD_MAX_INCARNATIONS)
        return;
    atomic_fetch_or(&board->inquiries->waiting[inc], UINT64_C(1) << at);
    board_wake(board, inc);
}

// ---- the one who asks ---------------------------------------------------------------------------------------------

// Whether the asker of that claim wants no more. An end of an earlier claim says nothing: whoever has just claimed the
// place has yet to fill it in.
static bool is_stopped(const struct board_ask *ask, uint64_t claim)
{
    return atomic_load(&ask->stopped) == high_of(claim);
}

// The one asked may still be writing: only once it is done, or dead, is the place another's.
static bool is_free(struct board *board, uint32_t at, uint64_t claim)
{
    struct board_ask *ask = &board->inquiries->asks[at];
    bool is_left = !claim || is_stopped(ask, claim) || board_mark_is_gone(board, mark_of(claim));
    if (!is_left)
        return false;
    uint64_t asked = atomic_load(&ask->asked);
    if (high_of(asked) != ASK_ASKED || board_mark_is_gone(board, mark_of(asked)))
        return true;
    // It may wait for one to read who died.
    nudge(board, at, asked);
    return false;
}

uint32_t board_inquiry_ask(struct board *board, uint32_t inc, enum board_inquiry_type type, const void *question,
                           size_t len)
{
    struct board_incarnation *record = board_incarnation_at(board, inc);
    uint32_t self = board_mark(board, board->self);
    uint32_t mark = board_mark(board, inc);
    if (len > BOARD_INQUIRY_QUESTION || atomic_load(&record->state) != BOARD_STATE_LIVE)
        return 0;
    for (uint32_t i = 0; i < BOARD_INQUIRIES; i++) {
        struct board_ask *ask = &board->inquiries->asks[i];
        uint32_t limit = i;
        atomic_compare_exchange_strong(&board->inquiries->limit, &limit, i + 1);
        uint64_t claim = atomic_load(&ask->claim);
        if (!is_free(board, i, claim) ||
            !atomic_compare_exchange_strong(&ask->claim, &claim, pair(high_of(claim) + 1, self)))
            continue;
        // Nobody answers while this is filled in, nor what the place was before.
        atomic_store(&ask->asked, pair(ASK_IDLE, mark));
        atomic_store(&ask->is_full, 0);
        atomic_store(&ask->head, 0);
        atomic_store(&ask->tail, 0);
        ask->type = type;
        ask->question_len = (uint32_t)len;
        if (len)
            memcpy(ask->question, question, len);
        atomic_store(&ask->asked, pair(ASK_ASKED, mark));
        nudge(board, i, mark);
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
    if (atomic_exchange(&ask->is_full, 0))
        nudge(board, inquiry - 1, atomic_load(&ask->asked));
    return len;
}

enum board_inquiry_state board_inquiry_look(struct board *board, uint32_t inquiry)
{
    struct board_ask *ask = ask_at(board, inquiry);
    // In this order: it is not said to be gone for having answered and ended.
    bool gone = board_mark_is_gone(board, mark_of(atomic_load(&ask->asked)));
    bool answered = high_of(atomic_load(&ask->asked)) == ASK_ANSWERED;
    if (atomic_load(&ask->head) != atomic_load(&ask->tail))
        return BOARD_INQUIRY_RUNS;
    return answered ? BOARD_INQUIRY_DONE : gone ? BOARD_INQUIRY_GONE : BOARD_INQUIRY_RUNS;
}

void board_inquiry_end(struct board *board, uint32_t inquiry)
{
    struct board_ask *ask = ask_at(board, inquiry);
    uint64_t asked = atomic_load(&ask->asked);
    // From here on the place may be another's.
    atomic_store(&ask->stopped, high_of(atomic_load(&ask->claim)));
    if (high_of(asked) == ASK_ASKED)
        nudge(board, inquiry - 1, asked);
}

void board_inquiries_forget(struct board *board, uint32_t inc)
{
    uint32_t limit = atomic_load(&board->inquiries->limit);
    for (uint32_t i = 0; i < limit && i < BOARD_INQUIRIES; i++) {
        struct board_ask *ask = &board->inquiries->asks[i];
        uint64_t asked = atomic_load(&ask->asked);
        if (high_of(asked) != ASK_ASKED)
            continue;
        if (inc_of(atomic_load(&ask->claim)) == inc)
            nudge(board, i, asked);
        else if (inc_of(asked) == inc)
            wake_asker(board, ask);
    }
}

// ---- the one who is asked -----------------------------------------------------------------------------------------

// What this process was asked there, 0 where it is asked nothing: board_ask.claim.
static uint64_t asked_of_us(struct board *board, uint32_t inc, uint32_t at)
{
    struct board_ask *ask = &board->inquiries->asks[at];
    // While it says so the claim does not change.
    return atomic_load(&ask->asked) == pair(ASK_ASKED, board_mark(board, inc)) ? atomic_load(&ask->claim) : 0;
}

// Forgets what was being answered there; the place on the board may be another's already.
static void answer_drop(uint32_t at)
{
    struct board_inquiry *inquiry = answering.now[at];
    const struct board_inquiry_kind *kind = answering.kinds[at];
    answering.now[at] = NULL;
    answering.active &= ~(UINT64_C(1) << at);
    if (!inquiry)
        return;
    if (kind && kind->end)
        kind->end(inquiry);
    else
        free(inquiry->state);
    text_fini(&inquiry->out);
    free(inquiry);
}

static void answer_end(struct board *board, uint32_t inc, uint32_t at)
{
    struct board_ask *ask = &board->inquiries->asks[at];
    uint32_t mark = board_mark(board, inc);
    uint64_t asked = pair(ASK_ASKED, mark);
    answer_drop(at);
    if (atomic_compare_exchange_strong(&ask->asked, &asked, pair(ASK_ANSWERED, mark)))
        wake_asker(board, ask);
}

static bool answer_begin(struct board *board, uint32_t inc, void *owner, uint32_t at)
{
    struct board_ask *ask = &board->inquiries->asks[at];
    uint32_t len = ask->question_len;
    must(len <= BOARD_INQUIRY_QUESTION);
    struct board_inquiry *inquiry = calloc(1, sizeof(*inquiry) + len + 1);
    if (!inquiry)
        return false;
    answering.kinds[at] = NULL;
    for (const struct board_inquiry_kind *const *kind = __start_board_inquiries; kind < __stop_board_inquiries; kind++)
        if ((*kind)->type == ask->type)
            answering.kinds[at] = *kind;
    answering.now[at] = inquiry;
    answering.claims[at] = atomic_load(&ask->claim);
    answering.is_done[at] = !answering.kinds[at];
    answering.active |= UINT64_C(1) << at;
    memcpy(inquiry + 1, ask->question, len);
    inquiry->question = inquiry + 1;
    inquiry->question_len = len;
    inquiry->board = board;
    inquiry->inc = inc;
    inquiry->owner = owner;
    text_init(&inquiry->out);
    return true;
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
    uint64_t claim = asked_of_us(board, inc, at);
    if (answering.now[at] && answering.claims[at] != claim)
        answer_drop(at);
    if (!claim)
        return false;
    if (is_stopped(ask, claim) || board_mark_is_gone(board, mark_of(claim)) ||
        (!answering.now[at] && !answer_begin(board, inc, owner, at))) {
        answer_end(board, inc, at);
        return false;
    }
    struct board_inquiry *inquiry = answering.now[at];
    if (!inquiry->out.len && !answering.is_done[at]) {
        answering.is_done[at] = !answering.kinds[at]->run(inquiry) || inquiry->out.failed;
        inquiry->turn++;
    }
    if (answer_send(board, at)) {
        if (answering.is_done[at])
            answer_end(board, inc, at);
        return answering.now[at] != NULL;
    }
    // What was read before the mark was seen is not told: look once more.
    atomic_store(&ask->is_full, 1);
    bool has_room = atomic_load(&ask->tail) - atomic_load(&ask->head) < BOARD_INQUIRY_ROOM;
    wake_asker(board, ask);
    return has_room;
}

// Apart from the look at whether there are any, so that a turn without them saves no registers for it.
static __attribute__((noinline, cold)) void run_waiting(struct board *board, uint32_t inc, void *owner,
                                                        _Atomic uint64_t *waiting)
{
    // Where the next turn goes on, so that none is forgotten for those before it.
    static uint32_t next;
    uint64_t todo = atomic_exchange(waiting, 0);
    uint64_t due_us = clock_mono_us() + BOARD_INQUIRY_TURN_US;
    uint64_t told = todo;
    while (todo && clock_mono_us() < due_us) {
        uint64_t later = todo & (UINT64_MAX << next);
        uint32_t at = (uint32_t)__builtin_ctzll(later ? later : todo);
        next = (at + 1) % BOARD_INQUIRIES;
        if (!answer_step(board, inc, owner, at))
            todo &= ~(UINT64_C(1) << at);
    }
    for (uint64_t left = told & answering.active; left; left &= left - 1)
        wake_asker(board, &board->inquiries->asks[__builtin_ctzll(left)]);
    if (todo) {
        atomic_fetch_or(waiting, todo);
        board_wake(board, inc);
    }
}

void board_inquiries_run(struct board *board, uint32_t inc, void *owner)
{
    _Atomic uint64_t *waiting = &board->inquiries->waiting[inc];
    if (UNLIKELY(atomic_load_explicit(waiting, memory_order_relaxed) != 0))
        run_waiting(board, inc, owner, waiting);
}
