// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/check.h"
#include "http/websocket.h"

static void test_accept(void **state)
{
    (void)state;
    char out[HTTP_WS_ACCEPT_LEN];
    // The example of RFC 6455 section 1.3.
    assert_true(http_ws_accept(out, SLICE("dGhlIHNhbXBsZSBub25jZQ==")));
    assert_memory_equal(out, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", sizeof(out));
    static const char *const wrong[] = {
        "",
        "dGhlIHNhbXBsZSBub25jZQ=",
        "dGhlIHNhbXBsZSBub25jZQ===",
        "dGhlIHNhbXBsZSBub25jZWE=",
        "dGhlIHNhbXBsZSBub25jZWFi",
        "dGhlIHNhbXBsZSBub25j!Q==",
        "dGhlIHNhbXBsZSBub25j Q==",
        "====dGhlIHNhbXBsZSBub25j",
    };
    for (size_t i = 0; i < NUM_ITEMS(wrong); i++)
        assert_false(http_ws_accept(out, slice_str(wrong[i])));
}

static const struct {
    struct slice text;
    enum http_ws_parse result;
    uint64_t payload_len;
    uint8_t opcode;
    bool fin;
    bool masked;
} heads[] = {
    // The examples of RFC 6455 section 5.7.
    { SLICE("\x81\x05"), HTTP_WS_DONE, 5, 1, true, false },
    { SLICE("\x81\x85\x37\xfa\x21\x3d"), HTTP_WS_DONE, 5, 1, true, true },
    { SLICE("\x01\x03"), HTTP_WS_DONE, 3, 1, false, false },
    { SLICE("\x80\x02"), HTTP_WS_DONE, 2, 0, true, false },
    { SLICE("\x89\x05"), HTTP_WS_DONE, 5, 9, true, false },
    { SLICE("\x8a\x85\x37\xfa\x21\x3d"), HTTP_WS_DONE, 5, 10, true, true },
    { SLICE("\x82\x7e\x01\x00"), HTTP_WS_DONE, 256, 2, true, false },
    { SLICE("\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"), HTTP_WS_DONE, 65536, 2, true, false },
    // Bounds.
    { SLICE("\x82\x7d"), HTTP_WS_DONE, 125, 2, true, false },
    { SLICE("\x82\x7e\x00\x7e"), HTTP_WS_DONE, 126, 2, true, false },
    { SLICE("\x82\x7e\xff\xff"), HTTP_WS_DONE, 65535, 2, true, false },
    { SLICE("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"), HTTP_WS_DONE, INT64_MAX, 2, true, false },
    { SLICE("\x88\x7d"), HTTP_WS_DONE, 125, 8, true, false },
    { .text = SLICE("\x82\x7e\x00\x7d"), .result = HTTP_WS_BAD },
    { .text = SLICE("\x82\x7f\x00\x00\x00\x00\x00\x00\xff\xff"), .result = HTTP_WS_BAD },
    { .text = SLICE("\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00"), .result = HTTP_WS_BAD },
    { .text = SLICE("\xc1\x05"), .result = HTTP_WS_BAD },
    { .text = SLICE("\xa1\x05"), .result = HTTP_WS_BAD },
    { .text = SLICE("\x91\x05"), .result = HTTP_WS_BAD },
    { .text = SLICE("\x83\x05"), .result = HTTP_WS_BAD },
    { .text = SLICE("\x87\x05"), .result = HTTP_WS_BAD },
    { .text = SLICE("\x8b\x05"), .result = HTTP_WS_BAD },
    { .text = SLICE("\x8f\x05"), .result = HTTP_WS_BAD },
    { .text = SLICE("\x08\x05"), .result = HTTP_WS_BAD },
    { .text = SLICE("\x89\x7e\x00\x80"), .result = HTTP_WS_BAD },
    { .text = SLICE("\x89\xff"), .result = HTTP_WS_BAD },
};

static void test_parse_head(void **state)
{
    (void)state;
    for (size_t i = 0; i < NUM_ITEMS(heads); i++) {
        struct http_ws_frame frame;
        struct slice text = heads[i].text;
        enum http_ws_parse result = http_ws_parse_head(&frame, text);
        assert_int_equal(result, heads[i].result);
        if (result != HTTP_WS_DONE)
            continue;
        assert_int_equal(frame.payload_len, heads[i].payload_len);
        assert_int_equal(frame.opcode, heads[i].opcode);
        assert_int_equal(frame.fin, heads[i].fin);
        assert_int_equal(frame.masked, heads[i].masked);
        assert_int_equal(frame.head_len, text.len);
        if (frame.masked)
            assert_memory_equal(frame.mask, "\x37\xfa\x21\x3d", 4);
        for (size_t len = 0; len < text.len; len++)
            assert_int_equal(http_ws_parse_head(&frame, slice_of(text.ptr, len)), HTTP_WS_MORE);
    }
}

static void test_write_head(void **state)
{
    (void)state;
    static const uint64_t sizes[] = { 0, 1, 125, 126, 65535, 65536, 1ull << 40, INT64_MAX };
    for (size_t i = 0; i < NUM_ITEMS(sizes); i++) {
        char text[10];
        struct http_ws_frame frame;
        size_t len = http_ws_write_head(text, 2, i % 2, sizes[i]);
        assert_int_equal(http_ws_parse_head(&frame, slice_of(text, len)), HTTP_WS_DONE);
        assert_int_equal(frame.head_len, len);
        assert_int_equal(frame.payload_len, sizes[i]);
        assert_int_equal(frame.opcode, 2);
        assert_int_equal(frame.fin, i % 2);
        assert_false(frame.masked);
    }
}

static void test_unmask(void **state)
{
    (void)state;
    static const uint8_t mask[4] = { 0x37, 0xfa, 0x21, 0x3d };
    char hello[] = "\x7f\x9f\x4d\x51\x58";
    http_ws_unmask(hello, 5, mask, 0);
    assert_memory_equal(hello, "Hello", 5);
    char plain[70], masked[70];
    for (size_t i = 0; i < sizeof(plain); i++) {
        plain[i] = (char)(i * 7);
        masked[i] = (char)((uint8_t)plain[i] ^ mask[i % 4]);
    }
    for (size_t at = 0; at <= sizeof(plain); at++) {
        char copy[sizeof(plain)];
        memcpy(copy, masked, sizeof(copy));
        http_ws_unmask(copy, at, mask, 0);
        http_ws_unmask(copy + at, sizeof(copy) - at, mask, at);
        assert_memory_equal(copy, plain, sizeof(copy));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accept),
        cmocka_unit_test(test_parse_head),
        cmocka_unit_test(test_write_head),
        cmocka_unit_test(test_unmask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
