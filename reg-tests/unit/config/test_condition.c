// SPDX-License-Identifier: Apache-2.0
// Conditions and directives.
#include "config/reader.h"
#include "config/feature.h"

// Evaluates `text` and gives "true", "false" or the error.
static void assert_condition(const char *text, const char *expected)
{
    struct reader reader;
    reader_init(&reader);
    config_env_set(reader.config.env, "A", "1", true);
    config_env_set(reader.config.env, "LIST", "a b", true);
    config_env_unset(reader.config.env, "UNSET");
    bool result;
    const char *error;
    const char *got = "";
    if (config_condition(&reader.config, &result, &error, text))
        got = result ? "true" : "false";
    else
        got = error;
    assert_string_equal(got, expected);
    assert_int_equal(reader.diag.num_errors, 0);
    reader_fini(&reader);
}

static void test_operators(void **state)
{
    (void)state;
    assert_condition("", "false");
    assert_condition("  ", "false");
    assert_condition("0", "false");
    assert_condition("000", "false");
    assert_condition("1", "true");
    assert_condition("-10", "true");
    assert_condition("99999999999999999999999", "true");
    assert_condition("!0", "true");
    assert_condition("! ! 0", "false");
    assert_condition("1&&0", "false");
    assert_condition("1 || 0", "true");
    assert_condition("0 && 0 || 1", "true");
    assert_condition("1 || 0 && 0", "true");
    assert_condition("(1 || 0) && 0", "false");
    assert_condition("!(1 && (0 || !1))", "true");
    assert_condition("((((((1))))))", "true");
    assert_condition("!0 && !(0)", "true");
}

static void test_malformed(void **state)
{
    (void)state;
    assert_condition("1 0", "unexpected text after the end of the condition at '0'");
    assert_condition("1 & 1", "unexpected text after the end of the condition at '& 1'");
    assert_condition("1x", "unexpected text after the end of the condition at 'x'");
    assert_condition("(1", "this parenthesis is not closed by a matching ')' at '(1'");
    assert_condition("1)", "unexpected text after the end of the condition at ')'");
    assert_condition("()", "expected an integer, a predicate, '!' or '(' at ')'");
    assert_condition("1 &&", "expected an integer, a predicate, '!' or '(' at ''");
    assert_condition("!", "expected an integer, a predicate, '!' or '(' at ''");
    // What is malformed is found even where its value would not matter.
    assert_condition("1 || garbage", "unknown predicate 'garbage' at 'garbage'");
    assert_condition("0 && featur(X)", "unknown predicate 'featur'; did you mean 'feature'? at 'featur(X)'");
    assert_condition("defined", "'defined' must be followed by its arguments in parentheses at 'defined'");
    assert_condition("streq (a,a)", "'streq' must be followed by its arguments in parentheses at 'streq (a,a)'");
    assert_condition("defined(A", "expected ')' after the arguments of 'defined' at 'A'");
    assert_condition("defined(A,B)", "'defined' takes 1 argument at ',B)'");
    assert_condition("streq(a)", "'streq' takes 2 arguments at ')'");
    assert_condition("streq(a,b,c)", "'streq' takes 2 arguments at ',c)'");
    assert_condition("\"a", "unmatched quote");
    char deep[256];
    memset(deep, '(', sizeof(deep) - 1);
    deep[255] = '\0';
    bool result = true;
    const char *error;
    struct reader reader;
    reader_init(&reader);
    assert_false(config_condition(&reader.config, &result, &error, deep));
    assert_false(result);
    assert_non_null(strstr(error, "too many nested parentheses"));
    reader_fini(&reader);
}

static void test_predicates(void **state)
{
    (void)state;
    assert_condition("defined(A)", "true");
    assert_condition("defined(UNSET)", "false");
    assert_condition("defined( A )", "false");
    assert_condition("defined()", "false");
    assert_condition("defined(HAPROXY_MWORKER)", "true");
    assert_condition("streq(\"$A\",1)", "true");
    assert_condition("streq(\"$A\", 1)", "false");
    assert_condition("streq(\"$LIST\",a b)", "true");
    assert_condition("streq(a   b,a b)", "true");
    assert_condition("streq(,)", "true");
    assert_condition("strneq(a,b)", "true");
    assert_condition("strneq(a,a)", "false");
    assert_condition("strstr(abcd,bc)", "true");
    assert_condition("strstr(abcd,)", "true");
    assert_condition("strstr(abcd,cb)", "false");
    assert_condition("strstr(,a)", "false");
    // A second level of quotes protects commas and parentheses; the first one is the line's.
    assert_condition("streq('\"a,b)\"','\"a,b)\"')", "true");
    assert_condition("streq('a\\n',\"a\\n\")", "true");
    assert_condition("streq('\\'a\\ b\\'',\\\"a b\\\")", "unmatched quote");
    assert_condition("streq(a(b,\"a(b\")", "true");
    assert_condition("streq(\\x41,A)", "true");
}

static void test_features(void **state)
{
    (void)state;
    assert_condition("feature(EPOLL)", "true");
    assert_condition("feature(LUA)", "false");
    assert_condition("feature(epoll)", "false");
    assert_condition("feature(NO_SUCH)", "false");
    assert_condition("enabled(EPOLL)", "true");
    assert_condition("enabled(KQUEUE)", "false");
    assert_condition("enabled(NO_SUCH)",
                     "argument 'NO_SUCH' of 'enabled': unknown option; there are POLL, EPOLL, KQUEUE, EVPORTS, SPLICE, "
                     "GETADDRINFO, REUSEPORT, FAST-FORWARD and SERVER-SSL-VERIFY-NONE at 'NO_SUCH)'");
    assert_condition("ssllib_name_startswith(BoringSSL)", "true");
    assert_condition("ssllib_name_startswith(OpenSSL)", "false");
    assert_condition("openssl_version_atleast(1.1.1)", "true");
    assert_condition("openssl_version_atleast(1.1.1g)", "true");
    assert_condition("openssl_version_atleast(1.1.1h)", "false");
    assert_condition("openssl_version_before(3.0.0)", "true");

    struct text text;
    text_init(&text);
    config_feature_list(&text);
    assert_memory_equal(text.ptr, "-51DEGREES +ACCEPT4 ", 20);
    assert_non_null(strstr(text.ptr, " +EPOLL "));
    assert_non_null(strstr(text.ptr, " -LUA "));
    text_fini(&text);
}

static void test_versions(void **state)
{
    (void)state;
    assert_condition("version_atleast(3.2)", "true");
    assert_condition("version_atleast(3.2.0)", "true");
    assert_condition("version_atleast(3)", "true");
    assert_condition("version_atleast()", "true");
    assert_condition("version_atleast(2.4-dev19)", "true");
    assert_condition("version_atleast(3.2-dev5)", "true");
    assert_condition("version_atleast(3.2-dev5-12)", "true");
    assert_condition("version_atleast(3.2.1)", "false");
    assert_condition("version_atleast(3.2.0-1)", "false");
    assert_condition("version_atleast(3.2.0-a1b2c3-7)", "false");
    assert_condition("version_atleast(3.2.0+deb12)", "true");
    assert_condition("version_atleast(3.10)", "false");
    assert_condition("version_before(3.3-dev1)", "true");
    assert_condition("version_before(3.2)", "false");
    assert_condition("version_before(2.9.15)", "false");
    assert_condition("version_atleast(2.x)",
                     "argument '2.x' of 'version_atleast': not a version, such as 3.2, 3.2.1 or "
                     "3.2-dev5 at '2.x)'");
    assert_condition("version_before(new)", "argument 'new' of 'version_before': not a version, such as 3.2, 3.2.1 or "
                                            "3.2-dev5 at 'new)'");
}

static void test_blocks(void **state)
{
    (void)state;
    assert_says(".if 1\n.notice a\n.else\n.notice b\n.endif\n", "[NOTICE]   (PID) : config : t:2:1: a\n"
                                                                "        .notice a\n"
                                                                "        ^~~~~~~\n");
    assert_first(".if 0\n.notice a\n.elif 1\n.notice b\n.elif 1\n.notice c\n.else\n.notice d\n.endif\n", "t:4:1: b");
    assert_first(".if 0\n.notice a\n.elif 0\n.notice b\n.else\n.notice d\n.endif\n", "t:6:1: d");
    assert_first(".if 0\n.if 1\n.notice a\n.else\n.notice b\n.endif\n.else\n.notice c\n.endif\n", "t:8:1: c");
    // In a part that is left out nothing is evaluated, and words may be unknown.
    assert_says(".if 0\n.if garbage(\n.elif bad\n.unknown\n.alert x\n.endif\nnonsense 1\n.endif\n", "");
    assert_says(".if 1\n.elif garbage(\n.endif\n", "");
    assert_says("global\n .if defined(NO_SUCH_VARIABLE) # comment\n maxconn x\n .endif\n maxconn 3\n", "");
    assert_int_equal(sample.number, 3);
}

static void test_block_errors(void **state)
{
    (void)state;
    assert_says(".if 1\n  .if 0\n.endif\n.if 0\n", "[ALERT]    (PID) : config : t:1:1: '.if' without '.endif'\n"
                                                   "        .if 1\n"
                                                   "        ^~~\n"
                                                   "[ALERT]    (PID) : config : t:4:1: '.if' without '.endif'\n"
                                                   "        .if 0\n"
                                                   "        ^~~\n"
                                                   "[ALERT]    (PID) : config : 2 errors in the configuration\n");
    assert_first(".else\n", "t:1:1: '.else' without '.if'");
    assert_first(" .elif 1\n", "t:1:2: '.elif' without '.if'");
    assert_first(".endif\n", "t:1:1: '.endif' without '.if'");
    assert_first(".if 1\n.else\n.else\n.endif\n", "t:3:1: '.else' after '.else'");
    assert_first(".if 1\n.else\n.elif 1\n.endif\n", "t:3:1: '.elif' after '.else'");
    assert_first(".if 1\n.else x\n.endif\n", "t:2:7: '.else' takes no argument");
    assert_first(".if 1\n.endif x\n", "t:2:8: '.endif' takes no argument");
    assert_first(".include\n", "t:1:1: unknown directive '.include'");
    assert_first(".endfi\n", "t:1:1: unknown directive '.endfi'; did you mean '.endif'?");
    // A malformed condition leaves its whole block out, with one message at its place.
    assert_says(".if feature(EPOLL) && garbge(1)\nx\n.elif 1\ny\n.else\nz\n.endif\n",
                "[ALERT]    (PID) : config : t:1:23: '.if': unknown predicate 'garbge'\n"
                "        .if feature(EPOLL) && garbge(1)\n"
                "                              ^\n"
                "[ALERT]    (PID) : config : 1 error in the configuration\n");
    assert_first(".if streq(\"$HOME\",   1) && (0\n.endif\n",
                 "t:1:28: '.if': this parenthesis is not closed by a matching ')'");
    assert_first(".if 1 &&\n.endif\n", "t:1:9: '.if': expected an integer, a predicate, '!' or '('");
}

static void test_messages(void **state)
{
    (void)state;
    struct reader reader;
    reader_init(&reader);
    reader_says(&reader, ".diag one\n.notice two\n.warning \"three words \\x1b[0m\"\n.alert\n");
    assert_int_equal(reader.diag.num_errors, 1);
    assert_int_equal(reader.diag.num_warnings, 1);
    assert_string_equal(reader.out.ptr, "[DIAG]     (PID) : config : t:1:1: one\n"
                                        "        .diag one\n"
                                        "        ^~~~~\n"
                                        "[NOTICE]   (PID) : config : t:2:1: two\n"
                                        "        .notice two\n"
                                        "        ^~~~~~~\n"
                                        "[WARNING]  (PID) : config : t:3:1: three words \\x1b[0m\n"
                                        "        .warning \"three words \\x1b[0m\"\n"
                                        "        ^~~~~~~~\n"
                                        "[ALERT]    (PID) : config : t:4:1: \n"
                                        "        .alert\n"
                                        "        ^~~~~~\n"
                                        "[ALERT]    (PID) : config : 1 error in the configuration\n");
    reader_fini(&reader);
    assert_first(".notice a b\n", "t:1:11: unexpected argument after the message; quote a message that holds spaces");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operators),    cmocka_unit_test(test_malformed), cmocka_unit_test(test_predicates),
        cmocka_unit_test(test_features),     cmocka_unit_test(test_versions),  cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_block_errors), cmocka_unit_test(test_messages),
    };
    return cmocka_run_group_tests_name("config condition", tests, NULL, NULL);
}
