// SPDX-License-Identifier: Apache-2.0
// The map of map-based hashes: against what HAProxy 2.6 was seen to do, and against the plain rule, which asks every
// server at every place.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "backend/rotation.h"
#include "base/check.h"

enum { MAX_SERVERS = 5000 };

static void expect(const char *places, const uint32_t *weights, uint32_t num)
{
    uint32_t reduced[16];
    uint32_t total = (uint32_t)backend_weights_reduce(reduced, weights, num);
    uint16_t *map = backend_map_new(reduced, num, total);
    assert_int_equal(strlen(places), total);
    for (uint32_t i = 0; i < total; i++)
        assert_int_equal(places[i] - '1', map[i]);
    free(map);
}

static void test_observed(void **state)
{
    (void)state;
    expect("123", (uint32_t[]){ 1, 1, 1 }, 3);
    expect("113123", (uint32_t[]){ 3, 1, 2 }, 3);
    expect("1232331232334", (uint32_t[]){ 10, 20, 30, 5 }, 4);
    expect("121223", (uint32_t[]){ 4, 6, 2 }, 3);
    expect("133", (uint32_t[]){ 1, 0, 2 }, 3);
    expect("1", (uint32_t[]){ 5 }, 1);
}

static uint32_t plain_choose(int64_t *credits, const uint32_t *weights, uint32_t num, int64_t total)
{
    uint32_t best = num;
    int64_t best_times = 0;
    for (uint32_t i = 0; i < num; i++) {
        if (!weights[i])
            continue;
        credits[i] += weights[i];
        int64_t times = (credits[i] + total) / total;
        if (best == num || times > best_times) {
            best = i;
            best_times = times;
        }
    }
    credits[best] -= total;
    return best;
}

static uint32_t draw(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)*seed * below) >> 32);
}

static void test_rule(void **state)
{
    (void)state;
    static const uint32_t ranges[] = { 1, 2, 4, 12, 60, 257 };
    uint32_t seed = 7;
    for (uint32_t round = 0; round < 600; round++) {
        uint32_t weights[40], reduced[NUM_ITEMS(weights)], num = 1 + draw(&seed, NUM_ITEMS(weights));
        int64_t credits[NUM_ITEMS(weights)] = { 0 };
        for (uint32_t i = 0; i < num; i++)
            weights[i] = draw(&seed, ranges[round % NUM_ITEMS(ranges)] + 1);
        uint32_t total = (uint32_t)backend_weights_reduce(reduced, weights, num);
        uint16_t *map = backend_map_new(reduced, num, total);
        for (uint32_t place = 0; place < total; place++)
            assert_int_equal(map[place], plain_choose(credits, reduced, num, total));
        free(map);
    }
}

// Made in a moment, each server as often as its weight says.
static void test_many(void **state)
{
    (void)state;
    static uint32_t weights[MAX_SERVERS], reduced[MAX_SERVERS], seen[MAX_SERVERS];
    for (uint32_t i = 0; i < MAX_SERVERS; i++)
        weights[i] = i % 256 + 1;
    uint32_t total = (uint32_t)backend_weights_reduce(reduced, weights, MAX_SERVERS);
    uint16_t *map = backend_map_new(reduced, MAX_SERVERS, total);
    for (uint32_t i = 0; i < total; i++)
        seen[map[i]]++;
    assert_memory_equal(seen, weights, sizeof(seen));
    free(map);
    assert_null(backend_map_new(reduced, MAX_SERVERS, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_observed), cmocka_unit_test(test_rule),
                                        cmocka_unit_test(test_many) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
