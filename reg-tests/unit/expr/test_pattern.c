// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <time.h>
#include "expr/toy.h"

static struct arena arena;

static struct expr_patterns *make(enum expr_match match, bool nocase, const char *const *texts)
{
    struct expr_patterns *set = expr_patterns_new(&arena, match);
    for (; *texts; texts++) {
        const char *wrong = expr_patterns_add(set, slice_str(*texts), nocase);
        if (wrong)
            fail_msg("%s: %s", *texts, wrong);
    }
    expr_patterns_seal(set);
    return set;
}

#define SET(match, nocase, ...) make(EXPR_MATCH_##match, nocase, (const char *const[]){ __VA_ARGS__, NULL })

static bool str(const struct expr_patterns *set, const char *text)
{
    // Exact memory, so that sanitizers see a read past the end.
    size_t len = strlen(text);
    char *copy = malloc(len ? len : 1);
    memcpy(copy, text, len);
    struct expr_sample sample = { .type = EXPR_STR, .str = slice_of(copy, len) };
    bool match = expr_patterns_match(set, &sample);
    free(copy);
    return match;
}

static bool num(const struct expr_patterns *set, int64_t value)
{
    struct expr_sample sample = { .type = EXPR_INT, .num = value };
    return expr_patterns_match(set, &sample);
}

static bool addr(const struct expr_patterns *set, const char *text)
{
    struct expr_sample sample = { .type = EXPR_ADDR };
    assert_true(expr_addr_parse(&sample.addr, slice_str(text)));
    return expr_patterns_match(set, &sample);
}

static void exact_prefix_suffix(void **state)
{
    (void)state;
    struct expr_patterns *set = SET(STR, false, "a", "abc", "abd", "");
    assert_true(str(set, "a") && str(set, "abc") && str(set, "abd") && str(set, ""));
    assert_false(str(set, "ab") || str(set, "A") || str(set, "abcd"));
    assert_int_equal(expr_patterns_num(SET(STR, false, "a", "a", "b")), 2);
    set = SET(STR, true, "WWW.Example.com");
    assert_true(str(set, "www.example.COM"));
    assert_false(str(set, "www.example.co"));
    set = SET(BEG, false, "/img", "/static/", "/a");
    assert_true(str(set, "/img") && str(set, "/images/../img") == false && str(set, "/static/x") && str(set, "/abc"));
    assert_false(str(set, "") || str(set, "/") || str(set, "/stati") || str(set, "/IMG"));
    set = SET(END, true, ".gif", ".tar.gz", "z");
    assert_true(str(set, "x.GIF") && str(set, "a.tar.gz") && str(set, "Z") && str(set, ".gif"));
    assert_false(str(set, "gif") || str(set, "x.gift") || str(set, ""));
}

static void anywhere(void **state)
{
    (void)state;
    struct expr_patterns *set = SET(SUB, false, "aab");
    assert_true(str(set, "aaab") && str(set, "aab") && str(set, "xaaby"));
    assert_false(str(set, "aaa") || str(set, "") || str(set, "AAB"));
    set = SET(SUB, true, "AaB");
    assert_true(str(set, "xAAAb"));
    set = SET(DIR, false, "png", "/logo/");
    assert_true(str(set, "/images/png/x") && str(set, "png") && str(set, "/a/logo") && str(set, "/png?x"));
    assert_false(str(set, "/images/pngs/x") || str(set, "/xpng/png.gif") || str(set, ""));
    set = SET(DIR, false, "images/png");
    assert_true(str(set, "/images/png/logo"));
    const char *url = "http://www1.dc-eu.example.com:80/blah";
    static const char *const hits[] = { "http", "www1",          ".www1", "dc-eu",  "example",         "com",
                                        "80",   "dc-eu.example", "blah",  ":www1:", "dc-eu.example:80" };
    for (size_t i = 0; i < NUM_ITEMS(hits) - 1; i++)
        assert_true(str(make(EXPR_MATCH_DOM, false, (const char *const[]){ hits[i], NULL }), url));
    assert_false(str(SET(DOM, false, "eu", "dc"), url));
    assert_non_null(expr_patterns_add(expr_patterns_new(&arena, EXPR_MATCH_DOM), SLICE(".."), false));
}

static void integers(void **state)
{
    (void)state;
    struct expr_patterns *set = SET(INT, false, "7", "10:12", "100:", "-5");
    assert_true(num(set, 7) && num(set, 10) && num(set, 12) && num(set, INT64_MAX) && num(set, -5));
    assert_false(num(set, 9) || num(set, 13) || num(set, 99) || num(set, INT64_MIN));
    assert_true(num(SET(INT, false, ":3"), INT64_MIN));
    static const char *const bad[] = { "", "x", "1x", ":", "3:1", "1:2:3", "9223372036854775808", "-" };
    for (size_t i = 0; i < NUM_ITEMS(bad); i++)
        assert_non_null(expr_patterns_add(expr_patterns_new(&arena, EXPR_MATCH_INT), slice_str(bad[i]), false));
    set = expr_patterns_new(&arena, EXPR_MATCH_INT);
    assert_null(expr_patterns_add_op(set, SLICE("gt"), SLICE("10")));
    assert_null(expr_patterns_add_op(set, SLICE("lt"), SLICE("-9223372036854775807")));
    assert_non_null(expr_patterns_add_op(set, SLICE("ge"), SLICE("1:2")));
    assert_non_null(expr_patterns_add_op(set, SLICE("gt"), SLICE("9223372036854775807")));
    assert_true(num(set, 11) && num(set, INT64_MIN) && !num(set, 10) && !num(set, 0));
    assert_true(str(SET(LEN, false, "3:4"), "abc") && !str(SET(LEN, false, "3:4"), "ab"));
    // Casts of strings: manual section 7.3.
    assert_true(str(SET(INT, false, "12"), "12abc") && str(SET(INT, false, "0"), "abc"));
    assert_true(str(SET(INT, false, "-9223372036854775807:-1"), "-3") && !str(SET(INT, false, "0"), ""));
    assert_true(str(SET(INT, false, "9223372036854775807"), "99999999999999999999"));
}

static void networks(void **state)
{
    (void)state;
    struct expr_patterns *set = SET(IP, false, "10.12/8", "192.168.1.7", "172.16.0.0/255.240.0.0", "fd00::/8", "::1");
    assert_true(addr(set, "10.0.0.1") && addr(set, "10.255.255.255") && addr(set, "192.168.1.7"));
    assert_true(addr(set, "172.31.0.1") && addr(set, "fd12::1") && addr(set, "::1"));
    assert_false(addr(set, "11.0.0.0") || addr(set, "192.168.1.8") || addr(set, "172.32.0.0") || addr(set, "fe80::1"));
    // IPv4 within IPv6: manual section 7.1.6.
    assert_true(addr(set, "::ffff:10.1.1.1") && addr(set, "2002:0a01:0203::") && addr(set, "::10.1.2.3"));
    assert_false(addr(set, "::fffe:10.1.1.1"));
    assert_true(addr(SET(IP, false, "::ffff:0:0/96"), "1.2.3.4"));
    assert_true(addr(SET(IP, false, "0.0.0.0/0"), "1.2.3.4") && !addr(SET(IP, false, "0.0.0.0/0"), "fe80::1"));
    assert_true(str(SET(IP, false, "1.2.3.0/24"), "1.2.3.4") && !str(SET(IP, false, "1.2.3.0/24"), "1.2.3.4x"));
    static const char *const bad[] = {
        "",     "localhost", "1.2.3.4/33",          "1.2.3.4/", "1.2.3.256", "1.2.3.4.5", "01.2.3.4",  "::1/129",
        "::1/", "::g",       "1.2.3.4/255.0.255.0", "7",        "1..2",      "1.2.3.",    "1.2.3.4/-1"
    };
    for (size_t i = 0; i < NUM_ITEMS(bad); i++)
        assert_non_null(expr_patterns_add(expr_patterns_new(&arena, EXPR_MATCH_IP), slice_str(bad[i]), false));
}

static void versions(void **state)
{
    (void)state;
    static const char *const bad[] = { "",        ".",     "3.", ".3",    "3.x", "3.1.2",
                                       "3.65536", "65536", "-3", "3.1:3", ":",   "3:2" };
    struct expr_patterns *set = SET(VERSION, false, "3", "3.2:3.3");
    assert_true(num(set, 0x30000) && num(set, 0x30002) && num(set, 0x30003));
    assert_false(num(set, 3) || num(set, 0x30001) || num(set, 0x30004));
    set = SET(VERSION, false, "65535.65535", ":1");
    assert_true(num(set, 0xffffffff) && num(set, 0x10000) && !num(set, 0x10001));
    set = expr_patterns_new(&arena, EXPR_MATCH_VERSION);
    assert_null(expr_patterns_add_op(set, SLICE("gt"), SLICE("3.1")));
    expr_patterns_seal(set);
    assert_true(num(set, 0x30002) && !num(set, 0x30001));
    for (size_t i = 0; i < NUM_ITEMS(bad); i++)
        assert_non_null(expr_patterns_add(expr_patterns_new(&arena, EXPR_MATCH_VERSION), slice_str(bad[i]), false));
    // Only names of fetches imply it.
    assert_int_equal(expr_match_find(SLICE("int")), EXPR_MATCH_INT);
    assert_int_equal(expr_match_find(SLICE("version")), EXPR_MATCH_DEFAULT);
}

static void regexes(void **state)
{
    (void)state;
    struct expr_patterns *set = SET(REG, false, "^/api/v[0-9]+/", "\\.php$");
    assert_true(str(set, "/api/v12/x") && str(set, "a.php"));
    assert_false(str(set, "/api/v/x") || str(set, "/API/v1/") || str(set, ""));
    assert_true(str(SET(REG, true, "^/api$"), "/API"));
    const char *wrong = expr_patterns_add(expr_patterns_new(&arena, EXPR_MATCH_REG), SLICE("a("), false);
    assert_non_null(strstr(wrong, "byte 2"));
}

// A pattern may raise no limit, and a hopeless subject costs bounded time.
static void hostile_regexes(void **state)
{
    (void)state;
    static const char *const bad[] = { "^(a+)+$", "(*LIMIT_MATCH=4000000000)^(a+)+$", "(*NO_JIT)^(a+)+$",
                                       "^(([a-z])+.)+[A-Z]([a-z])+$" };
    char *text = malloc(1 << 20);
    memset(text, 'a', 1 << 20);
    text[(1 << 20) - 1] = '!';
    for (size_t i = 0; i < NUM_ITEMS(bad); i++) {
        struct expr_patterns *set = make(EXPR_MATCH_REG, false, (const char *const[]){ bad[i], NULL });
        struct timespec from, to;
        clock_gettime(CLOCK_MONOTONIC, &from);
        for (size_t len = 30; len <= 1 << 20; len *= 32) {
            struct expr_sample sample = { .type = EXPR_STR, .str = slice_of(text + (1 << 20) - len, len) };
            assert_false(expr_patterns_match(set, &sample));
        }
        clock_gettime(CLOCK_MONOTONIC, &to);
        assert_in_range(to.tv_sec - from.tv_sec, 0, 5);
    }
    free(text);
}

static void binaries(void **state)
{
    (void)state;
    struct expr_patterns *set = SET(BIN, false, "0048656c6C6f0a");
    struct expr_sample sample = { .type = EXPR_BIN, .str = SLICE("\0Hello\n") };
    assert_true(expr_patterns_match(set, &sample));
    sample.str.len--;
    assert_false(expr_patterns_match(set, &sample));
    static const char *const bad[] = { "", "0", "0g", "123" };
    for (size_t i = 0; i < NUM_ITEMS(bad); i++)
        assert_non_null(expr_patterns_add(expr_patterns_new(&arena, EXPR_MATCH_BIN), slice_str(bad[i]), false));
}

// Many patterns answer as a plain search through them would.
static void many(void **state)
{
    (void)state;
    enum { NUM = 300, ROUNDS = 20000 };
    static char words[NUM][8];
    struct expr_patterns *sets[] = { expr_patterns_new(&arena, EXPR_MATCH_STR),
                                     expr_patterns_new(&arena, EXPR_MATCH_BEG),
                                     expr_patterns_new(&arena, EXPR_MATCH_END) };
    uint32_t seed = 1;
    for (int i = 0; i < NUM; i++) {
        size_t len = 1 + (seed = seed * 1664525 + 1013904223) % 7u;
        for (size_t k = 0; k < len; k++)
            words[i][k] = (char)('a' + ((seed = seed * 1664525 + 1013904223) >> 20) % 5);
        for (size_t s = 0; s < NUM_ITEMS(sets); s++)
            assert_null(expr_patterns_add(sets[s], slice_str(words[i]), false));
    }
    for (int r = 0; r < ROUNDS; r++) {
        char text[9] = { 0 };
        size_t len = (seed = seed * 1664525 + 1013904223) >> 16 & 7;
        for (size_t k = 0; k < len; k++)
            text[k] = (char)('a' + ((seed = seed * 1664525 + 1013904223) >> 20) % 5);
        bool want[3] = { false };
        struct slice subject = slice_str(text);
        for (int i = 0; i < NUM; i++) {
            want[0] |= slice_equal(subject, slice_str(words[i]));
            want[1] |= slice_begins(subject, slice_str(words[i]));
            want[2] |= slice_ends(subject, slice_str(words[i]));
        }
        for (size_t s = 0; s < NUM_ITEMS(sets); s++)
            assert_int_equal(str(sets[s], text), want[s]);
    }
}

static void texts_of_samples(void **state)
{
    (void)state;
    struct expr_sample sample = { .type = EXPR_INT, .num = INT64_MIN };
    char scratch[EXPR_TEXT_LEN];
    assert_true(slice_equal(expr_sample_str(&sample, scratch), SLICE("-9223372036854775808")));
    sample = (struct expr_sample){ .type = EXPR_ADDR };
    assert_true(expr_addr_parse(&sample.addr, SLICE("2001:DB8::1")));
    assert_true(slice_equal(expr_sample_str(&sample, scratch), SLICE("2001:db8::1")));
    int64_t value;
    assert_false(expr_sample_int(&sample, &value));
    assert_false(expr_addr_parse(&sample.addr, SLICE("127.1")));
    assert_true(expr_addr_parse_short(&sample.addr, SLICE("127.1")));
    assert_true(expr_sample_int(&sample, &value));
    assert_int_equal(value, 0x7f000001);
    bool truth;
    assert_false(expr_sample_bool(&sample, &truth));
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

int main(void)
{
    (void)toy_init, (void)toy_fini;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_prefix_suffix),
        cmocka_unit_test(anywhere),
        cmocka_unit_test(integers),
        cmocka_unit_test(networks),
        cmocka_unit_test(versions),
        cmocka_unit_test(regexes),
        cmocka_unit_test(hostile_regexes),
        cmocka_unit_test(binaries),
        cmocka_unit_test(many),
        cmocka_unit_test(texts_of_samples),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
