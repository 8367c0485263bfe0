// SPDX-License-Identifier: Apache-2.0
// Lines with actions on messages, answers and error pages beyond the one good and one bad example of each: which forms
// are taken, and what is said of the others.
#include "config/words.h"
#include "base/check.h"
#include "expr/conv.h"
#include "expr/format.h"
#include "proxy/conf.h"
#include "rule/rule.h"

static void *words_owner(struct arena *arena)
{
    return proxy_conf_new(arena);
}

static size_t frame_of(uint32_t in)
{
    size_t i = 0;
    while (i < NUM_ITEMS(words_frames) && words_frames[i].in != in)
        i++;
    assert_true(i < NUM_ITEMS(words_frames));
    return i;
}

static const struct {
    const char *line;
    const char *says; // NULL: accepted
} lines[] = {
    { "http-request return", NULL },
    { "http-request return status 299 if TRUE", NULL },
    { "http-request return status", "needs a status" },
    { "http-request return status abc", "abc" },
    { "http-request return status 600", "expected 200 to 599" },
    { "http-request return deny_status 404", "unknown argument" },
    { "http-request return string hi", "needs a 'content-type'" },
    { "http-request return lf-string %[path]", "needs a 'content-type'" },
    { "http-request return content-type a/b string", "needs a text" },
    { "http-request return content-type", "needs a media type" },
    { "http-request return content-type a/b", NULL },
    { "http-request return content-type a/b string a lf-string b", "unexpected 'lf-string' after 'string'" },
    { "http-request return default-errorfiles string a", "unexpected 'string' after 'default-errorfiles'" },
    { "http-request return status 204 content-type a/b string a", "have no body" },
    { "http-request return status 304 content-type a/b lf-string %[path]", "have no body" },
    { "http-request return status 418 default-errorfiles", "no error page of status 418" },
    { "http-request return status 404 default-errorfiles hdr a b", NULL },
    { "http-request return errorfile /dev/null", NULL },
    { "http-request return errorfile /nowhere/at/all", "cannot read '/nowhere/at/all'" },
    { "http-request return file /nowhere/at/all content-type a/b", "cannot read" },
    { "http-request return file /dev/null", NULL },
    { "http-request return hdr a", "needs the value" },
    { "http-request return hdr", "needs a name and a value" },
    { "http-request return hdr 'a b' c", "cannot stand in the name" },
    { "http-request return hdr '' c", "cannot be empty" },
    { "http-request return hdr a \"x\\r\\ny: z\"", "end of a line" },
    { "http-request return hdr a %[nope]", "nope" },
    { "http-request return hdr a %[res.hdr(x)]", "not available" },
    { "http-response return hdr a %[res.hdr(x)]", NULL },
    { "http-request return hdr content-length 7 hdr connection close", NULL },
    { "http-request return foo", "unknown argument" },
    { "http-request deny status 418", NULL },
    { "http-request deny deny_status 418", "no error page of status 418" },
    { "http-request deny status 418 default-errorfiles", "no error page of status 418" },
    { "http-request deny deny_status 200", NULL },
    { "http-response deny deny_status 500", NULL },
    { "http-response tarpit", "unknown action 'tarpit'" },
    { "http-after-response return", "unknown action 'return'" },
    { "http-after-response deny", "unknown action 'deny'" },
    { "http-after-response allow", NULL },
    { "http-request set-header a", "needs a format" },
    { "http-request set-header", "needs the name" },
    { "http-request set-header a b c", "unexpected 'c'" },
    { "http-request set-header a \"b\\nc\"", "control characters" },
    { "http-request set-header a \"b\\tc\"", NULL },
    { "http-after-response set-header a %[status]", NULL },
    { "http-request del-header a -m", "needs a matching method" },
    { "http-request del-header ( -m reg", "no regular expression" },
    { "http-request del-header '^(a|b)' -m reg", NULL },
    { "http-request del-header (", "cannot stand in the name" },
    { "http-request replace-header a", "needs a regular expression" },
    { "http-response replace-uri a b", "unknown action" },
    { "http-request set-path", "needs a format" },
    { "http-request set-path \"/\\x01\"", "control characters" },
    { "http-request set-status 200", "unknown action" },
    { "http-response set-status 600", NULL },
    { "http-response set-status 1000", "out of range" },
    { "http-response set-status 200 reason", "needs a text" },
    { "http-response set-status 200 reason \"a\\rb\"", "control characters" },
    { "http-request redirect", "needs a 'location'" },
    { "http-request redirect location", "needs a value" },
    { "http-request redirect location / prefix /", "only one of" },
    { "http-request redirect location / code", "needs a value" },
    { "http-request redirect location / set-cookie", "needs a value" },
    { "http-request redirect location / drop-qeury", "did you mean 'drop-query'" },
    { "http-request redirect location \"/\\r\\na: b\"", "control characters" },
    { "http-response redirect prefix /", "only be redirected by 'location'" },
    { "http-response redirect location /%[res.hdr(a)] code 308", NULL },
    { "http-request redirect location / set-cookie \"a\\r\\nb: c\"", "end of a line" },
    { "http-request normalize-uri", "needs a normalizer" },
    { "http-request normalize-uri path-strip-dot full", "unexpected 'full'" },
    { "http-request set-log-level", "needs a level" },
    { "tcp-request content set-log-level silent", NULL },
    { "tcp-response content set-nice -1024", NULL },
    { "http-request set-nice x", "no number" },
    { "http-request set-timeout server", "needs a time" },
    { "http-request set-timeout server 0", "would mean none" },
    { "http-request set-timeout server int(500)", NULL },
    { "http-request set-timeout client 1s", NULL },
    { "http-request set-retries int(5)", NULL },
    { "tcp-request content set-retries 3", NULL },
    { "tcp-request content set-priority-class int(1)", NULL },
    { "http-request set-priority-class 5", "5" },
    { "tcp-request connection set-src ipv4(192.0.2.1)", NULL },
    { "tcp-request session set-dst-port int(80)", NULL },
    { "tcp-request content set-src ipv4(192.0.2.1)", NULL },
    { "http-response set-src ipv4(192.0.2.1)", "unknown action" },
    { "http-request set-mark 4294967296", "no number from 0 to 4294967295" },
    { "http-request set-mark 0xffffffff", NULL },
    { "http-request set-tos 256", "no number from 0 to 255" },
    { "tcp-response content set-fc-tos 8", NULL },
    { "tcp-response content set-bc-tos 8", "unknown action" },
    { "http-request set-bc-mark int(3)", NULL },
    { "http-request strict-mode", "needs 'on' or 'off'" },
    { "http-error status 404", NULL },
    { "http-error content-type a/b string x", "needs a 'status'" },
    { "http-error status 404 content-type a/b string x if TRUE", "has no condition" },
    { "http-error status 404 default-errorfiles", NULL },
    { "http-error status 404 foo", "unknown argument" },
    { "errorloc 404 \"http://x\\r\\ny: z\"", "end of a line" },
    { "errorloc 404 \"http://x\\x01\"", "cannot stand in a header field" },
    { "errorfile 404 /nowhere/at/all", "cannot read" },
};

static void test_lines(void **state)
{
    size_t frame = frame_of(CONFIG_IN_LISTEN);
    unsigned failed = 0;
    (void)state;
    for (size_t i = 0; i < NUM_ITEMS(lines); i++)
        failed += !words_try(frame, lines[i].line, lines[i].says);
    assert_int_equal(failed, 0);
}

// What belongs to one side of a proxy.
static void test_sides(void **state)
{
    (void)state;
    assert_true(words_try(frame_of(CONFIG_IN_FRONTEND), "http-request set-timeout server 1s", "has no timeout"));
    assert_true(words_try(frame_of(CONFIG_IN_FRONTEND), "http-request set-timeout client 1s", NULL));
    assert_true(words_try(frame_of(CONFIG_IN_BACKEND), "http-request set-timeout client 1s", "has no timeout"));
    assert_true(words_try(frame_of(CONFIG_IN_BACKEND), "http-request set-timeout tunnel 1s", NULL));
    assert_true(words_try(frame_of(CONFIG_IN_FRONTEND), "http-request set-retries 1", "belongs into a backend"));
    assert_true(words_try(frame_of(CONFIG_IN_BACKEND), "http-request set-retries 1", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_sides),
    };
    proxy_conf_boot();
    return cmocka_run_group_tests_name("actions", tests, NULL, NULL);
}
