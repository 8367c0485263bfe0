// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "base/check.h"
#include "proxy/userlist.h"
#include "reader.h"

// "secret" with 1000 and with 500000 rounds of SHA-512.
#define QUICK                                                                                                          \
    "$6$rounds=1000$abcdefgh$nhYjN017qxiYztzyUpZtPnUQcnLy62KsunSLHNeLahp2EHPlAKmFFlrjEwSXGo2kgY5hR2.peKEg2VGUqIJJu1"
#define SLOW                                                                                                           \
    "$6$rounds=500000$abcdefgh$9aB2S5Yg8XNbZjWMIWO2TOxdu1UFoTUEXmXDMI8VzV1S2JtBIYvmzH46xrDVUEXnhJ8A/GXXWz061vtfsjBqE1"

#define LISTS                                                                                                          \
    "userlist L\n group staff users bob,amy\n group admins\n"                                                          \
    " user amy insecure-password x groups admins,staff\n user bob password " QUICK "\n user slow password " SLOW       \
    "\n user none\n"                                                                                                   \
    "userlist M\n user amy insecure-password y\n"

static struct reader reader;

static const struct userlist *list_named(const char *name)
{
    const struct userlist *list = reader.program->userlists;
    while (list && strcmp(list->name, name) != 0)
        list = list->next;
    assert_non_null(list);
    return list;
}

static const struct userlist_user *check(struct userlist_checks *checks, const char *list, const char *name,
                                         const char *password, uint64_t now_us)
{
    return userlist_check(checks, list_named(list), slice_str(name), slice_str(password), now_us);
}

static void test_passwords(void **state)
{
    struct userlist_checks *checks = userlist_checks_new();
    (void)state;
    reader_accept(&reader, LISTS);
    assert_non_null(check(checks, "L", "amy", "x", 0));
    assert_null(check(checks, "L", "amy", "", 0));
    assert_null(check(checks, "L", "amy", "xx", 0));
    assert_null(check(checks, "M", "amy", "x", 0));
    assert_non_null(check(checks, "M", "amy", "y", 0));
    for (int i = 0; i < 3; i++) {
        assert_non_null(check(checks, "L", "bob", "secret", 0));
        assert_null(check(checks, "L", "bob", "Secret", 0));
        assert_null(check(checks, "L", "bob", "", 0));
    }
    assert_null(check(checks, "L", "none", "", 0));
    assert_null(check(checks, "L", "", "", 0));
    assert_null(check(checks, "L", "dan", "x", 0));
    const struct userlist_user *amy = check(checks, "L", "amy", "x", 0);
    assert_int_equal(amy->num_groups, 2);
    const struct userlist_user *bob = check(checks, "L", "bob", "secret", 0);
    assert_int_equal(bob->num_groups, 1);
    assert_string_equal(bob->groups[0], "staff");
    assert_null(userlist_check(checks, list_named("L"), SLICE("bob"), slice_of("secret\0x", 8), 0));
    userlist_checks_free(checks);
    reader_fini(&reader);
}

// A slow hash is made once, and guesses get no more than their share of time: 10,000 hashes would take half an hour, so
// that this would not end before the runner ends it.
static void test_share(void **state)
{
    struct userlist_checks *checks = userlist_checks_new();
    char guess[24];
    (void)state;
    reader_accept(&reader, LISTS);
    assert_non_null(check(checks, "L", "slow", "secret", 0));
    for (int i = 0; i < 10000; i++)
        assert_non_null(check(checks, "L", "slow", "secret", 0));
    for (int i = 0; i < 10000; i++) {
        snprintf(guess, sizeof(guess), "guess%d", i);
        assert_null(check(checks, "L", "slow", guess, 0));
    }
    // What was right before still is; what was not asked before has to wait.
    assert_non_null(check(checks, "L", "slow", "secret", 0));
    assert_null(check(checks, "L", "bob", "secret", 0));
    assert_non_null(check(checks, "L", "bob", "secret", 60000000));
    userlist_checks_free(checks);
    reader_fini(&reader);
}

// A hash that took longer than the whole burst, for its rounds or because the machine was busy, is paid for in time: that
// it was long does not keep others waiting for longer than its share says.
static void test_debt(void **state)
{
    struct userlist_checks *checks = userlist_checks_new();
    (void)state;
    reader_accept(&reader, LISTS "userlist S\n user slower password $6$rounds=4000000$abcdefgh$x\n");
    assert_null(check(checks, "S", "slower", "guess", 0));
    assert_null(check(checks, "L", "bob", "secret", 0));
    assert_non_null(check(checks, "L", "bob", "secret", 600000000));
    userlist_checks_free(checks);
    reader_fini(&reader);
}

static void test_wrong(void **state)
{
    (void)state;
    refuses("userlist L\n group g users amy\n", "there is no user 'amy'");
    refuses("userlist L\n user amy groups g\n", "there is no group 'g'");
    refuses("userlist L\n user amy password nonsense\n", "does not know this kind of hash");
    refuses("userlist L\n user amy groups\n", "'groups' needs a value");
    warns("userlist L\n user amy\n user amy\n", "a user 'amy' already");
    warns("userlist L\nuserlist L\n", "a userlist 'L' at line 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passwords),
        cmocka_unit_test(test_share),
        cmocka_unit_test(test_debt),
        cmocka_unit_test(test_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
