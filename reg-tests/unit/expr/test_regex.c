// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>
#include "base/check.h"
#include "expr/regex.h"

static struct arena arena;

static struct expr_regex *make(const char *text, bool nocase)
{
    const char *error = NULL;
    struct expr_regex *regex = expr_regex_in(&arena, &error, slice_str(text), nocase);
    if (!regex)
        fail_msg("%s: %s", text, error);
    return regex;
}

static bool is(struct slice got, const char *expected)
{
    return slice_equal(got, slice_str(expected));
}

static void groups(void **state)
{
    (void)state;
    struct expr_groups groups;
    struct expr_regex *regex = make("^/([a-z]+)(/x)?/([0-9]+)", false);
    assert_true(expr_regex_exec(regex, SLICE("/item/42/more"), &groups));
    assert_int_equal(groups.num, 4);
    assert_true(is(groups.group[0], "/item/42") && is(groups.group[1], "item") && is(groups.group[3], "42"));
    assert_null(groups.group[2].ptr);
    assert_false(expr_regex_exec(regex, SLICE("/ITEM/42"), &groups));
    assert_true(expr_regex_exec(make("^/([a-z]+)", true), SLICE("/ITEM"), &groups));
    // More groups than fit, and none that has a place in the subject.
    regex = make("(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)(k)", false);
    assert_true(expr_regex_exec(regex, SLICE("abcdefghijk"), &groups));
    assert_int_equal(groups.num, EXPR_MAX_GROUPS);
    assert_true(is(groups.group[9], "i"));
    assert_true(expr_regex_exec(make("", false), slice_of(NULL, 0), &groups));
    assert_int_equal(groups.group[0].len, 0);
}

// No text is taken for too short that is not.
static void shortest(void **state)
{
    static const struct {
        const char *regex;
        const char *subject;
    } cases[] = {
        { "", "" },
        { "^$", "" },
        { "a|", "" },
        { "a*?", "" },
        { "(?=ab)", "ab" },
        { "(?<=abc)d", "abcd" },
        { "(*ACCEPT)abc", "" },
        { "(a)?\\1?b", "b" },
        { "ab\\Kc", "abc" },
        { "(?:a(?1)?)?(b)?", "" },
        { "(*NO_JIT)ab", "ab" },
        { "(*UTF)\xc3\xa9.", "\xc3\xa9x" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (!expr_regex_exec(make(cases[i].regex, false), slice_str(cases[i].subject), NULL))
            fail_msg("%s does not match '%s'", cases[i].regex, cases[i].subject);
    assert_false(expr_regex_exec(make("ab", false), SLICE("a"), NULL));
}

static void from_within(void **state)
{
    (void)state;
    struct expr_groups groups;
    struct slice subject = SLICE("aXbXc");
    struct expr_regex *regex = make("X", false);
    assert_true(expr_regex_exec_from(regex, subject, 2, &groups));
    assert_ptr_equal(groups.group[0].ptr, subject.ptr + 3);
    assert_false(expr_regex_exec_from(regex, subject, 4, &groups));
    assert_false(expr_regex_exec_from(make("^b", false), subject, 2, &groups));
    assert_true(expr_regex_exec_from(make("(?<=X)b", false), subject, 2, &groups));
    assert_false(expr_regex_exec_from(regex, subject, subject.len, NULL));
}

static void expansion(void **state)
{
    (void)state;
    static const struct {
        const char *format;
        const char *gives;
    } cases[] = {
        { "plain", "plain" },
        { "<\\0>", "<ab-12>" },
        { "\\2\\1\\3\\9", "12ab" },
        { "a\\\\b\\.c", "a\\b.c" },
        { "\\x41\\x4", "Ax4" },
        { "end\\", "end\\" },
        { "", "" },
        { "\\xzz", "xzz" },
    };
    struct expr_groups groups;
    char out[32];
    assert_true(expr_regex_exec(make("([a-z]+)-([0-9]+)(z)?", false), SLICE("..ab-12.."), &groups));
    for (size_t i = 0; i < NUM_ITEMS(cases); i++) {
        size_t len = expr_regex_expand(out, sizeof(out), slice_str(cases[i].format), &groups);
        assert_int_equal(len, strlen(cases[i].gives));
        assert_memory_equal(out, cases[i].gives, len);
        if (len > 0)
            assert_true(expr_regex_expand(out, len - 1, slice_str(cases[i].format), &groups) == SIZE_MAX);
    }
}

// Whatever it is, it ends soon, and what could not be decided within the limits is no match.
static void bounded(void **state)
{
    (void)state;
    static const char *const bad[] = { "^(a+)+$",          "^(a|aa)+$",       "(a*)*b", "^(([a-z])+.)+[A-Z]([a-z])+$",
                                       "(?:a?){64}a{64}b", "(*NO_JIT)^(a+)+$" };
    size_t len = 1 << 20;
    char *text = malloc(len);
    memset(text, 'a', len);
    text[len - 1] = '!';
    for (size_t i = 0; i < NUM_ITEMS(bad); i++) {
        struct expr_groups groups;
        clock_t start = clock();
        assert_false(expr_regex_exec(make(bad[i], false), slice_of(text, len), &groups));
        assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 5);
    }
    free(text);
}

static void errors(void **state)
{
    (void)state;
    const char *error = NULL;
    assert_null(expr_regex_new(&arena, &error, SLICE("a(b"), false));
    assert_non_null(strstr(error, "at its byte 3"));
    struct expr_regex *regex = expr_regex_new(&arena, &error, SLICE("a"), false);
    assert_true(expr_regex_exec(regex, SLICE("bab"), NULL));
    expr_regex_free(regex);
    expr_regex_free(NULL);
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups),    cmocka_unit_test(shortest), cmocka_unit_test(from_within),
        cmocka_unit_test(expansion), cmocka_unit_test(bounded),  cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
