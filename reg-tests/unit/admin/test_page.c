// SPDX-License-Identifier: Apache-2.0
// The status page: options in its URI, numbers as people read them, and what is escaped.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "admin/page_row.h"

static struct http_field fields[16];

// Reads the options of a request for `target` to a page whose URI is `uri`.
static void read_uri(struct page *page, struct stream *stream, struct stats_conf *conf, const char *uri,
                     const char *target)
{
    static char head[512];
    enum http_bad bad;
    int len = snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nhost: a\r\n\r\n", target);
    memset(page, 0, sizeof(*page));
    conf->uri = slice_str(uri);
    page->conf = conf;
    page->stream = stream;
    http_head_init(&stream->request, fields, 16);
    stream->request.base = head;
    assert_int_equal(http_head_parse_request(&stream->request, &bad, (size_t)len), HTTP_PARSE_DONE);
    page_read_uri(page);
}

static void test_options(void **state)
{
    static struct page page;
    static struct stream stream;
    struct stats_conf conf = { 0 };
    (void)state;
    read_uri(&page, &stream, &conf, "/s", "/s");
    assert_int_equal(page.form, PAGE_HTML);
    assert_int_equal(page.told, PAGE_SILENT);
    assert_false(page.only_up || page.no_maint || page.no_refresh);
    read_uri(&page, &stream, &conf, "/s?", "/s?;csv;norefresh;up;no-maint;scope=Web_1.a:b-c");
    assert_int_equal(page.form, PAGE_CSV);
    assert_true(page.only_up && page.no_maint && page.no_refresh);
    assert_string_equal(page.scope, "Web_1.a:b-c");
    read_uri(&page, &stream, &conf, "/s", "/s?x=1&scope=%61b%3Cc&y;json;st=DENY");
    assert_int_equal(page.form, PAGE_JSON);
    assert_int_equal(page.told, PAGE_DENY);
    assert_string_equal(page.scope, "ab?c");
    read_uri(&page, &stream, &conf, "/s", "/s;json-schema;st=DON");
    assert_int_equal(page.form, PAGE_SCHEMA);
    assert_int_equal(page.told, PAGE_UNKN);
    read_uri(&page, &stream, &conf, "/s", "/s;typed;st=PART;scope=");
    assert_int_equal(page.form, PAGE_TYPED);
    assert_int_equal(page.told, PAGE_PART);
    assert_string_equal(page.scope, "");
    // No option stands before the configured beginning, and none is longer than its room.
    read_uri(&page, &stream, &conf, "/s;csv", "/s;csv");
    assert_int_equal(page.form, PAGE_HTML);
    read_uri(&page, &stream, &conf, "/s", "/s;scope=0123456789012345678901234567890%4");
    assert_string_equal(page.scope, "01234567890123456789");
    read_uri(&page, &stream, &conf, "/s", "/s;scope=a%4");
    assert_string_equal(page.scope, "a?4");
}

static void test_uri(void **state)
{
    static struct page page;
    static struct stream stream;
    struct stats_conf conf = { 0 };
    struct text out = { 0 };
    (void)state;
    read_uri(&page, &stream, &conf, "/s?", "/s?;up;csv;scope=be;norefresh");
    page_uri(&out, &page, ";st=DONE");
    assert_string_equal(out.ptr, "/s?;st=DONE;up;norefresh?scope=be");
    text_fini(&out);
}

static void test_numbers(void **state)
{
    static const struct {
        uint64_t number;
        const char *looks;
        const char *bytes;
    } cases[] = {
        { 0, "0", "0 B" },
        { 9999, "9999", "9.8 KiB" },
        { 10000, "10k", "9.8 KiB" },
        { 999499, "999k", "976 KiB" },
        { 999500, "1.0M", "976 KiB" },
        { 1500000, "1.5M", "1.4 MiB" },
        { UINT64_MAX, "18E", "16 EiB" },
    };
    char room[PAGE_NUMBER_LEN];
    (void)state;
    for (size_t i = 0; i < NUM_ITEMS(cases); i++) {
        assert_string_equal(page_number(room, cases[i].number), cases[i].looks);
        assert_string_equal(page_bytes(room, cases[i].number), cases[i].bytes);
    }
    assert_string_equal(page_age(room, 59), "59s");
    assert_string_equal(page_age(room, 3599), "59m 59s");
    assert_string_equal(page_age(room, 90000), "1d 1h");
    assert_string_equal(page_age(room, UINT64_MAX), "213503982334601d 7h");
}

static void test_escape(void **state)
{
    struct text out = { 0 };
    (void)state;
    page_escape(&out, "<a href=\"x\" title='y'>&amp;");
    assert_string_equal(out.ptr, "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;amp;");
    text_fini(&out);
    page_escape(&out, NULL);
    assert_int_equal(out.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_uri),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_escape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
