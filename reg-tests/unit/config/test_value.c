// SPDX-License-Identifier: Apache-2.0
// Numbers, times, sizes, the generic parse functions, and the nearest word.
#include "config/reader.h"

static void test_time(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t us;
    } good[] = {
        { "0", 0 },
        { "5", 5000 },
        { "7us", 7 },
        { "7ms", 7000 },
        { "7s", 7000000 },
        { "2m", 120000000 },
        { "1h", 3600000000 },
        { "1d", 86400000000 },
        { "2147483647", UINT64_C(2147483647) * 1000 },
        { "24d", UINT64_C(24) * 86400000000 },
    };
    for (size_t i = 0; i < NUM_ITEMS(good); i++) {
        char text[100];
        snprintf(text, sizeof(text), "frontend f\n timeout client %s\n", good[i].text);
        assert_says(text, "");
        assert_int_equal(sample.time_us, good[i].us);
    }
    assert_first("frontend f\n timeout client 1x\n",
                 "t:2:17: unexpected 'x' in the time '1x'; units are us, ms, s, m, h and d");
    assert_first("frontend f\n timeout client 5S\n",
                 "t:2:17: unexpected 'S' in the time '5S'; units are us, ms, s, m, h and d");
    assert_first("frontend f\n timeout client 10ss\n",
                 "t:2:17: unexpected 'ss' in the time '10ss'; units are us, ms, s, m, h and d");
    assert_first("frontend f\n timeout client 1.5s\n",
                 "t:2:17: unexpected '.5s' in the time '1.5s'; units are us, ms, s, m, h and d");
    assert_first("frontend f\n timeout client s\n",
                 "t:2:17: 's' is no time; expected a number with a unit, such as 500ms or 10s");
    assert_first("frontend f\n timeout client -1\n",
                 "t:2:17: '-1' is no time; expected a number with a unit, such as 500ms or 10s");
    assert_first("frontend f\n timeout client ''\n",
                 "t:2:17: '' is no time; expected a number with a unit, such as 500ms or 10s");
    assert_first("frontend f\n timeout client 2147483648\n",
                 "t:2:17: the time '2147483648' is too long; the longest is 2147483647ms, 24.8 days");
    assert_first("frontend f\n timeout client 99999999999999999999999d\n",
                 "t:2:17: the time '99999999999999999999999d' is too long; the longest is 2147483647ms, 24.8 days");
}

static void test_size(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t size;
    } good[] = {
        { "0", 0 },
        { "16384", 16384 },
        { "16k", 16384 },
        { "16K", 16384 },
        { "1m", 1 << 20 },
        { "2G", UINT64_C(2) << 30 },
        { "18446744073709551615", UINT64_MAX },
    };
    for (size_t i = 0; i < NUM_ITEMS(good); i++) {
        char text[100];
        snprintf(text, sizeof(text), "global\n tune.bufsize %s\n", good[i].text);
        assert_says(text, "");
        assert_int_equal(sample.size, good[i].size);
    }
    assert_first("global\n tune.bufsize 10z\n", "t:2:15: unexpected 'z' in the size '10z'; units are k, m and g");
    assert_first("global\n tune.bufsize 1kb\n", "t:2:15: unexpected 'kb' in the size '1kb'; units are k, m and g");
    assert_first("global\n tune.bufsize k\n", "t:2:15: 'k' is no size; expected a number, such as 16384 or 16k");
    assert_first("global\n tune.bufsize 18446744073709551616\n",
                 "t:2:15: the size '18446744073709551616' is too large");
    assert_first("global\n tune.bufsize 18446744073709551615k\n",
                 "t:2:15: the size '18446744073709551615k' is too large");
}

static void test_number(void **state)
{
    (void)state;
    assert_says("global\n maxconn 100000\n wide 18446744073709551615\n", "");
    assert_int_equal(sample.number, 100000);
    assert_true(sample.wide == UINT64_MAX);
    assert_first("global\n maxconn 100001\n", "t:2:10: 100001 is out of range, expected 1 to 100000");
    assert_first("global\n maxconn 0\n", "t:2:10: 0 is out of range, expected 1 to 100000");
    assert_first("global\n maxconn 5x\n", "t:2:10: '5x' is no number");
    assert_first("global\n maxconn +5\n", "t:2:10: '+5' is no number");
    assert_first("global\n maxconn \"\"\n", "t:2:10: '' is no number");
    assert_first("global\n wide 18446744073709551616\n",
                 "t:2:7: 18446744073709551616 is out of range, expected 0 to 18446744073709551615");
}

static void test_stored(void **state)
{
    (void)state;
    assert_says("global\n chroot /var/empty\n daemon\n profile on\nbackend b\n option dontlognull\n", "");
    assert_string_equal(sample.section, "b");
    assert_true(sample.yes);
    assert_true(sample.on);
    assert_int_equal(sample.flags, 4);
    assert_int_equal(sample.ends, 2);
    assert_says("global\n daemon\n no daemon\n profile on\n profile off\nbackend b\n option dontlognull\n"
                " no option dontlognull\n option dontlognull\n default option dontlognull\n",
                "");
    assert_false(sample.yes);
    assert_false(sample.on);
    assert_int_equal(sample.flags, 0);
    assert_first("global\n chroot ''\n", "t:2:9: 'chroot' needs a value that is not empty");
    assert_first("global\n profile yes\n", "t:2:10: unknown state 'yes', expected one of 'on', 'off'");
    assert_first("global\n profile of\n", "t:2:10: unknown state 'of'; did you mean 'off'?");
}

static void test_nearest(void **state)
{
    (void)state;
    static const char *const known[] = { "maxconn", "mode", NULL, "default_backend", "balance", "bind", "id" };
    assert_string_equal(config_nearest("maxcon", known, NUM_ITEMS(known)), "maxconn");
    assert_string_equal(config_nearest("maxocnn", known, NUM_ITEMS(known)), "maxconn");
    assert_string_equal(config_nearest("default_backen", known, NUM_ITEMS(known)), "default_backend");
    assert_string_equal(config_nearest("defualt-backend", known, NUM_ITEMS(known)), "default_backend");
    assert_string_equal(config_nearest("mod", known, NUM_ITEMS(known)), "mode");
    assert_string_equal(config_nearest("di", known, NUM_ITEMS(known)), "id");
    assert_null(config_nearest("x", known, NUM_ITEMS(known)));
    assert_null(config_nearest("xy", known, NUM_ITEMS(known)));
    assert_null(config_nearest("something", known, NUM_ITEMS(known)));
    assert_null(config_nearest("", known, NUM_ITEMS(known)));
    char endless[500];
    memset(endless, 'm', sizeof(endless) - 1);
    endless[sizeof(endless) - 1] = '\0';
    assert_null(config_nearest(endless, known, NUM_ITEMS(known)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time),   cmocka_unit_test(test_size),    cmocka_unit_test(test_number),
        cmocka_unit_test(test_stored), cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests_name("config value", tests, NULL, NULL);
}
