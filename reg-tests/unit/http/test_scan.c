// SPDX-License-Identifier: Apache-2.0
// The scanners against each other: every byte at every place, and random heads.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/check.h"
#include "http/head.h"
#include "http/scan.h"

typedef const char *(*scan_fn)(const char *begin, const char *p, const char *end);

struct scan_case {
    scan_fn scan;
    uint8_t class;
    enum http_scan isa;
};

static const struct scan_case scanners[] = {
    { http_scan_token_portable, HTTP_CLASS_TOKEN, HTTP_SCAN_PORTABLE },
    { http_scan_target_portable, HTTP_CLASS_TARGET, HTTP_SCAN_PORTABLE },
    { http_scan_value_portable, HTTP_CLASS_VALUE, HTTP_SCAN_PORTABLE },
#if HTTP_SCAN_X86
    { http_scan_token_sse42, HTTP_CLASS_TOKEN, HTTP_SCAN_SSE42 },
    { http_scan_target_sse42, HTTP_CLASS_TARGET, HTTP_SCAN_SSE42 },
    { http_scan_value_sse42, HTTP_CLASS_VALUE, HTTP_SCAN_SSE42 },
    { http_scan_token_avx2, HTTP_CLASS_TOKEN, HTTP_SCAN_AVX2 },
    { http_scan_target_avx2, HTTP_CLASS_TARGET, HTTP_SCAN_AVX2 },
    { http_scan_value_avx2, HTTP_CLASS_VALUE, HTTP_SCAN_AVX2 },
#endif
};

static void check_byte(const struct scan_case *one, unsigned byte)
{
    enum { LEN = 83 };
    for (size_t len = 1; len <= LEN; len += 1 + len / 8) {
        char *text = malloc(len);
        must(text);
        for (size_t at = 0; at < len; at++) {
            memset(text, 'a', len);
            text[at] = (char)byte;
            size_t want = http_class[byte] & one->class ? len : at;
            for (size_t from = 0; from <= at; from += 5)
                assert_ptr_equal(one->scan(text, text + from, text + len), text + want);
            assert_ptr_equal(one->scan(text, text + at + 1, text + len), text + len);
        }
        free(text);
    }
}

static void test_every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < NUM_ITEMS(scanners); i++)
        if (http_scan_use(scanners[i].isa))
            for (unsigned byte = 0; byte < 256; byte++)
                check_byte(&scanners[i], byte);
}

static void test_classes(void **state)
{
    (void)state;
    static const char tchars[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (unsigned c = 0; c < 256; c++) {
        assert_int_equal(!!(http_class[c] & HTTP_CLASS_TOKEN), c && strchr(tchars, (int)c));
        assert_int_equal(!!(http_class[c] & HTTP_CLASS_TARGET), c > ' ' && c < 0x7f && c != '#');
        assert_int_equal(!!(http_class[c] & HTTP_CLASS_VALUE), c == '\t' || (c >= ' ' && c != 0x7f));
        assert_int_equal(!!(http_class[c] & HTTP_CLASS_HEX), c && strchr("0123456789abcdefABCDEF", (int)c));
    }
}

struct answer {
    struct http_head head;
    struct http_field fields[8];
    enum http_parse result;
    enum http_bad bad;
};

static void parse_with(struct answer *out, enum http_scan isa, const char *text, size_t len)
{
    memset(out, 0, sizeof(*out));
    assert_true(http_scan_use(isa));
    http_head_init(&out->head, out->fields, (uint16_t)NUM_ITEMS(out->fields));
    out->head.base = text;
    out->result = http_head_parse_request(&out->head, &out->bad, len);
    out->head.fields = NULL;
}

static void test_random_heads(void **state)
{
    (void)state;
    static const char valid[] = "GET /some/where?with=a&query=string HTTP/1.1\r\nHost: www.example.org\r\n"
                                "Cookie: a=0123456789abcdef; b=fedcba9876543210\r\nContent-Length: 12\r\n"
                                "Accept: text/html, */*;q=0.5\r\nConnection: keep-alive\r\n\r\n";
    static const char nasty[] = "\r\n\t :,#\x7f\x80\xff\0a0";
    uint32_t seed = 1;
    for (unsigned round = 0; round < 20000; round++) {
        size_t len = sizeof(valid) - 1;
        char *text = malloc(len);
        must(text);
        memcpy(text, valid, len);
        for (unsigned i = round % 4; i > 0; i--) {
            seed = seed * 1664525 + 1013904223;
            text[(seed >> 8) % len] = nasty[(seed >> 4) % (sizeof(nasty) - 1)];
        }
        struct answer portable, other;
        parse_with(&portable, HTTP_SCAN_PORTABLE, text, len);
        for (unsigned isa = HTTP_SCAN_SSE42; isa <= HTTP_SCAN_AVX2; isa++) {
            if (!http_scan_use((enum http_scan)isa))
                continue;
            parse_with(&other, (enum http_scan)isa, text, len);
            assert_int_equal(portable.result, other.result);
            assert_int_equal(portable.bad, other.bad);
            assert_memory_equal(&portable.head, &other.head, sizeof(other.head));
            assert_memory_equal(portable.fields, other.fields, sizeof(other.fields));
        }
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_random_heads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
