// SPDX-License-Identifier: Apache-2.0
// All of a table, and entries by their place.
#include "stick_inner.h"

// A reference to what is in use at this place and not over; NULL where nothing is.
static struct stick_entry *entry_at1(struct stick_table *table, uint32_t id)
{
    struct stick_entry *entry = stick_at(table, id);
    if (atomic_load_explicit(&entry->state, memory_order_acquire) != STICK_USED || !stick_pin(table, id))
        return NULL;
    if (atomic_load_explicit(&entry->state, memory_order_acquire) == STICK_USED &&
        !stick_over(table, entry, stick_now_us()))
        return entry;
    stick_put(table, entry);
    return NULL;
}

struct stick_entry *stick_walk1(struct stick_table *table, uint32_t *place, uint32_t *steps)
{
    while (*place < table->capacity * table->num_shards && *steps) {
        struct stick_shard *shard = &table->section->shards[*place / table->capacity];
        // Places that were never used hold no memory either: reading them would take some.
        if (*place % table->capacity >= atomic_load_explicit(&shard->fresh, memory_order_acquire)) {
            *place = (*place / table->capacity + 1) * table->capacity;
            continue;
        }
        --*steps;
        struct stick_entry *entry = entry_at1(table, ++*place);
        if (entry)
            return entry;
    }
    return NULL;
}

uint64_t stick_place_of(const struct stick_table *table, const struct stick_entry *entry)
{
    return entry ? (uint64_t)((const char *)entry - (const char *)table->section) : 0;
}

struct stick_entry *stick_at_place1(struct stick_table *table, uint64_t place)
{
    uint64_t first = (uint64_t)(table->entries - (char *)table->section);
    if (place < first || (place - first) % table->entry_len ||
        (place - first) / table->entry_len >= (uint64_t)table->capacity * table->num_shards)
        return NULL;
    uint32_t id = (uint32_t)((place - first) / table->entry_len) + 1;
    uint32_t fresh = atomic_load_explicit(&stick_shard_of(table, id)->fresh, memory_order_acquire);
    return (id - 1) % table->capacity < fresh ? entry_at1(table, id) : NULL;
}

// The reference keeps it from going before the lock is held, and would keep it afterwards.
bool stick_remove(struct stick_table *table, struct stick_entry *entry)
{
    uint32_t id = stick_id(table, entry);
    struct stick_shard *shard = stick_shard_of(table, id);
    stick_shard_enter(table, shard);
    stick_put(table, entry);
    bool done = stick_drop(table, shard, id);
    stick_shard_leave(table, shard);
    return done;
}
