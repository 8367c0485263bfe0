// SPDX-License-Identifier: Apache-2.0
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include "board/board.h"
#include "board/events.h"

enum { EVENTS_VERSION = 2 };

#define SLOT_IS_WRITTEN (UINT64_C(1) << 63)
#define SLOT_NUMBER     (UINT64_C(0x7fffffff)) // the bits of a line's number that stand there meanwhile

// The sequence of a slot: the number of the line plus 1 where it is whole, 0 where there never was one. While it is
// written it is that mark, bits of the number, and the writer's mark, which tells whether it will ever be whole: in one
// word, so that there is no moment in which the slot has a writer that nobody knows.
struct event_slot {
    _Atomic uint64_t sequence;
    _Atomic uint32_t len;
    uint32_t reserved;
    char text[BOARD_EVENT_MAX];
};

_Static_assert(sizeof(struct event_slot) <= BOARD_EVENT_SLOT, "a slot has its size");

struct board_events {
    _Atomic uint64_t end;
    _Atomic uint64_t dropped;
    uint64_t num_slots; // written once, by the keeper that made it
    char pad[BOARD_EVENT_SLOT - 3 * sizeof(uint64_t)];
    struct event_slot slots[];
};

static uint64_t slots_for(uint64_t size)
{
    uint64_t num = BOARD_EVENTS_MIN;
    while (num < BOARD_EVENTS_MAX && num * BOARD_EVENT_MEAN < size)
        num *= 2;
    return num;
}

struct board_events *board_events_open(struct board *board, const char *name, uint64_t size)
{
    uint64_t num = slots_for(size);
    bool fresh = false;
    // The size is part of the version: a ring that shrank has lines where none are looked for.
    struct board_events *events =
        board_section(board, &fresh, name, EVENTS_VERSION << 24 | (uint32_t)__builtin_ctzll(num),
                      sizeof(*events) + num * sizeof(struct event_slot));
    if (events)
        events->num_slots = num;
    return events;
}

static uint64_t writing_of(uint64_t number, uint32_t mark)
{
    return SLOT_IS_WRITTEN | (number & SLOT_NUMBER) << 32 | mark;
}

// Whether the line that is written there comes after the line `number`.
static bool is_newer(uint64_t writing, uint64_t number)
{
    uint64_t ahead = ((writing >> 32) - number) & SLOT_NUMBER;
    return ahead > 0 && ahead <= SLOT_NUMBER / 2;
}

// Whether the slot is this writer's from now on. One that has a line as new, or newer, is another's; so is one in which
// a writer that lives stands still.
static bool slot_take(struct board *board, struct event_slot *slot, uint64_t number, uint64_t writing)
{
    uint64_t is = atomic_load_explicit(&slot->sequence, memory_order_acquire);
    if (is & SLOT_IS_WRITTEN) {
        if (!board_mark_is_gone(board, (uint32_t)is) || is_newer(is, number))
            return false;
    } else if (is > number) {
        return false;
    }
    return atomic_compare_exchange_strong(&slot->sequence, &is, writing);
}

static size_t text_put(char *text, size_t at, struct slice part)
{
    size_t room = BOARD_EVENT_MAX - at;
    size_t len = part.len < room ? part.len : room;
    if (len)
        memcpy(text + at, part.ptr, len);
    return at + len;
}

bool board_events_put(struct board *board, struct board_events *events, struct slice a, struct slice b)
{
    uint64_t number = atomic_fetch_add(&events->end, 1);
    struct event_slot *slot = &events->slots[number & (events->num_slots - 1)];
    uint64_t writing = writing_of(number, board_mark(board, board_incarnation_self(board)));
    if (!slot_take(board, slot, number, writing)) {
        atomic_fetch_add_explicit(&events->dropped, 1, memory_order_relaxed);
        return false;
    }
    atomic_thread_fence(memory_order_release);
    size_t len = text_put(slot->text, text_put(slot->text, 0, a), b);
    atomic_store_explicit(&slot->len, (uint32_t)len, memory_order_relaxed);
    atomic_store_explicit(&slot->sequence, number + 1, memory_order_release);
    return true;
}

enum slot_state { SLOT_READ, SLOT_LATER, SLOT_LOST };

static enum slot_state slot_read(struct board *board, struct event_slot *slot, char *out, uint32_t *len,
                                 uint64_t number)
{
    uint64_t is = atomic_load_explicit(&slot->sequence, memory_order_acquire);
    if (is & SLOT_IS_WRITTEN)
        return is_newer(is, number) || board_mark_is_gone(board, (uint32_t)is) ? SLOT_LOST : SLOT_LATER;
    // A line that was dropped leaves the older one where it is.
    if (is <= number)
        return SLOT_LATER;
    if (is != number + 1)
        return SLOT_LOST;
    *len = atomic_load_explicit(&slot->len, memory_order_relaxed);
    *len = *len < BOARD_EVENT_MAX ? *len : BOARD_EVENT_MAX;
    memcpy(out, slot->text, *len);
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&slot->sequence, memory_order_relaxed) == is ? SLOT_READ : SLOT_LOST;
}

int board_events_next(struct board *board, struct board_events *events, char *out, uint64_t *next, uint64_t *lost)
{
    enum { PATIENCE = 8 }; // newer lines after which one that is still not there is taken for dropped
    uint64_t end = atomic_load(&events->end), missed = 0;
    int len = -1;
    if (*next > end)
        *next = end;
    if (end - *next > events->num_slots) {
        missed = end - events->num_slots - *next;
        *next = end - events->num_slots;
    }
    while (*next < end && len < 0) {
        uint32_t got = 0;
        enum slot_state state = slot_read(board, &events->slots[*next & (events->num_slots - 1)], out, &got, *next);
        if (state == SLOT_LATER && end - *next < PATIENCE)
            break;
        ++*next;
        if (state == SLOT_READ)
            len = (int)got;
        else
            missed++;
    }
    if (lost)
        *lost += missed;
    return len;
}

uint64_t board_events_end(const struct board_events *events)
{
    return atomic_load(&events->end);
}

uint64_t board_events_dropped(const struct board_events *events)
{
    return atomic_load_explicit(&events->dropped, memory_order_relaxed);
}

uint64_t board_events_size(const struct board_events *events)
{
    return sizeof(*events) + events->num_slots * sizeof(struct event_slot);
}
