// SPDX-License-Identifier: Apache-2.0
// What is due in tables whether or not anybody comes past.
#include "stick_inner.h"

// How much under one lock: a worker may wait for it.
enum { TURN_US = 100000, TURN_SOON_US = 5000, TURN_EXPIRES = 32, TURN_TABLE_EXPIRES = 2048 };

// A shard that somebody is busy with has its turn the next time. A table with more to expire than a turn may do goes on
// where it was.
static bool expire(struct stick_table *table, uint64_t now_us)
{
    uint32_t num = 0;
    for (uint32_t i = 0; i < table->num_shards && num < TURN_TABLE_EXPIRES;) {
        struct stick_shard *shard = &table->section->shards[table->turn_shard];
        uint32_t here = 0;
        if (atomic_load_explicit(&shard->num, memory_order_relaxed) && stick_shard_try(table, shard)) {
            here = stick_expire_shard(table, shard, TURN_EXPIRES, now_us);
            stick_shard_leave(table, shard);
        }
        num += here;
        if (here == TURN_EXPIRES)
            continue;
        table->turn_shard = (table->turn_shard + 1) % table->num_shards;
        i++;
    }
    return num < TURN_TABLE_EXPIRES;
}

uint64_t stick_turn(struct board *board)
{
    bool done = true;
    uint64_t now_us = stick_now_us();
    stick_left(board);
    for (struct stick_table *table = stick_tables_first(); table; table = table->next)
        if (table->conf->expire_us && stick_num_entries(table))
            done = expire(table, now_us) && done;
    return stick_tables_first() ? done ? TURN_US : TURN_SOON_US : UINT64_MAX;
}
