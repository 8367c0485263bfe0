// SPDX-License-Identifier: Apache-2.0
// What is pure of the origin pool: shares of pool-min-conn, keys, and the packed level.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "backend/pool.h"

static uint32_t sum(const struct server_conf *conf, uint32_t num_workers, uint32_t *least, uint32_t *most)
{
    uint32_t total = 0;
    *least = UINT32_MAX;
    *most = 0;
    for (uint32_t slot = 0; slot < num_workers; slot++) {
        uint32_t share = backend_warm_share(conf, conf->maxconn, num_workers, slot);
        total += share;
        *least = share < *least ? share : *least;
        *most = share > *most ? share : *most;
    }
    return total;
}

// As many as was said, at least one each, never more than maxconn, and spread evenly.
static void test_shares(void **state)
{
    (void)state;
    for (uint32_t num = 0; num < 70; num++) {
        for (uint32_t workers = 1; workers < 20; workers++) {
            for (uint32_t maxconn = 0; maxconn < 40; maxconn += 3) {
                struct server_conf conf = { .pool_min_conn = num, .maxconn = maxconn };
                uint32_t least, most, want = !num ? 0 : num < workers ? workers : num;
                want = maxconn && want > maxconn ? maxconn : want;
                assert_int_equal(sum(&conf, workers, &least, &most), want);
                assert_true(most - least <= 1);
            }
        }
    }
}

static uint32_t seal(struct backend_key key)
{
    backend_key_seal(&key);
    return key.hash;
}

static void test_keys(void **state)
{
    (void)state;
    struct backend_key none = { 0 };
    struct backend_key named = { .name = SLICE("a.test") }, other = { .name = SLICE("b.test") };
    struct backend_key unnamed = { .name = slice_of("", 0) };
    struct backend_key marked = { .marks = { .mark = 1, .has_mark = true } };
    struct backend_key zero_mark = { .marks = { .has_mark = true } };
    assert_int_equal(seal(none), 0);
    assert_int_not_equal(seal(unnamed), 0);
    assert_int_not_equal(seal(named), 0);
    assert_int_not_equal(seal(named), seal(other));
    assert_int_equal(seal(named), seal(named));
    assert_int_not_equal(seal(marked), 0);
    assert_int_not_equal(seal(zero_mark), 0);
}

static void test_level(void **state)
{
    (void)state;
    uint64_t level = backend_pool_level(3, 2, 7) + backend_pool_level(100000, 5, 900000);
    assert_int_equal(backend_level_spare(level), 100003);
    assert_int_equal(backend_level_safe(level), 7);
    assert_int_equal(backend_level_peak(level), 900007);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
