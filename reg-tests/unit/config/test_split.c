// SPDX-License-Identifier: Apache-2.0
// Lines into words: quotes, escapes, comments, variables, and the column of each word.
#include "config/reader.h"

// Splits `raw` and writes the words as "<column>:<word>|...".
static void assert_split(const char *raw, const char *expected)
{
    struct reader reader;
    reader_init(&reader);
    struct config_env *env = reader.config.env;
    config_env_set(env, "A", "x y  z", true);
    config_env_set(env, "EMPTY", "", true);
    config_env_set(env, "PADDED", " lead trail ", true);
    config_env_set(env, "QUOTED", "a\"b c\\ d $A", true);
    config_env_unset(env, "UNSET");
    reader.config.section_name = "www";
    struct config_line line;
    struct config_place place = { .file = "f.cfg", .line = 7, .text = raw };
    struct text got;
    text_init(&got);
    if (!config_line_split(&reader.config, &line, place, strlen(raw)))
        text_printf(&got, "error %u+%u: %s", reader.diag.first->place.column, reader.diag.first->place.length,
                    reader.diag.first->text);
    for (uint32_t i = 0; i < line.num_args && !reader.diag.num_errors; i++)
        text_printf(&got, "%s%u:%s", i ? "|" : "", line.args[i].column, line.args[i].str);
    text_add(&got, "", 0);
    assert_string_equal(got.ptr, expected);
    text_fini(&got);
    reader_fini(&reader);
}

static void test_words(void **state)
{
    (void)state;
    assert_split("", "");
    assert_split("  \t ", "");
    assert_split("# all comment", "");
    assert_split("a b", "1:a|3:b");
    assert_split("  a\t\tb  ", "3:a|6:b");
    assert_split("a#b c", "1:a");
    assert_split("global#this", "1:global");
    assert_split("log-format $x ${y}", "1:log-format|12:$x|15:${y}");
}

static void test_escapes(void **state)
{
    (void)state;
    assert_split("a\\ b", "1:a b");
    assert_split("a\\\tb", "1:a\tb");
    assert_split("a\\#b \\\\ \\' \\\"", "1:a#b|6:\\|9:'|12:\"");
    assert_split("\\n\\r\\t\\x41\\x7a", "1:\n\r\tAz");
    // A backslash before anything else stands for itself, as regular expressions need it.
    assert_split("^/a\\.b\\d+\\$", "1:^/a\\.b\\d+\\$");
    assert_split("a\\", "1:a\\");
    assert_split("x \\x4", "error 3+3: truncated or invalid hexadecimal sequence '\\x4', expected \\xNN");
    assert_split("x a\\xZZb", "error 4+4: truncated or invalid hexadecimal sequence '\\xZZ', expected \\xNN");
    assert_split("x \\x00", "error 3+4: a NUL character (\\x00) cannot be part of a word");
}

static void test_quotes(void **state)
{
    (void)state;
    assert_split("'a b' \"c d\"", "1:a b|7:c d");
    assert_split("'' \"\"", "1:|4:");
    assert_split("a'b c'd\"e f\"g", "1:ab cde fg");
    assert_split("'a\\n#$A\"'", "1:a\\n#$A\"");
    assert_split("\"a\\\"b'#\\\\\\$A\\ \\n\"", "1:a\"b'#\\$A \n");
    assert_split("log-format \"%{+Q}o %t\"' %s'\\ %{-Q}r", "1:log-format|12:%{+Q}o %t %s %{-Q}r");
    assert_split("a 'b", "error 3+1: unmatched quote");
    assert_split("a \"b\\\"", "error 3+1: unmatched quote");
}

static void test_variables(void **state)
{
    (void)state;
    assert_split("\"$A\"", "1:x y  z");
    assert_split("\"<${A}>\"b", "1:<x y  z>b");
    assert_split("\"$A.b$EMPTY/\"", "1:x y  z.b/");
    assert_split("'$A' $A", "1:$A|6:$A");
    assert_split("\"$UNSET\" \"$EMPTY\"", "1:|10:");
    assert_split("\"${UNSET-127.0.0.1}:514\"", "1:127.0.0.1:514");
    assert_split("\"${EMPTY-unused}\"", "1:");
    assert_split("\"${UNSET-}x\"", "1:x");
    assert_split("\"${UNSET-a b[*]$A\\n}\"", "1:a b[*]$A\\n");
    // What comes out of a variable is not looked at again.
    assert_split("\"$QUOTED\"", "1:a\"b c\\ d $A");
    assert_split("\"$.FILE:${.LINE}\" \"${.SECTION}\"", "1:f.cfg:7|19:www");
}

static void test_lists(void **state)
{
    (void)state;
    assert_split("bind \"${A[*]}\" ssl", "1:bind|7:x|7:y|6:z|16:ssl");
    assert_split("pre\"${A[*]}\"post", "1:prex|5:y|5:zpost");
    assert_split("a \"${EMPTY[*]}\" b", "1:a|17:b");
    assert_split("a z\"${EMPTY[*]}\"x", "1:a|3:zx");
    assert_split("z\"${PADDED[*]}\"", "1:z|3:lead|3:trail");
    assert_split("\"${UNSET[*]-p q}\"", "2:p|1:q");
    assert_split("\"${QUOTED[*]}\"", "2:a\"b|2:c\\|2:d|1:$A");
}

static void test_variable_errors(void **state)
{
    (void)state;
    assert_split("\"$\"",
                 "error 3+1: a variable's name begins with a letter or '_'; a plain dollar is written \\$ here");
    assert_split("\"${1A}\"",
                 "error 4+1: a variable's name begins with a letter or '_'; a plain dollar is written \\$ here");
    assert_split("a \"${A\"", "error 4+3: unmatched brace in the variable 'A'");
    assert_split("a \"${A b}\"", "error 4+3: unmatched brace in the variable 'A'");
    assert_split("a \"${A[0]}\"", "error 7+1: truncated or invalid word expansion sequence, expected [*]");
    assert_split("\"$.FOO\"", "error 3+4: unknown pseudo-variable; there are .FILE, .LINE and .SECTION");
}

static void test_nul_and_bounds(void **state)
{
    (void)state;
    struct reader reader;
    reader_init(&reader);
    config_read_text(&reader.config, "t", slice_of("global\n ab\0c\n", 13));
    assert_string_equal(reader.diag.first->text, "NUL character in the line");
    assert_int_equal(reader.diag.first->place.column, 4);
    reader_fini(&reader);

    // A variable that doubles with each line must not take the machine's memory.
    reader_init(&reader);
    config_env_set(reader.config.env, "X", "0123456789abcdef", true);
    struct text text;
    text_init(&text);
    text_printf(&text, "global\n");
    for (int i = 0; i < 40; i++)
        text_printf(&text, " setenv X \"$X$X\"\n");
    config_read_text(&reader.config, "t", slice_of(text.ptr, text.len));
    assert_int_equal(reader.diag.num_errors, 25);
    assert_string_equal(reader.diag.first->text, "line is longer than 1048576 bytes once its variables are expanded");
    text_fini(&text);
    reader_fini(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),          cmocka_unit_test(test_escapes), cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_variables),      cmocka_unit_test(test_lists),   cmocka_unit_test(test_variable_errors),
        cmocka_unit_test(test_nul_and_bounds),
    };
    return cmocka_run_group_tests_name("config split", tests, NULL, NULL);
}
