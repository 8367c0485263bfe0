// SPDX-License-Identifier: Apache-2.0
// What a stick table's section of the board looks like. Only src/table/stick*.c include this. All of it may have been
// left in the middle of a change by a process that was killed a moment ago:
//
// - An entry's place (struct stick_entry) has a state. What is USED is in the table, whatever else was left: chains,
//   order, free list, counts of holders and of connections are rebuilt from the states and from the holds by whoever
//   takes the shard's lock over (stick_shard_repair).
// - A hold is one word in a chunk that names its process. It is written and cleared under the lock of its entry's
//   shard, with the counts in the entry.
// - A pin is a reference that lasts no longer than a turn: a word that its process alone writes. Who drops an entry
//   marks it first and then looks at the pins of all live processes; who pins it writes the pin first and then looks at
//   the mark.
// - Values are single words; those of a rate are two (stick_rate.c).
#pragma once

#include <stdatomic.h>
#include "base/check.h"
#include "board/board.h"
#include "table/stick.h"

// Of all sections of tables. Tests build a program that differs.
#ifndef STICK_LAYOUT
#define STICK_LAYOUT 1
#endif

enum {
    STICK_SHARDS = 64,
    STICK_SMALL = 1024, // tables of up to so many entries have one shard, and purge strictly the oldest
    STICK_HOLD_CHUNKS = 4096,
    STICK_CHUNK_HOLDS = 512,
    STICK_MAX_HOLDS = STICK_HOLD_CHUNKS * STICK_CHUNK_HOLDS,
    STICK_HOLD_BITS = 21,
    STICK_MAX_TABLES = 1 << (32 - STICK_HOLD_BITS),
    STICK_TEXTS = 4096,
    STICK_TEXT_LEN = 128,
};

enum { STICK_FREE, STICK_USED, STICK_DROPPING };

#define STICK_COUNTS UINT32_C(0x80000000) // in a hold: it counts in conn_cur

struct stick_entry {
    _Atomic uint32_t state;
    _Atomic uint32_t next; // in its bucket; in the free list
    uint32_t newer, older;
    uint32_t hash;
    uint32_t key_len;
    _Atomic uint32_t holders;
    _Atomic uint32_t connections; // of the holders, those that count in conn_cur
    _Atomic uint64_t touched_us;
    _Atomic uint64_t queued_us; // when it was last made the newest of its shard
    _Atomic uint64_t data[];    // values, then the key
};

struct stick_shard {
    struct board_lock lock;
    _Atomic uint32_t changes; // odd while the chains change
    _Atomic uint32_t num;
    uint32_t free;
    _Atomic uint32_t fresh; // places from there on were never used
    uint32_t newest, oldest;
} __attribute__((aligned(128)));

struct stick_pins {
    _Atomic uint32_t mark; // whose they are
    _Atomic uint32_t entries[STICK_MAX_PINS];
} __attribute__((aligned(64)));

struct stick_text {
    _Atomic uint32_t len; // 1 more; 0 free
    char text[STICK_TEXT_LEN - 4];
};

// Where everything is, for who looks at a section from outside.
struct stick_shape {
    uint64_t entries_at; // bytes from the section's start
    uint32_t num_shards, num_buckets, capacity, entry_len, key_at;
};

struct stick_section {
    uint64_t hash_key[2];
    struct stick_shape shape;
    _Atomic uint32_t num __attribute__((aligned(128))); // entries of all shards
    struct board_lock text_lock;
    struct stick_shard shards[STICK_SHARDS];
    struct stick_pins pins[BOARD_MAX_INCARNATIONS + 1];
    _Atomic uint32_t chunks_end; // no chunk from there on was ever used
    _Atomic uint32_t chunk_owners[STICK_HOLD_CHUNKS];
    _Atomic uint32_t holds[STICK_MAX_HOLDS];
    struct stick_text texts[STICK_TEXTS];
    _Atomic uint32_t buckets[] __attribute__((aligned(4096)));
};

// What a process knows of a table. Made by the keeper; workers have a copy of their own.
struct stick_table {
    struct stick_table *next;
    const struct stick_table_conf *conf;
    struct board *board;
    struct stick_section *section;
    char *entries;
    size_t entry_len;
    uint32_t number; // from 1, of this process
    uint32_t num_shards;
    uint32_t num_buckets;           // of a shard; a power of 2
    uint32_t capacity;              // of a shard
    uint32_t key_at;                // in an entry
    uint32_t words[STICK_NUM_DATA]; // where a type's values begin; UINT32_MAX: not stored
    uint64_t order_us;              // what was touched no longer ago than this keeps its place in the order
    struct stick_pins *pins;
    uint32_t *free_holds; // numbers of holds that are this process's and not in use
    uint32_t num_free_holds;
    uint32_t room_holds;
    uint32_t turn_shard;
};

// stick_tables_first gives the first table of this process, stick_table_number that of a number (NULL: none).
struct stick_table *stick_tables_first(void);
struct stick_table *stick_table_number(uint32_t number);

// stick_chunks_end gives the end of the chunks of holds that were ever used.
static inline uint32_t stick_chunks_end(const struct stick_table *table)
{
    uint32_t end = atomic_load(&table->section->chunks_end);
    return end < STICK_HOLD_CHUNKS ? end : (uint32_t)STICK_HOLD_CHUNKS;
}

// stick_insert makes an entry for a key that has none, under the shard's lock; 0 where the shard has no place left.
uint32_t stick_insert(struct stick_table *table, struct stick_shard *shard, struct slice key, uint64_t hash,
                      uint64_t now_us);

// stick_now_us is the clock of tables, monotonic and a few ms coarse.
uint64_t stick_now_us(void);

static inline struct stick_entry *stick_at(const struct stick_table *table, uint32_t id)
{
    return (struct stick_entry *)(table->entries + (size_t)(id - 1) * table->entry_len);
}

static inline uint32_t stick_id(const struct stick_table *table, const struct stick_entry *entry)
{
    return (uint32_t)((size_t)((const char *)entry - table->entries) / table->entry_len) + 1;
}

static inline bool stick_id_is_right(const struct stick_table *table, uint32_t id)
{
    return id > 0 && id <= table->capacity * table->num_shards;
}

static inline struct stick_shard *stick_shard_of(const struct stick_table *table, uint32_t id)
{
    return &table->section->shards[(id - 1) / table->capacity];
}

static inline char *stick_key_of(const struct stick_table *table, const struct stick_entry *entry)
{
    return (char *)entry + table->key_at;
}

// stick_over says whether the time of `entry` is over.
static inline bool stick_over(const struct stick_table *table, const struct stick_entry *entry, uint64_t now_us)
{
    uint64_t touched_us = atomic_load_explicit(&entry->touched_us, memory_order_relaxed);
    return table->conf->expire_us && touched_us + table->conf->expire_us <= now_us &&
           !atomic_load_explicit(&entry->holders, memory_order_relaxed);
}

// stick_shard_enter takes the shard's lock, and repairs the shard where it was taken over.
void stick_shard_enter(struct stick_table *table, struct stick_shard *shard);
void stick_shard_leave(struct stick_table *table, struct stick_shard *shard);

// stick_shard_try is stick_shard_enter where nobody has the lock; false else.
bool stick_shard_try(struct stick_table *table, struct stick_shard *shard);

// stick_shard_repair rebuilds a shard, under its lock, from the states of its entries and the holds.
void stick_shard_repair(struct stick_table *table, struct stick_shard *shard);

// stick_bucket gives the bucket of a key's hash.
static inline _Atomic uint32_t *stick_bucket(const struct stick_table *table, uint64_t hash)
{
    uint32_t shard = (uint32_t)(hash >> 58) & (table->num_shards - 1);
    return &table->section->buckets[(size_t)shard * table->num_buckets + ((uint32_t)hash & (table->num_buckets - 1))];
}

// stick_hash gives the hash of a key: the upper bits choose the shard, the lower 32 stand in the entry.
uint64_t stick_hash(const struct stick_table *table, struct slice key);

// The order of a shard, under its lock.
void stick_order_remove(struct stick_table *table, struct stick_shard *shard, uint32_t id);
void stick_order_append(struct stick_table *table, struct stick_shard *shard, uint32_t id);

// stick_drop takes the entry out of its shard, under the lock, unless somebody uses it.
bool stick_drop(struct stick_table *table, struct stick_shard *shard, uint32_t id);

// stick_expire_shard drops up to `most` entries that are over, under the shard's lock; gives how many.
uint32_t stick_expire_shard(struct stick_table *table, struct stick_shard *shard, uint32_t most, uint64_t now_us);

// stick_pin notes a reference of this process; false where it has too many.
bool stick_pin(struct stick_table *table, uint32_t id);

// stick_rate_add and stick_rate_read: `words` are the two of a rate, `period_ms` its period.
uint64_t stick_rate_add(_Atomic uint64_t *words, uint32_t add, uint32_t period_ms, uint32_t now_ms);
uint64_t stick_rate_read(_Atomic uint64_t *words, uint32_t period_ms, uint32_t now_ms);
void stick_rate_set(_Atomic uint64_t *words, uint32_t value, uint32_t now_ms);
