// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/check.h"
#include "config/config.h"
#include "log/log.h"

// What reading one line leaves behind.
struct reading {
    struct arena arena;
    struct config_diag diag;
    struct config config;
    struct log_target *target;
};

// Reads the arguments `text`, words set apart by single spaces, of a line "log TEXT".
static void read_line(struct reading *reading, const char *text)
{
    struct config_arg args[16] = { { .str = "log", .len = 3, .column = 1 } };
    arena_init(&reading->arena);
    config_diag_init(&reading->diag, &reading->arena);
    config_init(&reading->config, &reading->arena, &reading->diag, NULL);
    const char *line_text = arena_printf(&reading->arena, "log %s", text);
    struct config_line line = {
        .place = { .file = "test", .line = 1, .column = 1, .text = line_text }, .args = args, .num_args = 1, .first = 1
    };
    for (struct slice rest = slice_str(text); rest.len; line.num_args++) {
        size_t len = slice_find(rest, ' ');
        args[line.num_args] = (struct config_arg){ .str = arena_copy(&reading->arena, rest.ptr, len),
                                                   .len = (uint32_t)len,
                                                   .column = 5 + (uint32_t)(rest.ptr - text) };
        rest = slice_from(rest, len + 1);
    }
    reading->target = log_target_parse(&reading->config, &line, 0);
}

static void end(struct reading *reading)
{
    config_fini(&reading->config);
    arena_fini(&reading->arena);
}

static void good(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        struct log_target want;
    } cases[] = {
        { "127.0.0.1 local0", { .max_len = 1024, .format = LOG_FORMAT_UNSET, .facility = 16, .max_level = 7 } },
        { "127.0.0.1:514 kern emerg", { .max_len = 1024, .format = LOG_FORMAT_UNSET } },
        { "/dev/log len 80 local7 info debug",
          { .max_len = 80, .format = LOG_FORMAT_UNSET, .facility = 23, .max_level = 6, .min_level = 7 } },
        { "stdout format raw daemon", { .max_len = 1024, .format = LOG_FORMAT_RAW, .facility = 3, .max_level = 7 } },
        { "stderr len 65535 format rfc5424 cron2 notice err",
          { .max_len = 65535, .format = LOG_FORMAT_RFC5424, .facility = 15, .max_level = 5, .min_level = 3 } },
        { "fd@3 format local audit", { .max_len = 1024, .format = LOG_FORMAT_LOCAL, .facility = 13, .max_level = 7 } },
        { "udp@127.0.0.1 format rfc3164 auth2",
          { .max_len = 1024, .format = LOG_FORMAT_RFC3164, .facility = 10, .max_level = 7 } },
        { "stdout format priority user",
          { .max_len = 1024, .format = LOG_FORMAT_PRIORITY, .facility = 1, .max_level = 7 } },
        { "stdout format short user", { .max_len = 1024, .format = LOG_FORMAT_SHORT, .facility = 1, .max_level = 7 } },
        { "stdout format timed user", { .max_len = 1024, .format = LOG_FORMAT_TIMED, .facility = 1, .max_level = 7 } },
        { "stdout format iso user", { .max_len = 1024, .format = LOG_FORMAT_ISO, .facility = 1, .max_level = 7 } },
    };
    for (size_t i = 0; i < NUM_ITEMS(cases); i++) {
        struct reading reading;
        read_line(&reading, cases[i].text);
        if (!reading.target || reading.diag.num_errors)
            fail_msg("refused: %s", cases[i].text);
        assert_int_equal(reading.target->max_len, cases[i].want.max_len);
        assert_int_equal(reading.target->format, cases[i].want.format);
        assert_int_equal(reading.target->facility, cases[i].want.facility);
        assert_int_equal(reading.target->max_level, cases[i].want.max_level);
        assert_int_equal(reading.target->min_level, cases[i].want.min_level);
        end(&reading);
    }
}

static void bad(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
        uint32_t column; // 0: not checked
    } cases[] = {
        { "", "missing", 0 },
        { "127.0.0.1", "facility is missing", 0 },
        { "127.0.0.1:99999 local0", "invalid port '99999'", 5 },
        { "127.0.0.1 len 79 local0", "", 19 },
        { "127.0.0.1 len 65536 local0", "", 19 },
        { "127.0.0.1 len", "", 0 },
        { "127.0.0.1 format foo local0", "foo", 22 },
        { "127.0.0.1 format rfc5425 local0", "rfc5424", 22 },
        { "127.0.0.1 format", "log format is missing", 0 },
        { "127.0.0.1 format raw len 80 local0", "the order is", 26 },
        { "127.0.0.1 sample", "size of a sample are missing", 0 },
        { "127.0.0.1 sample 1 local0", "the size of the sample is missing", 22 },
        { "127.0.0.1 sample 1:0 local0", "the size of the sample is missing", 22 },
        { "127.0.0.1 sample 0:2 local0", "between 1 and its size, 2", 22 },
        { "127.0.0.1 sample 1,3:2 local0", "between 1 and its size, 2", 22 },
        { "127.0.0.1 sample 2-1:2 local0", "between 1 and its size, 2", 22 },
        { "127.0.0.1 sample 4,3-5:9 local0", "overlap at '3-5'", 22 },
        { "127.0.0.1 sample x:9 local0", "'x' is no range", 22 },
        { "127.0.0.1 profile", "name of a log-profile is missing", 0 },
        { "127.0.0.1 Local0", "local0", 15 },
        { "127.0.0.1 local9", "local9", 15 },
        { "127.0.0.1 local0 inf", "info", 22 },
        { "127.0.0.1 local0 info x", "x", 27 },
        { "127.0.0.1 local0 info debug foo", "unexpected argument 'foo'", 33 },
    };
    for (size_t i = 0; i < NUM_ITEMS(cases); i++) {
        struct reading reading;
        read_line(&reading, cases[i].text);
        if (reading.target || reading.diag.num_errors != 1)
            fail_msg("accepted: %s", cases[i].text);
        const struct config_message *message = reading.diag.first;
        if (!strstr(message->text, cases[i].says))
            fail_msg("%s: %s", cases[i].text, message->text);
        if (cases[i].column && message->place.column != cases[i].column)
            fail_msg("%s: column %u: %s", cases[i].text, message->place.column, message->text);
        end(&reading);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good),
        cmocka_unit_test(bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
