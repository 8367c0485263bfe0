// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/slice.h"
#include "base/text.h"

static void test_pool_lends_and_keeps(void **state)
{
    (void)state;
    struct buf_pool pool;
    struct buf bufs[5] = { 0 };
    buf_pool_init(&pool, 64, 3);
    for (int i = 0; i < 5; i++)
        assert_true(buf_reserve(&bufs[i], &pool));
    assert_int_equal(pool.num_lent, 5);
    for (int i = 0; i < 5; i++)
        buf_release(&bufs[i], &pool);
    assert_int_equal(pool.num_lent, 0);
    assert_int_equal(pool.unused.num, 3);
    buf_release(&bufs[0], &pool);
    buf_pool_fini(&pool);
}

static void expect_text(struct text *text, const char *expected)
{
    assert_string_equal(text->ptr, expected);
    text_consume(text, text->len);
}

static void test_text_numbers(void **state)
{
    (void)state;
    static const uint64_t numbers[] = { 0,         1,          9,          10,
                                        11,        99,         100,        101,
                                        999,       1000,       12345,      99999999,
                                        100000,    UINT32_MAX, 1ull << 63, UINT64_MAX - 1,
                                        UINT64_MAX };
    struct text text;
    char expected[64];
    text_init(&text);
    for (size_t i = 0; i < NUM_ITEMS(numbers); i++) {
        unsigned long long number = numbers[i];
        text_add_number(&text, number);
        snprintf(expected, sizeof(expected), "%llu", number);
        expect_text(&text, expected);
        text_add_fraction(&text, number, 6);
        snprintf(expected, sizeof(expected), "%llu.%06llu", number / 1000000, number % 1000000);
        expect_text(&text, expected);
        text_add_fraction(&text, number, 1);
        snprintf(expected, sizeof(expected), "%llu.%llu", number / 10, number % 10);
        expect_text(&text, expected);
    }
    text_add_str(&text, "");
    text_add_str(&text, "one");
    text_add_fraction(&text, 5, 4);
    expect_text(&text, "one0.0005");
    text_fini(&text);
    // What does not fit is written all the same, wherever the room ends.
    for (int len = 0; len < 600; len++) {
        text_init(&text);
        text_printf(&text, "%*s", len, "");
        text_printf(&text, "%s", "abcdef");
        assert_int_equal(text.len, (size_t)len + 6);
        assert_string_equal(text.ptr + len, "abcdef");
        text_fini(&text);
    }
}

static void test_shelf_rests(void **state)
{
    (void)state;
    enum { LEN = 3 * 4096 + 100, NUM = 200 };
    struct shelf shelf;
    char *items[NUM];
    shelf_init(&shelf, LEN, NUM - 1);
    assert_null(shelf_take(&shelf));
    for (int i = 0; i < NUM; i++) {
        items[i] = shelf_new(&shelf);
        assert_non_null(items[i]);
        memset(items[i], 'x', LEN);
        assert_int_equal(shelf_put(&shelf, items[i]), i < NUM - 1);
    }
    free(items[NUM - 1]);
    // What was put there a moment ago was wanted.
    shelf_rest(&shelf);
    assert_int_equal(items[0][0], 'x');
    // From now on nobody wants any, but for ten.
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 10; i++)
            assert_ptr_equal(shelf_take(&shelf), items[NUM - 2 - i]);
        for (int i = 9; i >= 0; i--)
            assert_true(shelf_put(&shelf, items[NUM - 2 - i]));
        shelf_rest(&shelf);
    }
    assert_int_equal(items[0][0], 0);
    assert_int_equal(items[0][2 * 4096], 0);
    assert_int_equal(items[150][4095], 0);
    for (int i = NUM - 2; i > NUM - 12; i--)
        assert_int_equal(items[i][4096], 'x');
    // They are used again, and their memory with them.
    for (int i = NUM - 2; i >= 0; i--) {
        assert_ptr_equal(shelf_take(&shelf), items[i]);
        memset(items[i], 'y', LEN);
    }
    assert_null(shelf_take(&shelf));
    for (int i = 0; i < NUM - 1; i++)
        assert_true(shelf_put(&shelf, items[i]));
    shelf_rest(&shelf);
    assert_int_equal(items[0][0], 'y');
    shelf_fini(&shelf);
}

static void test_buf_moves_bytes(void **state)
{
    (void)state;
    struct buf_pool pool;
    struct buf buf = { 0 };
    buf_pool_init(&pool, 16, 1);
    assert_true(buf_reserve(&buf, &pool));
    memcpy(buf_end(&buf), "0123456789abcdef", 16);
    buf_added(&buf, 16);
    assert_int_equal(buf_room(&buf), 0);
    buf_consume(&buf, 10);
    assert_int_equal(buf_room(&buf), 0);
    buf_compact(&buf);
    assert_int_equal(buf_room(&buf), 10);
    assert_memory_equal(buf_data(&buf), "abcdef", 6);
    buf_release_if_empty(&buf, &pool);
    assert_non_null(buf.mem);
    buf_consume(&buf, 6);
    assert_int_equal(buf_room(&buf), 16);
    buf_release_if_empty(&buf, &pool);
    assert_null(buf.mem);
    buf_pool_fini(&pool);
}

static void test_list(void **state)
{
    (void)state;
    struct item {
        struct list link;
        int number;
    };
    struct list list;
    list_init(&list);
    for (int i = 0; i < 6; i++) {
        struct item *item = calloc(1, sizeof(*item));
        item->number = i;
        (i % 2 ? list_append : list_prepend)(&list, &item->link);
    }
    static const int order[] = { 4, 2, 0, 1, 3, 5 };
    int at = 0;
    LIST_EACH(item, &list, struct item, link)
    {
        assert_int_equal(item->number, order[at++]);
        list_remove(&item->link);
        list_remove(&item->link);
        free(item);
    }
    assert_int_equal(at, 6);
    assert_true(list_is_empty(&list));
}

static void test_slices(void **state)
{
    (void)state;
    uint64_t value;
    assert_true(slice_to_u64(SLICE("18446744073709551615"), &value));
    assert_true(value == UINT64_MAX);
    assert_false(slice_to_u64(SLICE("18446744073709551616"), &value));
    assert_false(slice_to_u64(SLICE(""), &value));
    assert_false(slice_to_u64(SLICE("+1"), &value));
    assert_false(slice_to_u64(SLICE("1 "), &value));
    int64_t num;
    assert_true(slice_to_i64(SLICE("-9223372036854775808"), &num) && num == INT64_MIN);
    assert_true(slice_to_i64(SLICE("+9223372036854775807"), &num) && num == INT64_MAX);
    assert_false(slice_to_i64(SLICE("9223372036854775808"), &num) || slice_to_i64(SLICE("-"), &num));
    assert_false(slice_to_i64(SLICE("--1"), &num) || slice_to_i64(SLICE(""), &num));
    assert_true(slice_hex_digit('9') == 9 && slice_hex_digit('F') == 15 && slice_hex_digit('a') == 10);
    assert_true(slice_hex_digit('g') < 0 && slice_hex_digit('/') < 0 && slice_hex_digit('\0') < 0);
    assert_true(slice_equal_nocase(SLICE("Content-LENGTH"), SLICE("content-length")));
    assert_false(slice_equal_nocase(SLICE("a@"), SLICE("a`")));
    assert_true(slice_equal(slice_trim(SLICE(" \t a b\t ")), SLICE("a b")));
    assert_int_equal(slice_trim(SLICE(" \t")).len, 0);
    assert_int_equal(slice_find(SLICE("abc"), 'z'), 3);
    assert_int_equal(slice_find((struct slice){ 0 }, 'z'), 0);
    assert_int_equal(slice_from(SLICE("abc"), 9).len, 0);
    assert_true(slice_ends(SLICE("abc"), SLICE("bc")));
    assert_false(slice_begins(SLICE("ab"), SLICE("abc")));
}

static void test_arena_and_text(void **state)
{
    (void)state;
    struct arena arena;
    struct text text;
    arena_init(&arena);
    for (size_t len = 1; len < 200000; len = len * 3 + 1) {
        char *mem = arena_alloc(&arena, len);
        assert_int_equal((uintptr_t)mem % 16, 0);
        for (size_t i = 0; i < len; i++)
            assert_int_equal(mem[i], 0);
        memset(mem, 0xff, len);
    }
    assert_string_equal(arena_printf(&arena, "%s-%d", "x", 7), "x-7");
    assert_null(arena_str(&arena, NULL));
    arena_fini(&arena);
    text_init(&text);
    for (int i = 0; i < 1000; i++)
        text_printf(&text, "%d,", i);
    assert_int_equal(text.len, 3890);
    text_consume(&text, 3886);
    assert_string_equal(text.ptr, "999,");
    text_fini(&text);
}

static void utf8(void **state)
{
    (void)state;
    static const struct slice good[] = { SLICE("a"),
                                         SLICE("\xc2\x80"),
                                         SLICE("\xe0\xa0\x80"),
                                         SLICE("\xed\x9f\xbf"),
                                         SLICE("\xf0\x90\x80\x80"),
                                         SLICE("\xf4\x8f\xbf\xbf") };
    // A lone tail, overlong ones, a surrogate, one beyond the last, cut ones.
    static const struct slice bad[] = { SLICE("\x80"),
                                        SLICE("\xc0\x80"),
                                        SLICE("\xc1\xbf"),
                                        SLICE("\xe0\x9f\xbf"),
                                        SLICE("\xf0\x8f\xbf\xbf"),
                                        SLICE("\xed\xa0\x80"),
                                        SLICE("\xf4\x90\x80\x80"),
                                        SLICE("\xf5\x80\x80\x80"),
                                        SLICE("\xe2\x82"),
                                        SLICE("\xc3("),
                                        SLICE("\xff") };
    for (size_t i = 0; i < NUM_ITEMS(good); i++)
        assert_int_equal(slice_utf8_len(good[i]), good[i].len);
    for (size_t i = 0; i < NUM_ITEMS(bad); i++)
        assert_int_equal(slice_utf8_len(bad[i]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool_lends_and_keeps),
        cmocka_unit_test(utf8),
        cmocka_unit_test(test_text_numbers),
        cmocka_unit_test(test_shelf_rests),
        cmocka_unit_test(test_buf_moves_bytes),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_slices),
        cmocka_unit_test(test_arena_and_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
