// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/check.h"
#include "base/slice.h"
#include "http/chunk.h"

struct decoded {
    char data[64];
    size_t data_len;
    size_t used;
    enum http_chunk_step last;
};

// decode walks over the first `len` bytes of `text` and appends the data it is told of.
static void decode(struct decoded *out, struct http_chunk *chunk, struct slice text, size_t len)
{
    char *copy = malloc(len ? len : 1);
    must(copy);
    memcpy(copy, text.ptr, len);
    do {
        size_t used, off, data_len;
        out->last = http_chunk_decode(chunk, &used, &off, &data_len, copy + out->used, len - out->used);
        assert_true(used <= len - out->used);
        if (out->last == HTTP_CHUNK_DATA) {
            assert_true(data_len > 0 && off + data_len == used);
            must(out->data_len + data_len <= sizeof(out->data));
            memcpy(out->data + out->data_len, copy + out->used + off, data_len);
            out->data_len += data_len;
        }
        out->used += used;
    } while (out->last == HTTP_CHUNK_DATA);
    free(copy);
}

static const struct {
    struct slice text;
    enum http_chunk_step last;
    const char *data;
    size_t left; // bytes after the last chunk
} cases[] = {
    { SLICE("5\r\nhello\r\n0\r\n\r\n"), HTTP_CHUNK_TRAILER, "hello", 2 },
    { SLICE("5\r\nhello\r\n1\r\n!\r\n0\r\nA: b\r\n\r\n"), HTTP_CHUNK_TRAILER, "hello!", 8 },
    { SLICE("a\r\n0123456789\r\n000\r\n\r\n"), HTTP_CHUNK_TRAILER, "0123456789", 2 },
    { SLICE("0A\r\n0123456789\r\n0\r\n\r\n"), HTTP_CHUNK_TRAILER, "0123456789", 2 },
    { SLICE("0000000000000001\r\nx\r\n0\r\n\r\n"), HTTP_CHUNK_TRAILER, "x", 2 },
    { SLICE("1;a=b\r\nx\r\n0;c=\"d;e\"\r\n\r\n"), HTTP_CHUNK_TRAILER, "x", 2 },
    { SLICE("1 \t;a\tb\xff\r\nx\r\n0\r\n\r\n"), HTTP_CHUNK_TRAILER, "x", 2 },
    { SLICE("2\r\n\r\n\r\n0\r\n\r\n"), HTTP_CHUNK_TRAILER, "\r\n", 2 },
    { SLICE("0\r\n"), HTTP_CHUNK_TRAILER, "", 0 },
    { SLICE("5\r\nhel"), HTTP_CHUNK_MORE, "hel", 0 },
    { SLICE("7fffffffffffffff\r\nx"), HTTP_CHUNK_MORE, "x", 0 },
    { SLICE("8000000000000000\r\nx"), HTTP_CHUNK_BAD, "", 0 },
    { SLICE("ffffffffffffffff\r\nx"), HTTP_CHUNK_BAD, "", 0 },
    { SLICE("00000000000000001\r\nx"), HTTP_CHUNK_BAD, "", 0 },
    { SLICE("\r\n"), HTTP_CHUNK_BAD, "", 0 },
    { SLICE(";a\r\n"), HTTP_CHUNK_BAD, "", 0 },
    { SLICE(" 5\r\nhello"), HTTP_CHUNK_BAD, "", 0 },
    { SLICE("5 \r\nhello"), HTTP_CHUNK_BAD, "", 0 },
    { SLICE("5 a\r\nhello"), HTTP_CHUNK_BAD, "", 0 },
    { SLICE("0x5\r\nhello"), HTTP_CHUNK_BAD, "", 0 },
    { SLICE("-5\r\nhello"), HTTP_CHUNK_BAD, "", 0 },
    { SLICE("+5\r\nhello"), HTTP_CHUNK_BAD, "", 0 },
    { SLICE("g\r\n"), HTTP_CHUNK_BAD, "", 0 },
    { SLICE("5\nhello"), HTTP_CHUNK_BAD, "", 0 },
    { SLICE("5\rhello"), HTTP_CHUNK_BAD, "", 0 },
    { SLICE("5;a\nhello"), HTTP_CHUNK_BAD, "", 0 },
    { SLICE("5;a\rb\r\nhello"), HTTP_CHUNK_BAD, "", 0 },
    { SLICE("5;\x01\r\nhello"), HTTP_CHUNK_BAD, "", 0 },
    { SLICE("5;\0\r\nhello"), HTTP_CHUNK_BAD, "", 0 },
    { SLICE("5\r\nhello0\r\n\r\n"), HTTP_CHUNK_BAD, "hello", 0 },
    { SLICE("5\r\nhello\n0\r\n\r\n"), HTTP_CHUNK_BAD, "hello", 0 },
    { SLICE("5\r\nhello\r0\r\n\r\n"), HTTP_CHUNK_BAD, "hello", 0 },
    { SLICE("5\r\nhello!\r\n0\r\n\r\n"), HTTP_CHUNK_BAD, "hello", 0 },
    { SLICE("5\r\nhello\r\n\r\n0\r\n\r\n"), HTTP_CHUNK_BAD, "hello", 0 },
};

static void check_end(const struct decoded *out, size_t i)
{
    assert_int_equal(out->last, cases[i].last);
    assert_int_equal(out->data_len, strlen(cases[i].data));
    assert_memory_equal(out->data, cases[i].data, out->data_len);
    if (out->last != HTTP_CHUNK_BAD)
        assert_int_equal(cases[i].text.len - out->used, cases[i].left);
}

static void test_decode(void **state)
{
    (void)state;
    for (size_t i = 0; i < NUM_ITEMS(cases); i++) {
        struct slice text = cases[i].text;
        for (size_t at = 0; at <= text.len; at++) {
            struct decoded out = { .used = 0 };
            struct http_chunk chunk;
            http_chunk_init(&chunk);
            decode(&out, &chunk, text, at);
            decode(&out, &chunk, text, text.len);
            check_end(&out, i);
        }
        struct decoded out = { .used = 0 };
        struct http_chunk chunk;
        http_chunk_init(&chunk);
        for (size_t len = 0; len <= text.len; len++)
            decode(&out, &chunk, text, len);
        check_end(&out, i);
    }
}

static void test_long_extension(void **state)
{
    (void)state;
    char text[HTTP_CHUNK_LINE_MAX + 2];
    size_t used, off, len;
    struct http_chunk chunk;
    memset(text, 'x', sizeof(text));
    memcpy(text, "1;", 2);
    memcpy(text + HTTP_CHUNK_LINE_MAX - 2, "\r\ny", 3);
    http_chunk_init(&chunk);
    assert_int_equal(http_chunk_decode(&chunk, &used, &off, &len, text, sizeof(text)), HTTP_CHUNK_DATA);
    assert_int_equal(len, 1);
    memcpy(text + HTTP_CHUNK_LINE_MAX - 2, "x\r\ny", 4);
    http_chunk_init(&chunk);
    assert_int_equal(http_chunk_decode(&chunk, &used, &off, &len, text, sizeof(text)), HTTP_CHUNK_BAD);
    assert_int_equal(http_chunk_decode(&chunk, &used, &off, &len, "5\r\n", 3), HTTP_CHUNK_BAD);
    assert_int_equal(used, 0);
}

static void test_trailer_len(void **state)
{
    (void)state;
    static const struct {
        struct slice text;
        size_t len;
    } trailers[] = {
        { SLICE(""), 0 },
        { SLICE("\r"), 0 },
        { SLICE("\r\n"), 2 },
        { SLICE("\r\nGET /"), 2 },
        { SLICE("A: b\r\n"), 0 },
        { SLICE("A: b\r\n\r"), 0 },
        { SLICE("A: b\r\n\r\n"), 8 },
        { SLICE("A: b\r\nC: d\r\n\r\n\r\n"), 14 },
        { SLICE("\r\r\n\r\n"), 5 },
        { SLICE("\r\r\r"), 0 },
    };
    for (size_t i = 0; i < NUM_ITEMS(trailers); i++)
        assert_int_equal(http_trailer_len(trailers[i].text.ptr, trailers[i].text.len), trailers[i].len);
}

static void test_head(void **state)
{
    (void)state;
    static const uint64_t sizes[] = { 0,    1,    9,       10,       15,         16,         255,      256,
                                      4095, 4096, 1 << 20, 1u << 31, 1ull << 32, 1ull << 62, INT64_MAX };
    for (size_t i = 0; i < NUM_ITEMS(sizes); i++) {
        char text[HTTP_CHUNK_HEAD_MAX + 1];
        size_t len = http_chunk_head(text, sizes[i], false);
        assert_in_range(len, 5, HTTP_CHUNK_HEAD_MAX);
        assert_memory_equal(text, "\r\n", 2);
        text[len] = 'x';
        struct http_chunk chunk;
        size_t used, off, data_len;
        http_chunk_init(&chunk);
        enum http_chunk_step step = http_chunk_decode(&chunk, &used, &off, &data_len, text + 2, len - 1);
        assert_int_equal(step, sizes[i] ? HTTP_CHUNK_DATA : HTTP_CHUNK_TRAILER);
        if (sizes[i])
            assert_int_equal(chunk.left, sizes[i] - 1);
        assert_int_equal(http_chunk_head(text, sizes[i], true), len - 2);
    }
    char widest[HTTP_CHUNK_HEAD_MAX];
    assert_int_equal(http_chunk_head(widest, UINT64_MAX, false), HTTP_CHUNK_HEAD_MAX);
    assert_memory_equal(widest, "\r\nffffffffffffffff\r\n", HTTP_CHUNK_HEAD_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_long_extension),
        cmocka_unit_test(test_trailer_len),
        cmocka_unit_test(test_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
