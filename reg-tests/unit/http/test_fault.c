// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/check.h"
#include "http/fault.h"

// Places and states are those that HAProxy 2.6 tells of the same bytes.
static const struct {
    const char *text;
    bool is_response;
    uint32_t at;
    const char *state;
} cases[] = {
    { "G@T / HTTP/1.1\r\nHost: a\r\n\r\n", false, 1, "MSG_RQMETH" },
    { "\x16\x03\x01\x02\r\n\r\n", false, 0, "MSG_RQBEFORE" },
    { " GET / HTTP/1.1\r\n\r\n", false, 0, "MSG_RQBEFORE" },
    { "GET\r\nHost: a\r\n\r\n", false, 3, "MSG_DATA" },
    { "GET /a\x01"
      "b HTTP/1.1\r\nHost: a\r\n\r\n",
      false, 6, "MSG_RQURI" },
    { "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", false, 6, "MSG_RQURI" },
    { "GET foo HTTP/1.1\r\nHost: a\r\n\r\n", false, 24, "MSG_LAST_LF" },
    { "GET / HTTP/1.1x\r\nHost: a\r\n\r\n", false, 14, "MSG_RQVER" },
    { "GET / HTTP/1.12\r\nHost: a\r\n\r\n", false, 6, "MSG_DATA" },
    { "GET /invalid request HTTP/1.1\r\n\r\n", false, 13, "MSG_RQVER" },
    { "GET / HTTP/1.1\rHost: a\r\n\r\n", false, 15, "MSG_RQLINE_END" },
    { "GET / HTTP/1.1\r\nHost: a\r\nA: b\rc\r\n\r\n", false, 30, "MSG_HDR_L2_LF" },
    { "GET / HTTP/1.1\r\nHost: a\r\nCont ent: b\r\n\r\n", false, 29, "MSG_HDR_NAME" },
    { "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", false, 25, "MSG_HDR_NAME" },
    { "GET / HTTP/1.1\r\nHost: a\r\nFoo\r\n\r\n", false, 28, "MSG_HDR_NAME" },
    { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5x\r\n\r\n", false, 42, "MSG_HDR_L2_LWS" },
    { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", false, 61, "MSG_HDR_L2_LWS" },
    { "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: foo\r\n\r\n", false, 52, "MSG_DATA" },
    { "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", false, 45, "MSG_HDR_L2_LWS" },
    { "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", false, 31, "MSG_HDR_L2_LWS" },
    { "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", false, 30, "MSG_LAST_LF" },
    { "HTTP/x.1 200 OK\r\n\r\n", true, 5, "MSG_RPVER" },
    { "FOO 200 OK\r\n\r\n", true, 0, "MSG_DATA" },
    { "HTTP/1.1 2x0 OK\r\n\r\n", true, 10, "MSG_RPCODE" },
    { "HTTP/1.1 200 OK\r\nhea/der: b\r\nContent-Length: 0\r\n\r\n", true, 20, "MSG_HDR_NAME" },
    { "HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\n", true, 33, "MSG_HDR_L2_LWS" },
};

static enum http_bad parse(const char *text, size_t len, bool is_response)
{
    struct http_field fields[16];
    struct http_head head;
    enum http_bad bad;
    http_head_init(&head, fields, 16);
    head.base = text;
    (void)(is_response ? http_head_parse_response : http_head_parse_request)(&head, &bad, len);
    return bad;
}

static void test_places(void **state)
{
    (void)state;
    for (size_t i = 0; i < NUM_ITEMS(cases); i++) {
        size_t len = strlen(cases[i].text);
        enum http_bad bad = parse(cases[i].text, len, cases[i].is_response);
        assert_int_not_equal(bad, HTTP_BAD_NONE);
        struct http_fault fault = http_fault_find(slice_of(cases[i].text, len), bad, cases[i].is_response);
        if (fault.at != cases[i].at || strcmp(http_state_name(fault.state), cases[i].state) != 0)
            fail_msg("case %zu: at %u, %s", i, fault.at, http_state_name(fault.state));
    }
}

// Whatever the bytes and the reason, the place is within them.
static void test_anything(void **state)
{
    static const char letters[] = "GET /: \r\nHTTP1.a\x01\xe9,x";
    (void)state;
    srand(1);
    for (int round = 0; round < 20000; round++) {
        size_t len = (size_t)rand() % 40;
        char *text = malloc(len ? len : 1);
        must(text);
        for (size_t i = 0; i < len; i++)
            text[i] = letters[(size_t)rand() % (sizeof(letters) - 1)];
        for (int bad = 0; bad <= HTTP_BAD_HOST; bad++)
            for (int is_response = 0; is_response < 2; is_response++)
                assert_true(http_fault_find(slice_of(text, len), (enum http_bad)bad, is_response).at <= len);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_places), cmocka_unit_test(test_anything) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
