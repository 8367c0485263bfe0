// SPDX-License-Identifier: Apache-2.0
// A shard of a stick table: its chains, its order from newest to oldest, its free places, and how they are put right.
#include "stick_inner.h"

enum { EXPIRE_STEPS = 8 };

void stick_order_remove(struct stick_table *table, struct stick_shard *shard, uint32_t id)
{
    struct stick_entry *entry = stick_at(table, id);
    if (entry->newer)
        stick_at(table, entry->newer)->older = entry->older;
    else
        shard->newest = entry->older;
    if (entry->older)
        stick_at(table, entry->older)->newer = entry->newer;
    else
        shard->oldest = entry->newer;
}

void stick_order_append(struct stick_table *table, struct stick_shard *shard, uint32_t id)
{
    struct stick_entry *entry = stick_at(table, id);
    entry->newer = 0;
    entry->older = shard->newest;
    if (shard->newest)
        stick_at(table, shard->newest)->newer = id;
    else
        shard->oldest = id;
    shard->newest = id;
}

static void changes_begin(struct stick_shard *shard)
{
    atomic_fetch_or_explicit(&shard->changes, 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
}

static void changes_end(struct stick_shard *shard)
{
    atomic_fetch_add_explicit(&shard->changes, 1, memory_order_release);
}

// ---- places come and go

static void count(struct stick_table *table, struct stick_shard *shard, int add)
{
    atomic_fetch_add_explicit(&shard->num, (uint32_t)add, memory_order_relaxed);
    atomic_fetch_add_explicit(&table->section->num, (uint32_t)add, memory_order_relaxed);
}

static void chain_remove(struct stick_table *table, uint32_t id)
{
    struct stick_entry *entry = stick_at(table, id);
    uint32_t shard = (id - 1) / table->capacity;
    _Atomic uint32_t *at =
        &table->section->buckets[(size_t)shard * table->num_buckets + (entry->hash & (table->num_buckets - 1))];
    for (uint32_t steps = 0; steps <= table->capacity; steps++) {
        uint32_t there = atomic_load_explicit(at, memory_order_relaxed);
        if (there == id) {
            atomic_store_explicit(at, atomic_load_explicit(&entry->next, memory_order_relaxed), memory_order_release);
            return;
        }
        if (!stick_id_is_right(table, there))
            return;
        at = &stick_at(table, there)->next;
    }
}

static bool pins_have(struct stick_table *table, uint32_t inc, uint32_t id)
{
    struct stick_pins *pins = &table->section->pins[inc];
    uint32_t mark = atomic_load_explicit(&pins->mark, memory_order_relaxed);
    for (uint32_t i = 0; mark && i < STICK_MAX_PINS; i++)
        if (atomic_load_explicit(&pins->entries[i], memory_order_relaxed) == id)
            return !board_mark_is_gone(table->board, mark);
    return false;
}

// The last are those of processes without a number.
static bool is_pinned(struct stick_table *table, uint32_t id)
{
    uint32_t limit = board_incarnation_limit(table->board);
    for (uint32_t inc = 1; inc < limit; inc++)
        if (pins_have(table, inc, id))
            return true;
    return pins_have(table, BOARD_MAX_INCARNATIONS, id);
}

bool stick_drop(struct stick_table *table, struct stick_shard *shard, uint32_t id)
{
    struct stick_entry *entry = stick_at(table, id);
    if (atomic_load_explicit(&entry->holders, memory_order_relaxed))
        return false;
    atomic_store_explicit(&entry->state, STICK_DROPPING, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
    if (is_pinned(table, id)) {
        atomic_store_explicit(&entry->state, STICK_USED, memory_order_release);
        return false;
    }
    changes_begin(shard);
    stick_order_remove(table, shard, id);
    chain_remove(table, id);
    atomic_store_explicit(&entry->next, shard->free, memory_order_relaxed);
    atomic_store_explicit(&entry->state, STICK_FREE, memory_order_release);
    shard->free = id;
    count(table, shard, -1);
    changes_end(shard);
    return true;
}

uint32_t stick_expire_shard(struct stick_table *table, struct stick_shard *shard, uint32_t most, uint64_t now_us)
{
    uint32_t num = 0;
    for (uint32_t steps = 0; shard->oldest && steps < most + EXPIRE_STEPS && num < most; steps++) {
        uint32_t id = shard->oldest;
        struct stick_entry *entry = stick_at(table, id);
        if (stick_over(table, entry, now_us) && stick_drop(table, shard, id)) {
            num++;
            continue;
        }
        // Somebody has it, perhaps for hours: it stands in no other's way.
        if (!table->conf->expire_us ||
            atomic_load_explicit(&entry->queued_us, memory_order_relaxed) + table->conf->expire_us > now_us)
            break;
        uint64_t touched_us = atomic_load_explicit(&entry->touched_us, memory_order_relaxed);
        if (!atomic_load_explicit(&entry->holders, memory_order_relaxed) &&
            touched_us + table->conf->expire_us > now_us)
            break;
        stick_order_remove(table, shard, id);
        stick_order_append(table, shard, id);
        atomic_store_explicit(&entry->queued_us, now_us, memory_order_relaxed);
    }
    return num;
}

// Gives a place for an entry with this key, not yet in any list; 0 where the shard has none.
static uint32_t place_take(struct stick_table *table, struct stick_shard *shard)
{
    uint32_t id = shard->free;
    if (id) {
        shard->free = atomic_load_explicit(&stick_at(table, id)->next, memory_order_relaxed);
        return id;
    }
    if (shard->fresh == table->capacity)
        return 0;
    uint32_t first = (uint32_t)(shard - table->section->shards) * table->capacity + 1;
    return first + shard->fresh++;
}

uint32_t stick_insert(struct stick_table *table, struct stick_shard *shard, struct slice key, uint64_t hash,
                      uint64_t now_us)
{
    changes_begin(shard);
    uint32_t id = place_take(table, shard);
    if (id) {
        struct stick_entry *entry = stick_at(table, id);
        memset(entry->data, 0, table->key_at - sizeof(*entry));
        entry->hash = (uint32_t)hash;
        entry->key_len = (uint32_t)key.len;
        memcpy(stick_key_of(table, entry), key.ptr, key.len);
        atomic_store_explicit(&entry->holders, 0, memory_order_relaxed);
        atomic_store_explicit(&entry->connections, 0, memory_order_relaxed);
        atomic_store_explicit(&entry->touched_us, now_us, memory_order_relaxed);
        atomic_store_explicit(&entry->queued_us, now_us, memory_order_relaxed);
        _Atomic uint32_t *bucket = stick_bucket(table, hash);
        atomic_store_explicit(&entry->next, atomic_load_explicit(bucket, memory_order_relaxed), memory_order_relaxed);
        atomic_store_explicit(&entry->state, STICK_USED, memory_order_release);
        stick_order_append(table, shard, id);
        atomic_store_explicit(bucket, id, memory_order_release);
        count(table, shard, 1);
    }
    changes_end(shard);
    return id;
}

// ---- after a crash

// Merges two chains linked by `older`, the newest first.
static uint32_t merge(struct stick_table *table, uint32_t a, uint32_t b)
{
    uint32_t head = 0, *end = &head;
    while (a && b) {
        uint32_t *from =
            atomic_load(&stick_at(table, a)->queued_us) >= atomic_load(&stick_at(table, b)->queued_us) ? &a : &b;
        *end = *from;
        end = &stick_at(table, *from)->older;
        *from = *end;
    }
    *end = a ? a : b;
    return head;
}

static void holds_recount(struct stick_table *table, uint32_t first)
{
    for (uint32_t chunk = 0; chunk < stick_chunks_end(table); chunk++) {
        if (!atomic_load(&table->section->chunk_owners[chunk]))
            continue;
        for (uint32_t i = 0; i < STICK_CHUNK_HOLDS; i++) {
            uint32_t hold = atomic_load(&table->section->holds[chunk * STICK_CHUNK_HOLDS + i]);
            uint32_t id = hold & ~STICK_COUNTS;
            if (id < first || id >= first + table->capacity)
                continue;
            struct stick_entry *entry = stick_at(table, id);
            atomic_fetch_add(&entry->holders, 1);
            if (hold & STICK_COUNTS)
                atomic_fetch_add(&entry->connections, 1);
        }
    }
}

void stick_shard_repair(struct stick_table *table, struct stick_shard *shard)
{
    uint32_t index = (uint32_t)(shard - table->section->shards);
    uint32_t first = index * table->capacity + 1, num = 0, runs[32] = { 0 }, all = 0;
    _Atomic uint32_t *buckets = &table->section->buckets[(size_t)index * table->num_buckets];
    changes_begin(shard);
    for (uint32_t i = 0; i < table->num_buckets; i++)
        atomic_store_explicit(&buckets[i], 0, memory_order_relaxed);
    shard->free = 0;
    if (shard->fresh > table->capacity)
        shard->fresh = table->capacity;
    for (uint32_t i = shard->fresh; i-- > 0;) {
        uint32_t id = first + i, run = id, at = 0;
        struct stick_entry *entry = stick_at(table, id);
        atomic_store(&entry->holders, 0);
        atomic_store(&entry->connections, 0);
        if (atomic_load(&entry->state) == STICK_FREE) {
            atomic_store(&entry->next, shard->free);
            shard->free = id;
            continue;
        }
        num++;
        _Atomic uint32_t *bucket = &buckets[entry->hash & (table->num_buckets - 1)];
        atomic_store(&entry->next, atomic_load(bucket));
        atomic_store(&entry->state, STICK_USED);
        atomic_store(bucket, id);
        entry->older = 0;
        for (; runs[at]; at++) {
            run = merge(table, runs[at], run);
            runs[at] = 0;
        }
        runs[at] = run;
    }
    for (size_t i = 0; i < NUM_ITEMS(runs); i++)
        all = merge(table, all, runs[i]);
    shard->newest = all;
    shard->oldest = 0;
    for (uint32_t newer = 0; all; newer = all, all = stick_at(table, all)->older) {
        stick_at(table, all)->newer = newer;
        shard->oldest = all;
    }
    holds_recount(table, first);
    atomic_store(&shard->num, num);
    changes_end(shard);
}

// The count of all shards may have gone astray with that of the one repaired: it is made anew while nobody counts.
static void recount(struct stick_table *table)
{
    uint32_t num = 0;
    for (uint32_t i = 0; i < table->num_shards; i++) {
        struct stick_shard *shard = &table->section->shards[i];
        if (board_lock_enter(table->board, &shard->lock))
            stick_shard_repair(table, shard);
        num += atomic_load(&shard->num);
    }
    atomic_store(&table->section->num, num);
    for (uint32_t i = 0; i < table->num_shards; i++)
        board_lock_leave(table->board, &table->section->shards[i].lock);
}

void stick_shard_enter(struct stick_table *table, struct stick_shard *shard)
{
    while (UNLIKELY(board_lock_enter(table->board, &shard->lock))) {
        stick_shard_repair(table, shard);
        board_lock_leave(table->board, &shard->lock);
        recount(table);
    }
}

bool stick_shard_try(struct stick_table *table, struct stick_shard *shard)
{
    int got = board_lock_try(table->board, &shard->lock);
    if (got < 2)
        return got == 1;
    stick_shard_repair(table, shard);
    board_lock_leave(table->board, &shard->lock);
    recount(table);
    return false;
}

void stick_shard_leave(struct stick_table *table, struct stick_shard *shard)
{
    board_lock_leave(table->board, &shard->lock);
}
