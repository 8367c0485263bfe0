// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "board/board.h"
#include "proxy/histogram.h"

static uint32_t bucket_of(uint64_t us)
{
    uint32_t bucket = 0;
    while (bucket < PROXY_HIST_BOUNDS && us > proxy_histogram_bounds[bucket])
        bucket++;
    return bucket;
}

// Every bound, what stands beside it, and every power of two.
static void test_buckets(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PROXY_HIST_BOUNDS; i++)
        for (int off = -2; off <= 2; off++) {
            uint64_t us = (uint64_t)((int64_t)proxy_histogram_bounds[i] + off);
            assert_int_equal(proxy_histogram_bucket(us), bucket_of(us));
        }
    for (unsigned bit = 0; bit < 64; bit++)
        for (int off = -1; off <= 1; off++) {
            uint64_t us = (UINT64_C(1) << bit) + (uint64_t)(int64_t)off;
            assert_int_equal(proxy_histogram_bucket(us), bucket_of(us));
        }
    assert_int_equal(proxy_histogram_bucket(0), 0);
    assert_int_equal(proxy_histogram_bucket(UINT64_MAX), PROXY_HIST_BOUNDS);
}

// Two processes count, one of them ends: nothing is lost, and clearing begins anew.
static void test_sums(void **state)
{
    struct board *board = board_new();
    struct proxy_histogram_sums sums;
    (void)state;
    assert_non_null(board);
    uint32_t a = board_incarnation_take(board, BOARD_ROLE_WORKER, 0, 1);
    uint32_t b = board_incarnation_take(board, BOARD_ROLE_WORKER, 1, 1);
    uint32_t object = board_object(board, "b/x");
    proxy_histogram_count(board_counters(board, a, object), PROXY_HIST_QUEUE, 700);
    proxy_histogram_count(board_counters(board, b, object), PROXY_HIST_QUEUE, 20000000);
    board_counter_count(&board_counters(board, b, object)[PROXY_HIST_AT_ONCE], 3);
    // One that came whole has the same time twice, and waited for nothing.
    proxy_histogram_add(&board_counters(board, a, object)[PROXY_HIST_WHOLE], proxy_histogram_bucket(3000), 3000);
    for (int i = 0; i < 2; i++) {
        for (int which = PROXY_HIST_RESPONSE; which <= PROXY_HIST_TOTAL; which++) {
            proxy_histogram_sum(board, &sums, object, (enum proxy_histogram)which);
            assert_int_equal(sums.count, 1);
            assert_int_equal(sums.buckets[proxy_histogram_bucket(3000)], 1);
            assert_int_equal(sums.sum_us, 3000);
        }
        proxy_histogram_sum(board, &sums, object, PROXY_HIST_TLS);
        assert_int_equal(sums.count, 0);
        proxy_histogram_sum(board, &sums, object, PROXY_HIST_QUEUE);
        assert_int_equal(sums.count, 6);
        assert_int_equal(sums.buckets[0], 4);
        assert_int_equal(sums.buckets[1], 1);
        assert_int_equal(sums.buckets[PROXY_HIST_BOUNDS], 1);
        assert_int_equal(sums.sum_us, 20000700);
        if (!i)
            board_incarnation_dead(board, b);
    }
    board_counters_clear(board, object, 0, BOARD_LEVELS);
    proxy_histogram_sum(board, &sums, object, PROXY_HIST_QUEUE);
    assert_int_equal(sums.count, 0);
    assert_int_equal(sums.sum_us, 0);
    board_free(board);
}

// The first ones count as what they are, the last 1,024 outweigh what was before, and zero is reached again.
static void test_average(void **state)
{
    _Atomic uint64_t gauge = 0;
    (void)state;
    assert_int_equal(proxy_average_us(&gauge, 0), 0);
    proxy_average_add(&gauge, 206000);
    assert_in_range(proxy_average_us(&gauge, 1), 205990, 206010);
    proxy_average_add_none(&gauge);
    assert_in_range(proxy_average_us(&gauge, 2), 102800, 103100);
    for (int i = 0; i < 20000; i++)
        proxy_average_add(&gauge, 5000);
    assert_in_range(proxy_average_us(&gauge, 20002), 4990, 5001);
    for (int i = 0; i < 40000; i++)
        proxy_average_add_none(&gauge);
    assert_int_equal(proxy_average_us(&gauge, 60002), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buckets),
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_average),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
