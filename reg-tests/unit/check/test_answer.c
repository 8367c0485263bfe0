// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "check/answer.h"

enum { ROOM = 4096 };

struct got {
    enum check_answer_step step;
    uint16_t status;
    char body[ROOM];
};

// Reads `text` in pieces of `piece` bytes; the end of the text is the end of the connection where `ends`.
static struct got read_text(const char *text, size_t piece, bool ends, bool is_head)
{
    struct got got = { 0 };
    struct check_answer answer;
    struct buf in = { .mem = malloc(ROOM), .cap = ROOM };
    size_t len = strlen(text), at = 0;
    assert_non_null(in.mem);
    assert_true(check_answer_begin(&answer, 8, is_head));
    do {
        size_t part = len - at < piece ? len - at : piece;
        memcpy(buf_end(&in), text + at, part);
        buf_added(&in, part);
        at += part;
        got.step = check_answer_read(&answer, &in, ends && at == len);
    } while (at < len && (got.step == CHECK_ANSWER_HEAD || got.step == CHECK_ANSWER_BODY));
    got.status = answer.head.status;
    struct slice body = check_answer_body(&answer, slice_of(buf_data(&in), buf_len(&in)));
    memcpy(got.body, body.ptr, body.len);
    check_answer_fini(&answer);
    free(in.mem);
    return got;
}

static void expect(const char *text, bool ends, enum check_answer_step step, uint16_t status, const char *body)
{
    for (size_t piece = 1; piece < 64; piece += 7) {
        struct got got = read_text(text, piece, ends, false);
        assert_int_equal(got.step, step);
        if (step == CHECK_ANSWER_BAD || step == CHECK_ANSWER_HEAD)
            continue;
        assert_int_equal(got.status, status);
        assert_string_equal(got.body, body);
    }
}

static void test_bodies(void **state)
{
    (void)state;
    expect("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false, CHECK_ANSWER_WHOLE, 200, "hello");
    expect("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", false, CHECK_ANSWER_BODY, 200, "hello");
    expect("HTTP/1.0 503 Busy\r\n\r\nhello", false, CHECK_ANSWER_BODY, 503, "hello");
    expect("HTTP/1.0 503 Busy\r\n\r\nhello", true, CHECK_ANSWER_WHOLE, 503, "hello");
    expect("HTTP/1.1 204 None\r\nContent-Length: 5\r\n\r\n", false, CHECK_ANSWER_WHOLE, 204, "");
    expect("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", false,
           CHECK_ANSWER_WHOLE, 200, "hello world");
    expect("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n wo", false, CHECK_ANSWER_BODY, 200,
           "hello wo");
    expect("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", false, CHECK_ANSWER_BAD, 0, "");
}

static void test_heads(void **state)
{
    (void)state;
    expect("HTTP/1.1 200 OK\r\nFoo: b", false, CHECK_ANSWER_HEAD, 0, "");
    expect("HTTP/1.1 200 OK\r\nFoo: b", true, CHECK_ANSWER_BAD, 0, "");
    expect("", true, CHECK_ANSWER_BAD, 0, "");
    expect("hello world", false, CHECK_ANSWER_BAD, 0, "");
    expect("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", false, CHECK_ANSWER_BAD, 0, "");
    expect("HTTP/1.1 200 OK\r\na: 1\r\nb: 2\r\nc: 3\r\nd: 4\r\ne: 5\r\nf: 6\r\ng: 7\r\nh: 8\r\ni: 9\r\n\r\n", false,
           CHECK_ANSWER_BAD, 0, "");
}

// What HAProxy's checks take, too.
static void test_lax(void **state)
{
    (void)state;
    expect("HTTP/1.1 200 OK\nContent-Length: 2\n\nab", false, CHECK_ANSWER_WHOLE, 200, "ab");
    expect("HTTP/1.1 200 OK\r\nContent-Length: 2\n\r\nab", false, CHECK_ANSWER_WHOLE, 200, "ab");
    expect("\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", false, CHECK_ANSWER_WHOLE, 200, "ab");
    expect("RTSP/1.0 200 OK\r\n\r\n", true, CHECK_ANSWER_WHOLE, 200, "");
    expect("HTTP/1.1 100 Go on\r\n\r\n", false, CHECK_ANSWER_WHOLE, 100, "");
}

static void test_head_method(void **state)
{
    (void)state;
    struct got got = read_text("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 3, false, true);
    assert_int_equal(got.step, CHECK_ANSWER_WHOLE);
    assert_string_equal(got.body, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_lax),
        cmocka_unit_test(test_head_method),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
