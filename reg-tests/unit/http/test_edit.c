// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/check.h"
#include "http/edit.h"

enum { MAX_FIELDS = 400, OUT_MAX = 16384 };

static struct http_head head;
static struct http_field fields[MAX_FIELDS];
static struct http_edits edits;
static char arena[64];
static char out[OUT_MAX];

static void parse(struct slice text, bool response)
{
    enum http_bad bad;
    http_head_init(&head, fields, MAX_FIELDS);
    head.base = text.ptr;
    enum http_parse result =
        response ? http_head_parse_response(&head, &bad, text.len) : http_head_parse_request(&head, &bad, text.len);
    assert_int_equal(result, HTTP_PARSE_DONE);
    http_edits_init(&edits, arena, sizeof(arena));
}

static void assert_written(const char *want)
{
    size_t len = http_head_write(out, sizeof(out), &head, &edits);
    out[len] = '\0';
    assert_string_equal(out, want);
    assert_int_equal(http_head_write(out, len, &head, &edits), len);
    for (size_t cap = 0; cap < len; cap += 1 + cap / 16)
        assert_int_equal(http_head_write(out, cap, &head, &edits), 0);
}

#define REQUEST "GET /a HTTP/1.1\r\nHost: h\r\nA: 1\r\nB:2 \r\nCookie: c\r\n\r\n"

static void test_unchanged(void **state)
{
    (void)state;
    parse(SLICE(REQUEST), false);
    assert_written(REQUEST);
    parse(SLICE("\r\n\r\n" REQUEST), false);
    assert_written(REQUEST);
    parse(SLICE("GET / HTTP/1.0\r\n\r\n"), false);
    assert_written("GET / HTTP/1.1\r\n\r\n");
    parse(SLICE("HTTP/1.1 200 OK\r\n\r\n"), true);
    assert_written("HTTP/1.1 200 OK\r\n\r\n");
    parse(SLICE("HTTP/1.1 200\r\nA: b\r\n\r\n"), true);
    assert_written("HTTP/1.1 200 \r\nA: b\r\n\r\n");
    parse(SLICE("HTTP/1.0 404 Gone fishing\r\n\r\n"), true);
    assert_written("HTTP/1.1 404 Gone fishing\r\n\r\n");
}

static void test_fields(void **state)
{
    (void)state;
    parse(SLICE(REQUEST), false);
    assert_true(http_edits_drop(&edits, 1));
    assert_written("GET /a HTTP/1.1\r\nHost: h\r\nB:2 \r\nCookie: c\r\n\r\n");
    assert_true(http_edits_drop(&edits, 0));
    assert_true(http_edits_drop(&edits, 3));
    assert_written("GET /a HTTP/1.1\r\nB:2 \r\n\r\n");
    assert_true(http_edits_replace(&edits, 3, SLICE("new")));
    assert_true(http_edits_add(&edits, SLICE("X"), SLICE("y")));
    assert_true(http_edits_add(&edits, SLICE("Z"), SLICE("")));
    assert_written("GET /a HTTP/1.1\r\nB:2 \r\nCookie: new\r\nX: y\r\nZ: \r\n\r\n");
    assert_true(http_edits_replace(&edits, 3, SLICE("newer")));
    assert_true(http_edits_drop(&edits, 2));
    assert_written("GET /a HTTP/1.1\r\nCookie: newer\r\nX: y\r\nZ: \r\n\r\n");
    assert_true(http_edits_drop(&edits, 3));
    assert_written("GET /a HTTP/1.1\r\nX: y\r\nZ: \r\n\r\n");
}

static void test_start_lines(void **state)
{
    (void)state;
    parse(SLICE("GET http://h/a HTTP/1.1\r\nHost: h\r\n\r\n"), false);
    edits.target = SLICE("/a");
    assert_written("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    edits.method = SLICE("POST");
    assert_written("POST /a HTTP/1.1\r\nHost: h\r\n\r\n");
    edits.target = SLICE("/a b");
    assert_int_equal(http_head_write(out, sizeof(out), &head, &edits), 0);
    edits.target = SLICE("/a\r\nX:");
    assert_int_equal(http_head_write(out, sizeof(out), &head, &edits), 0);
    parse(SLICE("HTTP/1.1 200 Fine\r\nA: b\r\n\r\n"), true);
    edits.status = 503;
    assert_written("HTTP/1.1 503 Service Unavailable\r\nA: b\r\n\r\n");
    edits.reason = SLICE("Busy");
    assert_written("HTTP/1.1 503 Busy\r\nA: b\r\n\r\n");
    edits.status = 0;
    assert_written("HTTP/1.1 200 Busy\r\nA: b\r\n\r\n");
    edits.reason = SLICE("a\nb");
    assert_int_equal(http_head_write(out, sizeof(out), &head, &edits), 0);
}

static void test_refusals(void **state)
{
    (void)state;
    parse(SLICE(REQUEST), false);
    assert_false(http_edits_add(&edits, SLICE(""), SLICE("a")));
    assert_false(http_edits_add(&edits, SLICE("a b"), SLICE("a")));
    assert_false(http_edits_add(&edits, SLICE("a"), SLICE("a\r\nB: c")));
    assert_false(http_edits_add(&edits, SLICE("a"), SLICE("a\0")));
    assert_false(http_edits_replace(&edits, 0, SLICE("a\n")));
    assert_written(REQUEST);
    for (unsigned i = 0; i < HTTP_EDIT_MAX; i++)
        assert_true(http_edits_add(&edits, SLICE("a"), SLICE("b")));
    assert_false(http_edits_add(&edits, SLICE("a"), SLICE("b")));
    assert_false(http_edits_replace(&edits, 0, SLICE("b")));
    assert_true(http_edits_drop(&edits, 0));
}

static void test_arena(void **state)
{
    (void)state;
    http_edits_init(&edits, arena, sizeof(arena));
    const char *text = http_edits_text(&edits, "hello", 5);
    assert_memory_equal(text, "hello", 5);
    assert_non_null(http_edits_text(&edits, out, sizeof(arena) - 5 - 1));
    assert_null(http_edits_text(&edits, "ab", 2));
    assert_non_null(http_edits_text(&edits, "a", 1));
    assert_null(http_edits_text(&edits, "a", 1));
    assert_non_null(http_edits_text(&edits, "", 0));
}

static void test_repeated_length(void **state)
{
    (void)state;
    parse(SLICE("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nA: b\r\ncontent-length: 5\r\n\r\n"), false);
    assert_written("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nA: b\r\n\r\n");
    parse(SLICE("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5, 5,05\r\n\r\n"), false);
    assert_written("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
    assert_true(http_edits_drop_id(&edits, &head, HTTP_FIELD_CONTENT_LENGTH));
    assert_written("POST / HTTP/1.1\r\nHost: h\r\n\r\n");
}

static void test_hop_by_hop(void **state)
{
    (void)state;
    parse(SLICE("POST / HTTP/1.1\r\nHost: h\r\nConnection: close, x-one, Host, Content-Length, cookie, TE\r\n"
                "Keep-Alive: 5\r\nX-One: 1\r\nx-two: 2\r\nContent-Length: 3\r\nCookie: c\r\nTE: trailers\r\n"
                "Connection: , X-TWO,X-Forwarded-For, x-forwarded-host, Authorization, upgrade\r\nX-ONE: again\r\n"
                "Proxy-Connection: x\r\nX-Forwarded-For: 1\r\nX-Forwarded-Host: 2\r\nAuthorization: x\r\n"
                "Upgrade: foo\r\n\r\n"),
          false);
    assert_true(http_edits_drop_hop_by_hop(&edits, &head, true));
    assert_written("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nCookie: c\r\nX-Forwarded-For: 1\r\n"
                   "X-Forwarded-Host: 2\r\nAuthorization: x\r\nUpgrade: foo\r\n\r\n");
    assert_true(http_edits_drop_hop_by_hop(&edits, &head, false));
    assert_written("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nCookie: c\r\nX-Forwarded-For: 1\r\n"
                   "X-Forwarded-Host: 2\r\nAuthorization: x\r\n\r\n");
    parse(SLICE("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"), false);
    assert_true(http_edits_drop_hop_by_hop(&edits, &head, false));
    assert_written("POST / HTTP/1.1\r\nHost: h\r\n\r\n");
}

static void test_replaced_fields_stay(void **state)
{
    (void)state;
    parse(SLICE("GET / HTTP/1.1\r\nHost: h\r\nConnection: X-Mine\r\nX-Mine: 1\r\n\r\n"), false);
    assert_true(http_edits_replace(&edits, 2, SLICE("2")));
    assert_true(http_edits_drop_hop_by_hop(&edits, &head, false));
    assert_written("GET / HTTP/1.1\r\nHost: h\r\nX-Mine: 2\r\n\r\n");
}

static void test_many_names(void **state)
{
    (void)state;
    char text[1024];
    int len = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: h\r\nConnection: a");
    for (unsigned i = 1; i < HTTP_CONNECTION_NAMES_MAX; i++)
        len += snprintf(text + len, sizeof(text) - (size_t)len, ",,a");
    int kept = len;
    len += snprintf(text + len, sizeof(text) - (size_t)len, "\r\n\r\n");
    parse(slice_of(text, (size_t)len), false);
    assert_true(http_edits_drop_hop_by_hop(&edits, &head, false));
    len = kept + snprintf(text + kept, sizeof(text) - (size_t)kept, ",a\r\n\r\n");
    parse(slice_of(text, (size_t)len), false);
    assert_false(http_edits_drop_hop_by_hop(&edits, &head, false));
}

static void test_many_fields(void **state)
{
    (void)state;
    char text[OUT_MAX], want[OUT_MAX];
    int len = snprintf(text, sizeof(text), "GET / HTTP/1.0\r\n");
    int want_len = snprintf(want, sizeof(want), "GET / HTTP/1.1\r\n");
    for (unsigned i = 0; i < 300; i++) {
        len += snprintf(text + len, sizeof(text) - (size_t)len, "f%u:v\r\n", i);
        if (i % 50 == 49)
            continue;
        if (i == 270)
            want_len += snprintf(want + want_len, sizeof(want) - (size_t)want_len, "f270: other\r\n");
        else
            want_len +=
                snprintf(want + want_len, sizeof(want) - (size_t)want_len, "f%u:%sv\r\n", i, i >= 256 ? " " : "");
    }
    len += snprintf(text + len, sizeof(text) - (size_t)len, "\r\n");
    snprintf(want + want_len, sizeof(want) - (size_t)want_len, "\r\n");
    parse(slice_of(text, (size_t)len), false);
    for (unsigned i = 49; i < 300; i += 50)
        assert_true(http_edits_drop(&edits, i));
    assert_true(http_edits_replace(&edits, 270, SLICE("other")));
    assert_written(want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unchanged),   cmocka_unit_test(test_fields),
        cmocka_unit_test(test_start_lines), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_arena),       cmocka_unit_test(test_repeated_length),
        cmocka_unit_test(test_hop_by_hop),  cmocka_unit_test(test_replaced_fields_stay),
        cmocka_unit_test(test_many_names),  cmocka_unit_test(test_many_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
