// SPDX-License-Identifier: Apache-2.0
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include "board/board.h"
#include "board/events.h"

enum { EVENTS_VERSION = 1 };

// The sequence of a slot: twice the number of the line plus 2 where it is whole, one less while it is written, 0 where
// there never was one. The writer's mark tells whether that will ever be.
struct event_slot {
    _Atomic uint64_t sequence;
    _Atomic uint32_t writer;
    _Atomic uint32_t len;
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

// Whether the slot is this writer's from now on. One that has a line as new, or newer, is another's; so is one in which
// a writer that lives stands still.
static bool slot_take(struct board *board, struct event_slot *slot, uint64_t number, uint32_t mark)
{
    uint64_t writing = 2 * number + 1;
    uint64_t is = atomic_load_explicit(&slot->sequence, memory_order_acquire);
    if (is >= writing)
        return false;
    if (is & 1 && !board_mark_is_gone(board, atomic_load(&slot->writer)))
        return false;
    if (!atomic_compare_exchange_strong(&slot->sequence, &is, writing))
        return false;
    atomic_store(&slot->writer, mark);
    return true;
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
    if (!slot_take(board, slot, number, board_mark(board, board_incarnation_self(board)))) {
        atomic_fetch_add_explicit(&events->dropped, 1, memory_order_relaxed);
        return false;
    }
    atomic_thread_fence(memory_order_release);
    size_t len = text_put(slot->text, text_put(slot->text, 0, a), b);
    atomic_store_explicit(&slot->len, (uint32_t)len, memory_order_relaxed);
    atomic_store_explicit(&slot->sequence, 2 * number + 2, memory_order_release);
    return true;
}

enum slot_state { SLOT_READ, SLOT_LATER, SLOT_LOST };

static enum slot_state slot_read(struct board *board, struct event_slot *slot, char *out, uint32_t *len,
                                 uint64_t number)
{
    uint64_t is = atomic_load_explicit(&slot->sequence, memory_order_acquire);
    if (is == 2 * number + 1)
        return board_mark_is_gone(board, atomic_load(&slot->writer)) ? SLOT_LOST : SLOT_LATER;
    // A line that was dropped leaves the older one where it is.
    if (is < 2 * number + 1)
        return SLOT_LATER;
    if (is != 2 * number + 2)
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
