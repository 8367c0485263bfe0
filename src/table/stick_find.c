// SPDX-License-Identifier: Apache-2.0
// Entries are found, made, pinned and dropped.
#include "stick_inner.h"

enum {
    FIND_STEPS = 64, // without the lock; a chain has one or two entries
    MAKE_EXPIRES = 4,
    PURGE_TRIES = 8,
};

// ---- pins

bool stick_pin(struct stick_table *table, uint32_t id)
{
    for (uint32_t i = 0; i < STICK_MAX_PINS; i++) {
        if (atomic_load_explicit(&table->pins->entries[i], memory_order_relaxed))
            continue;
        atomic_store_explicit(&table->pins->entries[i], id, memory_order_relaxed);
        atomic_thread_fence(memory_order_seq_cst);
        return true;
    }
    return false;
}

static void unpin(struct stick_table *table, uint32_t id)
{
    for (uint32_t i = STICK_MAX_PINS; i-- > 0;) {
        if (atomic_load_explicit(&table->pins->entries[i], memory_order_relaxed) != id)
            continue;
        atomic_store_explicit(&table->pins->entries[i], 0, memory_order_release);
        return;
    }
}

void stick_put(struct stick_table *table, struct stick_entry *entry)
{
    if (entry)
        unpin(table, stick_id(table, entry));
}

// ---- finding

static bool is_it(const struct stick_table *table, const struct stick_entry *entry, struct slice key, uint64_t hash)
{
    return entry->hash == (uint32_t)hash && entry->key_len == key.len &&
           atomic_load_explicit(&entry->state, memory_order_acquire) == STICK_USED &&
           memcmp(stick_key_of(table, entry), key.ptr, key.len) == 0;
}

// The first of the chain that is it, 0 none, UINT32_MAX where the chain leads astray.
static uint32_t walk(const struct stick_table *table, struct slice key, uint64_t hash, uint32_t steps)
{
    uint32_t id = atomic_load_explicit(stick_bucket(table, hash), memory_order_acquire);
    for (; id; steps--) {
        if (!steps || !stick_id_is_right(table, id))
            return UINT32_MAX;
        const struct stick_entry *entry = stick_at(table, id);
        if (is_it(table, entry, key, hash))
            return id;
        id = atomic_load_explicit(&entry->next, memory_order_acquire);
    }
    return 0;
}

static struct stick_shard *shard_for(const struct stick_table *table, uint64_t hash)
{
    return &table->section->shards[(uint32_t)(hash >> 58) & (table->num_shards - 1)];
}

// Without the lock. What was found is pinned and looked at again; what was not is not there only if nothing changed
// meanwhile. False where only the lock can tell.
static bool find_free(struct stick_entry **found, struct stick_table *table, struct slice key, uint64_t hash)
{
    struct stick_shard *shard = shard_for(table, hash);
    uint32_t changes = atomic_load_explicit(&shard->changes, memory_order_acquire);
    uint32_t id = walk(table, key, hash, FIND_STEPS);
    *found = NULL;
    if (id == 0) {
        atomic_thread_fence(memory_order_acquire);
        return !(changes & 1) && atomic_load_explicit(&shard->changes, memory_order_relaxed) == changes;
    }
    if (id == UINT32_MAX)
        return false;
    if (!stick_pin(table, id))
        return true;
    *found = stick_at(table, id);
    if (is_it(table, *found, key, hash))
        return true;
    unpin(table, id);
    return false;
}

// Under the lock; 0 where it is not there.
static uint32_t find_locked(const struct stick_table *table, struct slice key, uint64_t hash)
{
    uint32_t id = walk(table, key, hash, table->capacity);
    return id != UINT32_MAX ? id : 0;
}

// What is over is not there, even before it is gone.
static struct stick_entry *unless_over(struct stick_table *table, struct stick_entry *entry)
{
    if (!entry || !stick_over(table, entry, stick_now_us()))
        return entry;
    stick_put(table, entry);
    return NULL;
}

struct stick_entry *stick_find1(struct stick_table *table, struct slice key)
{
    struct stick_entry *entry;
    uint64_t hash = stick_hash(table, key);
    if (key.len > table->conf->key_len)
        return NULL;
    if (!find_free(&entry, table, key, hash)) {
        struct stick_shard *shard = shard_for(table, hash);
        stick_shard_enter(table, shard);
        uint32_t id = find_locked(table, key, hash);
        entry = id && stick_pin(table, id) ? stick_at(table, id) : NULL;
        stick_shard_leave(table, shard);
    }
    return unless_over(table, entry);
}

// ---- making

static bool is_full(const struct stick_table *table)
{
    return atomic_load_explicit(&table->section->num, memory_order_relaxed) >= table->conf->size;
}

// Drops the oldest of the shard that nobody has, under the lock.
static bool purge(struct stick_table *table, struct stick_shard *shard, uint64_t now_us)
{
    for (uint32_t i = 0; i < PURGE_TRIES && shard->oldest; i++) {
        uint32_t id = shard->oldest;
        if (stick_drop(table, shard, id))
            return true;
        stick_order_remove(table, shard, id);
        stick_order_append(table, shard, id);
        atomic_store_explicit(&stick_at(table, id)->queued_us, now_us, memory_order_relaxed);
    }
    return false;
}

// Makes room, with no lock held: in the shard itself where it has something to give, else in the next that has.
static bool room_make(struct stick_table *table, struct stick_shard *first, uint64_t now_us)
{
    uint32_t at = (uint32_t)(first - table->section->shards);
    for (uint32_t i = 0; i < table->num_shards; i++) {
        struct stick_shard *shard = &table->section->shards[(at + i) % table->num_shards];
        stick_shard_enter(table, shard);
        bool done = stick_expire_shard(table, shard, MAKE_EXPIRES, now_us) > 0 ||
                    (!table->conf->nopurge && purge(table, shard, now_us));
        stick_shard_leave(table, shard);
        if (done)
            return true;
    }
    return false;
}

// An entry that is over is made anew where it stands: it keeps its place, not what was in it.
static void renew(struct stick_table *table, struct stick_shard *shard, struct stick_entry *entry, uint64_t now_us)
{
    uint32_t id = stick_id(table, entry);
    for (uint32_t i = 0; i < (table->key_at - sizeof(*entry)) / 8; i++)
        atomic_store_explicit(&entry->data[i], 0, memory_order_relaxed);
    atomic_store_explicit(&entry->touched_us, now_us, memory_order_relaxed);
    atomic_store_explicit(&entry->queued_us, now_us, memory_order_relaxed);
    stick_order_remove(table, shard, id);
    stick_order_append(table, shard, id);
}

// Finds or makes it under the lock; 0 where there is no room.
static uint32_t make_locked(struct stick_table *table, struct stick_shard *shard, struct slice key, uint64_t hash,
                            uint64_t now_us)
{
    stick_expire_shard(table, shard, MAKE_EXPIRES, now_us);
    uint32_t id = find_locked(table, key, hash);
    if (id) {
        if (stick_over(table, stick_at(table, id), now_us))
            renew(table, shard, stick_at(table, id), now_us);
        return id;
    }
    if (is_full(table))
        return 0;
    id = stick_insert(table, shard, key, hash, now_us);
    if (!id && !table->conf->nopurge && purge(table, shard, now_us))
        id = stick_insert(table, shard, key, hash, now_us);
    return id;
}

static struct stick_entry *make(struct stick_table *table, struct slice key, uint64_t hash)
{
    struct stick_shard *shard = shard_for(table, hash);
    uint64_t now_us = stick_now_us();
    // Another process may take the room that was made.
    for (int tries = 0; tries < PURGE_TRIES; tries++) {
        stick_shard_enter(table, shard);
        uint32_t id = make_locked(table, shard, key, hash, now_us);
        bool pinned = id && stick_pin(table, id);
        stick_shard_leave(table, shard);
        if (id)
            return pinned ? stick_at(table, id) : NULL;
        if (!room_make(table, shard, now_us))
            break;
    }
    return NULL;
}

struct stick_entry *stick_make1(struct stick_table *table, struct slice key)
{
    struct stick_entry *entry;
    if (key.len > table->conf->key_len)
        return NULL;
    uint64_t hash = stick_hash(table, key);
    if (find_free(&entry, table, key, hash) && (entry = unless_over(table, entry)))
        return entry;
    return make(table, key, hash);
}

// ---- time

void stick_touch(struct stick_table *table, struct stick_entry *entry)
{
    uint64_t now_us = stick_now_us();
    if (atomic_load_explicit(&entry->touched_us, memory_order_relaxed) != now_us)
        atomic_store_explicit(&entry->touched_us, now_us, memory_order_relaxed);
    if (now_us - atomic_load_explicit(&entry->queued_us, memory_order_relaxed) < table->order_us)
        return;
    uint32_t id = stick_id(table, entry);
    struct stick_shard *shard = stick_shard_of(table, id);
    // Where others are busy the next touch will do.
    if (!stick_shard_try(table, shard))
        return;
    atomic_store_explicit(&entry->queued_us, now_us, memory_order_relaxed);
    stick_order_remove(table, shard, id);
    stick_order_append(table, shard, id);
    stick_shard_leave(table, shard);
}

uint32_t stick_num_entries(const struct stick_table *table)
{
    return atomic_load_explicit(&table->section->num, memory_order_relaxed);
}

uint64_t stick_expires_us(const struct stick_table *table, const struct stick_entry *entry)
{
    uint64_t now_us = stick_now_us();
    uint64_t ends_us = atomic_load_explicit(&entry->touched_us, memory_order_relaxed) + table->conf->expire_us;
    return table->conf->expire_us && ends_us > now_us ? ends_us - now_us : 0;
}

uint64_t stick_idle_us(const struct stick_table *table, const struct stick_entry *entry)
{
    (void)table;
    uint64_t now_us = stick_now_us(), touched_us = atomic_load_explicit(&entry->touched_us, memory_order_relaxed);
    return now_us > touched_us ? now_us - touched_us : 0;
}
