// SPDX-License-Identifier: Apache-2.0
// Waiters are given out in chunks of 64 that one process owns, so that taking and giving back one is that process's
// affair alone: no lock, and a crash leaves nothing to repair but to set the chunk free.
#include "board/layout.h"

static struct board_chunk *chunk_at(struct board *board, uint32_t number)
{
    must(number > 0 && number <= BOARD_CHUNKS);
    return &board->queues->chunks[number - 1];
}

// The list of an owner's chunks that have room.
static void room_push(struct board *board, struct board_estate *estate, uint32_t number)
{
    struct board_chunk *chunk = chunk_at(board, number);
    chunk->prev = 0;
    chunk->next = estate->chunk;
    if (chunk->next) {
        chunk_at(board, chunk->next)->prev = number;
    }
    estate->chunk = number;
}

static void room_remove(struct board *board, struct board_estate *estate, uint32_t number)
{
    struct board_chunk *chunk = chunk_at(board, number);
    if (chunk->next) {
        chunk_at(board, chunk->next)->prev = chunk->prev;
    }
    if (chunk->prev) {
        chunk_at(board, chunk->prev)->next = chunk->next;
    } else {
        estate->chunk = chunk->next;
    }
    chunk->next = chunk->prev = 0;
}

static uint32_t chunk_own(struct board *board, struct board_estate *estate, uint32_t inc)
{
    atomic_store(&estate->has_chunks, 1);
    for (uint32_t i = 0; i < BOARD_CHUNKS; i++) {
        uint32_t at = (estate->chunk_hint + i) % BOARD_CHUNKS, owner = 0;
        if (atomic_compare_exchange_strong(&board->queues->chunks[at].owner, &owner, inc)) {
            estate->chunk_hint = at;
            room_push(board, estate, at + 1);
            return at + 1;
        }
    }
    return 0;
}

uint32_t board_waiter_take(struct board *board, uint32_t inc)
{
    struct board_estate *estate = &board->incarnations->estates[inc];
    uint32_t number = estate->chunk ? estate->chunk : chunk_own(board, estate, inc);
    if (!number) {
        return 0;
    }
    struct board_chunk *chunk = chunk_at(board, number);
    uint32_t bit = (uint32_t)__builtin_ctzll(~chunk->used);
    chunk->used |= UINT64_C(1) << bit;
    if (chunk->used == UINT64_MAX) {
        room_remove(board, estate, number);
    }
    return (number - 1) * BOARD_CHUNK_WAITERS + bit + 1;
}

void board_waiter_give(struct board *board, uint32_t waiter, uint32_t inc)
{
    struct board_estate *estate = &board->incarnations->estates[inc];
    uint32_t number = (waiter - 1) / BOARD_CHUNK_WAITERS + 1;
    struct board_chunk *chunk = chunk_at(board, number);
    must(atomic_load_explicit(&chunk->owner, memory_order_relaxed) == inc);
    if (chunk->used == UINT64_MAX) {
        room_push(board, estate, number);
    }
    chunk->used &= ~(UINT64_C(1) << ((waiter - 1) % BOARD_CHUNK_WAITERS));
    if (chunk->used == 0 && (chunk->next || chunk->prev)) {
        room_remove(board, estate, number);
        atomic_store_explicit(&chunk->owner, 0, memory_order_release);
    }
}
