// SPDX-License-Identifier: Apache-2.0
// Choices of several workers (three backends on one board) against the plain rules, while connections come and go,
// states and weights change, and one of the workers dies.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "backend/balance.h"
#include "base/check.h"
#include "event/loop.h"

enum { WORKERS = 3, MAX_SERVERS = 5000 };

static struct rig {
    struct board *board;
    struct event_loop loop;
    struct program_conf program;
    struct proxy_conf proxy;
    struct server_conf servers[MAX_SERVERS];
    char names[MAX_SERVERS][16];
    uint32_t incs[WORKERS];
    struct backend_ctx workers[WORKERS];
    uint32_t seed;
} rig;

static uint32_t draw(uint32_t below)
{
    rig.seed = rig.seed * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)rig.seed * below) >> 32);
}

static void worker_start(uint32_t index)
{
    rig.incs[index] = board_incarnation_take(rig.board, BOARD_ROLE_WORKER, index, 1);
    assert_int_not_equal(rig.incs[index], 0);
    board_incarnation_enter(rig.board, rig.incs[index]);
    backend_ctx_init(&rig.workers[index], &rig.program, &rig.loop, rig.board, rig.incs[index], NULL);
}

static void rig_start(uint32_t num, enum proxy_balance algorithm)
{
    char object[32];
    memset(&rig, 0, sizeof(rig));
    rig.board = board_new();
    assert_non_null(rig.board);
    assert_true(event_loop_init(&rig.loop));
    rig.program.proxies = &rig.proxy;
    rig.program.num_proxies = 1;
    rig.proxy = (struct proxy_conf){ .name = "be", .has_backend = true, .be_object = board_object(rig.board, "b/be") };
    rig.proxy.be = (struct backend_conf){ .proxy = &rig.proxy, .servers = rig.servers, .num_servers = num };
    rig.proxy.be.balance = (struct balance_conf){ .algorithm = (uint8_t)algorithm, .draws = 2 };
    for (uint32_t i = 0; i < num; i++) {
        snprintf(rig.names[i], sizeof(rig.names[i]), "s%u", i);
        snprintf(object, sizeof(object), "s/be/s%u", i);
        rig.servers[i] = (struct server_conf){ .backend = &rig.proxy.be,
                                               .name = rig.names[i],
                                               .id = i + 1,
                                               .index = i,
                                               .weight = 1,
                                               .object = board_object(rig.board, object) };
        rig.servers[i].next = i + 1 < num ? &rig.servers[i + 1] : NULL;
        // Not all numbers follow each other.
        if (i % 70 == 69)
            assert_int_not_equal(board_object(rig.board, object + 2), 0);
    }
    for (uint32_t i = 0; i < num; i++) {
        snprintf(object, sizeof(object), "c/be/s%u", i);
        rig.servers[i].pool_object = board_object(rig.board, object);
    }
    assert_true(backend_states_prepare(rig.board) && backend_loads_prepare(rig.board));
    backend_states_adopt(&rig.program, rig.board);
}

static void rig_stop(void)
{
    for (uint32_t i = 0; i < WORKERS; i++)
        if (rig.incs[i])
            backend_ctx_fini(&rig.workers[i]);
    event_loop_fini(&rig.loop);
    board_free(rig.board);
}

static void set_admin(struct board *board, const struct server_conf *server, uint32_t add, uint32_t remove)
{
    uint32_t status = backend_state_status(backend_state_at(server->object));
    backend_state_set(board, server, backend_state_op(status), (backend_state_admin(status) | add) & ~remove);
}

static void set_op(struct board *board, const struct server_conf *server, uint32_t op)
{
    uint32_t status = backend_state_status(backend_state_at(server->object));
    backend_state_set(board, server, op, backend_state_admin(status));
}

static struct backend *backend_of(uint32_t worker)
{
    return rig.workers[worker].backends[0];
}

static struct server *pick(uint32_t worker, bool *full)
{
    struct backend_ask ask = { 0 };
    return backend_pick(backend_of(worker), full, &ask);
}

static uint32_t load_of(uint32_t server)
{
    return board_lane_sum(rig.board, rig.servers[server].object);
}

// With one more connection no other server would have less for its weight; idle ones go first.
static void check_least(const struct server *server)
{
    uint32_t mine = load_of(server->conf->index), weight = atomic_load(&server->state->share);
    for (uint32_t i = 0; i < rig.proxy.be.num_servers; i++) {
        const struct server *other = server->backend->servers[i];
        uint32_t limit = backend_state_maxconn(other->conf), load = load_of(i);
        if (!backend_server_is_open(other) || (limit && load >= limit))
            continue;
        uint64_t theirs = load ? (uint64_t)(load + 1) * weight : 0;
        uint64_t own = mine ? (uint64_t)(mine + 1) * atomic_load(&other->state->share) : 0;
        assert_true(own <= theirs);
    }
}

struct held {
    uint32_t worker, server;
};

static void step(struct held *held, uint32_t *num, uint32_t max)
{
    uint32_t worker = draw(WORKERS);
    bool full;
    if (*num && (draw(100) < 40 || *num == max)) {
        uint32_t at = draw(*num);
        backend_slot_give(backend_of(held[at].worker)->servers[held[at].server]);
        held[at] = held[--*num];
        return;
    }
    struct server *server = pick(worker, &full);
    assert_non_null(server);
    if (full) {
        for (uint32_t i = 0; i < rig.proxy.be.num_servers; i++)
            assert_true(!backend_server_is_open(backend_of(worker)->servers[i]) ||
                        load_of(i) >= backend_state_maxconn(&rig.servers[i]));
        return;
    }
    check_least(server);
    assert_true(backend_slot_take(server, false));
    held[(*num)++] = (struct held){ worker, server->conf->index };
}

static void test_leastconn(void **state)
{
    static const uint32_t sizes[] = { 1, 3, 20, 64, 65, 300 };
    static struct held held[2000];
    (void)state;
    for (uint32_t size = 0; size < NUM_ITEMS(sizes); size++) {
        uint32_t num = 0;
        rig_start(sizes[size], PROXY_BALANCE_LEASTCONN);
        for (uint32_t i = 0; i < sizes[size] && size % 2; i++)
            rig.servers[i].maxconn = draw(3) ? 0 : 1 + draw(4);
        for (uint32_t i = 0; i < WORKERS; i++)
            worker_start(i);
        for (uint32_t i = 0; i < 4000; i++) {
            if (draw(50) == 0)
                backend_state_set_weight(rig.board, &rig.servers[draw(sizes[size])], 1 + draw(256));
            if (draw(50) == 0 && sizes[size] > 1)
                set_admin(rig.board, &rig.servers[1 + draw(sizes[size] - 1)], draw(2) ? BACKEND_ADMIN_MAINT : 0,
                          draw(2) ? BACKEND_ADMIN_MAINT : 0);
            step(held, &num, NUM_ITEMS(held));
        }
        while (num--)
            backend_slot_give(backend_of(held[num].worker)->servers[held[num].server]);
        for (uint32_t i = 0; i < sizes[size]; i++)
            assert_int_equal(backend_loads_of(backend_of(0)->servers[i]), 0);
        rig_stop();
    }
}

// A worker that dies leaves the table of loads too high. The others find that out by themselves, and whoever takes its
// place puts it right at once.
static void test_death(void **state)
{
    enum { SERVERS = 30 };
    (void)state;
    for (uint32_t round = 0; round < 2; round++) {
        bool full;
        rig_start(SERVERS, PROXY_BALANCE_LEASTCONN);
        for (uint32_t i = 0; i < WORKERS; i++)
            worker_start(i);
        for (uint32_t i = 0; i < SERVERS * 20; i++)
            assert_true(backend_slot_take(pick(i % WORKERS, &full), false));
        backend_ctx_fini(&rig.workers[2]);
        board_incarnation_dead(rig.board, rig.incs[2]);
        rig.incs[2] = 0;
        if (round)
            worker_start(2);
        for (uint32_t i = 0; i < SERVERS * 4 * !round; i++)
            assert_non_null(pick(i % 2, &full));
        for (uint32_t i = 0; i < SERVERS; i++)
            assert_int_equal(backend_loads_of(backend_of(0)->servers[i]), load_of(i));
        rig_stop();
    }
}

// One rotation for all: whoever asks gets the next turn, those that are down are left out, and a weight counts at once.
static void test_rotation(void **state)
{
    (void)state;
    bool full;
    for (enum proxy_balance algorithm = PROXY_BALANCE_ROUNDROBIN; algorithm <= PROXY_BALANCE_STATIC_RR; algorithm++) {
        uint32_t seen[4] = { 0 };
        rig_start(4, algorithm);
        for (uint32_t i = 0; i < WORKERS; i++)
            worker_start(i);
        for (uint32_t i = 0; i < 40; i++)
            seen[pick(draw(WORKERS), &full)->conf->index]++;
        assert_memory_equal(seen, ((uint32_t[]){ 10, 10, 10, 10 }), sizeof(seen));
        set_admin(rig.board, &rig.servers[1], BACKEND_ADMIN_DRAIN, 0);
        backend_state_set_weight(rig.board, &rig.servers[3], 4);
        memset(seen, 0, sizeof(seen));
        for (uint32_t i = 0; i < 36; i++)
            seen[pick(draw(WORKERS), &full)->conf->index]++;
        if (algorithm == PROXY_BALANCE_ROUNDROBIN)
            assert_memory_equal(seen, ((uint32_t[]){ 6, 0, 6, 24 }), sizeof(seen));
        else
            assert_memory_equal(seen, ((uint32_t[]){ 12, 0, 12, 12 }), sizeof(seen));
        rig_stop();
    }
}

// Nobody open: nobody chosen. One to be avoided is chosen only where the caller asks again.
static void test_nobody(void **state)
{
    (void)state;
    bool full;
    for (enum proxy_balance algorithm = 0; algorithm < PROXY_NUM_BALANCES; algorithm++) {
        rig_start(2, algorithm);
        worker_start(0);
        struct backend *backend = backend_of(0);
        struct backend_ask ask = { .avoid = backend->servers[0], .has_hash = true };
        for (ask.hash = 0; ask.hash < 1000; ask.hash++)
            assert_ptr_equal(backend_pick(backend, &full, &ask), backend->servers[1]);
        set_admin(rig.board, &rig.servers[1], BACKEND_ADMIN_MAINT, 0);
        assert_null(backend_pick(backend, &full, &ask));
        ask.avoid = NULL;
        assert_ptr_equal(backend_pick(backend, &full, &ask), backend->servers[0]);
        backend_state_set_weight(rig.board, &rig.servers[0], 0);
        assert_null(backend_pick(backend, &full, &ask));
        assert_false(full);
        rig_stop();
    }
}

// For people who look at it: what a choice costs. Nothing is asserted but that thousands of servers do not take for
// ever.
static void test_cost(void **state)
{
    enum { PICKS = 20000 };
    static const uint32_t sizes[] = { 20, 1000, MAX_SERVERS };
    (void)state;
    for (uint32_t size = 0; size < NUM_ITEMS(sizes); size++) {
        for (enum proxy_balance algorithm = 0; algorithm <= PROXY_BALANCE_SOURCE; algorithm++) {
            bool full;
            rig_start(sizes[size], algorithm);
            worker_start(0);
            struct backend_ask ask = { .has_hash = true };
            assert_non_null(backend_pick(backend_of(0), &full, &ask));
            clock_t start = clock();
            for (ask.hash = 0; ask.hash < PICKS; ask.hash++) {
                struct server *server = backend_pick(backend_of(0), &full, &ask);
                assert_true(backend_slot_take(server, false));
                if (ask.hash % 3)
                    backend_slot_give(server);
            }
            double took_us = (double)(clock() - start) * 1000000 / CLOCKS_PER_SEC;
            print_message("%5u servers, %-10s %6.3f us\n", sizes[size], proxy_balance_name((uint8_t)algorithm),
                          took_us / PICKS);
            assert_true(took_us < 20e6);
            rig_stop();
        }
    }
}

// All workers stay with one; who comes back goes to the end.
static void test_sticky(void **state)
{
    (void)state;
    bool full;
    rig_start(4, PROXY_BALANCE_STICKY);
    for (uint32_t i = 0; i < WORKERS; i++)
        worker_start(i);
    rig.servers[3].backup = true;
    for (uint32_t i = 0; i < 4; i++) // as if they had come up in that order: 2, 0, 1
        atomic_store(&backend_state_at(rig.servers[i].object)->changed_us, i == 2 ? 1 : 10 + i);
    for (uint32_t i = 0; i < 12; i++)
        assert_int_equal(pick(i % WORKERS, &full)->conf->index, 2);
    set_op(rig.board, &rig.servers[2], BACKEND_OP_STOPPED);
    for (uint32_t i = 0; i < 12; i++)
        assert_int_equal(pick(i % WORKERS, &full)->conf->index, 0);
    set_op(rig.board, &rig.servers[2], BACKEND_OP_RUNNING);
    assert_int_equal(pick(1, &full)->conf->index, 0);
    set_admin(rig.board, &rig.servers[0], BACKEND_ADMIN_DRAIN, 0);
    assert_int_equal(pick(2, &full)->conf->index, 1);
    set_op(rig.board, &rig.servers[1], BACKEND_OP_STOPPED);
    assert_int_equal(pick(0, &full)->conf->index, 2);
    assert_true(backend_state_set_weight(rig.board, &rig.servers[2], 0));
    assert_int_equal(pick(0, &full)->conf->index, 3);
    assert_true(backend_state_set_weight(rig.board, &rig.servers[2], 1));
    assert_int_equal(pick(1, &full)->conf->index, 2);
    set_op(rig.board, &rig.servers[2], BACKEND_OP_STOPPED);
    set_op(rig.board, &rig.servers[3], BACKEND_OP_STOPPED);
    assert_null(pick(1, &full));
    rig_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_sticky), cmocka_unit_test(test_leastconn),
                                        cmocka_unit_test(test_death),  cmocka_unit_test(test_rotation),
                                        cmocka_unit_test(test_nobody), cmocka_unit_test(test_cost) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
