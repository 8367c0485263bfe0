// SPDX-License-Identifier: Apache-2.0
// Holds: references that last for a session. Each is a word on the board in a chunk that names its process, so that
// others find what a process that was killed had.
#include <stdlib.h>
#include "stick_inner.h"

static _Atomic uint32_t *owner_of(const struct stick_table *table, uint32_t at)
{
    return &table->section->chunk_owners[at / STICK_CHUNK_HOLDS];
}

static bool room_for(struct stick_table *table)
{
    if (table->room_holds >= table->num_free_holds + STICK_CHUNK_HOLDS)
        return true;
    uint32_t room = table->room_holds + STICK_CHUNK_HOLDS;
    uint32_t *grown = realloc(table->free_holds, room * sizeof(*grown));
    if (!grown)
        return false;
    table->free_holds = grown;
    table->room_holds = room;
    return true;
}

// Takes a chunk for this process. Those of the dead are not taken: what is in them is still held.
static bool chunk_take(struct stick_table *table)
{
    uint32_t mark = board_mark(table->board, board_incarnation_self(table->board));
    mark = mark ? mark : (uint32_t)BOARD_MAX_INCARNATIONS;
    // All that this process has may come back to the list at once.
    uint32_t own = 0;
    for (uint32_t chunk = 0; chunk < stick_chunks_end(table); chunk++)
        own += atomic_load_explicit(&table->section->chunk_owners[chunk], memory_order_relaxed) == mark;
    while (table->room_holds < (own + 1) * STICK_CHUNK_HOLDS)
        if (!room_for(table))
            return false;
    for (uint32_t chunk = 0; chunk < STICK_HOLD_CHUNKS; chunk++) {
        uint32_t owner = 0, end = stick_chunks_end(table);
        if (chunk >= end)
            atomic_compare_exchange_strong(&table->section->chunks_end, &end, chunk + 1);
        if (!atomic_compare_exchange_strong(&table->section->chunk_owners[chunk], &owner, mark))
            continue;
        for (uint32_t i = STICK_CHUNK_HOLDS; i-- > 0;)
            table->free_holds[table->num_free_holds++] = chunk * STICK_CHUNK_HOLDS + i;
        return true;
    }
    return false;
}

uint32_t stick_hold1(struct stick_table *table, struct stick_entry *entry, bool counts_connection)
{
    if (!table->num_free_holds && !chunk_take(table))
        return 0;
    uint32_t at = table->free_holds[--table->num_free_holds];
    uint32_t id = stick_id(table, entry);
    struct stick_shard *shard = stick_shard_of(table, id);
    stick_shard_enter(table, shard);
    atomic_store_explicit(&table->section->holds[at], id | (counts_connection ? STICK_COUNTS : 0),
                          memory_order_relaxed);
    atomic_fetch_add_explicit(&entry->holders, 1, memory_order_relaxed);
    if (counts_connection)
        atomic_fetch_add_explicit(&entry->connections, 1, memory_order_relaxed);
    stick_shard_leave(table, shard);
    stick_put(table, entry);
    return table->number << STICK_HOLD_BITS | at;
}

// Clears a hold of `owner`, under the lock of its entry's shard.
static void hold_clear(struct stick_table *table, struct stick_entry *entry, uint32_t at, uint32_t hold)
{
    atomic_fetch_sub_explicit(&entry->holders, 1, memory_order_relaxed);
    if (hold & STICK_COUNTS)
        atomic_fetch_sub_explicit(&entry->connections, 1, memory_order_relaxed);
    atomic_store_explicit(&table->section->holds[at], 0, memory_order_relaxed);
}

void stick_unhold(uint32_t hold)
{
    struct stick_table *table = stick_table_number(hold >> STICK_HOLD_BITS);
    must(table);
    uint32_t at = hold & ((1u << STICK_HOLD_BITS) - 1);
    uint32_t word = atomic_load_explicit(&table->section->holds[at], memory_order_relaxed);
    uint32_t id = word & ~STICK_COUNTS;
    must(stick_id_is_right(table, id));
    struct stick_entry *entry = stick_at(table, id);
    struct stick_shard *shard = stick_shard_of(table, id);
    uint64_t now_us = stick_now_us();
    stick_shard_enter(table, shard);
    atomic_store_explicit(&entry->touched_us, now_us, memory_order_relaxed);
    if (now_us - atomic_load_explicit(&entry->queued_us, memory_order_relaxed) >= table->order_us) {
        atomic_store_explicit(&entry->queued_us, now_us, memory_order_relaxed);
        stick_order_remove(table, shard, id);
        stick_order_append(table, shard, id);
    }
    hold_clear(table, entry, at, word);
    stick_shard_leave(table, shard);
    table->free_holds[table->num_free_holds++] = at;
}

uint32_t stick_num_holders(const struct stick_entry *entry)
{
    return atomic_load_explicit(&entry->holders, memory_order_relaxed);
}

// ---- of the dead

// Several may do this at once, and who does it may be killed: each hold is cleared under the lock, where the chunk is
// still the dead one's.
static void chunk_clear(struct stick_table *table, uint32_t chunk, uint32_t owner)
{
    uint32_t first = chunk * STICK_CHUNK_HOLDS;
    for (uint32_t at = first; at < first + STICK_CHUNK_HOLDS; at++) {
        uint32_t hold = atomic_load(&table->section->holds[at]), id = hold & ~STICK_COUNTS;
        if (!hold)
            continue;
        if (!stick_id_is_right(table, id)) {
            atomic_store(&table->section->holds[at], 0);
            continue;
        }
        struct stick_shard *shard = stick_shard_of(table, id);
        stick_shard_enter(table, shard);
        if (atomic_load(owner_of(table, at)) == owner && atomic_load(&table->section->holds[at]) == hold)
            hold_clear(table, stick_at(table, id), at, hold);
        stick_shard_leave(table, shard);
    }
    atomic_compare_exchange_strong(&table->section->chunk_owners[chunk], &owner, 0);
}

static bool is_left(struct board *board, const struct board_lock *lock)
{
    uint32_t owner = atomic_load_explicit(&lock->owner, memory_order_relaxed);
    return UNLIKELY(owner != 0) && board_mark_is_gone(board, owner);
}

// What a process had locked, and left half done, may be what nobody comes past for long: numbers would be wrong.
static void locks_clear(struct stick_table *table)
{
    for (uint32_t i = 0; i < table->num_shards; i++) {
        struct stick_shard *shard = &table->section->shards[i];
        if (is_left(table->board, &shard->lock)) {
            stick_shard_enter(table, shard);
            stick_shard_leave(table, shard);
        }
    }
    // Texts are whole at any moment.
    struct board_lock *texts = &table->section->text_lock;
    if (is_left(table->board, texts)) {
        board_lock_enter(table->board, texts);
        board_lock_leave(table->board, texts);
    }
}

void stick_left(struct board *board)
{
    for (struct stick_table *table = stick_tables_first(); table; table = table->next) {
        locks_clear(table);
        for (uint32_t chunk = 0; chunk < stick_chunks_end(table); chunk++) {
            uint32_t owner = atomic_load_explicit(&table->section->chunk_owners[chunk], memory_order_relaxed);
            if (owner && board_mark_is_gone(board, owner))
                chunk_clear(table, chunk, owner);
        }
    }
}
