// SPDX-License-Identifier: Apache-2.0
#include "board/layout.h"
#include "board/payload.h"

enum { PAYLOAD_PAGE = 4096 };

static void lock(struct board *board)
{
    // Whoever died here left at most an entry whose bytes are not whole; nobody was told its id, and the sweep sees it.
    (void)board_lock_enter(board, &board->payloads->lock);
}

// The first hole between the payloads that are there; false where none is large enough.
static bool find_hole(const struct board_payloads *payloads, uint64_t *at, size_t len)
{
    *at = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (uint32_t i = 0; i < BOARD_PAYLOADS; i++) {
            const struct board_payload *other = &payloads->entries[i];
            if (other->id && *at < other->at + other->room && other->at < *at + len) {
                *at = other->at + other->room;
                moved = true;
            }
        }
    }
    return *at + len <= BOARD_PAYLOADS_LEN;
}

uint64_t board_payload_put(struct board *board, const void *data, size_t len)
{
    struct board_payloads *payloads = board->payloads;
    struct board_payload *entry = NULL;
    uint64_t room = (len + PAYLOAD_PAGE - 1) / PAYLOAD_PAGE * PAYLOAD_PAGE;
    uint64_t at, id = 0;
    if (!len || len > BOARD_PAYLOADS_LEN)
        return 0;
    board_payloads_sweep(board);
    lock(board);
    for (uint32_t i = 0; i < BOARD_PAYLOADS && !entry; i++)
        if (!payloads->entries[i].id)
            entry = &payloads->entries[i];
    if (entry && find_hole(payloads, &at, room)) {
        *entry = (struct board_payload){ .at = at, .len = len, .room = room, .owner = board_mark(board, board->self) };
        id = ++payloads->last_id;
        // First, or one that a death here leaves is looked for by nobody.
        atomic_store(&payloads->any, 1);
        __atomic_store_n(&entry->id, id, __ATOMIC_RELEASE);
    }
    board_lock_leave(board, &payloads->lock);
    if (id)
        memcpy(payloads->data + at, data, len);
    return id;
}

static struct board_payload *find(struct board_payloads *payloads, uint64_t id)
{
    for (uint32_t i = 0; id && i < BOARD_PAYLOADS; i++)
        if (__atomic_load_n(&payloads->entries[i].id, __ATOMIC_ACQUIRE) == id)
            return &payloads->entries[i];
    return NULL;
}

static void wipe(struct board_payloads *payloads, struct board_payload *entry)
{
    if (entry->at % PAYLOAD_PAGE == 0 && entry->at + entry->room <= BOARD_PAYLOADS_LEN) {
        explicit_bzero(payloads->data + entry->at, entry->len < entry->room ? entry->len : entry->room);
        board_memory_clear(payloads->data, PAYLOAD_PAGE, entry->at / PAYLOAD_PAGE,
                           (entry->at + entry->room) / PAYLOAD_PAGE);
    }
    __atomic_store_n(&entry->id, 0, __ATOMIC_RELEASE);
}

void board_payload_tie(struct board *board, uint64_t id, uint64_t number)
{
    struct board_payloads *payloads = board->payloads;
    lock(board);
    struct board_payload *entry = find(payloads, id);
    if (entry && number)
        entry->number = number;
    else if (entry)
        wipe(payloads, entry);
    board_lock_leave(board, &payloads->lock);
}

const void *board_payload_at(struct board *board, uint64_t id, size_t *len)
{
    const struct board_payload *entry = find(board->payloads, id);
    if (!entry || entry->at > BOARD_PAYLOADS_LEN || entry->len > BOARD_PAYLOADS_LEN - entry->at)
        return NULL;
    *len = entry->len;
    return board->payloads->data + entry->at;
}

// Who put it down and died may have published the change that names it, and not said so: whatever it published is there
// by now. False where there is none.
static bool is_orphan(struct board *board, struct board_payload *entry)
{
    if (entry->number || !board_mark_is_gone(board, entry->owner))
        return false;
    entry->number = atomic_load(&board->journal->last);
    return entry->number == 0;
}

void board_payloads_sweep(struct board *board)
{
    struct board_payloads *payloads = board->payloads;
    bool any = false;
    if (!atomic_load(&payloads->any))
        return;
    lock(board);
    for (uint32_t i = 0; i < BOARD_PAYLOADS; i++) {
        struct board_payload *entry = &payloads->entries[i];
        if (!entry->id)
            continue;
        if (is_orphan(board, entry) || (entry->number && !board_journal_laggard(board, entry->number)))
            wipe(payloads, entry);
        any |= entry->id != 0;
    }
    atomic_store(&payloads->any, any);
    board_lock_leave(board, &payloads->lock);
}
