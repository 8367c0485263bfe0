// SPDX-License-Identifier: Apache-2.0
// The order of roundrobin, against the plain definition of it, which takes time in the square of the servers.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "backend/rotation.h"
#include "base/check.h"

enum { MAX_SERVERS = 10000 };

struct plain {
    uint32_t weight, placed, first, last;
};

static uint64_t due(const struct plain *it, uint32_t total)
{
    return it->first + (uint64_t)it->placed * total / it->weight;
}

// How far the place it is due at lies before its exact time, compared between servers as the weight less that.
static int64_t slack(const struct plain *it, uint32_t total)
{
    return (int64_t)it->weight - (int64_t)((uint64_t)it->placed * total % it->weight);
}

static bool is_sooner(const struct plain *a, const struct plain *b, uint32_t total)
{
    if (due(a, total) != due(b, total))
        return due(a, total) < due(b, total);
    return slack(a, total) != slack(b, total) ? slack(a, total) > slack(b, total) : a->last < b->last;
}

static uint32_t plain_choose(const struct plain *all, uint32_t num, uint32_t total, uint32_t place)
{
    uint32_t best = UINT32_MAX, fresh = UINT32_MAX;
    for (uint32_t i = 0; i < num; i++) {
        const struct plain *it = &all[i];
        if (!it->weight)
            continue;
        if (!it->placed)
            fresh = fresh == UINT32_MAX || it->weight > all[fresh].weight ? i : fresh;
        else if (best == UINT32_MAX || is_sooner(it, &all[best], total))
            best = i;
    }
    return best != UINT32_MAX && (fresh == UINT32_MAX || due(&all[best], total) <= place) ? best : fresh;
}

static uint32_t draw(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)*seed * below) >> 32);
}

static void test_definition(void **state)
{
    (void)state;
    static const uint32_t ranges[] = { 1, 2, 4, 12, 257 };
    uint32_t seed = 5;
    for (uint32_t round = 0; round < 400; round++) {
        uint32_t weights[24], num = 1 + draw(&seed, NUM_ITEMS(weights)), len;
        for (uint32_t i = 0; i < num; i++)
            weights[i] = draw(&seed, ranges[round % NUM_ITEMS(ranges)]) + (round % 3 == 0);
        uint32_t reduced_weights[NUM_ITEMS(weights)];
        len = (uint32_t)backend_weights_reduce(reduced_weights, weights, num);
        uint16_t *order = backend_rotation_new(reduced_weights, num, len);
        struct plain all[NUM_ITEMS(weights)] = { 0 };
        uint32_t divisor = 0;
        for (uint32_t i = 0; i < num; i++)
            for (uint32_t a = weights[i], rest; a;) {
                rest = divisor % a;
                divisor = a;
                a = rest;
            }
        uint32_t total = 0;
        for (uint32_t i = 0; i < num && divisor; i++) {
            all[i].weight = weights[i] / divisor;
            total += all[i].weight;
        }
        assert_int_equal(len, total);
        for (uint32_t place = 0; place < total; place++) {
            uint32_t at = plain_choose(all, num, total, place);
            if (!all[at].placed++)
                all[at].first = place;
            all[at].last = place;
            assert_int_equal(order[place], at);
        }
        free(order);
    }
}

// Sequences taken from HAProxy 2.6: what comes of remainders, and of two that are equal in all but their last turn.
static void test_observed(void **state)
{
    (void)state;
    static const struct {
        uint32_t weights[4];
        const char *order;
    } seen[] = {
        { { 3, 1, 2 }, "131213" },
        { { 3, 3, 5 }, "31323132132" },
        { { 5, 3, 1 }, "112132112" },
        { { 9, 4, 3, 4 }, "12141321411231412143" },
        { { 6, 5, 9, 2 }, "3132134321323131234132" },
        { { 2, 2, 3, 3 }, "3413423143" },
    };
    for (uint32_t i = 0; i < NUM_ITEMS(seen); i++) {
        uint32_t weights[4], len = (uint32_t)backend_weights_reduce(weights, seen[i].weights, 4);
        assert_int_equal(len, strlen(seen[i].order));
        uint16_t *order = backend_rotation_new(weights, 4, len);
        for (uint32_t place = 0; place < len; place++)
            assert_int_equal('1' + order[place], seen[i].order[place]);
        free(order);
    }
}

// As many servers as a backend may have in earnest: done in a moment, each as often as its weight says.
static void test_many(void **state)
{
    (void)state;
    static uint32_t weights[MAX_SERVERS], seen[MAX_SERVERS];
    uint32_t len, total = 0;
    for (uint32_t i = 0; i < MAX_SERVERS; i++)
        total += weights[i] = i % 256 + 1;
    static uint32_t reduced_weights[MAX_SERVERS];
    len = (uint32_t)backend_weights_reduce(reduced_weights, weights, MAX_SERVERS);
    uint16_t *order = backend_rotation_new(reduced_weights, MAX_SERVERS, len);
    assert_int_equal(len, total);
    for (uint32_t i = 0; i < len; i++)
        seen[order[i]]++;
    assert_memory_equal(seen, weights, sizeof(seen));
    free(order);
    memset(weights, 0, sizeof(weights));
    assert_int_equal(backend_weights_reduce(reduced_weights, weights, MAX_SERVERS), 0);
    assert_null(backend_rotation_new(reduced_weights, MAX_SERVERS, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_definition), cmocka_unit_test(test_observed),
                                        cmocka_unit_test(test_many) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
