// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include "expr/format.h"
#include "expr/toy.h"

static bool toy_ci(struct expr_subject *subject, struct expr_sample *out, struct expr_alias_item *item)
{
    (void)item;
    const struct toy *toy = subject->stream;
    out->type = EXPR_ADDR;
    return toy->src && expr_addr_parse(&out->addr, slice_str(toy->src));
}

static bool toy_cp(struct expr_subject *subject, struct expr_sample *out, struct expr_alias_item *item)
{
    (void)item, (void)subject;
    *out = (struct expr_sample){ .type = EXPR_INT, .num = 1234 };
    return true;
}

static bool toy_bytes(struct expr_subject *subject, struct expr_sample *out, struct expr_alias_item *item)
{
    item->plus = true;
    *out = (struct expr_sample){ .type = EXPR_INT, .num = ((struct toy *)subject->stream)->status };
    return true;
}

static bool toy_s(struct expr_subject *subject, struct expr_sample *out, struct expr_alias_item *item)
{
    (void)item;
    *out = (struct expr_sample){ .type = EXPR_STR, .str = slice_str(((struct toy *)subject->stream)->path) };
    return out->str.ptr != NULL;
}

// The hosts up to each comma; "-" stands for one that is absent.
static bool toy_list(struct expr_subject *subject, struct expr_sample *out, struct expr_alias_item *item)
{
    struct slice rest = slice_str(((struct toy *)subject->stream)->hosts);
    for (uint32_t i = 0; i < item->nth && rest.len; i++)
        rest = slice_from(rest, slice_find(rest, ',') + 1);
    item->end = !rest.len;
    *out = (struct expr_sample){ .type = EXPR_STR, .str = slice_of(rest.ptr, slice_find(rest, ',')) };
    return !slice_equal(out->str, SLICE("-"));
}

static const struct expr_alias toy_aliases[] = {
    { .name = "ci", .out = EXPR_ADDR, .when = EXPR_ALWAYS, .get = toy_ci },
    { .name = "cp", .out = EXPR_INT, .when = EXPR_ALWAYS, .hex = 4, .get = toy_cp },
    { .name = "B", .out = EXPR_INT, .when = EXPR_ALWAYS, .get = toy_bytes },
    { .name = "r", .out = EXPR_STR, .when = EXPR_ALWAYS, .escape = EXPR_ALIAS_URL, .http = true, .get = toy_s },
    { .name = "t", .out = EXPR_STR, .when = EXPR_ALWAYS, .bare = true, .get = toy_s },
    { .name = "ID", .out = EXPR_STR, .when = EXPR_AT_LOG, .needs_stream = true, .get = toy_s },
    { .name = "hr", .when = EXPR_ALWAYS, .escape = EXPR_ALIAS_HDR, .list = EXPR_ALIAS_BRACES, .get = toy_list },
    { .name = "hrl", .when = EXPR_ALWAYS, .escape = EXPR_ALIAS_HDR, .list = EXPR_ALIAS_WORDS, .get = toy_list },
};
EXPR_ALIASES(toy_aliases);

// "x " and a format string with its spaces, as one argument.
static struct config_line format_line(struct toy_config *toy, const char *format)
{
    struct config_line line = { .first = 1, .place = { .file = "toy", .line = 1, .column = 1 } };
    line.place.text = arena_printf(&toy->arena, "x \"%s\"", format);
    line.args = arena_alloc(&toy->arena, 2 * sizeof(*line.args));
    line.num_args = 2;
    line.args[0] = (struct config_arg){ .str = "x", .len = 1, .column = 1, .width = 1 };
    line.args[1] = (struct config_arg){ .str = format,
                                        .len = (uint32_t)strlen(format),
                                        .column = 3,
                                        .width = (uint32_t)strlen(format) + 2,
                                        .quoted = true };
    return line;
}

static const struct expr_format *parse(struct toy_config *toy, const char *text, enum expr_format_use use,
                                       uint32_t when)
{
    struct config_line line = format_line(toy, text);
    return expr_format_parse(&toy->config, &line, 0, use, when);
}

static struct toy request = {
    .method = "GET", .path = "/a b?\"#\x01\xe9", .hosts = "x{1},-,z", .src = "192.0.2.255", .status = 200
};

struct example {
    const char *text;
    const char *want;
};

static void check_all(const struct example *cases, size_t num, enum expr_format_use use)
{
    for (size_t i = 0; i < num; i++) {
        struct toy_config toy;
        char out[512];
        bool cut;
        toy_init(&toy);
        const struct expr_format *format = parse(&toy, cases[i].text, use, EXPR_AT_REQUEST_HEAD);
        if (!format)
            fail_msg("%s: %s", cases[i].text, toy_message(&toy, NULL));
        size_t len = expr_format_write(format, toy_subject(&request), out, sizeof(out) - 1, &cut);
        out[len] = '\0';
        assert_false(cut);
        if (strcmp(out, cases[i].want) != 0)
            fail_msg("%s\nis   %s\nwant %s", cases[i].text, out, cases[i].want);
        toy_fini(&toy);
    }
}

static void log_lines(void **state)
{
    static const struct example cases[] = {
        { "", "" },
        { "text only", "text only" },
        { "  a   b  ", "a b " },
        { "100%%", "100%" },
        { "%%ci%ci", "%ci192.0.2.255" },
        { "%ci:%cp", "192.0.2.255:1234" },
        { "%ci_%cp", "192.0.2.255_1234" },
        { "%{+Q}ci %{+Q}cp", "\"192.0.2.255\" 1234" },
        { "%{+X}ci %{+X}cp %{+X}B", "C00002FF 04D2 +200" },
        { "%{+X}o %ci %{-X}ci %ci", "C00002FF 192.0.2.255 C00002FF" },
        { "%{ +Q, +X }cp%{}cp", "04D21234" },
        { "%o%ci", "192.0.2.255" },
        { "%r", "/a b?#22#23#01#E9" },
        { "%{+Q}r", "\"/a b?#22#23#01#E9\"" },
        { "%{+E}r", "/a b?#22#23#01#E9" },
        { "%{+Q}t", "/a b?\"##01#E9" },
        { "%[path]", "/a b?\"##01#E9" },
        { "%{+Q}[path]", "\"/a b?\"##01#E9\"" },
        { "%{+Q,+E}[path]", "\"/a b?\\\"##01#E9\"" },
        { "%{+E}[str(a]b\\\\c)]", "a\\]b\\\\c" },
        { "%{+Q}[int(5)] %[int(-5)] %[bool(1)]", "\"5\" -5 1" },
        { "%{+Q}[src] %{+X}[src]", "\"192.0.2.255\" 192.0.2.255" },
        { "%[str('')] %{+Q}[str('')]", "- \"\"" },
        { "%(a)ci %(:str)cp %(n:sint)[int(3)]", "192.0.2.255 1234 3" },
        { "%hr %{+Q}hr", "{x#7B1#7D||z} \"{x#7B1#7D||z}\"" },
        { "%hrl %{+Q}hrl", "x#7B1#7D - z \"x#7B1#7D\" \"\" \"z\"" },
        { "%[str(a\tb)]", "a#09b" },
    };
    (void)state;
    check_all(cases, sizeof(cases) / sizeof(cases[0]), EXPR_FORMAT_LOG);
    check_all(cases, sizeof(cases) / sizeof(cases[0]), EXPR_FORMAT_SD);
}

static void texts(void **state)
{
    static const struct example cases[] = {
        { "  a   b  ", "  a   b  " }, { "%[path]", "/a b?\"#%01\xe9" }, { "%{+Q}[path]", "/a b?\"#%01\xe9" },
        { "<%[str('')]>", "<>" },     { "%[str(a\tb)]", "a\tb" },       { "%{+Q}ci", "\"192.0.2.255\"" },
    };
    static const struct example raw[] = {
        { "  a   b  ", "  a   b  " },
        { "%[path]", "/a b?\"#\x01\xe9" },
        { "%{+Q}[path]", "\"/a b?\"#\x01\xe9\"" },
        { "<%[str('')]>", "<>" },
    };
    static const struct example ids[] = {
        { " %{+X}o %ci:%cp", "C00002FF:04D2" },
        { "%[str('')]", "-" },
    };
    (void)state;
    check_all(cases, sizeof(cases) / sizeof(cases[0]), EXPR_FORMAT_TEXT);
    check_all(raw, sizeof(raw) / sizeof(raw[0]), EXPR_FORMAT_RAW);
    check_all(ids, sizeof(ids) / sizeof(ids[0]), EXPR_FORMAT_ID);
}

static void encodings(void **state)
{
    static const struct example cases[] = {
        { "%{+json}o text %(r)r %cp %(port)cp", "{\"r\": \"/a b?\\\"#\\u0001\\u00E9\", \"port\": 1234}" },
        { "%{+json}o", "{}" },
        { "%{+json}o%(b)B", "{\"b\": 200}" },
        { "%{+json}o%(b:str)B %(c:bool)cp", "{\"b\": \"200\", \"c\": true}" },
        { "%{+json}o%(x)[str(a)] %(y)[str('')] %(z)[bool(0)] %(i)[int(-7)]",
          "{\"x\": \"a\", \"y\": \"\", \"z\": false, \"i\": -7}" },
        { "%{+json}o%(ip)ci %(l)hrl", "{\"ip\": \"192.0.2.255\", \"l\": [\"x{1}\", null, \"z\"]}" },
        { "%{+json}o%(p)[str(\xc3\xa9\xc2\x85\xff)]", "{\"p\": \"\\u00C3\\u00A9\\u00C2\\u0085\\u00FF\"}" },
        { "%{+json,+utf8}o%(p)[str(\xc3\xa9\xc2\x85\xff\xed\xa0\x80\xe2\x82\xac)]",
          "{\"p\": \"\xc3\xa9\\u0085\\u00FF\\u00ED\\u00A0\\u0080\xe2\x82\xac\"}" },
        { "a %{+json}[str(q\\\\b)] %{+json}cp b", "a \"q\\\\b\" 1234 b" },
        { "%{+cbor}o%(a)[int(5)]%(b)[int(-500)]%(c)[str(hi)]%(d)[bool(1)]", "BF61610561623901F3616362686961"
                                                                            "64F5FF" },
        { "%{+cbor}[int(4294967296)] %{+cbor}[int(70000)] %{+cbor}[int(200)]", "1B0000000100000000 1A00011170 18C8" },
        { "%{+cbor}hrl", "9F64787B317DF6617A"
                         "FF" },
        { "%{+cbor}[str(\xff)]", "41FF" },
    };
    (void)state;
    check_all(cases, sizeof(cases) / sizeof(cases[0]), EXPR_FORMAT_LOG);
}

static void binary(void **state)
{
    struct toy_config toy;
    char out[64];
    (void)state;
    toy_init(&toy);
    const struct expr_format *format = parse(&toy, "%{+bin}o%[req.payload]", EXPR_FORMAT_LOG, EXPR_AT_REQUEST_HEAD);
    assert_non_null(format);
    assert_int_equal(expr_format_write(format, toy_subject(&request), out, sizeof(out), NULL), 7);
    assert_memory_equal(out, "\0Hello\n", 7);
    format = parse(&toy, "%{+cbor,+bin}o%(a)[req.payload]", EXPR_FORMAT_LOG, EXPR_AT_REQUEST_HEAD);
    assert_non_null(format);
    assert_int_equal(expr_format_write(format, toy_subject(&request), out, sizeof(out), NULL), 12);
    assert_memory_equal(out, "\xbf\x61\x61\x47\0Hello\n\xff", 12);
    toy_fini(&toy);
}

// What is wrong, and the column the caret stands at: the string begins at column 4.
static void errors(void **state)
{
    static const struct {
        const char *text;
        const char *says;
        uint32_t column;
    } cases[] = {
        { "%", "a lone '%' is written '%%'", 4 },
        { "ab%", "a lone '%' is written '%%'", 6 },
        { "% ci", "a lone '%' is written '%%'", 4 },
        { "%1", "is expected after '%'", 4 },
        { "%{", "'}' of these flags is missing", 5 },
        { "%{+Q", "'}' of these flags is missing", 5 },
        { "%{+Q}", "is expected after '%{+Q}'", 4 },
        { "%{+Q} ci", "is expected after '%{+Q}'", 4 },
        { "%{Z}ci", "unknown flag 'Z'", 6 },
        { "%{+Q,+Z}ci", "unknown flag '+Z'", 9 },
        { "%{+Q+E}ci", "unknown flag '+Q+E'", 6 },
        { "a %foo", "unknown alias '%foo'", 6 },
        { "a %cip", "did you mean '%c", 6 },
        { "%(a", "')' of this item's name is missing", 5 },
        { "%(a:int)cp", "unknown type 'int'", 8 },
        { "%(a b)cp", "letters, digits", 7 },
        { "%(a)%", "is expected after '%(a)'", 4 },
        { "%[", "a fetch is expected", 6 },
        { "%[src", "']' of this expression is missing", 5 },
        { "%ci %[nope]", "unknown fetch 'nope'", 10 },
        { "%[src,nope]", "unknown converter 'nope'", 10 },
        { "%[src ]", "a ']' is expected here", 9 },
        { "x%[status]", "not available here", 7 },
        { "%ID", "alias '%ID' is not available here", 4 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct toy_config toy;
        uint32_t column;
        toy_init(&toy);
        assert_null(parse(&toy, cases[i].text, EXPR_FORMAT_LOG, EXPR_AT_REQUEST_HEAD));
        const char *says = toy_message(&toy, &column);
        if (!strstr(says, cases[i].says) || column != cases[i].column)
            fail_msg("%s: %u: %s", cases[i].text, column, says);
        toy_fini(&toy);
    }
}

// Whatever the room, no more is written, and no escape is cut in two.
static void cuts(void **state)
{
    struct toy_config toy;
    char whole[256], out[256];
    bool cut;
    (void)state;
    toy_init(&toy);
    const struct expr_format *format =
        parse(&toy, "%ci %r %hr %{+Q}[path]%{+json}[path]", EXPR_FORMAT_LOG, EXPR_AT_LOG);
    assert_null(format);
    format = parse(&toy, "%ci %r %hr %{+Q}[path]%{+json}[path]", EXPR_FORMAT_LOG, EXPR_AT_REQUEST_HEAD);
    assert_non_null(format);
    size_t len = expr_format_write(format, toy_subject(&request), whole, sizeof(whole), &cut);
    assert_false(cut);
    for (size_t cap = 0; cap < len; cap++) {
        memset(out, '@', sizeof(out));
        size_t got = expr_format_write(format, toy_subject(&request), out, cap, &cut);
        assert_true(cut && got <= cap);
        assert_memory_equal(out, whole, got);
        assert_int_equal(out[cap], '@');
    }
    toy_fini(&toy);
}

static void facts(void **state)
{
    struct toy_config toy;
    (void)state;
    toy_init(&toy);
    const struct expr_format *format = parse(&toy, "a  b%%", EXPR_FORMAT_LOG, EXPR_AT_LOG);
    assert_true(slice_equal(expr_format_const(format), SLICE("a b%")));
    assert_false(expr_format_needs_stream(format));
    assert_null(expr_format_http(format));
    format = parse(&toy, "%ci", EXPR_FORMAT_LOG, EXPR_AT_LOG);
    assert_null(expr_format_const(format).ptr);
    assert_false(expr_format_needs_stream(format));
    format = parse(&toy, "%r%ID", EXPR_FORMAT_LOG, EXPR_AT_LOG);
    assert_true(expr_format_needs_stream(format));
    assert_string_equal(expr_format_http(format), "r");
    struct expr_subject *subject = toy_subject(&request);
    format = parse(&toy, "%cp%[str(x)]", EXPR_FORMAT_TEXT, EXPR_AT_REQUEST_HEAD);
    assert_true(slice_equal(expr_format_make(format, subject), SLICE("1234x")));
    assert_int_equal(subject->process->scratch.len, 5);
    subject->process->scratch.len = subject->process->scratch.cap - 6;
    assert_null(expr_format_make(format, subject).ptr);
    toy_fini(&toy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_lines), cmocka_unit_test(texts), cmocka_unit_test(encodings), cmocka_unit_test(binary),
        cmocka_unit_test(errors),    cmocka_unit_test(cuts),  cmocka_unit_test(facts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
