// SPDX-License-Identifier: Apache-2.0
// The ring of consistent hashing, and rotations too long to be written out: each server gets its share by weight, and
// when one comes or goes only its own keys move.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "backend/balance.h"
#include "base/check.h"
#include "base/hash.h"

enum { MAX_SERVERS = 4000, NUM_KEYS = 100000 };

static struct server_conf confs[MAX_SERVERS];
static struct server servers[MAX_SERVERS];
static struct server *at[MAX_SERVERS];
static struct backend backend = { .servers = at };
static uint32_t members[MAX_SERVERS], weights[MAX_SERVERS];

// A plan of the first `num` servers, server i with the weight `weights[i]`, 0 for none.
static struct backend_plan plan_of(uint32_t num)
{
    struct backend_plan plan = { .members = members, .weights = weights };
    backend.num_servers = num;
    for (uint32_t i = 0; i < num; i++) {
        servers[i].conf = &confs[i];
        servers[i].backend = &backend;
        at[i] = &servers[i];
        confs[i].index = i;
        confs[i].id = confs[i].id ? confs[i].id : i + 1;
        if (weights[i])
            members[plan.num++] = i;
        plan.total += weights[i];
    }
    return plan;
}

static uint32_t server_of(const struct backend_plan *plan, uint32_t key)
{
    return plan->ring[backend_ring_find(plan, hash_avalanche(key))].server;
}

static void forget(void)
{
    memset(confs, 0, sizeof(confs));
    memset(weights, 0, sizeof(weights));
}

// Of the nodes of all servers the nearest one: by asking all.
static void test_nearest(void **state)
{
    (void)state;
    forget();
    for (uint32_t i = 0; i < 7; i++) {
        weights[i] = 16 * (i + 1);
        confs[i].id = 100 + i * 13;
    }
    struct backend_plan plan = plan_of(7);
    backend_plan_ring(&plan, &backend);
    assert_int_equal(plan.num_places, 16 * 28);
    for (uint32_t key = 0; key < 2000; key++) {
        uint32_t hash = hash_avalanche(key), best = UINT32_MAX, best_server = 0;
        for (uint32_t i = 0; i < 7; i++)
            for (uint32_t place = 0; place < weights[i]; place++) {
                uint32_t node = hash_avalanche(confs[i].id * 4096 + place);
                uint32_t before = hash - node, behind = node - hash;
                uint32_t distance = before < behind ? before : behind;
                if (distance < best) {
                    best = distance;
                    best_server = i;
                }
            }
        assert_int_equal(server_of(&plan, key), best_server);
    }
    // Nodes themselves, and the seam.
    for (uint32_t i = 0; i < plan.num_places; i++)
        assert_int_equal(backend_ring_find(&plan, plan.ring[i].key), i);
    uint32_t seam = backend_ring_find(&plan, 0);
    assert_true(seam == 0 || seam == plan.num_places - 1);
    seam = backend_ring_find(&plan, UINT32_MAX);
    assert_true(seam == 0 || seam == plan.num_places - 1);
    backend_plan_ring_free(&plan);
}

// One server of 20 goes: its keys spread over the others, all other keys stay. The same when a weight shrinks.
static void test_least_movement(void **state)
{
    (void)state;
    static uint16_t before[NUM_KEYS];
    forget();
    for (uint32_t i = 0; i < 20; i++)
        weights[i] = 160;
    struct backend_plan plan = plan_of(20);
    backend_plan_ring(&plan, &backend);
    for (uint32_t key = 0; key < NUM_KEYS; key++)
        before[key] = (uint16_t)server_of(&plan, key);
    backend_plan_ring_free(&plan);
    for (uint32_t weight = 0; weight <= 80; weight += 80) {
        uint32_t moved = 0, heirs[20] = { 0 };
        weights[7] = weight;
        plan = plan_of(20);
        backend_plan_ring(&plan, &backend);
        for (uint32_t key = 0; key < NUM_KEYS; key++) {
            uint32_t now = server_of(&plan, key);
            if (now == before[key])
                continue;
            assert_int_equal(before[key], 7);
            moved++;
            heirs[now]++;
        }
        assert_in_range(moved, (160 - weight) * NUM_KEYS / 160 / 25, (160 - weight) * NUM_KEYS / 160 / 15);
        for (uint32_t i = 0; i < 20; i++)
            assert_true(i == 7 ? !heirs[i] : heirs[i] > 0);
        backend_plan_ring_free(&plan);
    }
}

// A ring that follows changes of weights one by one is the ring that is made of the last weights at once.
static void test_changes(void **state)
{
    (void)state;
    forget();
    struct backend_plan changed = plan_of(30);
    uint32_t seed = 11;
    for (uint32_t round = 0; round < 200; round++) {
        for (uint32_t i = 0; i <= round % 3; i++) {
            seed = seed * 1664525u + 1013904223u;
            weights[(seed >> 8) % 30] = round % 50 == 49 || seed >> 30 == 0 ? 0 : seed >> 24;
        }
        if (round % 50 == 48)
            memset(weights, 0, sizeof(weights));
        struct backend_plan plan = plan_of(30);
        changed.num = plan.num;
        changed.total = plan.total;
        backend_plan_ring(&plan, &backend);
        backend_plan_ring(&changed, &backend);
        assert_int_equal(changed.num_places, plan.num_places);
        if (plan.ring)
            assert_memory_equal(changed.ring, plan.ring, plan.num_places * sizeof(*plan.ring));
        else
            assert_null(changed.ring);
        backend_plan_ring_free(&plan);
    }
    backend_plan_ring_free(&changed);
}

static void test_shares(void **state)
{
    (void)state;
    uint32_t seen[4] = { 0 };
    forget();
    for (uint32_t i = 0; i < 4; i++)
        weights[i] = 16 * 50 * (i + 1);
    struct backend_plan plan = plan_of(4);
    backend_plan_ring(&plan, &backend);
    for (uint32_t key = 0; key < NUM_KEYS; key++)
        seen[server_of(&plan, key)]++;
    for (uint32_t i = 0; i < 4; i++)
        assert_in_range(seen[i], NUM_KEYS * (i + 1) / 10 * 85 / 100, NUM_KEYS * (i + 1) / 10 * 115 / 100);
    backend_plan_ring_free(&plan);
}

// Places by address do not depend on ids, nor, without the port, on ports.
static void test_keys_by_address(void **state)
{
    (void)state;
    static uint16_t before[3][NUM_KEYS / 100];
    static const uint8_t kinds[] = { PROXY_HASH_KEY_ID, PROXY_HASH_KEY_ADDR, PROXY_HASH_KEY_ADDR_PORT };
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t kind = 0; kind < NUM_ITEMS(kinds); kind++) {
            forget();
            for (uint32_t i = 0; i < 10; i++) {
                weights[i] = 16;
                confs[i].hash_key = kinds[kind];
                confs[i].id = round == 1 ? 500 + i : 0;
                confs[i].addr = (struct transport_address){ .family = AF_INET, .ip = { 192, 0, 2, (uint8_t)i } };
                confs[i].addr.port = round == 2 ? 81 : 80;
            }
            struct backend_plan plan = plan_of(10);
            backend_plan_ring(&plan, &backend);
            uint32_t moved = 0;
            for (uint32_t key = 0; key < NUM_KEYS / 100; key++) {
                uint16_t now = (uint16_t)server_of(&plan, key);
                moved += round && now != before[kind][key];
                before[kind][key] = round ? before[kind][key] : now;
            }
            bool moves = (round == 1 && kinds[kind] == PROXY_HASH_KEY_ID) ||
                         (round == 2 && kinds[kind] == PROXY_HASH_KEY_ADDR_PORT);
            assert_true(moves ? moved > NUM_KEYS / 100 / 2 : moved == 0);
            backend_plan_ring_free(&plan);
        }
    }
}

// Thousands of heavy servers of many weights: no order is written out, and in one round each has its exact share, its
// turns never much further apart than they would be if they were spread evenly.
static void test_strides(void **state)
{
    (void)state;
    static uint32_t seen[MAX_SERVERS];
    static uint64_t last[MAX_SERVERS];
    forget();
    for (uint32_t i = 0; i < MAX_SERVERS; i++)
        weights[i] = i % 7 == 3 ? 0 : 16 * (i % 256 + 1) - (i == 8);
    struct backend_plan plan = plan_of(MAX_SERVERS);
    backend_plan_order(&plan, MAX_SERVERS);
    assert_null(plan.order);
    assert_int_equal(plan.num_places, plan.total);
    for (uint64_t place = 0; place < plan.num_places; place++) {
        uint32_t server = backend_plan_at(&plan, place);
        if (seen[server]++)
            assert_true(place - last[server] <= 3 * (plan.num_places / weights[server] + 1));
        last[server] = place;
    }
    assert_memory_equal(seen, weights, sizeof(seen));
    free(plan.ends);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_nearest),         cmocka_unit_test(test_least_movement),
                                        cmocka_unit_test(test_changes),         cmocka_unit_test(test_shares),
                                        cmocka_unit_test(test_keys_by_address), cmocka_unit_test(test_strides) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
