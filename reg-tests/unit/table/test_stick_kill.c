// SPDX-License-Identifier: Apache-2.0
// Processes find, make, hold, touch and drop entries of two stick tables, a small one and a sharded one, and are killed
// at random points of it. At each rest a checker finds the tables whole: chains, order, free places, holders,
// connections, and every count that a process said it had made. Without kills it then says how many updates a second
// four processes do (never asserted).
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/clock.h"
#include "board/board.h"
#include "table/stick_inner.h"

enum { NUM_WORKERS = 4, NUM_KILLS = 300, REST_EVERY = 20, MAX_HELD = 24, BENCH_MS = 500 };

static struct board *board;
static uint32_t keeper;
static struct stick_table_conf confs[2];
static struct shared {
    _Atomic bool stop;
    _Atomic uint64_t num_ops[NUM_WORKERS];
    _Atomic uint64_t num_made;
} * shared;
static struct {
    pid_t pid;
    uint32_t inc;
} workers[NUM_WORKERS];

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void conf_init(struct stick_table_conf *conf, const char *name, uint32_t size)
{
    static const enum stick_data stored[] = { STICK_GPC0, STICK_CONN_CUR, STICK_HTTP_REQ_RATE, STICK_SERVER_KEY };
    *conf = (struct stick_table_conf){
        .name = name, .type = STICK_INTEGER, .key_len = 4, .size = size, .expire_us = 30000
    };
    for (size_t i = 0; i < NUM_ITEMS(stored); i++) {
        conf->data[stored[i]].stored = true;
        conf->data[stored[i]].num = 1;
        conf->data[stored[i]].period_us = 1000000;
    }
}

static int set_up(void **state)
{
    (void)state;
    board = board_new();
    assert_non_null(board);
    keeper = board_incarnation_take(board, BOARD_ROLE_KEEPER, 0, 1);
    assert_true(board_incarnation_enter(board, keeper));
    conf_init(&confs[0], "small", 50);
    conf_init(&confs[1], "large", 3000);
    for (int i = 0; i < 2; i++)
        assert_true(stick_table_prepare(&confs[i], board));
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(shared, MAP_FAILED);
    return 0;
}

// ---- the processes

static void work_once(uint64_t *seed, uint32_t *held, uint32_t *num_held)
{
    struct stick_table *table = confs[next_random(seed) & 1].table;
    uint32_t key = (uint32_t)next_random(seed) % (table->conf->size * 5 / 4);
    struct slice bytes = slice_of((const char *)&key, sizeof(key));
    struct stick_entry *entry;
    switch (next_random(seed) % 8) {
    case 0:
        if ((entry = stick_find1(table, bytes)))
            must(memcmp(stick_key_of(table, entry), &key, sizeof(key)) == 0);
        stick_put(table, entry);
        return;
    case 1:
        if (*num_held)
            stick_unhold(held[--*num_held]);
        return;
    case 2:
        stick_left(board);
        return;
    default:
        break;
    }
    if (!(entry = stick_make1(table, bytes)))
        return;
    must(memcmp(stick_key_of(table, entry), &key, sizeof(key)) == 0);
    stick_add(table, entry, STICK_GPC0, 0, 1);
    stick_add(table, entry, STICK_HTTP_REQ_RATE, 0, 1);
    if (key % 16 == 0)
        stick_set_server_key(table, entry, key & 16 ? SLICE("one") : SLICE("another"));
    if (*num_held < MAX_HELD && (held[*num_held] = stick_hold1(table, entry, key & 1))) {
        ++*num_held;
        return;
    }
    stick_touch(table, entry);
    stick_put(table, entry);
}

static _Noreturn void work(uint32_t at)
{
    uint32_t held[MAX_HELD], num_held = 0;
    uint64_t seed = clock_mono_ns() | 1;
    if (!board_incarnation_enter(board, workers[at].inc))
        _exit(0);
    stick_enter(board, workers[at].inc);
    while (!atomic_load_explicit(&shared->stop, memory_order_relaxed)) {
        for (int i = 0; i < 50; i++)
            work_once(&seed, held, &num_held);
        atomic_fetch_add(&shared->num_ops[at], 50);
    }
    while (num_held)
        stick_unhold(held[--num_held]);
    _exit(0);
}

static void start(uint32_t at)
{
    workers[at].inc = board_incarnation_take(board, BOARD_ROLE_WORKER, at, 1);
    assert_int_not_equal(workers[at].inc, 0);
    workers[at].pid = fork();
    assert_true(workers[at].pid >= 0);
    if (workers[at].pid == 0)
        work(at);
}

static void end(uint32_t at, bool by_force)
{
    int status;
    if (by_force)
        kill(workers[at].pid, SIGKILL);
    assert_int_equal(waitpid(workers[at].pid, &status, 0), workers[at].pid);
    assert_true(by_force || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
    board_incarnation_dead(board, workers[at].inc);
}

// ---- the checker

static uint32_t chains_check(struct stick_table *table, uint32_t shard)
{
    uint32_t num = 0;
    for (uint32_t i = 0; i < table->num_buckets; i++) {
        uint32_t id = table->section->buckets[(size_t)shard * table->num_buckets + i];
        for (; id; id = stick_at(table, id)->next) {
            assert_true(stick_id_is_right(table, id));
            struct stick_entry *entry = stick_at(table, id);
            assert_int_equal(entry->state, STICK_USED);
            assert_int_equal(entry->hash & (table->num_buckets - 1), i);
            uint64_t hash = stick_hash(table, slice_of(stick_key_of(table, entry), entry->key_len));
            assert_int_equal(entry->hash, (uint32_t)hash);
            assert_int_equal(hash >> 58 & (table->num_shards - 1), shard);
            assert_true(++num <= table->capacity);
            // No key stands twice.
            for (uint32_t other = entry->next; other; other = stick_at(table, other)->next)
                assert_true(memcmp(stick_key_of(table, entry), stick_key_of(table, stick_at(table, other)), 4) != 0);
        }
    }
    return num;
}

static uint32_t order_check(struct stick_table *table, struct stick_shard *shard)
{
    uint32_t num = 0, newer = 0;
    uint64_t queued_us = UINT64_MAX;
    for (uint32_t id = shard->newest; id; newer = id, id = stick_at(table, id)->older) {
        struct stick_entry *entry = stick_at(table, id);
        assert_int_equal(entry->newer, newer);
        // Clocks of processes are one, but each reads it before it has the lock.
        assert_true(entry->queued_us <= queued_us || entry->queued_us - queued_us < 10000000);
        queued_us = entry->queued_us;
        assert_true(++num <= table->capacity);
    }
    assert_int_equal(shard->oldest, newer);
    return num;
}

static void holds_check(struct stick_table *table, uint32_t num_expected)
{
    uint32_t num = 0, sum = 0, num_counting = 0, sum_counting = 0;
    for (uint32_t i = 0; i < STICK_MAX_HOLDS && i / STICK_CHUNK_HOLDS < stick_chunks_end(table); i++) {
        num += table->section->holds[i] != 0;
        num_counting += (table->section->holds[i] & STICK_COUNTS) != 0;
    }
    for (uint32_t i = 1; i <= table->capacity * table->num_shards; i++) {
        if (stick_at(table, i)->state == STICK_USED) {
            sum += stick_at(table, i)->holders;
            sum_counting += stick_at(table, i)->connections;
        }
    }
    assert_int_equal(num, sum);
    assert_int_equal(num_counting, sum_counting);
    assert_true(num <= num_expected);
}

static void table_check(struct stick_table *table, uint32_t num_expected_holds)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i < table->num_shards; i++) {
        struct stick_shard *shard = &table->section->shards[i];
        stick_shard_enter(table, shard); // repairs where somebody died
        stick_shard_leave(table, shard);
        uint32_t num = chains_check(table, i), num_free = 0;
        assert_int_equal(order_check(table, shard), num);
        assert_int_equal(shard->num, num);
        assert_int_equal(shard->changes & 1, 0);
        for (uint32_t id = shard->free; id; id = stick_at(table, id)->next) {
            assert_int_equal(stick_at(table, id)->state, STICK_FREE);
            assert_true(++num_free <= shard->fresh);
        }
        assert_int_equal(num + num_free, shard->fresh);
        total += num;
    }
    assert_int_equal(stick_num_entries(table), total);
    assert_true(total <= table->conf->size + NUM_WORKERS);
    holds_check(table, num_expected_holds);
}

static void rest(bool by_force)
{
    atomic_store(&shared->stop, true);
    for (uint32_t i = 0; i < NUM_WORKERS; i++)
        end(i, by_force);
    stick_left(board);
    for (int i = 0; i < 2; i++)
        table_check(confs[i].table, 0);
    atomic_store(&shared->stop, false);
}

static void test_kill(void **state)
{
    (void)state;
    uint64_t seed = clock_mono_ns() | 1;
    for (uint32_t i = 0; i < NUM_WORKERS; i++)
        start(i);
    for (uint32_t kills = 1; kills <= NUM_KILLS; kills++) {
        uint32_t at = (uint32_t)next_random(&seed) % NUM_WORKERS;
        usleep((useconds_t)(next_random(&seed) % 3000));
        end(at, true);
        if (next_random(&seed) & 1)
            stick_left(board);
        if (kills % REST_EVERY == 0) {
            // `at` is gone already: it comes again to be ended with all.
            start(at);
            rest(kills % (2 * REST_EVERY) == 0);
            for (uint32_t i = 0; i < NUM_WORKERS; i++)
                start(i);
            continue;
        }
        start(at);
    }
    rest(false);
    uint64_t ops = 0;
    for (uint32_t i = 0; i < NUM_WORKERS; i++)
        ops += atomic_load(&shared->num_ops[i]);
    print_message("%llu operations, %u kills\n", (unsigned long long)ops, (unsigned)NUM_KILLS);
    assert_true(ops > 0);
}

// Dies with every lock of a table, in the middle of a change.
static _Noreturn void lock_and_die(void)
{
    struct stick_section *section = confs[1].table->section;
    if (!board_incarnation_enter(board, workers[0].inc))
        _exit(1);
    stick_enter(board, workers[0].inc);
    for (uint32_t i = 0; i < confs[1].table->num_shards; i++) {
        if (i)
            stick_shard_try(confs[1].table, &section->shards[i]);
        else
            stick_shard_enter(confs[1].table, &section->shards[i]);
        section->shards[i].newest = section->shards[i].oldest;
        atomic_fetch_add(&section->shards[i].num, 7);
        atomic_fetch_add(&section->num, 7);
    }
    board_lock_enter(board, &section->text_lock);
    _exit(0);
}

// Nobody uses the table afterwards: the clean-up alone must make it whole.
static void test_locks_left(void **state)
{
    (void)state;
    struct stick_table *table = confs[1].table;
    for (uint32_t key = 0; key < 500; key++) {
        struct stick_entry *entry = stick_make1(table, slice_of((const char *)&key, sizeof(key)));
        assert_non_null(entry);
        stick_put(table, entry);
    }
    uint32_t num = stick_num_entries(table);
    workers[0].inc = board_incarnation_take(board, BOARD_ROLE_WORKER, 0, 1);
    workers[0].pid = fork();
    assert_true(workers[0].pid >= 0);
    if (workers[0].pid == 0)
        lock_and_die();
    end(0, false);
    assert_int_not_equal(stick_num_entries(table), num);
    stick_left(board);
    assert_int_equal(stick_num_entries(table), num);
    for (uint32_t i = 0; i < table->num_shards; i++)
        assert_int_equal(atomic_load(&table->section->shards[i].lock.owner), 0);
    assert_int_equal(atomic_load(&table->section->text_lock.owner), 0);
    table_check(table, 0);
}

// ---- how fast

static _Noreturn void update(uint32_t at, uint32_t num_keys)
{
    struct stick_table *table = confs[1].table;
    uint64_t seed = clock_mono_ns() | 1, num = 0;
    if (!board_incarnation_enter(board, workers[at].inc))
        _exit(1);
    stick_enter(board, workers[at].inc);
    uint64_t end_us = clock_mono_us() + BENCH_MS * 1000;
    while (clock_mono_us() < end_us) {
        for (int i = 0; i < 100; i++, num++) {
            uint32_t key = (uint32_t)next_random(&seed) % num_keys;
            struct stick_entry *entry = stick_make1(table, slice_of((const char *)&key, sizeof(key)));
            if (!entry)
                continue;
            stick_add(table, entry, STICK_GPC0, 0, 1);
            stick_add(table, entry, STICK_HTTP_REQ_RATE, 0, 1);
            stick_touch(table, entry);
            stick_put(table, entry);
        }
    }
    atomic_store(&shared->num_ops[at], num);
    _exit(0);
}

static void test_speed(void **state)
{
    (void)state;
    for (uint32_t num_keys = 1; num_keys <= 10000; num_keys *= 100) {
        uint64_t sum = 0;
        for (uint32_t i = 0; i < NUM_WORKERS; i++) {
            workers[i].inc = board_incarnation_take(board, BOARD_ROLE_WORKER, i, 1);
            workers[i].pid = fork();
            assert_true(workers[i].pid >= 0);
            if (workers[i].pid == 0)
                update(i, num_keys);
        }
        for (uint32_t i = 0; i < NUM_WORKERS; i++) {
            end(i, false);
            sum += atomic_load(&shared->num_ops[i]);
        }
        print_message("%u processes, %u keys in a table of %u: %.2f million updates a second\n", (unsigned)NUM_WORKERS,
                      num_keys, confs[1].size, (double)sum / BENCH_MS / 1000);
    }
    for (int i = 0; i < 2; i++)
        table_check(confs[i].table, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_kill), cmocka_unit_test(test_locks_left), cmocka_unit_test(test_speed) };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
