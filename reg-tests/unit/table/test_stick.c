// SPDX-License-Identifier: Apache-2.0
// A stick table seen by one process: keys, entries, values, order, time, holds.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "board/board.h"
#include "table/stick.h"

static struct board *board;
static uint32_t self;

static int set_up(void **state)
{
    (void)state;
    board = board_new();
    assert_non_null(board);
    self = board_incarnation_take(board, BOARD_ROLE_WORKER, 0, 1);
    assert_true(board_incarnation_enter(board, self));
    return 0;
}

static void conf_init(struct stick_table_conf *conf, const char *name, uint8_t type, uint32_t key_len, uint32_t size)
{
    *conf =
        (struct stick_table_conf){ .name = name, .type = type, .key_len = key_len, .size = size, .brates_factor = 1 };
    conf->data[STICK_GPC0].stored = true;
    conf->data[STICK_GPC0].num = 1;
    conf->data[STICK_CONN_CUR].stored = true;
    conf->data[STICK_CONN_CUR].num = 1;
    conf->data[STICK_GPC_RATE].stored = true;
    conf->data[STICK_GPC_RATE].num = 3;
    conf->data[STICK_GPC_RATE].period_us = 10000000;
    conf->data[STICK_SERVER_KEY].stored = true;
    conf->data[STICK_SERVER_KEY].num = 1;
}

static struct slice int_key(uint32_t *num)
{
    return slice_of((const char *)num, sizeof(*num));
}

static bool is_there(struct stick_table *table, uint32_t num)
{
    struct stick_entry *entry = stick_find1(table, int_key(&num));
    stick_put(table, entry);
    return entry != NULL;
}

static struct stick_entry *make(struct stick_table *table, uint32_t num)
{
    return stick_make1(table, int_key(&num));
}

static void test_values(void **state)
{
    (void)state;
    static struct stick_table_conf conf;
    conf_init(&conf, "values", STICK_INTEGER, 4, 10);
    assert_true(stick_table_prepare(&conf, board));
    struct stick_table *table = conf.table;
    assert_false(is_there(table, 7));
    struct stick_entry *entry = make(table, 7);
    assert_non_null(entry);
    assert_true(is_there(table, 7));
    assert_int_equal(stick_num_entries(table), 1);
    assert_int_equal(stick_add(table, entry, STICK_GPC0, 0, 5), 5);
    assert_int_equal(stick_read(table, entry, STICK_GPC0, 0), 5);
    stick_set(table, entry, STICK_GPC0, 0, UINT32_MAX);
    assert_int_equal(stick_add(table, entry, STICK_GPC0, 0, 2), 1);
    assert_int_equal(stick_add(table, entry, STICK_GPC1, 0, 2), 0);
    assert_int_equal(stick_read(table, entry, STICK_GPC1, 0), 0);
    for (int i = 0; i < 4; i++)
        stick_add(table, entry, STICK_GPC_RATE, 2, 1);
    assert_int_equal(stick_read(table, entry, STICK_GPC_RATE, 2), 4);
    assert_int_equal(stick_read(table, entry, STICK_GPC_RATE, 1), 0);
    assert_int_equal(stick_add(table, entry, STICK_GPC_RATE, 3, 1), 0);
    assert_int_equal(stick_server_key(table, entry).len, 0);
    stick_set_server_key(table, entry, SLICE("web1"));
    assert_true(slice_equal(stick_server_key(table, entry), SLICE("web1")));
    stick_put(table, entry);
}

static void test_oldest_goes(void **state)
{
    (void)state;
    static struct stick_table_conf conf;
    conf_init(&conf, "oldest", STICK_INTEGER, 4, 3);
    assert_true(stick_table_prepare(&conf, board));
    struct stick_table *table = conf.table;
    for (uint32_t i = 1; i <= 3; i++) {
        stick_put(table, make(table, i));
        usleep(10000);
    }
    struct stick_entry *entry = make(table, 1);
    stick_touch(table, entry);
    stick_put(table, entry);
    stick_put(table, make(table, 4));
    assert_int_equal(stick_num_entries(table), 3);
    assert_true(is_there(table, 1) && !is_there(table, 2) && is_there(table, 3) && is_there(table, 4));
    // What somebody holds stays.
    uint32_t holds[3];
    uint32_t held[] = { 1, 3, 4 };
    for (int i = 0; i < 3; i++)
        assert_int_not_equal(holds[i] = stick_hold1(table, make(table, held[i]), i == 0), 0);
    assert_null(make(table, 5));
    entry = make(table, 1);
    assert_int_equal(stick_read(table, entry, STICK_CONN_CUR, 0), 1);
    assert_int_equal(stick_num_holders(entry), 1);
    stick_set(table, entry, STICK_CONN_CUR, 0, 10);
    assert_int_equal(stick_read(table, entry, STICK_CONN_CUR, 0), 10);
    stick_unhold(holds[0]);
    assert_int_equal(stick_read(table, entry, STICK_CONN_CUR, 0), 9);
    assert_int_equal(stick_num_holders(entry), 0);
    assert_null(make(table, 5)); // still ours for this turn
    stick_put(table, entry);
    entry = make(table, 5);
    assert_non_null(entry);
    assert_int_equal(stick_read(table, entry, STICK_CONN_CUR, 0), 0);
    stick_put(table, entry);
    assert_false(is_there(table, 1));
    stick_unhold(holds[1]);
    stick_unhold(holds[2]);
}

static void test_nopurge_and_time(void **state)
{
    (void)state;
    static struct stick_table_conf conf;
    conf_init(&conf, "time", STICK_INTEGER, 4, 2);
    conf.nopurge = true;
    conf.expire_us = 400000;
    assert_true(stick_table_prepare(&conf, board));
    struct stick_table *table = conf.table;
    stick_put(table, make(table, 1));
    struct stick_entry *entry = make(table, 2);
    assert_non_null(entry);
    stick_add(table, entry, STICK_GPC0, 0, 3);
    stick_put(table, entry);
    assert_null(make(table, 3));
    usleep(450000);
    assert_false(is_there(table, 1));
    entry = make(table, 2);
    assert_int_equal(stick_read(table, entry, STICK_GPC0, 0), 0);
    stick_put(table, entry);
    entry = make(table, 3);
    assert_non_null(entry);
    stick_put(table, entry);
    usleep(450000);
    stick_turn(board);
    assert_int_equal(stick_num_entries(table), 0);
}

static void test_many(void **state)
{
    (void)state;
    static struct stick_table_conf conf;
    enum { SIZE = 20000 };
    conf_init(&conf, "many", STICK_INTEGER, 4, SIZE);
    assert_true(stick_table_prepare(&conf, board));
    struct stick_table *table = conf.table;
    for (uint32_t i = 0; i < SIZE; i++) {
        struct stick_entry *entry = make(table, i);
        assert_non_null(entry);
        stick_set(table, entry, STICK_GPC0, 0, i);
        stick_put(table, entry);
    }
    assert_int_equal(stick_num_entries(table), SIZE);
    for (uint32_t i = 0; i < SIZE; i++) {
        struct stick_entry *entry = stick_find1(table, int_key(&i));
        assert_non_null(entry);
        assert_int_equal(stick_read(table, entry, STICK_GPC0, 0), i);
        stick_put(table, entry);
    }
    for (uint32_t i = 0; i < SIZE; i++)
        stick_put(table, make(table, SIZE + i));
    assert_int_equal(stick_num_entries(table), SIZE);
    // The same shape finds it again, a larger one within the same power of 2 too, another key does not.
    conf.size = 30000;
    assert_true(stick_table_prepare(&conf, board));
    assert_int_equal(stick_num_entries(conf.table), SIZE);
    conf.key_len = 8;
    conf.type = STICK_BINARY;
    assert_true(stick_table_prepare(&conf, board));
    assert_int_equal(stick_num_entries(conf.table), 0);
}

static void test_keys(void **state)
{
    (void)state;
    static struct stick_table_conf conf;
    char room[STICK_KEY_ROOM];
    struct slice key;
    struct expr_sample sample = { .type = EXPR_STR, .str = SLICE("abcdefgh") };
    conf_init(&conf, "keys", STICK_STRING, 5, 2);
    assert_true(stick_key(&key, room, &conf, &sample));
    assert_true(slice_equal(key, SLICE("abcde")));
    conf_init(&conf, "keys", STICK_BINARY, 10, 2);
    assert_true(stick_key(&key, room, &conf, &sample));
    assert_true(slice_equal(key, SLICE("abcdefgh\0\0")));
    conf_init(&conf, "keys", STICK_IP, 4, 2);
    assert_false(stick_key(&key, room, &conf, &sample));
    sample.str = SLICE("10.1.2.3");
    assert_true(stick_key(&key, room, &conf, &sample));
    assert_true(slice_equal(key, SLICE("\x0a\x01\x02\x03")));
    conf_init(&conf, "keys", STICK_IPV6, 16, 2);
    assert_false(stick_key(&key, room, &conf, &sample));
    sample = (struct expr_sample){ .type = EXPR_ADDR, .addr = { .family = 4, .bytes = { 10, 1, 2, 3 } } };
    assert_true(stick_key(&key, room, &conf, &sample));
    assert_true(slice_equal(key, SLICE("\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\x01\x02\x03")));
    conf_init(&conf, "keys", STICK_IP, 4, 2);
    sample = (struct expr_sample){ .type = EXPR_STR, .str = SLICE("::ffff:10.1.2.3") };
    assert_false(stick_key(&key, room, &conf, &sample));
    assert_true(expr_addr_parse(&sample.addr, SLICE("::ffff:10.1.2.3")));
    sample.type = EXPR_ADDR;
    assert_true(stick_key(&key, room, &conf, &sample));
    assert_true(slice_equal(key, SLICE("\x0a\x01\x02\x03")));
    assert_true(expr_addr_parse(&sample.addr, SLICE("2001:db8::1")));
    assert_false(stick_key(&key, room, &conf, &sample));
}

static void test_names(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < STICK_NUM_DATA; i++)
        assert_int_equal(stick_data_find(slice_str(stick_data_name((enum stick_data)i))), i);
    assert_int_equal(stick_data_find(SLICE("gpc2")), STICK_NUM_DATA);
    assert_true(stick_data_is_rate(STICK_GPC_RATE) && stick_data_is_array(STICK_GPC_RATE));
    assert_true(!stick_data_is_rate(STICK_GPC0) && !stick_data_is_array(STICK_GPC0));
}

// Of as many servers as a balancer may have, none is forgotten.
static void test_server_keys(void **state)
{
    (void)state;
    enum { NUM = 20000 };
    static struct stick_table_conf conf;
    char name[32];
    conf_init(&conf, "servers", STICK_INTEGER, 4, NUM);
    assert_true(stick_table_prepare(&conf, board));
    for (uint32_t i = 0; i < NUM; i++) {
        struct stick_entry *entry = stick_make1(conf.table, slice_of((const char *)&i, sizeof(i)));
        assert_non_null(entry);
        int len = snprintf(name, sizeof(name), "server%u", i);
        stick_set_server_key(conf.table, entry, slice_of(name, (size_t)len));
        assert_true(slice_equal(stick_server_key(conf.table, entry), slice_of(name, (size_t)len)));
        stick_put(conf.table, entry);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),      cmocka_unit_test(test_server_keys),
        cmocka_unit_test(test_oldest_goes), cmocka_unit_test(test_nopurge_and_time),
        cmocka_unit_test(test_many),        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
