// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <unistd.h>
#include "expr/toy.h"

static const struct toy get = {
    .method = "GET", .path = "/img/a.png", .hosts = "www.example.com, b.example.org", .src = "127.0.0.5", .status = 200
};

static void conditions(void **state)
{
    static const struct {
        const char *text;
        bool want;
    } cases[] = {
        { "x if TRUE", true },
        { "x unless TRUE", false },
        { "x if FALSE", false },
        { "x if !FALSE", true },
        { "x if ! FALSE", true },
        { "x if !!TRUE", true },
        { "x if ! ! FALSE", false },
        { "x if TRUE FALSE", false },
        { "x if FALSE or TRUE", true },
        { "x if TRUE FALSE || TRUE", true },
        { "x if TRUE or FALSE TRUE", true },
        { "x if FALSE TRUE or TRUE FALSE", false },
        { "x unless FALSE TRUE or TRUE FALSE", true },
        { "x if METH_GET", true },
        { "x if METH_POST", false },
        { "x if LOCALHOST", true },
        { "x if { path_beg /img /css }", true },
        { "x if !{ path_beg /img }", false },
        { "x if ! { path_beg /css } { path_end .png }", true },
        { "x if { path /img/a.png }", true },
        { "x if { path -m str /img/a.pn }", false },
        { "x if { path -i -m beg /IMG }", true },
        { "x if { path -m beg -- -i }", false },
        { "x if { path -m beg /zz -i }", false }, // -i is a value here
        { "x if { path -m found }", true },
        { "x if { path -m len 10 }", true },
        { "x if { path -m len gt 9 lt 3 }", true },
        { "x if { path_beg -m end .png }", true },
        { "x if { path_reg ^/img/.*[.]png$ }", true },
        { "x if { hdr(host) b.example.org }", true },
        { "x if { hdr(Host) -i WWW.EXAMPLE.COM }", true },
        { "x if { req.hdr(host) other }", false },
        { "x if { hdr_dom(host) example.org }", true },
        { "x if { src 10.0.0.0/8 127.0.0.1/8 }", true },
        { "x if { src -n 10.0.0.0/8 }", false },
        { "x if { int(5) gt 3 }", true },
        { "x if { int(5) 1:4 }", false },
        { "x if { int(5) eq 1 2 5 }", true },
        { "x if { int(-5) -5 }", true },
        { "x if { int(7) -m bool }", true },
        { "x if { bool(false) }", false },
        { "x if { bool(true) -m int 1 }", true },
        { "x if { str(a.b) a.b }", true },
        { "x if { str('a,b)') -m str a,b) }", true },
        { "x if { str(\"it's\") it's }", true },
        { "x if { str('a,b') a,b }", true },
        { "x if { req.payload -m bin 0048656c6c6f0a }", true },
        { "x if { path -f virt@none }", false },
        { "x if { path -f virt@none /img/a.png }", true },
        { "x if static", true },
        { "x if static !host", false },
        { "x if { path,toy_upper /IMG/A.PNG }", true },
        { "x if { path_beg,toy_upper /IMG }", false }, // the name's method counts without converters alone
        { "x if { path_beg,toy_upper -m beg /IMG }", true },
        { "x if { path,toy_upper,toy_len 10 }", true },
        { "x if { path,toy_len,toy_upper 10 }", true },
        { "x if { str(1.2.3.4),toy_addr 1.2.3.0/24 }", true },
        { "x if { int(16909060),toy_addr 1.2.3.4 }", true },
        { "x if { str(nowhere),toy_addr -m found }", false },
        { "x if { src,toy_bin -m bin 7f000005 }", true },
        { "x if { int(258),toy_bin -m bin 0000000000000102 }", true },
        { "x if { hdr(host),toy_upper B.EXAMPLE.ORG }", true },
        { "x if { var(txn.a,b) -m str b }", true },
        { "x if { var(txn.a) -m found }", false },
    };
    struct toy_config *toy = *state;
    toy_acl(toy, "acl static path_beg /css");
    toy_acl(toy, "acl static path_end .png .gif");
    toy_acl(toy, "acl host hdr(host) -m dom www");
    struct toy subject = get;
    for (size_t i = 0; i < NUM_ITEMS(cases); i++) {
        const struct expr_cond *cond = toy_cond(toy, cases[i].text);
        if (!cond)
            fail_msg("%s: %s", cases[i].text, toy_message(toy, NULL));
        if (expr_cond_true(cond, toy_subject(&subject)) != cases[i].want)
            fail_msg("%s: not %d", cases[i].text, cases[i].want);
    }
    assert_int_equal(toy->diag.num_warnings, 0);
    assert_true(expr_cond_true(NULL, NULL));
}

static void absent_facts(void **state)
{
    struct toy subject = { .method = "PUT" };
    assert_false(expr_cond_true(toy_cond(*state, "x if { path_beg / }"), toy_subject(&subject)));
    assert_true(expr_cond_true(toy_cond(*state, "x if !{ path -m found }"), toy_subject(&subject)));
    assert_false(expr_cond_true(toy_cond(*state, "x if { hdr(host) -m found } or LOCALHOST"), toy_subject(&subject)));
}

static void stops_early(void **state)
{
    struct toy subject = get;
    assert_true(expr_cond_true(toy_cond(*state, "x if TRUE or { path a }"), toy_subject(&subject)));
    assert_false(expr_cond_true(toy_cond(*state, "x if FALSE { path a }"), toy_subject(&subject)));
    assert_int_equal(subject.num_fetched, 0);
}

static void refused(void **state)
{
    static const struct {
        const char *text;
        const char *says;
        uint32_t column;
    } cases[] = {
        { "x if", "an ACL is expected at the end", 0 },
        { "x if TRUE or", "an ACL is expected at the end", 0 },
        { "x if or TRUE", "an ACL is expected before 'or'", 6 },
        { "x if TRUE || || TRUE", "an ACL is expected before '||'", 14 },
        { "x if TRUE !", "an ACL is expected after '!'", 0 },
        { "x if { path /a", "'{' without its '}'", 6 },
        { "x if { }", "'{ }' holds no fetch", 6 },
        { "x if TRUE statik", "unknown ACL 'statik'; did you mean 'static'?", 11 },
        { "x if METH_GTE", "did you mean 'METH_GET'?", 6 },
        { "x if HTTP_CONTENT", "predefined ACL 'HTTP_CONTENT' needs the fetch 'req.hdr_val'", 6 },
        { "x if { pth_beg /a }", "unknown fetch 'pth_beg'; did you mean 'path_beg'?", 8 },
        { "x if { 51d.all(a) gt 1 }", "fetch '51d.all' is not supported", 8 },
        { "x if { path,51d.single(a) /a }", "converter '51d.single' is not supported", 13 },
        { "x if { path,toy_uper /a }", "unknown converter 'toy_uper'; did you mean 'toy_upper'?", 13 },
        { "x if { path, /a }", "a converter is expected after ','", 13 },
        { "x if { path,toy_upper(a) /a }", "converter 'toy_upper' takes no arguments", 22 },
        { "x if { src,toy_bin,toy_addr 1.2.3.4 }",
          "converter 'toy_addr' takes ip samples, which cannot be made of binary ones", 20 },
        { "x if { path_beg,toy_bin /a }", "converter 'toy_bin' gives binary samples: -m must say", 8 },
        { "x if { var(txn.a) /a }", "fetch 'var' gives samples of any type: -m must say", 8 },
        { "x if { var(a) -m str /a }", "a variable's name begins with its scope", 8 },
        { "x if { var(ptxn.a) -m str /a }", "there are no parent streams", 8 },
        { "x if { path,toy_len -m ip 1.2.3.4 }", "converter 'toy_len' gives integer samples, which -m ip cannot", 8 },
        { "x if { path(a) /a }", "fetch 'path' takes no arguments", 12 },
        { "x if { hdr a }", "fetch 'hdr' takes (<name>)", 8 },
        { "x if { hdr(a,b,c) a }", "fetch 'hdr' takes (<name>)", 11 },
        { "x if { hdr(host a }", "a ')' or a quote is missing", 8 },
        { "x if { hdr(host)x a }", "unexpected 'x' after the fetch", 17 },
        { "x if { hdr(cookie) a }", "the toy has one header", 8 },
        { "x if { int(x) 1 }", "64-bit integer", 8 },
        { "x if { int(5) 1 x }", "invalid value 'x': this is no integer", 17 },
        { "x if { int(5) gt }", "'gt' wants a number after it", 15 },
        { "x if { src 10.0.0.0/40 }", "invalid network mask", 12 },
        { "x if { src nohost }", "host names are not resolved", 12 },
        { "x if { path_reg a( }", "invalid regular expression", 17 },
        { "x if { path -m foo x }", "unknown matching method 'foo'", 16 },
        { "x if { path -m ip 1.2.3.4 -m }", "invalid value '-m'", 0 },
        { "x if { path -m bin 00 -f }", "invalid value '-f'", 0 },
        { "x if { path -f /nonexistent/file }", "cannot open '/nonexistent/file'", 16 },
        { "x if { path -m }", "-m wants a value", 13 },
        { "x if { path -u x a }", "-u wants an id from 0 to 2147483647", 16 },
        { "x if { path -u 2147483648 a }", "-u wants an id", 16 },
        { "x if { path -u -1 a }", "-u wants an id", 16 },
        { "x if { path -u }", "-u wants a value", 13 },
        { "x if { src -u 3 10.1.2.3 } { path -i -u 3 a }", "the id 3 is taken by acl 'src' file 'toy' line 1", 41 },
        { "x if { src -m bool }", "gives ip samples, which -m bool cannot match", 8 },
        { "x if { req.payload abc }", "-m must say how to match", 8 },
        { "x if { status 200 }", "fetch 'status' is not available here: this is evaluated on a request's head", 8 },
        { "x if ok", "ACL 'ok' cannot be used here: its fetch 'status' is not available", 6 },
    };
    struct toy_config *toy = *state;
    toy_acl(toy, "acl static path_beg /css");
    toy_acl(toy, "acl ok status 200");
    for (size_t i = 0; i < NUM_ITEMS(cases); i++) {
        if (toy_cond(toy, cases[i].text))
            fail_msg("%s: accepted", cases[i].text);
        uint32_t column;
        const char *message = toy_message(toy, &column);
        if (!strstr(message, cases[i].says))
            fail_msg("%s: %s", cases[i].text, message);
        if (cases[i].column && column != cases[i].column)
            fail_msg("%s: column %u", cases[i].text, column);
    }
}

static void waits(void **state)
{
    static const struct {
        const char *text;
        enum expr_truth want;
        bool final;
    } cases[] = {
        { "x if { toy_late 1 }", EXPR_WAIT, false },
        { "x if { toy_late 1 }", EXPR_NO, true },
        { "x if !{ toy_late 1 }", EXPR_WAIT, false },
        { "x if !{ toy_late 1 }", EXPR_YES, true },
        { "x unless { toy_late 1 }", EXPR_WAIT, false },
        { "x if { toy_late 7 }", EXPR_YES, false }, // what matches now decides
        { "x if FALSE { toy_late 1 }", EXPR_NO, false },
        { "x if { toy_late 1 } FALSE", EXPR_NO, false },
        { "x if { toy_late 1 } TRUE", EXPR_WAIT, false },
        { "x if TRUE || { toy_late 1 }", EXPR_YES, false },
        { "x if { toy_late 1 } || TRUE", EXPR_YES, false },
        { "x if { toy_late 1 } || FALSE", EXPR_WAIT, false },
        { "x if { toy_late 1 } FALSE || FALSE", EXPR_NO, false },
        { "x unless { toy_late 1 } || TRUE", EXPR_NO, false },
        { "x if both", EXPR_YES, false },
        { "x if { path /b }", EXPR_NO, false },
    };
    struct toy_config *toy = *state;
    struct toy subject = get;
    toy_acl(toy, "acl both toy_late 1");
    toy_acl(toy, "acl both path_beg /img");
    for (size_t i = 0; i < NUM_ITEMS(cases); i++) {
        const struct expr_cond *cond = toy_cond(toy, cases[i].text);
        if (!cond)
            fail_msg("%s: %s", cases[i].text, toy_message(toy, NULL));
        struct expr_subject *who = toy_subject(&subject);
        who->final = cases[i].final;
        if (expr_cond_test(cond, who) != cases[i].want)
            fail_msg("%s: not %d", cases[i].text, cases[i].want);
    }
    assert_int_equal(expr_cond_test(NULL, NULL), EXPR_YES);
}

static void bounds(void **state)
{
    struct toy_config *toy = *state;
    char *text = arena_alloc(&toy->arena, 70000);
    strcpy(text, "x if { path");
    for (int i = 0; i < 128; i++)
        strcat(text, ",toy_upper");
    struct toy subject = get;
    const struct expr_cond *cond = toy_cond(toy, arena_printf(&toy->arena, "%s /IMG/A.PNG }", text));
    assert_non_null(cond);
    assert_true(expr_cond_true(cond, toy_subject(&subject)));
    assert_null(toy_cond(toy, arena_printf(&toy->arena, "%s,toy_upper /IMG/A.PNG }", text)));
    assert_non_null(strstr(toy_message(toy, NULL), "more than 128 converters"));
    strcpy(text, "x if { str(");
    memset(text + 11, 'a', 40000);
    strcpy(text + 40011, ") a }");
    assert_null(toy_cond(toy, text));
    assert_non_null(strstr(toy_message(toy, NULL), "longer than 32768 bytes"));
    assert_null(toy_cond(toy, "x if { str(a,b,c,d,e,f,g,h,i,j,k,l,m) a }"));
    assert_non_null(strstr(toy_message(toy, NULL), "too many arguments"));
    // Where quotes hide where things stand, the word is looked for.
    struct config_line line = toy_line(toy, "x if { \"path,toy_uper\" /a }");
    line.args[3].str = "path,toy_uper";
    line.args[3].len = 13;
    line.args[3].quoted = true;
    assert_null(expr_cond_parse(&toy->config, &line, 0, &toy->acls, EXPR_AT_REQUEST_HEAD));
    uint32_t column;
    assert_non_null(strstr(toy_message(toy, &column), "unknown converter"));
    assert_int_equal(column, 14);
}

static void acl_lines(void **state)
{
    struct toy_config *toy = *state;
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        { "acl", "a name is expected" },
        { "acl a", "a fetch is expected" },
        { "acl or path a", "'or' is an operator" },
        { "acl a/b path a", "'a/b' cannot name an ACL" },
        { "acl bad pth a", "unknown fetch 'pth'; did you mean 'path'?" },
    };
    for (size_t i = 0; i < NUM_ITEMS(cases); i++) {
        struct config_line line = toy_line(toy, cases[i].text);
        assert_null(expr_acl_parse(&toy->config, &toy->acls, &line, 0));
        if (!strstr(toy_message(toy, NULL), cases[i].says))
            fail_msg("%s: %s", cases[i].text, toy_message(toy, NULL));
    }
    // A broken ACL is known by its name, so that its users are not reported as well.
    assert_non_null(toy_cond(toy, "x if bad"));
    // A later line of an ACL is checked for the places that use it.
    toy_acl(toy, "acl late path /a");
    assert_non_null(toy_cond(toy, "x if late"));
    struct config_line line = toy_line(toy, "acl late status 200");
    assert_null(expr_acl_parse(&toy->config, &toy->acls, &line, 0));
    assert_non_null(strstr(toy_message(toy, NULL), "'status' is not available here"));
    // An own ACL goes before a predefined one.
    toy_acl(toy, "acl METH_GET always_false");
    struct toy subject = get;
    assert_false(expr_cond_true(toy_cond(toy, "x if METH_GET"), toy_subject(&subject)));
}

static void warnings(void **state)
{
    struct toy_config *toy = *state;
    struct toy subject = get;
    assert_false(expr_cond_true(toy_cond(toy, "x if { path_beg }"), toy_subject(&subject)));
    assert_non_null(strstr(toy_message(toy, NULL), "this never matches"));
    assert_false(expr_cond_true(toy_cond(toy, "x if { path -m reg -i }"), toy_subject(&subject)));
    assert_int_equal(toy->diag.num_warnings, 2);
    assert_true(expr_cond_true(toy_cond(toy, "x if { always_true 7 }"), toy_subject(&subject)));
    assert_non_null(strstr(toy_message(toy, NULL), "they are ignored"));
}

static void files(void **state)
{
    struct toy_config *toy = *state;
    char path[] = "/tmp/fairlead-expr-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    static const char lines[] = "# comment\n\n  /img\r\n\t#sharp\n/last";
    assert_int_equal(write(fd, lines, sizeof(lines) - 1), sizeof(lines) - 1);
    struct toy subject = get;
    const char *formats[] = { "x if { path -m beg -f %s }", "x if { path -m beg -f file@%s }",
                              "x if { path -m beg -f opt@%s /other }", "x if { path_beg -i -f %s }" };
    for (size_t i = 0; i < NUM_ITEMS(formats); i++) {
        const char *text = arena_printf(&toy->arena, formats[i], path);
        const struct expr_cond *cond = toy_cond(toy, text);
        if (!cond)
            fail_msg("%s: %s", text, toy_message(toy, NULL));
        subject.path = "/img/x";
        assert_true(expr_cond_true(cond, toy_subject(&subject)));
        subject.path = "#sharp";
        assert_true(expr_cond_true(cond, toy_subject(&subject)));
        subject.path = "/lastly";
        assert_true(expr_cond_true(cond, toy_subject(&subject)));
        subject.path = "# comment";
        assert_false(expr_cond_true(cond, toy_subject(&subject)));
    }
    // -i counts for what comes after it.
    const struct expr_cond *cond = toy_cond(toy, arena_printf(&toy->arena, "x if { path -m beg -f %s -i /New }", path));
    subject.path = "/IMG";
    assert_false(expr_cond_true(cond, toy_subject(&subject)));
    subject.path = "/NEW";
    assert_true(expr_cond_true(cond, toy_subject(&subject)));
    toy->config.base_dir = "/tmp";
    assert_non_null(toy_cond(toy, arena_printf(&toy->arena, "x if { path -f %s }", path + strlen("/tmp/"))));
    assert_non_null(toy_cond(toy, "x if { path -f opt@no-such-file }"));
    assert_null(toy_cond(toy, arena_printf(&toy->arena, "x if { src -f %s }", path)));
    assert_non_null(strstr(toy_message(toy, NULL), ":3: '/img': this is no IP address"));
    assert_null(toy_cond(toy, arena_printf(&toy->arena, "x if { path -f %s -m beg }", path)));
    assert_non_null(strstr(toy_message(toy, NULL), "-m comes before -f"));
    assert_int_equal(toy->diag.num_warnings, 0);
    close(fd);
    unlink(path);
}

static void check_row(const struct expr_fetch *row, void *arg)
{
    struct toy_config *toy = arg;
    if (row->good)
        toy_acl(toy, arena_printf(&toy->arena, "acl good %s", row->good));
}

// The example of each fetch of this area is accepted.
static void examples(void **state)
{
    expr_fetches_each(check_row, *state);
    assert_null(expr_fetch_find(SLICE("pat")));
    assert_null(expr_fetch_find(SLICE("pathx")));
    assert_ptr_equal(expr_fetch_real(expr_fetch_find(SLICE("hdr"))), expr_fetch_find(SLICE("req.hdr")));
}

static int setup(void **state)
{
    static struct toy_config toy;
    toy_init(&toy);
    *state = &toy;
    return 0;
}

static int teardown(void **state)
{
    toy_fini(*state);
    return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = { TEST(conditions), TEST(absent_facts), TEST(stops_early), TEST(refused),
                                        TEST(waits),      TEST(bounds),       TEST(acl_lines),   TEST(warnings),
                                        TEST(files),      TEST(examples) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
