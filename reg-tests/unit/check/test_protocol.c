// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "check/protocol.h"

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

#define BYTES(literal)             slice_of(literal, sizeof(literal) - 1)
#define assert_bytes(got, literal) assert_true(slice_equal(got, BYTES(literal)))

static const struct check_step *step_at(const struct check_list *list, uint32_t at)
{
    const struct check_step *step = list->first;
    while (at--)
        step = step->next;
    return step;
}

static enum check_verdict read_bytes(struct check_reading *reading, const struct check_step *step, struct slice got,
                                     bool last)
{
    *reading = (struct check_reading){ .data = got, .last = last };
    enum check_verdict verdict = step->expect.read(reading, step);
    assert_true(reading->used <= got.len);
    return verdict;
}

// Hears `got`, all there will be, at step `at`; every shorter piece of it must ask for more, or say the same.
static enum check_verdict hear(struct check_reading *reading, const struct check_list *list, uint32_t at,
                               struct slice got)
{
    const struct check_step *step = step_at(list, at);
    assert_int_equal(step->action, CHECK_EXPECT);
    enum check_verdict heard = read_bytes(reading, step, got, true);
    assert_true(heard != CHECK_MORE);
    for (size_t len = 0; len < got.len; len++) {
        struct check_reading other;
        char *exact = malloc(len ? len : 1);
        memcpy(exact, got.ptr, len);
        enum check_verdict early = read_bytes(&other, step, slice_of(exact, len), false);
        assert_true(early == CHECK_MORE || early == heard);
        assert_true(read_bytes(&other, step, slice_of(exact, len), true) != CHECK_MORE);
        free(exact);
    }
    return heard;
}

#define assert_hears(at, literal, what, code_is, text_is)                                                              \
    do {                                                                                                               \
        struct check_reading finding;                                                                                  \
        enum check_verdict heard = hear(&finding, &list, at, BYTES(literal));                                          \
        assert_int_equal(finding.status, what);                                                                        \
        assert_int_equal(finding.code, code_is);                                                                       \
        assert_string_equal(finding.text, text_is);                                                                    \
        if (what == CHECK_L7OK || what == CHECK_L6OK)                                                                  \
            assert_int_equal(heard, step_at(&list, at)->next ? CHECK_NEXT : CHECK_PASS);                               \
        else                                                                                                           \
            assert_int_equal(heard, CHECK_FAIL);                                                                       \
    } while (0)

#define HELLO                                                                                                          \
    "\x33\x00\x00\x00\x0a"                                                                                             \
    "5.5.5\x00\x01\x00\x00\x00"                                                                                        \
    "abcdefgh\x00\xff\xf7\x08\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"                             \
    "abcdefghijkl\x00"

static void test_mysql_bytes(void **state)
{
    (void)state;
    struct check_list list = { 0 };
    check_protocol_mysql(&arena, &list, CHECK_MYSQL_POST_41, "joe");
    assert_bytes(step_at(&list, 2)->send.data,
                 "\x25\x00\x00\x01\x00\x82\x00\x00\x00\x80\x00\x01\x21\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                 "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00joe\x00\x00\x01\x00\x00\x00\x01");
    list = (struct check_list){ 0 };
    check_protocol_mysql(&arena, &list, CHECK_MYSQL_PRE_41, "joe");
    assert_bytes(step_at(&list, 2)->send.data, "\x0a\x00\x00\x01\x00\x80\x00\x00\x01joe\x00\x00\x01\x00\x00\x00\x01");
}

static void test_mysql_answers(void **state)
{
    (void)state;
    struct check_list list = { 0 };
    check_protocol_mysql(&arena, &list, CHECK_MYSQL_POST_41, "joe");
    assert_hears(1, HELLO, CHECK_L7OK, 0, "5.5.5");
    assert_hears(1, "\x0f\x00\x00\x00\xff\x69\x04Host blocked", CHECK_L7STS, 1129, "Host blocked");
    assert_hears(1, "garbage garbage garbage", CHECK_L7RSP, 0, "no MySQL packet");
    assert_hears(1, "", CHECK_L7RSP, 0, "there is no answer");
    assert_hears(1, "\x33\x00\x00\x00\x0a", CHECK_L7RSP, 0, "the answer is not complete");
    assert_hears(1,
                 "\x04\x00\x00\x00\x09"
                 "5.5",
                 CHECK_L7RSP, 0, "no MySQL handshake of protocol version 10");
    assert_hears(1, "\x01\x00\x00\x00\xff", CHECK_L7RSP, 0, "no MySQL error packet");
    assert_hears(3, "\x07\x00\x00\x02\x00\x00\x00\x02\x00\x00\x00", CHECK_L7OK, 0, "");
    assert_hears(3, "\x01\x00\x00\x02\xfe", CHECK_L7OK, 0, "");
    assert_hears(3, "\x16\x00\x00\x02\xff\x15\x04#28000Access denied", CHECK_L7STS, 1045, "Access denied");
    assert_hears(3, "\x00\x00\x00\x02", CHECK_L7RSP, 0, "no MySQL packet");
}

static void test_pgsql(void **state)
{
    (void)state;
    struct check_list list = { 0 };
    check_protocol_pgsql(&arena, &list, "joe");
    assert_bytes(step_at(&list, 1)->send.data, "\x00\x00\x00\x12\x00\x03\x00\x00user\x00joe\x00\x00");
    assert_hears(2, "R\x00\x00\x00\x08\x00\x00\x00\x00", CHECK_L7OK, 0, "PostgreSQL server is ok");
    assert_hears(2, "R\x00\x00\x00\x0c\x00\x00\x00\x05salt", CHECK_L7OK, 0, "PostgreSQL server is ok");
    assert_hears(2, "R\x00\x00\x00\x17\x00\x00\x00\x0aSCRAM-SHA-256\x00\x00", CHECK_L7OK, 0, "PostgreSQL server is ok");
    assert_hears(2, "R\x00\x00\x00\x08\x00\x00\x00\x20", CHECK_L7STS, 0, "no PostgreSQL authentication that is known");
    assert_hears(2,
                 "E\x00\x00\x00\x17SFATAL\x00"
                 "C28000\x00Mno\x00\x00",
                 CHECK_L7RSP, 0, "no");
    assert_hears(2, "E\x00\x00\x00\x0cSFATAL\x00\x00", CHECK_L7RSP, 0, "FATAL");
    assert_hears(2, "E\x00\x00\x00\x04", CHECK_L7RSP, 0, "");
    assert_hears(2, "X\x00\x00\x00\x08", CHECK_L7STS, 0, "no PostgreSQL message that was expected");
    assert_hears(2, "R\x00\x00\x00\x01\x00\x00\x00\x00", CHECK_L7RSP, 0, "no PostgreSQL message");
    assert_hears(2, "R", CHECK_L7RSP, 0, "the answer is not complete");
    assert_hears(2, "", CHECK_L7RSP, 0, "there is no answer");
}

static void test_redis(void **state)
{
    (void)state;
    struct check_list list = { 0 };
    check_protocol_redis(&arena, &list);
    assert_bytes(step_at(&list, 0)->send.data, "*1\r\n$4\r\nPING\r\n");
    assert_hears(1, "+PONG\r\n", CHECK_L7OK, 0, "Redis server is ok");
    assert_hears(1, "-NOAUTH no\r\n", CHECK_L7STS, 0, "-NOAUTH no");
    assert_hears(1, "+PON", CHECK_L7STS, 0, "+PON");
    assert_hears(1, "", CHECK_L7STS, 0, "there is no answer");
    assert_hears(1, "-\x01\xff\r\n", CHECK_L7STS, 0, "-??");
}

static void test_smtp(void **state)
{
    (void)state;
    struct check_list list = { 0 };
    check_protocol_smtp(&arena, &list, "EHLO", "a.b");
    assert_null(step_at(&list, 5)->next);
    assert_bytes(step_at(&list, 2)->send.data, "EHLO a.b\r\n");
    assert_bytes(step_at(&list, 4)->send.data, "QUIT\r\n");
    for (uint32_t at = 1; at < 6; at += 2) {
        assert_hears(at, "220 hello there\r\n", CHECK_L7OK, 220, "hello there");
        assert_hears(at, "220\r\n", CHECK_L7OK, 220, "");
        assert_hears(at, "250-a\r\n250-b\r\n250 c\r\n", CHECK_L7OK, 250, "c");
        assert_hears(at, "554 no\r\n", CHECK_L7STS, 554, "no");
        assert_hears(at, "354 go on\r\n", CHECK_L7STS, 354, "go on");
        assert_hears(at, "250-a\r\n251 b\r\n", CHECK_L7RSP, 0, "251 b");
        assert_hears(at, "hello\r\n", CHECK_L7RSP, 0, "hello");
        assert_hears(at, "2200 x\r\n", CHECK_L7RSP, 0, "2200 x");
        assert_hears(at, "22", CHECK_L7RSP, 0, "22");
        assert_hears(at, "", CHECK_L7RSP, 0, "there is no answer");
    }
    struct check_reading reading;
    assert_int_equal(read_bytes(&reading, step_at(&list, 1), BYTES("220 a\r\n250 b\r\n"), false), CHECK_NEXT);
    assert_int_equal(reading.used, 7);
}

static void test_ldap(void **state)
{
    (void)state;
    struct check_list list = { 0 };
    check_protocol_ldap(&arena, &list);
    assert_bytes(step_at(&list, 0)->send.data, "\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00");
    assert_hears(1, "\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00", CHECK_L7OK, 0, "");
    assert_hears(1, "\x30\x84\x00\x00\x00\x10\x02\x01\x01\x61\x84\x00\x00\x00\x07\x0a\x01\x00\x04\x00\x04\x00",
                 CHECK_L7OK, 0, "");
    assert_hears(1, "\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x31\x04\x00\x04\x00", CHECK_L7STS, 49,
                 "resultCode of RFC 4511 section 4.1.9");
    assert_hears(1, "\x30\x0c\x02\x01\x02\x61\x07\x0a\x01\x00\x04\x00\x04\x00", CHECK_L7RSP, 0, "Not LDAPv3 protocol");
    assert_hears(1, "\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x00\x04\x00\x04\x00", CHECK_L7RSP, 0, "Not LDAPv3 protocol");
    assert_hears(1, "hello world, I am no ldap", CHECK_L7RSP, 0, "Not LDAPv3 protocol");
    assert_hears(1, "\x30\x85\x00\x00\x00\x00\x10", CHECK_L7RSP, 0, "Not LDAPv3 protocol");
    assert_hears(1, "\x30\x0c\x02\x01", CHECK_L7RSP, 0, "the answer is not complete");
    assert_hears(1, "", CHECK_L7RSP, 0, "there is no answer");
}

static void test_ssl_hello(void **state)
{
    (void)state;
    struct check_list list = { 0 };
    check_protocol_ssl_hello(&arena, &list);
    struct slice say = step_at(&list, 0)->send.data;
    assert_int_equal(say.len, 126);
    assert_memory_equal(say.ptr, "\x16\x03\x00\x00\x79\x01\x00\x00\x75\x03\x00", 11);
    assert_memory_equal(say.ptr + 43, "\x00\x00\x4e\x00\x01\x00\x02", 7);
    assert_memory_equal(say.ptr + say.len - 6, "\x00\x39\x00\x3a\x01\x00", 6);
    assert_int_equal(step_at(&list, 1)->expect.tout_status, CHECK_L6TOUT);
    assert_hears(1, "\x15\x03\x00\x00\x02\x02\x28", CHECK_L6OK, 0, "");
    assert_hears(1, "\x16\x03\x00\x00\x02", CHECK_L6OK, 0, "");
    assert_hears(1, "HTTP/1.0 400", CHECK_L6RSP, 0, "no SSL record");
    assert_hears(1, "", CHECK_L6RSP, 0, "there is no answer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mysql_bytes), cmocka_unit_test(test_mysql_answers), cmocka_unit_test(test_pgsql),
        cmocka_unit_test(test_redis),       cmocka_unit_test(test_smtp),          cmocka_unit_test(test_ldap),
        cmocka_unit_test(test_ssl_hello),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
